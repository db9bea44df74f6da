// SPDX-License-Identifier: BSD-2-Clause
//
// What operations of the kernel's memory cost, in instructions: a property of the code, which does
// not depend on the machine or what else runs on it. Each operation is a function of its own, which
// runs N times in a steady state:
//
//     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=FUNCTION ./memory-cost
//
// FUNCTION being cost_frame and so on; memory_cost.py does that for all.

#include <hosted/hosted.h>
#include <kernel/detmem.h>
#include <stdio.h>
#include <stdlib.h>

#define N 1000

static struct frames *frames;
static struct slab *slab;
static struct detmem *detmem;
static struct detmem_pool *pool;

static void check(kerr_t err)
{
    if (!err)
        return;
    fprintf(stderr, "memory_cost: %s\n", kerr_text(err));
    exit(1);
}

static void frame_pairs(enum frame_class class, node_id_t node)
{
    for (int i = 0; i < N; i++) {
        paddr_t frame;
        check(frames_alloc(frames, node, class, FRAME_ANY_NODE, &frame));
        check(frames_free(frames, frame, class));
    }
}

static void object_pairs(node_id_t node, size_t size)
{
    for (int i = 0; i < N; i++)
        slab_free(slab, slab_alloc_on(slab, node, size, 8), size);
}

/* One at a time from the core's cache, and from another node. */
__attribute__((noinline)) void cost_frame(void);
__attribute__((noinline)) void cost_frame(void)
{
    frame_pairs(FRAME_SMALL, 0);
}

__attribute__((noinline)) void cost_large_frame(void);
__attribute__((noinline)) void cost_large_frame(void)
{
    frame_pairs(FRAME_LARGE, 0);
}

__attribute__((noinline)) void cost_remote_frame(void);
__attribute__((noinline)) void cost_remote_frame(void)
{
    frame_pairs(FRAME_SMALL, 1);
}

/* All N at once, so that the cache is refilled and spilled on the way. */
__attribute__((noinline)) void cost_frame_burst(void);
__attribute__((noinline)) void cost_frame_burst(void)
{
    static paddr_t list[N];
    for (int i = 0; i < N; i++)
        check(frames_alloc(frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &list[i]));
    for (int i = 0; i < N; i++)
        check(frames_free(frames, list[i], FRAME_SMALL));
}

/* 64 KiB, contiguous and aligned. */
__attribute__((noinline)) void cost_range(void);
__attribute__((noinline)) void cost_range(void)
{
    struct frame_request request = {.count = 16, .align = 65536};
    for (int i = 0; i < N; i++) {
        paddr_t first;
        check(frames_alloc_range(frames, &request, &first));
        check(frames_free_range(frames, first, request.count));
    }
}

__attribute__((noinline)) void cost_object(void);
__attribute__((noinline)) void cost_object(void)
{
    object_pairs(0, 64);
}

__attribute__((noinline)) void cost_remote_object(void);
__attribute__((noinline)) void cost_remote_object(void)
{
    object_pairs(1, 64);
}

__attribute__((noinline)) void cost_object_burst(void);
__attribute__((noinline)) void cost_object_burst(void)
{
    static void *list[N];
    for (int i = 0; i < N; i++)
        list[i] = slab_alloc(slab, 64, 8);
    for (int i = 0; i < N; i++)
        slab_free(slab, list[i], 64);
}

/* A promise of two objects, one of which is used and freed: reserve, begin, alloc, free, end. */
__attribute__((noinline)) void cost_reservation(void);
__attribute__((noinline)) void cost_reservation(void)
{
    struct detmem_demand demand = {.count = {2}};
    struct allocator *allocator = detmem_allocator(pool);
    for (int i = 0; i < N; i++) {
        check(detmem_reserve(detmem, &demand));
        detmem_begin(pool, &demand);
        allocator_free(allocator, allocator_alloc(allocator, 64, 8), 64);
        detmem_end(pool);
    }
}

/* What allocators of other systems cost here, for a comparison. */
__attribute__((noinline)) void cost_malloc(void);
__attribute__((noinline)) void cost_malloc(void)
{
    for (int i = 0; i < N; i++) {
        void *volatile object = malloc(64);
        free(object);
    }
}

static void create(void)
{
    static const struct memory_range ram = {0, UINT64_C(1) << 30, MEMORY_USABLE};
    static const struct memory_affinity affinities[] = {{UINT64_C(1) << 29, UINT64_C(1) << 29, 1}};
    static const node_id_t core_nodes[] = {0, 1};
    static const struct detmem_kind kinds[] = {{64, 8}};
    struct frames_config config = {
        .map = {&ram, 1, affinities, 1}, .n_nodes = 2, .n_cores = 2, .core_nodes = core_nodes};
    hosted_ram_create(ram.size);
    check(frames_create(&config, &frames));
    check(slab_create(frames, &slab));
    check(detmem_create(slab, kinds, 1, &detmem));
    check(detmem_join(detmem, 0, NULL, &pool));
}

int main(void)
{
    static void (*const operations[])(void) = {
        cost_frame,  cost_large_frame,   cost_remote_frame, cost_frame_burst, cost_range,
        cost_object, cost_remote_object, cost_object_burst, cost_reservation, cost_malloc,
    };
    create();
    /* Twice: the first round brings the caches to their steady state. */
    for (size_t i = 0; i < 2 * sizeof(operations) / sizeof(operations[0]); i++)
        operations[i / 2]();
    return 0;
}
