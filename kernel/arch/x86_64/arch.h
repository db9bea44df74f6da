// SPDX-License-Identifier: BSD-2-Clause
//
// What the files of arch/x86_64 offer each other; one block for each file that has no header of its
// own.
#pragma once

#include <kernel/boot.h>
#include <kernel/cmdline.h>
#include <kernel/exit.h>
#include <kernel/types.h>

/* The image (kernel.ld). */
extern char image_start[], text_end[], rodata_end[], image_end[];
extern char boot_stack_guard[], boot_stack_top[], boot_percore[];
extern uint64_t boot_pml4[];

/* serial.c */
void serial_init(void);

/* pvh.c, multiboot2.c: fill @boot from the information at physical address @info. */
void pvh_parse(struct boot_info *boot, uint64_t info);
void multiboot2_parse(struct boot_info *boot, uint64_t info);

/* bootinfo.c: for the parsers. What has no place is counted in @boot->n_dropped. */
void boot_set_cmdline(struct boot_info *boot, const char *text, size_t max);
void boot_add_range(struct boot_info *boot, uint64_t base, uint64_t size, uint32_t kind);
void boot_add_module(struct boot_info *boot, uint64_t base, uint64_t size, const char *name,
                     size_t max);

/* exit.c: arch_exit without a word on the console. */
_Noreturn void exit_at_once(enum exit_code code);

/* backtrace.c: print " name+offset" if @address is in a function of the kernel. */
void ksyms_print(uint64_t address);
/* backtrace.c: print the chain of calls that led to a fault, from its registers. */
void backtrace_of_fault(uint64_t rip, uint64_t rsp, uint64_t frame);

/* idle.c: choose how to wait, once. */
void idle_init(struct cmdline *cmdline);
