// SPDX-License-Identifier: BSD-2-Clause
/*
 * A ready-made structure: producers hand in values in batches and do not wait for each, consumers
 * take them out. Every thread works on the replica of its NUMA node, if there are as many replicas
 * as nodes.
 */
#include <nr/queue.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PRODUCERS = 2, CONSUMERS = 2, VALUES = 20000 };

static _Atomic unsigned producing = PRODUCERS;
static _Atomic unsigned long long sum;

/* NR_OK, or what one of the submitted pushes came to otherwise: NR_ENOMEM. */
static enum nr_status collect_all(struct nr_queue_thread *me)
{
    enum nr_status outcome, worst = NR_OK;
    while (nr_queue_collect(me, &outcome, NULL) == NR_OK) {
        if (outcome != NR_OK)
            worst = outcome;
    }
    return worst;
}

static void *produce(void *queue)
{
    struct nr_queue_thread *me;
    enum nr_status status = nr_queue_register(queue, NR_ANY_REPLICA, &me);
    if (status == NR_OK) {
        for (uint64_t value = 1; value <= VALUES && status == NR_OK; value++) {
            /* A full batch takes nothing more until its answers are collected. */
            while (nr_queue_submit_push(me, value) == NR_EAGAIN)
                status = collect_all(me);
        }
        nr_queue_unregister(me); /* completes the rest */
    }
    atomic_fetch_sub(&producing, 1);
    return status == NR_OK ? NULL : queue;
}

static void *consume(void *queue)
{
    struct nr_queue_thread *me;
    if (nr_queue_register(queue, NR_ANY_REPLICA, &me) != NR_OK)
        return queue;
    for (;;) {
        uint64_t value;
        unsigned still =
            atomic_load(&producing); /* before looking: then an empty queue stays empty */
        if (nr_queue_pop(me, &value) == NR_OK)
            atomic_fetch_add(&sum, value);
        else if (!still)
            break;
        else
            sched_yield();
    }
    nr_queue_unregister(me);
    return NULL;
}

int main(void)
{
    struct nr_config config = {.replicas = 2};
    struct nr_options options = {.reserve = 1000};
    struct nr_queue *queue;
    pthread_t threads[PRODUCERS + CONSUMERS];
    if (nr_queue_create(&config, &options, &queue) != NR_OK)
        return 1;
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++) {
        if (pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume, queue) != 0)
            return 1;
    }
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
        pthread_join(threads[i], NULL);
    printf("sum %llu\n", sum);
    return nr_queue_destroy(queue) != NR_OK ||
           sum != PRODUCERS * (unsigned long long)VALUES * (VALUES + 1) / 2;
}
