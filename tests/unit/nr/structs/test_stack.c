// SPDX-License-Identifier: BSD-2-Clause
/* <nr/stack.h>: against a model in one thread; nothing lost or doubled in several. */
#include <nr/stack.h>

#include "support.h"

enum { STEPS = 20000, WORK = 6000, THREADS = 4 };

struct model {
    uint64_t values[STEPS];
    uint64_t len;
};

static void assert_equals_model(struct nr_stack_thread *thread, const struct model *model)
{
    uint64_t value = 0;
    assert_int_equal(nr_stack_len(thread), model->len);
    assert_int_equal(nr_stack_peek(thread, &value), model->len ? NR_OK : NR_EEMPTY);
    if (model->len)
        assert_int_equal(value, model->values[model->len - 1]);
}

static void step(struct rng *rng, struct nr_stack_thread *thread, struct model *model,
                 bool may_refuse)
{
    uint64_t value = rng_next(rng);
    uint64_t dice = rng_below(rng, 1000);
    if (dice < 520) {
        enum nr_status status = nr_stack_push(thread, value);
        assert_true(status == NR_OK || (status == NR_ENOMEM && may_refuse));
        if (status == NR_OK)
            model->values[model->len++] = value;
    } else if (dice < 998) {
        enum nr_status status = nr_stack_pop(thread, &value);
        assert_int_equal(status, model->len ? NR_OK : NR_EEMPTY);
        if (status == NR_OK)
            assert_int_equal(value, model->values[--model->len]);
    } else {
        nr_stack_clear(thread);
        model->len = 0;
    }
}

static void run_against_model(struct rng *rng, unsigned replicas, uint64_t refuse_one_in)
{
    static struct model model;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct nr_stack *stack;
    struct nr_stack_thread *threads[3];
    model.len = 0;
    assert_int_equal(nr_stack_create(&config, &options, &stack), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_stack_register(stack, i, &threads[i]), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    for (unsigned i = 0, at = 0; i < STEPS; i++) {
        if (rng_below(rng, 20) == 0)
            at = (unsigned)rng_below(rng, replicas);
        step(rng, threads[at], &model, refuse_one_in);
        if (rng_below(rng, 10) == 0)
            assert_equals_model(threads[rng_below(rng, replicas)], &model);
    }
    assert_int_equal(allocator.refused != 0, refuse_one_in != 0);
    for (unsigned i = 0; i < replicas; i++)
        assert_equals_model(threads[i], &model);
    for (uint64_t value; model.len; model.len--) {
        assert_int_equal(nr_stack_pop(threads[model.len % replicas], &value), NR_OK);
        assert_int_equal(value, model.values[model.len - 1]);
    }
    for (unsigned i = 0; i < replicas; i++)
        nr_stack_unregister(threads[i]);
    assert_int_equal(nr_stack_destroy(stack), NR_OK);
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
    struct nr_stack *stack;
    struct nr_stack_thread *me;
    enum nr_status outcome;
    uint64_t value = 0;
    assert_int_equal(nr_stack_create(&config, NULL, &stack), NR_OK);
    assert_int_equal(nr_stack_register(stack, 1, &me), NR_OK);
    for (uint64_t round = 0; round < 100; round++) {
        assert_int_equal(nr_stack_submit_pop(me), NR_OK);
        assert_int_equal(nr_stack_submit_push(me, round), NR_OK);
        assert_int_equal(nr_stack_submit_push(me, round + 1), NR_OK);
        assert_int_equal(nr_stack_submit_pop(me), NR_OK);
        assert_int_equal(nr_stack_submit_pop(me), NR_OK);
        static const enum nr_status expected[] = {NR_EEMPTY, NR_OK, NR_OK, NR_OK, NR_OK};
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(nr_stack_collect(me, &outcome, &value), NR_OK);
            assert_int_equal(outcome, expected[i]);
            if (i >= 3)
                assert_int_equal(value, round + 4 - i);
        }
        assert_int_equal(nr_stack_poll(me, &outcome, &value), NR_EEMPTY);
    }
    assert_int_equal(nr_stack_destroy(stack), NR_EBUSY);
    nr_stack_unregister(me);
    assert_int_equal(nr_stack_destroy(stack), NR_OK);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_stack *stack;
    struct rng rng;
    unsigned replicas;
    _Atomic unsigned char seen[THREADS * WORK];
};

static void take(struct work *work, uint64_t value)
{
    check(value < THREADS * WORK);
    check(atomic_exchange(&work->seen[value], 1) == 0);
}

/* Pushes numbers of its own and pops as many of whoever's. */
static void push_and_pop(void *arg, unsigned member)
{
    struct work *work = arg;
    struct rng rng = {work->rng.state + member};
    struct nr_stack_thread *me;
    uint64_t value, pushed = 0, popped = 0;
    unsigned replica = work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA;
    check(nr_stack_register(work->stack, replica, &me) == NR_OK);
    while (popped < WORK) {
        if (pushed < WORK && (pushed == popped || rng_below(&rng, 2))) {
            pushed += nr_stack_push(me, member * WORK + pushed) == NR_OK;
        } else if (nr_stack_pop(me, &value) == NR_OK) {
            take(work, value);
            popped++;
        }
    }
    nr_stack_unregister(me);
}

static void run_threads(struct rng rng, unsigned replicas, bool churn, uint64_t refuse_one_in)
{
    static struct work work;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct team team;
    memset(&work, 0, sizeof work);
    work.rng = rng;
    work.replicas = churn ? 1 : replicas;
    assert_int_equal(nr_stack_create(&config, &options, &work.stack), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, THREADS, push_and_pop, &work);
    if (churn)
        replicas_churn(nr_stack_instance(work.stack), &team, &rng);
    team_join(&team);
    for (unsigned i = 0; i < THREADS * WORK; i++)
        assert_int_equal(work.seen[i], 1);
    assert_int_equal(nr_stack_destroy(work.stack), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void threads_lose_and_double_nothing(void **state)
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
        cmocka_unit_test(threads_lose_and_double_nothing),
        cmocka_unit_test(replicas_come_and_go_during_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
