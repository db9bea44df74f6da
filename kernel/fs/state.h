// SPDX-License-Identifier: BSD-2-Clause
//
// The replicated structure of NrFS: inodes and directories, with the operations and queries on
// them. Private to this directory, and to tests that look inside. docs/nrfs.md has the theory.
#pragma once

#include <base/btree.h>
#include <base/hash.h>
#include <kernel/detmem.h>
#include <kernel/fs.h>

/* File pages that one operation brings in, and one query moves or names. The log has room for this
 * many beside the rest; and it bounds how long a query keeps writers waiting (128 KiB copied). */
#define FS_BATCH 32

/* Key of a directory entry: 46 bits of the name's hash, then the number within the entries that
 * share it, so that a key stays the position of its entry as long as that lives. */
#define GROUP_BITS 16

struct inode { /* [log] its shard's */
    uint64_t ino;
    struct fs_anchor *anchor; /* [const] what exists once */
    uint32_t kind;            /* [const] enum fs_kind */
    uint32_t mode, uid, gid;
    uint64_t links; /* names; 0 for ever once it is 0. Directories: 2 and one for each below */
    uint64_t size;  /* of a directory: 0 */
    int64_t atime, mtime, ctime;
    uint64_t parent;   /* of a directory */
    struct btree tree; /* page number to frame; of a directory: key to struct dir_entry */
};

struct dir_entry {  /* [log] its directory's */
    uint64_t ino;   /* [const] all */
    uint64_t stamp; /* tells it from an earlier entry with the same key */
    uint8_t kind;
    uint8_t len;
    char name[];
};

struct fs_shard {
    _Alignas(CACHE_APART) struct btree inodes; /* [log] number to struct inode */
    struct detmem_pool *pool;                  /* [replica] */
};

struct fs_state {      /* [replica] */
    struct fs *fs;     /* [const] */
    unsigned n_shards; /* [const] as many as logs */
    struct fs_shard shards[FS_MAX_LOGS];
};

/* fs_shard_of - the shard and log of an inode. */
static inline unsigned fs_shard_of(uint64_t ino, unsigned n_shards)
{
    return (unsigned)(hash_u64(ino) % n_shards);
}

/* --- Operations --- */

enum fs_op_kind {
    FS_OP_CREATE, /* inode `ino` with its first name */
    FS_OP_LINK,   /* one more name */
    FS_OP_UNLINK, /* entry `old` goes, of a file, link or empty directory */
    FS_OP_RENAME, /* entry `old` becomes another one, which may replace `victim` */
    FS_OP_SET,    /* attributes */
    FS_OP_WRITE,  /* pages come in, the size grows */
    FS_OP_RESIZE,
    FS_OP_DROP,   /* pages go */
    FS_OP_FORGET, /* the inode goes: nobody holds it, it has no names and no pages */
};

/* A name that an operation makes. */
struct fs_new_name {
    uint64_t dir;
    uint64_t key; /* the first of its group */
    uint64_t stamp;
    uint32_t len;
    char text[FS_NAME_MAX + 1];
};

/* An entry that was looked up before. */
struct fs_old_name {
    uint64_t dir, key, stamp;
};

struct fs_op_create {
    struct fs_new_name name;
    struct fs_anchor *anchor;
    uint64_t size, frame; /* of a link: its target and where that lies */
    uint32_t mode, uid, gid;
};

struct fs_op_rename {
    struct fs_new_name name;
    struct fs_old_name old;
    uint64_t victim; /* what the new name stood for; 0: nothing */
};

struct fs_op_write {
    uint64_t size;  /* at least that much from now on */
    uint64_t first; /* number of the first page */
    uint32_t n;
    uint64_t frames[FS_BATCH]; /* 0: this page is there already */
};

struct fs_op {
    uint32_t kind;
    uint32_t inode_kind; /* of `ino`, where names are made or go */
    uint64_t ino;
    int64_t now;
    union {
        struct fs_op_create create;
        struct fs_new_name link;
        struct fs_old_name unlink;
        struct fs_op_rename rename;
        struct fs_attributes set;
        struct fs_op_write write;
        uint64_t size;
        struct {
            uint64_t first, last;
        } drop;
    };
};

/* Without padding: replicas' answers are compared by their bytes. */
struct fs_answer {
    kerr_t err;
    uint32_t orphaned; /* the last name of this inode went: */
    uint64_t ino;
    struct fs_anchor *anchor;
};

/* fs_state_apply - total and deterministic. KERR_AGAIN: something is not as it was when the
 * operation was decoded; any error: nothing has changed. */
struct fs_answer fs_state_apply(struct fs_state *state, const struct fs_op *op);

/* fs_state_op_logs - the shards that an operation touches, as bits. */
uint64_t fs_state_op_logs(const struct fs_op *op, unsigned n_shards);

/* fs_op_demand - what apply can need at most of the memory of @shard. */
struct detmem_demand fs_op_demand(const struct fs_op *op, unsigned shard, unsigned n_shards);

/* The kinds of objects in deterministic memory. */
extern const struct detmem_kind fs_detmem_kinds[];
extern const unsigned fs_n_detmem_kinds;

/* --- Queries --- */

enum fs_query_kind {
    FS_ASK_NAME,    /* name in directory `ino` -> struct fs_found; KERR_AGAIN: no such directory */
    FS_ASK_PARENT,  /* -> value */
    FS_ASK_STAT,    /* -> struct fs_stat */
    FS_ASK_HOLD,    /* -> struct fs_file, held; KERR_AGAIN: gone */
    FS_ASK_DATA,    /* copies `len` bytes from `offset` to `out` -> value: bytes */
    FS_ASK_PAGES,   /* -> struct fs_pages from page `offset` to page `offset + len - 1` */
    FS_ASK_ENTRIES, /* up to `len` entries from position `offset` -> value: how many */
};

struct fs_query {
    uint32_t kind;
    uint32_t unused;
    uint64_t ino;
    uint64_t offset, len;
    struct bytes name;
    void *out;
};

struct fs_result {
    kerr_t err;
    uint64_t value;
};

struct fs_found {
    uint64_t ino, key, stamp;
    uint32_t kind;
};

struct fs_pages {
    uint64_t size;
    int64_t mtime, ctime;
    uint32_t n;
    struct {
        uint64_t number, frame;
    } page[FS_BATCH]; /* ascending; holes are left out */
};

struct fs_result fs_state_read(const struct fs_state *state, const struct fs_query *query);

/* --- Inside --- */

/* Visits the entries of a B-tree; the body does not add or remove any. */
#define fs_for_each(at, tree)                                                \
    for (struct btree_cursor at = btree_first(tree); btree_cursor_valid(at); \
         btree_cursor_next(&(at)))

/* fs_entry_at, fs_inode_at - what a value in a directory or in a shard stands for. */
static inline struct dir_entry *fs_entry_at(struct btree_cursor at)
{
    return (struct dir_entry *)*btree_cursor_value(at);
}

static inline struct inode *fs_inode_at(struct btree_cursor at)
{
    return (struct inode *)*btree_cursor_value(at);
}

/* fs_inode - the inode with this number, or NULL. */
struct inode *fs_inode(const struct fs_state *state, uint64_t ino);

/* fs_live_directory - the same, if it is a directory that was not removed. */
struct inode *fs_live_directory(const struct fs_state *state, uint64_t ino);

/* fs_pool - the memory of an inode's shard. */
struct allocator *fs_pool(const struct fs_state *state, uint64_t ino);

/* fs_inode_add, fs_inode_remove - allocate and insert a zeroed inode with this number (NULL: no
 * memory, only outside of operations); remove and free it with its tree. */
struct inode *fs_inode_add(struct fs_state *state, uint64_t ino);
void fs_inode_remove(struct fs_state *state, struct inode *inode);

/* fs_name_group - first key of the entries with this name's hash. */
uint64_t fs_name_group(uint64_t seed, struct bytes name);

/* fs_dir_find - the entry with this name, or NULL; *key allows NULL. */
struct dir_entry *fs_dir_find(const struct inode *dir, uint64_t group, struct bytes name,
                              uint64_t *key);

/* fs_dir_at - the entry that was looked up before, or NULL if it is gone. */
struct dir_entry *fs_dir_at(const struct inode *dir, const struct fs_old_name *old);

/* fs_dir_slot - a free key of the group; false: all 65536 are taken. */
bool fs_dir_slot(const struct inode *dir, uint64_t group, uint64_t *key);

/* fs_dir_add - insert an entry, for which the operation has reserved memory. */
void fs_dir_add(struct fs_state *state, struct inode *dir, const struct fs_new_name *name,
                const struct inode *inode, uint64_t key);

/* fs_dir_remove - remove and free an entry that is there. */
void fs_dir_remove(struct fs_state *state, struct inode *dir, uint64_t key);

/* fs_dir_entry_size - bytes of an entry with a name of @len. */
size_t fs_dir_entry_size(size_t len);

/* fs_dir_list - answer FS_ASK_ENTRIES. */
struct fs_result fs_dir_list(const struct fs_state *state, const struct fs_query *query);

/* The parts of fs_state_apply: names.c. */
struct fs_answer fs_create_apply(struct fs_state *state, const struct fs_op *op);
struct fs_answer fs_link_apply(struct fs_state *state, const struct fs_op *op);
struct fs_answer fs_unlink_apply(struct fs_state *state, const struct fs_op *op);
struct fs_answer fs_rename_apply(struct fs_state *state, const struct fs_op *op);

/* The life of a replica, as struct nr_type has it. */
int fs_state_init(struct fs_state *state, void *arg);
void fs_state_fini(struct fs_state *state);
int fs_state_clone(struct fs_state *to, const struct fs_state *from, void *arg);
