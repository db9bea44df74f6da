// SPDX-License-Identifier: BSD-2-Clause
//
// One timer for each core, set to a moment of arch_time_ns(). With TSC deadlines that is one MSR
// write; without, it is a count of the APIC's clock, of 32 bits: a moment further away than that is
// reached in several steps, and what the generic kernel set is kept per core to know when it is.

#define LOG_SUBSYS "timer"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "clock.h"
#include "cpu.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/percore.h>
#include <stdatomic.h>

#define MEASURE_NS (10 * 1000 * 1000)
#define NS_PER_S   UINT64_C(1000000000)

static PERCORE(uint64_t, deadline) = ARCH_TIMER_OFF;

static bool use_deadlines; /* [const] after timer_init */
static uint64_t count_hz;  /* [const] after timer_init */
static _Atomic(arch_handler_fn *) handler;

/* Start the hardware for a moment that lies ahead, or not. */
static void program(uint64_t ns)
{
    if (use_deadlines) {
        apic_timer_set_deadline(ns == ARCH_TIMER_OFF ? 0 : clock_to_tsc(ns));
        return;
    }
    if (ns == ARCH_TIMER_OFF) {
        apic_timer_set_count(0);
        return;
    }
    uint64_t now = arch_time_ns(), left = ns > now ? ns - now : 0;
    uint64_t count = mul_div(left, count_hz, NS_PER_S);
    apic_timer_set_count(count < UINT32_MAX ? (uint32_t)count + 1 : UINT32_MAX);
}

void arch_timer_set(uint64_t ns)
{
    bool irqs = arch_irq_save();
    *percore(deadline) = ns;
    program(ns);
    arch_irq_restore(irqs);
}

void arch_timer_set_handler(arch_handler_fn *fn)
{
    atomic_store_explicit(&handler, fn, memory_order_release);
}

static void timer_interrupt(struct trap_frame *frame)
{
    (void)frame;
    apic_eoi();
    uint64_t ns = *percore(deadline);
    if (ns == ARCH_TIMER_OFF) /* switched off while it was on its way */
        return;
    if (arch_time_ns() < ns) { /* an intermediate step, or the two clocks round differently */
        program(ns);
        return;
    }
    *percore(deadline) = ARCH_TIMER_OFF;
    arch_handler_fn *fn = atomic_load_explicit(&handler, memory_order_acquire);
    if (fn)
        fn();
}

static uint64_t measure_count_hz(void)
{
    apic_timer_set_count(UINT32_MAX);
    uint64_t start = arch_time_ns();
    clock_spin(MEASURE_NS);
    uint32_t left = apic_timer_count();
    uint64_t took = arch_time_ns() - start;
    apic_timer_set_count(0);
    return (UINT32_MAX - left) * NS_PER_S / took;
}

void timer_init(void)
{
    trap_set_handler(VECTOR_TIMER, timer_interrupt);
    use_deadlines = cpu.tsc_deadline && clock_uses_tsc();
    if (use_deadlines) {
        log_info("TSC deadlines");
    } else {
        count_hz = measure_count_hz();
        log_info("APIC timer at %lu kHz", count_hz / 1000);
    }
}

void timer_init_core(void)
{
    apic_timer_enable(use_deadlines);
}
