// SPDX-License-Identifier: BSD-2-Clause
/* <nr/ordered_map.h>: a btree for each replica, its nodes from a pool. */
#include <base/btree.h>
#include <nr/ordered_map.h>

#include "node_pool.h"
#include "shared.h"

struct ordered {
    struct btree tree;
    struct node_pool pool;
    struct party party;
};

enum query_kind { GET, FIRST, LAST, FLOOR, CEILING, RANGE, LEN };

struct query {
    enum query_kind kind;
    uint64_t key; /* RANGE: the first */
    uint64_t to;
    struct nr_pair *pairs;
    size_t capacity;
};

struct found {
    struct nr_pair pair;
    uint64_t n; /* keys found or counted */
};

_Static_assert(sizeof(struct btree_leaf) == sizeof(struct btree_inner), "one pool for all nodes");

/* Leaves split in halves: nodes for n keys in whatever order they come, inner ones included. */
static size_t nodes_for(uint64_t n)
{
    return n ? (size_t)(n / (BTREE_LEAF_MAX / 2) + n / (BTREE_LEAF_MAX * BTREE_MIN) +
                        BTREE_HEIGHT_MAX)
             : 0;
}

static int ordered_init(struct ordered *map, void *arg)
{
    struct shared *shared = arg;
    accord_join(&shared->accords[0], &map->party);
    node_pool_init(&map->pool, &map->party.base, sizeof(struct btree_leaf));
    btree_init(&map->tree, &map->pool.base);
    if (!node_pool_reserve(&map->pool, nodes_for(shared->options.reserve))) {
        node_pool_fini(&map->pool);
        (void)accord_leave(&map->party);
        return NR_ENOMEM;
    }
    accord_begin(&map->party);
    return NR_OK;
}

/* The tree's nodes go with their pool. */
static void ordered_fini(struct ordered *map)
{
    node_pool_fini(&map->pool);
    (void)accord_leave(&map->party);
}

static int ordered_clone(struct ordered *dst, const struct ordered *src, void *arg)
{
    (void)arg;
    if (!accord_join_as(&dst->party, &src->party))
        return NR_ENOMEM;
    if (!node_pool_init_as(&dst->pool, &src->pool, &dst->party.base))
        goto err_leave;
    if (!btree_clone(&dst->tree, &src->tree, &dst->pool.base))
        goto err_pool;
    accord_begin(&dst->party);
    return NR_OK;

err_pool:
    node_pool_fini(&dst->pool);
err_leave:
    (void)accord_leave(&dst->party);
    return NR_ENOMEM;
}

#define TABLE            struct btree
#define TABLE_DOES(verb) btree_##verb
#include "map_ops.inc"

NR_INLINE struct nr_map_answer ordered_apply(struct ordered *map, const struct nr_map_op *op)
{
    if (nr_likely(op->kind < NR_MAP_CLEAR))
        return table_apply(&map->tree, op);
    if (op->kind == NR_MAP_CLEAR) {
        btree_clear(&map->tree);
        return (struct nr_map_answer){0};
    }
    return (struct nr_map_answer){.status = op->kind == NR_MAP_RESERVE ? NR_ENOTSUP : NR_EINVAL};
}

static struct found found_at(struct btree_cursor at)
{
    struct found found = {0};
    if (btree_cursor_valid(at)) {
        found.pair = (struct nr_pair){btree_cursor_key(at), *btree_cursor_value(at)};
        found.n = 1;
    }
    return found;
}

static struct found found_range(const struct btree *tree, const struct query *query)
{
    struct found found = {0};
    struct btree_cursor at = btree_lower_bound(tree, query->key);
    for (; btree_cursor_valid(at) && found.n < query->capacity; btree_cursor_next(&at)) {
        if (btree_cursor_key(at) > query->to)
            break;
        query->pairs[found.n++] = (struct nr_pair){btree_cursor_key(at), *btree_cursor_value(at)};
    }
    return found;
}

static struct found found_otherwise(const struct btree *tree, const struct query *query)
{
    switch (query->kind) {
    case FIRST:
        return found_at(btree_first(tree));
    case LAST:
        return found_at(btree_last(tree));
    case FLOOR:
        return found_at(btree_floor(tree, query->key));
    case CEILING:
        return found_at(btree_lower_bound(tree, query->key));
    case RANGE:
        return found_range(tree, query);
    default:
        return (struct found){.n = btree_count(tree)};
    }
}

NR_INLINE struct found ordered_read(const struct ordered *map, const struct query *query)
{
    if (nr_likely(query->kind == GET)) {
        struct found found = {0};
        found.n = btree_get(&map->tree, query->key, &found.pair.value);
        return found;
    }
    return found_otherwise(&map->tree, query);
}

NR_DEFINE(ordered, struct ordered, struct nr_map_op, struct nr_map_answer, struct query,
          struct found);

/* ---- Instance and threads
 * ------------------------------------------------------------------------ */

static struct shared *shared_of(struct nr_ordered_map *map)
{
    return (struct shared *)map;
}

static struct ordered_thread *thread_of(struct nr_ordered_map_thread *thread)
{
    return (struct ordered_thread *)thread;
}

enum nr_status nr_ordered_map_create(const struct nr_config *config,
                                     const struct nr_options *options, struct nr_ordered_map **map)
{
    struct shared *shared;
    enum nr_status status = shared_create(&ordered_type, config, options, &shared);
    *map = (struct nr_ordered_map *)shared;
    return status;
}

enum nr_status nr_ordered_map_destroy(struct nr_ordered_map *map)
{
    return shared_destroy(shared_of(map));
}

struct nr *nr_ordered_map_instance(struct nr_ordered_map *map)
{
    return shared_of(map)->nr;
}

enum nr_status nr_ordered_map_register(struct nr_ordered_map *map, unsigned replica,
                                       struct nr_ordered_map_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(map)->nr, replica, &untyped);
    *thread = (struct nr_ordered_map_thread *)untyped;
    return status;
}

void nr_ordered_map_unregister(struct nr_ordered_map_thread *thread)
{
    ordered_unregister(thread_of(thread));
}

/* ---- Queries
 * ------------------------------------------------------------------------------------- */

enum nr_status nr_ordered_map_get(struct nr_ordered_map_thread *thread, uint64_t key,
                                  uint64_t *value)
{
    struct found found = ordered_query(thread_of(thread), &(struct query){.kind = GET, .key = key});
    if (!found.n)
        return NR_ENOENT;
    *value = found.pair.value;
    return NR_OK;
}

static enum nr_status ask_pair(struct nr_ordered_map_thread *thread, enum query_kind kind,
                               uint64_t key, struct nr_pair *pair)
{
    struct found found =
        ordered_query(thread_of(thread), &(struct query){.kind = kind, .key = key});
    if (!found.n)
        return NR_ENOENT;
    *pair = found.pair;
    return NR_OK;
}

enum nr_status nr_ordered_map_first(struct nr_ordered_map_thread *thread, struct nr_pair *pair)
{
    return ask_pair(thread, FIRST, 0, pair);
}

enum nr_status nr_ordered_map_last(struct nr_ordered_map_thread *thread, struct nr_pair *pair)
{
    return ask_pair(thread, LAST, 0, pair);
}

enum nr_status nr_ordered_map_floor(struct nr_ordered_map_thread *thread, uint64_t key,
                                    struct nr_pair *pair)
{
    return ask_pair(thread, FLOOR, key, pair);
}

enum nr_status nr_ordered_map_ceiling(struct nr_ordered_map_thread *thread, uint64_t key,
                                      struct nr_pair *pair)
{
    return ask_pair(thread, CEILING, key, pair);
}

size_t nr_ordered_map_range(struct nr_ordered_map_thread *thread, uint64_t from, uint64_t to,
                            struct nr_pair *pairs, size_t capacity)
{
    struct query query = {
        .kind = RANGE, .key = from, .to = to, .pairs = pairs, .capacity = capacity};
    return ordered_query(thread_of(thread), &query).n;
}

uint64_t nr_ordered_map_len(struct nr_ordered_map_thread *thread)
{
    return ordered_query(thread_of(thread), &(struct query){.kind = LEN}).n;
}

/* ---- Mutations
 * ----------------------------------------------------------------------------------- */

struct nr_map_answer nr_ordered_map_execute(struct nr_ordered_map_thread *thread,
                                            const struct nr_map_op *op)
{
    return ordered_execute(thread_of(thread), op);
}

enum nr_status nr_ordered_map_submit(struct nr_ordered_map_thread *thread,
                                     const struct nr_map_op *op)
{
    return ordered_submit(thread_of(thread), op);
}

enum nr_status nr_ordered_map_collect(struct nr_ordered_map_thread *thread,
                                      struct nr_map_answer *answer)
{
    return ordered_collect(thread_of(thread), answer);
}

enum nr_status nr_ordered_map_poll(struct nr_ordered_map_thread *thread,
                                   struct nr_map_answer *answer)
{
    return ordered_poll(thread_of(thread), answer);
}
