// SPDX-License-Identifier: BSD-2-Clause
//
// A core without work. With HLT an interrupt ends the wait, and STI enables interrupts only after
// the next instruction, so that none slips in between. With MWAIT a store to the core's wake word
// ends it, which saves the interrupt; an emulator's MWAIT may be a busy loop, so it is the choice
// for real processors, or by idle=mwait on the command line (idle=hlt for the other).

#define LOG_SUBSYS "idle"

#include "apic.h"
#include "arch.h"
#include "cpu.h"

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* Set by arch_wake() in MWAIT mode, cleared by the core itself when it leaves arch_idle(). A cache
 * line of its own: stores to neighbours would end the wait as well. */
static PERCORE(_Atomic uint32_t, wake_word) __attribute__((aligned(64)));

static bool use_mwait; /* [const] after idle_init */

void idle_init(struct cmdline *cmdline)
{
    const char *choice = cmdline_get(cmdline, "idle");
    use_mwait = cpu.monitor && (choice ? str_equal(choice, "mwait") : !cpu.hypervisor);
    log_info("by %s", use_mwait ? "MWAIT" : "HLT");
}

static void wait_by_mwait(void)
{
    _Atomic uint32_t *word = percore(wake_word);
    __asm__ volatile("monitor" : : "a"(word), "c"(0), "d"(0));
    if (!atomic_load(word))
        /* The NOP is for QEMU, where STI's delay outlasts an MWAIT that returns at once. */
        __asm__ volatile("sti; mwait; nop; cli" : : "a"(0), "c"(0) : "memory");
    else
        __asm__ volatile("sti; nop; cli" : : : "memory");
    atomic_store(word, 0);
}

void arch_idle(void)
{
    assert(!arch_irqs_on());
    if (use_mwait)
        wait_by_mwait();
    else
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void arch_wake(core_id_t core)
{
    if (use_mwait)
        atomic_store(percore_of(core, wake_word), 1);
    else
        apic_send(topology->cores[core].apic_id, VECTOR_WAKE);
}
