// SPDX-License-Identifier: BSD-2-Clause
#include <base/bitmap.h>
#include <base/string.h>

void bitmap_init(struct bitmap *bitmap, uint64_t *words, size_t size)
{
    *bitmap = (struct bitmap){words, size};
    if (size)
        memset(words, 0, BITMAP_WORDS(size) * sizeof *words);
}

/* Bits [first, first + n) of a word, n > 0. */
static uint64_t mask_of(size_t first, size_t n)
{
    return UINT64_MAX >> (64 - n) << first;
}

/* Sets the range to `value`, 0 or all ones. */
static void fill_range(struct bitmap *bitmap, size_t first, size_t n, uint64_t value)
{
    while (n > 0) {
        size_t bit = first % 64, take = min(n, 64 - bit);
        uint64_t mask = mask_of(bit, take);
        uint64_t *word = &bitmap->words[first / 64];
        *word = (*word & ~mask) | (value & mask);
        first += take;
        n -= take;
    }
}

void bitmap_set_range(struct bitmap *bitmap, size_t first, size_t n)
{
    fill_range(bitmap, first, n, UINT64_MAX);
}

void bitmap_clear_range(struct bitmap *bitmap, size_t first, size_t n)
{
    fill_range(bitmap, first, n, 0);
}

/* The first bit from `from` on that is set after xor with `flip`. If that is none of ours, the last
 * word's first bit beyond the end, which is 0, gives the right answer: its number is `size`. */
static size_t find(const struct bitmap *bitmap, size_t from, uint64_t flip)
{
    if (from >= bitmap->size)
        return bitmap->size;
    size_t i = from / 64, words = BITMAP_WORDS(bitmap->size);
    uint64_t word = (bitmap->words[i] ^ flip) & (UINT64_MAX << (from % 64));
    while (word == 0) {
        if (++i == words)
            return bitmap->size;
        word = bitmap->words[i] ^ flip;
    }
    return i * 64 + bit_lowest(word);
}

size_t bitmap_find_set(const struct bitmap *bitmap, size_t from)
{
    return find(bitmap, from, 0);
}

size_t bitmap_find_clear(const struct bitmap *bitmap, size_t from)
{
    return find(bitmap, from, UINT64_MAX);
}

size_t bitmap_find_clear_range(const struct bitmap *bitmap, size_t from, size_t n, size_t align)
{
    if (n > bitmap->size)
        return bitmap->size;
    size_t start = bitmap_find_clear(bitmap, from);
    while (start <= bitmap->size - n) {
        size_t aligned = align_up(start, align);
        if (aligned < start || aligned > bitmap->size - n)
            break;
        size_t end = bitmap_find_set(bitmap, aligned);
        if (end - aligned >= n)
            return aligned;
        start = bitmap_find_clear(bitmap, end);
    }
    return bitmap->size;
}

size_t bitmap_count(const struct bitmap *bitmap)
{
    size_t count = 0;
    for (size_t i = 0; i < BITMAP_WORDS(bitmap->size); i++)
        count += bit_count(bitmap->words[i]);
    return count;
}
