// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Where a data structure gets its memory from. Embed a struct allocator in whatever carries the
 * state and recover that with container_of. Allocation may fail at any time; a structure that meets
 * a failure reports it and is unchanged.
 */
#include <base/bits.h>
#include <base/string.h>
#include <stddef.h>
#include <stdint.h>

struct allocator {
    /* Returns `size` > 0 bytes aligned to `align` (a power of two), or NULL. */
    void *(*alloc)(struct allocator *self, size_t size, size_t align);
    /* Takes back what alloc returned for the same size; ptr is not NULL. */
    void (*free)(struct allocator *self, void *ptr, size_t size);
};

/* Returns uninitialised memory or NULL. */
static inline void *allocator_alloc(struct allocator *a, size_t size, size_t align)
{
    return a->alloc(a, size, align);
}

/* Returns zeroed memory or NULL. */
static inline void *allocator_zalloc(struct allocator *a, size_t size, size_t align)
{
    void *ptr = a->alloc(a, size, align);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

/* Returns uninitialised memory for n > 0 elements, or NULL, also where n * size overflows. */
static inline void *allocator_alloc_array(struct allocator *a, size_t n, size_t size, size_t align)
{
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
        return NULL;
    return a->alloc(a, bytes, align);
}

/* Frees memory of the given size; NULL is allowed. */
static inline void allocator_free(struct allocator *a, void *ptr, size_t size)
{
    if (ptr)
        a->free(a, ptr, size);
}
