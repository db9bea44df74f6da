// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Double-ended queue of uint64_t that grows: a circular array of a power of two, doubled when full.
 * An empty one allocates nothing; a push that finds no memory changes nothing; taking out never
 * allocates or frees. Not thread-safe; readers may run in parallel.
 */
#include <base/alloc.h>
#include <base/bits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fifo {
    uint64_t *slots;
    size_t capacity; /* 0 or a power of two */
    size_t head;     /* slot of the oldest value, < capacity */
    size_t count;
    struct allocator *alloc;
};

/* Makes an empty queue; never fails. `alloc` must outlive it. */
void fifo_init(struct fifo *fifo, struct allocator *alloc);

/* Removes all values and frees all memory; the queue stays usable. */
void fifo_clear(struct fifo *fifo);

/* Makes room for n values in total: no push fails before. Returns false if there is no memory; the
 * queue is unchanged. */
bool fifo_reserve(struct fifo *fifo, size_t n) __attribute__((warn_unused_result));

/* Makes dst (uninitialised) an equal queue with memory from `alloc`. Returns false if there is no
 * memory; dst is an empty queue then. */
bool fifo_clone(struct fifo *dst, const struct fifo *src, struct allocator *alloc)
    __attribute__((warn_unused_result));

static inline size_t fifo_count(const struct fifo *fifo)
{
    return fifo->count;
}

/* The place of value i, counted from the front; i < count. */
static inline uint64_t *fifo_at(const struct fifo *fifo, size_t i)
{
    return &fifo->slots[(fifo->head + i) & (fifo->capacity - 1)];
}

/* Adds at the back; false if there is no memory. */
static inline __attribute__((warn_unused_result)) bool fifo_push_back(struct fifo *fifo,
                                                                      uint64_t value)
{
    if (unlikely(fifo->count == fifo->capacity) && !fifo_reserve(fifo, fifo->count + 1))
        return false;
    *fifo_at(fifo, fifo->count) = value;
    fifo->count++;
    return true;
}

/* Adds at the front; false if there is no memory. */
static inline __attribute__((warn_unused_result)) bool fifo_push_front(struct fifo *fifo,
                                                                       uint64_t value)
{
    if (unlikely(fifo->count == fifo->capacity) && !fifo_reserve(fifo, fifo->count + 1))
        return false;
    fifo->head = (fifo->head - 1) & (fifo->capacity - 1);
    fifo->slots[fifo->head] = value;
    fifo->count++;
    return true;
}

/* Takes from the front or the back; false if the queue is empty. */
static inline bool fifo_pop_front(struct fifo *fifo, uint64_t *value)
{
    if (fifo->count == 0)
        return false;
    *value = *fifo_at(fifo, 0);
    fifo->head = (fifo->head + 1) & (fifo->capacity - 1);
    fifo->count--;
    return true;
}

static inline bool fifo_pop_back(struct fifo *fifo, uint64_t *value)
{
    if (fifo->count == 0)
        return false;
    fifo->count--;
    *value = *fifo_at(fifo, fifo->count);
    return true;
}
