// SPDX-License-Identifier: BSD-2-Clause
//
// The local APIC (Intel SDM volume 3, chapter 11). x2APIC is used where the processor has it; then
// there are no registers in memory, ids have 32 bits, and sending is one MSR write without waiting.

#define LOG_SUBSYS "apic"

#include "apic.h"

#include "arch.h"
#include "asm.h"
#include "cpu.h"
#include "firmware.h"
#include "layout.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>

#define MSR_APIC_BASE    0x1b
#define MSR_X2APIC       0x800 /* register r (offset / 16) is MSR_X2APIC + r */
#define MSR_TSC_DEADLINE 0x6e0

#define BASE_ENABLE (1u << 11)
#define BASE_X2APIC (1u << 10)

/* Offsets of registers in memory. */
enum {
    REG_ID = 0x20,
    REG_TASK_PRIORITY = 0x80,
    REG_EOI = 0xb0,
    REG_SPURIOUS = 0xf0,
    REG_ERROR_STATUS = 0x280,
    REG_COMMAND = 0x300,
    REG_COMMAND_HIGH = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_THERMAL = 0x330,
    REG_LVT_COUNTER = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_CURRENT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};

#define SPURIOUS_ENABLE  (1u << 8)
#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define LVT_TSC_DEADLINE (2u << 17)
#define DIVIDE_BY_1      0xb

#define COMMAND_NMI          (4u << 8)
#define COMMAND_INIT         (5u << 8)
#define COMMAND_STARTUP      (6u << 8)
#define COMMAND_PENDING      (1u << 12)
#define COMMAND_ASSERT       (1u << 14)
#define COMMAND_ALL_BUT_SELF (3u << 18)

static bool x2apic;              /* [const] after apic_init */
static volatile uint32_t *xapic; /* [const] after apic_init; all cores have theirs at one address */

static uint32_t read_reg(unsigned reg)
{
    return x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : xapic[reg / 4];
}

static void write_reg(unsigned reg, uint32_t value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC + reg / 16, value);
    else
        xapic[reg / 4] = value;
}

void apic_init(void)
{
    x2apic = cpu.x2apic;
    if (!x2apic) {
        uint64_t pa = rdmsr(MSR_APIC_BASE) & 0x000ffffffffff000;
        xapic = arch_map_device(paddr(pa), PAGE_SIZE);
        assert(xapic);
    }
    log_info("%s", x2apic ? "x2APIC" : "xAPIC");
}

/* Interrupts that need no service: a wake-up has done its work by ending the halt. */
static void ignore(struct trap_frame *frame)
{
    (void)frame;
    apic_eoi();
}

static void spurious(struct trap_frame *frame)
{
    (void)frame; /* not acknowledged, by definition */
}

static void error(struct trap_frame *frame)
{
    (void)frame;
    write_reg(REG_ERROR_STATUS, 0);
    log_warn("core %u: error %#x", arch_core_id(), read_reg(REG_ERROR_STATUS));
    apic_eoi();
}

void apic_init_core(void)
{
    trap_set_handler(VECTOR_WAKE, ignore);
    trap_set_handler(VECTOR_SPURIOUS, spurious);
    trap_set_handler(VECTOR_APIC_ERROR, error);

    uint64_t base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;
    wrmsr(MSR_APIC_BASE, base);
    if (x2apic)
        wrmsr(MSR_APIC_BASE, base | BASE_X2APIC); /* only from the enabled state */

    write_reg(REG_TASK_PRIORITY, 0);
    write_reg(REG_LVT_TIMER, LVT_MASKED);
    write_reg(REG_LVT_LINT0, LVT_MASKED);
    write_reg(REG_LVT_LINT1, LVT_NMI);
    write_reg(REG_LVT_ERROR, VECTOR_APIC_ERROR);
    write_reg(REG_TIMER_DIVIDE, DIVIDE_BY_1);
    write_reg(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    /* Up to two interrupts of a previous owner may be in service: without this they block all
     * others. */
    apic_eoi();
    apic_eoi();
}

uint32_t apic_id(void)
{
    return x2apic ? read_reg(REG_ID) : read_reg(REG_ID) >> 24;
}

uint32_t apic_max_id(void)
{
    return x2apic ? UINT32_MAX - 1 : 254; /* the highest is "all" */
}

void apic_eoi(void)
{
    write_reg(REG_EOI, 0);
}

static void command(uint32_t target, uint32_t bits)
{
    if (x2apic) {
        /* WRMSR to x2APIC does not wait for earlier stores: the receiver must see them. */
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC + REG_COMMAND / 16, (uint64_t)target << 32 | bits);
        return;
    }
    /* Two registers: no interrupt handler may send in between. */
    bool irqs = arch_irq_save();
    while (read_reg(REG_COMMAND) & COMMAND_PENDING)
        arch_relax();
    write_reg(REG_COMMAND_HIGH, target << 24);
    write_reg(REG_COMMAND, bits);
    arch_irq_restore(irqs);
}

void apic_send(uint32_t target, unsigned vector)
{
    command(target, COMMAND_ASSERT | vector);
}

void apic_send_nmi_to_others(void)
{
    if (x2apic || xapic)
        command(0, COMMAND_ALL_BUT_SELF | COMMAND_ASSERT | COMMAND_NMI);
}

/* The NMI that we may be in can have come between the two writes of command(). */
void apic_send_nmi(uint32_t target)
{
    uint32_t high = x2apic ? 0 : read_reg(REG_COMMAND_HIGH);
    command(target, COMMAND_ASSERT | COMMAND_NMI);
    if (x2apic)
        return;
    while (read_reg(REG_COMMAND) & COMMAND_PENDING)
        arch_relax();
    write_reg(REG_COMMAND_HIGH, high);
}

void apic_send_init(uint32_t target)
{
    command(target, COMMAND_ASSERT | COMMAND_INIT);
}

void apic_send_startup(uint32_t target, uint8_t page)
{
    command(target, COMMAND_ASSERT | COMMAND_STARTUP | page);
}

void apic_timer_enable(bool deadline_mode)
{
    write_reg(REG_LVT_TIMER, VECTOR_TIMER | (deadline_mode ? LVT_TSC_DEADLINE : 0));
    /* In deadline mode a write of the MSR must not overtake that of the register in memory. */
    __asm__ volatile("mfence" : : : "memory");
}

void apic_timer_set_deadline(uint64_t tsc)
{
    wrmsr(MSR_TSC_DEADLINE, tsc);
}

void apic_timer_set_count(uint32_t count)
{
    write_reg(REG_TIMER_INITIAL, count);
}

uint32_t apic_timer_count(void)
{
    return read_reg(REG_TIMER_CURRENT);
}
