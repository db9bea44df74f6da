// SPDX-License-Identifier: BSD-2-Clause
#include <base/format.h>

#include "support.h"

#include <limits.h>

/* Formats by both libraries, whole and cut off. Not declared like printf: formats are made at
 * random too. */
static void assert_like_libc(const char *fmt, ...)
{
    char want[300], got[300];
    static const size_t sizes[] = {sizeof want, 10, 1, 0};
    for (size_t i = 0; i < array_count(sizes); i++) {
        va_list args;
        va_start(args, fmt);
        int want_len = vsnprintf(want, sizes[i], fmt, args);
        va_end(args);
        va_start(args, fmt);
        size_t len = format_v(got, sizes[i], fmt, args);
        va_end(args);
        assert_int_equal(len, want_len);
        if (sizes[i] > 0)
            assert_string_equal(got, want);
    }
}

static void examples_agree_with_libc(void **state)
{
    (void)state;
    assert_like_libc("plain text");
    assert_like_libc("%s", "");
    assert_like_libc("%d%%", 100);
    assert_like_libc("%d %u %x %lx %zu", -1, 1U, 0xabcU, ~0UL, (size_t)12);
    assert_like_libc("%lld %llu %jd %td", LLONG_MIN, ULLONG_MAX, INTMAX_MIN, (ptrdiff_t)-4);
    assert_like_libc("%hhd %hhu %hd %hu", 200, 300, 40000, 70000);
    assert_like_libc("[%s] [%10s] [%-10s] [%.2s] [%.*s]", "text", "text", "text", "text", 3,
                     "text");
    assert_like_libc("[%*d] [%-*d] [%*d]", 6, 42, 6, 42, -6, 42);
    assert_like_libc("[%c] [%3c] [%-3c]", 'x', 'y', 'z');
    assert_like_libc("%#x %#X %#o %#x", 255U, 255U, 8U, 0U);
    assert_like_libc("[%100d]", 1);
    assert_like_libc("[%0100d] [%-100d]", -1, 1);
    assert_like_libc("[%.50d]", 7);
    assert_like_libc("%i", INT_MIN);
    assert_like_libc("%s %p", "pointer", (void *)0x1234abcd);
}

static void assert_text(const char *want, const char *fmt, ...)
{
    char buf[64];
    va_list args;
    va_start(args, fmt);
    assert_int_equal(format_v(buf, sizeof buf, fmt, args), strlen(want));
    va_end(args);
    assert_string_equal(buf, want);
}

/* What C leaves open, or libraries do differently. */
static void odd_things_have_a_defined_outcome(void **state)
{
    (void)state;
    assert_text("%", "%");
    assert_text("%-", "%-");
    assert_text("%08.3l", "%08.3l");
    assert_text("%q", "%q");
    assert_text("%5.3y7", "%5.3y%d", 7);
    assert_text("(null) (n", "%s %.2s", NULL, NULL);
    assert_text("0x0", "%p", NULL);
    assert_text("[  0x1f]", "[%6p]", (void *)0x1f);
    assert_text("0xffffffff80000000", "%p", (void *)0xffffffff80000000);
    volatile int lowest = INT_MIN; /* volatile: the compiler would complain of this width */
    assert_int_equal(format(NULL, 0, "%*d", lowest, 1), 1 << 16);
}

/* Writes a random conversion of the kinds and lengths given. */
static void random_spec(struct rng *rng, char *spec, const char *kinds, const char *length)
{
    char *at = spec;
    *at++ = '%';
    for (int i = (int)rng_below(rng, 4); i > 0; i--)
        *at++ = "-0+ #"[rng_below(rng, 5)];
    if (rng_below(rng, 2))
        at += sprintf(at, "%u", (unsigned)rng_below(rng, 30));
    if (rng_below(rng, 2))
        *at++ = '.'; /* alone it means 0 */
    if (at[-1] == '.' && rng_below(rng, 4))
        at += sprintf(at, "%u", (unsigned)rng_below(rng, 30));
    at += sprintf(at, "%s", length);
    *at++ = kinds[rng_below(rng, strlen(kinds))];
    *at = '\0';
}

/* All magnitudes, and the ends of the types. */
static uint64_t random_value(struct rng *rng)
{
    uint64_t value = rng_next(rng) >> rng_below(rng, 64);
    switch (rng_below(rng, 8)) {
    case 0:
        return 0;
    case 1:
        return value | UINT64_C(1) << 63;
    case 2:
        return UINT64_MAX - rng_below(rng, 2);
    default:
        return value;
    }
}

static void random_conversions_agree_with_libc(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "j", "t"};
    for (int i = 0; i < 30000; i++) {
        char spec[40];
        size_t length = rng_below(&rng, array_count(lengths));
        uint64_t value = random_value(&rng);
        random_spec(&rng, spec, "diuoxX", lengths[length]);
        if (length < 3)
            assert_like_libc(spec, (int)value);
        else
            assert_like_libc(spec, value);
    }
    for (int i = 0; i < 10000; i++) {
        char spec[40], text[30];
        size_t len = rng_below(&rng, sizeof text);
        memset(text, 'x', len);
        text[len] = '\0';
        random_spec(&rng, spec, "s", "");
        assert_like_libc(spec, text);
        random_spec(&rng, spec, "c", "");
        assert_like_libc(spec, 'c');
    }
}

static void short_buffers_are_terminated_and_respected(void **state)
{
    (void)state;
    for (size_t size = 0; size < 12; size++) {
        char buf[13];
        memset(buf, '#', sizeof buf);
        assert_int_equal(format(buf, size, "%s-%d", "abcd", 12345), 10);
        size_t len = size == 0 ? 0 : min(size - 1, (size_t)10);
        assert_memory_equal(buf, "abcd-12345", len);
        if (size > 0)
            assert_int_equal(buf[len], '\0');
        assert_int_equal(buf[size], '#');
    }
}

struct collector {
    char text[200];
    size_t len;
};

static void collect(void *ctx, const char *text, size_t len)
{
    struct collector *collector = ctx;
    assert_true(len > 0);
    assert_true(collector->len + len <= sizeof collector->text);
    memcpy(collector->text + collector->len, text, len);
    collector->len += len;
}

static void a_sink_gets_all_pieces(void **state)
{
    (void)state;
    struct collector collector = {0};
    size_t len = format_to(collect, &collector, "%s[%40d]%c%s", "core ", 3, '!', "");
    assert_int_equal(len, 5 + 42 + 1);
    assert_int_equal(collector.len, len);
    assert_memory_equal(collector.text, "core [                                       3]!", len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_agree_with_libc),
        cmocka_unit_test(odd_things_have_a_defined_outcome),
        cmocka_unit_test(random_conversions_agree_with_libc),
        cmocka_unit_test(short_buffers_are_terminated_and_respected),
        cmocka_unit_test(a_sink_gets_all_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
