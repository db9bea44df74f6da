// SPDX-License-Identifier: BSD-2-Clause
// The maps of numbers. Their mutations are the same, by the same operations and answers.
#include "subject_tables.h"

#include <nr/map.h>
#include <nr/ordered_map.h>
#include <stdlib.h>

#include "run.h"

enum {
    HASH_KEYS = 24,    /* a table that starts small grows twice */
    ORDERED_KEYS = 48, /* leaves of 30 split and merge */
};

/* ---- What the ready-made maps have in common ----------------------------------------------------
 */

void table_found(struct answer *answer, enum map_outcome outcome, uint64_t value)
{
    answer->resp[0] = outcome;
    answer->resp[1] = value;
}

void table_untold(struct answer *answer, enum map_outcome outcome)
{
    answer->resp[0] = outcome | MAP_UNTOLD;
}

void table_pair(struct answer *answer, uint64_t key, uint64_t value)
{
    if (answer->n + 2 > ANSWER_WORDS)
        run_fail("a scan shows more keys than there are");
    answer->words[answer->n++] = key;
    answer->words[answer->n++] = value;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

void table_sort(struct answer *answer)
{
    qsort(answer->words, answer->n / 2, 2 * sizeof(answer->words[0]), by_key);
}

bool table_probe(uint32_t i, struct lin_op *op)
{
    *op = (struct lin_op){.kind = i ? MAP_LEN : MAP_RANGE};
    if (i == 0) {
        op->arg[1] = UINT64_MAX;
        op->arg[2] = ANSWER_WORDS;
    }
    return i < 2;
}

void table_fail(uint32_t kind, enum nr_status status)
{
    run_fail("operation %u answered: %s", kind, nr_status_text(status));
}

/* ---- Mutations of the maps of numbers -----------------------------------------------------------
 */

static bool number_is_query(uint32_t kind)
{
    return kind == MAP_GET || kind == MAP_LEN || kind == MAP_RANGE || kind == MAP_BELOW;
}

/* Kind and arguments of a mutation. Values are often small, so that a compare-and-set succeeds. */
static void number_draw_mutation(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    static const uint32_t kinds[] = {MAP_PUT, MAP_PUT,     MAP_INSERT, MAP_INSERT,
                                     MAP_ADD, MAP_REPLACE, MAP_CAS,    MAP_REMOVE};
    bool clear = rng_one_in(r, 40) && rng_below(r, 100) < mood->several;
    op->kind = clear ? MAP_CLEAR : kinds[rng_below(r, 8)];
    uint64_t value = rng_one_in(r, 2) ? rng_below(r, 3) : mood->tag;
    if (op->kind == MAP_CAS) {
        op->arg[1] = rng_below(r, 3);
        op->arg[2] = value;
    } else if (op->kind != MAP_REMOVE && op->kind != MAP_CLEAR) {
        op->arg[1] = value;
    }
}

static struct nr_map_op number_op(const struct lin_op *op)
{
    static const enum nr_map_kind kinds[] = {
        [MAP_PUT] = NR_MAP_PUT,     [MAP_INSERT] = NR_MAP_INSERT, [MAP_REPLACE] = NR_MAP_REPLACE,
        [MAP_CAS] = NR_MAP_CAS,     [MAP_ADD] = NR_MAP_ADD,       [MAP_REMOVE] = NR_MAP_REMOVE,
        [MAP_CLEAR] = NR_MAP_CLEAR,
    };
    struct nr_map_op made = {.key = op->arg[0], .value = op->arg[1], .kind = kinds[op->kind]};
    if (op->kind == MAP_CAS) {
        made.expected = op->arg[1];
        made.value = op->arg[2];
    }
    return made;
}

/* Fails the run where the status does not go with the operation or the rest of the answer. */
static void number_decode(uint32_t kind, const struct nr_map_answer *from, struct answer *answer)
{
    enum map_outcome found = from->present ? MAP_FOUND : MAP_ABSENT;
    enum nr_status keeps = kind == MAP_INSERT ? NR_EEXIST : kind == MAP_CAS ? NR_EDIFFER : NR_OK;
    bool adds = kind == MAP_PUT || kind == MAP_INSERT || kind == MAP_ADD;
    bool needs = kind == MAP_REPLACE || kind == MAP_CAS || kind == MAP_REMOVE;
    if (kind == MAP_CLEAR && from->status == NR_OK)
        answer->resp[0] = MAP_UNTOLD;
    else if (from->status == NR_OK && (!needs || found == MAP_FOUND))
        table_found(answer, found, from->value);
    else if (from->status == NR_ENOENT && needs && found == MAP_ABSENT)
        table_found(answer, MAP_ABSENT, from->value);
    else if (from->status == keeps && found == MAP_FOUND)
        table_found(answer, MAP_KEPT, from->value);
    else if (from->status == NR_ENOMEM && adds && found == MAP_ABSENT)
        table_found(answer, MAP_NO_ROOM, 0);
    else
        table_fail(kind, from->status);
}

static void number_got(enum nr_status status, uint64_t value, struct answer *answer)
{
    if (status != NR_OK && status != NR_ENOENT)
        table_fail(MAP_GET, status);
    table_found(answer, status == NR_OK ? MAP_FOUND : MAP_ABSENT, status == NR_OK ? value : 0);
}

/* ---- The hash map -------------------------------------------------------------------------------
 */

/* Queries of all keys are scans over all logs. */
static void hash_map_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    uint32_t keys = mood->keys < HASH_KEYS ? mood->keys : HASH_KEYS;
    op->arg[0] = rng_below(r, keys);
    if (rng_below(r, 100) >= mood->queries) {
        number_draw_mutation(r, mood, op);
        return;
    }
    op->kind = rng_one_in(r, 2) || rng_below(r, 100) >= mood->several ? MAP_GET
               : rng_one_in(r, 2)                                     ? MAP_LEN
                                                                      : MAP_RANGE;
    if (op->kind == MAP_RANGE)
        (void)table_probe(0, op);
}

static void hash_map_visited(uint64_t key, uint64_t value, void *arg)
{
    table_pair(arg, key, value);
}

static void hash_map_query(struct nr_map_thread *thread, const struct lin_op *op,
                           struct answer *answer)
{
    uint64_t value = 0;
    switch (op->kind) {
    case MAP_GET: {
        enum nr_status status = nr_map_get(thread, op->arg[0], &value);
        number_got(status, value, answer);
        break;
    }
    case MAP_LEN:
        answer->resp[0] = nr_map_len(thread);
        break;
    default:
        nr_map_visit(thread, hash_map_visited, answer);
        table_sort(answer);
    }
}

/* ---- The ordered map ----------------------------------------------------------------------------
 */

static void ordered_map_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    uint32_t keys = mood->keys < ORDERED_KEYS ? mood->keys : ORDERED_KEYS;
    op->arg[0] = rng_below(r, keys);
    if (rng_below(r, 100) >= mood->queries) {
        number_draw_mutation(r, mood, op);
        return;
    }
    op->kind = rng_one_in(r, 3) || rng_below(r, 100) >= mood->several ? MAP_GET
               : rng_one_in(r, 6)                                     ? MAP_LEN
               : rng_one_in(r, 3)                                     ? MAP_BELOW
                                                                      : MAP_RANGE;
    if (op->kind == MAP_BELOW) {
        op->arg[0] = rng_one_in(r, 4) ? UINT64_MAX : op->arg[0] + 1;
    } else if (op->kind == MAP_RANGE) {
        bool open = rng_one_in(r, 3);
        op->arg[1] = open ? UINT64_MAX : op->arg[0] + 1 + rng_below(r, keys);
        op->arg[2] = rng_one_in(r, 3) ? 1 : 1 + rng_below(r, keys);
    }
}

/* One pair, by the function for the purpose. The last key is below all numbers that are none. */
static void ordered_map_neighbour(struct nr_ordered_map_thread *thread, const struct lin_op *op,
                                  struct answer *answer)
{
    struct nr_pair pair = {0};
    enum nr_status status;
    if (op->kind == MAP_BELOW && op->arg[0] == UINT64_MAX)
        status = nr_ordered_map_last(thread, &pair);
    else if (op->kind == MAP_BELOW)
        status = nr_ordered_map_floor(thread, op->arg[0] - 1, &pair);
    else if (op->arg[0] == 0)
        status = nr_ordered_map_first(thread, &pair);
    else
        status = nr_ordered_map_ceiling(thread, op->arg[0], &pair);
    if (status == NR_OK)
        table_pair(answer, pair.key, pair.value);
    else if (status != NR_ENOENT)
        table_fail(op->kind, status);
}

static void ordered_map_range(struct nr_ordered_map_thread *thread, const struct lin_op *op,
                              struct answer *answer)
{
    struct nr_pair pairs[ANSWER_WORDS];
    size_t n = nr_ordered_map_range(thread, op->arg[0], op->arg[1] - 1, pairs, op->arg[2]);
    for (size_t i = 0; i < n; i++)
        table_pair(answer, pairs[i].key, pairs[i].value);
}

static void ordered_map_query(struct nr_ordered_map_thread *thread, const struct lin_op *op,
                              struct answer *answer)
{
    uint64_t value = 0;
    switch (op->kind) {
    case MAP_GET: {
        enum nr_status status = nr_ordered_map_get(thread, op->arg[0], &value);
        number_got(status, value, answer);
        break;
    }
    case MAP_LEN:
        answer->resp[0] = nr_ordered_map_len(thread);
        break;
    case MAP_RANGE:
        if (op->arg[1] == UINT64_MAX && op->arg[2] == 1)
            ordered_map_neighbour(thread, op, answer);
        else
            ordered_map_range(thread, op, answer);
        break;
    default:
        ordered_map_neighbour(thread, op, answer);
    }
}

/* ---- Both ---------------------------------------------------------------------------------------
 */

/* NAME is the subject's, LIB what libnr calls the structure. */
#define NUMBER_SUBJECT(NAME, LIB, TITLE, LOGS)                                           \
    SUBJECT_READY(NAME, LIB)                                                             \
    static void NAME##_run(void *thread, const struct lin_op *op, struct answer *answer) \
    {                                                                                    \
        if (number_is_query(op->kind)) {                                                 \
            NAME##_query(thread, op, answer);                                            \
            return;                                                                      \
        }                                                                                \
        struct nr_map_op made = number_op(op);                                           \
        struct nr_map_answer result = LIB##_execute(thread, &made);                      \
        number_decode(op->kind, &result, answer);                                        \
    }                                                                                    \
    static enum nr_status NAME##_hand_in(void *thread, const struct lin_op *op)          \
    {                                                                                    \
        struct nr_map_op made = number_op(op);                                           \
        return LIB##_submit(thread, &made);                                              \
    }                                                                                    \
    static enum nr_status NAME##_take(void *thread, bool wait, const struct lin_op *op,  \
                                      struct answer *answer)                             \
    {                                                                                    \
        struct nr_map_answer result;                                                     \
        enum nr_status status =                                                          \
            wait ? LIB##_collect(thread, &result) : LIB##_poll(thread, &result);         \
        if (status == NR_OK)                                                             \
            number_decode(op->kind, &result, answer);                                    \
        return status;                                                                   \
    }                                                                                    \
    const struct subject subject_##NAME = {                                              \
        SUBJECT_IS_READY(NAME),   .name = TITLE,       .model = &model_map,              \
        .max_logs = LOGS,         .draw = NAME##_draw, .run = NAME##_run,                \
        .submit = NAME##_hand_in, .take = NAME##_take, .is_query = number_is_query,      \
        .probe = table_probe,                                                            \
    }

NUMBER_SUBJECT(hash_map, nr_map, "hash map", 4);
NUMBER_SUBJECT(ordered_map, nr_ordered_map, "ordered map", 1);
