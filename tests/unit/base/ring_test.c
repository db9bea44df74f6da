// SPDX-License-Identifier: BSD-2-Clause
#include <base/ring.h>

#include "support.h"

static void values_come_out_in_order_and_full_is_full(void **state)
{
    (void)state;
    uint64_t slots[4], value;
    struct ring ring;
    ring_init(&ring, slots, array_count(slots));
    ring.head = ring.tail = SIZE_MAX - 9; /* the counters wrap on the way */
    uint64_t in = 0, out = 0;
    struct rng rng = rng_start(__func__);
    for (int i = 0; i < 1000; i++) {
        if (rng_below(&rng, 2)) {
            assert_int_equal(ring_is_full(&ring), in - out == 4);
            bool pushed = ring_push(&ring, in);
            assert_int_equal(pushed, in - out < 4);
            in += pushed;
        } else {
            assert_int_equal(ring_peek(&ring, &value), in > out);
            assert_int_equal(ring_pop(&ring, &value), in > out);
            if (in > out)
                assert_int_equal(value, out++);
        }
        assert_int_equal(ring_count(&ring), in - out);
    }
    assert_true(in > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_in_order_and_full_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
