// SPDX-License-Identifier: BSD-2-Clause
//
// A guest of its own, to see whether an accelerator can be trusted (tools/nrk/accel.py). It goes to
// long mode, from there to user mode, and executes SYSCALL: a processor arrives in the kernel's
// code segment, at privilege level 0; an emulation by a user process may not. Exit code 0 by the
// debug-exit device for a processor, 1 for something else; what cannot even come that far, or
// refuses a privileged instruction afterwards, ends otherwise or never.

#define DEBUG_EXIT_PORT 0xf4
#define MSR_EFER        0xc0000080
#define MSR_STAR        0xc0000081
#define MSR_LSTAR       0xc0000082

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18                  // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long start

    .text
    .code32
    .global start
start:
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0x20, %eax                // PAE
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $0x101, %eax                // long mode, SYSCALL
    wrmsr
    movl $0x80000011, %eax          // paging, protection
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $MSR_STAR, %ecx
    xorl %eax, %eax
    movl $0x00130008, %edx          // SYSCALL loads CS with 8, SYSRET with 0x23
    wrmsr
    movl $MSR_LSTAR, %ecx
    movl $arrived, %eax
    xorl %edx, %edx
    wrmsr
    movl $user, %ecx
    movl $0x2, %r11d
    sysretq
user:
    movl %cs, %ebx
    syscall
    ud2
arrived:
    movl %cs, %ecx
    movq %cr3, %rax                 // faults above level 0; there is no handler, so that is the end
    xorl %eax, %eax
    cmpl $8, %ecx
    setne %al
    cmpl $0x23, %ebx
    setne %ah
    orb %ah, %al
    movzbl %al, %eax
    movw $DEBUG_EXIT_PORT, %dx
    outl %eax, %dx
    cli
1:  hlt
    jmp 1b

    .data
    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    // The first 4 MiB at their own address, open to user mode.
    .balign 4096
pml4:
    .quad pdpt + 7
    .fill 511, 8, 0
pdpt:
    .quad directory + 7
    .fill 511, 8, 0
directory:
    .quad 0x87, 0x200087
    .fill 510, 8, 0

    .section .note.GNU-stack, "", @progbits
