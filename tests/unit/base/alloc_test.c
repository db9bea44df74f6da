// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

static void zalloc_returns_zeroes(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    unsigned char *p = allocator_zalloc(&a.base, 100, 64);
    assert_non_null(p);
    assert_true(is_aligned((uintptr_t)p, 64));
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    allocator_free(&a.base, p, 100);
    allocator_free(&a.base, NULL, 100);
    test_alloc_assert_empty(&a);
}

static void failure_is_passed_on(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    test_alloc_fail(&a, 1, true);
    assert_null(allocator_alloc(&a.base, 8, 8));
    assert_null(allocator_zalloc(&a.base, 8, 8));
    assert_null(allocator_alloc_array(&a.base, 8, 8, 8));
}

static void array_sizes_cannot_overflow(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    assert_null(allocator_alloc_array(&a.base, SIZE_MAX / 16 + 2, 16, 8));
    assert_int_equal(a.calls, 0);
    void *p = allocator_alloc_array(&a.base, 10, 16, 16);
    assert_int_equal(a.live_bytes, 160);
    allocator_free(&a.base, p, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zalloc_returns_zeroes),
        cmocka_unit_test(failure_is_passed_on),
        cmocka_unit_test(array_sizes_cannot_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
