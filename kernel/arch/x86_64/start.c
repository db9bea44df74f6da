// SPDX-License-Identifier: BSD-2-Clause
//
// The boot core's first C code: from boot.S to the generic kernel_main.

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "bootmem.h"
#include "clock.h"
#include "cpu.h"
#include "firmware.h"
#include "paging.h"
#include "percore.h"
#include "smp.h"
#include "trap.h"

#include <kernel/arch.h>
#include <kernel/main.h>
#include <kernel/panic.h>

/* Too large for the stack; [const] once kernel_main runs. */
static struct boot_info boot_facts;

/* First in the per-core section: GS points to it. */
__attribute__((section(".percore.head"), used)) static struct percore_head head;

void *arch_phys_to_virt(paddr_t pa)
{
    return (void *)(KERNEL_BASE + pa.raw);
}

paddr_t arch_virt_to_phys(const void *va)
{
    return paddr((uint64_t)va - KERNEL_BASE);
}

core_id_t arch_core_id(void)
{
    return percore_head()->id;
}

void *arch_percore_base(void)
{
    return percore_head();
}

void arch_relax(void)
{
    __asm__ volatile("pause");
}

bool arch_irqs_on(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return flags & 0x200;
}

bool arch_irq_save(void)
{
    bool was_on = arch_irqs_on();
    __asm__ volatile("cli" : : : "memory");
    return was_on;
}

void arch_irq_restore(bool was_on)
{
    if (was_on)
        __asm__ volatile("sti" : : : "memory");
}

void arch_init_machine(const struct boot_info *boot, struct cmdline *cmdline)
{
    bootmem_init(boot);
    paging_init(boot);
    trap_end_early();
    firmware_init(boot);
    clock_init();
    wall_init();
    apic_init();
    apic_init_core();
    ioapic_init();
    timer_init();
    timer_init_core();
    idle_init(cmdline);
    smp_init();
}

unsigned arch_start_cores(void)
{
    return smp_start();
}

_Noreturn void arch_start(uint32_t protocol, uint64_t info);
_Noreturn void arch_start(uint32_t protocol, uint64_t info)
{
    serial_init();
    trap_init_early();
    cpu_detect();
    cpu_setup();
    if (protocol == BOOT_PVH)
        pvh_parse(&boot_facts, info);
    else
        multiboot2_parse(&boot_facts, info);
    boot_facts.image_base = arch_virt_to_phys(image_start).raw;
    boot_facts.image_size = (uint64_t)(image_end - image_start);
    kernel_main(&boot_facts);
    arch_exit(EXIT_RETURNED_FROM_MAIN);
}
