// SPDX-License-Identifier: BSD-2-Clause

#include <kernel/inject.h>

#include <stdatomic.h>

/* All relaxed: a test arms before it starts its cores and looks after it has joined them. */
static _Atomic uint64_t countdown; /* allocations until the one to fail; 0: disarmed */
static _Atomic bool fired;
static _Atomic bool stuck; /* fail all from now on */
static bool sticky_wanted;

void inject_arm(uint64_t nth, bool sticky)
{
    sticky_wanted = sticky;
    atomic_store_explicit(&fired, false, memory_order_relaxed);
    atomic_store_explicit(&stuck, false, memory_order_relaxed);
    atomic_store_explicit(&countdown, nth, memory_order_relaxed);
}

bool inject_fired(void)
{
    return atomic_load_explicit(&fired, memory_order_relaxed);
}

bool inject_next(void)
{
    uint64_t left = atomic_load_explicit(&countdown, memory_order_relaxed);
    if (left == 0)
        return atomic_load_explicit(&stuck, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&countdown, &left, left - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
        if (left == 0)
            return atomic_load_explicit(&stuck, memory_order_relaxed);
    }
    if (left > 1)
        return false;
    atomic_store_explicit(&fired, true, memory_order_relaxed);
    atomic_store_explicit(&stuck, sticky_wanted, memory_order_relaxed);
    return true;
}
