// SPDX-License-Identifier: BSD-2-Clause
// Workload map: get and put of 64-bit keys that are all present; the contestants made of lib/base's
// map.
#include <stdlib.h>

#include "locks.h"
#include "map.h"
#include "replicated.h"

BENCH_LOCKED(map, bare, false);
BENCH_LOCKED(map, mutex, false);
BENCH_LOCKED(map, rwlock, false);
BENCH_LOCKED(map, brlock, false);

NR_DEFINE(map, struct map, struct bench_op, uint64_t, struct bench_query, uint64_t);
BENCH_REPLICATED(map, "map", "nr", false);

/* ---- Parts: a map in a power of two of maps, by the lowest bits of the key ---- */

enum {
    PARTS_MAX = 8,
    SHARDS = 64,
};

/* For several logs: log i orders the mutations of part i. */
struct parts {
    struct map part[PARTS_MAX];
    unsigned count;
};

static int parts_init(struct parts *parts, void *arg)
{
    const struct bench_setup *setup = arg;
    struct bench_setup each = *setup;
    /* Keys fall into the parts at random; a sixteenth more is many standard deviations. */
    each.keys = setup->keys / setup->logs * 17 / 16 + 64;
    for (parts->count = 0; parts->count < setup->logs; parts->count++) {
        if (map_init(&parts->part[parts->count], &each) != NR_OK)
            return NR_ENOMEM;
    }
    return NR_OK;
}

static void parts_fini(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++)
        map_fini(&parts->part[i]);
}

static int parts_clone(struct parts *dst, const struct parts *src, void *arg)
{
    for (dst->count = 0; dst->count < src->count; dst->count++) {
        if (map_clone(&dst->part[dst->count], &src->part[dst->count], arg) != NR_OK)
            return NR_ENOMEM;
    }
    return NR_OK;
}

static inline uint64_t parts_apply(struct parts *parts, const struct bench_op *op)
{
    return map_apply(&parts->part[op->key & (parts->count - 1)], op);
}

static inline uint64_t parts_read(const struct parts *parts, const struct bench_query *query)
{
    return map_read(&parts->part[query->key & (parts->count - 1)], query);
}

static inline uint64_t parts_op_logs(const struct bench_op *op, unsigned nlogs)
{
    return UINT64_C(1) << (op->key & (nlogs - 1));
}

static inline uint64_t parts_query_logs(const struct bench_query *query, unsigned nlogs)
{
    return UINT64_C(1) << (query->key & (nlogs - 1));
}

NR_ADAPT_LOGS(parts, struct bench_op, struct bench_query)
NR_DEFINE(parts, struct parts, struct bench_op, uint64_t, struct bench_query, uint64_t,
          .op_logs = parts_op_logs_adapted, .query_logs = parts_query_logs_adapted);
BENCH_REPLICATED(parts, "map", "cnr", false);

/* ---- sharded: as many locks as one would take without thinking ---- */

struct shard {
    struct mutex_lock lock;
    _Alignas(BENCH_APART) struct map map;
};

struct sharded {
    struct shard shard[SHARDS];
};

static void sharded_destroy(void *ptr)
{
    struct sharded *self = ptr;
    for (unsigned i = 0; i < SHARDS; i++)
        map_fini(&self->shard[i].map);
    free(self);
}

static void *sharded_create(const struct bench_setup *setup)
{
    struct sharded *self = bench_alloc(sizeof(*self));
    struct bench_setup each = *setup;
    each.keys = setup->keys / SHARDS * 17 / 16 + 64;
    bool complete = self != NULL;
    for (unsigned i = 0; self && i < SHARDS; i++) {
        mutex_init(&self->shard[i].lock);
        complete = map_init(&self->shard[i].map, &each) == NR_OK && complete;
    }
    if (complete)
        return self;
    if (self)
        sharded_destroy(self);
    return NULL;
}

static inline uint64_t sharded_read(void *ptr, void *worker, uint64_t key)
{
    struct shard *shard = &((struct sharded *)ptr)->shard[key % SHARDS];
    struct bench_query query = {key};
    mutex_read_lock(&shard->lock, worker);
    uint64_t answer = map_read(&shard->map, &query);
    mutex_read_unlock(&shard->lock, worker);
    return answer;
}

static inline uint64_t sharded_write(void *ptr, void *worker, const struct bench_op *op)
{
    struct shard *shard = &((struct sharded *)ptr)->shard[op->key % SHARDS];
    mutex_write_lock(&shard->lock, worker);
    uint64_t answer = map_apply(&shard->map, op);
    mutex_write_unlock(&shard->lock, worker);
    return answer;
}

BENCH_CONTESTANT(sharded, false, .name = "sharded", .workload = "map", .create = sharded_create,
                 .destroy = sharded_destroy);
