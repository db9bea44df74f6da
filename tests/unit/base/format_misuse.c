// SPDX-License-Identifier: BSD-2-Clause
/* Not part of any program: each call must draw a warning of the compiler. */
#include <base/format.h>
#include <base/strbuf.h>

void misuse(struct strbuf *buf, char *text, format_sink_fn *sink)
{
    format(text, 10, "%s", 1);
    format_to(sink, NULL, "%d", "one");
    strbuf_format(buf, "%d %d", 1);
}
