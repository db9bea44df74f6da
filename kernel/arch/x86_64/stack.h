// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's stacks. A core has one for everything that runs on it, which is also where traps
// from user space land, and one for each of the exceptions that may hit at any instruction. Below
// each lies an unmapped page.
#pragma once

#include "layout.h"

#include <kernel/types.h>

/* Memory for all stacks of a core. */
#define STACK_MEMORY (BOOT_STACK_SIZE + N_IST * IST_STACK_SIZE)

struct stack_tops {
    uint64_t main;
    uint64_t ist[N_IST];
};

/* stack_map - map the stacks of @core to STACK_MEMORY bytes from @pa; not for the boot core, whose
 * stacks are in the image. False: no memory for page tables. */
bool stack_map(core_id_t core, uint64_t pa);

/* stack_tops_of - where the stacks of @core begin. */
struct stack_tops stack_tops_of(core_id_t core);

/* stack_contains - is [address, address + len) in one of this core's stacks? */
bool stack_contains(uint64_t address, uint64_t len);

/* stack_guard_hit - is @address in a guard page of a stack of this core? */
bool stack_guard_hit(uint64_t address);
