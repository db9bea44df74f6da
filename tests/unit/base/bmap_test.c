// SPDX-License-Identifier: BSD-2-Clause
#include <base/bmap.h>

#include "support.h"

enum { SEED = 17 };

static struct bytes text(const char *s)
{
    return bytes_of(s, strlen(s));
}

static void assert_value(const struct bmap *map, struct bytes key, struct bytes want)
{
    struct bytes got;
    assert_true(bmap_get(map, key, &got));
    assert_int_equal(got.len, want.len);
    if (want.len)
        assert_memory_equal(got.data, want.data, want.len);
    assert_true(is_aligned((uintptr_t)got.data, 8));
}

static void byte_strings_have_a_total_order(void **state)
{
    (void)state;
    const struct bytes sorted[] = {bytes_of(NULL, 0), bytes_of("\0", 1), bytes_of("\0\0", 2),
                                   text("a"),         text("aa"),        text("ab"),
                                   text("b"),         text("\xff")};
    for (size_t i = 0; i < array_count(sorted); i++) {
        for (size_t j = 0; j < array_count(sorted); j++) {
            int order = bytes_compare(sorted[i], sorted[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(bytes_equal(sorted[i], sorted[j]), i == j);
        }
    }
}

static void keys_and_values_are_copied(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct bmap map;
    bmap_init(&map, &a.base, SEED);
    char key[] = "key", value[] = "value";
    struct bytes got;
    assert_false(bmap_get(&map, text(key), &got));
    assert_int_equal(a.calls, 0);
    assert_int_equal(bmap_put(&map, text(key), text(value)), PUT_ADDED);
    key[0] = value[0] = 'x';
    assert_false(bmap_get(&map, text(key), &got));
    assert_value(&map, text("key"), text("value"));

    char buf[3];
    size_t len;
    assert_true(bmap_copy(&map, text("key"), buf, sizeof buf, &len));
    assert_int_equal(len, 5);
    assert_memory_equal(buf, "val", 3);
    assert_true(bmap_copy(&map, text("key"), NULL, 0, &len));
    assert_int_equal(len, 5);
    assert_false(bmap_copy(&map, text("yek"), buf, sizeof buf, &len));
    bmap_fini(&map);
    test_alloc_assert_empty(&a);
}

static void empty_keys_and_values_are_legal(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct bmap map;
    bmap_init(&map, &a.base, SEED);
    struct bytes none = bytes_of(NULL, 0);
    assert_int_equal(bmap_put(&map, none, none), PUT_ADDED);
    assert_int_equal(bmap_put(&map, bytes_of("\0", 1), text("zero byte")), PUT_ADDED);
    assert_value(&map, none, none);
    assert_int_equal(bmap_put(&map, none, text("full")), PUT_REPLACED);
    assert_value(&map, none, text("full"));
    assert_value(&map, bytes_of("\0", 1), text("zero byte"));
    assert_true(bmap_remove(&map, none));
    assert_false(bmap_remove(&map, none));
    assert_int_equal(bmap_count(&map), 1);
    bmap_fini(&map);
    test_alloc_assert_empty(&a);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct bmap map;
    bmap_init(&map, &a.base, SEED);
    assert_int_equal(bmap_put(&map, text("k"), bytes_of("", SIZE_MAX - 8)), PUT_NO_MEMORY);
    assert_int_equal(a.calls, 0);
    bmap_fini(&map);
}

static void values_may_come_from_the_map_itself(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct bmap map;
    struct bytes lent;
    bmap_init(&map, &a.base, SEED);
    assert_int_equal(bmap_put(&map, text("k"), text("0123456789")), PUT_ADDED);
    assert_true(bmap_get(&map, text("k"), &lent));
    lent = bytes_of((const char *)lent.data + 2, 7); /* in place */
    assert_int_equal(bmap_put(&map, text("k"), lent), PUT_REPLACED);
    assert_value(&map, text("k"), text("2345678"));
    assert_true(bmap_get(&map, text("k"), &lent));
    lent.len = 1; /* in a new entry */
    assert_int_equal(bmap_put(&map, text("k"), lent), PUT_REPLACED);
    assert_value(&map, text("k"), text("2"));
    bmap_fini(&map);
    test_alloc_assert_empty(&a);
}

static void large_values_return_their_memory(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct bmap map;
    static char big[100000];
    bmap_init(&map, &a.base, SEED);
    assert_int_equal(bmap_put(&map, text("k"), bytes_of(big, sizeof big)), PUT_ADDED);
    test_alloc_fail(&a, 1, false);
    assert_int_equal(bmap_put(&map, text("k"), text("small")),
                     PUT_REPLACED); /* without memory too */
    assert_value(&map, text("k"), text("small"));
    assert_int_equal(bmap_put(&map, text("k"), text("small")), PUT_REPLACED);
    assert_true(a.live_bytes < 1000);
    bmap_fini(&map);
    test_alloc_assert_empty(&a);
}

/* ---- Properties -------------------------------------------------------------------------- */

enum { KEYS = 120, LONGEST = 40 };

struct model {
    unsigned char keys[KEYS][LONGEST];
    size_t key_len[KEYS];
    unsigned char values[KEYS][LONGEST];
    size_t value_len[KEYS];
    bool present[KEYS];
    size_t count;
};

/*
 * A third of the keys have one and the same hash: hash_bytes multiplies by the first word of a
 * string of 8 to 16 bytes, xored with a number that only the seed hides.
 */
static void model_init(struct model *model, struct rng *rng)
{
    uint64_t eraser = hash_u64(SEED ^ UINT64_C(0x9e3779b97f4a7c15));
    memset(model, 0, sizeof *model);
    for (unsigned i = 0; i < KEYS; i++) {
        for (unsigned b = 0; b < LONGEST; b++)
            model->keys[i][b] = (unsigned char)rng_next(rng);
        if (i % 3 == 0) {
            memcpy(model->keys[i], &eraser, sizeof eraser);
            model->keys[i][8] = (unsigned char)i;
            model->key_len[i] = 9 + i % 8;
        } else {
            model->keys[i][0] = (unsigned char)i;
            model->key_len[i] = 1 + rng_below(rng, LONGEST);
        }
    }
}

static struct bytes model_key(const struct model *model, size_t i)
{
    return bytes_of(model->keys[i], model->key_len[i]);
}

static void assert_model(const struct bmap *map, const struct model *model)
{
    assert_int_equal(bmap_count(map), model->count);
    for (size_t i = 0; i < KEYS; i++) {
        struct bytes value;
        assert_int_equal(bmap_get(map, model_key(model, i), &value), model->present[i]);
        if (model->present[i])
            assert_value(map, model_key(model, i), bytes_of(model->values[i], model->value_len[i]));
    }
    size_t count = 0;
    struct bmap_cursor cursor = {0};
    struct bytes key, value, again;
    while (bmap_next(map, &cursor, &key, &value)) {
        assert_true(bmap_get(map, key, &again));
        assert_ptr_equal(again.data, value.data);
        count++;
    }
    assert_int_equal(count, model->count);
}

/* One random operation on both; returns whether memory was refused. */
static bool step(struct bmap *map, struct model *model, struct rng *rng, unsigned bias)
{
    size_t i = rng_below(rng, KEYS);
    if (rng_below(rng, 256) < bias) {
        unsigned char value[LONGEST];
        size_t len = rng_below(rng, LONGEST);
        for (size_t b = 0; b < len; b++)
            value[b] = (unsigned char)rng_next(rng);
        enum put_result result = bmap_put(map, model_key(model, i), bytes_of(value, len));
        if (result == PUT_NO_MEMORY)
            return true;
        assert_int_equal(result, model->present[i] ? PUT_REPLACED : PUT_ADDED);
        model->count += !model->present[i];
        model->present[i] = true;
        memcpy(model->values[i], value, len);
        model->value_len[i] = len;
    } else if (rng_below(rng, 50) == 0) {
        return !bmap_shrink(map);
    } else {
        assert_int_equal(bmap_remove(map, model_key(model, i)), model->present[i]);
        model->count -= model->present[i];
        model->present[i] = false;
    }
    return false;
}

static unsigned wave(int i)
{
    return i / 300 % 2 ? 64 : 192;
}

static void assert_same_order(const struct bmap *a, const struct bmap *b)
{
    struct bmap_cursor ca = {0}, cb = {0};
    struct bytes ka, kb, va, vb;
    while (bmap_next(a, &ca, &ka, &va)) {
        assert_true(bmap_next(b, &cb, &kb, &vb));
        assert_true(bytes_equal(ka, kb));
        assert_true(bytes_equal(va, vb));
        assert_ptr_not_equal(ka.data, kb.data);
    }
    assert_false(bmap_next(b, &cb, &kb, &vb));
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    static struct model model;
    for (int round = 0; round < 20; round++) {
        struct bmap map, copy;
        model_init(&model, &rng);
        bmap_init(&map, &a.base, SEED);
        for (int i = 0; i < 1500; i++) {
            assert_false(step(&map, &model, &rng, wave(i)));
            if (i % 64 == 0)
                assert_model(&map, &model);
        }
        assert_true(bmap_clone(&copy, &map, &b.base));
        assert_same_order(&map, &copy);
        bmap_clear(&map);
        assert_int_equal(bmap_count(&map), 0);
        bmap_fini(&map);
        test_alloc_assert_empty(&a);
        assert_model(&copy, &model);
        bmap_fini(&copy);
        test_alloc_assert_empty(&b);
    }
}

/* The n-th allocation fails, for every n that a run has. A step that finds no memory tells so and
 * changes nothing (assert_model compares everything), and the map works on. */
static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make();
    static struct model model;
    size_t refused = 0, n;
    bool reached = true;
    for (n = 1; reached; n++) {
        struct rng run = rng;
        struct bmap map;
        model_init(&model, &run);
        bmap_init(&map, &a.base, SEED);
        test_alloc_fail(&a, n, false);
        for (int i = 0; i < 400; i++) {
            bool before = a.calls >= n;
            if (step(&map, &model, &run, wave(i))) {
                assert_true(!before && a.calls >= n);
                refused++;
            }
            if (!before && a.calls >= n)
                assert_model(&map, &model);
        }
        reached = a.calls >= n;
        assert_model(&map, &model);
        bmap_fini(&map);
        test_alloc_assert_empty(&a);
    }
    assert_true(n > 100);
    assert_true(refused > 50); /* the rest shrank a value in place */
}

static void a_failed_clone_is_empty_and_leaks_nothing(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    static struct model model;
    struct bmap map, copy;
    model_init(&model, &rng);
    bmap_init(&map, &a.base, SEED);
    for (int i = 0; i < 500; i++)
        assert_false(step(&map, &model, &rng, 250));
    for (size_t n = 1;; n++) {
        test_alloc_fail(&b, n, n % 2);
        bool ok = bmap_clone(&copy, &map, &b.base);
        assert_int_equal(ok, n == model.count + 2); /* index and entries */
        if (ok)
            break;
        test_alloc_assert_empty(&b);
        assert_int_equal(bmap_count(&copy), 0);
        test_alloc_fail(&b, 0, false);
        assert_int_equal(bmap_put(&copy, text("k"), text("v")), PUT_ADDED);
        bmap_fini(&copy);
    }
    assert_model(&copy, &model);
    assert_model(&map, &model);
    bmap_fini(&copy);
    bmap_fini(&map);
    test_alloc_assert_empty(&a);
    test_alloc_assert_empty(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_strings_have_a_total_order),
        cmocka_unit_test(keys_and_values_are_copied),
        cmocka_unit_test(empty_keys_and_values_are_legal),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(values_may_come_from_the_map_itself),
        cmocka_unit_test(large_values_return_their_memory),
        cmocka_unit_test(behaves_like_the_model),
        cmocka_unit_test(failed_allocations_change_nothing),
        cmocka_unit_test(a_failed_clone_is_empty_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
