// SPDX-License-Identifier: BSD-2-Clause
#include "probe.h"

#include <nr/port.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum {
    ROUNDS = 500, /* some tens of microseconds: short enough to be undisturbed now and then */
    TRIES = 100,  /* the least of them: noise only adds */
};

struct rally {
    _Alignas(128) _Atomic uint32_t ball;
    int processor;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static double time_rmw(void)
{
    static _Atomic uint32_t word;
    double from = now();
    for (unsigned i = 0; i < ROUNDS; i++)
        atomic_fetch_add(&word, 1);
    return (now() - from) / ROUNDS;
}

static double time_pause(void)
{
    double from = now();
    for (unsigned i = 0; i < ROUNDS; i++)
        relax();
    return (now() - from) / ROUNDS;
}

static double time_yield(void)
{
    double from = now();
    for (unsigned i = 0; i < ROUNDS; i++)
        sched_yield();
    return (now() - from) / ROUNDS;
}

/* Returns odd balls. */
static void *answer(void *arg)
{
    struct rally *rally = arg;
    pin(rally->processor);
    for (uint32_t i = 1; i < 2 * ROUNDS; i += 2) {
        while (atomic_load_explicit(&rally->ball, memory_order_acquire) != i)
            ;
        atomic_store_explicit(&rally->ball, i + 1, memory_order_release);
    }
    return NULL;
}

/* A ball there and back is two transfers for the waiters' loads, and two for the stores. */
static double time_transfer(int processor)
{
    struct rally rally = {.processor = processor};
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, &rally) != 0)
        return 0;
    double from = now();
    for (uint32_t i = 1; i < 2 * ROUNDS; i += 2) {
        atomic_store_explicit(&rally.ball, i, memory_order_release);
        while (atomic_load_explicit(&rally.ball, memory_order_acquire) != i + 1)
            ;
    }
    double time = (now() - from) / ROUNDS / 4;
    pthread_join(thread, NULL);
    return time;
}

static double least(double (*probe)(void))
{
    double best = probe();
    for (unsigned i = 1; i < TRIES; i++) {
        double again = probe();
        best = again < best ? again : best;
    }
    return best;
}

void probe_print(void)
{
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    int first = 0;
    while (!CPU_ISSET(first, &allowed))
        first++;
    pin(first);
    printf("rmw=%.1f\npause=%.1f\nyield=%.1f\n", least(time_rmw), least(time_pause),
           least(time_yield));
    for (int cpu = first + 1; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        double best = time_transfer(cpu);
        for (unsigned i = 1; i < TRIES; i++) {
            double again = time_transfer(cpu);
            best = again < best ? again : best;
        }
        printf("transfer:%d:%d=%.1f\n", first, cpu, best);
    }
}
