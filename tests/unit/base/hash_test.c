// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

/* Replicas and stored data share these values: they may not change unnoticed. The numbers were
 * computed by a separate program. */
static void hashes_are_the_same_everywhere(void **state)
{
    (void)state;
    assert_int_equal(hash_u64(0), 0);
    assert_int_equal(hash_u64(1), UINT64_C(0x5692161d100b05e5));
    assert_int_equal(hash_bytes("", 0, 7), UINT64_C(0xee202e23b095f53d));
    assert_int_equal(hash_bytes(NULL, 0, 7), UINT64_C(0xee202e23b095f53d));
    assert_int_equal(hash_bytes("etc", 3, 7), UINT64_C(0x43d50bf0e113a6ef));
    assert_int_equal(hash_bytes("/etc/passwd", 11, 7), UINT64_C(0xa77fc010195e218c));
    const char *text = "a node-replicated multikernel in 2 pieces";
    assert_int_equal(hash_bytes(text, 41, 7), UINT64_C(0x24b9aa262585ed87));
}

/* Flipping one input bit flips each output bit with a probability near a half. */
static void assert_avalanche(uint64_t (*hash)(uint64_t x, unsigned flip), struct rng *rng)
{
    enum { ROUNDS = 4000 };
    for (unsigned in = 0; in < 64; in++) {
        unsigned flips[64] = {0};
        for (int r = 0; r < ROUNDS; r++) {
            uint64_t x = rng_next(rng);
            uint64_t diff = hash(x, 64) ^ hash(x, in);
            for (unsigned out = 0; out < 64; out++)
                flips[out] += (unsigned)(diff >> out & 1);
        }
        /* Ten standard deviations of the binomial distribution: sqrt(4000) / 2 each. */
        for (unsigned out = 0; out < 64; out++)
            assert_in_range(flips[out], ROUNDS / 2 - 316, ROUNDS / 2 + 316);
    }
}

static uint64_t flip_u64(uint64_t x, unsigned flip)
{
    return hash_u64(flip < 64 ? x ^ UINT64_C(1) << flip : x);
}

static uint64_t flip_long_string(uint64_t x, unsigned flip)
{
    uint64_t words[5] = {x, hash_u64(x + 1), hash_u64(x + 2), hash_u64(x + 3), 4};
    if (flip < 64)
        words[x % 5] ^= UINT64_C(1) << flip;
    return hash_bytes(words, sizeof words, 42);
}

static uint64_t flip_short_string(uint64_t x, unsigned flip)
{
    uint64_t word = flip < 64 ? x ^ UINT64_C(1) << flip : x;
    return hash_bytes(&word, sizeof word, 42);
}

static uint64_t flip_seed(uint64_t x, unsigned flip)
{
    return hash_bytes("name", 4, flip < 64 ? x ^ UINT64_C(1) << flip : x);
}

static void every_bit_counts(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    assert_avalanche(flip_u64, &rng);
    assert_avalanche(flip_long_string, &rng);
    assert_avalanche(flip_short_string, &rng);
    assert_avalanche(flip_seed, &rng);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Similar strings of all lengths, padded with zeroes or not, hash to different values. */
static void similar_strings_do_not_collide(void **state)
{
    (void)state;
    enum { LENGTHS = 80, COUNT = 4 * LENGTHS };
    static uint64_t hashes[COUNT];
    size_t n = 0;
    for (size_t len = 0; len < LENGTHS; len++) {
        unsigned char buf[LENGTHS] = {0};
        hashes[n++] = hash_bytes(buf, len, 1);
        if (!len)
            continue;
        buf[len - 1] = 1;
        hashes[n++] = hash_bytes(buf, len, 1);
        memset(buf, 'x', len);
        hashes[n++] = hash_bytes(buf, len, 1);
        buf[len / 2] = 'y';
        hashes[n++] = hash_bytes(buf, len, 1);
    }
    qsort(hashes, n, sizeof hashes[0], compare_u64);
    for (size_t i = 1; i < n; i++)
        assert_int_not_equal(hashes[i - 1], hashes[i]);
}

static void order_of_combined_words_matters(void **state)
{
    (void)state;
    uint64_t ab = hash_combine(hash_combine(0, 1), 2);
    uint64_t ba = hash_combine(hash_combine(0, 2), 1);
    assert_int_not_equal(ab, ba);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_the_same_everywhere),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(similar_strings_do_not_collide),
        cmocka_unit_test(order_of_combined_words_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
