// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lin_memo.h"

const enum hist_mode run_hist_mode = HIST_THREADS;
const uint32_t run_ops_max = 300; /* much longer than what threads start apart */
const uint32_t run_entangled_max = 80;
const uint64_t run_count = 1000 * LIN_RUNS_PERCENT / 100;

static pthread_barrier_t start;

static void *thread_main(void *arg)
{
    const struct run_thread *t = arg;
    pthread_barrier_wait(&start);
    t->fn(t->arg);
    return NULL;
}

bool run_parallel(uint64_t seed, const struct run_thread *threads, uint32_t n)
{
    (void)seed;
    pthread_t *ids = lin_alloc(n, sizeof(*ids));
    pthread_barrier_init(&start, NULL, n);
    for (uint32_t i = 0; i < n; i++) {
        if (pthread_create(&ids[i], NULL, thread_main, (void *)(uintptr_t)&threads[i]))
            abort();
    }
    for (uint32_t i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&start);
    free(ids);
    return true;
}

/* Other threads cannot be stopped where they are, so the program ends. */
void run_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void run_yield(void)
{
    sched_yield();
}

void run_jitter(struct rng *r)
{
    uint32_t spins = rng_below(r, 64);
    if (spins == 0)
        sched_yield();
    while (rng_below(r, 64) < spins)
        spins--;
}

/* The address sanitizer's build looks after memory here. */
bool run_memory_ok(void)
{
    return true;
}
