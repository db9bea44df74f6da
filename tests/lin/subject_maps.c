// SPDX-License-Identifier: BSD-2-Clause
// A map is an array with one slot per key; a value of 0 means absent. Key k belongs to log k mod n,
// so slots of different logs are disjoint, and operations on several keys span any set of logs:
// move two of them (or one), range a few, len and clear all.
#include "subject_maps.h"

#include <stdatomic.h>
#include <string.h>

#include "run.h"

struct map_mutation {
    uint32_t kind;
    uint32_t key, to;
    uint64_t value;
};

struct map_result {
    uint64_t resp[2];
};

struct map_question {
    uint32_t kind;
    uint64_t arg[3];
};

/* ---- The structures -----------------------------------------------------------------------------
 */

/* `inside` counts who uses a slot just now, and finds out if libnr lets in whom it should not. */
struct slots {
    uint64_t value[MAP_KEYS];
    _Atomic uint32_t inside[MAP_KEYS];
};

enum {
    WRITER = 1 << 16, /* in `inside`, above all readers */
};

static int slots_init(struct slots *s, void *arg)
{
    (void)s, (void)arg;
    return NR_OK;
}

static void slots_fini(struct slots *s)
{
    (void)s;
}

static int slots_clone(struct slots *dst, const struct slots *src, void *arg)
{
    (void)arg;
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        NR_TOUCH(&src->value[key], sizeof(src->value[key]), NR_ACCESS_LOAD);
        dst->value[key] = src->value[key];
    }
    return NR_OK;
}

static void slots_enter(struct slots *s, uint64_t keys, uint32_t who, uint32_t excluded)
{
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        if (!(keys >> key & 1))
            continue;
        uint32_t inside = atomic_fetch_add_explicit(&s->inside[key], who, memory_order_relaxed);
        if (inside >= excluded)
            run_fail("key %u: %s enters beside %s", key, who == WRITER ? "a mutation" : "a query",
                     inside >= WRITER ? "a mutation" : "a query");
    }
}

static void slots_leave(struct slots *s, uint64_t keys, uint32_t who)
{
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        if (keys >> key & 1)
            atomic_fetch_sub_explicit(&s->inside[key], who, memory_order_relaxed);
    }
}

/* The slots as a plain map. Locking checks that there is no need to. */
static void slots_lock(struct slots *s, uint64_t keys)
{
    slots_enter(s, keys, WRITER, 1);
}

static void slots_unlock(struct slots *s, uint64_t keys)
{
    slots_leave(s, keys, WRITER);
}

static void slots_lock_shared(const struct slots *s, uint64_t keys)
{
    slots_enter((struct slots *)(uintptr_t)s, keys, 1, WRITER);
}

static void slots_unlock_shared(const struct slots *s, uint64_t keys)
{
    slots_leave((struct slots *)(uintptr_t)s, keys, 1);
}

static uint64_t slots_get(const struct slots *s, uint32_t key)
{
    NR_TOUCH(&s->value[key], sizeof(s->value[key]), NR_ACCESS_LOAD);
    return s->value[key];
}

static uint64_t slots_set(struct slots *s, uint32_t key, uint64_t value)
{
    uint64_t old = s->value[key];
    NR_TOUCH(&s->value[key], sizeof(s->value[key]), NR_ACCESS_STORE);
    s->value[key] = value;
    return old;
}

/* A map that threads use concurrently: a lock per slot. */
struct cells {
    _Atomic uint32_t locked[MAP_KEYS];
    _Atomic uint64_t value[MAP_KEYS];
};

static int cells_init(struct cells *s, void *arg)
{
    (void)s, (void)arg;
    return NR_OK;
}

static void cells_fini(struct cells *s)
{
    (void)s;
}

/* Locks the slots of a set of keys, in ascending order. Readers lock, too. */
static void cells_lock(struct cells *s, uint64_t keys)
{
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        unsigned spins = 0;
        while (keys >> key & 1 && nr_exchange(&s->locked[key], 1, acquire))
            nr_port_relax(spins++);
    }
}

static void cells_unlock(struct cells *s, uint64_t keys)
{
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        if (keys >> key & 1)
            nr_store(&s->locked[key], 0, release);
    }
}

static void cells_lock_shared(const struct cells *s, uint64_t keys)
{
    cells_lock((struct cells *)(uintptr_t)s, keys);
}

static void cells_unlock_shared(const struct cells *s, uint64_t keys)
{
    cells_unlock((struct cells *)(uintptr_t)s, keys);
}

static uint64_t cells_get(const struct cells *s, uint32_t key)
{
    return nr_load(&((struct cells *)(uintptr_t)s)->value[key], relaxed);
}

static uint64_t cells_set(struct cells *s, uint32_t key, uint64_t value)
{
    uint64_t old = cells_get(s, key);
    nr_store(&s->value[key], value, relaxed);
    return old;
}

static int cells_clone(struct cells *dst, const struct cells *src, void *arg)
{
    (void)arg;
    for (uint32_t key = 0; key < MAP_KEYS; key++)
        (void)cells_set(dst, key, cells_get(src, key));
    return NR_OK;
}

/* ---- Keys that operations are about -------------------------------------------------------------
 */

static uint64_t keys_of_mutation(const struct map_mutation *m)
{
    if (m->kind == MAP_CLEAR)
        return (UINT64_C(1) << MAP_KEYS) - 1;
    return UINT64_C(1) << m->key | (m->kind == MAP_MOVE ? UINT64_C(1) << m->to : 0);
}

static uint64_t keys_of_question(const struct map_question *q)
{
    if (q->kind == MAP_GET)
        return UINT64_C(1) << q->arg[0];
    if (q->kind == MAP_LEN)
        return (UINT64_C(1) << MAP_KEYS) - 1;
    return (UINT64_C(1) << q->arg[1]) - (UINT64_C(1) << q->arg[0]);
}

/* The answer to q where the slots that q is about have these values, the others 0. */
static struct answer map_answer(const struct map_question *q, const uint64_t *values)
{
    struct answer a = {0};
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        if (!values[key])
            continue;
        if (q->kind != MAP_RANGE)
            a.resp[0]++;
        if (q->kind == MAP_GET)
            a.resp[1] = values[key];
        if (q->kind == MAP_RANGE && a.n / 2 < q->arg[2]) {
            a.words[a.n++] = key;
            a.words[a.n++] = values[key];
        }
    }
    return a;
}

/* Mutations and queries of a map called NAME, in terms of the functions of PREFIX. */
#define MAP_OPERATIONS(NAME, PREFIX)                                                       \
    static uint64_t NAME##_clear(struct PREFIX *s)                                         \
    {                                                                                      \
        uint64_t n = 0;                                                                    \
        for (uint32_t key = 0; key < MAP_KEYS; key++)                                      \
            n += PREFIX##_set(s, key, 0) != 0;                                             \
        return n;                                                                          \
    }                                                                                      \
    static uint64_t NAME##_move(struct PREFIX *s, uint32_t from, uint32_t to)              \
    {                                                                                      \
        uint64_t value = PREFIX##_set(s, from, 0);                                         \
        if (value)                                                                         \
            (void)PREFIX##_set(s, to, value);                                              \
        return value != 0;                                                                 \
    }                                                                                      \
    static struct map_result NAME##_apply(struct PREFIX *s, const struct map_mutation *m)  \
    {                                                                                      \
        struct map_result result = {{0, 0}};                                               \
        PREFIX##_lock(s, keys_of_mutation(m));                                             \
        if (m->kind == MAP_CLEAR) {                                                        \
            result.resp[0] = NAME##_clear(s);                                              \
        } else if (m->kind == MAP_MOVE) {                                                  \
            result.resp[0] = NAME##_move(s, m->key, m->to);                                \
        } else {                                                                           \
            result.resp[1] = PREFIX##_set(s, m->key, m->kind == MAP_PUT ? m->value : 0);   \
            result.resp[0] = result.resp[1] != 0;                                          \
        }                                                                                  \
        PREFIX##_unlock(s, keys_of_mutation(m));                                           \
        return result;                                                                     \
    }                                                                                      \
    static struct answer NAME##_read(const struct PREFIX *s, const struct map_question *q) \
    {                                                                                      \
        uint64_t keys = keys_of_question(q), values[MAP_KEYS] = {0};                       \
        PREFIX##_lock_shared(s, keys);                                                     \
        for (uint32_t key = 0; key < MAP_KEYS; key++)                                      \
            values[key] = keys >> key & 1 ? PREFIX##_get(s, key) : 0;                      \
        PREFIX##_unlock_shared(s, keys);                                                   \
        return map_answer(q, values);                                                      \
    }                                                                                      \
    static void NAME##_dump(const void *data, struct lin_state *out)                       \
    {                                                                                      \
        lin_state_resize(out, MAP_KEYS * sizeof(uint64_t));                                \
        for (uint32_t key = 0; key < MAP_KEYS; key++)                                      \
            ((uint64_t *)(void *)out->bytes)[key] = PREFIX##_get(data, key);               \
    }

/* ---- Logs ---------------------------------------------------------------------------------------
 */

static uint64_t logs_of(uint64_t keys, unsigned nlogs)
{
    uint64_t logs = 0;
    for (unsigned key = 0; key < MAP_KEYS; key++)
        logs |= (keys >> key & 1) << key % nlogs;
    return logs;
}

static uint64_t logs_of_mutation(const void *op, unsigned nlogs)
{
    return logs_of(keys_of_mutation(op), nlogs);
}

static uint64_t logs_of_question(const void *query, unsigned nlogs)
{
    return logs_of(keys_of_question(query), nlogs);
}

/* ---- Recorded operations ------------------------------------------------------------------------
 */

static bool map_is_query(uint32_t kind)
{
    return kind == MAP_GET || kind == MAP_LEN || kind == MAP_RANGE;
}

static void map_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    static const uint32_t queries[] = {MAP_GET, MAP_GET, MAP_GET, MAP_LEN, MAP_RANGE};
    static const uint32_t mutations[] = {MAP_PUT, MAP_PUT, MAP_PUT, MAP_REMOVE, MAP_MOVE};
    uint32_t keys = mood->keys < MAP_KEYS ? mood->keys : MAP_KEYS;
    do
        op->kind = rng_below(r, 100) < mood->queries ? queries[rng_below(r, 5)]
                   : rng_one_in(r, 20)               ? MAP_CLEAR
                                                     : mutations[rng_below(r, 5)];
    while (op->kind >= MAP_LEN && rng_below(r, 100) >= mood->several);

    op->arg[0] = rng_below(r, keys);
    if (op->kind == MAP_PUT)
        op->arg[1] = mood->tag;
    else if (op->kind == MAP_MOVE)
        op->arg[1] = rng_below(r, keys);
    else if (op->kind == MAP_RANGE)
        op->arg[1] = op->arg[0] + 1 + rng_below(r, (uint32_t)(MAP_KEYS - op->arg[0]));
    if (op->kind == MAP_RANGE)
        op->arg[2] = 1 + rng_below(r, MAP_KEYS);
}

static struct map_mutation map_mutation(const struct lin_op *op)
{
    return (struct map_mutation){
        .kind = op->kind,
        .key = (uint32_t)op->arg[0],
        .to = (uint32_t)op->arg[1],
        .value = op->arg[1],
    };
}

static void map_decode(const struct map_result *result, struct answer *answer)
{
    memcpy(answer->resp, result->resp, sizeof(answer->resp));
}

static bool map_probe(uint32_t i, struct lin_op *op)
{
    op->kind = i < MAP_KEYS ? MAP_GET : MAP_LEN;
    op->arg[0] = i < MAP_KEYS ? i : 0;
    return i <= MAP_KEYS;
}

#define MAP_SUBJECT(NAME, TITLE, LOGS)                                                    \
    SUBJECT_ADAPT(NAME, struct map_mutation, struct map_result, map_mutation, map_decode) \
    static void NAME##_run(void *thread, const struct lin_op *op, struct answer *a)       \
    {                                                                                     \
        if (map_is_query(op->kind)) {                                                     \
            struct map_question q = {op->kind, {op->arg[0], op->arg[1], op->arg[2]}};     \
            *a = NAME##_query(thread, &q);                                                \
            return;                                                                       \
        }                                                                                 \
        struct map_mutation m = map_mutation(op);                                         \
        struct map_result result = NAME##_execute(thread, &m);                            \
        map_decode(&result, a);                                                           \
    }                                                                                     \
    const struct subject subject_##NAME = {                                               \
        SUBJECT_ADAPTED(NAME), .name = TITLE,      .model = &model_map,                   \
        .max_logs = LOGS,      .draw = map_draw,   .is_query = map_is_query,              \
        .run = NAME##_run,     .probe = map_probe, .dump = NAME##_dump,                   \
    }

/* One log. */
#define map_init  slots_init
#define map_fini  slots_fini
#define map_clone slots_clone
MAP_OPERATIONS(map, slots)
NR_DEFINE(map, struct slots, struct map_mutation, struct map_result, struct map_question,
          struct answer);
MAP_SUBJECT(map, "map", 1);

/* One log, many operations at once; rebuilt by operations instead of cloned. */
#define map_many_init slots_init
#define map_many_fini slots_fini
MAP_OPERATIONS(map_many, slots)

static int map_many_clone(struct slots *dst, const struct slots *src, void *arg)
{
    (void)dst, (void)src, (void)arg;
    return NR_ENOTSUP;
}

static void map_many_rebuild(const struct slots *src, nr_emit_fn *emit, void *ctx)
{
    for (uint32_t key = 0; key < MAP_KEYS; key++) {
        struct map_mutation m = {.kind = MAP_PUT, .key = key, .value = src->value[key]};
        if (m.value)
            emit(ctx, &m);
    }
}

static void map_many_apply_many(struct slots *s, const struct map_mutation *const ops[],
                                struct map_result *const resps[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        *resps[i] = map_many_apply(s, ops[i]);
}

NR_ADAPT_REBUILD(map_many, struct slots)
NR_ADAPT_APPLY_MANY(map_many, struct slots, struct map_mutation, struct map_result)
NR_DEFINE(map_many, struct slots, struct map_mutation, struct map_result, struct map_question,
          struct answer, .rebuild = map_many_rebuild_adapted,
          .apply_many = map_many_apply_many_adapted);
MAP_SUBJECT(map_many, "map with apply_many", 1);

/* Several logs, disjoint memory. */
#define map_partitioned_init  slots_init
#define map_partitioned_fini  slots_fini
#define map_partitioned_clone slots_clone
MAP_OPERATIONS(map_partitioned, slots)
NR_DEFINE(map_partitioned, struct slots, struct map_mutation, struct map_result,
          struct map_question, struct answer, .op_logs = logs_of_mutation,
          .query_logs = logs_of_question);
MAP_SUBJECT(map_partitioned, "partitioned map", 4);

/* Several logs, concurrent reads and mutations. */
#define map_concurrent_init  cells_init
#define map_concurrent_fini  cells_fini
#define map_concurrent_clone cells_clone
MAP_OPERATIONS(map_concurrent, cells)
NR_DEFINE(map_concurrent, struct cells, struct map_mutation, struct map_result, struct map_question,
          struct answer, .op_logs = logs_of_mutation, .query_logs = logs_of_question,
          .concurrent = true);
MAP_SUBJECT(map_concurrent, "concurrent map", 4);
