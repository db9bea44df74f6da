// SPDX-License-Identifier: BSD-2-Clause
//
// In-kernel tests of what only this architecture has.

#define LOG_SUBSYS "test"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "cpu.h"
#include "firmware.h"
#include "layout.h"
#include "paging.h"
#include "smp.h"
#include "stack.h"
#include "trap.h"

#include <base/bits.h>
#include <kernel/arch.h>
#include <kernel/ktest.h>
#include <kernel/log.h>
#include <kernel/panic.h>

struct mapping_count {
    uint64_t code, data, tables;
};

/* Visit all entries below @table, in the tree as the processor sees it. */
static void check_table(uint64_t table, unsigned level, struct mapping_count *count)
{
    const uint64_t *entries = arch_phys_to_virt(paddr(table & PTE_ADDRESS));
    count->tables++;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PTE_PRESENT))
            continue;
        assert(!(entry & PTE_USER));
        if (level > 1 && !(entry & PTE_LARGE)) {
            check_table(entry, level - 1, count);
            continue;
        }
        assert(!(entry & PTE_WRITE) || (entry & PTE_NO_EXECUTE));
        (entry & PTE_NO_EXECUTE) ? count->data++ : count->code++;
    }
}

/* Nothing is writable and executable, nothing is the user's, nothing lies in the lower half. */
static void test_wx(void)
{
    struct mapping_count count = {0};
    check_table(read_cr3(), 4, &count);
    const uint64_t *top = arch_phys_to_virt(paddr(read_cr3() & PTE_ADDRESS));
    for (unsigned i = 0; i < 256; i++)
        assert(!top[i]);
    uint64_t size;
    assert(!(paging_entry((uint64_t)image_start, &size) & (PTE_WRITE | PTE_NO_EXECUTE)));
    assert(!(paging_entry((uint64_t)text_end, &size) & PTE_WRITE));
    assert(!paging_entry((uint64_t)boot_stack_guard, &size));
    assert(count.code == (uint64_t)(text_end - image_start) / PAGE_SIZE);
    log_info("W^X holds for %lu code and %lu data pages in %lu tables", count.code, count.data,
             count.tables);
}

static void test_write_code(void)
{
    *(volatile char *)image_start = 0;
}

static void test_write_rodata(void)
{
    *(volatile char *)text_end = 0;
}

static void test_execute_data(void)
{
    static uint8_t code[] = {0xc3}; /* ret */
    void (*fn)(void) = (void (*)(void))code;
    fn();
}

/* Events that can come at any instruction, also where there is no stack to take them on. */
static void test_nmi(void)
{
    __asm__ volatile("movq %0, %%rsp; int $2" : : "r"(boot_stack_guard + PAGE_SIZE / 2) : "memory");
}

static void test_machine_check(void)
{
    __asm__ volatile("movq %0, %%rsp; int $18"
                     :
                     : "r"(boot_stack_guard + PAGE_SIZE / 2)
                     : "memory");
}

static void test_debug_exception(void)
{
    __asm__ volatile("movq %0, %%rsp; int $1" : : "r"(boot_stack_guard + PAGE_SIZE / 2) : "memory");
}

/* The kernel has no floating point, but user programs rely on what it sets up for it. Doubles are
 * seen as their bits here. */
static uint64_t divide(uint64_t a, uint64_t b)
{
    uint64_t result;
    __asm__ volatile("movq %1, %%xmm0; movq %2, %%xmm1; divsd %%xmm1, %%xmm0; movq %%xmm0, %0"
                     : "=r"(result)
                     : "r"(a), "r"(b));
    return result;
}

/* @value, times ten to the power of @digits, as an integer. */
static uint64_t scaled(uint64_t value, unsigned digits)
{
    uint64_t factor = 1, result;
    while (digits--)
        factor *= 10;
    __asm__ volatile("movq %1, %%xmm0; cvtsi2sdq %2, %%xmm1; mulsd %%xmm1, %%xmm0\n"
                     "cvtsd2siq %%xmm0, %0"
                     : "=r"(result)
                     : "r"(value), "r"(factor));
    return result;
}

static void test_sse(void)
{
    const uint64_t ten = 0x4024000000000000, divisor = 0x4001851eb851eb85; /* 2.19 */
    const uint64_t infinity = 0x7ff0000000000000;
    uint64_t digits = scaled(divide(ten, divisor), 15), unit = 1000000000000000;
    log_info("division = %lu.%015lu", digits / unit, digits % unit);
    assert(divide(ten, 0) == infinity);
    log_info("division by zero = inf");
}

/* The registers that XCR0 switches on exist: the instructions are not invalid. */
static void test_vectors(void)
{
    const uint64_t one = 0x3ff0000000000000, two = 0x4000000000000000;
    uint64_t in[4] = {one, one, one, one}, out[4] = {0};
    log_info("extended state %#lx", cpu.xstate);
    if (cpu.xstate & 4) { /* AVX */
        __asm__ volatile("vmovupd %1, %%ymm0; vaddpd %%ymm0, %%ymm0, %%ymm1; vmovupd %%ymm1, %0"
                         : "=m"(out)
                         : "m"(in));
        assert(out[0] == two && out[3] == two);
    }
    if (cpu.pku) {
        uint32_t keys = 1;
        __asm__ volatile("rdpkru" : "=a"(keys) : "c"(0) : "rdx");
        assert(keys == 0);
    }
}

static volatile unsigned n_serial;

static void serial_interrupt(struct trap_frame *frame)
{
    (void)frame;
    inb(0x3fa); /* reading the cause acknowledges "ready to send" */
    n_serial++;
    apic_eoi();
}

/* A device interrupt by line: the serial port says that it is ready to send, as soon as asked. */
static void test_ioapic(void)
{
    const unsigned vector = VECTOR_DEVICE_FIRST;
    trap_set_handler(vector, serial_interrupt);
    assert(ioapic_route_isa(4, vector, apic_id()));
    assert(!ioapic_route(1000, vector, apic_id(), false, false));
    outb(0x3f9, 2);
    arch_irq_save();
    while (!n_serial)
        arch_idle();
    outb(0x3f9, 0);
}

/* A core that is in the tables and does not start is left out; the others, also those behind it,
 * run. */
static void test_missing_core(void)
{
    struct acpi_topology *topo = &machine_topology;
    assert(topo->n_cores == 3);
    topo->cores[3] = topo->cores[2];
    topo->cores[2] = (struct acpi_core){.apic_id = 99};
    topo->n_cores = 4;
    assert(smp_start() == 3);
    assert(arch_core_online(1) && !arch_core_online(2) && arch_core_online(3));
}

/* Stacks and variables of a core are in memory of its node. */
static bool is_on_node(uint64_t va, node_id_t node)
{
    uint64_t size, pa = paging_entry(va, &size) & PTE_ADDRESS & ~(size - 1);
    pa += va & (size - 1);
    for (unsigned i = 0; i < topology->n_memory; i++) {
        const struct acpi_memory *m = &topology->memory[i];
        if (m->node == node && pa >= m->base && pa < m->base + m->size)
            return true;
    }
    return false;
}

static void test_node_memory(void)
{
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        node_id_t node = topology->cores[core].node;
        assert(is_on_node((uint64_t)arch_percore_base_of(core), node));
        assert(is_on_node(stack_tops_of(core).main - 1, node));
        uint64_t size;
        assert(!paging_entry(stack_tops_of(core).main - BOOT_STACK_SIZE - 1, &size));
    }
}

const struct ktest arch_ktests[] = {
    {"sse", KTEST_FULL, test_sse},
    {"vectors", KTEST_FULL, test_vectors},
    {"ioapic", KTEST_FULL, test_ioapic},
    {"missing-core", KTEST_ALONE, test_missing_core},
    {"node-memory", KTEST_FULL, test_node_memory},
    {"nmi", KTEST_FULL, test_nmi},
    {"machine-check", KTEST_FULL, test_machine_check},
    {"debug-exception", KTEST_FULL, test_debug_exception},
    {"wx", KTEST_FULL, test_wx},
    {"write-code", KTEST_FULL, test_write_code},
    {"write-rodata", KTEST_FULL, test_write_rodata},
    {"execute-data", KTEST_FULL, test_execute_data},
    {0},
};
