// SPDX-License-Identifier: BSD-2-Clause
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "contest.h"

static void *heap_alloc(struct allocator *self, size_t size, size_t align)
{
    (void)self;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void heap_free(struct allocator *self, void *ptr, size_t size)
{
    (void)self;
    (void)size;
    free(ptr);
}

struct allocator bench_heap = {.alloc = heap_alloc, .free = heap_free};

void *bench_alloc(size_t size)
{
    size = (size + BENCH_APART - 1) / BENCH_APART * BENCH_APART;
    void *ptr = aligned_alloc(BENCH_APART, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}
