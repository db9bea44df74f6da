// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Builds a string in memory of the caller. The string always ends with NUL. What does not fit is
 * cut off and counted, once for the whole string: check at the end instead of at every step.
 */
#include <base/bytes.h>
#include <stdarg.h>

struct strbuf {
    char *data;
    size_t size;    /* bytes at data, > 0 */
    size_t len;     /* characters in the string */
    size_t missing; /* characters cut off */
};

/* Makes an empty string in `size` > 0 bytes at data, which must outlive it. */
void strbuf_init(struct strbuf *buf, char *data, size_t size);

/* Append. Where something is cut off the memory is full: the string is always a prefix of the
 * whole. */
void strbuf_add(struct strbuf *buf, struct bytes text);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_str(struct strbuf *buf, const char *s);
void strbuf_format(struct strbuf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_format_v(struct strbuf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Was nothing cut off? */
static inline bool strbuf_is_complete(const struct strbuf *buf)
{
    return buf->missing == 0;
}
