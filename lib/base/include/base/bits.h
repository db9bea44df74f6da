// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Small arithmetic on powers of two and bits, and the few macros that everything uses. The macros
 * with statement expressions evaluate each argument once; they live here and nowhere else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Distance in bytes that keeps data written by different processors apart: two cache lines, because
 * processors fetch them in pairs. */
enum { CACHE_APART = 128 };

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define min(a, b)                          \
    ({                                     \
        __auto_type min_a_ = (a);          \
        __auto_type min_b_ = (b);          \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })

#define max(a, b)                          \
    ({                                     \
        __auto_type max_a_ = (a);          \
        __auto_type max_b_ = (b);          \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

/* The structure whose member `member` is at ptr; ptr must have the member's type (checked). */
#define container_of(ptr, type, member)                                                        \
    ({                                                                                         \
        _Static_assert(                                                                        \
            __builtin_types_compatible_p(__typeof__(*(ptr)), __typeof__(((type *)0)->member)), \
            "container_of: pointer and member differ in type");                                \
        (type *)((uintptr_t)(ptr)-offsetof(type, member));                                     \
    })

/* Number of elements of an array; does not compile for a pointer. */
#define array_count(a)            \
    (sizeof(a) / sizeof((a)[0]) + \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])) ? -1 : 1]))

static inline bool is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* Rounds to a multiple of `align`, a power of two. align_up wraps to 0 above 2^64 - align. */
static inline uint64_t align_up(uint64_t x, uint64_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t x, uint64_t align)
{
    return x & ~(align - 1);
}

static inline bool is_aligned(uint64_t x, uint64_t align)
{
    return (x & (align - 1)) == 0;
}

/* x / y rounded up, without overflow; y != 0. */
static inline uint64_t div_round_up(uint64_t x, uint64_t y)
{
    return x / y + (x % y != 0);
}

/* Index of the lowest and of the highest set bit; x != 0. */
static inline unsigned bit_lowest(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

static inline unsigned bit_highest(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

/* Logarithm to base 2, rounded down or up; x != 0. */
static inline unsigned log2_floor(uint64_t x)
{
    return bit_highest(x);
}

static inline unsigned log2_ceil(uint64_t x)
{
    return x == 1 ? 0 : bit_highest(x - 1) + 1;
}

/* The smallest power of two >= x; 1 for 0, and 0 where none fits 64 bits. */
static inline uint64_t pow2_ceil(uint64_t x)
{
    if (x <= 1)
        return 1;
    return x > UINT64_C(1) << 63 ? 0 : UINT64_C(1) << log2_ceil(x);
}

/*
 * Number of set bits. Written out because __builtin_popcountll becomes a call into the compiler's
 * run-time library where popcnt (x86-64) or vector registers (aarch64) may not be used.
 */
static inline unsigned bit_count(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}
