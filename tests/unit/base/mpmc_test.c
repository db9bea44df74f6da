// SPDX-License-Identifier: BSD-2-Clause
#include <base/mpmc.h>

#include "support.h"

#include <pthread.h>
#include <sched.h>

static void values_come_out_in_order_and_full_is_full(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct mpmc_cell cells[4];
    struct mpmc queue;
    mpmc_init(&queue, cells, array_count(cells));
    uint64_t in = 0, out = 0, value = 0;
    for (int i = 0; i < 2000; i++) {
        if (rng_below(&rng, 2)) {
            bool pushed = mpmc_push(&queue, in);
            assert_int_equal(pushed, in - out < 4);
            in += pushed;
        } else {
            bool sole = rng_below(&rng, 2);
            assert_int_equal(sole ? mpmc_pop_sole(&queue, &value) : mpmc_pop(&queue, &value),
                             in > out);
            if (in > out)
                assert_int_equal(value, out++);
        }
        assert_int_equal(mpmc_count(&queue), in - out);
    }
    assert_true(in > 100);
}

enum { PRODUCERS = 3, CONSUMERS = 3, VALUES = 30000 };

/* A value is its producer and its number there. */
struct shared {
    struct mpmc queue;
    struct mpmc_cell cells[8];
    _Atomic unsigned received;  /* values taken out by all consumers */
    _Atomic unsigned producers; /* hands out their numbers */
    bool sole;                  /* one consumer, mpmc_pop_sole */
};

struct consumer {
    struct shared *shared;
    unsigned char seen[PRODUCERS][VALUES];
    unsigned disorder; /* values of a producer that came out after later ones */
};

static void *produce(void *arg)
{
    struct shared *shared = arg;
    uint64_t self = atomic_fetch_add(&shared->producers, 1);
    for (uint64_t i = 0; i < VALUES; i++) {
        while (!mpmc_push(&shared->queue, self << 32 | i))
            sched_yield();
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct consumer *consumer = arg;
    struct shared *shared = consumer->shared;
    uint64_t next[PRODUCERS] = {0};
    while (atomic_load(&shared->received) < PRODUCERS * VALUES) {
        uint64_t value;
        if (!(shared->sole ? mpmc_pop_sole(&shared->queue, &value)
                           : mpmc_pop(&shared->queue, &value))) {
            sched_yield();
            continue;
        }
        uint64_t producer = value >> 32, number = value & UINT32_MAX;
        atomic_fetch_add(&shared->received, 1);
        consumer->disorder += number < next[producer];
        consumer->seen[producer][number]++;
        next[producer] = number + 1;
    }
    return NULL;
}

/* Every value comes out exactly once, and those of one producer in order at each consumer. */
static void run_threads(unsigned consumers, bool sole)
{
    static struct shared shared;
    static struct consumer state[CONSUMERS];
    pthread_t threads[PRODUCERS + CONSUMERS];
    memset(state, 0, sizeof state);
    mpmc_init(&shared.queue, shared.cells, array_count(shared.cells));
    atomic_store(&shared.received, 0);
    atomic_store(&shared.producers, 0);
    shared.sole = sole;
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &shared), 0);
    for (unsigned i = 0; i < consumers; i++) {
        state[i].shared = &shared;
        assert_int_equal(pthread_create(&threads[PRODUCERS + i], NULL, consume, &state[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS + consumers; i++)
        pthread_join(threads[i], NULL);

    for (unsigned c = 0; c < consumers; c++)
        assert_int_equal(state[c].disorder, 0);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        for (unsigned i = 0; i < VALUES; i++) {
            unsigned seen = 0;
            for (unsigned c = 0; c < consumers; c++)
                seen += state[c].seen[p][i];
            assert_int_equal(seen, 1);
        }
    }
}

static void many_producers_and_consumers_lose_nothing(void **state)
{
    (void)state;
    run_threads(CONSUMERS, false);
}

static void many_producers_and_one_consumer_lose_nothing(void **state)
{
    (void)state;
    run_threads(1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_in_order_and_full_is_full),
        cmocka_unit_test(many_producers_and_consumers_lose_nothing),
        cmocka_unit_test(many_producers_and_one_consumer_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
