// SPDX-License-Identifier: BSD-2-Clause
//
// The first instructions of every core but the boot core. A startup message makes a core begin in
// real mode at a page below 1 MiB; smp.c copies ap_trampoline there and fills in its variables.
// Several cores run through it at once, so it writes to nothing. In long mode it continues at
// ap_high, in the image, where the core looks its APIC id up in the table of cores to start.

#include "layout.h"

    .cfi_sections .debug_frame

    .section .data.rel.ro, "aw"
    .balign 16
    .global ap_trampoline, ap_trampoline_end, ap_far32, ap_far64, ap_cr3, ap_gdt_base
    .code16
ap_trampoline:
    cli
    cld
    xorl %ebx, %ebx
    movw %cs, %bx
    movw %bx, %ds
    shll $4, %ebx                   // linear address of this page
    lgdtl ap_gdt_pointer - ap_trampoline
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl *(ap_far32 - ap_trampoline)

    .code32
ap_start32:
    movw $SEL_KERNEL_DATA, %ax
    movw %ax, %ds
    movw %ax, %ss
    movl %cr4, %eax
    orl $0x20, %eax                 // PAE
    movl %eax, %cr4
    movl (ap_cr3 - ap_trampoline)(%ebx), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx          // EFER
    rdmsr
    orl $0x900, %eax                // LME, NXE
    wrmsr
    movl %cr0, %eax
    andl $~0x6000000c, %eax         // caches on; no EM, no TS
    orl $0x80010022, %eax           // PG, WP, NE, MP
    movl %eax, %cr0
    ljmpl *(ap_far64 - ap_trampoline)(%ebx)

    .code64
ap_start64:
    movq ap_entry(%rip), %rax
    jmp *%rax

    .balign 8
ap_gdt:                             // marked accessed: the page is mapped read-only
    .quad 0
    .quad 0x00af9b000000ffff        // SEL_KERNEL_CODE: 64-bit
    .quad 0x00cf93000000ffff        // SEL_KERNEL_DATA
    .quad 0x00cf9b000000ffff        // 32-bit code
ap_gdt_pointer:
    .short . - ap_gdt - 1
ap_gdt_base:
    .long ap_gdt - ap_trampoline    // smp.c adds the address of the page to this and the next two
ap_far32:
    .long ap_start32 - ap_trampoline
    .short 0x18
ap_far64:
    .long ap_start64 - ap_trampoline
    .short SEL_KERNEL_CODE
ap_cr3:
    .long 0
    .balign 8
ap_entry:
    .quad ap_high
ap_trampoline_end:

    .text
    .type ap_high, @function
ap_high:
    .cfi_startproc
    .cfi_undefined %rip             // nobody called us
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs

    // The APIC id: 32 bits of leaf 0xb where there is one, else 8 bits of leaf 1.
    cpuid
    cmpl $0xb, %eax
    jb 1f
    movl $0xb, %eax
    xorl %ecx, %ecx
    cpuid
    testl %ebx, %ebx
    jnz 2f
1:  movl $1, %eax
    cpuid
    shrl $24, %ebx
    movl %ebx, %edx

2:  leaq ap_slots(%rip), %rdi
    movl ap_n_slots(%rip), %ecx
3:  testl %ecx, %ecx
    jz 5f
    cmpl %edx, AP_SLOT_APIC_ID(%rdi)
    je 4f
    addq $AP_SLOT_SIZE, %rdi
    decl %ecx
    jmp 3b

4:  movq AP_SLOT_STACK(%rdi), %rsp
    movl $MSR_GS_BASE, %ecx
    movl AP_SLOT_PERCORE(%rdi), %eax
    movl AP_SLOT_PERCORE + 4(%rdi), %edx
    wrmsr
    pushq $0                        // the end of the chain of frames, as in boot.S
    pushq $0
    movq %rsp, %rbp
    call ap_main
5:  cli                             // nobody asked for this core
    hlt
    jmp 5b
    .cfi_endproc
    .size ap_high, . - ap_high

    .section .note.GNU-stack, "", @progbits
