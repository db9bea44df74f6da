// SPDX-License-Identifier: BSD-2-Clause
// The sequential structure of workload map: lib/base's hash map with room for all keys, so that no
// measured operation allocates.
#pragma once

#include <base/hmap.h>
#include <nr/nr.h>

#include "contest.h"
#include "heap.h"

struct map {
    struct hmap hmap;
};

static inline int map_init(struct map *map, void *arg)
{
    const struct bench_setup *setup = arg;
    hmap_init(&map->hmap, &bench_heap);
    return hmap_reserve(&map->hmap, setup->keys) ? NR_OK : NR_ENOMEM;
}

static inline void map_fini(struct map *map)
{
    hmap_fini(&map->hmap);
}

static inline int map_clone(struct map *dst, const struct map *src, void *arg)
{
    (void)arg;
    return hmap_clone(&dst->hmap, &src->hmap, &bench_heap) ? NR_OK : NR_ENOMEM;
}

/* Puts; returns the value replaced, or 0. */
static inline uint64_t map_apply(struct map *map, const struct bench_op *op)
{
    uint64_t old = 0;
    bench_work();
    NR_TOUCH(hmap_probe(&map->hmap, op->key), sizeof(struct hmap_slot), NR_ACCESS_STORE);
    (void)hmap_put(&map->hmap, op->key, op->value, &old);
    return old;
}

/* Returns the value, or 0. */
static inline uint64_t map_read(const struct map *map, const struct bench_query *query)
{
    uint64_t value = 0;
    bench_work();
    NR_TOUCH(hmap_probe(&map->hmap, query->key), sizeof(struct hmap_slot), NR_ACCESS_LOAD);
    (void)hmap_get(&map->hmap, query->key, &value);
    return value;
}
