// SPDX-License-Identifier: BSD-2-Clause
#include <base/bits.h>
#include <base/format.h>
#include <base/string.h>
#include <stdbool.h>
#include <stdint.h>

struct out {
    format_sink_fn *sink;
    void *ctx;
    size_t len;
};

/* %[flags][width][.precision][length]conversion */
struct spec {
    bool left, zero, plus, space, alternate;
    bool precise; /* a precision is given */
    size_t width;
    size_t precision;
    unsigned bytes; /* size of an integer argument */
    char conversion;
};

enum {
    /* A width or precision above is taken for this: what C99 guarantees a program can ask for is
       4095. */
    WIDTH_MAX = 1 << 16,
    DIGITS_MAX = 22, /* 2^64 in octal */
};

static void put(struct out *out, const char *text, size_t len)
{
    if (len)
        out->sink(out->ctx, text, len);
    out->len += len;
}

static void put_many(struct out *out, char c, size_t n)
{
    char chunk[16];
    memset(chunk, c, sizeof chunk);
    for (; n > sizeof chunk; n -= sizeof chunk)
        put(out, chunk, sizeof chunk);
    put(out, chunk, n);
}

/* ---- Conversions ------------------------------------------------------------------------- */

static void put_text(struct out *out, const struct spec *spec, const char *text, size_t len)
{
    size_t pad = spec->width > len ? spec->width - len : 0;
    put_many(out, ' ', spec->left ? 0 : pad);
    put(out, text, len);
    put_many(out, ' ', spec->left ? pad : 0);
}

/* Sign or prefix, then zeroes, then digits, in the field. */
static void put_digits(struct out *out, const struct spec *spec, const char *prefix,
                       const char *digits, size_t len)
{
    size_t prefix_len = str_len(prefix);
    size_t zeroes = spec->precise && spec->precision > len ? spec->precision - len : 0;
    size_t all = prefix_len + zeroes + len;
    size_t pad = spec->width > all ? spec->width - all : 0;
    if (spec->zero && !spec->left && !spec->precise) {
        zeroes += pad;
        pad = 0;
    }
    put_many(out, ' ', spec->left ? 0 : pad);
    put(out, prefix, prefix_len);
    put_many(out, '0', zeroes);
    put(out, digits, len);
    put_many(out, ' ', spec->left ? pad : 0);
}

static unsigned base_of(char conversion)
{
    switch (conversion) {
    case 'o':
        return 8;
    case 'x':
    case 'X':
    case 'p':
        return 16;
    default:
        return 10;
    }
}

static void put_unsigned(struct out *out, const struct spec *spec, const char *prefix,
                         uint64_t value)
{
    const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = base_of(spec->conversion);
    char text[DIGITS_MAX];
    size_t at = sizeof text;
    for (uint64_t rest = value; rest; rest /= base)
        text[--at] = digits[rest % base];
    if (at == sizeof text && !spec->precise)
        text[--at] = '0'; /* zero with precision 0 has no digits */
    size_t len = sizeof text - at;
    bool starts_with_zero = (!spec->precise && !value) || (spec->precise && spec->precision > len);
    if (spec->conversion == 'o' && spec->alternate && !starts_with_zero)
        prefix = "0";
    put_digits(out, spec, prefix, &text[at], len);
}

/* The integer argument, sign-extended or not from the size that the format gives it. */
static uint64_t take_integer(const struct spec *spec, bool is_signed, va_list *args)
{
    uint64_t value = spec->bytes > sizeof(int) ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
    unsigned unused = 64 - 8 * spec->bytes;
    return is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value << unused >> unused;
}

static void convert_integer(struct out *out, const struct spec *spec, va_list *args)
{
    if (spec->conversion == 'd' || spec->conversion == 'i') {
        uint64_t value = take_integer(spec, true, args);
        bool negative = (int64_t)value < 0;
        const char *sign = negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
        put_unsigned(out, spec, sign, negative ? -value : value);
    } else if (spec->conversion == 'p') {
        put_unsigned(out, spec, "0x", (uintptr_t)va_arg(*args, void *));
    } else {
        uint64_t value = take_integer(spec, false, args);
        bool prefix = spec->alternate && value && base_of(spec->conversion) == 16;
        put_unsigned(out, spec, !prefix ? "" : spec->conversion == 'X' ? "0X" : "0x", value);
    }
}

/* Writes one conversion; false if it is none. */
static bool convert(struct out *out, const struct spec *spec, va_list *args)
{
    switch (spec->conversion) {
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
    case 'p':
        convert_integer(out, spec, args);
        return true;
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_text(out, spec, &c, 1);
        return true;
    }
    case 's': {
        const char *s = va_arg(*args, const char *);
        if (!s)
            s = "(null)";
        put_text(out, spec, s, str_len_max(s, spec->precise ? spec->precision : SIZE_MAX));
        return true;
    }
    case '%':
        put(out, "%", 1);
        return true;
    default:
        return false;
    }
}

/* ---- Reading the format ------------------------------------------------------------------ */

static const char *parse_flags(const char *fmt, struct spec *spec)
{
    for (;; fmt++) {
        switch (*fmt) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        default:
            return fmt;
        }
    }
}

/* A number or *; a negative argument is reported in *negative. */
static const char *parse_size(const char *fmt, size_t *size, bool *negative, va_list *args)
{
    *negative = false;
    if (*fmt == '*') {
        int value = va_arg(*args, int);
        *negative = value < 0;
        *size = min(value < 0 ? -(size_t)value : (size_t)value, (size_t)WIDTH_MAX);
        return fmt + 1;
    }
    for (*size = 0; char_is_digit(*fmt); fmt++)
        *size = min(*size * 10 + (size_t)(*fmt - '0'), (size_t)WIDTH_MAX);
    return fmt;
}

static const char *parse_length(const char *fmt, struct spec *spec)
{
    spec->bytes = sizeof(int);
    switch (*fmt) {
    case 'h':
        spec->bytes = fmt[1] == 'h' ? 1 : sizeof(short);
        return fmt + (fmt[1] == 'h' ? 2 : 1);
    case 'l':
        spec->bytes = 8; /* long and long long */
        return fmt + (fmt[1] == 'l' ? 2 : 1);
    case 'z':
    case 'j':
    case 't':
        spec->bytes = 8;
        return fmt + 1;
    default:
        return fmt;
    }
}

_Static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "lengths of parse_length");

/* Reads what follows a '%'; returns what follows the conversion, or its place if the format ends.
 */
static const char *parse_spec(const char *fmt, struct spec *spec, va_list *args)
{
    bool negative;
    fmt = parse_flags(fmt, spec);
    fmt = parse_size(fmt, &spec->width, &negative, args);
    spec->left = spec->left || negative;
    if (*fmt == '.') {
        fmt = parse_size(fmt + 1, &spec->precision, &negative, args);
        spec->precise = !negative;
    }
    fmt = parse_length(fmt, spec);
    spec->conversion = *fmt;
    return *fmt ? fmt + 1 : fmt;
}

size_t format_to_v(format_sink_fn *sink, void *ctx, const char *fmt, va_list args)
{
    struct out out = {.sink = sink, .ctx = ctx};
    va_list rest; /* a copy, because a parameter of this type may be a pointer */
    va_copy(rest, args);
    while (*fmt) {
        const char *start = fmt;
        while (*fmt && *fmt != '%')
            fmt++;
        put(&out, start, (size_t)(fmt - start));
        if (!*fmt)
            break;
        struct spec spec = {0};
        start = fmt;
        fmt = parse_spec(fmt + 1, &spec, &rest);
        if (!convert(&out, &spec, &rest))
            put(&out, start, (size_t)(fmt - start));
    }
    va_end(rest);
    return out.len;
}

/* ---- Where the text goes ----------------------------------------------------------------- */

struct buffer {
    char *at;
    size_t room; /* without the NUL */
};

static void put_buffer(void *ctx, const char *text, size_t len)
{
    struct buffer *buffer = ctx;
    size_t n = min(len, buffer->room);
    if (n)
        memcpy(buffer->at, text, n);
    buffer->at += n;
    buffer->room -= n;
}

size_t format_v(char *buf, size_t size, const char *fmt, va_list args)
{
    struct buffer buffer;
    buffer.at = buf;
    buffer.room = size ? size - 1 : 0;
    size_t len = format_to_v(put_buffer, &buffer, fmt, args);
    if (size)
        *buffer.at = '\0';
    return len;
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t len = format_v(buf, size, fmt, args);
    va_end(args);
    return len;
}

size_t format_to(format_sink_fn *sink, void *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t len = format_to_v(sink, ctx, fmt, args);
    va_end(args);
    return len;
}
