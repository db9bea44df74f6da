// SPDX-License-Identifier: BSD-2-Clause
/*
 * <nr/pqueue.h>: a heap for each replica.
 *
 * There is no apply_many. Matching the pushes of a batch with its pops looks attractive, but a push
 * into a heap is cheap on average, so little is saved: measured with batches of 32 on a heap of a
 * million, five percent, while operations that come one by one lost a third to the path that
 * batches take.
 */
#include <base/heap.h>
#include <nr/pqueue.h>

#include "shared.h"

struct ranked {
    struct heap heap;
    struct party party;
};

enum op_kind { PUSH, POP, CLEAR };

/* Three words, so that an entry of the log has half a line. */
struct op {
    struct nr_item item;
    uint64_t kind; /* enum op_kind */
};

struct answer {
    struct nr_item item;
    enum nr_status status;
    uint32_t present; /* item was there */
};

enum query { PEEK, LEN };

static int ranked_init(struct ranked *queue, void *arg)
{
    struct shared *shared = arg;
    accord_join(&shared->accords[0], &queue->party);
    heap_init(&queue->heap, &queue->party.base);
    if (!heap_reserve(&queue->heap, (size_t)shared->options.reserve)) {
        (void)accord_leave(&queue->party);
        return NR_ENOMEM;
    }
    accord_begin(&queue->party);
    return NR_OK;
}

static void ranked_fini(struct ranked *queue)
{
    heap_clear(&queue->heap);
    (void)accord_leave(&queue->party);
}

static int ranked_clone(struct ranked *dst, const struct ranked *src, void *arg)
{
    (void)arg;
    if (!accord_join_as(&dst->party, &src->party))
        return NR_ENOMEM;
    if (!heap_clone(&dst->heap, &src->heap, &dst->party.base)) {
        (void)accord_leave(&dst->party);
        return NR_ENOMEM;
    }
    accord_begin(&dst->party);
    return NR_OK;
}

static struct answer ranked_apply(struct ranked *queue, const struct op *op)
{
    struct answer answer = {0};
    switch (op->kind) {
    case PUSH:
        if (!heap_push(&queue->heap, op->item.priority, op->item.value))
            answer.status = NR_ENOMEM;
        break;
    case POP:
        answer.present = heap_pop(&queue->heap, &answer.item.priority, &answer.item.value);
        answer.status = answer.present ? NR_OK : NR_EEMPTY;
        break;
    default:
        heap_clear(&queue->heap);
    }
    return answer;
}

static struct answer ranked_read(const struct ranked *queue, const enum query *query)
{
    struct answer answer = {0};
    if (*query == LEN) {
        answer.item.value = heap_count(&queue->heap);
    } else {
        answer.present = heap_peek(&queue->heap, &answer.item.priority, &answer.item.value);
        answer.status = answer.present ? NR_OK : NR_EEMPTY;
    }
    return answer;
}

NR_DEFINE(ranked, struct ranked, struct op, struct answer, enum query, struct answer);

/* ---- Interface
 * ----------------------------------------------------------------------------------- */

static struct shared *shared_of(struct nr_pqueue *pqueue)
{
    return (struct shared *)pqueue;
}

static struct ranked_thread *thread_of(struct nr_pqueue_thread *thread)
{
    return (struct ranked_thread *)thread;
}

/* Hands an answer to the caller. */
static enum nr_status give(struct answer answer, struct nr_item *item)
{
    if (answer.present && item)
        *item = answer.item;
    return answer.status;
}

enum nr_status nr_pqueue_create(const struct nr_config *config, const struct nr_options *options,
                                struct nr_pqueue **pqueue)
{
    struct shared *shared;
    enum nr_status status = shared_create(&ranked_type, config, options, &shared);
    *pqueue = (struct nr_pqueue *)shared;
    return status;
}

enum nr_status nr_pqueue_destroy(struct nr_pqueue *pqueue)
{
    return shared_destroy(shared_of(pqueue));
}

struct nr *nr_pqueue_instance(struct nr_pqueue *pqueue)
{
    return shared_of(pqueue)->nr;
}

enum nr_status nr_pqueue_register(struct nr_pqueue *pqueue, unsigned replica,
                                  struct nr_pqueue_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(pqueue)->nr, replica, &untyped);
    *thread = (struct nr_pqueue_thread *)untyped;
    return status;
}

void nr_pqueue_unregister(struct nr_pqueue_thread *thread)
{
    ranked_unregister(thread_of(thread));
}

enum nr_status nr_pqueue_push(struct nr_pqueue_thread *thread, struct nr_item item)
{
    return ranked_execute(thread_of(thread), &(struct op){item, PUSH}).status;
}

enum nr_status nr_pqueue_pop(struct nr_pqueue_thread *thread, struct nr_item *item)
{
    return give(ranked_execute(thread_of(thread), &(struct op){.kind = POP}), item);
}

enum nr_status nr_pqueue_peek(struct nr_pqueue_thread *thread, struct nr_item *item)
{
    return give(ranked_query(thread_of(thread), &(enum query){PEEK}), item);
}

uint64_t nr_pqueue_len(struct nr_pqueue_thread *thread)
{
    return ranked_query(thread_of(thread), &(enum query){LEN}).item.value;
}

void nr_pqueue_clear(struct nr_pqueue_thread *thread)
{
    (void)ranked_execute(thread_of(thread), &(struct op){.kind = CLEAR});
}

enum nr_status nr_pqueue_submit_push(struct nr_pqueue_thread *thread, struct nr_item item)
{
    return ranked_submit(thread_of(thread), &(struct op){item, PUSH});
}

enum nr_status nr_pqueue_submit_pop(struct nr_pqueue_thread *thread)
{
    return ranked_submit(thread_of(thread), &(struct op){.kind = POP});
}

enum nr_status nr_pqueue_collect(struct nr_pqueue_thread *thread, enum nr_status *outcome,
                                 struct nr_item *item)
{
    struct answer answer;
    enum nr_status status = ranked_collect(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = give(answer, item);
    return status;
}

enum nr_status nr_pqueue_poll(struct nr_pqueue_thread *thread, enum nr_status *outcome,
                              struct nr_item *item)
{
    struct answer answer;
    enum nr_status status = ranked_poll(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = give(answer, item);
    return status;
}
