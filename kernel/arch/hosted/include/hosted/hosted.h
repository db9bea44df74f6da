// SPDX-License-Identifier: BSD-2-Clause
//
// The machine that tests simulate: threads are cores, an area of memory is RAM.
#pragma once

#include <kernel/arch.h>

/* hosted_set_core - the calling thread is core @core from now on; it was core 0. */
void hosted_set_core(core_id_t core);

/* hosted_ram_create - give the machine addresses 0..@size: zeroes, of which only the touched parts
 * cost anything. Aborts if that fails. One at a time. */
void hosted_ram_create(uint64_t size);

/* hosted_ram_destroy - take them away again. */
void hosted_ram_destroy(void);

/* hosted_set_time - what arch_time_ns() returns from now on; 0 (at start): the host's clock. */
void hosted_set_time(uint64_t ns);

typedef void (*hosted_console_fn)(const char *text, size_t len);

/* hosted_set_console - where the console goes; NULL (at start): standard error. */
void hosted_set_console(hosted_console_fn write);

typedef void (*hosted_panic_fn)(const char *message);

/* hosted_set_panic - called on a panic; if it returns (a test rather jumps away), or without one,
 * the process aborts. */
void hosted_set_panic(hosted_panic_fn handler);
