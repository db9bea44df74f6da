// SPDX-License-Identifier: BSD-2-Clause
//
// Something for a debugger to stop in, to look at and to change: tests/guest/s02_gdb.py does it.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* The debugger knows these by name. */
static volatile uint64_t debug_watched;
static volatile uint64_t debug_counter;
static volatile bool debug_go_on;
static _Atomic unsigned debug_arrived;

__attribute__((noinline)) static void debug_write(void)
{
    debug_watched = 0xdeadbeef;
    for (unsigned i = 0; i < 20; i++)
        debug_counter += i;
}

/* Until the debugger says so; with interrupts off, so that only an NMI gets through. */
__attribute__((noinline)) static void debug_wait(void)
{
    bool irqs = arch_irq_save();
    while (!debug_go_on)
        arch_relax();
    arch_irq_restore(irqs);
}

void test_gdb(void)
{
    debug_write();
    log_info("waiting for the debugger");
    debug_wait();
    log_info("the debugger let us go, counter is %lu", debug_counter);
}

__attribute__((noinline)) static void debug_core(void)
{
    atomic_fetch_add(&debug_arrived, 1);
}

/* All other cores run to the same breakpoint at the same time. */
void test_gdb_cores(void)
{
    arch_interrupt_set_handler(debug_core);
    for (core_id_t core = 1; core < topology->n_cores; core++)
        arch_interrupt(core);
    while (atomic_load(&debug_arrived) != topology->n_cores - 1)
        arch_relax();
    log_info("waiting for the debugger");
    debug_wait();
}
