// SPDX-License-Identifier: BSD-2-Clause
//
// Where exceptions and interrupts arrive, and the report of those that nothing in the kernel can
// handle. The report uses no lock, no allocation and as little of the kernel as it can; if it
// faults itself, one more line appears, and if that faults, nothing but the exit code.

#include "trap.h"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "gdb.h"
#include "percore.h"
#include "stack.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <stdatomic.h>

static const struct exception {
    const char *name;
    enum exit_code code;
} exceptions[N_EXCEPTIONS] = {
    [0] = {"Divide Error", EXIT_UNHANDLED_INTERRUPT},
    [1] = {"Debug", EXIT_UNHANDLED_INTERRUPT},
    [2] = {"Non-Maskable Interrupt", EXIT_UNRECOVERABLE},
    [3] = {"Breakpoint", EXIT_UNHANDLED_INTERRUPT},
    [4] = {"Overflow", EXIT_UNHANDLED_INTERRUPT},
    [5] = {"Bound Range Exceeded", EXIT_UNHANDLED_INTERRUPT},
    [6] = {"Invalid Opcode", EXIT_UNHANDLED_INTERRUPT},
    [7] = {"Device Not Available", EXIT_UNHANDLED_INTERRUPT},
    [8] = {"Double Fault", EXIT_UNRECOVERABLE},
    [10] = {"Invalid TSS", EXIT_UNHANDLED_INTERRUPT},
    [11] = {"Segment Not Present", EXIT_UNHANDLED_INTERRUPT},
    [12] = {"Stack Fault", EXIT_UNHANDLED_INTERRUPT},
    [13] = {"GENERAL PROTECTION FAULT", EXIT_GENERAL_PROTECTION_FAULT},
    [14] = {"Page Fault", EXIT_PAGE_FAULT},
    [16] = {"x87 Floating Point", EXIT_UNHANDLED_INTERRUPT},
    [17] = {"Alignment Check", EXIT_UNHANDLED_INTERRUPT},
    [18] = {"Machine Check", EXIT_UNRECOVERABLE},
    [19] = {"SIMD Floating Point", EXIT_UNHANDLED_INTERRUPT},
    [20] = {"Virtualization", EXIT_UNHANDLED_INTERRUPT},
    [21] = {"Control Protection", EXIT_UNHANDLED_INTERRUPT},
    [29] = {"VMM Communication", EXIT_UNHANDLED_INTERRUPT},
    [30] = {"Security", EXIT_UNHANDLED_INTERRUPT},
};

/* Written at start-up of a subsystem, read by every core's interrupts. */
static _Atomic(trap_handler_fn *) handlers[N_VECTORS];

static bool early = true; /* [const] after the boot core's initialisation */

static atomic_bool stopping; /* an NMI means: halt */

void arch_stop_others(void)
{
    atomic_store(&stopping, true);
    apic_send_nmi_to_others();
}

void trap_end_early(void)
{
    early = false;
}

void trap_set_handler(unsigned vector, trap_handler_fn *fn)
{
    assert(vector >= N_EXCEPTIONS && vector < N_VECTORS);
    atomic_store_explicit(&handlers[vector], fn, memory_order_release);
}

/* "Page Fault" is printed as "Early Page Fault" during initialisation, and the one name in capitals
 * in ordinary ones: what tests look for since the first days. */
static void print_title(const struct trap_frame *frame)
{
    const char *name = frame->vector < N_EXCEPTIONS ? exceptions[frame->vector].name : NULL;
    if (early && frame->vector == VECTOR_GENERAL_PROTECTION)
        name = "General Protection Fault";
    if (name)
        log_raw("\n[IRQ] %s%s\n", early ? "Early " : "", name);
    else
        log_raw("\n[IRQ] %sunexpected interrupt %u\n", early ? "Early " : "",
                (unsigned)frame->vector);
}

static void explain_page_fault(const struct trap_frame *frame)
{
    uint64_t error = frame->error, address = read_cr2();
    log_raw("Faulting address: %#lx\n", address);
    log_raw("Cause: %s by a %s %s%s%s%s\n", error & 1 ? "access not permitted" : "page not present",
            error & 4 ? "user" : "kernel",
            error & 16  ? "instruction fetch"
            : error & 2 ? "write"
                        : "read",
            error & 8 ? ", reserved bit set in the page table" : "",
            error & 32 ? ", protection key" : "", error & 64 ? ", shadow stack" : "");
}

static void explain_selector_error(const struct trap_frame *frame)
{
    static const char *const tables[] = {"GDT", "IDT", "LDT", "IDT"};
    uint64_t error = frame->error;
    if (!error)
        log_raw(
            "Cause: no selector; a non-canonical address, a privileged or malformed operation\n");
    else
        log_raw("Cause: %s entry %u%s\n", tables[error >> 1 & 3], (unsigned)(error >> 3),
                error & 1 ? ", while delivering an event" : "");
}

static void explain_double_fault(void)
{
    uint64_t address = read_cr2();
    if (stack_guard_hit(address))
        log_raw("Cause: kernel stack overflow, at %#lx\n", address);
    else
        log_raw("Cause: a fault while delivering a fault; CR2 is %#lx\n", address);
}

static void print_registers(const struct trap_frame *f)
{
    log_raw("Core %u, instruction pointer: %#lx", percore_head()->id, f->rip);
    ksyms_print(f->rip);
    log_raw("\nRIP %04x:%016lx  RFLAGS %016lx  RSP %04x:%016lx\n", (unsigned)f->cs, f->rip,
            f->rflags, (unsigned)f->ss, f->rsp);
    log_raw("RAX %016lx  RBX %016lx  RCX %016lx  RDX %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    log_raw("RSI %016lx  RDI %016lx  RBP %016lx  R8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    log_raw("R9  %016lx  R10 %016lx  R11 %016lx  R12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    log_raw("R13 %016lx  R14 %016lx  R15 %016lx  error %016lx\n", f->r13, f->r14, f->r15, f->error);
    log_raw("CR0 %016lx  CR2 %016lx  CR3 %016lx  CR4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
            read_cr4());
    log_raw("FS base %016lx  GS base %016lx  user GS base %016lx  EFER %04lx\n", rdmsr(0xc0000100),
            rdmsr(MSR_GS_BASE), rdmsr(0xc0000102), rdmsr(0xc0000080));
}

_Noreturn void trap_report(const struct trap_frame *frame)
{
    static atomic_uint nested;
    if (!panic_begin()) {
        if (atomic_fetch_add(&nested, 1))
            exit_at_once(EXIT_UNRECOVERABLE);
        log_raw("\n[IRQ] exception %u at %#lx inside a fault report\n", (unsigned)frame->vector,
                frame->rip);
        arch_exit(EXIT_UNRECOVERABLE);
    }
    print_title(frame);
    if (frame->vector == VECTOR_PAGE_FAULT)
        explain_page_fault(frame);
    else if (frame->vector == VECTOR_DOUBLE_FAULT)
        explain_double_fault();
    else if (frame->vector >= 10 && frame->vector <= VECTOR_GENERAL_PROTECTION)
        explain_selector_error(frame);
    print_registers(frame);
    backtrace_of_fault(frame->rip, frame->rsp, frame->rbp);
    log_flush_panic();

    enum exit_code code = EXIT_UNHANDLED_INTERRUPT;
    if (frame->vector < N_EXCEPTIONS && exceptions[frame->vector].name)
        code = exceptions[frame->vector].code;
    arch_exit(early ? EXIT_EXCEPTION_DURING_INIT : code);
}

void trap_dispatch(struct trap_frame *frame);
void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_NMI && atomic_load(&stopping))
        arch_halt_forever();
    if (frame->vector < N_EXCEPTIONS) {
        if (gdb_trap(frame))
            return;
        trap_report(frame);
    }
    trap_handler_fn *fn = atomic_load_explicit(&handlers[frame->vector], memory_order_acquire);
    if (!fn)
        trap_report(frame);
    fn(frame);
}
