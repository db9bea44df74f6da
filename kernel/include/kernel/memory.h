// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's memory: the frames of the whole machine, and the heap on them.
#pragma once

#include <kernel/frames.h>
#include <kernel/slab.h>

/* [const] after memory_init. */
extern struct frames *kernel_frames;
extern struct slab *kernel_slab;

/* memory_init - take over all RAM from the architecture; once, on the boot core, before others run.
 * KERR_NO_MEMORY: there is too little for the allocators' own state. */
MUST_CHECK kerr_t memory_init(void);
