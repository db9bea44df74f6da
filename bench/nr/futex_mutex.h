// SPDX-License-Identifier: BSD-2-Clause
// The mutex of glibc in the accesses of <nr/atomic.h>, for the model: a logical thread cannot wait
// in glibc's own. Ulrich Drepper, "Futexes Are Tricky", mutex 2, which is what glibc's normal mutex
// does.
#pragma once

#include <nr/atomic.h>
#include <nr/port.h>

#include "contest.h"

enum {
    MUTEX_FREE,
    MUTEX_HELD,
    MUTEX_HELD_SLEEPERS,
};

struct mutex_lock {
    _Alignas(BENCH_APART) _Atomic uint32_t state;
};

BENCH_INLINE void mutex_init(struct mutex_lock *lock)
{
    atomic_init(&lock->state, MUTEX_FREE);
}

BENCH_INLINE void mutex_write_lock(struct mutex_lock *lock, const struct worker *worker)
{
    (void)worker;
    uint32_t found = MUTEX_FREE;
    if (nr_cas(&lock->state, &found, MUTEX_HELD, acquire))
        return;
    while (nr_exchange(&lock->state, MUTEX_HELD_SLEEPERS, acquire) != MUTEX_FREE)
        nr_port_wait(&lock->state, MUTEX_HELD_SLEEPERS);
}

/* nr_port_wake wakes all sleepers in general; the model's wakes one, as a mutex wants. */
BENCH_INLINE void mutex_write_unlock(struct mutex_lock *lock, const struct worker *worker)
{
    (void)worker;
    if (nr_exchange(&lock->state, MUTEX_FREE, release) == MUTEX_HELD_SLEEPERS)
        nr_port_wake(&lock->state);
}
