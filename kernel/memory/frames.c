// SPDX-License-Identifier: BSD-2-Clause
//
// The frame allocator
//
// 1. Concepts. RAM is a few *regions*, each contiguous and of one node, cut into *blocks* of 2 MiB
//    at addresses divisible by 2 MiB (the first and last of a region may be partly outside of it).
//    A block has a bitmap of its free 4 KiB frames. Each *node* keeps its blocks that have
//    something free in lists by how many frames are free; a block with all 512 free is a 2 MiB
//    frame. Each *core* has a cache of frames of its own node, one stack for either class, refilled
//    and spilled one half at a time.
//
// 2. Invariants. A frame is in exactly one place: free in its block, in the stack of one core of
//    its node, or with an owner outside. The list of a block is the one for its number of free
//    frames.
//
// 3. Locks. One for each node, one for each core's cache; interrupts are off while one is held.
//    Order: a cache before a node. Two caches or two nodes are never held together. A core's cache
//    has a lock, which nobody else wants as a rule, so that an allocation that finds no memory
//    anywhere can empty the caches of *all* cores: KERR_NO_MEMORY is exact. (It is exact for one
//    allocation at a time; a frame that another core is just moving from one place to the other may
//    be missed.)
//
// 4. Remote frames. A core allocates from and frees to its cache only frames of its own node; all
//    others come from and go to the list of their node at once. So memory never drifts between
//    nodes.
//
// 5. Errors of the caller. In a checked build each frame has a bit that says whether somebody
//    outside owns it, set and cleared atomically, so that of two frees of a frame the second fails,
//    wherever the frame went in between unless it was allocated again. In an unchecked build the
//    node's bitmap shows a double free as soon as both have reached the node.
//
// The design follows the frame caches of nrk's book (FrameCacheSmall, FrameCacheLarge), but splits
// and merges, and has no capacity limits, as its state is proportional to the memory.

#include "frames_impl.h"

#include <kernel/arch.h>
#include <kernel/inject.h>
#include <kernel/panic.h>

static uint64_t class_size(enum frame_class class)
{
    return class == FRAME_SMALL ? FRAME_SIZE : LARGE_FRAME_SIZE;
}

static uint64_t class_count(enum frame_class class)
{
    return class == FRAME_SMALL ? 1 : FRAMES_PER_LARGE;
}

/* --- Ownership bits (checked builds) --- */

/* Sets or clears the ownership of frames. False, and nothing has changed, if one was in that state.
 */
static bool owned_change(const struct frame_region *region, uint64_t base, uint64_t count, bool own)
{
    uint64_t first = base / FRAME_SIZE - region->first_block * FRAMES_PER_LARGE;
    for (uint64_t at = first, n; at < first + count; at += n) {
        n = min(first + count - at, 64 - at % 64);
        uint64_t mask = (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << at % 64;
        _Atomic uint64_t *word = &region->owned[at / 64];
        /* relaxed: only the bits matter; the memory itself is handed over under the locks. */
        uint64_t old = own ? atomic_fetch_or_explicit(word, mask, memory_order_relaxed)
                           : atomic_fetch_and_explicit(word, ~mask, memory_order_relaxed);
        uint64_t wrong = (own ? old : ~old) & mask;
        if (!wrong)
            continue;
        if (own)
            atomic_fetch_and_explicit(word, ~(mask & ~wrong), memory_order_relaxed);
        else
            atomic_fetch_or_explicit(word, mask & ~wrong, memory_order_relaxed);
        if (at > first)
            owned_change(region, base, at - first, !own);
        return false;
    }
    return true;
}

static void set_owned(const struct frames *frames, paddr_t frame, uint64_t count)
{
    if (!KERNEL_CHECKED)
        return;
    struct frame_region *region = frame_region_find(frames, frame.raw, count * FRAME_SIZE);
    if (!owned_change(region, frame.raw, count, true))
        panic("frames: %#llx was handed out twice", (unsigned long long)frame.raw);
}

/* --- Caches of cores --- */

/* Moves up to `n` frames from the top of the stack to the node. The caller holds the cache's lock.
 */
static void spill(struct frames *frames, struct frame_core *core, enum frame_class class, size_t n)
{
    struct frame_stack *stack = &core->stacks[class];
    struct frame_node *node = frames->nodes[core->node];
    bool irqs = spin_lock(&node->lock);
    for (; n && stack->n; n--) {
        uint64_t base = stack->frames[--stack->n].raw;
        struct frame_region *region = frame_region_find(frames, base, class_size(class));
        if (!frame_node_give(node, region, base, class_count(class)))
            node->stats.bad_frees++;
    }
    spin_unlock(&node->lock, irqs);
}

static void refill(struct frames *frames, struct frame_core *core, enum frame_class class)
{
    struct frame_stack *stack = &core->stacks[class];
    struct frame_node *node = frames->nodes[core->node];
    bool irqs = spin_lock(&node->lock);
    stack->n += (uint32_t)frame_node_take(frames, node, class, (stack->max + 1) / 2, stack->frames);
    spin_unlock(&node->lock, irqs);
    core->stats.refills++;
}

/* The cache of the core we run on, if it is for this node; else NULL. */
static struct frame_core *own_cache(struct frames *frames, node_id_t node, enum frame_class class)
{
    core_id_t id = arch_core_id();
    struct frame_core *core = id < frames->n_cores ? frames->cores[id] : NULL;
    return core && core->node == node && core->stacks[class].max ? core : NULL;
}

static bool cache_take(struct frames *frames, struct frame_core *core, enum frame_class class,
                       paddr_t *frame)
{
    struct frame_stack *stack = &core->stacks[class];
    bool irqs = spin_lock(&core->lock);
    if (stack->n == 0)
        refill(frames, core, class);
    bool found = stack->n > 0;
    if (found) {
        *frame = stack->frames[--stack->n];
        core->stats.allocs++;
    }
    spin_unlock(&core->lock, irqs);
    return found;
}

static void cache_put(struct frames *frames, struct frame_core *core, enum frame_class class,
                      paddr_t frame)
{
    struct frame_stack *stack = &core->stacks[class];
    bool irqs = spin_lock(&core->lock);
    if (stack->n == stack->max) {
        spill(frames, core, class, (stack->max + 1) / 2);
        core->stats.spills++;
    }
    stack->frames[stack->n++] = frame;
    core->stats.frees++;
    spin_unlock(&core->lock, irqs);
}

void frames_drain(struct frames *frames)
{
    for (unsigned i = 0; i < frames->n_cores; i++) {
        struct frame_core *core = frames->cores[i];
        bool irqs = spin_lock(&core->lock);
        spill(frames, core, FRAME_SMALL, CACHE_SMALL_MAX);
        spill(frames, core, FRAME_LARGE, CACHE_LARGE_MAX);
        spin_unlock(&core->lock, irqs);
    }
}

/* --- Allocation --- */

/* What is asked for: a range if `range` is set, else a frame of `class`. */
struct wish {
    node_id_t node;
    unsigned flags;
    enum frame_class class;
    const struct frame_request *range;
};

static bool take_from_node(struct frames *frames, node_id_t id, const struct wish *wish,
                           paddr_t *frame)
{
    struct frame_node *node = frames->nodes[id];
    bool irqs = spin_lock(&node->lock);
    bool found = wish->range ? frame_node_take_range(frames, id, wish->range, frame)
                             : frame_node_take(frames, node, wish->class, 1, frame) == 1;
    if (found && id != wish->node)
        node->stats.lent++;
    spin_unlock(&node->lock, irqs);
    return found;
}

static bool take_from_nodes(struct frames *frames, const struct wish *wish, paddr_t *frame)
{
    const node_id_t *order = frames->nodes[wish->node]->order;
    unsigned n = wish->flags & FRAME_THIS_NODE ? 1 : frames->n_nodes;
    for (unsigned i = 0; i < n; i++) {
        if (take_from_node(frames, order[i], wish, frame))
            return true;
    }
    return false;
}

/* Empties all caches, then asks others for memory, until there is some. */
static bool take_hard(struct frames *frames, const struct wish *wish, paddr_t *frame)
{
    frames_drain(frames);
    if (take_from_nodes(frames, wish, frame))
        return true;
    if (!frames->reclaim || !frames->reclaim(frames->reclaim_context))
        return false;
    frames_drain(frames);
    return take_from_nodes(frames, wish, frame);
}

kerr_t frames_alloc(struct frames *frames, node_id_t node, enum frame_class class, unsigned flags,
                    paddr_t *frame)
{
    if (unlikely(node >= frames->n_nodes))
        return KERR_INVALID;
    if (inject_fails())
        return KERR_NO_MEMORY;
    struct frame_core *core = own_cache(frames, node, class);
    struct wish wish = {.node = node, .flags = flags, .class = class};
    if (!(core && cache_take(frames, core, class, frame)) &&
        !take_from_nodes(frames, &wish, frame) && !take_hard(frames, &wish, frame))
        return KERR_NO_MEMORY;
    set_owned(frames, *frame, class_count(class));
    return KERR_OK;
}

kerr_t frames_alloc_range(struct frames *frames, const struct frame_request *request,
                          paddr_t *first)
{
    if (request->count == 0 || (request->align && !is_pow2(request->align)) ||
        request->node >= frames->n_nodes)
        return KERR_INVALID;
    if (inject_fails())
        return KERR_NO_MEMORY;
    struct wish wish = {.node = request->node, .flags = request->flags, .range = request};
    if (!take_from_nodes(frames, &wish, first) && !take_hard(frames, &wish, first))
        return KERR_NO_MEMORY;
    set_owned(frames, *first, request->count);
    return KERR_OK;
}

/* --- Freeing --- */

/* Finds the region of the frames, and ends their ownership. */
static kerr_t disown(struct frames *frames, paddr_t base, uint64_t count,
                     struct frame_region **region)
{
    if (!paddr_is_aligned(base, FRAME_SIZE))
        return KERR_MISALIGNED;
    if (count > UINT64_MAX / FRAME_SIZE)
        return KERR_FOREIGN_FRAME;
    *region = frame_region_find(frames, base.raw, count * FRAME_SIZE);
    if (unlikely(!*region))
        return KERR_FOREIGN_FRAME;
    if (KERNEL_CHECKED && !owned_change(*region, base.raw, count, false))
        return KERR_DOUBLE_FREE;
    return KERR_OK;
}

static kerr_t give_to_node(struct frames *frames, struct frame_region *region, paddr_t base,
                           uint64_t count)
{
    struct frame_node *node = frames->nodes[region->node];
    bool irqs = spin_lock(&node->lock);
    bool given = frame_node_give(node, region, base.raw, count);
    spin_unlock(&node->lock, irqs);
    return given ? KERR_OK : KERR_DOUBLE_FREE;
}

kerr_t frames_free(struct frames *frames, paddr_t frame, enum frame_class class)
{
    if (!paddr_is_aligned(frame, class_size(class)))
        return KERR_MISALIGNED;
    struct frame_region *region;
    kerr_t err = disown(frames, frame, class_count(class), &region);
    if (unlikely(err))
        return err;
    struct frame_core *core = own_cache(frames, region->node, class);
    if (core) {
        cache_put(frames, core, class, frame);
        return KERR_OK;
    }
    return give_to_node(frames, region, frame, class_count(class));
}

kerr_t frames_free_range(struct frames *frames, paddr_t first, uint64_t count)
{
    struct frame_region *region;
    kerr_t err = disown(frames, first, count, &region);
    return err ? err : give_to_node(frames, region, first, count);
}

/* --- Questions --- */

void frames_set_reclaim(struct frames *frames, frames_reclaim_fn reclaim, void *context)
{
    frames->reclaim = reclaim;
    frames->reclaim_context = context;
}

kerr_t frames_node_of(const struct frames *frames, paddr_t frame, node_id_t *node)
{
    const struct frame_region *region = frame_region_find(frames, frame.raw, 1);
    if (!region)
        return KERR_FOREIGN_FRAME;
    *node = region->node;
    return KERR_OK;
}

unsigned frames_n_nodes(const struct frames *frames)
{
    return frames->n_nodes;
}

unsigned frames_n_cores(const struct frames *frames)
{
    return frames->n_cores;
}

node_id_t frames_nearest(const struct frames *frames, node_id_t node, unsigned nth)
{
    return frames->nodes[node]->order[nth];
}

node_id_t frames_core_node(const struct frames *frames, core_id_t core)
{
    return frames->cores[core]->node;
}

void frames_node_stats(struct frames *frames, node_id_t id, struct frame_node_stats *stats)
{
    struct frame_node *node = frames->nodes[id];
    bool irqs = spin_lock(&node->lock);
    *stats = node->stats;
    spin_unlock(&node->lock, irqs);
}

void frames_core_stats(struct frames *frames, core_id_t id, struct frame_core_stats *stats)
{
    struct frame_core *core = frames->cores[id];
    bool irqs = spin_lock(&core->lock);
    *stats = core->stats;
    stats->small_cached = core->stacks[FRAME_SMALL].n;
    stats->large_cached = core->stacks[FRAME_LARGE].n;
    spin_unlock(&core->lock, irqs);
}
