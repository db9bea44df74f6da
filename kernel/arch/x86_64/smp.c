// SPDX-License-Identifier: BSD-2-Clause
//
// Bringing up cores. The boot core prepares, for each core, a slot: its stacks and per-core
// variables, in memory of the core's own node. Then it sends INIT and startup messages to all of
// them; they run through the trampoline at the same time, find their slots by APIC id, and
// initialise themselves without locks. The boot core waits for them in the order of their numbers.
//
// A slot's state says who decides about the core:
//
//     EMPTY -> STARTING -> ALIVE -> ONLINE          the core's way; it makes the last two steps
//              STARTING -> LEFT_OUT                 the boot core has given up waiting
//                          ALIVE -> UNFIT           the core lacks a feature of the boot core
//
// Both ways out of STARTING are compare-and-swap: a core that arrives after it was left out sees
// that and halts for ever, so a core is online or it runs nothing. Its memory stays its own.

#define LOG_SUBSYS "smp"

#include "smp.h"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "bootmem.h"
#include "clock.h"
#include "cpu.h"
#include "gdb.h"
#include "paging.h"
#include "percore.h"
#include "stack.h"
#include "trap.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/main.h>
#include <kernel/panic.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* What the specifications prescribe between INIT and startup, and between startup messages. */
#define AFTER_INIT_NS    (10 * 1000 * 1000)
#define AFTER_STARTUP_NS (200 * 1000)
/* Not one more core within this time: then the missing ones do not exist. An emulated machine with
 * many cores on few makes a step every some ten milliseconds. */
#define PATIENCE_NS (UINT64_C(5) * 1000 * 1000 * 1000)

enum ap_state { AP_EMPTY, AP_STARTING, AP_ALIVE, AP_ONLINE, AP_LEFT_OUT, AP_UNFIT };

struct ap_slot {
    uint32_t apic_id;
    _Atomic enum ap_state state;
    uint64_t percore;
    uint64_t stack;
    uint64_t unused; /* a size that the assembler can add */
};
_Static_assert(offsetof(struct ap_slot, apic_id) == AP_SLOT_APIC_ID, "known to the assembler");
_Static_assert(offsetof(struct ap_slot, percore) == AP_SLOT_PERCORE, "known to the assembler");
_Static_assert(offsetof(struct ap_slot, stack) == AP_SLOT_STACK, "known to the assembler");
_Static_assert(sizeof(struct ap_slot) == AP_SLOT_SIZE, "known to the assembler");

/* Indexed by core; the boot core's has no APIC id that a starting core could find. */
struct ap_slot ap_slots[MAX_CORES];
uint32_t ap_n_slots;

static _Atomic unsigned
    n_arrived; /* cores that made a step: the boot core's patience begins anew */

/* trampoline.S: the code, and the places in it to fill. */
extern const char ap_trampoline[], ap_trampoline_end[];
extern const char ap_gdt_base[], ap_far32[], ap_far64[], ap_cr3[];

bool arch_core_online(core_id_t core)
{
    return core < MAX_CORES &&
           atomic_load_explicit(&ap_slots[core].state, memory_order_acquire) == AP_ONLINE;
}

void *arch_percore_base_of(core_id_t core)
{
    return (void *)ap_slots[core].percore;
}

static void set_state(struct ap_slot *slot, enum ap_state state)
{
    atomic_store_explicit(&slot->state, state, memory_order_release);
    atomic_fetch_add_explicit(&n_arrived, 1, memory_order_relaxed); /* only its change matters */
}

/* C code of a starting core, on its own stack and with its own per-core variables. */
_Noreturn void ap_main(struct ap_slot *slot);
_Noreturn void ap_main(struct ap_slot *slot)
{
    enum ap_state starting = AP_STARTING;
    if (!atomic_compare_exchange_strong(&slot->state, &starting, AP_ALIVE))
        arch_halt_forever();
    if (!cpu_has_boot_features()) { /* switching on what is not there would be a fault */
        set_state(slot, AP_UNFIT);
        arch_halt_forever();
    }
    write_cr3(paging_root());
    cpu_setup();
    struct stack_tops tops = stack_tops_of(percore_head()->id);
    trap_init_core(tops.ist);
    gdb_init_core();
    apic_init_core();
    timer_init_core();
    set_state(slot, AP_ONLINE);
    kernel_core_main();
    panic("core %u has nothing to do", arch_core_id());
}

/* Memory of @core: per-core variables and stacks. */
static bool prepare(core_id_t core)
{
    const struct acpi_core *c = &topology->cores[core];
    struct ap_slot *slot = &ap_slots[core];
    size_t size = (size_t)(percore_end - percore_start);
    uint64_t percore = bootmem_alloc_on(size, c->node);
    uint64_t stacks = bootmem_alloc_on(STACK_MEMORY, c->node);
    if (!percore || !stacks || !stack_map(core, stacks))
        return false;

    struct percore_head *head = arch_phys_to_virt(paddr(percore));
    memcpy(head, percore_start, size);
    head->self = head;
    head->id = core;
    head->apic_id = c->apic_id;
    head->node = c->node;
    head->kernel_stack = stack_tops_of(core).main;
    head->canary = cpu_random() & ~UINT64_C(0xff); /* a zero byte stops string functions */

    slot->apic_id = c->apic_id;
    slot->percore = (uint64_t)head;
    slot->stack = head->kernel_stack;
    atomic_store_explicit(&slot->state, AP_STARTING, memory_order_release);
    return true;
}

/* A page below 640 KiB to start in, or 0. */
static uint64_t find_page(void)
{
    for (uint64_t pa = 0x9e000; pa >= PAGE_SIZE; pa -= PAGE_SIZE) {
        if (bootmem_is_ram(pa, PAGE_SIZE))
            return pa;
    }
    return 0;
}

/* Page tables for the way up: the kernel's, and at its own address the trampoline, not writable.
 * They lie below 4 GiB, where 32-bit code can name them. 0: no memory. */
static uint64_t make_tables(uint64_t page)
{
    uint64_t tables[4], indexes[] = {0, 0, 0, page / PAGE_SIZE};
    for (unsigned i = 0; i < 4; i++) {
        tables[i] = bootmem_alloc(PAGE_SIZE, UINT64_C(1) << 32);
        if (!tables[i])
            return 0;
    }
    memcpy(arch_phys_to_virt(paddr(tables[0])), arch_phys_to_virt(paddr(paging_root())), PAGE_SIZE);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *entries = arch_phys_to_virt(paddr(tables[i]));
        entries[indexes[i]] = (i == 3 ? page : tables[i + 1] | PTE_WRITE) | PTE_PRESENT;
    }
    return tables[0];
}

static void add_u32(char *at, uint64_t addend)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    value += (uint32_t)addend;
    memcpy(at, &value, sizeof(value));
}

/* Copy the trampoline to @page, and set its variables. */
static void install(uint64_t page, uint64_t tables)
{
    size_t size = (size_t)(ap_trampoline_end - ap_trampoline);
    assert(size <= PAGE_SIZE);
    char *copy = arch_phys_to_virt(paddr(page));
    memcpy(copy, ap_trampoline, size);
    add_u32(copy + (ap_gdt_base - ap_trampoline), page);
    add_u32(copy + (ap_far32 - ap_trampoline), page);
    add_u32(copy + (ap_far64 - ap_trampoline), page);
    add_u32(copy + (ap_cr3 - ap_trampoline), tables);
}

static bool is_in_state(core_id_t core, enum ap_state state)
{
    return atomic_load_explicit(&ap_slots[core].state, memory_order_acquire) == state;
}

static void send_startup(uint8_t page)
{
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        if (is_in_state(core, AP_STARTING))
            apic_send_startup(ap_slots[core].apic_id, page);
    }
}

static void send_messages(uint8_t page)
{
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        if (is_in_state(core, AP_STARTING))
            apic_send_init(ap_slots[core].apic_id);
    }
    clock_spin(AFTER_INIT_NS);
    send_startup(page);
    clock_spin(AFTER_STARTUP_NS);
    send_startup(page); /* a core that has started ignores it */
}

/* Wait until @core is online or out; give it up when no core at all comes any more. */
static bool await(core_id_t core)
{
    struct ap_slot *slot = &ap_slots[core];
    unsigned arrived = atomic_load(&n_arrived);
    uint64_t end = arch_time_ns() + PATIENCE_NS;
    for (;;) {
        enum ap_state state = atomic_load_explicit(&slot->state, memory_order_acquire);
        if (state != AP_STARTING && state != AP_ALIVE)
            return state == AP_ONLINE;
        if (arrived != atomic_load(&n_arrived)) {
            arrived = atomic_load(&n_arrived);
            end = arch_time_ns() + PATIENCE_NS;
        } else if (arch_time_ns() > end) {
            enum ap_state starting = AP_STARTING;
            if (atomic_compare_exchange_strong(&slot->state, &starting, AP_LEFT_OUT))
                return false;
            end = arch_time_ns() + PATIENCE_NS; /* it has just come alive, and will say how it is */
        }
        arch_relax();
    }
}

static void report(core_id_t core, bool online)
{
    if (online)
        log_info("Core #%u initialized", core);
    else if (is_in_state(core, AP_EMPTY))
        log_warn("core %u left out: no memory for it", core);
    else if (is_in_state(core, AP_UNFIT))
        log_warn("core %u left out: it lacks features of the boot core", core);
    else
        log_warn("core %u (APIC id %u) left out: it did not start", core, ap_slots[core].apic_id);
}

unsigned smp_start(void)
{
    uint64_t page = find_page(), tables = page ? make_tables(page) : 0;
    if (!tables) {
        log_warn("no memory below 640 KiB to start cores in: this core is the only one");
        return 1;
    }
    install(page, tables);
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        if (topology->cores[core].apic_id <= apic_max_id())
            prepare(core);
    }
    ap_n_slots = topology->n_cores;
    send_messages((uint8_t)(page / PAGE_SIZE));

    unsigned online = 1;
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        bool ok = !is_in_state(core, AP_EMPTY) && await(core);
        report(core, ok);
        online += ok;
    }
    return online;
}

static _Atomic(arch_handler_fn *) interrupt_handler;

void arch_interrupt_set_handler(arch_handler_fn *fn)
{
    atomic_store_explicit(&interrupt_handler, fn, memory_order_release);
}

/* Acknowledged first: a request that arrives while the handler runs raises the interrupt again. */
static void interrupted(struct trap_frame *frame)
{
    (void)frame;
    apic_eoi();
    arch_handler_fn *fn = atomic_load_explicit(&interrupt_handler, memory_order_acquire);
    if (fn)
        fn();
}

void arch_interrupt(core_id_t core)
{
    assert(arch_core_online(core));
    apic_send(topology->cores[core].apic_id, VECTOR_CALL);
}

void smp_init(void)
{
    struct percore_head *head = percore_head();
    head->apic_id = topology->cores[0].apic_id;
    head->node = topology->cores[0].node;
    ap_slots[0].apic_id = UINT32_MAX;
    ap_slots[0].percore = (uint64_t)head;
    trap_set_handler(VECTOR_CALL, interrupted);
    set_state(&ap_slots[0], AP_ONLINE);
}
