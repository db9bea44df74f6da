// SPDX-License-Identifier: BSD-2-Clause
//
// The inside of the slab allocator: see the theory in slab.c.
#pragma once

#include <base/list.h>
#include <kernel/slab.h>
#include <kernel/spinlock.h>
#include <stdatomic.h>

/* Two classes for each power of two: at most a third of an object is lost to rounding. */
#define N_CLASSES 18

/* A span: 8 frames, so that even of 8 KiB three objects fit; and aligned to its size, also where
 * the direct map shows it: that keeps the alignment of 2 MiB frames. */
#define SPAN_FRAMES 8
#define SPAN_SIZE   (SPAN_FRAMES * FRAME_SIZE)

/* Objects in the magazines of a core, all classes together; see slab_classes. */
#define MAGAZINE_ROUNDS 336

struct slab_class { /* [const] */
    uint16_t size;
    uint16_t first; /* offset of the first object in a span, so that objects of 2^n are aligned */
    uint16_t n_objects;   /* in a span */
    uint16_t rounds_base; /* where the magazine of a core begins in slab_core.rounds */
    uint8_t rounds;       /* its capacity */
    uint8_t map_words;
};

extern const struct slab_class slab_classes[N_CLASSES];

/* The head of a span. */
struct slab_span { /* [global: lock of the depot]; node, class and magic [const] */
    struct list_node link;
    uint16_t n_free;
    uint8_t node;
    uint8_t class;
    uint32_t magic;
    uint64_t free_map[]; /* map_words of the class */
};

#define SPAN_MAGIC 0x51ab51abu

/* What a freed object holds while it waits for its node. */
struct remote_object {
    struct remote_object *next;
};

/* The spans of one class on one node. */
struct slab_depot { /* [global: lock], remote is lock-free */
    _Alignas(64) struct spinlock lock;
    struct list partial; /* spans that have free objects; the wholly free ones at the end */
    struct list full;    /* all others */
    uint32_t n_spans;
    uint32_t n_empty;
    uint64_t allocs;                                     /* that went past the magazines */
    _Alignas(64) _Atomic(struct remote_object *) remote; /* freed by cores of other nodes */
    _Atomic uint64_t remote_frees;
};

struct slab_node {
    struct slab_depot depots[N_CLASSES];
    node_id_t id;               /* [const] */
    struct slab *slab;          /* [const] */
    struct allocator allocator; /* [const] */
};

struct slab_core { /* [global: lock] */
    _Alignas(64) struct spinlock lock;
    node_id_t node;             /* [const] */
    _Atomic node_id_t affinity; /* [core] */
    uint64_t allocs;
    uint64_t frees;
    uint64_t refills;
    uint64_t spills;
    uint8_t n[N_CLASSES]; /* objects in each magazine */
    void *rounds[MAGAZINE_ROUNDS];
};

struct slab { /* [const] */
    struct frames *frames;
    unsigned n_nodes;
    unsigned n_cores;
    struct allocator allocator;
    _Atomic uint64_t large_frames; /* [global] a relaxed counter */
    struct slab_node *nodes[MAX_NODES];
    struct slab_core *cores[MAX_CORES];
};

/* --- slab_span.c: depots --- */

void slab_depot_init(struct slab_depot *depot);

/* slab_depot_take - up to @n objects of @class; returns how many. */
size_t slab_depot_take(struct slab *slab, node_id_t node, unsigned class, void **objects, size_t n);

/* slab_depot_take_one - one object past the caches, growing the depot if need be; NULL: no memory.
 */
void *slab_depot_take_one(struct slab *slab, node_id_t node, unsigned class);

/* slab_depot_give - put @n objects back to their spans, all of this node. */
void slab_depot_give(struct slab *slab, node_id_t node, unsigned class, void **objects, size_t n);

/* slab_depot_give_remote - the same for one object, from a core of another node. */
void slab_depot_give_remote(struct slab *slab, node_id_t node, unsigned class, void *object);

/* slab_depot_grow - add a span; false: no memory. No slab lock may be held: it may reclaim. */
bool slab_depot_grow(struct slab *slab, node_id_t node, unsigned class);

/* slab_depot_shrink - free all spans without objects; returns how many frames. */
size_t slab_depot_shrink(struct slab *slab, node_id_t node, unsigned class);

/* slab_depot_destroy - free all spans, whatever lies in them. */
void slab_depot_destroy(struct slab *slab, node_id_t node, unsigned class);

/* slab_depot_stats - add the depot's counters to @stats. */
void slab_depot_stats(struct slab *slab, node_id_t node, unsigned class, struct slab_stats *stats);

/* slab_span_of - the span of an object. */
static inline struct slab_span *slab_span_of(const void *object)
{
    return (struct slab_span *)((uintptr_t)object & ~(uintptr_t)(SPAN_SIZE - 1));
}

/* --- slab_check.c: patterns of checked builds --- */

/* Bytes behind an object, at the end of its place, which say what it is. */
#define SLAB_TRAILER (KERNEL_CHECKED ? 16 : 0)

/* slab_check_new - make a place look freed. */
void slab_check_new(void *object, unsigned class);

/* slab_check_alloc - the object is handed out for @size bytes: it must look freed. */
void slab_check_alloc(void *object, unsigned class, size_t size);

/* slab_check_free - the object is freed: it must be allocated, and its red zone whole. */
void slab_check_free(void *object, size_t size);
