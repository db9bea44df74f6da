// SPDX-License-Identifier: BSD-2-Clause
// A scenario: everything that one run of drive.h does, drawn from its seed, and its state
// meanwhile.
#pragma once

#include <stdatomic.h>

#include "drive.h"
#include "history.h"

enum {
    WORKERS_MAX = 8,
    REPLICAS_MAX = 4,
    LOGS_MAX = 4,
    BATCH_MAX = 4,
    SUBMITTERS_MAX = 3,     /* more, with full batches, make too many orders for the checker */
    ADMIN_ACTIONS_MAX = 24, /* replicas come and go all the time */
};

struct scenario;

/* An allocator that may run out of memory now and then. Its randomness comes from one counter, so
 * that it may be called by several threads, and deterministically where they run so. */
struct memory {
    struct nr_allocator base;
    _Atomic uint64_t calls;
    uint64_t seed;
    _Atomic uint32_t fails_one_in; /* 0: never */
};

/* A thread that operates on the structure, and how often in percent it does what else. */
struct worker {
    struct scenario *scenario;
    uint32_t number;
    struct rng rng;
    uint32_t ops;      /* operations to do */
    uint32_t submits;  /* instead of executing a mutation */
    uint32_t collects; /* before an operation, while there is something to collect */
    uint32_t moves;    /* unregisters and registers again before an operation */
    void *thread;
    struct lin_op *outstanding[BATCH_MAX]; /* submitted, oldest first */
    uint32_t noutstanding;
};

struct scenario {
    const struct subject *subject;
    enum focus focus;
    uint64_t seed;
    struct nr_config config;
    struct memory memory;
    void *structure;
    struct nr *nr; /* behind it */
    struct hist *hist;
    struct worker workers[WORKERS_MAX];
    uint32_t nworkers;
    bool small; /* few threads, operations and keys: a bug's few steps are then found sooner */
    uint32_t keys, queries, several; /* see struct mood */
    uint32_t idle;          /* set of replicas where no worker registers if it can help it */
    uint32_t admin_actions; /* 0: the set of replicas stays */
    bool delegates;         /* the stuck hook leaves the work to a thread */
    struct rng admin_rng;
    _Atomic uint32_t finished; /* workers at their ends */
    _Atomic uint32_t stuck;    /* set of replicas to advance */
};

/* Draws everything about the scenario but what is in it already: subject and focus. */
void scenario_draw(struct scenario *sc, uint64_t seed);

/* Describes the scenario on stderr. */
void scenario_print(const struct scenario *sc);

/* Fails the run unless status is NR_OK; what: the call that gave it. */
void scenario_must(enum nr_status status, const char *what);

/* What a worker thread does; arg is the struct worker. */
void worker_main(void *arg);

/* The operation of worker w returns now with that answer. */
void worker_record(struct worker *w, struct lin_op *op, const struct answer *answer);
