// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Lock-free ring from one producer to one consumer, possibly in different address spaces and
 * possibly not trusting each other (a process and the network server).
 *
 * 1. Memory. spsc_bytes() bytes that both sides see hold two indices and the slots; everything else
 * - where that memory is mapped, sizes, the own index - lies in a handle that each side keeps to
 * itself. Indices count elements and wrap at 2^64; element i lies in slot i mod capacity.
 *
 * 2. Protocol. Only the producer writes `tail`, only the consumer writes `head`.
 *
 *     producer: write slots, store tail (release)  -->  consumer: load tail (acquire), read slots
 *     consumer: read slots, store head (release)   -->  producer: load head (acquire), overwrite
 * slots
 *
 * Each arrow makes what was done with the slots before it happen before what is done after it. Each
 * side remembers the other's index as last seen and loads it again only when that does not suffice,
 * so that the lines of the indices move between processors once per batch, not per element.
 *
 * 3. Trust. A side computes only with its own index from its handle and the distance to the
 * other's. A distance above the capacity can only come from a peer that does not keep to the
 * protocol; it counts as "nothing there", so such a peer can stop the ring, but no access leaves
 * the slots. Elements remain writable for the producer: a consumer that does not trust it copies
 * before it checks.
 *
 * Nothing here sleeps or wakes; that is for the caller.
 */
#include <base/bits.h>
#include <base/string.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In shared memory; zeroed = empty. The slots follow. */
struct spsc_shared {
    _Alignas(CACHE_APART) _Atomic uint64_t tail; /* [producer] elements ever published */
    _Alignas(CACHE_APART) _Atomic uint64_t head; /* [consumer] elements ever released */
};

/* A handle; all of it belongs to one side. */
struct spsc {
    struct spsc_shared *shared;
    unsigned char *slots;
    uint64_t mask;  /* capacity - 1 */
    size_t stride;  /* bytes per slot */
    uint64_t own;   /* tail for the producer, head for the consumer */
    uint64_t other; /* the other index as last seen */
};

/* Bytes of shared memory for `capacity` slots (a power of two) of `stride` bytes. */
static inline size_t spsc_bytes(size_t capacity, size_t stride)
{
    return sizeof(struct spsc_shared) + capacity * stride;
}

/* Loads the other side's index. Acquire: see "Protocol". Where the distance is not a state of the
 * protocol, takes the ring for full (producer) or empty (consumer). */
static inline void spsc_producer_look(struct spsc *p)
{
    p->other = atomic_load_explicit(&p->shared->head, memory_order_acquire);
    if (unlikely(p->own - p->other > p->mask + 1))
        p->other = p->own - (p->mask + 1);
}

static inline void spsc_consumer_look(struct spsc *c)
{
    c->other = atomic_load_explicit(&c->shared->tail, memory_order_acquire);
    if (unlikely(c->other - c->own > c->mask + 1))
        c->other = c->own;
}

static inline struct spsc spsc_handle(void *memory, size_t capacity, size_t stride)
{
    struct spsc_shared *shared = memory;
    unsigned char *slots = (unsigned char *)(shared + 1);
    return (struct spsc){.shared = shared, .slots = slots, .mask = capacity - 1, .stride = stride};
}

/* Make the handle of a side for memory that is zeroed or already in use: a side may come back with
 * a new handle and goes on where it was. `memory` is aligned to CACHE_APART; capacity and stride as
 * for spsc_bytes. */
static inline void spsc_producer_init(struct spsc *p, void *memory, size_t capacity, size_t stride)
{
    *p = spsc_handle(memory, capacity, stride);
    p->own = atomic_load_explicit(&p->shared->tail, memory_order_relaxed); /* only we write it */
    spsc_producer_look(p);
}

static inline void spsc_consumer_init(struct spsc *c, void *memory, size_t capacity, size_t stride)
{
    *c = spsc_handle(memory, capacity, stride);
    c->own = atomic_load_explicit(&c->shared->head, memory_order_relaxed); /* only we write it */
    spsc_consumer_look(c);
}

/* The slot of the i-th element that the side may use: free ones for the producer (i < spsc_room),
 * filled ones for the consumer (i < spsc_available). */
static inline void *spsc_slot(const struct spsc *side, uint64_t i)
{
    return side->slots + ((side->own + i) & side->mask) * side->stride;
}

/* Producer: number of free slots; looks at the consumer's index only if fewer than `want` are
 * known. */
static inline uint64_t spsc_room(struct spsc *p, uint64_t want)
{
    if (p->mask + 1 - (p->own - p->other) < want)
        spsc_producer_look(p);
    return p->mask + 1 - (p->own - p->other);
}

/* Producer: hands over the first n slots, n <= spsc_room. */
static inline void spsc_publish(struct spsc *p, uint64_t n)
{
    p->own += n;
    atomic_store_explicit(&p->shared->tail, p->own, memory_order_release);
}

/* Consumer: number of filled slots; looks at the producer's index only if fewer than `want` are
 * known. */
static inline uint64_t spsc_available(struct spsc *c, uint64_t want)
{
    if (c->other - c->own < want)
        spsc_consumer_look(c);
    return c->other - c->own;
}

/* Consumer: gives back the first n slots, n <= spsc_available. */
static inline void spsc_release(struct spsc *c, uint64_t n)
{
    c->own += n;
    atomic_store_explicit(&c->shared->head, c->own, memory_order_release);
}

/* Producer: copies one element in; false if the ring is full. */
static inline bool spsc_push(struct spsc *p, const void *element)
{
    if (spsc_room(p, 1) == 0)
        return false;
    memcpy(spsc_slot(p, 0), element, p->stride);
    spsc_publish(p, 1);
    return true;
}

/* Consumer: copies one element out; false if the ring is empty. */
static inline bool spsc_pop(struct spsc *c, void *element)
{
    if (spsc_available(c, 1) == 0)
        return false;
    memcpy(element, spsc_slot(c, 0), c->stride);
    spsc_release(c, 1);
    return true;
}
