// SPDX-License-Identifier: BSD-2-Clause
#include <base/strbuf.h>

#include "support.h"

static void build(struct strbuf *buf)
{
    strbuf_add_str(buf, "pid ");
    strbuf_format(buf, "%d", 42);
    strbuf_add_char(buf, ':');
    strbuf_add(buf, bytes_of("name and more", 4));
    strbuf_add(buf, bytes_of(NULL, 0));
    strbuf_format(buf, "%s %3u", "", 7U);
}

static void the_string_is_the_longest_prefix_that_fits(void **state)
{
    (void)state;
    static const char whole[] = "pid 42:name   7";
    for (size_t size = 1; size < sizeof whole + 3; size++) {
        char data[sizeof whole + 4];
        struct strbuf buf;
        memset(data, '#', sizeof data);
        strbuf_init(&buf, data, size);
        assert_string_equal(data, "");
        build(&buf);
        size_t len = min(size, sizeof whole) - 1;
        assert_int_equal(buf.len, len);
        assert_int_equal(buf.missing, sizeof whole - 1 - len);
        assert_int_equal(strbuf_is_complete(&buf), size >= sizeof whole);
        assert_memory_equal(data, whole, len);
        assert_int_equal(data[len], '\0');
        assert_int_equal(data[size], '#');
    }
}

static void nothing_follows_what_was_cut_off(void **state)
{
    (void)state;
    char data[8];
    struct strbuf buf;
    strbuf_init(&buf, data, sizeof data);
    strbuf_add_str(&buf, "12345");
    strbuf_add_str(&buf, "678");
    strbuf_add_str(&buf, "9");
    assert_string_equal(data, "1234567");
    strbuf_init(&buf, data, sizeof data);
    strbuf_add(&buf, bytes_of("1234567", 7));
    assert_true(strbuf_is_complete(&buf));
    strbuf_add_char(&buf, '8');
    assert_false(strbuf_is_complete(&buf));
    assert_string_equal(data, "1234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_string_is_the_longest_prefix_that_fits),
        cmocka_unit_test(nothing_follows_what_was_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
