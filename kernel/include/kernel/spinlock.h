// SPDX-License-Identifier: BSD-2-Clause
//
// A ticket lock that disables interrupts, for the few things of the machine layer that are shared
// and not under node replication: the console, the kernel's own page tables, early memory.
#pragma once

#include <kernel/arch.h>
#include <stdatomic.h>

struct spinlock {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
};

/* spin_lock - returns what spin_unlock wants: whether interrupts were on. Not recursive. */
static inline bool spin_lock(struct spinlock *lock)
{
    bool irqs = arch_irq_save();
    /* relaxed: taking a ticket orders nothing; the acquire below does. */
    uint32_t mine = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != mine)
        arch_relax();
    return irqs;
}

static inline void spin_unlock(struct spinlock *lock, bool irqs)
{
    /* relaxed load: only the holder writes it. */
    uint32_t mine = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    atomic_store_explicit(&lock->serving, mine + 1, memory_order_release);
    arch_irq_restore(irqs);
}
