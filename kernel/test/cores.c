// SPDX-License-Identifier: BSD-2-Clause
//
// Several cores: they run, each with its own variables, and can be interrupted and woken.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

static void (*job)(void); /* what the cores are to run next */
static _Atomic unsigned n_done;

static void run_job(void)
{
    job();
    atomic_fetch_add(&n_done, 1);
}

/* Run @fn on the cores first..last, one interrupt each, at the same time, and wait for all. */
static void run_on(core_id_t first, core_id_t last, void (*fn)(void))
{
    arch_interrupt_set_handler(run_job);
    job = fn;
    atomic_store(&n_done, 0);
    for (core_id_t core = first; core <= last; core++)
        arch_interrupt(core);
    while (atomic_load(&n_done) != last - first + 1)
        arch_relax();
}

static void hello(void)
{
    assert(arch_core_id() == 1);
    assert(!arch_irqs_on());
    log_info("Hello from the other side");
}

void test_coreboot_smoke(void)
{
    assert(topology->n_cores == 2 && arch_core_online(1) && !arch_core_online(2));
    run_on(1, 1, hello);
    log_info("Core has started");
}

#define INITIAL UINT64_C(0xfefefefefefefefe)

static PERCORE(uint64_t, variable) = INITIAL;
static PERCORE(char, text[16]) = "initial";

static void use_variable(void)
{
    assert(*percore(variable) == INITIAL);
    assert((*percore(text))[6] == 'l');
    *percore(variable) = arch_core_id();
    (*percore(text))[6] = (char)('a' + arch_core_id() % 16);
}

void test_tls(void)
{
    core_id_t last = topology->n_cores - 1;
    use_variable();
    run_on(1, last, use_variable);
    for (core_id_t core = 0; core <= last; core++) {
        assert(*percore_of(core, variable) == core);
        assert((*percore_of(core, text))[6] == (char)('a' + core % 16));
        for (core_id_t other = 0; other < core; other++)
            assert(percore_of(core, variable) != percore_of(other, variable));
    }
}

#define ROUNDS 200

static _Atomic unsigned n_requests, n_served;

static void serve(void)
{
    /* Take all there is: interrupts that come while one is pending are not counted. */
    atomic_fetch_add(&n_served, atomic_exchange(&n_requests, 0));
}

static void request_many(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&n_requests, 1);
        arch_interrupt(0);
    }
}

/* All cores interrupt one; no request may be lost, though interrupts merge. */
static void flood(core_id_t last)
{
    for (core_id_t core = 1; core <= last; core++)
        arch_wake(core);
    arch_irq_save();
    while (atomic_load(&n_served) < ROUNDS * last)
        arch_idle();
    assert(atomic_load(&n_served) == ROUNDS * last);
}

static void serve_or_request(void)
{
    arch_core_id() ? request_many() : serve();
}

void test_interrupts(void)
{
    core_id_t last = topology->n_cores - 1;
    arch_interrupt_set_handler(serve_or_request);
    for (core_id_t core = 1; core <= last; core++)
        arch_interrupt(core);
    flood(last);
}

/* Two cores hand a token to and fro, each idle while it waits. */
static _Atomic core_id_t owner;

static void play(core_id_t self, core_id_t other)
{
    bool irqs = arch_irq_save();
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (atomic_load(&owner) != self)
            arch_idle();
        atomic_store(&owner, other);
        arch_wake(other);
    }
    arch_irq_restore(irqs);
}

static void play_second(void)
{
    play(1, 0);
}

void test_wake(void)
{
    arch_interrupt_set_handler(run_job);
    job = play_second;
    atomic_store(&owner, 0);
    arch_interrupt(1);
    play(0, 1);
    while (!atomic_load(&n_done))
        arch_relax();
}

/* Faults of another core are reported by that core. */
void test_pfault_other_core(void)
{
    run_on(1, 1, test_pfault);
}

void test_double_fault_other_core(void)
{
    run_on(1, 1, test_double_fault);
}

static void panic_together(void)
{
    panic("one of %u", topology->n_cores);
}

/* Of cores that panic at the same time one reports. */
void test_panic_all(void)
{
    run_on(1, topology->n_cores - 1, panic_together);
}
