// SPDX-License-Identifier: BSD-2-Clause
//
// The I/O APICs: from interrupt lines to vectors. Message-signalled interrupts do not come this
// way.

#define LOG_SUBSYS "ioapic"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "layout.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/spinlock.h>
#include <kernel/topology.h>

enum {
    REG_VERSION = 0x01,
    REG_REDIRECTION = 0x10, /* two registers for each input */
};

#define REDIRECT_LOW    (1u << 13)
#define REDIRECT_LEVEL  (1u << 15)
#define REDIRECT_MASKED (1u << 16)

/* Of an override; otherwise the ISA bus is active high and edge triggered. */
#define FLAGS_POLARITY 0x3
#define FLAGS_LOW      0x3
#define FLAGS_TRIGGER  0xc
#define FLAGS_LEVEL    0xc

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA  0xa1

struct ioapic {
    volatile uint32_t *select; /* the register to be seen through window */
    volatile uint32_t *window;
    uint32_t gsi_base;
    uint32_t n_inputs;
};

static struct spinlock lock; /* of the pairs select and window */
static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned n_ioapics; /* [const] after ioapic_init */

static uint32_t read_reg(const struct ioapic *io, uint32_t reg)
{
    *io->select = reg;
    return *io->window;
}

static void write_reg(const struct ioapic *io, uint32_t reg, uint32_t value)
{
    *io->select = reg;
    *io->window = value;
}

static void set_input(const struct ioapic *io, uint32_t input, uint64_t value)
{
    bool irqs = spin_lock(&lock);
    /* Masked while the two halves do not fit together. */
    write_reg(io, REG_REDIRECTION + input * 2, REDIRECT_MASKED);
    write_reg(io, REG_REDIRECTION + input * 2 + 1, (uint32_t)(value >> 32));
    write_reg(io, REG_REDIRECTION + input * 2, (uint32_t)value);
    spin_unlock(&lock, irqs);
}

void ioapic_init(void)
{
    outb(PIC_MASTER_DATA, 0xff);
    outb(PIC_SLAVE_DATA, 0xff);
    for (unsigned i = 0; i < topology->n_ioapics; i++) {
        const struct acpi_ioapic *found = &topology->ioapics[i];
        volatile uint32_t *regs = arch_map_device(paddr(found->address), 0x20);
        if (!regs) {
            log_warn("I/O APIC %u at %#lx cannot be mapped", found->id, found->address);
            continue;
        }
        struct ioapic *io = &ioapics[n_ioapics++];
        *io = (struct ioapic){.select = regs, .window = regs + 4, .gsi_base = found->gsi_base};
        io->n_inputs = (read_reg(io, REG_VERSION) >> 16 & 0xff) + 1;
        for (uint32_t input = 0; input < io->n_inputs; input++)
            set_input(io, input, REDIRECT_MASKED);
    }
}

static const struct ioapic *find(uint32_t gsi)
{
    for (unsigned i = 0; i < n_ioapics; i++) {
        if (gsi - ioapics[i].gsi_base < ioapics[i].n_inputs)
            return &ioapics[i];
    }
    return NULL;
}

bool ioapic_route(uint32_t gsi, unsigned vector, uint32_t target, bool low, bool level)
{
    const struct ioapic *io = find(gsi);
    if (!io || target > 0xff)
        return false;
    uint64_t value = vector | (uint64_t)target << 56;
    value |= low ? REDIRECT_LOW : 0;
    value |= level ? REDIRECT_LEVEL : 0;
    set_input(io, gsi - io->gsi_base, value);
    return true;
}

bool ioapic_route_isa(uint8_t irq, unsigned vector, uint32_t target)
{
    for (unsigned i = 0; i < topology->n_overrides; i++) {
        const struct acpi_override *o = &topology->overrides[i];
        if (o->irq == irq)
            return ioapic_route(o->gsi, vector, target, (o->flags & FLAGS_POLARITY) == FLAGS_LOW,
                                (o->flags & FLAGS_TRIGGER) == FLAGS_LEVEL);
    }
    return ioapic_route(irq, vector, target, false, false);
}

void ioapic_mask(uint32_t gsi)
{
    const struct ioapic *io = find(gsi);
    if (io)
        set_input(io, gsi - io->gsi_base, REDIRECT_MASKED);
}
