// SPDX-License-Identifier: BSD-2-Clause
#include <base/fifo.h>

#include "support.h"

enum { LONGEST = 4000 };

/* The model: a window in an array, starting in the middle. */
struct model {
    uint64_t values[2 * LONGEST];
    size_t first;
    size_t count;
};

static void assert_model(const struct fifo *fifo, const struct model *model)
{
    assert_int_equal(fifo_count(fifo), model->count);
    for (size_t i = 0; i < model->count; i++)
        assert_int_equal(*fifo_at(fifo, i), model->values[model->first + i]);
}

/* One random operation on both; returns whether memory was refused. */
static bool step(struct fifo *fifo, struct model *model, struct rng *rng, unsigned bias)
{
    uint64_t value = rng_next(rng), got = 0;
    bool front = rng_below(rng, 2), some = model->count > 0;
    if (rng_below(rng, 256) < bias) {
        if (!(front ? fifo_push_front(fifo, value) : fifo_push_back(fifo, value)))
            return true;
        if (front)
            model->values[--model->first] = value;
        else
            model->values[model->first + model->count] = value;
        model->count++;
        return false;
    }
    assert_int_equal(front ? fifo_pop_front(fifo, &got) : fifo_pop_back(fifo, &got), some);
    if (some) {
        model->count--;
        assert_int_equal(got, model->values[model->first + (front ? 0 : model->count)]);
        model->first += front;
    }
    return false;
}

static unsigned wave(int i)
{
    return i / 400 % 2 ? 70 : 186;
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    static struct model model;
    for (int round = 0; round < 30; round++) {
        struct fifo fifo, copy;
        uint64_t value;
        model.first = LONGEST;
        model.count = 0;
        fifo_init(&fifo, &a.base);
        assert_false(fifo_pop_front(&fifo, &value));
        assert_false(fifo_pop_back(&fifo, &value));
        for (int i = 0; i < LONGEST - 1; i++) {
            assert_false(step(&fifo, &model, &rng, wave(i)));
            if (i % 32 == 0)
                assert_model(&fifo, &model);
        }
        assert_true(fifo_clone(&copy, &fifo, &b.base));
        assert_int_equal(copy.capacity, fifo.capacity);
        fifo_clear(&fifo);
        assert_int_equal(fifo_count(&fifo), 0);
        test_alloc_assert_empty(&a);
        assert_model(&copy, &model);
        fifo_clear(&copy);
        test_alloc_assert_empty(&b);
    }
}

static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make();
    static struct model model;
    bool met = true;
    size_t n;
    for (n = 1; met; n++) {
        struct rng run = rng;
        struct fifo fifo;
        model.first = LONGEST;
        model.count = 0;
        fifo_init(&fifo, &a.base);
        test_alloc_fail(&a, n, false);
        met = false;
        for (int i = 0; i < 800; i++) {
            if (step(&fifo, &model, &run, wave(i))) {
                assert_false(met);
                met = true;
                assert_model(&fifo, &model);
            }
        }
        assert_model(&fifo, &model);
        fifo_clear(&fifo);
        test_alloc_assert_empty(&a);
    }
    assert_true(n > 4);
}

static void reserving_prevents_later_allocation(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct fifo fifo, copy;
    fifo_init(&fifo, &a.base);
    assert_true(fifo_clone(&copy, &fifo, &a.base)); /* of an empty one: no memory */
    assert_int_equal(a.calls, 0);
    assert_false(fifo_reserve(&fifo, SIZE_MAX));
    assert_false(fifo_reserve(&fifo, SIZE_MAX / 4));
    assert_true(fifo_reserve(&fifo, 100));
    test_alloc_fail(&a, 1, true);
    for (uint64_t i = 0; i < 100; i++)
        assert_true(fifo_push_back(&fifo, i));
    assert_false(fifo_clone(&copy, &fifo, &a.base));
    assert_int_equal(fifo_count(&copy), 0);
    fifo_clear(&fifo);
    test_alloc_assert_empty(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_the_model),
        cmocka_unit_test(failed_allocations_change_nothing),
        cmocka_unit_test(reserving_prevents_later_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
