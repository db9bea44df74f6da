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

    .text

.macro SAVE_REGISTERS
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
.endm

.macro RESTORE_REGISTERS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp                  // vector, error code
.endm

// Call trap_dispatch with a stack frame that looks as if the interrupted code had called us, so
// that backtraces go through it.
.macro CALL_DISPATCH
    movq %rsp, %rdi
    pushq FRAME_RIP(%rsp)
    pushq %rbp
    movq %rsp, %rbp
    call trap_dispatch
    addq $16, %rsp
.endm

    .balign 16
trap_common:
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
    .type trap_common, @function
    .size trap_common, . - trap_common

    .balign 16
trap_paranoid:
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
