// SPDX-License-Identifier: BSD-2-Clause
// The map of byte strings. The numbers of the history stand for strings: key k for k bytes, a value
// for its eight bytes and some more that follow from them, so that a string which was cut, mixed up
// with another or freed too early is noticed.
#include <nr/bytes_map.h>
#include <string.h>

#include "run.h"
#include "subject_tables.h"

enum {
    BYTES_KEYS = 20, /* a table that starts small grows; the empty key is one of them */
    TAIL_SIZES = 48, /* values have 8 to 8 + 47 bytes */
    VALUE_MAX = sizeof(uint64_t) + TAIL_SIZES,
};

/* ---- Strings ------------------------------------------------------------------------------------
 */

struct key_string {
    unsigned char bytes[BYTES_KEYS];
};

struct value_string {
    unsigned char bytes[VALUE_MAX];
};

static struct nr_bytes key_make(uint64_t key, struct key_string *string)
{
    memset(string->bytes, (int)('a' + key), key);
    return (struct nr_bytes){string->bytes, key};
}

static uint64_t key_read(struct nr_bytes from)
{
    struct key_string expected;
    struct nr_bytes key = key_make(from.size < BYTES_KEYS ? from.size : 0, &expected);
    if (from.size != key.size || (key.size && memcmp(from.data, key.data, key.size) != 0))
        run_fail("a key of %zu bytes that nobody made", from.size);
    return key.size;
}

static struct nr_bytes value_make(uint64_t value, struct value_string *string)
{
    size_t tail = value % TAIL_SIZES;
    memcpy(string->bytes, &value, sizeof(value));
    for (size_t i = 0; i < tail; i++)
        string->bytes[sizeof(value) + i] = (unsigned char)(value * 7 + i);
    return (struct nr_bytes){string->bytes, sizeof(value) + tail};
}

static uint64_t value_read(struct nr_bytes from)
{
    struct value_string expected;
    uint64_t value = 0;
    if (from.size >= sizeof(value))
        memcpy(&value, from.data, sizeof(value));
    struct nr_bytes whole = value_make(value, &expected);
    if (from.size != whole.size || memcmp(from.data, whole.data, whole.size) != 0)
        run_fail("a value of %zu bytes that nobody made", from.size);
    return value;
}

/* ---- Operations ---------------------------------------------------------------------------------
 */

/* Clearing has no asynchronous form. */
static bool bytes_map_is_query(uint32_t kind)
{
    return kind == MAP_GET || kind == MAP_LEN || kind == MAP_RANGE || kind == MAP_CLEAR;
}

static void bytes_map_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    static const uint32_t mutations[] = {MAP_PUT, MAP_PUT, MAP_INSERT, MAP_REPLACE, MAP_REMOVE};
    static const uint32_t several[] = {MAP_LEN, MAP_RANGE};
    uint32_t keys = mood->keys < BYTES_KEYS ? mood->keys : BYTES_KEYS;
    bool all = rng_below(r, 100) < mood->several;
    op->arg[0] = rng_below(r, keys);
    if (rng_below(r, 100) < mood->queries)
        op->kind = all && rng_one_in(r, 2) ? several[rng_below(r, 2)] : MAP_GET;
    else
        op->kind = all && rng_one_in(r, 20) ? MAP_CLEAR : mutations[rng_below(r, 5)];
    if (op->kind == MAP_RANGE)
        (void)table_probe(0, op);
    else if (op->kind == MAP_PUT || op->kind == MAP_INSERT || op->kind == MAP_REPLACE)
        op->arg[1] = mood->tag;
}

static void bytes_map_refuse(struct answer *answer)
{
    table_found(answer, MAP_REFUSED, 0);
    answer->refused = true;
}

/* A mutation answered status; `old` is what it found, NULL where that was not asked for. Any of
 * them may lack the memory for its own strings. */
static void bytes_map_decode(uint32_t kind, enum nr_status status, const struct nr_buffer *old,
                             struct answer *answer)
{
    bool needs = kind == MAP_REPLACE || kind == MAP_REMOVE;
    bool absent = needs ? status == NR_ENOENT : !old || old->size == 0;
    if (status == NR_ENOMEM)
        bytes_map_refuse(answer);
    else if (status == NR_EEXIST && kind == MAP_INSERT)
        table_untold(answer, MAP_KEPT);
    else if (status != NR_OK && !(needs && absent))
        table_fail(kind, status);
    else if (kind == MAP_PUT && !old)
        table_untold(answer, MAP_DONE);
    else if (absent)
        table_found(answer, MAP_ABSENT, 0);
    else if (old)
        table_found(answer, MAP_FOUND, value_read((struct nr_bytes){old->data, old->size}));
    else
        table_untold(answer, MAP_FOUND);
}

static void bytes_map_visited(struct nr_bytes key, struct nr_bytes value, void *arg)
{
    table_pair(arg, key_read(key), value_read(value));
}

static void bytes_map_all(struct nr_bytes_map_thread *thread, uint32_t kind, struct answer *answer)
{
    switch (kind) {
    case MAP_LEN:
        answer->resp[0] = nr_bytes_map_len(thread);
        break;
    case MAP_RANGE:
        nr_bytes_map_visit(thread, bytes_map_visited, answer);
        table_sort(answer);
        break;
    default:
        nr_bytes_map_clear(thread);
        answer->resp[0] = MAP_UNTOLD;
    }
}

static void bytes_map_run(void *thread, const struct lin_op *op, struct answer *answer)
{
    struct key_string key_bytes;
    struct value_string value_bytes, old_bytes;
    struct nr_bytes key = key_make(op->arg[0], &key_bytes);
    struct nr_bytes value = value_make(op->arg[1], &value_bytes);
    struct nr_buffer old = {.data = old_bytes.bytes, .capacity = VALUE_MAX};
    switch (op->kind) {
    case MAP_GET:
        if (nr_bytes_map_get(thread, key, &old) == NR_OK)
            table_found(answer, MAP_FOUND, value_read((struct nr_bytes){old.data, old.size}));
        break;
    case MAP_PUT:
        bytes_map_decode(op->kind, nr_bytes_map_put(thread, key, value, &old), &old, answer);
        break;
    case MAP_INSERT:
        bytes_map_decode(op->kind, nr_bytes_map_insert(thread, key, value), NULL, answer);
        break;
    case MAP_REPLACE:
        bytes_map_decode(op->kind, nr_bytes_map_replace(thread, key, value, &old), &old, answer);
        break;
    case MAP_REMOVE:
        bytes_map_decode(op->kind, nr_bytes_map_remove(thread, key, &old), &old, answer);
        break;
    default:
        bytes_map_all(thread, op->kind, answer);
    }
}

static enum nr_status bytes_map_hand_in(void *thread, const struct lin_op *op)
{
    struct key_string key_bytes;
    struct value_string value_bytes;
    struct nr_bytes key = key_make(op->arg[0], &key_bytes);
    struct nr_bytes value = value_make(op->arg[1], &value_bytes);
    switch (op->kind) {
    case MAP_PUT:
        return nr_bytes_map_submit_put(thread, key, value);
    case MAP_INSERT:
        return nr_bytes_map_submit_insert(thread, key, value);
    case MAP_REPLACE:
        return nr_bytes_map_submit_replace(thread, key, value);
    default:
        return nr_bytes_map_submit_remove(thread, key);
    }
}

static enum nr_status bytes_map_take(void *thread, bool wait, const struct lin_op *op,
                                     struct answer *answer)
{
    enum nr_status outcome;
    enum nr_status status =
        wait ? nr_bytes_map_collect(thread, &outcome) : nr_bytes_map_poll(thread, &outcome);
    if (status != NR_OK)
        return status;
    /* What was handed in has its strings; the table may have to grow. */
    if (outcome == NR_ENOMEM && (op->kind == MAP_PUT || op->kind == MAP_INSERT))
        table_found(answer, MAP_NO_ROOM, 0);
    else if (outcome == NR_ENOMEM)
        table_fail(op->kind, outcome);
    else
        bytes_map_decode(op->kind, outcome, NULL, answer);
    return NR_OK;
}

SUBJECT_READY(bytes_map, nr_bytes_map)

const struct subject subject_bytes_map = {
    SUBJECT_IS_READY(bytes_map), .name = "map of byte strings",
    .model = &model_map,         .max_logs = 4,
    .draw = bytes_map_draw,      .is_query = bytes_map_is_query,
    .run = bytes_map_run,        .submit = bytes_map_hand_in,
    .take = bytes_map_take,      .refuse = bytes_map_refuse,
    .probe = table_probe,
};
