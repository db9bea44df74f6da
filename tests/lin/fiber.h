// SPDX-License-Identifier: BSD-2-Clause
// Coroutines with stacks of their own inside one kernel thread, for x86-64 and AArch64.
//
// A switch saves what the calling convention says a function preserves, and costs a few
// nanoseconds; swapcontext would make two system calls for the signal mask each time. Address and
// thread sanitizers are told of every switch.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fiber {
    void *sp;         /* saved stack pointer while it does not run */
    char *stack;      /* lowest usable byte; NULL for the fiber that is the kernel thread itself */
    size_t size;      /* usable bytes */
    void *asan_stack; /* AddressSanitizer's fake stack while it does not run */
    void *tsan;       /* ThreadSanitizer's context */
};

/* Makes f the kernel thread itself. */
void fiber_adopt(struct fiber *f);

/*
 * Gives f a stack with an inaccessible page below it. The first switch to f enters entry, which
 * must not return. False when memory is exhausted.
 */
bool fiber_init(struct fiber *f, void (*entry)(void));

/* Frees the stack. f must not be running. */
void fiber_fini(struct fiber *f);

/* Suspends from, which is the running fiber, and resumes to. ends: from is never resumed. */
void fiber_switch(struct fiber *from, struct fiber *to, bool ends);

/* First call in entry: completes the switch that entered it from that fiber. */
void fiber_entered(struct fiber *from);
