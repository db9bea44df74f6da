// SPDX-License-Identifier: BSD-2-Clause
//
// The descriptor tables. GDT and TSS are per core; the IDT is one table for all cores, because its
// entries name a TSS slot (IST), not a stack. All gates are interrupt gates with DPL 0: user code
// can raise none of them by an INT instruction.

#include "trap.h"

#include "asm.h"
#include "percore.h"
#include "stack.h"

#include <kernel/percore.h>

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* beyond the segment: no port is open to user code */
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "given by the processor");

/* [core] */
struct cpu_tables {
    uint64_t gdt[8];
    struct tss tss;
};

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "given by the processor");

#define GATE_INTERRUPT_DPL0 0x8e /* present, DPL 0, 64-bit interrupt gate */

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

extern char trap_stubs[];

static PERCORE(struct cpu_tables, tables) = {
    .gdt =
        {
            [SEL_KERNEL_CODE >> 3] = 0x00af9b000000ffff,
            [SEL_KERNEL_DATA >> 3] = 0x00cf93000000ffff,
            [SEL_USER_CODE32 >> 3] = 0x00cffb000000ffff,
            [SEL_USER_DATA >> 3] = 0x00cff3000000ffff,
            [SEL_USER_CODE >> 3] = 0x00affb000000ffff,
        },
    .tss = {.io_map = sizeof(struct tss)},
};

/* [const] after trap_init_early */
static struct gate idt[N_VECTORS] __attribute__((aligned(PAGE_SIZE)));

static unsigned ist_of(unsigned vector)
{
    switch (vector) {
    case VECTOR_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    case VECTOR_DEBUG:
        return IST_DEBUG;
    default:
        return 0;
    }
}

static void fill_idt(void)
{
    for (unsigned v = 0; v < N_VECTORS; v++) {
        uint64_t stub = (uint64_t)trap_stubs + v * 16;
        idt[v] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SEL_KERNEL_CODE,
            .ist = (uint8_t)ist_of(v),
            .type = GATE_INTERRUPT_DPL0,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
}

void trap_init_core(const uint64_t *ist)
{
    struct cpu_tables *mine = percore(tables);
    for (unsigned i = 0; i < N_IST; i++)
        mine->tss.ist[i] = ist[i];
    mine->tss.rsp[0] = percore_head()->kernel_stack;

    uint64_t base = (uint64_t)&mine->tss, limit = sizeof(struct tss) - 1;
    mine->gdt[SEL_TSS >> 3] =
        limit | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24 & 0xff) << 56;
    mine->gdt[(SEL_TSS >> 3) + 1] = base >> 32;

    struct table_pointer gdt_pointer = {sizeof(mine->gdt) - 1, (uint64_t)mine->gdt};
    struct table_pointer idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lgdt %0" : : "m"(gdt_pointer) : "memory");
    /* The selector values are those already in use (boot.S, smp.S); reload CS all the same, so that
     * its hidden part comes from this table. FS and GS are left alone: loading them clears their
     * bases. */
    __asm__ volatile("pushq %0\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1:"
                     :
                     : "i"(SEL_KERNEL_CODE)
                     : "rax", "memory");
    __asm__ volatile("movl %0, %%ds; movl %0, %%es; movl %1, %%ss"
                     :
                     : "r"(0), "r"(SEL_KERNEL_DATA));
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
    __asm__ volatile("lidt %0" : : "m"(idt_pointer) : "memory");
}

void trap_init_early(void)
{
    struct stack_tops tops = stack_tops_of(0);
    fill_idt();
    percore_head()->kernel_stack = tops.main;
    trap_init_core(tops.ist);
}
