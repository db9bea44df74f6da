// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <kernel/boot.h>
#include <kernel/error.h>

/* kernel_main - the generic kernel on the boot core; called once by the architecture, on the core's
 * own stack, with interrupts off, as soon as C runs and the console works. */
void kernel_main(const struct boot_info *boot);

/* kernel_core_main - what every other core does once it is initialised, with interrupts off; does
 * not return. */
void kernel_core_main(void);

/* Runs with interrupts off. */
typedef void kernel_job_fn(void);

/* kernel_run_on - have @fn run on @core, another than the boot core, as soon as what it does now
 * ends. KERR_BUSY: a job waits there already; KERR_NOT_FOUND: the core is not online. */
MUST_CHECK kerr_t kernel_run_on(core_id_t core, kernel_job_fn *fn);
