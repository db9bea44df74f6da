// SPDX-License-Identifier: BSD-2-Clause
#include <base/fifo.h>

enum { MIN_CAPACITY = 8 }; /* one cache line */

void fifo_init(struct fifo *fifo, struct allocator *alloc)
{
    *fifo = (struct fifo){.alloc = alloc};
}

void fifo_clear(struct fifo *fifo)
{
    allocator_free(fifo->alloc, fifo->slots, fifo->capacity * sizeof(uint64_t));
    fifo_init(fifo, fifo->alloc);
}

/* Copies the values in order to `slots`. */
static void copy_out(const struct fifo *fifo, uint64_t *slots)
{
    size_t first = min(fifo->count, fifo->capacity - fifo->head);
    if (first)
        memcpy(slots, &fifo->slots[fifo->head], first * sizeof(uint64_t));
    if (fifo->count > first)
        memcpy(&slots[first], fifo->slots, (fifo->count - first) * sizeof(uint64_t));
}

bool fifo_reserve(struct fifo *fifo, size_t n)
{
    if (n <= fifo->capacity)
        return true;
    size_t capacity = pow2_ceil(max(n, (size_t)MIN_CAPACITY));
    if (capacity == 0)
        return false;
    uint64_t *slots =
        allocator_alloc_array(fifo->alloc, capacity, sizeof *slots, _Alignof(uint64_t));
    if (!slots)
        return false;
    copy_out(fifo, slots);
    allocator_free(fifo->alloc, fifo->slots, fifo->capacity * sizeof(uint64_t));
    fifo->slots = slots;
    fifo->capacity = capacity;
    fifo->head = 0;
    return true;
}

/* Same capacity: copies of a queue allocate at the same pushes. */
bool fifo_clone(struct fifo *dst, const struct fifo *src, struct allocator *alloc)
{
    fifo_init(dst, alloc);
    if (!fifo_reserve(dst, src->capacity))
        return false;
    copy_out(src, dst->slots);
    dst->count = src->count;
    return true;
}
