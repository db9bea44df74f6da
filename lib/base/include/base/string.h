// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Memory and strings.
 *
 * The four memory functions that compilers call on their own account come from libc in hosted
 * programs; a freestanding program links base_mem (memory.c). Freestanding code reaches them
 * through the builtins, so that copies of a small constant size are inlined as in hosted code.
 *
 * The str_ functions work on strings that end with NUL; <base/bytes.h> has strings with a length.
 */
#include <stdbool.h>
#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#define memcpy  __builtin_memcpy
#define memmove __builtin_memmove
#define memset  __builtin_memset
#define memcmp  __builtin_memcmp
#endif

/* Length without the NUL. */
size_t str_len(const char *s);

/* The same, but looks at no more than `max` characters: `max` if there is no NUL among them. */
size_t str_len_max(const char *s, size_t max);

bool str_equal(const char *a, const char *b);

/* Negative, zero or positive as a comes before, equals or comes after b, by unsigned characters. */
int str_compare(const char *a, const char *b);

bool str_starts_with(const char *s, const char *prefix);

/* The first and the last c in s (not the NUL), or NULL. */
const char *str_find(const char *s, char c);
const char *str_find_last(const char *s, char c);

/* Copies s, or as much as fits with a NUL, to dst of `size` bytes (0: nothing is written). Returns
 * the length of s; the copy is complete if that is less than `size`. */
size_t str_copy(char *dst, size_t size, const char *s);

/* ASCII; independent of any locale. */
static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Space, \t, \n, \v, \f, \r. */
static inline bool char_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool char_is_printable(char c)
{
    return c >= 0x20 && c < 0x7f;
}
