// SPDX-License-Identifier: BSD-2-Clause
// One structure in the hands of a single thread: making, filling, counting out.
#include "harness.h"
#include <base/hash.h>

/* The calling thread as a worker that runs until its limit. */
static struct worker worker_alone(const struct run *run, unsigned replica)
{
    static const _Atomic uint32_t always;
    return (struct worker){
        .threads = 1,
        .replica = replica,
        .phase = &always,
        .stream = stream_make(run->seed, BENCH_MAX_THREADS, run->keys, run->scatter, run->writes,
                              run->zipf),
    };
}

static void *enter(struct entrant *entrant, struct worker *worker)
{
    if (!entrant->contestant->enter)
        return worker;
    return entrant->contestant->enter(entrant->self, worker);
}

static void leave(struct entrant *entrant, void *token)
{
    if (entrant->contestant->leave)
        entrant->contestant->leave(entrant->self, token);
}

bool entrant_create(struct entrant *entrant, const struct run *run)
{
    entrant->self = entrant->contestant->create(&entrant->setup);
    if (!entrant->self)
        return false;
    struct worker worker = worker_alone(run, 0);
    void *token = enter(entrant, &worker);
    if (!token)
        return false;
    for (uint64_t key = 0; key < run->keys; key++) {
        struct bench_op op = {stream_key(key, run->scatter), 2 * key + 2}; /* even: brings in */
        entrant->in += op.value;
        entrant->out += entrant->contestant->write(entrant->self, token, &op);
    }
    leave(entrant, token);
    return true;
}

void entrant_destroy(struct entrant *entrant)
{
    if (entrant->self)
        entrant->contestant->destroy(entrant->self);
    entrant->self = NULL;
}

bool entrant_execute(struct entrant *entrant, const struct run *run, uint64_t ops,
                     struct answers *answers)
{
    struct worker worker = worker_alone(run, 0);
    worker.limit = ops;
    void *token = enter(entrant, &worker);
    if (!token)
        return false;
    entrant->contestant->loop(&worker, entrant->self, token);
    leave(entrant, token);
    entrant->in += worker.in;
    entrant->out += worker.out;
    *answers = (struct answers){worker.out, worker.answers};
    return true;
}

bool entrant_contents(struct entrant *entrant, const struct run *run, unsigned replica,
                      struct contents *contents)
{
    struct worker worker = worker_alone(run, replica);
    void *token = enter(entrant, &worker);
    if (!token)
        return false;
    *contents = (struct contents){0};
    /* The stack grows to twice what it was filled with. */
    for (uint64_t key = 0; key < 2 * run->keys; key++) {
        uint64_t value =
            entrant->contestant->read(entrant->self, token, stream_key(key, run->scatter));
        contents->sum += value;
        contents->hash += value ? hash_combine(hash_u64(key), value) : 0;
    }
    leave(entrant, token);
    return true;
}
