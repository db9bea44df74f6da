// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * What the tests of lib/base share: cmocka, random numbers from a printed seed, and an allocator
 * that checks how it is used and fails on demand.
 */
#include <base/alloc.h>
#include <base/hash.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

/* ---- Random numbers ---------------------------------------------------------------------- */

struct rng {
    uint64_t state;
};

/* Starts a sequence from NRK_SEED, or from the clock, and prints what it started from. */
static inline struct rng rng_start(const char *test)
{
    const char *env = getenv("NRK_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : hash_u64((uint64_t)time(NULL)) >> 32;
    printf("%s: NRK_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct rng){seed};
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_u64(rng->state);
}

/* A number in [0, n), n > 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n;
}

/* ---- Allocator --------------------------------------------------------------------------- */

/* Counts what is out, refuses the allocation number `fail_at` (from 1; 0: none) and, with fail_all,
 * all after it. Aborts the test when a block comes back with another size than it went out with. */
struct test_alloc {
    struct allocator base;
    size_t live_blocks;
    size_t live_bytes;
    size_t calls;
    size_t fail_at;
    bool fail_all;
};

struct test_block {
    void *start;
    size_t size;
    uint64_t magic;
};

enum { TEST_BLOCK_MAGIC = 0x626c6f63 };

static inline void *test_alloc_alloc(struct allocator *self, size_t size, size_t align)
{
    struct test_alloc *a = container_of(self, struct test_alloc, base);
    assert_true(size > 0);
    assert_true(is_pow2(align));
    a->calls++;
    if (a->fail_at && (a->calls == a->fail_at || (a->fail_all && a->calls > a->fail_at)))
        return NULL;

    size_t pad = align_up(sizeof(struct test_block), align);
    void *start;
    if (posix_memalign(&start, max(align, sizeof(void *)), pad + size))
        return NULL;
    unsigned char *ptr = (unsigned char *)start + pad;
    memset(ptr, 0xa5, size); /* nobody may rely on zeroes */
    struct test_block block = {start, size, TEST_BLOCK_MAGIC};
    memcpy(ptr - sizeof block, &block, sizeof block);
    a->live_blocks++;
    a->live_bytes += size;
    return ptr;
}

static inline void test_alloc_free(struct allocator *self, void *ptr, size_t size)
{
    struct test_alloc *a = container_of(self, struct test_alloc, base);
    struct test_block block;
    memcpy(&block, (unsigned char *)ptr - sizeof block, sizeof block);
    assert_int_equal(block.magic, TEST_BLOCK_MAGIC);
    assert_int_equal(block.size, size);
    a->live_blocks--;
    a->live_bytes -= size;
    memset(ptr, 0x5a, size);
    free(block.start);
}

static inline struct test_alloc test_alloc_make(void)
{
    return (struct test_alloc){.base = {test_alloc_alloc, test_alloc_free}};
}

/* From now on the n-th allocation fails (n from 1), and with `all` those after it; n = 0: none. */
static inline void test_alloc_fail(struct test_alloc *a, size_t n, bool all)
{
    a->calls = 0;
    a->fail_at = n;
    a->fail_all = all;
}

static inline void test_alloc_assert_empty(const struct test_alloc *a)
{
    assert_int_equal(a->live_blocks, 0);
    assert_int_equal(a->live_bytes, 0);
}
