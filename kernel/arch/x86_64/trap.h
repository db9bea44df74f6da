// SPDX-License-Identifier: BSD-2-Clause
//
// Exceptions and interrupts.
#pragma once

#include "layout.h"

#include <kernel/types.h>

/* What trap.S saves, lowest address first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

enum {
    VECTOR_DIVIDE = 0,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_GENERAL_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    N_EXCEPTIONS = 32,
    N_VECTORS = 256,
};

/* The vectors of interrupts: the lowest ones for devices, the highest ones, which the APIC serves
 * first, for the kernel itself. */
enum {
    VECTOR_DEVICE_FIRST = 32,
    VECTOR_DEVICE_LAST = 239,
    VECTOR_WAKE = 250, /* an IPI whose only effect is to end a halt */
    VECTOR_CALL = 251, /* an IPI: run the work queued for this core */
    VECTOR_TIMER = 252,
    VECTOR_APIC_ERROR = 254,
    VECTOR_SPURIOUS = 255,
};

/* An interrupt handler; runs with interrupts off, and acknowledges the APIC itself (apic_eoi). */
typedef void trap_handler_fn(struct trap_frame *frame);

/* trap_init_early - fill the IDT and load it with the boot core's tables: from here on faults are
 * reported, as "early" ones. */
void trap_init_early(void);

/* trap_init_core - load GDT, TSS and IDT on this core. @ist: tops of its N_IST stacks. */
void trap_init_core(const uint64_t *ist);

/* trap_end_early - faults are no longer faults during initialisation (exit code 8). */
void trap_end_early(void);

/* trap_set_handler - @fn serves @vector, on all cores. NULL: nobody does. */
void trap_set_handler(unsigned vector, trap_handler_fn *fn);

/* trap_report - print @frame, with what is known about its cause, and end the machine. Takes no
 * lock. */
_Noreturn void trap_report(const struct trap_frame *frame);
