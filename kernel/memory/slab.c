// SPDX-License-Identifier: BSD-2-Clause
//
// The slab allocator
//
// 1. Concepts. Objects are of 18 size *classes*. A *span* of 8 frames holds objects of one class; a
//    *depot* holds the spans of one class on one node; a core has a *magazine* for each class, a
//    stack of free objects of its own node. Allocating pops, freeing pushes; an empty magazine is
//    half filled from the depot, of a full one half is put back. Objects of more than 8 KiB are
//    ranges of frames.
//
// 2. Whose object? A span is aligned to its size: masking an object's address finds the span's
//    head, which names the class and the home node. Ranges of frames are recognised by their size,
//    or, where a small object was wanted with a large alignment, by being aligned as no object in a
//    span can be. A magazine only ever holds objects of its core's node. An object of another node
//    is pushed on the lock-free stack of its home depot, which takes it in when it next hands
//    objects out. So the memory of a node never ends up in caches of another one.
//
// 3. Affinity. A core can allocate on behalf of another node: it then goes past its magazines to
//    the depot of that node. This is what a core does while it advances another node's replica.
//
// 4. Locks. One for each core's magazines, one for each depot, in this order, and then those of the
//    frame allocator, from which memory is *freed* under these locks. Memory is *allocated* from it
//    under none of them, because an allocation that finds nothing calls slab_reclaim(), which takes
//    them all in turn.
//
// 5. Returning memory. A depot keeps one wholly free span; what becomes free beyond that goes to
//    the frames at once, and all of it when memory runs out.
//
// References: Bonwick, The Slab Allocator (1994); Bonwick and Adams, Magazines and Vmem (2001). The
// magazines here are fixed arrays that exchange objects with the spans directly, as there is a
// depot for each node and class, whose lock is rarely wanted by two.

#include "slab_impl.h"

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/inject.h>
#include <kernel/panic.h>

/* The first object comes after the head, rounded up to the objects' natural alignment. Magazines
 * hold up to 8 KiB, but at least 4 and at most 32 objects. The columns are those of struct
 * slab_class. */
const struct slab_class slab_classes[N_CLASSES] = {
    {16, 288, 2030, 0, 32, 32}, {32, 160, 1019, 32, 32, 16}, {48, 112, 680, 64, 32, 11},
    {64, 128, 510, 96, 32, 8},  {96, 96, 340, 128, 32, 6},   {128, 128, 255, 160, 32, 4},
    {192, 64, 170, 192, 32, 3}, {256, 256, 127, 224, 32, 2}, {384, 128, 85, 256, 21, 2},
    {512, 512, 63, 277, 16, 1}, {768, 256, 42, 293, 10, 1},  {1024, 1024, 31, 303, 8, 1},
    {1536, 512, 21, 311, 5, 1}, {2048, 2048, 15, 316, 4, 1}, {3072, 1024, 10, 320, 4, 1},
    {4096, 4096, 7, 324, 4, 1}, {6144, 2048, 5, 328, 4, 1},  {8192, 8192, 3, 332, 4, 1},
};

/* The states are single frames. */
_Static_assert(sizeof(struct slab) <= FRAME_SIZE, "struct slab is one frame");
_Static_assert(sizeof(struct slab_node) <= FRAME_SIZE, "struct slab_node is one frame");
_Static_assert(sizeof(struct slab_core) <= FRAME_SIZE, "struct slab_core is one frame");

/* The class for objects of this size and alignment, or N_CLASSES if they need frames of their own.
 */
static unsigned class_for(size_t size, size_t align)
{
    size_t need = size + SLAB_TRAILER;
    if (size > SLAB_MAX_SIZE || need > SLAB_MAX_SIZE)
        return N_CLASSES;
    /* 16 and 32 apart, there is a class for each 2^n and each 1.5 * 2^n. */
    unsigned class = need > 16;
    if (need > 32) {
        unsigned power = log2_ceil(need); /* 2^(power - 1) < need <= 2^power */
        class = 2 * power - 9 - (need <= (size_t)3 << (power - 2));
    }
    while (class < N_CLASSES && (slab_classes[class].size & (align - 1)))
        class ++;
    return class;
}

/* --- Magazines --- */

static struct slab_core *this_core(struct slab *slab)
{
    core_id_t id = arch_core_id();
    return id < slab->n_cores ? slab->cores[id] : NULL;
}

static void **rounds_of(struct slab_core *core, unsigned class)
{
    return &core->rounds[slab_classes[class].rounds_base];
}

static void *magazine_pop(struct slab *slab, struct slab_core *core, unsigned class)
{
    void **rounds = rounds_of(core, class);
    void *object = NULL;
    bool irqs = spin_lock(&core->lock);
    if (core->n[class] == 0) {
        core->refills++;
        core->n[class] = (uint8_t)slab_depot_take(slab, core->node, class, rounds,
                                                  slab_classes[class].rounds / 2);
    }
    if (core->n[class]) {
        object = rounds[--core->n[class]];
        core->allocs++;
    }
    spin_unlock(&core->lock, irqs);
    return object;
}

static void magazine_push(struct slab *slab, struct slab_core *core, unsigned class, void *object)
{
    void **rounds = rounds_of(core, class);
    bool irqs = spin_lock(&core->lock);
    if (core->n[class] == slab_classes[class].rounds) {
        unsigned keep = slab_classes[class].rounds / 2;
        slab_depot_give(slab, core->node, class, &rounds[keep], core->n[class] - keep);
        core->n[class] = (uint8_t)keep;
        core->spills++;
    }
    rounds[core->n[class]++] = object;
    core->frees++;
    spin_unlock(&core->lock, irqs);
}

static void magazines_empty(struct slab *slab, struct slab_core *core)
{
    bool irqs = spin_lock(&core->lock);
    for (unsigned class = 0; class < N_CLASSES; class ++) {
        slab_depot_give(slab, core->node, class, rounds_of(core, class), core->n[class]);
        core->n[class] = 0;
    }
    spin_unlock(&core->lock, irqs);
}

/* --- Objects larger than the classes --- */

static bool known_by_size(size_t size)
{
    return size > SLAB_MAX_SIZE - SLAB_TRAILER;
}

static void *large_alloc(struct slab *slab, node_id_t node, size_t size, size_t align)
{
    struct frame_request request = {
        .count = div_round_up(size, FRAME_SIZE),
        /* Small ones must be known by their alignment when they are freed. */
        .align = known_by_size(size) ? align : max(align, (size_t)SPAN_SIZE),
        .node = node,
    };
    paddr_t first;
    if (frames_alloc_range(slab->frames, &request, &first))
        return NULL;
    atomic_fetch_add_explicit(&slab->large_frames, request.count, memory_order_relaxed);
    return arch_phys_to_virt(first);
}

static void large_free(struct slab *slab, void *ptr, size_t size)
{
    uint64_t count = div_round_up(size, FRAME_SIZE);
    kerr_t err = frames_free_range(slab->frames, arch_virt_to_phys(ptr), count);
    if (err)
        panic("slab: %p of %lu bytes cannot be freed: %s", ptr, (unsigned long)size,
              kerr_text(err));
    atomic_fetch_sub_explicit(&slab->large_frames, count, memory_order_relaxed);
}

/* --- Allocating and freeing --- */

void *slab_alloc_on(struct slab *slab, node_id_t node, size_t size, size_t align)
{
    if (inject_fails())
        return NULL;
    unsigned class = class_for(size, align);
    if (class == N_CLASSES)
        return large_alloc(slab, node, size, align);
    struct slab_core *core = this_core(slab);
    void *object;
    if (core && core->node == node) {
        do
            object = magazine_pop(slab, core, class);
        while (!object && slab_depot_grow(slab, node, class));
    } else {
        object = slab_depot_take_one(slab, node, class);
    }
    if (KERNEL_CHECKED && object)
        slab_check_alloc(object, class, size);
    return object;
}

void *slab_alloc(struct slab *slab, size_t size, size_t align)
{
    struct slab_core *core = this_core(slab);
    /* relaxed: the core itself set it. */
    node_id_t node = core ? atomic_load_explicit(&core->affinity, memory_order_relaxed) : 0;
    return slab_alloc_on(slab, node, size, align);
}

void slab_free(struct slab *slab, void *ptr, size_t size)
{
    if (known_by_size(size) || is_aligned((uintptr_t)ptr, SPAN_SIZE)) {
        large_free(slab, ptr, size);
        return;
    }
    if (KERNEL_CHECKED)
        slab_check_free(ptr, size);
    const struct slab_span *span = slab_span_of(ptr);
    struct slab_core *core = this_core(slab);
    if (core && core->node == span->node)
        magazine_push(slab, core, span->class, ptr);
    else
        slab_depot_give_remote(slab, span->node, span->class, ptr);
}

node_id_t slab_set_affinity(struct slab *slab, node_id_t node)
{
    struct slab_core *core = this_core(slab);
    /* relaxed: nobody but the core itself reads it. */
    return core ? atomic_exchange_explicit(&core->affinity, node, memory_order_relaxed) : node;
}

/* --- As a struct allocator --- */

static void *allocator_alloc_any(struct allocator *self, size_t size, size_t align)
{
    return slab_alloc(container_of(self, struct slab, allocator), size, align);
}

static void allocator_free_any(struct allocator *self, void *ptr, size_t size)
{
    slab_free(container_of(self, struct slab, allocator), ptr, size);
}

static void *allocator_alloc_on(struct allocator *self, size_t size, size_t align)
{
    struct slab_node *node = container_of(self, struct slab_node, allocator);
    return slab_alloc_on(node->slab, node->id, size, align);
}

static void allocator_free_on(struct allocator *self, void *ptr, size_t size)
{
    slab_free(container_of(self, struct slab_node, allocator)->slab, ptr, size);
}

struct allocator *slab_allocator(struct slab *slab)
{
    return &slab->allocator;
}

struct allocator *slab_allocator_on(struct slab *slab, node_id_t node)
{
    return &slab->nodes[node]->allocator;
}

/* --- Life, statistics --- */

/* A zeroed frame for state, or NULL. */
static void *state_alloc(struct frames *frames, node_id_t node)
{
    paddr_t frame;
    if (frames_alloc(frames, node, FRAME_SMALL, FRAME_ANY_NODE, &frame))
        return NULL;
    return memset(arch_phys_to_virt(frame), 0, FRAME_SIZE);
}

static void state_free(struct frames *frames, void *state)
{
    if (!state)
        return;
    kerr_t err = frames_free(frames, arch_virt_to_phys(state), FRAME_SMALL);
    if (err)
        panic("slab: state %p cannot be freed: %s", state, kerr_text(err));
}

/* Frees what there is of a heap, which has no spans. */
static void free_state(struct slab *slab)
{
    struct frames *frames = slab->frames;
    for (unsigned i = 0; i < slab->n_nodes; i++)
        state_free(frames, slab->nodes[i]);
    for (unsigned i = 0; i < slab->n_cores; i++)
        state_free(frames, slab->cores[i]);
    state_free(frames, slab);
}

static bool init_node(struct slab *slab, node_id_t id)
{
    struct slab_node *node = state_alloc(slab->frames, id);
    if (!node)
        return false;
    for (unsigned class = 0; class < N_CLASSES; class ++)
        slab_depot_init(&node->depots[class]);
    node->slab = slab;
    node->id = id;
    node->allocator = (struct allocator){.alloc = allocator_alloc_on, .free = allocator_free_on};
    slab->nodes[id] = node;
    return true;
}

static bool init_core(struct slab *slab, core_id_t id)
{
    node_id_t node = frames_core_node(slab->frames, id);
    struct slab_core *core = state_alloc(slab->frames, node);
    if (!core)
        return false;
    core->node = node;
    atomic_init(&core->affinity, node);
    slab->cores[id] = core;
    return true;
}

kerr_t slab_create(struct frames *frames, struct slab **out)
{
    struct slab *slab = state_alloc(frames, 0);
    if (!slab)
        return KERR_NO_MEMORY;
    slab->frames = frames;
    slab->n_nodes = frames_n_nodes(frames);
    slab->n_cores = frames_n_cores(frames);
    slab->allocator = (struct allocator){.alloc = allocator_alloc_any, .free = allocator_free_any};
    bool complete = true;
    for (unsigned i = 0; complete && i < slab->n_nodes; i++)
        complete = init_node(slab, i);
    for (unsigned i = 0; complete && i < slab->n_cores; i++)
        complete = init_core(slab, i);
    if (!complete) {
        free_state(slab);
        return KERR_NO_MEMORY;
    }
    *out = slab;
    return KERR_OK;
}

void slab_destroy(struct slab *slab)
{
    slab_shrink(slab);
    for (unsigned i = 0; i < slab->n_nodes; i++) {
        for (unsigned class = 0; class < N_CLASSES; class ++)
            slab_depot_destroy(slab, i, class);
    }
    free_state(slab);
}

unsigned slab_n_cores(const struct slab *slab)
{
    return slab->n_cores;
}

size_t slab_shrink(struct slab *slab)
{
    size_t n_frames = 0;
    for (unsigned i = 0; i < slab->n_cores; i++)
        magazines_empty(slab, slab->cores[i]);
    for (unsigned i = 0; i < slab->n_nodes; i++) {
        for (unsigned class = 0; class < N_CLASSES; class ++)
            n_frames += slab_depot_shrink(slab, i, class);
    }
    return n_frames;
}

bool slab_reclaim(void *slab)
{
    return slab_shrink(slab) > 0;
}

void slab_stats(struct slab *slab, struct slab_stats *stats)
{
    uint64_t frees = 0;
    *stats = (struct slab_stats){0};
    for (unsigned i = 0; i < slab->n_nodes; i++) {
        for (unsigned class = 0; class < N_CLASSES; class ++)
            slab_depot_stats(slab, i, class, stats);
    }
    for (unsigned i = 0; i < slab->n_cores; i++) {
        struct slab_core *core = slab->cores[i];
        bool irqs = spin_lock(&core->lock);
        stats->allocs += core->allocs;
        stats->refills += core->refills;
        stats->spills += core->spills;
        frees += core->frees;
        spin_unlock(&core->lock, irqs);
    }
    stats->objects = stats->allocs - stats->remote_frees - frees;
    /* relaxed: a counter. */
    stats->large_frames = atomic_load_explicit(&slab->large_frames, memory_order_relaxed);
}
