// SPDX-License-Identifier: BSD-2-Clause
#include <base/bitmap.h>

#include "support.h"

enum { LARGEST = 300 };

struct model {
    bool bits[LARGEST];
    size_t size;
};

static size_t model_find(const struct model *model, size_t from, bool value)
{
    size_t i = from;
    while (i < model->size && model->bits[i] != value)
        i++;
    return min(i, model->size);
}

static size_t model_find_range(const struct model *model, size_t from, size_t n, size_t align)
{
    for (size_t i = align_up(from, align); i + n <= model->size; i += align) {
        if (model_find(model, i, true) >= i + n)
            return i;
    }
    return model->size;
}

static void assert_model(const struct bitmap *bitmap, const struct model *model)
{
    size_t count = 0, visited = 0;
    for (size_t i = 0; i < model->size; i++) {
        assert_int_equal(bitmap_test(bitmap, i), model->bits[i]);
        assert_int_equal(bitmap_find_set(bitmap, i), model_find(model, i, true));
        assert_int_equal(bitmap_find_clear(bitmap, i), model_find(model, i, false));
        count += model->bits[i];
    }
    assert_int_equal(bitmap_find_set(bitmap, model->size), model->size);
    assert_int_equal(bitmap_find_clear(bitmap, SIZE_MAX), model->size);
    assert_int_equal(bitmap_count(bitmap), count);
    bitmap_for_each (i, bitmap) {
        assert_true(model->bits[i]);
        visited++;
    }
    assert_int_equal(visited, count);
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 128, 200, LARGEST};
    struct rng rng = rng_start(__func__);
    for (size_t s = 0; s < array_count(sizes); s++) {
        struct model model = {.size = sizes[s]};
        uint64_t words[BITMAP_WORDS(LARGEST) + 1];
        struct bitmap bitmap;
        memset(words, 0xff, sizeof words);
        bitmap_init(&bitmap, words, model.size);
        assert_model(&bitmap, &model);
        for (int i = 0; i < 600 && model.size; i++) {
            size_t first = rng_below(&rng, model.size);
            size_t n = rng_below(&rng, min(model.size - first, (size_t)100) + 1);
            bool value = rng_below(&rng, 2);
            if (rng_below(&rng, 3) == 0) {
                n = 1;
                value ? bitmap_set(&bitmap, first) : bitmap_clear(&bitmap, first);
            } else {
                value ? bitmap_set_range(&bitmap, first, n) : bitmap_clear_range(&bitmap, first, n);
            }
            for (size_t b = first; b < first + n; b++)
                model.bits[b] = value;
            assert_model(&bitmap, &model);

            size_t want = 1 + rng_below(&rng, 90), align = (size_t)1 << rng_below(&rng, 7);
            size_t from = rng_below(&rng, model.size + 2);
            assert_int_equal(bitmap_find_clear_range(&bitmap, from, want, align),
                             model_find_range(&model, from, want, align));
        }
        assert_int_equal(words[BITMAP_WORDS(model.size)], UINT64_MAX); /* not ours */
    }
}

static void the_current_bit_may_be_cleared_in_a_loop(void **state)
{
    (void)state;
    uint64_t words[BITMAP_WORDS(200)];
    struct bitmap bitmap;
    bitmap_init(&bitmap, words, 200);
    bitmap_set_range(&bitmap, 0, 200);
    size_t next = 0;
    bitmap_for_each (i, &bitmap) {
        assert_int_equal(i, next++);
        bitmap_clear(&bitmap, i);
    }
    assert_int_equal(next, 200);
    assert_int_equal(bitmap_count(&bitmap), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_the_model),
        cmocka_unit_test(the_current_bit_may_be_cleared_in_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
