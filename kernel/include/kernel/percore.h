// SPDX-License-Identifier: BSD-2-Clause
//
// Per-core variables.
//
//     PERCORE(unsigned, ticks) = 7;   defines one, and its value on every core at the start
//
//     *percore(ticks) += 1;           this core's
//
//     *percore_of(core, ticks)        another core's; the variable then needs a locking rule
//
// The variables are one section of the image, which serves as template: every core has a copy, in
// the memory of its own node, and the architecture finds the copy (on x86-64 through GS). The
// kernel does not move a thread of control between cores, so the pointer stays right until it
// returns to user space.
#pragma once

#include <kernel/arch.h>
#include <kernel/types.h>

#define PERCORE(type, name)         __attribute__((section(".percore"))) typeof(type) name
#define DECLARE_PERCORE(type, name) extern typeof(type) name

extern char percore_start[], percore_end[];

#define percore_at(base, var) \
    ((typeof(var) *)((uintptr_t)(base) + ((uintptr_t) & (var) - (uintptr_t)percore_start)))
#define percore(var)          percore_at(arch_percore_base(), var)
#define percore_of(core, var) percore_at(arch_percore_base_of(core), var)
