// SPDX-License-Identifier: BSD-2-Clause
// What a contestant of the benchmark is: a structure with a way to make it concurrent.
//
// 1. A workload (map, vspace, stack) is a sequential structure `struct W` with W_init, W_fini,
//    W_clone, W_apply and W_read, as NR_DEFINE wants them. A contestant wraps it, or replaces it by
//    a structure of its own with the same meaning.
// 2. Every contestant has its own copy of the measuring loop, into which its read and write are
//    inlined, so nobody pays for the harness' indirection; all copies draw the same stream.
// 3. Conservation. An operation brings a value in or not (bench_loop) and its answer says what went
//    out: the value replaced, removed, or refused. Whatever the threads did, at the end the sum of
//    what is inside is the sum of what came in less what went out, modulo 2^64. A lost or doubled
//    update, or a wrong answer, breaks this; the harness checks it after the last round.
#pragma once

#include <stdatomic.h>

#include "stream.h"

#define BENCH_APART  128 /* two lines: processors prefetch in pairs */
#define BENCH_INLINE static inline __attribute__((always_inline))

enum {
    BENCH_MAX_THREADS = 256,
    BENCH_STEP = 64, /* operations between looks at the phase: amortises it to nothing */
};

/* What create gets. */
struct bench_setup {
    uint64_t keys;
    unsigned replicas;
    unsigned logs;
    bool keep_log;    /* NR_KEEP_LOG: use the log even with one replica */
    const int *nodes; /* of the replicas; NULL: any */
};

/*
 * The model of bench/nr-model runs the contestants with NR_SCHED=1, in virtual time. Accesses to
 * shared memory are announced by the macros of <nr/atomic.h>; bench_work stands for the rest of an
 * operation of the structure.
 */
#if NR_SCHED
void bench_work(void);
#else
static inline void bench_work(void)
{
}
#endif

/* A thread in one window. */
struct worker {
    _Alignas(BENCH_APART) unsigned index;
    unsigned threads; /* how many take part */
    unsigned replica; /* where it works, if its contestant has replicas */
    struct stream stream;
    uint64_t limit;                 /* stop after about so many operations */
    const _Atomic uint32_t *phase;  /* or when this */
    uint32_t running;               /* is no longer this */
    uint64_t ops, in, out, answers; /* added up; answers: sum of what queries returned */
};

typedef uint64_t bench_read_fn(void *self, void *token, uint64_t key);
typedef uint64_t bench_write_fn(void *self, void *token, const struct bench_op *op);

struct contestant {
    const char *name;
    const char *workload;
    void *(*create)(const struct bench_setup *setup); /* empty; NULL: no memory */
    void (*destroy)(void *self);
    /* Called by each thread around a window; the token goes to read and write. NULL: no
     * preparation, the token is the worker. */
    void *(*enter)(void *self, struct worker *worker);
    void (*leave)(void *self, void *token);
    bench_read_fn *read;
    bench_write_fn *write;
    void (*loop)(struct worker *worker, void *self, void *token);
};

BENCH_INLINE void bench_loop(struct worker *worker, void *self, void *token, bench_read_fn *read,
                             bench_write_fn *write, bool removes)
{
    struct stream stream = worker->stream;
    uint64_t ops = 0, in = 0, out = 0, answers = 0;
    while (ops < worker->limit &&
           atomic_load_explicit(worker->phase, memory_order_relaxed) == worker->running) {
        for (unsigned i = 0; i < BENCH_STEP; i++) {
            struct bench_op op;
            if (stream_next(&stream, &op)) {
                in += removes && bench_op_removes(&op) ? 0 : op.value;
                out += write(self, token, &op);
            } else {
                answers += read(self, token, op.key);
            }
        }
        ops += BENCH_STEP;
    }
    worker->stream = stream;
    worker->ops += ops;
    worker->in += in;
    worker->out += out;
    worker->answers += answers;
}

/*
 * Defines the contestant NAME_contestant from NAME_read and NAME_write. REMOVES: whether the
 * workload has operations that take out. The rest initialises further members.
 */
#define BENCH_CONTESTANT(NAME, REMOVES, ...)                                                       \
    static                                                                                         \
        __attribute__((noinline)) void NAME##_loop(struct worker *worker, void *self, void *token) \
    {                                                                                              \
        bench_loop(worker, self, token, NAME##_read, NAME##_write, REMOVES);                       \
    }                                                                                              \
    const struct contestant NAME##_contestant = {                                                  \
        .read = NAME##_read, .write = NAME##_write, .loop = NAME##_loop, __VA_ARGS__}

/* Zeroed memory apart from everything else, or NULL. Free with free(). */
void *bench_alloc(size_t size);

/* A NULL-terminated table of all contestants. */
extern const struct contestant *const contestants[];
