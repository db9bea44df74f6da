// SPDX-License-Identifier: BSD-2-Clause
// The three have the same operations; only the type of what goes in and comes out differs.
#include "subject_queues.h"

#include <nr/pqueue.h>
#include <nr/queue.h>
#include <nr/stack.h>

#include "run.h"

enum {
    PROBE_POPS = 12, /* with four replicas more than what most histories leave inside */
};

/* ---- Recorded operations ------------------------------------------------------------------------
 */

/* Clearing has no asynchronous form. */
static bool queue_is_query(uint32_t kind)
{
    return kind != QUEUE_PUSH && kind != QUEUE_POP;
}

/* Somewhat more pushes than pops, so that there is something inside. */
static void queue_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    if (rng_below(r, 100) < mood->queries)
        op->kind = rng_one_in(r, 4) ? QUEUE_LEN : QUEUE_PEEK;
    else if (rng_one_in(r, 40))
        op->kind = QUEUE_CLEAR;
    else
        op->kind = rng_below(r, 100) < 45 ? QUEUE_PUSH : QUEUE_POP;
    if (op->kind == QUEUE_PUSH)
        op->arg[0] = mood->tag;
}

/* Few priorities, so that items of the same one are frequent. */
static void pqueue_draw(struct rng *r, const struct mood *mood, struct lin_op *op)
{
    queue_draw(r, mood, op);
    if (op->kind == QUEUE_PUSH)
        op->arg[0] = mood->tag << 8 | rng_below(r, mood->keys < 4 ? mood->keys : 4);
}

/* The replicas take turns in showing what is inside. */
static bool queue_probe(uint32_t i, struct lin_op *op)
{
    op->kind = i == 0 ? QUEUE_LEN : i == 1 ? QUEUE_PEEK : QUEUE_POP;
    return i < 2 + PROBE_POPS;
}

/* An operation of that kind answered status and, if it found something, value. */
static void queue_decode(uint32_t kind, enum nr_status status, uint64_t value,
                         struct answer *answer)
{
    enum nr_status otherwise = kind == QUEUE_PUSH ? NR_ENOMEM : NR_EEMPTY;
    if (status != NR_OK && status != otherwise)
        run_fail("operation %u: %s", kind, nr_status_text(status));
    answer->resp[0] = status == NR_OK;
    answer->resp[1] = status == NR_OK && kind != QUEUE_PUSH ? value : 0;
}

/* ---- Values -------------------------------------------------------------------------------------
 */

static uint64_t value_of(uint64_t number)
{
    return number;
}

static uint64_t number_of(uint64_t value)
{
    return value;
}

static struct nr_item item_of(uint64_t number)
{
    return (struct nr_item){.priority = pqueue_priority(number), .value = number >> 8};
}

static uint64_t number_of_item(struct nr_item item)
{
    return item.value << 8 | item.priority;
}

/* ---- The structures -----------------------------------------------------------------------------
 */

/* VALUE is what nr_NAME takes; TO and FROM turn the numbers of the history into it and back. */
#define QUEUE_SUBJECT(NAME, TITLE, MODEL, DRAW, VALUE, TO, FROM)                         \
    SUBJECT_READY(NAME, nr_##NAME)                                                       \
    static void NAME##_run(void *thread, const struct lin_op *op, struct answer *answer) \
    {                                                                                    \
        enum nr_status status = NR_OK;                                                   \
        VALUE value = TO(0);                                                             \
        switch (op->kind) {                                                              \
        case QUEUE_PUSH:                                                                 \
            status = nr_##NAME##_push(thread, TO(op->arg[0]));                           \
            break;                                                                       \
        case QUEUE_POP:                                                                  \
            status = nr_##NAME##_pop(thread, &value);                                    \
            break;                                                                       \
        case QUEUE_PEEK:                                                                 \
            status = nr_##NAME##_peek(thread, &value);                                   \
            break;                                                                       \
        case QUEUE_LEN:                                                                  \
            answer->resp[0] = nr_##NAME##_len(thread);                                   \
            return;                                                                      \
        default:                                                                         \
            nr_##NAME##_clear(thread);                                                   \
            return;                                                                      \
        }                                                                                \
        queue_decode(op->kind, status, FROM(value), answer);                             \
    }                                                                                    \
    static enum nr_status NAME##_hand_in(void *thread, const struct lin_op *op)          \
    {                                                                                    \
        if (op->kind == QUEUE_PUSH)                                                      \
            return nr_##NAME##_submit_push(thread, TO(op->arg[0]));                      \
        return nr_##NAME##_submit_pop(thread);                                           \
    }                                                                                    \
    static enum nr_status NAME##_take(void *thread, bool wait, const struct lin_op *op,  \
                                      struct answer *answer)                             \
    {                                                                                    \
        enum nr_status outcome;                                                          \
        VALUE value = TO(0);                                                             \
        enum nr_status status = wait ? nr_##NAME##_collect(thread, &outcome, &value)     \
                                     : nr_##NAME##_poll(thread, &outcome, &value);       \
        if (status == NR_OK)                                                             \
            queue_decode(op->kind, outcome, FROM(value), answer);                        \
        return status;                                                                   \
    }                                                                                    \
    const struct subject subject_##NAME = {                                              \
        SUBJECT_IS_READY(NAME),                                                          \
        .name = TITLE,                                                                   \
        .model = &MODEL,                                                                 \
        .max_logs = 1,                                                                   \
        .entangled = true,                                                               \
        .draw = DRAW,                                                                    \
        .run = NAME##_run,                                                               \
        .probe = queue_probe,                                                            \
        .is_query = queue_is_query,                                                      \
        .take = NAME##_take,                                                             \
        .submit = NAME##_hand_in,                                                        \
    }

QUEUE_SUBJECT(queue, "queue", model_fifo, queue_draw, uint64_t, value_of, number_of);
QUEUE_SUBJECT(stack, "stack", model_stack, queue_draw, uint64_t, value_of, number_of);
QUEUE_SUBJECT(pqueue, "priority queue", model_pqueue, pqueue_draw, struct nr_item, item_of,
              number_of_item);
