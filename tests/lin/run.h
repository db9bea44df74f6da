// SPDX-License-Identifier: BSD-2-Clause
// One test source, two ways to run it: run_sched.c interleaves logical threads by a seed,
// run_threads.c starts real ones. A test program links one of them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "history.h"
#include "rng.h"

struct run_thread {
    const char *name;
    void (*fn)(void *arg);
    void *arg;
};

/* How histories are recorded. */
extern const enum hist_mode run_hist_mode;

/* Operations of a thread are drawn up to this number. */
extern const uint32_t run_ops_max;

/* Operations of all threads together, where the checker copes with short histories only. */
extern const uint32_t run_entangled_max;

/* Runs that fit the time of a test with weight 1. */
extern const uint64_t run_count;

/*
 * Runs the n threads to their ends. False, and why on stderr, if the schedule of the seed did not
 * come to its end; the structures in use are then lost.
 */
bool run_parallel(uint64_t seed, const struct run_thread *threads, uint32_t n);

/* Called by one of the threads: the run fails. */
void run_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Called by one of the threads: lets others go on. */
void run_yield(void);

/* Called by one of the threads between operations: shifts real threads against each other. */
void run_jitter(struct rng *r);

/* After a run and the destruction of all instances: false, and why on stderr, if memory leaked or
 * was used after it had been freed, as far as that can be seen. */
bool run_memory_ok(void);
