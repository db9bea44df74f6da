// SPDX-License-Identifier: BSD-2-Clause
//
// Physical memory: frames of 4 KiB and 2 MiB, and contiguous ranges of 4 KiB frames, from the NUMA
// node that the caller names. docs/memory.md has the theory and the figures.
//
// All functions may be called on any core and with interrupts on or off, but not from an NMI. They
// take short spin locks and do not block. Memory is handed out with whatever it contains. Every
// frame that an allocation returned, or that the memory map said was in use, can be freed, on any
// core: a 2 MiB frame also as 512 frames of 4 KiB, and a range in parts.
#pragma once

#include <kernel/config.h>
#include <kernel/error.h>
#include <kernel/memmap.h>

#define FRAME_SIZE       UINT64_C(4096)
#define LARGE_FRAME_SIZE (UINT64_C(2) << 20)

/* 4 KiB frames in a 2 MiB frame. */
#define FRAMES_PER_LARGE 512

enum frame_class { FRAME_SMALL, FRAME_LARGE };

enum frame_flags {
    FRAME_ANY_NODE = 0,  /* the nearest node that has memory */
    FRAME_THIS_NODE = 1, /* no other node than the one named */
};

struct frames;

struct frames_config {
    struct memmap map;
    unsigned n_nodes;            /* 1..MAX_NODES; nodes without memory or cores are fine */
    const uint8_t *distances;    /* n_nodes rows of n_nodes (SLIT); NULL: all others equally far */
    unsigned n_cores;            /* 1..MAX_CORES */
    const node_id_t *core_nodes; /* node of each core */
};

/* frames_create - manage the RAM of @config, which is not needed afterwards. The allocator's own
 * state lies in that RAM (docs/memory.md: 88 bytes for each 2 MiB, 152 in checked builds, plus some
 * for each core and node) and is reached through arch_phys_to_virt(). KERR_INVALID: bad numbers of
 * nodes or cores, or a range on a node that does not exist; KERR_NO_MEMORY: no place for the state.
 */
MUST_CHECK kerr_t frames_create(const struct frames_config *config, struct frames **frames);

/* frames_alloc - one frame of @class from @node, or from the nearest other node unless @flags
 * forbid it. KERR_NO_MEMORY means that really none is left: caches of all cores were emptied
 * before. */
MUST_CHECK kerr_t frames_alloc(struct frames *frames, node_id_t node, enum frame_class class,
                               unsigned flags, paddr_t *frame);

/* What a contiguous range must be like; zero means no wish in all but `count`. */
struct frame_request {
    uint64_t count; /* frames of 4 KiB, not 0 */
    uint64_t align; /* of the first byte; a power of two */
    uint64_t below; /* the range ends at or below this address: what a device can address */
    node_id_t node;
    unsigned flags;
};

/* frames_alloc_range - contiguous 4 KiB frames. Costs more than single frames; with `below`, or
 * more than 512 frames, a search through all of a node's memory. KERR_INVALID: count 0 or align not
 * a power of two. */
MUST_CHECK kerr_t frames_alloc_range(struct frames *frames, const struct frame_request *request,
                                     paddr_t *first);

/* frames_free - give one frame back. On errors nothing was freed. KERR_MISALIGNED;
 * KERR_FOREIGN_FRAME: not in memory that @frames manages; KERR_DOUBLE_FREE: (partly) free already.
 * A checked build detects every double free here; an unchecked one those of frames which no core's
 * cache holds. */
MUST_CHECK kerr_t frames_free(struct frames *frames, paddr_t frame, enum frame_class class);

/* frames_free_range - give back @count contiguous 4 KiB frames; errors as above. */
MUST_CHECK kerr_t frames_free_range(struct frames *frames, paddr_t first, uint64_t count);

/* frames_drain - move all frames that sit in the caches of cores to their nodes, so that whole 2
 * MiB frames form again. */
void frames_drain(struct frames *frames);

/* Asks other subsystems for memory; returns whether it is worth while to try again. */
typedef bool (*frames_reclaim_fn)(void *context);

/* frames_set_reclaim - @reclaim is called, without locks, before an allocation fails. It may free
 * frames but not allocate any. To be set before there is a second core. */
void frames_set_reclaim(struct frames *frames, frames_reclaim_fn reclaim, void *context);

/* frames_node_of - the node that owns @frame; KERR_FOREIGN_FRAME if none does. */
MUST_CHECK kerr_t frames_node_of(const struct frames *frames, paddr_t frame, node_id_t *node);

/* frames_n_nodes, frames_n_cores - as configured. */
unsigned frames_n_nodes(const struct frames *frames);
unsigned frames_n_cores(const struct frames *frames);

/* frames_nearest - the @nth nearest node to @node by distance: 0 is @node itself. */
node_id_t frames_nearest(const struct frames *frames, node_id_t node, unsigned nth);

/* frames_core_node - the node of @core. */
node_id_t frames_core_node(const struct frames *frames, core_id_t core);

struct frame_node_stats {
    uint64_t total;      /* 4 KiB frames managed, without those of the allocator's state */
    uint64_t free;       /* of these, free in the node; frames in caches of cores are not counted */
    uint64_t free_large; /* 2 MiB frames among `free` */
    uint64_t state;      /* 4 KiB frames taken by the allocator's state */
    uint64_t splits;     /* 2 MiB frames of which small frames were taken */
    uint64_t merges;     /* 2 MiB frames that became whole again */
    uint64_t lent;       /* allocations for other nodes, which had no memory left */
    uint64_t bad_frees;  /* double frees noticed only when a core's cache was emptied */
};

struct frame_core_stats {
    uint64_t small_cached; /* frames in the cache now */
    uint64_t large_cached;
    uint64_t allocs;
    uint64_t frees;
    uint64_t refills; /* times that frames were fetched from the node */
    uint64_t spills;  /* times that frames were brought to the node */
};

/* frames_node_stats, frames_core_stats - consistent for this node or core. */
void frames_node_stats(struct frames *frames, node_id_t id, struct frame_node_stats *stats);
void frames_core_stats(struct frames *frames, core_id_t id, struct frame_core_stats *stats);
