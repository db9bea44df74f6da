// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

/* lib/base/memory.c, built under these names. */
void *base_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *base_memmove(void *dst, const void *src, size_t n);
void *base_memset(void *dst, int byte, size_t n);
int base_memcmp(const void *a, const void *b, size_t n);

enum { SIZE = 400, LONGEST = 150 };

static void fill_random(struct rng *rng, unsigned char *buf)
{
    for (int i = 0; i < SIZE; i++)
        buf[i] = (unsigned char)rng_next(rng);
}

/* All lengths on both sides of the change of method, at all alignments. */
static void memcpy_copies_exactly(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    unsigned char src[SIZE], got[SIZE], want[SIZE];
    for (size_t n = 0; n < LONGEST; n++) {
        for (size_t at = 0; at < 16; at++) {
            fill_random(&rng, src);
            fill_random(&rng, want);
            memcpy(got, want, SIZE);
            assert_ptr_equal(base_memcpy(got + at, src + 3 * at, n), got + at);
            for (size_t i = 0; i < n; i++)
                want[at + i] = src[3 * at + i];
            assert_memory_equal(got, want, SIZE);
        }
    }
}

static void memmove_handles_every_overlap(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    unsigned char src[SIZE], got[SIZE], want[SIZE];
    for (size_t n = 0; n < LONGEST; n++) {
        for (size_t at = 0; at < SIZE - LONGEST; at += 1 + rng_below(&rng, 9)) {
            fill_random(&rng, src);
            memcpy(got, src, SIZE);
            memcpy(want, src, SIZE);
            assert_ptr_equal(base_memmove(got + at, got + 120, n), got + at);
            for (size_t i = 0; i < n; i++)
                want[at + i] = src[120 + i];
            assert_memory_equal(got, want, SIZE);
        }
    }
}

static void memset_fills_exactly(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    unsigned char got[SIZE], want[SIZE];
    for (size_t n = 0; n < LONGEST; n++) {
        for (size_t at = 0; at < 16; at++) {
            int byte = (int)rng_below(&rng, 1024) - 512; /* converted to unsigned char */
            fill_random(&rng, want);
            memcpy(got, want, SIZE);
            assert_ptr_equal(base_memset(got + at, byte, n), got + at);
            for (size_t i = 0; i < n; i++)
                want[at + i] = (unsigned char)byte;
            assert_memory_equal(got, want, SIZE);
        }
    }
}

static void memcmp_orders_by_the_first_difference(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    unsigned char a[SIZE], b[SIZE];
    for (size_t n = 0; n < LONGEST; n++) {
        fill_random(&rng, a);
        memcpy(b, a, SIZE);
        assert_int_equal(base_memcmp(a, b, n), 0);
        for (size_t i = 0; i < n; i++) {
            b[i] = (unsigned char)(a[i] ^ 0x80);
            b[n - 1] = (unsigned char)(b[n - 1] + (i < n - 1));
            int want = a[i] < b[i] ? -1 : 1;
            int got = base_memcmp(a, b, n);
            assert_int_equal((got > 0) - (got < 0), want);
            memcpy(b, a, SIZE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcpy_copies_exactly),
        cmocka_unit_test(memmove_handles_every_overlap),
        cmocka_unit_test(memset_fills_exactly),
        cmocka_unit_test(memcmp_orders_by_the_first_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
