// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Text from a format, as snprintf of C99 writes it: flags - 0 + space #, width and precision (also
 * *), lengths hh h l ll z j t, conversions d i u o x X c s p %. No floating point, positions, %n or
 * wide characters. %p is 0x and hexadecimal digits, also for NULL; %s of NULL is "(null)". What is
 * no conversion is written as it stands.
 *
 * Nothing here allocates, locks or keeps state: fit for panics and interrupt handlers.
 */
#include <stdarg.h>
#include <stddef.h>

/* Receives the next `len` > 0 characters of the text; they are not terminated. */
typedef void format_sink_fn(void *ctx, const char *text, size_t len);

/* Writes the text, or as much as fits with a NUL, to buf of `size` bytes (0: nothing is written,
 * buf may be NULL). Returns the length of the whole text; it is complete if that is less than
 * `size`. */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t format_v(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Passes the text to sink(ctx, ...) piece by piece. Returns its length. */
size_t format_to(format_sink_fn *sink, void *ctx, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_to_v(format_sink_fn *sink, void *ctx, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
