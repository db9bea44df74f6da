// SPDX-License-Identifier: BSD-2-Clause
#include <base/bits.h>
#include <base/format.h>
#include <base/strbuf.h>

void strbuf_init(struct strbuf *buf, char *data, size_t size)
{
    *buf = (struct strbuf){.data = data, .size = size};
    data[0] = '\0';
}

/* A format_sink_fn. */
static void append(void *ctx, const char *text, size_t len)
{
    struct strbuf *buf = ctx;
    size_t n = min(len, buf->size - 1 - buf->len);
    if (n) {
        memcpy(&buf->data[buf->len], text, n);
        buf->len += n;
        buf->data[buf->len] = '\0';
    }
    buf->missing += len - n;
}

void strbuf_add(struct strbuf *buf, struct bytes text)
{
    append(buf, text.data, text.len);
}

void strbuf_add_char(struct strbuf *buf, char c)
{
    append(buf, &c, 1);
}

void strbuf_add_str(struct strbuf *buf, const char *s)
{
    append(buf, s, str_len(s));
}

void strbuf_format_v(struct strbuf *buf, const char *fmt, va_list args)
{
    format_to_v(append, buf, fmt, args);
}

void strbuf_format(struct strbuf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    strbuf_format_v(buf, fmt, args);
    va_end(args);
}
