// SPDX-License-Identifier: BSD-2-Clause
#include <base/heap.h>

enum {
    ARITY = 4,
    MIN_CAPACITY = 8,
};

static bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->priority < b->priority || (a->priority == b->priority && a->number < b->number);
}

void heap_init(struct heap *heap, struct allocator *alloc)
{
    *heap = (struct heap){.alloc = alloc};
}

void heap_clear(struct heap *heap)
{
    allocator_free(heap->alloc, heap->entries, heap->capacity * sizeof *heap->entries);
    heap_init(heap, heap->alloc);
}

static bool set_capacity(struct heap *heap, size_t capacity)
{
    struct heap_entry *entries =
        allocator_alloc_array(heap->alloc, capacity, sizeof *entries, _Alignof(struct heap_entry));
    if (!entries)
        return false;
    if (heap->count)
        memcpy(entries, heap->entries, heap->count * sizeof *entries);
    allocator_free(heap->alloc, heap->entries, heap->capacity * sizeof *entries);
    heap->entries = entries;
    heap->capacity = capacity;
    return true;
}

bool heap_reserve(struct heap *heap, size_t n)
{
    return n <= heap->capacity || set_capacity(heap, max(n, (size_t)MIN_CAPACITY));
}

/* Same capacity: copies of a heap allocate at the same pushes. */
bool heap_clone(struct heap *dst, const struct heap *src, struct allocator *alloc)
{
    heap_init(dst, alloc);
    if (src->capacity && !set_capacity(dst, src->capacity))
        return false;
    if (src->count)
        memcpy(dst->entries, src->entries, src->count * sizeof *src->entries);
    dst->count = src->count;
    dst->next_number = src->next_number;
    return true;
}

/* The hole at i rises until `entry` may fill it. */
static void fill_rising(struct heap *heap, size_t i, struct heap_entry entry)
{
    while (i > 0 && before(&entry, &heap->entries[(i - 1) / ARITY])) {
        heap->entries[i] = heap->entries[(i - 1) / ARITY];
        i = (i - 1) / ARITY;
    }
    heap->entries[i] = entry;
}

/* The hole at the top sinks until `entry` may fill it. */
static void fill_sinking(struct heap *heap, struct heap_entry entry)
{
    size_t i = 0;
    for (;;) {
        size_t child = ARITY * i + 1, end = min(child + ARITY, heap->count);
        if (child >= heap->count)
            break;
        size_t first = child;
        for (size_t other = child + 1; other < end; other++) {
            if (before(&heap->entries[other], &heap->entries[first]))
                first = other;
        }
        if (!before(&heap->entries[first], &entry))
            break;
        heap->entries[i] = heap->entries[first];
        i = first;
    }
    heap->entries[i] = entry;
}

bool heap_push(struct heap *heap, uint64_t priority, uint64_t value)
{
    if (heap->count == heap->capacity &&
        !set_capacity(heap, heap->capacity ? heap->capacity * 2 : MIN_CAPACITY))
        return false;
    struct heap_entry entry = {priority, heap->next_number++, value};
    fill_rising(heap, heap->count++, entry);
    return true;
}

bool heap_pop(struct heap *heap, uint64_t *priority, uint64_t *value)
{
    if (!heap_peek(heap, priority, value))
        return false;
    heap->count--;
    if (heap->count)
        fill_sinking(heap, heap->entries[heap->count]);
    return true;
}
