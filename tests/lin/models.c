// SPDX-License-Identifier: BSD-2-Clause
// States: a register's value; a queue's values in the order in which they would be popped, last
// first.
#include "models.h"

#include <inttypes.h>

#include "model_words.h"

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
    case QUEUE_CLEAR:
        lin_state_resize(s, 0);
        return true;
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
    while (i < word_count(s) && pqueue_priority(words(s)[i]) > pqueue_priority(value))
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
    static const char *const names[] = {"push", "pop", "peek", "len", "clear"};
    if (op->kind == QUEUE_PUSH) {
        snprintf(call, cap, "push(%" PRIu64 ")", op->arg[0]);
        snprintf(resp, cap, "%s", op->resp[0] ? "" : "= full");
        return;
    }
    snprintf(call, cap, "%s()", names[op->kind]);
    if (op->kind == QUEUE_CLEAR)
        resp[0] = '\0';
    else if (op->kind == QUEUE_LEN)
        snprintf(resp, cap, "= %" PRIu64, op->resp[0]);
    else if (op->resp[0])
        snprintf(resp, cap, "= %" PRIu64, op->resp[1]);
    else
        snprintf(resp, cap, "= empty");
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
