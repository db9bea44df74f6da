// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

static void rounding_keeps_multiples_and_reaches_the_next(void **state)
{
    (void)state;
    assert_int_equal(align_up(0, 4096), 0);
    assert_int_equal(align_up(1, 4096), 4096);
    assert_int_equal(align_up(4096, 4096), 4096);
    assert_int_equal(align_up(UINT64_MAX, 4096), 0);
    assert_int_equal(align_down(4095, 4096), 0);
    assert_int_equal(align_down(UINT64_MAX, 4096), UINT64_MAX - 4095);
    assert_true(is_aligned(8192, 4096));
    assert_false(is_aligned(8200, 16));
    assert_int_equal(div_round_up(0, 7), 0);
    assert_int_equal(div_round_up(14, 7), 2);
    assert_int_equal(div_round_up(15, 7), 3);
    assert_int_equal(div_round_up(UINT64_MAX, 2), UINT64_C(1) << 63);
}

static void logarithms_agree_with_counting(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t p = UINT64_C(1) << i;
        assert_int_equal(log2_floor(p), i);
        assert_int_equal(log2_ceil(p), i);
        assert_int_equal(pow2_ceil(p), p);
        assert_true(is_pow2(p));
        if (i > 1) {
            assert_int_equal(log2_floor(p - 1), i - 1);
            assert_int_equal(log2_ceil(p - 1), i);
            assert_int_equal(pow2_ceil(p - 1), p);
            assert_false(is_pow2(p - 1));
        }
        if (i > 0 && i < 63) {
            assert_int_equal(log2_ceil(p + 1), i + 1);
            assert_int_equal(pow2_ceil(p + 1), p << 1);
        }
    }
    assert_false(is_pow2(0));
    assert_int_equal(pow2_ceil(0), 1);
    assert_int_equal(pow2_ceil((UINT64_C(1) << 63) + 1), 0);
}

static void bits_are_counted_and_found(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    assert_int_equal(bit_count(0), 0);
    assert_int_equal(bit_count(UINT64_MAX), 64);
    for (int i = 0; i < 10000; i++) {
        uint64_t x = rng_next(&rng) >> rng_below(&rng, 64);
        unsigned count = 0, lowest = 64, highest = 0;
        for (unsigned b = 0; b < 64; b++) {
            if (x >> b & 1) {
                count++;
                lowest = min(lowest, b);
                highest = b;
            }
        }
        assert_int_equal(bit_count(x), count);
        if (x) {
            assert_int_equal(bit_lowest(x), lowest);
            assert_int_equal(bit_highest(x), highest);
        }
    }
}

static void macros_evaluate_their_arguments_once(void **state)
{
    (void)state;
    int calls = 0;
    assert_int_equal(min(++calls, 10), 1);
    assert_int_equal(max(++calls, 1), 2);
    assert_int_equal(max(3, 7), 7);
    int array[17];
    assert_int_equal(array_count(array), 17);

    struct outer {
        char pad[3];
        int inner;
    } outer;
    assert_ptr_equal(container_of(&outer.inner, struct outer, inner), &outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding_keeps_multiples_and_reaches_the_next),
        cmocka_unit_test(logarithms_agree_with_counting),
        cmocka_unit_test(bits_are_counted_and_found),
        cmocka_unit_test(macros_evaluate_their_arguments_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
