// SPDX-License-Identifier: BSD-2-Clause
// Runs contestants in turns, in windows of time, and checks that they did the work.
//
// 1. A pool of pinned threads, thread i on the i'th processor of the program's affinity mask, from
// the front again when there are more threads. Those that a window does not need sleep.
// 2. A window: the threads enter, run a lead-in that is not counted, and are told by changes of
// phase when to count and when to stop. The rate is what they counted by the time in between.
// 3. Turns: in a round, each (contestant, threads) has one window; the next round starts elsewhere
// in the sequence. A drift of the machine thus meets all alike, and the ratio of two rates of a
// round is one of neighbours.
#pragma once

#include "contest.h"
#include "counters.h"

/* A contestant with its parameters, as a run has it. */
struct entrant {
    const char *label; /* as given: CLASS[-rREPLICAS][-lLOGS][-keep] */
    const struct contestant *contestant;
    struct bench_setup setup;
    void *self;
    uint64_t in, out; /* of everything done to it so far */
};

struct run {
    struct entrant *entrants;
    unsigned count;
    const char *workload;
    uint64_t keys;
    bool scatter; /* keys are numbers all over, not 0..keys-1 */
    unsigned writes;
    uint64_t seed;
    const struct zipf *zipf;
    unsigned lead_ms;
    unsigned window_ms;
};

/* What a window gave. */
struct window {
    double rate; /* operations per second, all threads */
    uint64_t ops;
    uint64_t preempted; /* times the kernel took a processor away, with the lead-in */
    double present;     /* share of the window that the threads had a processor, on average */
    struct counts counts;
};

struct pool;

/* Starts `threads` threads, thread i on processors[i mod count], or, with count 0, on the i'th that
 * the program may use. NULL: no memory or no threads. */
struct pool *pool_create(unsigned threads, const int *processors, unsigned count);
void pool_destroy(struct pool *pool);

/* How many processors the program may use. */
unsigned pool_processors(void);

/* Why there are no hardware counters, NULL if there are. */
const char *pool_counters_missing(const struct pool *pool);

/* Runs one window; *window is undefined on failure. False: a thread could not enter. */
bool pool_window(struct pool *pool, const struct run *run, struct entrant *entrant,
                 unsigned threads, unsigned round, struct window *window);

/* Creates the entrant's structure and fills it: every key (stack: as many values) has a value.
 * False: no memory. */
bool entrant_create(struct entrant *entrant, const struct run *run);
void entrant_destroy(struct entrant *entrant);

/* Executes `ops` operations in the calling thread. Returns what queries and mutations answered. */
struct answers {
    uint64_t out, answers;
};
bool entrant_execute(struct entrant *entrant, const struct run *run, uint64_t ops,
                     struct answers *answers);

/* The contents of each replica: sum of the values, and a hash of (key, value). */
struct contents {
    uint64_t sum, hash;
};
bool entrant_contents(struct entrant *entrant, const struct run *run, unsigned replica,
                      struct contents *contents);
