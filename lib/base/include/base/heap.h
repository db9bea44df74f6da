// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Priority queue of uint64_t values: the smallest priority comes out first, and among equal ones
 * the value that went in first (entries are numbered), so that replicas agree on the order.
 *
 * A 4-ary heap in an array: half as deep as a binary one, and the four children of an entry are
 * neighbours. An empty heap allocates nothing; a push that finds no memory changes nothing; pop
 * never allocates or frees. Not thread-safe; readers may run in parallel.
 */
#include <base/alloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    uint64_t priority;
    uint64_t number;
    uint64_t value;
};

struct heap {
    struct heap_entry *entries; /* entry i is not after its children 4i + 1 .. 4i + 4 */
    size_t count;
    size_t capacity;
    uint64_t next_number;
    struct allocator *alloc;
};

/* Makes an empty heap; never fails. `alloc` must outlive it. */
void heap_init(struct heap *heap, struct allocator *alloc);

/* Removes all entries and frees all memory; the heap stays usable. */
void heap_clear(struct heap *heap);

/* Makes room for n entries in total: no push fails before. Returns false if there is no memory; the
 * heap is unchanged. */
bool heap_reserve(struct heap *heap, size_t n) __attribute__((warn_unused_result));

/* Makes dst (uninitialised) an equal heap with memory from `alloc`. Returns false if there is no
 * memory; dst is an empty heap then. */
bool heap_clone(struct heap *dst, const struct heap *src, struct allocator *alloc)
    __attribute__((warn_unused_result));

/* Adds an entry; false if there is no memory. */
bool heap_push(struct heap *heap, uint64_t priority, uint64_t value)
    __attribute__((warn_unused_result));

/* Takes the first entry; false if there is none. */
bool heap_pop(struct heap *heap, uint64_t *priority, uint64_t *value);

/* Looks at the first entry; false if there is none. */
static inline bool heap_peek(const struct heap *heap, uint64_t *priority, uint64_t *value)
{
    if (heap->count == 0)
        return false;
    *priority = heap->entries[0].priority;
    *value = heap->entries[0].value;
    return true;
}

static inline size_t heap_count(const struct heap *heap)
{
    return heap->count;
}
