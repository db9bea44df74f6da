// SPDX-License-Identifier: BSD-2-Clause
//
// From the boot loader to C. Both protocols enter in 32-bit protected mode with paging off and flat
// segments: PVH at pvh_entry with %ebx -> hvm_start_info, multiboot2 at mb2_entry with %ebx -> its
// information structure. Neither gives us a stack, and GRUB may have moved the image, so the 32-bit
// part addresses everything relative to %ebp. It maps the low 4 GiB twice, at 0 and at KERNEL_BASE,
// switches to long mode, and the 64-bit part relocates the image to KERNEL_BASE and calls
// arch_start. These first page tables are writable and executable; paging.c replaces them.

#include "layout.h"

#define COM1 0x3f8

    .cfi_sections .debug_frame      // for debuggers only

    .section .boot.header, "a"
    .balign 8
mb2_header:
    .long 0xe85250d6, 0, mb2_header_end - mb2_header
    .long -(0xe85250d6 + 0 + (mb2_header_end - mb2_header))
    // We may be loaded anywhere between 2 MiB and 2 GiB, 2 MiB aligned, preferably low.
    .short 10, 0
    .long 24, 0x200000, 0x7fffffff, 0x200000, 1
    // We need its memory map (6) and command line (1), and take modules (3).
    .balign 8
    .short 1, 0
    .long 20, 1, 3, 6
    .balign 8
    .short 0, 0
    .long 8
mb2_header_end:

    .section .boot.text, "ax"
    .code32
    .global pvh_entry, mb2_entry
pvh_entry:
    movl $BOOT_PVH, %esi
    leal 4(%ebx), %esp              // borrow the magic number's word as a stack
    jmp start32
mb2_entry:
    movl $BOOT_MULTIBOOT2, %esi
    leal 8(%ebx), %esp              // borrow the reserved word
    cmpl $0x36d76289, %eax
    je start32
    hlt                             // not entered by a boot loader we know: nothing works here
    jmp . - 1

start32:
    cli
    cld
    call here
here:
    popl %ebp
    leal (boot_stack_top - here)(%ebp), %esp

    // Long mode, or a message. CPUID overwrites %ebx.
    pushl %ebx
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode
    jmp long_mode

no_long_mode:
    popl %ebx
    leal (no_long_mode_text - here)(%ebp), %esi
    movw $COM1, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  movw $0xf4, %dx                 // exit code 8 for the debug-exit device, where there is one
    movl $8, %eax
    outl %eax, %dx
3:  hlt
    jmp 3b
    .size no_long_mode, . - no_long_mode
no_long_mode_text:
    .asciz "nrk needs a 64-bit x86 processor: this one has no long mode\r\n[shutdown-request] 8\r\n"

long_mode:
    popl %ebx
    // pml4[0] = pml4[256] = pdpt; pdpt[0..3] = four page directories of 512 large pages.
    leal (boot_pdpt - here)(%ebp), %eax
    orl $3, %eax
    movl %eax, (boot_pml4 - here)(%ebp)
    movl %eax, (boot_pml4 + 256 * 8 - here)(%ebp)
    leal (boot_pd - here)(%ebp), %edi
    leal 3(%edi), %eax
    movl $0, %ecx
1:  movl %eax, (boot_pdpt - here)(%ebp, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jne 1b
    movl $0x83, %eax                // present, writable, large
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $LARGE_PAGE_SIZE, %eax
    loop 1b

    movl %cr4, %eax
    orl $0x20, %eax                 // PAE
    movl %eax, %cr4
    leal (boot_pml4 - here)(%ebp), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx          // EFER
    rdmsr
    orl $0x100, %eax                // LME
    wrmsr
    movl %cr0, %eax
    andl $~0x6000000c, %eax         // caches on; no EM, no TS
    orl $0x80010022, %eax           // PG, WP, NE, MP
    movl %eax, %cr0

    leal (boot_gdt - here)(%ebp), %eax
    movl %eax, (boot_gdt_pointer + 2 - here)(%ebp)
    lgdt (boot_gdt_pointer - here)(%ebp)
    leal (start64 - here)(%ebp), %eax
    pushl $SEL_KERNEL_CODE
    pushl %eax
    lret

    .code64
start64:
    .cfi_startproc
    .cfi_undefined %rip             // nobody called us
    // Up to the high half.
    leaq 1f(%rip), %rax
    movabsq $KERNEL_BASE, %rcx
    addq %rcx, %rax
    jmp *%rax
1:  xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    leaq boot_stack_top(%rip), %rsp
    movl %ebx, %r12d                // the loader's information
    movl %esi, %r13d                // the protocol

    // Relocate: every entry is R_X86_64_RELATIVE (the link fails otherwise, see CMakeLists.txt).
    leaq image_start(%rip), %rax
    subq image_link_base(%rip), %rax
    leaq rela_start(%rip), %rsi
    leaq rela_end(%rip), %rdi
1:  cmpq %rdi, %rsi
    jae 2f
    movq (%rsi), %rdx
    movq 16(%rsi), %rcx
    addq %rax, %rcx
    movq %rcx, (%rdx, %rax)
    addq $24, %rsi
    jmp 1b

    // The boot core's per-core variables: a copy of the template, found through GS from here on, so
    // that C code finds its stack canary.
2:  leaq percore_start(%rip), %rsi
    leaq percore_end(%rip), %rcx
    subq %rsi, %rcx
    leaq boot_percore(%rip), %rdi
    movq %rdi, %rbx
    rep movsb
    movq %rbx, PERCORE_SELF(%rbx)
    rdtsc
    imulq $0x5851f42d, %rax, %rax
    shlq $32, %rdx
    xorq %rdx, %rax
    xorb %al, %al                   // a zero byte stops string functions
    movq %rax, PERCORE_CANARY(%rbx)
    movl $MSR_GS_BASE, %ecx
    movl %ebx, %eax
    movq %rbx, %rdx
    shrq $32, %rdx
    wrmsr

    // The end of the chain of frames, for whoever follows it without knowing our code.
    pushq $0
    pushq $0
    movq %rsp, %rbp
    movl %r13d, %edi
    movq %r12, %rsi
    call arch_start
    ud2
    .cfi_endproc
    .type start64, @function
    .size start64, . - start64

    .section .data, "aw"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        // SEL_KERNEL_CODE: 64-bit
    .quad 0x00cf93000000ffff        // SEL_KERNEL_DATA
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .quad 0

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .global boot_pml4, boot_stack_guard, boot_stack_top
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
// The boot core's stacks, each above a guard page, which paging.c unmaps.
boot_stack_guard:
    .skip PAGE_SIZE
    .skip BOOT_STACK_SIZE
boot_stack_top:
    .skip N_IST * (PAGE_SIZE + IST_STACK_SIZE)

    .section .note.GNU-stack, "", @progbits
