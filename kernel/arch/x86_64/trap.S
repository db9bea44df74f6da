// SPDX-License-Identifier: BSD-2-Clause
//
// Entry of all exceptions and interrupts. Each vector has a stub of 16 bytes that completes the
// frame (struct trap_frame, trap.h); then one of two common parts saves the registers and calls
// trap_dispatch(frame).
//
// GS: the kernel's base is in use exactly while CS is the kernel's, except for the few instructions
// of an entry or exit around swapgs. Exceptions that can hit those (NMI, machine check, debug,
// double fault) look at the base itself and restore what they found.

#include "layout.h"

// Where things lie above a saved %r15.
#define FRAME_VECTOR 120
#define FRAME_RIP    136
#define FRAME_CS     144

    .cfi_sections .debug_frame

    .text

.macro PUSH register
    pushq %\register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %\register, 0
.endm

.macro POP register
    popq %\register
    .cfi_adjust_cfa_offset -8
    .cfi_restore %\register
.endm

// A frame for debuggers, which see the interrupted code as our caller. It begins behind SS: five
// words of the processor, the error code, the vector.
.macro START_TRAP
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa %rsp, 56
    .cfi_offset %rip, -40
    .cfi_offset %rsp, -16
.endm

.macro SAVE_REGISTERS
    PUSH rax
    PUSH rbx
    PUSH rcx
    PUSH rdx
    PUSH rsi
    PUSH rdi
    PUSH rbp
    PUSH r8
    PUSH r9
    PUSH r10
    PUSH r11
    PUSH r12
    PUSH r13
    PUSH r14
    PUSH r15
    cld
.endm

.macro RESTORE_REGISTERS
    POP r15
    POP r14
    POP r13
    POP r12
    POP r11
    POP r10
    POP r9
    POP r8
    POP rbp
    POP rdi
    POP rsi
    POP rdx
    POP rcx
    POP rbx
    POP rax
    addq $16, %rsp                  // vector, error code
    .cfi_adjust_cfa_offset -16
.endm

// Call trap_dispatch with a stack frame that looks as if the interrupted code had called us, so
// that backtraces go through it.
.macro CALL_DISPATCH
    movq %rsp, %rdi
    pushq FRAME_RIP(%rsp)
    .cfi_adjust_cfa_offset 8
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    movq %rsp, %rbp
    call trap_dispatch
    addq $16, %rsp
    .cfi_adjust_cfa_offset -16
.endm

    .balign 16
trap_common:
    START_TRAP
    SAVE_REGISTERS
    testb $3, FRAME_CS(%rsp)
    jz 1f
    swapgs
    lfence                          // no speculation with the user's GS
1:  CALL_DISPATCH
    testb $3, FRAME_CS(%rsp)
    jz 2f
    swapgs
2:  RESTORE_REGISTERS
    iretq
    .cfi_endproc
    .type trap_common, @function
    .size trap_common, . - trap_common

    .balign 16
trap_paranoid:
    START_TRAP
    SAVE_REGISTERS
    movl $MSR_GS_BASE, %ecx
    rdmsr
    xorl %ebx, %ebx                 // callee-saved: survives the call
    testl %edx, %edx                // the kernel's half has the highest bit set
    js 1f
    swapgs
    lfence
    incl %ebx
1:  CALL_DISPATCH
    testl %ebx, %ebx
    jz 2f
    swapgs
2:  RESTORE_REGISTERS
    iretq
    .cfi_endproc
    .type trap_paranoid, @function
    .size trap_paranoid, . - trap_paranoid

    .balign 16
    .global trap_stubs
    .type trap_stubs, @function
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    // Exceptions 8, 10-14, 17, 21, 29, 30 push an error code themselves.
    .set has_error, (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
    .set has_error, has_error || vector == 8 || vector == 29 || vector == 30
    .if !has_error
    pushq $0
    .endif
    pushq $vector
    .set paranoid, vector == VECTOR_DEBUG || vector == VECTOR_NMI
    .set paranoid, paranoid || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK
    .if paranoid
    jmp trap_paranoid
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
    .endr
    .size trap_stubs, . - trap_stubs

    .section .note.GNU-stack, "", @progbits
