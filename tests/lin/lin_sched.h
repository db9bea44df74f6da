// SPDX-License-Identifier: BSD-2-Clause
// Deterministic scheduler: logical threads in one kernel thread, interleaved by a seed.
//
// 1. Code under test announces every access to shared memory by sched_point; nr_sched.c connects
// the atomics and the port of libnr, compiled with NR_SCHED, to this. There, and when a thread
// spins (sched_relax), sleeps (sched_wait) or ends, the scheduler decides who continues. Nothing
// else is a source of nondeterminism, so a seed is a schedule, and a failure replays as often as
// one likes.
//
// 2. The interleavings explored are sequentially consistent. What weaker orders permit is the
// business of the tests with real threads and of the models.
//
// 3. Strategies:
//  - random: at each point go on with probability 1 - 1/quantum, else continue a thread drawn
//    uniformly. A thread that spins is not drawn until somebody else stores or nobody else can run.
//    With stalls, a thread that has just stored is moreover put aside once in stall_every times
//    (less often elsewhere), for stall_length points, as if preempted.
//  - PCT (Burckhardt, Kothari, Musuvathi, Nagarakatti 2010): threads have distinct random
//    priorities and the highest runs; at depth - 1 points drawn from the first length points the
//    running thread falls below all others. A schedule finds a bug that needs d ordering
//    constraints among n threads with probability at least 1 / (n * length^(d-1)). A thread that
//    spins falls to the lowest priority, as the authors do for yields.
//  - round robin: every thread in turn gets some points, quantum in the mean. Turns of constant
//    length could starve a thread that polls a lock in step with its holders for ever.
//
// 4. A run fails when all threads that have not ended sleep (a lost wake-up or a cycle of waits:
// deadlock), when it takes more than max_points points (livelock), or when a thread calls
// sched_fail. The report shows each thread's state and its latest accesses.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum sched_kind {
    SCHED_LOAD,
    SCHED_STORE,
    SCHED_RMW,
    SCHED_RELAX,
    SCHED_WAIT,
    SCHED_WAKE,
};

enum sched_strategy {
    SCHED_RANDOM,
    SCHED_PCT,
    SCHED_ROUND_ROBIN,
};

struct sched_config {
    uint64_t seed;
    enum sched_strategy strategy;
    uint32_t quantum;      /* random, round robin: points between switches */
    uint32_t depth;        /* PCT: bug depth d, so d - 1 changes of priority */
    uint32_t length;       /* PCT: the changes lie within so many points */
    uint32_t stall_every;  /* random: stores of a thread between its stalls; 0: no stalls */
    uint32_t stall_length; /* random: points that a stalled thread is put aside for */
    bool spurious;         /* sleepers now and then wake up without reason */
    uint64_t max_points;   /* more make a livelock */
};

enum sched_outcome {
    SCHED_OK,
    SCHED_DEADLOCK,
    SCHED_LIVELOCK,
    SCHED_FAILED,
};

enum {
    SCHED_THREADS_MAX = 32,
};

struct sched;

/* A configuration drawn from seed: mostly random and PCT with quanta and depths of all sizes. */
struct sched_config sched_config_draw(uint64_t seed);

/* A scheduler without threads. One at a time may run. Ends the program when memory is exhausted. */
struct sched *sched_create(const struct sched_config *config);
void sched_destroy(struct sched *s);

/* Adds a logical thread; name must outlive s. Returns its number, from 0. Before sched_run only. */
uint32_t sched_spawn(struct sched *s, const char *name, void (*fn)(void *arg), void *arg);

/*
 * Runs the threads until all ended or the run failed. After a failure the remaining threads are
 * abandoned where they are; what they hold is lost.
 */
enum sched_outcome sched_run(struct sched *s);

/* Points passed so far. */
uint64_t sched_points(const struct sched *s);

/* Describes the outcome, and for each thread its state and latest accesses. */
void sched_report(const struct sched *s, FILE *out);

/* Number of the running logical thread, or UINT32_MAX outside of all. */
uint32_t sched_self(void);

/*
 * Announces an access of size bytes at addr, made at code address pc; kind is SCHED_LOAD,
 * SCHED_STORE or SCHED_RMW. Does nothing but trace outside of a run.
 */
void sched_point(const volatile void *addr, unsigned size, enum sched_kind kind, const void *pc);

/* The running thread waits for others without sleeping. */
void sched_relax(void);

/* Sleeps if *word still is expected, until sched_wake names word. Callers check again. */
void sched_wait(const volatile uint32_t *word, uint32_t expected);

/* Wakes up to count sleepers of word, in random order. */
void sched_wake(const volatile uint32_t *word, uint32_t count);

/* Ends the run as failed for the reason given. Called by a logical thread, does not return. */
void sched_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Every access announced from now on is also given to fn just before it happens, with the number of
 * the thread: input for a cache coherence model. NULL ends this. Works without a scheduler, too.
 */
typedef void sched_tracer(void *arg, uint32_t thread, const volatile void *addr, unsigned size,
                          enum sched_kind kind);
void sched_set_tracer(sched_tracer *fn, void *arg);
