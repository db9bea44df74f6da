// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Bounded first-in-first-out queue of uint64_t on memory of the caller. Never allocates. For one
 * thread at a time: <base/spsc.h> and <base/mpmc.h> are the concurrent ones, <base/fifo.h> grows.
 */
#include <base/bits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* head and tail count all pops and pushes: their difference is the length, also after they wrapped.
 */
struct ring {
    uint64_t *slots;
    size_t mask;
    size_t head;
    size_t tail;
};

/* Makes an empty queue on `capacity` slots, a power of two, which must outlive it. */
static inline void ring_init(struct ring *ring, uint64_t *slots, size_t capacity)
{
    ring->slots = slots;
    ring->mask = capacity - 1;
    ring->head = 0;
    ring->tail = 0;
}

static inline size_t ring_count(const struct ring *ring)
{
    return ring->tail - ring->head;
}

static inline bool ring_is_full(const struct ring *ring)
{
    return ring_count(ring) > ring->mask;
}

/* Appends; false if the queue is full. */
static inline bool ring_push(struct ring *ring, uint64_t value)
{
    if (ring_is_full(ring))
        return false;
    ring->slots[ring->tail++ & ring->mask] = value;
    return true;
}

/* Looks at the oldest value; false if there is none. */
static inline bool ring_peek(const struct ring *ring, uint64_t *value)
{
    if (ring->head == ring->tail)
        return false;
    *value = ring->slots[ring->head & ring->mask];
    return true;
}

/* Takes the oldest value; false if there is none. */
static inline bool ring_pop(struct ring *ring, uint64_t *value)
{
    if (!ring_peek(ring, value))
        return false;
    ring->head++;
    return true;
}
