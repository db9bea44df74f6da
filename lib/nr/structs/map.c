// SPDX-License-Identifier: BSD-2-Clause
/* <nr/map.h>: an hmap for each replica and partition. */
#include <base/hash.h>
#include <base/hmap.h>
#include <nr/map.h>

#include "shared.h"

/* Operations of different logs touch different lines. */
struct part {
    _Alignas(NR_APART) struct hmap map;
    struct party party;
};

enum query_kind { GET, LEN, VISIT };

struct query {
    uint64_t key;
    enum query_kind kind;
    void (*fn)(uint64_t key, uint64_t value, void *arg);
    void *arg;
};

struct found {
    uint64_t value;
    uint64_t present;
};

/* ---- A partition --------------------------------------------------------------------------------
 */

static bool part_init(struct part *part, struct shared *shared, unsigned index)
{
    accord_join(&shared->accords[index], &part->party);
    hmap_init(&part->map, &part->party.base);
    uint64_t reserve = shared_reserve(shared);
    if (reserve && !hmap_reserve(&part->map, reserve)) {
        (void)accord_leave(&part->party);
        return false;
    }
    accord_begin(&part->party);
    return true;
}

static void part_fini(struct part *part)
{
    hmap_fini(&part->map);
    (void)accord_leave(&part->party);
}

static bool part_clone(struct part *dst, const struct part *src)
{
    if (!accord_join_as(&dst->party, &src->party))
        return false;
    if (!hmap_clone(&dst->map, &src->map, &dst->party.base)) {
        (void)accord_leave(&dst->party);
        return false;
    }
    accord_begin(&dst->party);
    return true;
}

#define TABLE            struct hmap
#define TABLE_DOES(verb) hmap_##verb
#include "map_ops.inc"

NR_INLINE struct nr_map_answer part_apply(struct part *part, const struct nr_map_op *op)
{
    return table_apply(&part->map, op);
}

/* The mutations of all keys. */
static struct nr_map_answer parts_apply(struct part *parts, unsigned n, const struct nr_map_op *op)
{
    struct nr_map_answer answer = {.status = op->kind > NR_MAP_RESERVE ? NR_EINVAL : NR_OK};
    uint64_t room = n == 1 ? op->value : op->value / n + op->value / n / 8 + 16;
    for (unsigned i = 0; i < n; i++) {
        if (op->kind == NR_MAP_CLEAR)
            hmap_clear(&parts[i].map);
        else if (op->kind == NR_MAP_RESERVE && !hmap_reserve(&parts[i].map, room))
            answer.status = NR_ENOMEM;
    }
    return answer;
}

NR_INLINE struct found part_read(const struct part *part, const struct query *query)
{
    struct found found = {0};
    found.present = hmap_get(&part->map, query->key, &found.value);
    return found;
}

static struct found parts_read(const struct part *parts, unsigned n, const struct query *query)
{
    struct found found = {0};
    for (unsigned i = 0; i < n; i++) {
        const struct hmap *map = &parts[i].map;
        uint64_t key, value;
        size_t cursor = 0;
        found.value += hmap_count(map);
        while (query->kind == VISIT && hmap_next(map, &cursor, &key, &value))
            query->fn(key, value, query->arg);
    }
    return found;
}

NR_INLINE bool op_is_global(const struct nr_map_op *op)
{
    return op->kind >= NR_MAP_CLEAR;
}

NR_INLINE uint64_t op_hash(const struct nr_map_op *op)
{
    return hash_u64(op->key);
}

NR_INLINE bool query_is_global(const struct query *query)
{
    return query->kind != GET;
}

NR_INLINE uint64_t query_hash(const struct query *query)
{
    return hash_u64(query->key);
}

#define OP     struct nr_map_op
#define ANSWER struct nr_map_answer
#define QUERY  struct query
#define FOUND  struct found
#include "partitioned.inc"

/* ---- Interface ----------------------------------------------------------------------------------
 */

static struct shared *shared_of(struct nr_map *map)
{
    return (struct shared *)map;
}

static struct nr_thread *thread_of(struct nr_map_thread *thread)
{
    return (struct nr_thread *)thread;
}

enum nr_status nr_map_create(const struct nr_config *config, const struct nr_options *options,
                             struct nr_map **map)
{
    struct shared *shared;
    enum nr_status status = shared_create(type_for(config), config, options, &shared);
    *map = (struct nr_map *)shared;
    return status;
}

enum nr_status nr_map_destroy(struct nr_map *map)
{
    return shared_destroy(shared_of(map));
}

struct nr *nr_map_instance(struct nr_map *map)
{
    return shared_of(map)->nr;
}

enum nr_status nr_map_register(struct nr_map *map, unsigned replica, struct nr_map_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(map)->nr, replica, &untyped);
    *thread = (struct nr_map_thread *)untyped;
    return status;
}

void nr_map_unregister(struct nr_map_thread *thread)
{
    nr_unregister(thread_of(thread));
}

enum nr_status nr_map_get(struct nr_map_thread *thread, uint64_t key, uint64_t *value)
{
    struct found found = ask(thread_of(thread), &(struct query){.key = key, .kind = GET});
    if (!found.present)
        return NR_ENOENT;
    *value = found.value;
    return NR_OK;
}

uint64_t nr_map_len(struct nr_map_thread *thread)
{
    return ask(thread_of(thread), &(struct query){.kind = LEN}).value;
}

void nr_map_visit(struct nr_map_thread *thread, void (*fn)(uint64_t key, uint64_t value, void *arg),
                  void *arg)
{
    (void)ask(thread_of(thread), &(struct query){.kind = VISIT, .fn = fn, .arg = arg});
}

struct nr_map_answer nr_map_execute(struct nr_map_thread *thread, const struct nr_map_op *op)
{
    return execute(thread_of(thread), op);
}

enum nr_status nr_map_submit(struct nr_map_thread *thread, const struct nr_map_op *op)
{
    return nr_submit(thread_of(thread), op);
}

enum nr_status nr_map_collect(struct nr_map_thread *thread, struct nr_map_answer *answer)
{
    return nr_collect(thread_of(thread), answer);
}

enum nr_status nr_map_poll(struct nr_map_thread *thread, struct nr_map_answer *answer)
{
    return nr_poll(thread_of(thread), answer);
}
