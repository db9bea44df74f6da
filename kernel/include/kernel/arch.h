// SPDX-License-Identifier: BSD-2-Clause
//
// What the generic kernel asks of a machine. Implemented by arch/x86_64; nothing above the arch
// directories includes any other header of theirs.
#pragma once

#include <kernel/boot.h>
#include <kernel/cmdline.h>
#include <kernel/exit.h>
#include <kernel/memmap.h>
#include <kernel/types.h>

struct frames;

/* arch_init_machine - memory map, topology, interrupts, time. On the boot core, once. Ends the
 * machine, with a message, where something is missing that the kernel cannot do without. */
void arch_init_machine(const struct boot_info *boot, struct cmdline *cmdline);

/* arch_memory_ranges - what is RAM and what of it the machine layer keeps, after arch_init_machine;
 * at most @max entries, returns how many. Firmware's reports and boot code have fewer than 1000. */
size_t arch_memory_ranges(struct memory_range *ranges, size_t max);

/* arch_memory_taken - from here on all RAM belongs to @by; the machine layer asks them for
 * more. */
void arch_memory_taken(struct frames *by);

/* arch_start_cores - start the other cores, which then run kernel_core_main(); returns how many
 * cores are online, with this one. */
unsigned arch_start_cores(void);

/* --- Console and end --- */

/* arch_console_write - write bytes to the serial console, at once and without any lock. */
void arch_console_write(const char *text, size_t len);

/* arch_exit - end the machine: reports the code (see exit.h), then powers off (EXIT_OK) or halts.
 */
_Noreturn void arch_exit(enum exit_code code);

/* arch_stop_others - make every other core stop where it is. For panics; returns without waiting.
 */
void arch_stop_others(void);

/* arch_halt_forever - stop this core. */
_Noreturn void arch_halt_forever(void);

/* --- The core we run on --- */

/* arch_core_id - number of this core; 0 until cores are known. */
core_id_t arch_core_id(void);

/* arch_percore_base - start of this core's copy of the per-core variables (see percore.h). */
void *arch_percore_base(void);

/* arch_percore_base_of - the same of another core, which must be online. */
void *arch_percore_base_of(core_id_t core);

/* arch_relax - tell the processor that this is a spin loop. */
void arch_relax(void);

/* arch_irq_save - disable interrupts on this core; the result says whether they were enabled. */
bool arch_irq_save(void);

/* arch_irq_restore - enable interrupts again if @was_on. */
void arch_irq_restore(bool was_on);

/* arch_irqs_on - are interrupts enabled on this core? */
bool arch_irqs_on(void);

/* --- Time --- */

/* arch_time_ns - nanoseconds since boot; monotonic on each core and, to within a few microseconds,
 * between cores. 0 until the clock was calibrated. */
uint64_t arch_time_ns(void);

/* arch_wall_ns - nanoseconds since 1970-01-01 00:00 UTC. */
uint64_t arch_wall_ns(void);

/* Runs on the core it concerns, with interrupts off, on the core's stack. */
typedef void arch_handler_fn(void);

#define ARCH_TIMER_OFF UINT64_MAX

/* arch_timer_set - run the timer handler on this core once arch_time_ns() has reached @ns; replaces
 * what was set before, as ARCH_TIMER_OFF does without a new time. A time that has passed means at
 * once. */
void arch_timer_set(uint64_t ns);

/* arch_timer_set_handler - for all cores. */
void arch_timer_set_handler(arch_handler_fn *fn);

/* --- Other cores --- */

/* arch_core_online - does the core run? Cores that did not start, and numbers beyond all, do not.
 */
bool arch_core_online(core_id_t core);

/* arch_wake - end the wait of arch_idle() on an online core, or the next one it enters. */
void arch_wake(core_id_t core);

/* arch_interrupt - run the interrupt handler on an online core; on a core that is asked several
 * times before it gets to it, once or more often. */
void arch_interrupt(core_id_t core);
void arch_interrupt_set_handler(arch_handler_fn *fn);

/* arch_idle - with interrupts off: enable them, wait until at least one was served, disable them. A
 * wake-up that arrives after interrupts went off is not lost: look for work in between. */
void arch_idle(void);

/* --- Addresses --- */

/* arch_phys_to_virt - where RAM at @pa is mapped. Does not check that there is RAM. */
void *arch_phys_to_virt(paddr_t pa);

/* arch_map_device - registers at [pa, pa + size), mapped uncached. Mappings stay for ever and may
 * be asked for again. NULL: no memory for page tables, or beyond what can be mapped. */
volatile void *arch_map_device(paddr_t pa, uint64_t size);

/* arch_virt_to_phys - the inverse, for addresses of the direct map, which include the image. */
paddr_t arch_virt_to_phys(const void *va);

/* --- Diagnosis --- */

/* arch_debugger_init - with `gdb` on the command line, wait for a debugger on the second serial
 * port and stop for it. From then on it can stop the machine at any time. Once, on the boot core.
 */
void arch_debugger_init(struct cmdline *cmdline);

/* arch_backtrace - print the callers of this function to the console, without any lock. */
void arch_backtrace(void);
