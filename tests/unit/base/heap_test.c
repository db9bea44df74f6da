// SPDX-License-Identifier: BSD-2-Clause
#include <base/heap.h>

#include "support.h"

enum { LONGEST = 2000 };

/* The model: all entries in order of insertion; the first of those with the smallest priority is
 * next. */
struct model {
    uint64_t priorities[LONGEST];
    uint64_t values[LONGEST];
    size_t count;
};

static size_t model_first(const struct model *model)
{
    size_t first = 0;
    for (size_t i = 1; i < model->count; i++) {
        if (model->priorities[i] < model->priorities[first])
            first = i;
    }
    return first;
}

/* One random operation on both; returns whether memory was refused. Few priorities: many are equal.
 */
static bool step(struct heap *heap, struct model *model, struct rng *rng, unsigned bias)
{
    if (rng_below(rng, 256) < bias && model->count < LONGEST) {
        uint64_t value = rng_next(rng), priority = rng_below(rng, 20);
        if (priority == 19)
            priority = UINT64_MAX;
        if (!heap_push(heap, priority, value))
            return true;
        model->priorities[model->count] = priority;
        model->values[model->count++] = value;
        return false;
    }
    uint64_t priority = 0, value = 0, peeked_priority = 0, peeked_value = 0;
    bool some = model->count > 0;
    assert_int_equal(heap_peek(heap, &peeked_priority, &peeked_value), some);
    assert_int_equal(heap_pop(heap, &priority, &value), some);
    if (some) {
        size_t first = model_first(model);
        assert_int_equal(priority, model->priorities[first]);
        assert_int_equal(value, model->values[first]);
        assert_int_equal(priority, peeked_priority);
        assert_int_equal(value, peeked_value);
        model->count--;
        size_t rest = (model->count - first) * sizeof(uint64_t);
        memmove(&model->priorities[first], &model->priorities[first + 1], rest);
        memmove(&model->values[first], &model->values[first + 1], rest);
    }
    return false;
}

static void drain(struct heap *heap, struct model *model, struct rng *rng)
{
    while (model->count > 0)
        assert_false(step(heap, model, rng, 0));
    assert_int_equal(heap_count(heap), 0);
}

static unsigned wave(int i)
{
    return i / 300 % 2 ? 60 : 200;
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    static struct model model, model_of_copy;
    for (int round = 0; round < 10; round++) {
        struct heap heap, copy;
        model.count = 0;
        heap_init(&heap, &a.base);
        for (int i = 0; i < 2100; i++) {
            assert_false(step(&heap, &model, &rng, wave(i)));
            assert_int_equal(heap_count(&heap), model.count);
        }
        model_of_copy = model;
        assert_true(heap_clone(&copy, &heap, &b.base));
        drain(&heap, &model, &rng);
        heap_clear(&heap);
        test_alloc_assert_empty(&a);
        /* later entries come after earlier ones in the copy too */
        for (int i = 0; i < 100; i++)
            assert_false(step(&copy, &model_of_copy, &rng, 200));
        drain(&copy, &model_of_copy, &rng);
        heap_clear(&copy);
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
        struct heap heap;
        model.count = 0;
        heap_init(&heap, &a.base);
        test_alloc_fail(&a, n, false);
        met = false;
        for (int i = 0; i < 800; i++) {
            if (step(&heap, &model, &run, wave(i))) {
                assert_false(met);
                met = true;
                assert_int_equal(heap_count(&heap), model.count);
            }
        }
        drain(&heap, &model, &run);
        heap_clear(&heap);
        test_alloc_assert_empty(&a);
    }
    assert_true(n > 4);
}

static void reserving_prevents_later_allocation(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct heap heap, copy;
    heap_init(&heap, &a.base);
    assert_true(heap_clone(&copy, &heap, &a.base)); /* of an empty one: no memory */
    assert_int_equal(a.calls, 0);
    assert_false(heap_reserve(&heap, SIZE_MAX / 8));
    assert_true(heap_reserve(&heap, 100));
    test_alloc_fail(&a, 1, true);
    for (uint64_t i = 0; i < 100; i++)
        assert_true(heap_push(&heap, 100 - i, i));
    assert_false(heap_clone(&copy, &heap, &a.base));
    assert_int_equal(heap_count(&copy), 0);
    heap_clear(&heap);
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
