// SPDX-License-Identifier: BSD-2-Clause
/*
 * The memory functions for programs without libc (target base_mem; contracts as in C11 7.24).
 *
 * This file includes no header that declares them, so that a test can build it under other names.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* A word that may alias anything and lie anywhere. */
typedef uint64_t __attribute__((may_alias, aligned(1))) loose_word;

/*
 * From this many bytes on, x86-64 uses its string instructions: they run at full width since 2013
 * (ERMS), but take tens of cycles to start.
 */
enum { STRING_MIN = 64 };

/*
 * Stands in every loop below. GCC makes a call of memcpy or memset from a loop that looks like one,
 * in freestanding programs too; here that would be a recursion without end. It leaves alone a loop
 * that holds an assembly statement.
 */
static inline void keep_loop(void)
{
    __asm__ volatile("");
}

/* Correct for overlap with dst < src: each step loads before it stores, in ascending order. */
static void copy_up(unsigned char *dst, const unsigned char *src, size_t n)
{
#if defined(__x86_64__)
    if (n >= STRING_MIN) {
        __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
        return;
    }
#endif
    for (; n >= 8; n -= 8, dst += 8, src += 8) {
        keep_loop();
        *(loose_word *)dst = *(const loose_word *)src;
    }
    for (; n; n--) {
        keep_loop();
        *dst++ = *src++;
    }
}

/* The same from the end, for overlap with dst > src. */
static void copy_down(unsigned char *dst, const unsigned char *src, size_t n)
{
    for (; n >= 8; n -= 8) {
        keep_loop();
        *(loose_word *)(dst + n - 8) = *(const loose_word *)(src + n - 8);
    }
    for (; n; n--) {
        keep_loop();
        dst[n - 1] = src[n - 1];
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    copy_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    /* One comparison for "dst lies inside src": below src the difference wraps to a large number.
     */
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        copy_up(dst, src, n);
    else
        copy_down(dst, src, n);
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    unsigned char *p = dst;
    uint64_t word = (unsigned char)byte * UINT64_C(0x0101010101010101);
#if defined(__x86_64__)
    if (n >= STRING_MIN) {
        __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(byte) : "memory");
        return dst;
    }
#endif
    for (; n >= 8; n -= 8, p += 8) {
        keep_loop();
        *(loose_word *)p = word;
    }
    for (; n; n--) {
        keep_loop();
        *p++ = (unsigned char)byte;
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (; n >= 8 && *(const loose_word *)x == *(const loose_word *)y; n -= 8) {
        x += 8;
        y += 8;
    }
    for (; n; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}
