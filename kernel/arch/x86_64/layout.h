// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's half of the address space; also read by the assembler. docs/memory-map.md explains
// it.
#pragma once

/* Physical address p is at KERNEL_BASE + p: all RAM, the image itself (which has no other mapping)
 * and, on demand and uncached, device registers. 46 bits: what one half of a 4-level tree leaves
 * beside the other regions, and more than any machine of today has. */
#define KERNEL_BASE     0xffff800000000000
#define DIRECT_MAP_BITS 46
/* Kernel stacks, one slot for each core: see stack.h. */
#define KSTACK_BASE 0xffffc00000000000
/* Address space for large kernel objects that have no contiguous frames. */
#define KVIRTUAL_BASE 0xffffc08000000000
#define KVIRTUAL_END  0xffffc10000000000

#define PAGE_SIZE       4096
#define LARGE_PAGE_SIZE (2 << 20)

/* The stack on which the boot core starts, and on which it stays. */
#define BOOT_STACK_SIZE (64 << 10)

/* Stacks of the handlers that must not use the stack they interrupted: enough for a register dump.
 */
#define IST_STACK_SIZE    (16 << 10)
#define IST_DOUBLE_FAULT  1
#define IST_NMI           2
#define IST_MACHINE_CHECK 3
#define IST_DEBUG         4
#define N_IST             4

/* Segment selectors. The order of the user ones is what SYSRET wants: 32-bit code, data, 64-bit
 * code. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE32 0x1b
#define SEL_USER_DATA   0x23
#define SEL_USER_CODE   0x2b
#define SEL_TSS         0x30

/* By which protocol we were booted. */
#define BOOT_PVH        1
#define BOOT_MULTIBOOT2 2

/* Exceptions that the assembler treats apart. */
#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_MACHINE_CHECK 18

#define MSR_GS_BASE 0xc0000101

/* struct ap_slot of smp.c, for trampoline.S. */
#define AP_SLOT_APIC_ID 0
#define AP_SLOT_PERCORE 8
#define AP_SLOT_STACK   16
#define AP_SLOT_SIZE    32

/* Offsets in struct percore_head that the assembler and the compiler
 * (-mstack-protector-guard-offset) know; arch/x86_64/percore.h asserts them. */
#define PERCORE_SELF     0
#define PERCORE_USER_RSP 8
#define PERCORE_STACK    16
#define PERCORE_CANARY   40
