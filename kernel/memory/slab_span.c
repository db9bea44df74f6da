// SPDX-License-Identifier: BSD-2-Clause
//
// Spans: 8 frames, aligned to their size, cut into objects of one class, with a head that has a
// bitmap of the free ones; and depots, which hold the spans of one class and node.

#include "slab_impl.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/panic.h>

/* Wholly free spans that a depot keeps, so that an object which comes and goes at a border of spans
 * does not cost frames each time. */
#define KEEP_EMPTY 1

static struct slab_depot *depot_of(struct slab *slab, node_id_t node, unsigned class)
{
    return &slab->nodes[node]->depots[class];
}

void slab_depot_init(struct slab_depot *depot)
{
    list_init(&depot->partial);
    list_init(&depot->full);
}

/* Takes up to n objects from one span. */
static size_t take_from_span(struct slab_depot *depot, struct slab_span *span, void **objects,
                             size_t n)
{
    const struct slab_class *class = &slab_classes[span->class];
    char *first = (char *)span + class->first;
    size_t taken = 0;
    if (span->n_free == class->n_objects)
        depot->n_empty--;
    for (unsigned word = 0; word < class->map_words && taken < n; word++) {
        uint64_t bits = span->free_map[word];
        for (; bits && taken < n; bits &= bits - 1)
            objects[taken++] = first + (word * 64 + bit_lowest(bits)) * class->size;
        span->free_map[word] = bits;
    }
    span->n_free = (uint16_t)(span->n_free - taken);
    if (span->n_free == 0) {
        list_remove(&span->link);
        list_push_front(&depot->full, &span->link);
    }
    return taken;
}

static void free_span(struct slab *slab, struct slab_depot *depot, struct slab_span *span)
{
    list_remove(&span->link);
    depot->n_spans--;
    span->magic = 0;
    kerr_t err = frames_free_range(slab->frames, arch_virt_to_phys(span), SPAN_FRAMES);
    if (err)
        panic("slab: span %p cannot be freed: %s", (void *)span, kerr_text(err));
}

/* Puts one object back. The caller holds the depot's lock. */
static void give(struct slab *slab, struct slab_depot *depot, unsigned class_id, void *object)
{
    const struct slab_class *class = &slab_classes[class_id];
    struct slab_span *span = slab_span_of(object);
    uint32_t offset = (uint32_t)((uintptr_t)object - (uintptr_t)span) - class->first;
    uint32_t i = offset / class->size;
    uint64_t bit = UINT64_C(1) << i % 64;
    if (span->free_map[i / 64] & bit)
        panic("slab: %p of class %u was freed twice", object, class->size);
    span->free_map[i / 64] |= bit;
    span->n_free++;
    if (span->n_free == 1) {
        list_remove(&span->link);
        list_push_front(&depot->partial, &span->link);
    }
    if (span->n_free < class->n_objects)
        return;
    if (depot->n_empty == KEEP_EMPTY) {
        free_span(slab, depot, span);
        return;
    }
    depot->n_empty++;
    list_remove(&span->link);
    list_push_back(&depot->partial, &span->link);
}

/* Puts back what other nodes freed. The caller holds the depot's lock. */
static void take_in_remote(struct slab *slab, struct slab_depot *depot, unsigned class)
{
    /* relaxed: only a hint; the exchange below reads for certain. */
    if (!atomic_load_explicit(&depot->remote, memory_order_relaxed))
        return;
    /* acquire: sees what the freeing cores wrote to the objects, the links among it. */
    struct remote_object *object =
        atomic_exchange_explicit(&depot->remote, NULL, memory_order_acquire);
    while (object) {
        struct remote_object *next = object->next;
        give(slab, depot, class, object);
        object = next;
    }
}

/* Takes up to n objects. The caller holds the depot's lock. */
static size_t take(struct slab *slab, struct slab_depot *depot, unsigned class, void **objects,
                   size_t n)
{
    size_t taken = 0;
    take_in_remote(slab, depot, class);
    while (taken < n) {
        struct list_node *link = list_first(&depot->partial);
        if (!link)
            break;
        taken += take_from_span(depot, list_entry(link, struct slab_span, link), &objects[taken],
                                n - taken);
    }
    return taken;
}

size_t slab_depot_take(struct slab *slab, node_id_t node, unsigned class, void **objects, size_t n)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    bool irqs = spin_lock(&depot->lock);
    size_t taken = take(slab, depot, class, objects, n);
    spin_unlock(&depot->lock, irqs);
    return taken;
}

void *slab_depot_take_one(struct slab *slab, node_id_t node, unsigned class)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    void *object;
    do {
        bool irqs = spin_lock(&depot->lock);
        size_t taken = take(slab, depot, class, &object, 1);
        depot->allocs += taken;
        spin_unlock(&depot->lock, irqs);
        if (taken)
            return object;
    } while (slab_depot_grow(slab, node, class));
    return NULL;
}

void slab_depot_give(struct slab *slab, node_id_t node, unsigned class, void **objects, size_t n)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    bool irqs = spin_lock(&depot->lock);
    for (size_t i = 0; i < n; i++)
        give(slab, depot, class, objects[i]);
    spin_unlock(&depot->lock, irqs);
}

/*
 * A stack onto which many push and from which the holder of the depot's lock takes everything:
 * nobody takes single objects, so the compare-and-swap cannot be fooled by an object that left and
 * came back.
 */
void slab_depot_give_remote(struct slab *slab, node_id_t node, unsigned class, void *object)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    struct remote_object *link = object;
    link->next = atomic_load_explicit(&depot->remote, memory_order_relaxed);
    /* release: the link, and all that was done to the object, before it can be seen. */
    while (!atomic_compare_exchange_weak_explicit(&depot->remote, &link->next, link,
                                                  memory_order_release, memory_order_relaxed))
        ;
    atomic_fetch_add_explicit(&depot->remote_frees, 1, memory_order_relaxed);
}

bool slab_depot_grow(struct slab *slab, node_id_t node, unsigned class_id)
{
    const struct slab_class *class = &slab_classes[class_id];
    struct frame_request request = {.count = SPAN_FRAMES, .align = SPAN_SIZE, .node = node};
    paddr_t first;
    if (frames_alloc_range(slab->frames, &request, &first))
        return false;
    struct slab_span *span = arch_phys_to_virt(first);
    memset(span, 0, class->first);
    span->n_free = class->n_objects;
    span->node = (uint8_t)node;
    span->class = (uint8_t)class_id;
    span->magic = SPAN_MAGIC;
    for (unsigned i = 0; i < class->n_objects; i++) {
        span->free_map[i / 64] |= UINT64_C(1) << i % 64;
        if (KERNEL_CHECKED)
            slab_check_new((char *)span + class->first + i * class->size, class_id);
    }
    struct slab_depot *depot = depot_of(slab, node, class_id);
    bool irqs = spin_lock(&depot->lock);
    list_push_back(&depot->partial, &span->link);
    depot->n_spans++;
    depot->n_empty++;
    spin_unlock(&depot->lock, irqs);
    return true;
}

size_t slab_depot_shrink(struct slab *slab, node_id_t node, unsigned class)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    size_t n_frames = 0;
    bool irqs = spin_lock(&depot->lock);
    uint32_t before = depot->n_spans;
    take_in_remote(slab, depot, class);
    list_for_each_safe (link, &depot->partial) {
        struct slab_span *span = list_entry(link, struct slab_span, link);
        if (span->n_free < slab_classes[class].n_objects)
            continue;
        depot->n_empty--;
        free_span(slab, depot, span);
    }
    n_frames = (size_t)(before - depot->n_spans) * SPAN_FRAMES;
    spin_unlock(&depot->lock, irqs);
    return n_frames;
}

void slab_depot_destroy(struct slab *slab, node_id_t node, unsigned class)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    list_splice_back(&depot->partial, &depot->full);
    list_for_each_safe (link, &depot->partial)
        free_span(slab, depot, list_entry(link, struct slab_span, link));
}

void slab_depot_stats(struct slab *slab, node_id_t node, unsigned class, struct slab_stats *stats)
{
    struct slab_depot *depot = depot_of(slab, node, class);
    bool irqs = spin_lock(&depot->lock);
    stats->allocs += depot->allocs;
    stats->frames += SPAN_FRAMES * (uint64_t)depot->n_spans;
    /* relaxed: a counter. */
    stats->remote_frees += atomic_load_explicit(&depot->remote_frees, memory_order_relaxed);
    spin_unlock(&depot->lock, irqs);
}
