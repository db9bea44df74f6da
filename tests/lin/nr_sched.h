// SPDX-License-Identifier: BSD-2-Clause
// libnr on the deterministic scheduler: what its NR_SCHED build and its port need.
//
// The port also watches memory. Freed blocks are kept until nr_sched_sweep, filled with a pattern:
// an announced access to one of them fails the run at once, and a silent write is noticed in the
// sweep. Blocks never freed are counted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Releases the blocks freed since the last sweep; false, and why on stderr, if one was written. */
bool nr_sched_sweep(void);

/* Blocks allocated and not freed. */
size_t nr_sched_live_blocks(void);

/* Gives up all blocks without checks: after a failed run, whose threads were abandoned. */
void nr_sched_forget(void);
