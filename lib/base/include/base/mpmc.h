// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Bounded queue of uint64_t for many producers and many consumers, on memory of the caller.
 *
 * Pushes and pops are numbered by two counters, and number i uses cell i mod capacity. Each cell
 * has a turn that says who may use it next: i for push number i, i + 1 for pop number i, and after
 * that i + capacity for the push of the next round. A thread finds the cell of the next number; if
 * it is its turn, it takes the number by compare-and-swap, uses the cell alone, and passes the turn
 * on.
 *
 *     push i: load turn (acquire) == i      take i from tail  write value  store turn i + 1
 * (release) pop i:  load turn (acquire) == i + 1  take i from head  read value   store turn i +
 * capacity (release)
 *
 * The turn carries all ordering: each user of a cell sees what the one before did. The counters
 * only deal out numbers, so they are relaxed. A thread that is stopped between taking a number and
 * passing the turn holds up those who need the same cell: they are told "full" or "empty" and may
 * do something else.
 *
 * After D. Vyukov's bounded MPMC queue.
 */
#include <base/bits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mpmc_cell {
    _Atomic uint64_t turn;
    uint64_t value;
};

struct mpmc {
    /* [const] */
    struct mpmc_cell *cells;
    uint64_t mask;
    /* [global] */
    _Alignas(CACHE_APART) _Atomic uint64_t tail; /* next push */
    _Alignas(CACHE_APART) _Atomic uint64_t head; /* next pop */
};

/* Makes an empty queue on `capacity` cells, a power of two >= 2, which must outlive it. Before any
 * other thread knows of it. */
static inline void mpmc_init(struct mpmc *queue, struct mpmc_cell *cells, size_t capacity)
{
    queue->cells = cells;
    queue->mask = capacity - 1;
    atomic_init(&queue->tail, 0);
    atomic_init(&queue->head, 0);
    for (size_t i = 0; i < capacity; i++)
        atomic_init(&cells[i].turn, i);
}

/* Appends; false if the queue is full, or a pop that would make room is not finished. */
static inline bool mpmc_push(struct mpmc *queue, uint64_t value)
{
    uint64_t i = atomic_load_explicit(&queue->tail, memory_order_relaxed);
    for (;;) {
        struct mpmc_cell *cell = &queue->cells[i & queue->mask];
        int64_t ahead = (int64_t)(atomic_load_explicit(&cell->turn, memory_order_acquire) - i);
        if (ahead < 0)
            return false;
        if (ahead > 0) {
            i = atomic_load_explicit(&queue->tail, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &queue->tail, &i, i + 1, memory_order_relaxed, memory_order_relaxed)) {
            cell->value = value;
            atomic_store_explicit(&cell->turn, i + 1, memory_order_release);
            return true;
        }
    }
}

/* Takes the oldest value; false if the queue is empty, or the push of that value is not finished.
 */
static inline bool mpmc_pop(struct mpmc *queue, uint64_t *value)
{
    uint64_t i = atomic_load_explicit(&queue->head, memory_order_relaxed);
    for (;;) {
        struct mpmc_cell *cell = &queue->cells[i & queue->mask];
        int64_t ahead =
            (int64_t)(atomic_load_explicit(&cell->turn, memory_order_acquire) - (i + 1));
        if (ahead < 0)
            return false;
        if (ahead > 0) {
            i = atomic_load_explicit(&queue->head, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &queue->head, &i, i + 1, memory_order_relaxed, memory_order_relaxed)) {
            *value = cell->value;
            atomic_store_explicit(&cell->turn, i + queue->mask + 1, memory_order_release);
            return true;
        }
    }
}

/* mpmc_pop for a queue that has one consumer at a time: no compare-and-swap. */
static inline bool mpmc_pop_sole(struct mpmc *queue, uint64_t *value)
{
    uint64_t i = atomic_load_explicit(&queue->head, memory_order_relaxed);
    struct mpmc_cell *cell = &queue->cells[i & queue->mask];
    if (atomic_load_explicit(&cell->turn, memory_order_acquire) != i + 1)
        return false;
    *value = cell->value;
    atomic_store_explicit(&queue->head, i + 1, memory_order_relaxed);
    atomic_store_explicit(&cell->turn, i + queue->mask + 1, memory_order_release);
    return true;
}

/* How many values were there at some moment of the call, if nobody else works on the queue; else an
 * estimate, at most the capacity. */
static inline size_t mpmc_count(const struct mpmc *queue)
{
    uint64_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
    return tail > head ? min(tail - head, queue->mask + 1) : 0;
}
