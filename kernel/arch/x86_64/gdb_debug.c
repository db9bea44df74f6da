// SPDX-License-Identifier: BSD-2-Clause
//
// Debug registers: hardware breakpoints, watchpoints, and what the debug exception means.
//
// While a core makes a single step its watchpoints are off, and what they watch is compared before
// and after. A processor raises one exception for an instruction that is stepped and touches a
// watched place. QEMU's emulation raises two, the second in the first instruction of the handler of
// the first, where it overwrites the frame on the handler's stack. So a watchpoint for reads does
// not see the reads of a step.

#include "gdb.h"

#include "asm.h"

#define DR6_STEP  (UINT64_C(1) << 14)
#define DR6_CLEAR UINT64_C(0xffff0ff0)
#define DR7_CLEAR UINT64_C(0x400)

static void write_dr(unsigned number, uint64_t value)
{
    switch (number) {
    case 0:
        __asm__ volatile("movq %0, %%dr0" : : "r"(value));
        break;
    case 1:
        __asm__ volatile("movq %0, %%dr1" : : "r"(value));
        break;
    case 2:
        __asm__ volatile("movq %0, %%dr2" : : "r"(value));
        break;
    case 3:
        __asm__ volatile("movq %0, %%dr3" : : "r"(value));
        break;
    case 6:
        __asm__ volatile("movq %0, %%dr6" : : "r"(value));
        break;
    default:
        __asm__ volatile("movq %0, %%dr7" : : "r"(value) : "memory");
        break;
    }
}

static uint64_t read_dr6(void)
{
    uint64_t value;
    __asm__ volatile("movq %%dr6, %0" : "=r"(value));
    return value;
}

void gdb_debug_off(void)
{
    write_dr(7, DR7_CLEAR);
}

static bool is_watch(const struct gdb_slot *slot)
{
    return slot->used && slot->kind != GDB_HARDWARE_BREAK;
}

/* The bits of DR7 for one slot: condition and length. */
static uint64_t slot_bits(const struct gdb_slot *slot)
{
    uint64_t condition = slot->kind == GDB_HARDWARE_BREAK ? 0
                         : slot->kind == GDB_WATCH_WRITE  ? 1
                                                          : 3;
    uint64_t len = slot->len == 8 ? 2 : slot->len - 1;
    return condition | (condition ? len << 2 : 0);
}

void gdb_debug_load(const struct gdb *gdb, const struct gdb_step *step)
{
    uint64_t control = DR7_CLEAR;
    write_dr(7, DR7_CLEAR);
    for (unsigned i = 0; i < GDB_DEBUG_SLOTS; i++) {
        const struct gdb_slot *slot = gdb_slot(gdb, i);
        if (!slot->used || (step->active && is_watch(slot)))
            continue;
        write_dr(i, slot->address);
        control |= UINT64_C(2) << 2 * i | slot_bits(slot) << (16 + 4 * i);
    }
    write_dr(7, control);
}

/* What a watched place holds; 0 if it is not mapped. */
static uint64_t value_of(const struct gdb_slot *slot, uint64_t cr3)
{
    uint64_t value = 0;
    return gdb_get_memory(cr3, slot->address, &value, slot->len) ? value : 0;
}

void gdb_debug_step(const struct gdb *gdb, struct gdb_step *step, bool active, uint64_t cr3)
{
    step->active = active;
    for (unsigned i = 0; active && i < GDB_DEBUG_SLOTS; i++) {
        const struct gdb_slot *slot = gdb_slot(gdb, i);
        if (is_watch(slot))
            step->before[i] = value_of(slot, cr3);
    }
}

/* Did the debug exception with @status come for this slot? */
static bool is_reason(const struct gdb_slot *slot, unsigned i, const struct gdb_step *step,
                      uint64_t status)
{
    if (step->active && is_watch(slot))
        return status & DR6_STEP && value_of(slot, read_cr3()) != step->before[i];
    return slot->used && status & UINT64_C(1) << i;
}

bool gdb_debug_explain(const struct gdb *gdb, const struct gdb_step *step, struct gdb_event *event)
{
    uint64_t status = read_dr6();
    write_dr(6, DR6_CLEAR);
    for (unsigned i = 0; i < GDB_DEBUG_SLOTS; i++) {
        const struct gdb_slot *slot = gdb_slot(gdb, i);
        if (!is_reason(slot, i, step, status))
            continue;
        event->why = slot->kind == GDB_HARDWARE_BREAK ? GDB_WHY_HARDWARE_BREAK : GDB_WHY_WATCH;
        event->kind = slot->kind;
        event->address = slot->address;
        return true;
    }
    return status & DR6_STEP;
}
