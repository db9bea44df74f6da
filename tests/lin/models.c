// SPDX-License-Identifier: BSD-2-Clause
// States are arrays of 64-bit words: a register's value; a queue's values in the order in which
// they would be popped, last first; a map's (key, value) pairs in ascending order of keys.
#include "models.h"

#include <inttypes.h>
#include <string.h>

static uint64_t *words(struct lin_state *s)
{
    return (uint64_t *)(void *)s->bytes;
}

static size_t word_count(const struct lin_state *s)
{
    return s->len / sizeof(uint64_t);
}

static void words_insert(struct lin_state *s, size_t at, const uint64_t *values, size_t n)
{
    size_t count = word_count(s);
    lin_state_resize(s, (count + n) * sizeof(uint64_t));
    memmove(words(s) + at + n, words(s) + at, (count - at) * sizeof(uint64_t));
    memcpy(words(s) + at, values, n * sizeof(uint64_t));
}

static void words_remove(struct lin_state *s, size_t at, size_t n)
{
    size_t count = word_count(s);
    memmove(words(s) + at, words(s) + at + n, (count - at - n) * sizeof(uint64_t));
    lin_state_resize(s, (count - n) * sizeof(uint64_t));
}

/* Whether the recorded response is (r0, r1); anything is right while there is none. */
static bool answers(const struct lin_op *op, uint64_t r0, uint64_t r1)
{
    return !lin_op_answered(op) || (op->resp[0] == r0 && op->resp[1] == r1);
}

static void register_init(struct lin_state *s)
{
    lin_state_resize(s, sizeof(uint64_t));
}

static bool register_step(struct lin_state *s, const struct lin_op *op)
{
    uint64_t *value = words(s);
    switch (op->kind) {
    case REG_READ:
        return answers(op, *value, 0);
    case REG_WRITE:
        *value = op->arg[0];
        return answers(op, 0, 0);
    case REG_CAS: {
        bool same = *value == op->arg[0];
        if (same)
            *value = op->arg[1];
        return answers(op, same, 0);
    }
    default:
        return false;
    }
}

static void register_print(const struct lin_op *op, char *call, char *resp, size_t cap)
{
    resp[0] = '\0';
    switch (op->kind) {
    case REG_READ:
        snprintf(call, cap, "read()");
        snprintf(resp, cap, "= %" PRIu64, op->resp[0]);
        break;
    case REG_WRITE:
        snprintf(call, cap, "write(%" PRIu64 ")", op->arg[0]);
        break;
    default:
        snprintf(call, cap, "cas(%" PRIu64 ", %" PRIu64 ")", op->arg[0], op->arg[1]);
        snprintf(resp, cap, "= %s", op->resp[0] ? "swapped" : "different");
    }
}

/* Pushes with before(): the index in front of which a value belongs. */
static bool queue_step(struct lin_state *s, const struct lin_op *op,
                       size_t (*before)(struct lin_state *, uint64_t))
{
    size_t count = word_count(s);
    uint64_t next = count ? words(s)[count - 1] : 0;
    switch (op->kind) {
    case QUEUE_PUSH:
        /* A structure may refuse for lack of space; only an accepted push has an effect. */
        if (!lin_op_answered(op) || op->resp[0])
            words_insert(s, before(s, op->arg[0]), &op->arg[0], 1);
        return answers(op, op->resp[0] != 0, 0);
    case QUEUE_POP:
        if (count)
            words_remove(s, count - 1, 1);
        return answers(op, count > 0, next);
    case QUEUE_PEEK:
        return answers(op, count > 0, next);
    case QUEUE_LEN:
        return answers(op, count, 0);
    default:
        return false;
    }
}

static size_t fifo_before(struct lin_state *s, uint64_t value)
{
    (void)s, (void)value;
    return 0;
}

static size_t stack_before(struct lin_state *s, uint64_t value)
{
    (void)value;
    return word_count(s);
}

static size_t pqueue_before(struct lin_state *s, uint64_t value)
{
    size_t i = 0;
    while (i < word_count(s) && words(s)[i] > value)
        i++;
    return i;
}

static bool fifo_step(struct lin_state *s, const struct lin_op *op)
{
    return queue_step(s, op, fifo_before);
}

static bool stack_step(struct lin_state *s, const struct lin_op *op)
{
    return queue_step(s, op, stack_before);
}

static bool pqueue_step(struct lin_state *s, const struct lin_op *op)
{
    return queue_step(s, op, pqueue_before);
}

static void queue_print(const struct lin_op *op, char *call, char *resp, size_t cap)
{
    static const char *const names[] = {"push", "pop", "peek", "len"};
    if (op->kind == QUEUE_PUSH) {
        snprintf(call, cap, "push(%" PRIu64 ")", op->arg[0]);
        snprintf(resp, cap, "%s", op->resp[0] ? "" : "= full");
        return;
    }
    snprintf(call, cap, "%s()", names[op->kind]);
    if (op->kind == QUEUE_LEN)
        snprintf(resp, cap, "= %" PRIu64, op->resp[0]);
    else if (op->resp[0])
        snprintf(resp, cap, "= %" PRIu64, op->resp[1]);
    else
        snprintf(resp, cap, "= empty");
}

/* Index of the first pair whose key is not below key, in words. */
static size_t map_lower(struct lin_state *s, uint64_t key)
{
    size_t i = 0;
    while (i < word_count(s) && words(s)[i] < key)
        i += 2;
    return i;
}

static bool map_range_matches(struct lin_state *s, const struct lin_op *op)
{
    if (!lin_op_answered(op))
        return true;
    size_t first = map_lower(s, op->arg[0]), last = map_lower(s, op->arg[1]);
    size_t n = last > first ? last - first : 0;
    if (n > 2 * op->arg[2])
        n = (size_t)(2 * op->arg[2]);
    return op->out_len == n &&
           (n == 0 || memcmp(words(s) + first, op->out, n * sizeof(uint64_t)) == 0);
}

static void map_set(struct lin_state *s, uint64_t key, uint64_t value)
{
    size_t at = map_lower(s, key);
    if (at == word_count(s) || words(s)[at] != key)
        words_insert(s, at, (uint64_t[]){key, 0}, 2);
    words(s)[at + 1] = value;
}

static bool map_step(struct lin_state *s, const struct lin_op *op)
{
    uint64_t key = op->arg[0];
    size_t at = map_lower(s, key);
    bool found = at < word_count(s) && words(s)[at] == key;
    uint64_t old = found ? words(s)[at + 1] : 0;
    switch (op->kind) {
    case MAP_PUT:
        map_set(s, key, op->arg[1]);
        return answers(op, found, old);
    case MAP_GET:
        return answers(op, found, old);
    case MAP_REMOVE:
        if (found)
            words_remove(s, at, 2);
        return answers(op, found, old);
    case MAP_LEN:
        return answers(op, word_count(s) / 2, 0);
    case MAP_MOVE:
        if (found) {
            words_remove(s, at, 2);
            map_set(s, op->arg[1], old);
        }
        return answers(op, found, 0);
    case MAP_CLEAR: {
        size_t count = word_count(s) / 2;
        lin_state_resize(s, 0);
        return answers(op, count, 0);
    }
    case MAP_RANGE:
        return map_range_matches(s, op);
    default:
        return false;
    }
}

static uint64_t map_key(const struct lin_op *op)
{
    return op->kind >= MAP_LEN ? LIN_ALL_KEYS : op->arg[0];
}

static void print_pairs(const struct lin_op *op, char *resp, size_t cap)
{
    size_t used = (size_t)snprintf(resp, cap, "= {");
    for (size_t i = 0; i + 1 < op->out_len && used < cap; i += 2)
        used += (size_t)snprintf(resp + used, cap - used, "%s%" PRIu64 ": %" PRIu64, i ? ", " : "",
                                 op->out[i], op->out[i + 1]);
    if (used < cap)
        snprintf(resp + used, cap - used, "}");
}

static void map_print(const struct lin_op *op, char *call, char *resp, size_t cap)
{
    switch (op->kind) {
    case MAP_PUT:
        snprintf(call, cap, "put(%" PRIu64 ", %" PRIu64 ")", op->arg[0], op->arg[1]);
        break;
    case MAP_MOVE:
        snprintf(call, cap, "move(%" PRIu64 ", %" PRIu64 ")", op->arg[0], op->arg[1]);
        snprintf(resp, cap, "= %s", op->resp[0] ? "moved" : "none");
        return;
    case MAP_LEN:
    case MAP_CLEAR:
        snprintf(call, cap, op->kind == MAP_LEN ? "len()" : "clear()");
        snprintf(resp, cap, "= %" PRIu64, op->resp[0]);
        return;
    case MAP_RANGE:
        snprintf(call, cap, "range(%" PRIu64 ", %" PRIu64 ", %" PRIu64 ")", op->arg[0], op->arg[1],
                 op->arg[2]);
        print_pairs(op, resp, cap);
        return;
    default:
        snprintf(call, cap, "%s(%" PRIu64 ")", op->kind == MAP_GET ? "get" : "remove", op->arg[0]);
    }
    if (op->resp[0])
        snprintf(resp, cap, "= %" PRIu64, op->resp[1]);
    else
        snprintf(resp, cap, "= none");
}

const struct lin_model model_register = {
    .name = "register",
    .init = register_init,
    .step = register_step,
    .print = register_print,
};
const struct lin_model model_fifo = {.name = "fifo", .step = fifo_step, .print = queue_print};
const struct lin_model model_stack = {.name = "stack", .step = stack_step, .print = queue_print};
const struct lin_model model_pqueue = {
    .name = "priority queue",
    .step = pqueue_step,
    .print = queue_print,
};
const struct lin_model model_map = {
    .name = "map",
    .step = map_step,
    .key = map_key,
    .print = map_print,
};
