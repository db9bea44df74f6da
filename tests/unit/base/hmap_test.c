// SPDX-License-Identifier: BSD-2-Clause
#include <base/hmap.h>

#include "support.h"

/* ---- Helpers ----------------------------------------------------------------------------- */

static size_t slots_of(const struct hmap *map)
{
    return map->mask / sizeof(struct hmap_slot) + 1;
}

/* How many slots behind its home an entry lies. */
static size_t displacement(const struct hmap *map, size_t slot)
{
    size_t home = hmap_home(map, map->slots[slot].key) / sizeof(struct hmap_slot);
    return (slot - home) % slots_of(map);
}

/* Every entry is reachable from its home, and the counters are right. */
static void assert_sound(const struct hmap *map)
{
    size_t used = 0;
    for (size_t i = 0; i < slots_of(map); i++) {
        if (!map->slots[i].key)
            continue;
        used++;
        for (size_t d = displacement(map, i); d > 0; d--)
            assert_int_not_equal(map->slots[(i - d) % slots_of(map)].key, 0);
        assert_ptr_equal(hmap_find(map, map->slots[i].key), &map->slots[i].value);
    }
    assert_int_equal(used, map->used);
    assert_true(map->used <= map->limit);
}

static double mean_displacement(const struct hmap *map)
{
    size_t sum = 0;
    for (size_t i = 0; i < slots_of(map); i++) {
        if (map->slots[i].key)
            sum += displacement(map, i);
    }
    return (double)sum / (double)max(map->used, (size_t)1);
}

static void assert_equal_maps(const struct hmap *a, const struct hmap *b)
{
    assert_int_equal(hmap_count(a), hmap_count(b));
    size_t ca = 0, cb = 0;
    uint64_t ka, kb, va, vb;
    while (hmap_next(a, &ca, &ka, &va)) {
        assert_true(hmap_next(b, &cb, &kb, &vb));
        assert_int_equal(ka, kb);
        assert_int_equal(va, vb);
    }
    assert_false(hmap_next(b, &cb, &kb, &vb));
}

/* ---- Examples ---------------------------------------------------------------------------- */

static void an_empty_map_allocates_nothing(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct hmap map;
    hmap_init(&map, &a.base);
    uint64_t value;
    size_t cursor = 0;
    assert_false(hmap_get(&map, 0, &value));
    assert_false(hmap_get(&map, 1, &value));
    assert_false(hmap_remove(&map, UINT64_MAX, NULL));
    assert_false(hmap_next(&map, &cursor, &value, &value));
    hmap_clear(&map);
    assert_true(hmap_shrink(&map));
    assert_int_equal(hmap_count(&map), 0);
    assert_int_equal(a.calls, 0);
    hmap_fini(&map);
}

static void put_tells_what_it_replaced(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct hmap map;
    hmap_init(&map, &a.base);
    const uint64_t keys[] = {0, 1, UINT64_MAX};
    for (size_t i = 0; i < array_count(keys); i++) {
        uint64_t old = 99, value = 0;
        assert_int_equal(hmap_put(&map, keys[i], 10, &old), PUT_ADDED);
        assert_int_equal(old, 99);
        assert_int_equal(hmap_put(&map, keys[i], 20, &old), PUT_REPLACED);
        assert_int_equal(old, 10);
        assert_int_equal(hmap_put(&map, keys[i], 0, NULL), PUT_REPLACED);
        assert_true(hmap_get(&map, keys[i], &value));
        assert_int_equal(value, 0);
        *hmap_find(&map, keys[i]) = 7;
        assert_int_equal(hmap_count(&map), i + 1);
    }
    for (size_t i = 0; i < array_count(keys); i++) {
        uint64_t old = 0;
        assert_true(hmap_remove(&map, keys[i], &old));
        assert_int_equal(old, 7);
        assert_false(hmap_remove(&map, keys[i], &old));
        assert_null(hmap_find(&map, keys[i]));
    }
    assert_int_equal(hmap_count(&map), 0);
    hmap_fini(&map);
    test_alloc_assert_empty(&a);
}

static void reserving_prevents_later_allocation(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct hmap map;
    for (size_t n = 1; n < 200; n++) {
        hmap_init(&map, &a.base);
        assert_true(hmap_reserve(&map, n));
        size_t calls = a.calls;
        for (size_t k = 1; k <= n; k++)
            assert_int_equal(hmap_put(&map, k, k, NULL), PUT_ADDED);
        assert_int_equal(a.calls, calls);
        hmap_fini(&map);
    }
    hmap_init(&map, &a.base);
    assert_false(hmap_reserve(&map, SIZE_MAX));
    assert_false(hmap_reserve(&map, SIZE_MAX / 32));
    hmap_fini(&map);
    test_alloc_assert_empty(&a);
}

static void shrinking_returns_memory(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct hmap map;
    hmap_init(&map, &a.base);
    for (uint64_t k = 0; k < 1000; k++)
        assert_int_equal(hmap_put(&map, k, k, NULL), PUT_ADDED);
    size_t full = a.live_bytes;
    for (uint64_t k = 10; k < 1000; k++)
        assert_true(hmap_remove(&map, k, NULL));
    assert_int_equal(a.live_bytes, full);

    test_alloc_fail(&a, 1, false);
    assert_false(hmap_shrink(&map));
    assert_int_equal(a.live_bytes, full);
    assert_true(hmap_shrink(&map));
    assert_true(a.live_bytes <= 32 * sizeof(struct hmap_slot));
    assert_sound(&map);
    for (uint64_t k = 0; k < 10; k++)
        assert_int_equal(*hmap_find(&map, k), k);

    hmap_clear(&map);
    assert_int_equal(hmap_count(&map), 0);
    assert_null(hmap_find(&map, 0));
    assert_null(hmap_find(&map, 5));
    assert_true(hmap_shrink(&map));
    test_alloc_assert_empty(&a);
    assert_int_equal(hmap_put(&map, 5, 1, NULL), PUT_ADDED);
    hmap_fini(&map);
    test_alloc_assert_empty(&a);
}

/* ---- Spread ------------------------------------------------------------------------------ */

/* Numbers, pointers and page addresses need no more probes than random keys would: at 3/4 load an
 * entry of linear probing lies (1 / (1 - 3/4) - 1) / 2 = 1.5 slots from home on average. */
static void progressions_spread_well(void **state)
{
    (void)state;
    static const unsigned shifts[] = {0, 3, 4, 6, 12};
    struct test_alloc a = test_alloc_make();
    for (size_t s = 0; s < array_count(shifts); s++) {
        for (unsigned bits = 4; bits <= 18; bits++) {
            struct hmap map;
            hmap_init(&map, &a.base);
            uint64_t n = (UINT64_C(3) << bits) / 4;
            for (uint64_t k = 1; k <= n; k++)
                assert_int_equal(hmap_put(&map, k << shifts[s], k, NULL), PUT_ADDED);
            assert_int_equal(map.used, map.limit);
            assert_true(mean_displacement(&map) <= 1.5);
            hmap_fini(&map);
        }
    }
}

/* Filling a map in the order of iteration of a larger one does not pile entries up. */
static void order_of_iteration_is_harmless(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make();
    struct hmap from, to;
    hmap_init(&from, &a.base);
    hmap_init(&to, &a.base);
    while (from.used < 40000)
        assert_int_equal(hmap_put(&from, rng_next(&rng), 1, NULL), PUT_ADDED);

    size_t cursor = 0;
    uint64_t key, value;
    while (hmap_next(&from, &cursor, &key, &value)) {
        assert_int_equal(hmap_put(&to, key, value, NULL), PUT_ADDED);
        if (to.used == to.limit && to.used > 500)
            assert_true(mean_displacement(&to) < 3);
    }
    hmap_fini(&from);
    hmap_fini(&to);
    test_alloc_assert_empty(&a);
}

/* ---- Properties -------------------------------------------------------------------------- */

enum { KEYS = 300 };

/* The model: a table indexed by the number of the key. */
struct model {
    uint64_t keys[KEYS];
    uint64_t values[KEYS];
    bool present[KEYS];
    size_t count;
};

/* Numbers, multiples of large powers of two (their homes coincide) and random keys. */
static void model_init(struct model *model, struct rng *rng)
{
    *model = (struct model){0};
    for (uint64_t i = 0; i < KEYS; i++)
        model->keys[i] = i % 3 == 0 ? i : i % 3 == 1 ? i << 56 | i >> 1 << 40 : rng_next(rng);
}

static void assert_model(const struct hmap *map, const struct model *model)
{
    assert_int_equal(hmap_count(map), model->count);
    for (size_t i = 0; i < KEYS; i++) {
        uint64_t value = 0;
        assert_int_equal(hmap_get(map, model->keys[i], &value), model->present[i]);
        if (model->present[i])
            assert_int_equal(value, model->values[i]);
    }
    assert_sound(map);
}

/* One random operation on both; `bias` of 256 steps add. Returns whether memory was refused. */
static bool step(struct hmap *map, struct model *model, struct rng *rng, unsigned bias)
{
    size_t i = rng_below(rng, KEYS);
    uint64_t key = model->keys[i], old = 0;
    if (rng_below(rng, 256) < bias) {
        uint64_t value = rng_next(rng);
        enum put_result result = hmap_put(map, key, value, &old);
        if (result == PUT_NO_MEMORY)
            return true;
        assert_int_equal(result, model->present[i] ? PUT_REPLACED : PUT_ADDED);
        if (result == PUT_REPLACED)
            assert_int_equal(old, model->values[i]);
        model->count += !model->present[i];
        model->present[i] = true;
        model->values[i] = value;
    } else if (rng_below(rng, 100) == 0) {
        return !hmap_shrink(map);
    } else {
        assert_int_equal(hmap_remove(map, key, &old), model->present[i]);
        if (model->present[i])
            assert_int_equal(old, model->values[i]);
        model->count -= model->present[i];
        model->present[i] = false;
    }
    return false;
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make();
    static struct model model;
    for (int round = 0; round < 40; round++) {
        struct hmap map, copy;
        model_init(&model, &rng);
        hmap_init(&map, &a.base);
        for (int i = 0; i < 3000; i++) {
            /* waves of growing and shrinking */
            assert_false(step(&map, &model, &rng, i / 500 % 2 ? 64 : 192));
            if (i % 64 == 0)
                assert_model(&map, &model);
        }
        assert_model(&map, &model);
        assert_true(hmap_clone(&copy, &map, &a.base));
        hmap_clear(&map);
        assert_model(&copy, &model);
        hmap_fini(&map);
        hmap_fini(&copy);
    }
    test_alloc_assert_empty(&a);
}

/* The n-th allocation fails, for every n that a run has: the step that met it changed nothing, and
 * the map works on. */
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
        struct hmap map, before;
        model_init(&model, &run);
        hmap_init(&map, &a.base);
        test_alloc_fail(&a, n, false);
        met = false;
        for (int i = 0; i < 1500; i++) {
            if (!met && a.calls == n - 1) { /* only now may the step fail */
                struct test_alloc other = test_alloc_make();
                assert_true(hmap_clone(&before, &map, &other.base));
                met = step(&map, &model, &run, i / 500 % 2 ? 64 : 192);
                if (met) {
                    assert_equal_maps(&before, &map);
                    assert_model(&map, &model);
                }
                hmap_fini(&before);
                test_alloc_assert_empty(&other);
            } else {
                assert_false(step(&map, &model, &run, i / 500 % 2 ? 64 : 192));
            }
        }
        assert_model(&map, &model);
        hmap_fini(&map);
        test_alloc_assert_empty(&a);
    }
    assert_true(n > 6); /* the runs did grow */
}

static void a_failed_clone_is_empty(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    struct hmap map, copy;
    hmap_init(&map, &a.base);
    for (uint64_t k = 0; k < 100; k++)
        assert_int_equal(hmap_put(&map, k, k, NULL), PUT_ADDED);
    test_alloc_fail(&b, 1, false);
    assert_false(hmap_clone(&copy, &map, &b.base));
    test_alloc_assert_empty(&b);
    assert_int_equal(hmap_count(&copy), 0);
    assert_int_equal(hmap_put(&copy, 3, 3, NULL), PUT_ADDED);
    hmap_fini(&copy);

    assert_true(hmap_clone(&copy, &map, &b.base));
    assert_equal_maps(&map, &copy);
    hmap_fini(&copy);
    test_alloc_assert_empty(&b);
    hmap_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_allocates_nothing),
        cmocka_unit_test(put_tells_what_it_replaced),
        cmocka_unit_test(reserving_prevents_later_allocation),
        cmocka_unit_test(shrinking_returns_memory),
        cmocka_unit_test(progressions_spread_well),
        cmocka_unit_test(order_of_iteration_is_harmless),
        cmocka_unit_test(behaves_like_the_model),
        cmocka_unit_test(failed_allocations_change_nothing),
        cmocka_unit_test(a_failed_clone_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
