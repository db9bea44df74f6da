// SPDX-License-Identifier: BSD-2-Clause
#include <base/number.h>

#include "support.h"

#include <errno.h>

enum { UNTOUCHED = 4711 };

static void assert_u64(const char *text, unsigned base, enum number_status status, uint64_t want)
{
    uint64_t value = UNTOUCHED;
    assert_int_equal(number_parse_u64(bytes_of_str(text), base, &value), status);
    assert_int_equal(value, status == NUMBER_OK ? want : UNTOUCHED);
}

static void assert_i64(const char *text, enum number_status status, int64_t want)
{
    int64_t value = UNTOUCHED;
    assert_int_equal(number_parse_i64(bytes_of_str(text), 10, &value), status);
    assert_int_equal(value, status == NUMBER_OK ? want : UNTOUCHED);
}

static void assert_size(const char *text, enum number_status status, uint64_t want)
{
    uint64_t value = UNTOUCHED;
    assert_int_equal(number_parse_size(bytes_of_str(text), &value), status);
    assert_int_equal(value, status == NUMBER_OK ? want : UNTOUCHED);
}

static void the_whole_text_must_be_a_number(void **state)
{
    (void)state;
    assert_u64("0", 10, NUMBER_OK, 0);
    assert_u64("007", 10, NUMBER_OK, 7);
    assert_u64("fF", 16, NUMBER_OK, 255);
    assert_u64("zz", 36, NUMBER_OK, 35 * 36 + 35);
    static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "1a", "a", "0x", "0x1"};
    for (size_t i = 0; i < array_count(bad); i++)
        assert_u64(bad[i], 10, NUMBER_MALFORMED, 0);
    assert_u64("2", 2, NUMBER_MALFORMED, 0);
    assert_u64("/", 36, NUMBER_MALFORMED, 0);
    assert_u64("@", 36, NUMBER_MALFORMED, 0);
    assert_u64("99999999999999999999999x", 10, NUMBER_MALFORMED, 0);
    uint64_t value;
    assert_int_equal(number_parse_u64(bytes_of(NULL, 0), 0, &value), NUMBER_MALFORMED);
    assert_int_equal(number_parse_u64(bytes_of("12345", 3), 10, &value), NUMBER_OK);
    assert_int_equal(value, 123);
}

static void base_zero_goes_by_the_prefix(void **state)
{
    (void)state;
    assert_u64("0x1F", 0, NUMBER_OK, 31);
    assert_u64("0Xff", 0, NUMBER_OK, 255);
    assert_u64("0b101", 0, NUMBER_OK, 5);
    assert_u64("0o17", 0, NUMBER_OK, 15);
    assert_u64("017", 0, NUMBER_OK, 17);
    assert_u64("0", 0, NUMBER_OK, 0);
    assert_u64("0x", 0, NUMBER_MALFORMED, 0);
    assert_u64("0b2", 0, NUMBER_MALFORMED, 0);
    assert_u64("0x0x1", 0, NUMBER_MALFORMED, 0);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_u64("18446744073709551615", 10, NUMBER_OK, UINT64_MAX);
    assert_u64("18446744073709551616", 10, NUMBER_RANGE, 0);
    assert_u64("99999999999999999999", 10, NUMBER_RANGE, 0);
    assert_u64("0xffffffffffffffff", 0, NUMBER_OK, UINT64_MAX);
    assert_u64("0x10000000000000000", 0, NUMBER_RANGE, 0);
    assert_i64("9223372036854775807", NUMBER_OK, INT64_MAX);
    assert_i64("9223372036854775808", NUMBER_RANGE, 0);
    assert_i64("-9223372036854775808", NUMBER_OK, INT64_MIN);
    assert_i64("-9223372036854775809", NUMBER_RANGE, 0);
}

static void signs_are_taken_once(void **state)
{
    (void)state;
    assert_i64("+5", NUMBER_OK, 5);
    assert_i64("-5", NUMBER_OK, -5);
    assert_i64("-0", NUMBER_OK, 0);
    static const char *const bad[] = {"", "-", "+", "--5", "+-5", "- 5"};
    for (size_t i = 0; i < array_count(bad); i++)
        assert_i64(bad[i], NUMBER_MALFORMED, 0);
}

static void sizes_have_suffixes(void **state)
{
    (void)state;
    assert_size("4096", NUMBER_OK, 4096);
    assert_size("64M", NUMBER_OK, 64 << 20);
    assert_size("1k", NUMBER_OK, 1024);
    assert_size("0x10G", NUMBER_OK, UINT64_C(16) << 30);
    assert_size("2t", NUMBER_OK, UINT64_C(2) << 40);
    assert_size("0T", NUMBER_OK, 0);
    assert_size("16777215T", NUMBER_OK, UINT64_C(16777215) << 40);
    assert_size("16777216T", NUMBER_RANGE, 0);
    assert_size("17179869184G", NUMBER_RANGE, 0);
    static const char *const bad[] = {"", "M", "1MM", "1 M", "1B", "-1M", "1.5G"};
    for (size_t i = 0; i < array_count(bad); i++)
        assert_size(bad[i], NUMBER_MALFORMED, 0);
}

static void taking_leaves_the_rest(void **state)
{
    (void)state;
    struct bytes text = bytes_of_str("12:345;x99999999999999999999");
    uint64_t value = 0;
    assert_int_equal(number_take(&text, 10, &value), NUMBER_OK);
    assert_int_equal(value, 12);
    assert_true(bytes_equal(text, bytes_of_str(":345;x99999999999999999999")));
    assert_int_equal(number_take(&text, 10, &value), NUMBER_MALFORMED);
    text = bytes_of_str("99999999999999999999");
    assert_int_equal(number_take(&text, 10, &value), NUMBER_RANGE);
    assert_int_equal(text.len, 20);
    assert_int_equal(value, 12);
}

static void random_numbers_read_as_strtoull_reads_them(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    size_t ok = 0;
    for (int i = 0; i < 50000; i++) {
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        char text[24];
        unsigned base = 2 + (unsigned)rng_below(&rng, 35);
        size_t len = 1 + rng_below(&rng, sizeof text - 1);
        for (size_t k = 0; k < len; k++)
            text[k] = digits[rng_below(&rng, base)];
        text[len - 1] = '\0';
        errno = 0;
        char *end;
        uint64_t want = strtoull(text, &end, (int)base);
        enum number_status status = *text == '\0' || *end ? NUMBER_MALFORMED
                                    : errno == ERANGE     ? NUMBER_RANGE
                                                          : NUMBER_OK;
        if (base == 16 && text[0] == '0' && text[1] == 'x')
            continue; /* strtoull takes this for a prefix */
        assert_u64(text, base, status, want);
        ok += status == NUMBER_OK;
    }
    assert_true(ok > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_must_be_a_number),
        cmocka_unit_test(base_zero_goes_by_the_prefix),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(signs_are_taken_once),
        cmocka_unit_test(sizes_have_suffixes),
        cmocka_unit_test(taking_leaves_the_rest),
        cmocka_unit_test(random_numbers_read_as_strtoull_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
