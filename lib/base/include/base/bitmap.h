// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Set of small numbers as bits, on memory of the caller. Searches and ranges work by words. Not
 * thread-safe; readers may run in parallel.
 */
#include <base/bits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words that n bits take. */
#define BITMAP_WORDS(n) (((n) + 63) / 64)

struct bitmap {
    uint64_t *words; /* bits from `size` on in the last word are 0 */
    size_t size;     /* bits */
};

/* Visits the set bits in ascending order; the loop body may clear the current one. */
#define bitmap_for_each(i, bitmap)                                  \
    for (size_t i = bitmap_find_set(bitmap, 0); i < (bitmap)->size; \
         i = bitmap_find_set(bitmap, i + 1))

/* Makes an empty set of numbers below `size` on BITMAP_WORDS(size) words, which must outlive it. */
void bitmap_init(struct bitmap *bitmap, uint64_t *words, size_t size);

/* Sets or clears the n bits from `first` on; first + n <= size. */
void bitmap_set_range(struct bitmap *bitmap, size_t first, size_t n);
void bitmap_clear_range(struct bitmap *bitmap, size_t first, size_t n);

/* The first set, or first clear, bit from `from` on; `size` if there is none. */
size_t bitmap_find_set(const struct bitmap *bitmap, size_t from);
size_t bitmap_find_clear(const struct bitmap *bitmap, size_t from);

/* The first of n > 0 clear bits in a row that starts at a multiple of `align` (a power of two),
 * from `from` on; `size` if there is none. */
size_t bitmap_find_clear_range(const struct bitmap *bitmap, size_t from, size_t n, size_t align);

/* Number of set bits. */
size_t bitmap_count(const struct bitmap *bitmap);

/* i < size in the following three. */
static inline bool bitmap_test(const struct bitmap *bitmap, size_t i)
{
    return bitmap->words[i / 64] >> (i % 64) & 1;
}

static inline void bitmap_set(struct bitmap *bitmap, size_t i)
{
    bitmap->words[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void bitmap_clear(struct bitmap *bitmap, size_t i)
{
    bitmap->words[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
