// SPDX-License-Identifier: BSD-2-Clause
// State: (key, value) pairs in ascending order of keys.
#include <inttypes.h>

#include "model_words.h"

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

static bool map_below_matches(struct lin_state *s, const struct lin_op *op)
{
    if (!lin_op_answered(op))
        return true;
    size_t end = map_lower(s, op->arg[0]);
    if (end == 0)
        return op->out_len == 0;
    return op->out_len == 2 && memcmp(words(s) + end - 2, op->out, 2 * sizeof(uint64_t)) == 0;
}

/* Whether op may have told this outcome and this value. */
static bool map_answers(const struct lin_op *op, enum map_outcome outcome, uint64_t value)
{
    if (!lin_op_answered(op))
        return true;
    uint64_t told = op->resp[0] & ~MAP_UNTOLD;
    bool fits = told == MAP_DONE ? outcome != MAP_KEPT : told == outcome;
    return fits && (op->resp[0] & MAP_UNTOLD || op->resp[1] == value);
}

/* The operations on one key, which is at index at or, if not found, would be. */
static bool map_step_key(struct lin_state *s, const struct lin_op *op, size_t at, bool found)
{
    uint64_t key = op->arg[0], old = found ? words(s)[at + 1] : 0;
    enum map_outcome outcome = found ? MAP_FOUND : MAP_ABSENT;
    switch (op->kind) {
    case MAP_PUT:
        map_set(s, key, op->arg[1]);
        break;
    case MAP_GET:
        break;
    case MAP_REMOVE:
        if (found)
            words_remove(s, at, 2);
        break;
    case MAP_INSERT:
        if (found)
            outcome = MAP_KEPT;
        else
            map_set(s, key, op->arg[1]);
        break;
    case MAP_REPLACE:
        if (found)
            map_set(s, key, op->arg[1]);
        break;
    case MAP_CAS:
        if (found && old == op->arg[1])
            map_set(s, key, op->arg[2]);
        else if (found)
            outcome = MAP_KEPT;
        break;
    case MAP_ADD:
        old += op->arg[1];
        map_set(s, key, old);
        break;
    default:
        return false;
    }
    return map_answers(op, outcome, old);
}

static bool map_step(struct lin_state *s, const struct lin_op *op)
{
    size_t at = map_lower(s, op->arg[0]), count = word_count(s) / 2;
    bool found = at < word_count(s) && words(s)[at] == op->arg[0];
    switch (op->kind) {
    case MAP_LEN:
        return answers(op, count, 0);
    case MAP_MOVE:
        if (found) {
            uint64_t value = words(s)[at + 1];
            words_remove(s, at, 2);
            map_set(s, op->arg[1], value);
        }
        return answers(op, found, 0);
    case MAP_CLEAR:
        lin_state_resize(s, 0);
        return op->resp[0] == MAP_UNTOLD || answers(op, count, 0);
    case MAP_RANGE:
        return map_range_matches(s, op);
    case MAP_BELOW:
        return map_below_matches(s, op);
    default:
        if (lin_op_answered(op) && op->resp[0] == MAP_REFUSED)
            return true;
        if (lin_op_answered(op) && op->resp[0] == MAP_NO_ROOM)
            return !found;
        return map_step_key(s, op, at, found);
    }
}

static uint64_t map_key(const struct lin_op *op)
{
    return op->kind >= MAP_LEN && op->kind <= MAP_BELOW ? LIN_ALL_KEYS : op->arg[0];
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

static void print_call(const struct lin_op *op, char *call, size_t cap)
{
    static const struct {
        const char *name;
        int args;
    } forms[] = {
        [MAP_PUT] = {"put", 2},         [MAP_GET] = {"get", 1},     [MAP_REMOVE] = {"remove", 1},
        [MAP_LEN] = {"len", 0},         [MAP_MOVE] = {"move", 2},   [MAP_CLEAR] = {"clear", 0},
        [MAP_RANGE] = {"range", 3},     [MAP_BELOW] = {"below", 1}, [MAP_INSERT] = {"insert", 2},
        [MAP_REPLACE] = {"replace", 2}, [MAP_CAS] = {"cas", 3},     [MAP_ADD] = {"add", 2},
    };
    size_t used = (size_t)snprintf(call, cap, "%s(", forms[op->kind].name);
    for (int i = 0; i < forms[op->kind].args && used < cap; i++)
        used += (size_t)snprintf(call + used, cap - used, "%s%" PRIu64, i ? ", " : "", op->arg[i]);
    if (used < cap)
        snprintf(call + used, cap - used, ")");
}

static void print_outcome(const struct lin_op *op, char *resp, size_t cap)
{
    static const char *const texts[] = {
        [MAP_ABSENT] = "none", [MAP_FOUND] = "found",     [MAP_KEPT] = "kept",
        [MAP_DONE] = "done",   [MAP_NO_ROOM] = "no room", [MAP_REFUSED] = "refused",
    };
    if (op->resp[0] == MAP_FOUND || (op->kind == MAP_ADD && op->resp[0] == MAP_ABSENT))
        snprintf(resp, cap, "= %" PRIu64, op->resp[1]);
    else if (op->resp[0] == MAP_KEPT)
        snprintf(resp, cap, "= kept %" PRIu64, op->resp[1]);
    else
        snprintf(resp, cap, "= %s", texts[op->resp[0] & ~MAP_UNTOLD]);
}

static void map_print(const struct lin_op *op, char *call, char *resp, size_t cap)
{
    resp[0] = '\0';
    print_call(op, call, cap);
    switch (op->kind) {
    case MAP_MOVE:
        snprintf(resp, cap, "= %s", op->resp[0] ? "moved" : "none");
        break;
    case MAP_LEN:
    case MAP_CLEAR:
        if (op->resp[0] != MAP_UNTOLD)
            snprintf(resp, cap, "= %" PRIu64, op->resp[0]);
        break;
    case MAP_RANGE:
    case MAP_BELOW:
        print_pairs(op, resp, cap);
        break;
    default:
        print_outcome(op, resp, cap);
    }
}

const struct lin_model model_map = {
    .name = "map",
    .step = map_step,
    .key = map_key,
    .print = map_print,
};
