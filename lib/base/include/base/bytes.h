// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <base/string.h>
#include <stdbool.h>
#include <stddef.h>

/* A string of bytes that somebody else owns; data may be NULL if len is 0. Passed by value. */
struct bytes {
    const void *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){data, len};
}

/* A string that ends with NUL, without the NUL. */
static inline struct bytes bytes_of_str(const char *s)
{
    return (struct bytes){s, str_len(s)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Negative, zero or positive as a comes before, equals or comes after b in lexicographical order.
 */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}
