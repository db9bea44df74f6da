// SPDX-License-Identifier: BSD-2-Clause
//
// A guest that does nothing: by the boot protocol of the kernel, it prints one line and ends the
// machine. What that takes is QEMU's time, and none of the kernel's.

#define COM1            0x3f8
#define DEBUG_EXIT_PORT 0xf4

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18                  // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long start

    .text
    .code32
    .global start
start:
    movw $COM1, %dx
    movb $'\n', %al
    outb %al, %dx
    movw $DEBUG_EXIT_PORT, %dx
    xorl %eax, %eax
    outl %eax, %dx
    cli
1:  hlt
    jmp 1b

    .section .note.GNU-stack, "", @progbits
