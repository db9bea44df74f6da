// SPDX-License-Identifier: BSD-2-Clause
#include <base/string.h>

size_t str_len(const char *s)
{
    return str_len_max(s, (size_t)-1);
}

size_t str_len_max(const char *s, size_t max)
{
    size_t len = 0;
    while (len < max && s[len])
        len++;
    return len;
}

bool str_equal(const char *a, const char *b)
{
    return str_compare(a, b) == 0;
}

int str_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

bool str_starts_with(const char *s, const char *prefix)
{
    while (*prefix && *s == *prefix) {
        s++;
        prefix++;
    }
    return !*prefix;
}

const char *str_find(const char *s, char c)
{
    for (; *s; s++) {
        if (*s == c)
            return s;
    }
    return NULL;
}

const char *str_find_last(const char *s, char c)
{
    const char *last = NULL;
    for (; *s; s++) {
        if (*s == c)
            last = s;
    }
    return last;
}

size_t str_copy(char *dst, size_t size, const char *s)
{
    size_t len = str_len(s);
    if (size > 0) {
        size_t n = len < size ? len : size - 1;
        memcpy(dst, s, n);
        dst[n] = '\0';
    }
    return len;
}
