// SPDX-License-Identifier: BSD-2-Clause
//
// The inside of the frame allocator: see the theory in frames.c.
#pragma once

#include <base/bits.h>
#include <base/list.h>
#include <kernel/frames.h>
#include <kernel/spinlock.h>
#include <stdatomic.h>

#define CACHE_LINE 64

#define MAP_WORDS (FRAMES_PER_LARGE / 64)

/* A 2 MiB frame, whole or split. Frames outside the region, and those of our own state, are never
 * free. */
struct frame_block {       /* [global: lock of the node] */
    struct list_node link; /* in free_large or partial[], unlinked if nothing is free */
    uint64_t free_map[MAP_WORDS];
    uint16_t n_free;
    uint16_t unused;
    uint32_t region;
};

/* Contiguous memory of one node. The fields are [const]. */
struct frame_region {
    uint64_t base;
    uint64_t end;
    uint64_t first_block; /* number of the 2 MiB frame that holds `base` */
    uint64_t n_blocks;
    node_id_t node;
    struct frame_block *blocks;
    /* Checked builds: one bit for each frame of the blocks, set while somebody outside owns it. */
    _Atomic uint64_t *owned;
};

/* Partial blocks by how many of their frames are free, fullest first: up to 32, 128, 256, 511. */
#define PARTIAL_LISTS 4

struct frame_node { /* [global: lock] but for order, which is [const] */
    _Alignas(CACHE_LINE) struct spinlock lock;
    struct list free_large;
    struct list partial[PARTIAL_LISTS];
    struct frame_node_stats stats;
    node_id_t order[MAX_NODES]; /* nodes by distance from this one, which comes first */
};

/* Frames in a core's cache at most, where memory is plenty; and the part moved at once is one half.
 * 64 frames amortise a node's lock over 32 operations and keep 256 KiB per core from merging. */
#define CACHE_SMALL_MAX 64
#define CACHE_LARGE_MAX 8

struct frame_stack { /* [global: lock of the core's cache] */
    uint32_t n;
    uint32_t max; /* [const]; 0: no caching */
    paddr_t *frames;
};

struct frame_core { /* [global: lock] */
    _Alignas(CACHE_LINE) struct spinlock lock;
    node_id_t node;               /* [const] */
    struct frame_stack stacks[2]; /* by enum frame_class */
    struct frame_core_stats stats;
    paddr_t small[CACHE_SMALL_MAX];
    paddr_t large[CACHE_LARGE_MAX];
};

struct frames { /* [const], but for what the pointers lead to */
    unsigned n_nodes;
    unsigned n_cores;
    size_t n_regions;
    struct frame_region *regions; /* ascending */
    frames_reclaim_fn reclaim;
    void *reclaim_context;
    struct frame_node *nodes[MAX_NODES];
    struct frame_core *cores[MAX_CORES];
};

/* --- frame_node.c: one node. The callers hold its lock. --- */

/* frame_region_find - the region that holds all of [base, base + size), or NULL. */
struct frame_region *frame_region_find(const struct frames *frames, uint64_t base, uint64_t size);

/* frame_node_take - up to @n frames of @class; returns how many. */
size_t frame_node_take(struct frames *frames, struct frame_node *node, enum frame_class class,
                       size_t n, paddr_t *out);

/* frame_node_take_range - true: *first is the address of a range that fulfils the request. */
bool frame_node_take_range(struct frames *frames, node_id_t node,
                           const struct frame_request *request, paddr_t *first);

/* frame_node_give - make frames of @region free; false, and nothing changes, if one of them is. */
bool frame_node_give(struct frame_node *node, struct frame_region *region, uint64_t base,
                     uint64_t count);
