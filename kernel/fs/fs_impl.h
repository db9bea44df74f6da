// SPDX-License-Identifier: BSD-2-Clause
//
// What NrFS has once, beside the replicated structure: anchors, numbers, memory. Private.
#pragma once

#include "state.h"

#include <kernel/spinlock.h>
#include <nr/nr.h>

/* How an inode is held; fs.c has the protocol. */
#define ANCHOR_ORPHAN (UINT64_C(1) << 63) /* it has no name, and never will */
#define ANCHOR_DEAD   (UINT64_C(1) << 62) /* nobody holds it, and nobody ever will */

/* Exists once for each inode, in the memory of the node that made it. */
struct fs_anchor {
    struct spinlock lock;   /* who changes the file's data or size */
    _Atomic uint64_t holds; /* files open, and ANCHOR_ bits */
    struct fs_anchor *next; /* [global: fs.graves_lock] among those that wait to be freed */
};

struct fs {
    struct fs_config config;            /* [const] */
    struct nr *nr;                      /* [const] after fs_attach */
    struct fs_anchor *root;             /* [const] */
    struct detmem *detmem[FS_MAX_LOGS]; /* [const] one for each log */
    _Atomic uint64_t next_number;       /* of an inode or an entry */
    _Atomic uint64_t inodes, retries, refused;
    struct spinlock graves_lock;
    struct fs_anchor *graves; /* [global: graves_lock] */
    unsigned n_graves;        /* [global: graves_lock] */
};

/* --- fs.c --- */

/* fs_number - a number that nothing had before. */
uint64_t fs_number(struct fs *fs);

/* fs_anchor_new - with @holds; NULL: no memory. fs_anchor_free - one that no replica knows. */
struct fs_anchor *fs_anchor_new(struct fs *fs, uint64_t holds);
void fs_anchor_free(struct fs *fs, struct fs_anchor *anchor);

/* fs_anchor_hold - one more file open, unless the inode is dead. */
bool fs_anchor_hold(struct fs_anchor *anchor);

/* fs_orphan - the inode that an operation took the last name of: free it, unless it is open. */
void fs_orphan(const struct fs_call *call, const struct fs_answer *answer);

/* fs_sync - bring all replicas up to date. */
void fs_sync(struct fs *fs);

/* --- replicate.c --- */

/* fs_reserve, fs_cancel - memory for an operation on all replicas; KERR_FS_FULL. */
MUST_CHECK kerr_t fs_reserve(struct fs *fs, const struct fs_op *op);
void fs_cancel(struct fs *fs, const struct fs_op *op);

/* fs_execute - apply an operation on all replicas; for one that was reserved, if it needs memory.
 */
struct fs_answer fs_execute(const struct fs_call *call, const struct fs_op *op);

/* fs_ask - put a query to this core's replica. */
struct fs_result fs_ask(const struct fs_call *call, const struct fs_query *query);

/* --- page.c --- */

/* fs_page_new - a frame of this core's node; 0: no memory. Its contents are random. */
uint64_t fs_page_new(struct fs *fs);
void fs_page_free(struct fs *fs, uint64_t frame);

/* fs_page_store, fs_page_load, fs_page_clear - copy to or from a page, or clear it, at @at, while
 * others may do the same. */
void fs_page_store(uint64_t frame, size_t at, const void *from, size_t n);
void fs_page_load(uint64_t frame, size_t at, void *to, size_t n);
void fs_page_clear(uint64_t frame, size_t at, size_t n);

/* --- data.c --- */

/* fs_drop_pages - remove and free all pages from number @first on, which nobody reads any more. */
void fs_drop_pages(const struct fs_call *call, uint64_t ino, uint64_t first);

/* --- path.c --- */

enum fs_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* What to do when the last name is that of a link. */
enum fs_walk_flags {
    WALK_FOLLOW = 1,       /* follow it */
    WALK_FOLLOW_SLASH = 2, /* follow it if '/' comes after it */
};

/* Where a path ends: in directory `dir`, with a name. */
struct fs_place {
    uint64_t dir;
    struct bytes name; /* LAST_NAME; lives until fs_walk_end() */
    uint32_t last;     /* enum fs_last */
    bool slash;        /* '/' comes after it */
    bool is_there;     /* LAST_NAME: `found` says what it names */
    struct fs_found found;
    void *buffer;
};

/* fs_walk - go along a path up to its last name. fs_walk_end() comes after it, also if it failed.
 * KERR_AGAIN: the tree changed on the way, begin anew. */
MUST_CHECK kerr_t fs_walk(const struct fs_call *call, const struct fs_path *at, unsigned flags,
                          struct fs_place *place);
void fs_walk_end(struct fs *fs, struct fs_place *place);

/* fs_resolve - what a path names, to its end. KERR_AGAIN as above. */
MUST_CHECK kerr_t fs_resolve(const struct fs_call *call, const struct fs_path *at,
                             enum fs_follow follow, struct fs_found *found);

/* fs_parent - of a directory; KERR_NOT_FOUND. */
MUST_CHECK kerr_t fs_parent(const struct fs_call *call, uint64_t ino, uint64_t *parent);

/* --- open.c --- */

/* fs_hold - open the inode; KERR_AGAIN: it is gone. */
MUST_CHECK kerr_t fs_hold(const struct fs_call *call, uint64_t ino, uint32_t flags,
                          struct fs_file *file);

/* --- tree.c --- */

struct fs_new_inode {
    uint32_t kind, mode;
    uint64_t size, frame; /* of a link's target */
    uint64_t holds;       /* files that are open from the beginning */
};

/* fs_make - make an inode at a place with LAST_NAME, and say which. KERR_EXISTS; KERR_AGAIN: the
 * directory is gone; KERR_FS_FULL. On errors nothing was made, and the frame is still the
 * caller's. */
MUST_CHECK kerr_t fs_make(const struct fs_call *call, const struct fs_place *place,
                          const struct fs_new_inode *inode, struct fs_file *made);
