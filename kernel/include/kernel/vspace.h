// SPDX-License-Identifier: BSD-2-Clause
//
// Address spaces: what a process may touch (a tree of regions) and what is there (a page table).
//
// A struct vspace is a replica's copy of one space: a sequential structure, to be part of whatever
// is replicated. Operations are made before the log (vspace_decode), applied by each replica
// (vspace_apply), and the caller acts on the answer: it flushes, then releases frames. The
// functions of vspace_user.h do all three. docs/address-spaces.md has the theory.
#pragma once

#include <base/btree.h>
#include <kernel/config.h>
#include <kernel/detmem.h>
#include <kernel/page_table.h>

/* User addresses. The lowest 64 KiB stay unmapped, so that small offsets from NULL fault; so does
 * the last page of the lower half, as a system call there would return to an address that is
 * neither of the user nor of the kernel. */
#define VSPACE_START UINT64_C(0x10000)
#define VSPACE_END   UINT64_C(0x7ffffffff000)

enum {
    /* Of a space. A bound is needed for the height of the tree, which bounds the memory of an
     * operation; a million is 16 times what Linux allows by default. */
    VSPACE_MAX_REGIONS = 1 << 20,
    VSPACE_PIECES = 16,      /* in an answer */
    VSPACE_MAX_LEAVES = 512, /* pages that one operation touches: a table */
    VSPACE_MAX_TOUCHED = 32, /* regions that one operation touches, but for the two it splits */
};

enum vspace_rights {
    VSPACE_READ = 1,
    VSPACE_WRITE = 2,
    VSPACE_EXECUTE = 4,
    VSPACE_ALL = 7,
};

/* What a region is made of. The first three have all their pages from the start, of frames that
 * are given; the others get each page by a fault. */
enum vspace_kind {
    VSPACE_FRAME,     /* frames of the process alone; a clone of the space copies on write */
    VSPACE_SHARED,    /* frames that other spaces or handles may have too; a clone has the same */
    VSPACE_DEVICE,    /* registers: uncached, nobody's frames, not in clones */
    VSPACE_ANONYMOUS, /* zeroes; copied on write */
    VSPACE_FILE_PRIVATE, /* pages of an object; copied on write */
    VSPACE_FILE_SHARED,  /* pages of an object, written by all who map it */
    VSPACE_KINDS,
};

struct vspace_region {
    vaddr_t start;
    vaddr_t end;
    uint64_t object; /* FILE: whatever the caller names it by */
    uint64_t offset; /* FILE: in the object, of the byte at `start` */
    uint8_t kind;    /* enum vspace_kind */
    uint8_t rights;  /* enum vspace_rights */
    uint8_t allowed; /* rights that the region can ever get */
    uint8_t unused[5];
};

/* --- Operations --- */

enum vspace_op_kind {
    VSPACE_MAP,         /* a region, with its pages unless lazily filled */
    VSPACE_UNMAP,       /* a range, as far as an answer has room */
    VSPACE_ADJUST,      /* the rights of a range, likewise */
    VSPACE_FILL,        /* pages into a region that has none there */
    VSPACE_BREAK,       /* make a copy-on-write page a page of its own */
    VSPACE_CLONE_BEGIN, /* hold everything else until CLONE_END */
    VSPACE_CLONE_STEP,  /* make pages of a range copy-on-write and name them */
    VSPACE_CLONE_END,
    VSPACE_CLOSE, /* UNMAP from va to the end of everything; then nothing but CLOSE comes */
    VSPACE_OPS,
};

/*
 * An operation; the members that a kind has no use for are zero. `core` is who operates. Each core
 * has flushed, everywhere, what its earlier operations on the space removed before it makes the
 * next one: tables that those unlinked are freed then.
 */
struct vspace_op {
    uint8_t kind;   /* enum vspace_op_kind */
    uint8_t region; /* MAP: enum vspace_kind; FILL: what it is expected to be */
    uint8_t rights; /* MAP, ADJUST */
    uint8_t allowed;
    uint8_t level; /* MAP: highest of its leaves; FILL: of its leaves */
    bool bare;     /* MAP: no pages, FILL brings them, in whatever kind: a clone is being made */
    bool cow;      /* FILL: the frames have other owners, who count on their contents */
    uint8_t unused;
    core_id_t core;
    uint32_t generation; /* BREAK: of the space when the frame was seen */
    uint64_t va;
    uint64_t size;
    uint64_t pa;     /* MAP, FILL: of the frames; BREAK: of the new frame, 0 to keep the old */
    uint64_t object; /* MAP, FILL */
    uint64_t offset; /* MAP, FILL: of the page at va */
    uint64_t expect; /* BREAK: the frame seen */
    struct detmem_demand demand; /* of vspace_decode */
};

/* Pages of one kind, contiguous in both spaces. */
struct vspace_piece {
    uint64_t va;
    uint64_t pa;
    uint32_t pages; /* of 4 KiB */
    uint8_t kind;   /* enum vspace_kind */
    uint8_t level;  /* of the leaves */
    uint8_t cow;
    uint8_t unused;
};

/* Without padding, and what is not used is zero: the determinism guard compares its bytes. */
struct vspace_answer {
    kerr_t err;
    uint8_t used;  /* FILL, BREAK: the frames of the operation belong to the space now */
    uint8_t flush; /* processors may have cached what holds no more about [va, next) */
    uint16_t n_pieces;
    uint64_t next; /* of operations on a range: they did [va, next), the rest is for the next one */
    uint32_t generation;
    uint32_t leaves; /* pages touched: few are flushed one by one */
    struct vspace_piece pieces[VSPACE_PIECES];
};

/* --- Questions --- */

/* What a fault at an address is. */
enum vspace_verdict {
    VSPACE_DENIED, /* nothing there, or not with these rights: a true fault */
    VSPACE_THERE,  /* the page table allows it: the processor saw an older one; go on */
    VSPACE_EMPTY,  /* make a page and FILL */
    VSPACE_COPY,   /* copy the page and BREAK */
    VSPACE_WAIT,   /* a clone is being made: later */
};

enum vspace_question {
    VSPACE_RESOLVE, /* what is at `va`, and what an access there means */
    VSPACE_REGION,  /* the region at `va` or the first above */
};

struct vspace_query {
    uint32_t question; /* enum vspace_question */
    uint32_t access;   /* RESOLVE: enum vspace_rights, those needed at once */
    uint64_t va;
};

struct vspace_result {
    kerr_t err;       /* KERR_NOT_FOUND: no region */
    uint32_t verdict; /* RESOLVE: enum vspace_verdict */
    struct vspace_region region;
    uint64_t pa;   /* of the byte at va; 0: no page */
    uint8_t level; /* of the page */
    uint8_t cow;
    uint8_t busy; /* a clone is being made, or the space ends */
    uint8_t unused;
    uint32_t generation;
};

/* --- The memory of spaces --- */

/* Objects that spaces allocate, for detmem_create(): among the kinds of the embedder's detmem each
 * of these must be the first kind that its size fits. */
#define VSPACE_REGION_KIND              \
    {                                   \
        sizeof(struct vspace_region), 8 \
    }
#define VSPACE_NODE_KIND              \
    {                                 \
        sizeof(struct btree_leaf), 64 \
    }
#define VSPACE_TABLE_KIND                                \
    {                                                    \
        sizeof(struct pt_table), sizeof(struct pt_table) \
    }

struct vspace_memory { /* [const] */
    struct detmem *detmem;
    uint8_t region_kind; /* indices into the kinds of detmem */
    uint8_t node_kind;
    uint8_t table_kind;
    uint8_t top_level; /* of leaves: 3 where the processors have 1 GiB pages, otherwise 2 */
};

/* --- The structure --- */

struct vspace { /* [replica] */
    struct detmem_pool *pool;
    struct btree regions; /* start -> struct vspace_region */
    struct page_table table;
    uint32_t generation; /* changes with each clone */
    bool cloning;
    bool closed;
    struct pt_retired retired[MAX_CORES]; /* tables unlinked by operations of that core */
};

/* vspace_init - an empty space with memory of @pool; not in an operation of detmem. @upper_half as
 * in page_table_init(). KERR_NO_MEMORY, and nothing is kept. */
MUST_CHECK kerr_t vspace_init(struct vspace *space, struct detmem_pool *pool,
                              const struct pt_table *upper_half);

/* vspace_fini - free a space's own memory. No processor uses it, no operation comes; frames that
 * are still mapped are the caller's. */
void vspace_fini(struct vspace *space);

/* vspace_copy - make @copy (uninitialised) the space of a new replica, with memory of @pool; @from
 * is between two operations. KERR_NO_MEMORY, and nothing is kept. */
MUST_CHECK kerr_t vspace_copy(struct vspace *copy, const struct vspace *from,
                              struct detmem_pool *pool);

/* vspace_decode - check @op and reserve memory for it; before the log, on any core. On success
 * either it is applied or vspace_cancel() is called. KERR_MISALIGNED; KERR_BAD_ADDRESS: not all of
 * it is of the user; KERR_INVALID; KERR_NOT_PERMITTED: rights beyond the allowed ones; KERR_RANGE:
 * more than VSPACE_MAX_LEAVES pages; KERR_NO_MEMORY. */
MUST_CHECK kerr_t vspace_decode(const struct vspace_memory *memory, struct vspace_op *op);
void vspace_cancel(const struct vspace_memory *memory, const struct vspace_op *op);

/* vspace_apply - total. docs/address-spaces.md lists what each operation answers. */
struct vspace_answer vspace_apply(struct vspace *space, const struct vspace_op *op);

/* vspace_skip - take note of an operation whose space is gone: return its memory. */
void vspace_skip(struct detmem_pool *pool, const struct vspace_op *op);

/* vspace_read - answer a question; on a replica that is up to date (nr_read sees to it). */
struct vspace_result vspace_read(const struct vspace *space, const struct vspace_query *query);
