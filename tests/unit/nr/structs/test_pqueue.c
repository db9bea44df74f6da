// SPDX-License-Identifier: BSD-2-Clause
/* <nr/pqueue.h>: against a model in one thread; nothing lost or doubled, and order kept, in
 * several. */
#include <nr/pqueue.h>

#include "support.h"

enum { STEPS = 10000, WORK = 4000, THREADS = 4 };

/* All items in order of arrival, priority above all; taken ones are marked. */
struct model {
    struct nr_item items[STEPS];
    bool taken[STEPS];
    uint64_t n, first;
    uint64_t len;
};

/* The index of the first item, the model's n if there is none. */
static uint64_t model_first(const struct model *model)
{
    uint64_t best = model->n;
    for (uint64_t i = model->first; i < model->n; i++) {
        if (!model->taken[i] &&
            (best == model->n || model->items[i].priority < model->items[best].priority))
            best = i;
    }
    return best;
}

static void model_take(struct model *model, uint64_t i)
{
    model->taken[i] = true;
    model->len--;
    while (model->first < model->n && model->taken[model->first])
        model->first++;
}

static void assert_item(const struct nr_item *item, const struct nr_item *expected)
{
    assert_int_equal(item->priority, expected->priority);
    assert_int_equal(item->value, expected->value);
}

static void assert_equals_model(struct nr_pqueue_thread *thread, const struct model *model)
{
    struct nr_item item;
    uint64_t first = model_first(model);
    assert_int_equal(nr_pqueue_len(thread), model->len);
    assert_int_equal(nr_pqueue_peek(thread, &item), model->len ? NR_OK : NR_EEMPTY);
    if (model->len)
        assert_item(&item, &model->items[first]);
}

static void step(struct rng *rng, struct nr_pqueue_thread *thread, struct model *model,
                 bool may_refuse)
{
    struct nr_item item = {rng_below(rng, 20), model->n};
    uint64_t dice = rng_below(rng, 1000);
    if (dice < 520) {
        enum nr_status status = nr_pqueue_push(thread, item);
        assert_true(status == NR_OK || (status == NR_ENOMEM && may_refuse));
        if (status != NR_OK)
            return;
        model->items[model->n++] = item;
        model->len++;
    } else if (dice < 998) {
        enum nr_status status = nr_pqueue_pop(thread, &item);
        assert_int_equal(status, model->len ? NR_OK : NR_EEMPTY);
        if (status != NR_OK)
            return;
        uint64_t first = model_first(model);
        assert_item(&item, &model->items[first]);
        model_take(model, first);
    } else {
        nr_pqueue_clear(thread);
        model->first = model->n;
        model->len = 0;
    }
}

static void run_against_model(struct rng *rng, unsigned replicas, uint64_t refuse_one_in)
{
    static struct model model;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct nr_pqueue *pqueue;
    struct nr_pqueue_thread *threads[3];
    memset(&model, 0, sizeof model);
    assert_int_equal(nr_pqueue_create(&config, &options, &pqueue), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_pqueue_register(pqueue, i, &threads[i]), NR_OK);
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
        nr_pqueue_unregister(threads[i]);
    }
    assert_int_equal(nr_pqueue_destroy(pqueue), NR_OK);
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
    struct nr_pqueue *pqueue;
    struct nr_pqueue_thread *me;
    enum nr_status outcome;
    struct nr_item item = {0};
    assert_int_equal(nr_pqueue_create(&config, NULL, &pqueue), NR_OK);
    assert_int_equal(nr_pqueue_register(pqueue, 1, &me), NR_OK);
    for (uint64_t round = 0; round < 100; round++) {
        assert_int_equal(nr_pqueue_submit_pop(me), NR_OK);
        assert_int_equal(nr_pqueue_submit_push(me, (struct nr_item){7, round}), NR_OK);
        assert_int_equal(nr_pqueue_submit_push(me, (struct nr_item){7, round + 1}), NR_OK);
        assert_int_equal(nr_pqueue_submit_push(me, (struct nr_item){6, round + 2}), NR_OK);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(nr_pqueue_submit_pop(me), NR_OK);
        static const uint64_t order[] = {2, 0, 1};
        for (unsigned i = 0; i < 7; i++) {
            assert_int_equal(nr_pqueue_collect(me, &outcome, &item), NR_OK);
            assert_int_equal(outcome, i ? NR_OK : NR_EEMPTY);
            if (i >= 4)
                assert_int_equal(item.value, round + order[i - 4]);
        }
        assert_int_equal(nr_pqueue_poll(me, &outcome, &item), NR_EEMPTY);
    }
    assert_int_equal(nr_pqueue_destroy(pqueue), NR_EBUSY);
    nr_pqueue_unregister(me);
    assert_int_equal(nr_pqueue_destroy(pqueue), NR_OK);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_pqueue *pqueue;
    struct rng rng;
    unsigned replicas;
    _Atomic unsigned char seen[THREADS * WORK];
};

/* Pushes numbers of its own, ascending within each of two priorities, and pops as many of
 * whoever's: of one thread's numbers with one priority it sees ascending ones. */
static void push_and_pop(void *arg, unsigned member)
{
    struct work *work = arg;
    struct rng rng = {work->rng.state + member};
    struct nr_pqueue_thread *me;
    struct nr_item item;
    uint64_t pushed = 0, popped = 0, next[THREADS][2] = {0};
    unsigned replica = work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA;
    check(nr_pqueue_register(work->pqueue, replica, &me) == NR_OK);
    while (popped < WORK) {
        if (pushed < WORK && (pushed == popped || rng_below(&rng, 2))) {
            item = (struct nr_item){rng_below(&rng, 2), member * WORK + pushed};
            pushed += nr_pqueue_push(me, item) == NR_OK;
        } else if (nr_pqueue_pop(me, &item) == NR_OK) {
            check(item.value < THREADS * WORK && item.priority < 2);
            check(atomic_exchange(&work->seen[item.value], 1) == 0);
            uint64_t *least = &next[item.value / WORK][item.priority];
            check(item.value >= *least);
            *least = item.value + 1;
            popped++;
        }
    }
    nr_pqueue_unregister(me);
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
    assert_int_equal(nr_pqueue_create(&config, &options, &work.pqueue), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, THREADS, push_and_pop, &work);
    if (churn)
        replicas_churn(nr_pqueue_instance(work.pqueue), &team, &rng);
    team_join(&team);
    for (unsigned i = 0; i < THREADS * WORK; i++)
        assert_int_equal(work.seen[i], 1);
    assert_int_equal(nr_pqueue_destroy(work.pqueue), NR_OK);
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
