// SPDX-License-Identifier: BSD-2-Clause
#include <base/spsc.h>

#include "support.h"

#include <pthread.h>
#include <sched.h>

/* Larger than a word, so that half-written elements would show. */
struct element {
    uint64_t number;
    uint64_t twice;
    uint64_t inverted;
};

static struct element element_of(uint64_t number)
{
    return (struct element){number, 2 * number, ~number};
}

static bool is_element(const struct element *e, uint64_t number)
{
    return e->number == number && e->twice == 2 * number && e->inverted == ~number;
}

enum { CAPACITY = 8 };

struct fixture {
    struct spsc producer;
    struct spsc consumer;
    void *memory;
};

static struct fixture fixture_make(uint64_t start)
{
    struct fixture f;
    size_t bytes = spsc_bytes(CAPACITY, sizeof(struct element));
    assert_int_equal(posix_memalign(&f.memory, CACHE_APART, bytes), 0);
    memset(f.memory, 0, bytes);
    struct spsc_shared *shared = f.memory;
    atomic_store(&shared->head, start);
    atomic_store(&shared->tail, start);
    spsc_producer_init(&f.producer, f.memory, CAPACITY, sizeof(struct element));
    spsc_consumer_init(&f.consumer, f.memory, CAPACITY, sizeof(struct element));
    return f;
}

static void a_full_ring_refuses_and_an_empty_one_has_nothing(void **state)
{
    (void)state;
    struct fixture f = fixture_make(UINT64_MAX - 2); /* the indices wrap */
    struct element e;
    for (uint64_t round = 0; round < 5; round++) {
        assert_int_equal(spsc_available(&f.consumer, 1), 0);
        assert_false(spsc_pop(&f.consumer, &e));
        assert_int_equal(spsc_room(&f.producer, CAPACITY), CAPACITY);
        for (uint64_t i = 0; i < CAPACITY; i++) {
            e = element_of(round * CAPACITY + i);
            assert_true(spsc_push(&f.producer, &e));
        }
        assert_false(spsc_push(&f.producer, &e));
        assert_int_equal(spsc_room(&f.producer, 1), 0);
        assert_int_equal(spsc_available(&f.consumer, CAPACITY), CAPACITY);
        for (uint64_t i = 0; i < CAPACITY; i++) {
            assert_true(spsc_pop(&f.consumer, &e));
            assert_true(is_element(&e, round * CAPACITY + i));
        }
    }
    free(f.memory);
}

static void a_side_may_come_back(void **state)
{
    (void)state;
    struct fixture f = fixture_make(0);
    struct element e;
    for (uint64_t i = 0; i < 5; i++) {
        e = element_of(i);
        assert_true(spsc_push(&f.producer, &e));
    }
    assert_true(spsc_pop(&f.consumer, &e));
    spsc_producer_init(&f.producer, f.memory, CAPACITY, sizeof e);
    spsc_consumer_init(&f.consumer, f.memory, CAPACITY, sizeof e);
    assert_int_equal(spsc_room(&f.producer, 1), CAPACITY - 4);
    assert_int_equal(spsc_available(&f.consumer, 1), 4);
    assert_true(spsc_pop(&f.consumer, &e));
    assert_true(is_element(&e, 1));
    free(f.memory);
}

/* Whatever the other side writes into the indices, what a side may use stays within the slots. */
static void a_peer_cannot_lead_outside_the_slots(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct fixture f = fixture_make(rng_next(&rng));
    struct spsc_shared *shared = f.memory;
    const unsigned char *first = (unsigned char *)(shared + 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t lie = rng_next(&rng);
        if (rng_below(&rng, 2)) /* near the truth */
            lie = f.producer.own + rng_below(&rng, 40) - 20;
        bool producer = rng_below(&rng, 2);
        atomic_store(producer ? &shared->head : &shared->tail, lie);
        if (rng_below(&rng, 4) == 0) {
            spsc_producer_init(&f.producer, f.memory, CAPACITY, sizeof(struct element));
            spsc_consumer_init(&f.consumer, f.memory, CAPACITY, sizeof(struct element));
        }
        struct spsc *side = producer ? &f.producer : &f.consumer;
        uint64_t n = producer ? spsc_room(side, rng_below(&rng, 10))
                              : spsc_available(side, rng_below(&rng, 10));
        assert_true(n <= CAPACITY);
        for (uint64_t k = 0; k < n; k++) {
            size_t offset = (size_t)((unsigned char *)spsc_slot(side, k) - first);
            assert_int_equal(offset % sizeof(struct element), 0);
            assert_true(offset < CAPACITY * sizeof(struct element));
        }
        uint64_t use = n ? rng_below(&rng, n + 1) : 0;
        producer ? spsc_publish(side, use) : spsc_release(side, use);
    }
    free(f.memory);
}

enum { ELEMENTS = 200000 };

static void *produce(void *arg)
{
    struct spsc *p = arg;
    struct rng rng = {1};
    for (uint64_t next = 0; next < ELEMENTS;) {
        uint64_t n = min(1 + rng_below(&rng, CAPACITY), ELEMENTS - next);
        while (spsc_room(p, n) < n)
            sched_yield();
        for (uint64_t i = 0; i < n; i++)
            *(struct element *)spsc_slot(p, i) = element_of(next + i);
        spsc_publish(p, n);
        next += n;
    }
    return NULL;
}

static void elements_cross_between_threads_whole_and_in_order(void **state)
{
    (void)state;
    struct fixture f = fixture_make(0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, &f.producer), 0);
    uint64_t next = 0, wrong = 0;
    while (next < ELEMENTS) {
        uint64_t n = spsc_available(&f.consumer, 1);
        if (n == 0)
            sched_yield();
        for (uint64_t i = 0; i < n; i++)
            wrong += !is_element(spsc_slot(&f.consumer, i), next++);
        spsc_release(&f.consumer, n);
    }
    pthread_join(thread, NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(next, ELEMENTS);
    assert_int_equal(spsc_available(&f.consumer, 1), 0);
    free(f.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_refuses_and_an_empty_one_has_nothing),
        cmocka_unit_test(a_side_may_come_back),
        cmocka_unit_test(a_peer_cannot_lead_outside_the_slots),
        cmocka_unit_test(elements_cross_between_threads_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
