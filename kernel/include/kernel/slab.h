// SPDX-License-Identifier: BSD-2-Clause
//
// Memory for kernel objects of any size, from the NUMA node of the core that asks or from another
// one that it names. docs/memory.md has the theory and the figures.
//
// All functions may be called on any core and with interrupts on or off, but not from an NMI; they
// take short spin locks and do not block. Every allocation can fail. An object is freed with the
// size it was allocated with, on any core; its memory goes back to the node it came from.
//
// In checked builds freed objects are filled with a pattern, each object is followed by a red zone,
// and a broken pattern, a double free or a wrong size is a panic that says what, where and on which
// core.
#pragma once

#include <base/alloc.h>
#include <kernel/frames.h>

/* Up to this size objects share spans of memory; larger ones are frames of their own. */
#define SLAB_MAX_SIZE 8192

struct slab;

/* slab_create - a heap that takes its memory, its own state first (one frame for each core and each
 * node, and one), from @frames. KERR_NO_MEMORY, and then nothing is kept. */
MUST_CHECK kerr_t slab_create(struct frames *frames, struct slab **slab);

/* slab_destroy - give all memory back to the frames. Objects that are still allocated are gone. */
void slab_destroy(struct slab *slab);

/* slab_alloc - @size > 0 bytes, aligned to @align (a power of two), uninitialised, from the node of
 * slab_set_affinity(), which is the core's own at first. NULL: no memory on any node. Objects whose
 * size is a power of two up to SLAB_MAX_SIZE cost no more than their size when they are aligned to
 * it. */
void *slab_alloc(struct slab *slab, size_t size, size_t align);

/* slab_alloc_on - the same from @node, or from the nearest that has memory. */
void *slab_alloc_on(struct slab *slab, node_id_t node, size_t size, size_t align);

/* slab_free - free an object of @size bytes. */
void slab_free(struct slab *slab, void *ptr, size_t size);

/* slab_allocator - the heap as <base/alloc.h> has it: slab_alloc() and slab_free(). */
struct allocator *slab_allocator(struct slab *slab);

/* slab_allocator_on - the same for slab_alloc_on(@node). */
struct allocator *slab_allocator_on(struct slab *slab, node_id_t node);

/* slab_set_affinity - from now on this core allocates on behalf of @node; returns what held before,
 * to be set again. For code that works on a replica of another node. */
node_id_t slab_set_affinity(struct slab *slab, node_id_t node);

/* slab_shrink - empty the caches of all cores and give all memory that no object lies in to the
 * frames; returns how many frames that were. */
size_t slab_shrink(struct slab *slab);

/* slab_reclaim - slab_shrink() in the form that frames_set_reclaim() wants. */
bool slab_reclaim(void *slab);

/* slab_n_cores - cores of the frame allocator below. */
unsigned slab_n_cores(const struct slab *slab);

struct slab_stats {
    uint64_t objects;      /* allocated now, without those of more than SLAB_MAX_SIZE */
    uint64_t allocs;       /* ever */
    uint64_t refills;      /* times that a core's cache had to fetch objects */
    uint64_t spills;       /* times that a core's cache had to return objects */
    uint64_t remote_frees; /* objects freed on another node's core */
    uint64_t frames;       /* 4 KiB frames in which objects lie or may lie */
    uint64_t large_frames; /* 4 KiB frames of objects of more than SLAB_MAX_SIZE */
};

/* slab_stats - sums over cores and nodes; exact while nobody allocates or frees. */
void slab_stats(struct slab *slab, struct slab_stats *stats);
