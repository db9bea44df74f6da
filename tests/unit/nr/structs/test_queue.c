// SPDX-License-Identifier: BSD-2-Clause
/* <nr/queue.h>: against a model in one thread; nothing lost, doubled or overtaken in several. */
#include <nr/queue.h>

#include "support.h"

enum { STEPS = 20000, WORK = 6000, PRODUCERS = 2, CONSUMERS = 2 };

/* The model: values are the numbers from 0 in order of their pushes. */
struct model {
    uint64_t pushed;
    uint64_t popped;
};

static void assert_equals_model(struct nr_queue_thread *thread, const struct model *model)
{
    uint64_t value = 0;
    uint64_t len = model->pushed - model->popped;
    assert_int_equal(nr_queue_len(thread), len);
    assert_int_equal(nr_queue_peek(thread, &value), len ? NR_OK : NR_EEMPTY);
    if (len)
        assert_int_equal(value, model->popped);
}

static void step(struct rng *rng, struct nr_queue_thread *thread, struct model *model,
                 bool may_refuse)
{
    uint64_t value = 0;
    uint64_t dice = rng_below(rng, 1000);
    if (dice < 520) {
        enum nr_status status = nr_queue_push(thread, model->pushed);
        assert_true(status == NR_OK || (status == NR_ENOMEM && may_refuse));
        model->pushed += status == NR_OK;
    } else if (dice < 998) {
        enum nr_status status = nr_queue_pop(thread, &value);
        assert_int_equal(status, model->pushed > model->popped ? NR_OK : NR_EEMPTY);
        if (status == NR_OK)
            assert_int_equal(value, model->popped++);
    } else {
        nr_queue_clear(thread);
        model->popped = model->pushed;
    }
}

static void run_against_model(struct rng *rng, unsigned replicas, uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct nr_queue *queue;
    struct nr_queue_thread *threads[3];
    struct model model = {0};
    assert_int_equal(nr_queue_create(&config, &options, &queue), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_queue_register(queue, i, &threads[i]), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    for (unsigned i = 0, at = 0; i < STEPS; i++) {
        if (rng_below(rng, 20) == 0)
            at = (unsigned)rng_below(rng, replicas);
        step(rng, threads[at], &model, refuse_one_in);
        if (rng_below(rng, 10) == 0)
            assert_equals_model(threads[rng_below(rng, replicas)], &model);
    }
    assert_int_equal(allocator.refused != 0, refuse_one_in != 0);
    for (unsigned i = 0; i < replicas; i++) {
        assert_equals_model(threads[i], &model);
        nr_queue_unregister(threads[i]);
    }
    assert_int_equal(nr_queue_destroy(queue), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void equals_a_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, 1, 0);
    run_against_model(&rng, 3, 0);
}

static void replicas_agree_when_memory_is_short(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    for (unsigned i = 0; i < 10; i++)
        run_against_model(&rng, 3, 2 + i % 5);
}

static void submissions_take_effect_in_order(void **state)
{
    (void)state;
    struct nr_config config = small_config(2, 1);
    struct nr_queue *queue;
    struct nr_queue_thread *me;
    enum nr_status outcome;
    uint64_t value = 0;
    assert_int_equal(nr_queue_create(&config, NULL, &queue), NR_OK);
    assert_int_equal(nr_queue_register(queue, 1, &me), NR_OK);
    for (uint64_t round = 0; round < 100; round++) {
        assert_int_equal(nr_queue_submit_pop(me), NR_OK);
        assert_int_equal(nr_queue_submit_push(me, round), NR_OK);
        assert_int_equal(nr_queue_submit_push(me, round + 1), NR_OK);
        assert_int_equal(nr_queue_submit_pop(me), NR_OK);
        assert_int_equal(nr_queue_submit_pop(me), NR_OK);
        static const enum nr_status expected[] = {NR_EEMPTY, NR_OK, NR_OK, NR_OK, NR_OK};
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(nr_queue_collect(me, &outcome, &value), NR_OK);
            assert_int_equal(outcome, expected[i]);
            if (i >= 3)
                assert_int_equal(value, round + i - 3);
        }
        assert_int_equal(nr_queue_poll(me, &outcome, &value), NR_EEMPTY);
    }
    assert_int_equal(nr_queue_destroy(queue), NR_EBUSY);
    nr_queue_unregister(me);
    assert_int_equal(nr_queue_destroy(queue), NR_OK);
}

static void reserved_room_needs_no_memory(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base, .reserve = 1000};
    struct nr_config config = small_config(2, 1);
    struct nr_queue *queue;
    struct nr_queue_thread *me;
    uint64_t n = 0;
    assert_int_equal(nr_queue_create(&config, &options, &queue), NR_OK);
    assert_int_equal(nr_queue_register(queue, 0, &me), NR_OK);
    allocator.refuse_one_in = 1;
    while (nr_queue_push(me, n) == NR_OK)
        n++;
    assert_true(n >= 1000);
    assert_int_equal(nr_queue_len(me), n);
    nr_queue_unregister(me);
    assert_int_equal(nr_queue_destroy(queue), NR_OK);
    test_allocator_assert_empty(&allocator);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_queue *queue;
    unsigned replicas;
    _Atomic unsigned producing;
    _Atomic uint64_t popped;
    _Atomic uint64_t sum;
};

static void produce(struct work *work, struct nr_queue_thread *me, uint64_t member)
{
    for (uint64_t i = 0; i < WORK; i++) {
        enum nr_status status;
        while ((status = nr_queue_push(me, member << 32 | i)) == NR_ENOMEM)
            ;
        check(status == NR_OK);
    }
    atomic_fetch_sub(&work->producing, 1);
}

/* The values of each producer come in its order. */
static void consume(struct work *work, struct nr_queue_thread *me)
{
    uint64_t next[PRODUCERS] = {0}, value, popped = 0, sum = 0;
    for (;;) {
        bool last = !atomic_load(&work->producing);
        enum nr_status status = nr_queue_pop(me, &value);
        if (status == NR_EEMPTY && last)
            break;
        if (status == NR_EEMPTY)
            continue;
        uint64_t from = value >> 32, number = value & 0xffffffff;
        check(from < PRODUCERS && number >= next[from]);
        next[from] = number + 1;
        popped++;
        sum += number;
    }
    atomic_fetch_add(&work->popped, popped);
    atomic_fetch_add(&work->sum, sum);
}

static void produce_or_consume(void *arg, unsigned member)
{
    struct work *work = arg;
    struct nr_queue_thread *me;
    unsigned replica = work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA;
    check(nr_queue_register(work->queue, replica, &me) == NR_OK);
    if (member < PRODUCERS)
        produce(work, me, member);
    else
        consume(work, me);
    nr_queue_unregister(me);
}

static void run_threads(struct rng rng, unsigned replicas, bool churn, uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct work work = {.replicas = churn ? 1 : replicas, .producing = PRODUCERS};
    struct team team;
    assert_int_equal(nr_queue_create(&config, &options, &work.queue), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, PRODUCERS + CONSUMERS, produce_or_consume, &work);
    if (churn)
        replicas_churn(nr_queue_instance(work.queue), &team, &rng);
    team_join(&team);
    assert_int_equal(work.popped, PRODUCERS * WORK);
    assert_int_equal(work.sum, PRODUCERS * (uint64_t)WORK * (WORK - 1) / 2);
    assert_int_equal(nr_queue_destroy(work.queue), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void threads_lose_and_overtake_nothing(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, false, 0);
    run_threads(rng, 2, false, 0);
}

static void replicas_come_and_go_during_use(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, true, 0);
    run_threads(rng, 2, true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_a_model),
        cmocka_unit_test(replicas_agree_when_memory_is_short),
        cmocka_unit_test(submissions_take_effect_in_order),
        cmocka_unit_test(reserved_room_needs_no_memory),
        cmocka_unit_test(threads_lose_and_overtake_nothing),
        cmocka_unit_test(replicas_come_and_go_during_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
