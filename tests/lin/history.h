// SPDX-License-Identifier: BSD-2-Clause
// Recording of concurrent histories for lincheck.
//
// Each thread writes operations into chunks of its own. Stamps come from one counter that every
// call and return increments. In thread mode the increment is an atomic read-modify-write,
// sequentially consistent, so that the recorded order contains the real-time order on every
// machine; clocks of different cores give no such guarantee. Recording widens an operation (its
// call is stamped before it begins, its return after it ends), so it never invents a violation. In
// scheduler mode all logical threads share one kernel thread and the counter is a plain variable.
#pragma once

#include "lincheck.h"

enum hist_mode {
    HIST_THREADS, /* recorded by real threads */
    HIST_SCHED,   /* recorded by the logical threads of lin_sched.h */
};

struct hist;

/* A history of so many threads. Ends the program when memory is exhausted. */
struct hist *hist_create(uint32_t threads, enum hist_mode mode);
void hist_destroy(struct hist *hist);

/*
 * Thread calls an operation now. The result is valid until hist_destroy; the caller may fill in
 * further arguments. A thread may call again before the operation returned. [thread]
 */
struct lin_op *hist_call(struct hist *hist, uint32_t thread, uint32_t kind, uint64_t arg0,
                         uint64_t arg1);

/* The operation returns now with this response. [thread] */
void hist_return(struct hist *hist, struct lin_op *op, uint64_t resp0, uint64_t resp1);

/* The same for a response of n words, which are copied. [thread] */
void hist_return_words(struct hist *hist, struct lin_op *op, const uint64_t *words, size_t n);

/*
 * All operations of all threads, in one array that the caller frees; *n is their number. Operations
 * without a return are pending. Call it when the threads have ended.
 */
struct lin_op *hist_merge(const struct hist *hist, size_t *n);
