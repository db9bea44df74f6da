// SPDX-License-Identifier: BSD-2-Clause

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include <kernel/cmdline.h>
#include <string.h>

static struct cmdline line;
static char buffer[4096];

static void parse(const char *text)
{
    assert_int_equal(cmdline_parse(&line, text, strlen(text), buffer, sizeof(buffer)), KERR_OK);
}

static void check_value(const char *key, const char *value)
{
    const char *got = cmdline_get(&line, key);
    if (!value) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, value);
}

static void expect_problem(size_t i, enum cmdline_problem_kind kind, size_t position)
{
    assert_true(i < line.n_problems);
    assert_int_equal(line.problems[i].kind, kind);
    assert_int_equal(line.problems[i].position, position);
}

static void an_empty_line_has_no_words(void **state)
{
    (void)state;
    static const char *const empty[] = {"", " ", "\t \n "};
    for (size_t i = 0; i < 3; i++) {
        struct cmdline_word word;
        size_t cursor = 0;
        parse(empty[i]);
        assert_false(cmdline_next(&line, &cursor, &word));
        assert_int_equal(line.n_problems, 0);
        assert_null(line.rest);
    }
}

static void keys_have_values(void **state)
{
    (void)state;
    parse("log=info,memory=trace  init=redis.bin\ttest=userspace flag empty=");
    check_value("log", "info,memory=trace");
    check_value("init", "redis.bin");
    check_value("test", "userspace");
    check_value("flag", "");
    check_value("empty", "");
    check_value("lo", NULL);
    check_value("logs", NULL);
    assert_int_equal(line.n_problems, 0);
}

static void a_flag_differs_from_an_empty_value(void **state)
{
    (void)state;
    struct cmdline_word word;
    size_t cursor = 0;
    parse("flag empty=");
    assert_true(cmdline_next(&line, &cursor, &word));
    assert_false(word.has_value);
    assert_true(cmdline_next(&line, &cursor, &word));
    assert_true(word.has_value);
    assert_false(cmdline_next(&line, &cursor, &word));
}

static void quotes_are_taken_off(void **state)
{
    (void)state;
    parse("a='--threads=32 --num=1' b=\"x 'y' \\\"z\\\" \\\\\" c=1'2 3'\"4 5\"6 d='' e='\"\\'");
    check_value("a", "--threads=32 --num=1");
    check_value("b", "x 'y' \"z\" \\");
    check_value("c", "12 34 56");
    check_value("d", "");
    check_value("e", "\"\\");
    assert_int_equal(line.n_problems, 0);
}

static void the_last_duplicate_counts_and_is_reported(void **state)
{
    (void)state;
    parse("log=info x log=debug");
    check_value("log", "debug");
    assert_int_equal(line.n_problems, 1);
    expect_problem(0, CMDLINE_DUPLICATE, 11);
}

static void malformed_words_are_left_out_and_located(void **state)
{
    (void)state;
    parse("=x a=1 b$=2 \"c\"=3 d=\"\\n\" e=\x01 f=4");
    check_value("a", "1");
    check_value("f", "4");
    check_value("b", NULL);
    check_value("d", NULL);
    check_value("e", NULL);
    assert_int_equal(line.n_problems, 5);
    expect_problem(0, CMDLINE_BAD_KEY, 0);
    expect_problem(1, CMDLINE_BAD_KEY, 8);
    expect_problem(2, CMDLINE_BAD_KEY, 12);
    expect_problem(3, CMDLINE_BAD_ESCAPE, 21);
    expect_problem(4, CMDLINE_BAD_CHARACTER, 27);
}

static void an_open_quote_is_located_where_it_opens(void **state)
{
    (void)state;
    parse("a=1 b=x'y z");
    check_value("a", "1");
    check_value("b", NULL);
    assert_int_equal(line.n_problems, 1);
    expect_problem(0, CMDLINE_OPEN_QUOTE, 7);
    parse("b=\"\\");
    expect_problem(0, CMDLINE_BAD_ESCAPE, 3);
}

static void more_problems_than_places_are_counted(void **state)
{
    (void)state;
    char text[2 * (CMDLINE_MAX_PROBLEMS + 4) + 1] = "";
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 2 ? ' ' : '=';
    parse(text);
    assert_int_equal(line.n_problems, CMDLINE_MAX_PROBLEMS + 4);
    expect_problem(CMDLINE_MAX_PROBLEMS - 1, CMDLINE_BAD_KEY, 2 * (CMDLINE_MAX_PROBLEMS - 1));
}

static void what_follows_two_dashes_is_kept(void **state)
{
    (void)state;
    parse("init=redis-server --  --save \"\" --port 1=2");
    check_value("init", "redis-server");
    assert_string_equal(line.rest, "--save \"\" --port 1=2");
    check_value("1", NULL);
    parse("a --");
    assert_string_equal(line.rest, "");
    parse("--a=1 -- ");
    check_value("--a", "1");
    assert_string_equal(line.rest, "");
}

static void unclaimed_words_can_be_found(void **state)
{
    (void)state;
    parse("log=a vendor.knob=7 log=b");
    assert_true(cmdline_has(&line, "log"));
    struct cmdline_word word;
    const char *left = NULL;
    unsigned n = 0;
    for (size_t cursor = 0; cmdline_next(&line, &cursor, &word);) {
        if (!word.claimed) {
            left = word.key;
            n++;
        }
    }
    assert_int_equal(n, 1);
    assert_string_equal(left, "vendor.knob");
}

static void numbers_have_suffixes_and_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        kerr_t err;
        uint64_t value;
    } cases[] = {
        {"n=0", KERR_OK, 0},
        {"n=42", KERR_OK, 42},
        {"n=0x1F", KERR_OK, 31},
        {"n=4K", KERR_OK, 4096},
        {"n=2m", KERR_OK, 2 << 20},
        {"n=1G", KERR_OK, 1 << 30},
        {"n=3T", KERR_OK, UINT64_C(3) << 40},
        {"n=18446744073709551615", KERR_OK, UINT64_MAX},
        {"n=18446744073709551616", KERR_RANGE, 0},
        {"n=0xffffffffffffffff", KERR_OK, UINT64_MAX},
        {"n=0x10000000000000000", KERR_RANGE, 0},
        {"n=99999999999999999T", KERR_RANGE, 0},
        {"n=", KERR_INVALID, 0},
        {"n", KERR_INVALID, 0},
        {"n=0x", KERR_INVALID, 0},
        {"n=-1", KERR_INVALID, 0},
        {"n=1X", KERR_INVALID, 0},
        {"n=1KB", KERR_INVALID, 0},
        {"n=12a", KERR_INVALID, 0},
        {"m=1", KERR_NOT_FOUND, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 77;
        parse(cases[i].text);
        assert_int_equal(cmdline_get_number(&line, "n", &value), cases[i].err);
        assert_true(value == (cases[i].err ? 77 : cases[i].value));
    }
}

static void values_split_into_words(void **state)
{
    (void)state;
    const char *text = "  --save \"\" 'a b'c\td\\e ";
    static const char *const words[] = {"--save", "", "a bc", "d\\e"};
    char word[8];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_OK);
        assert_string_equal(word, words[i]);
    }
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_NOT_FOUND);
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_NOT_FOUND);

    text = "1234567 12345678 x";
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_OK);
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_TOO_LONG);
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_NOT_FOUND);
    text = "a 'b";
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_OK);
    assert_int_equal(cmdline_split(&text, word, sizeof(word)), KERR_MALFORMED);
}

static void text_ends_at_its_length_or_a_nul(void **state)
{
    (void)state;
    assert_int_equal(cmdline_parse(&line, "a=12345", 4, buffer, sizeof(buffer)), KERR_OK);
    check_value("a", "12");
    assert_int_equal(cmdline_parse(&line, "a=1\0b=2", 7, buffer, sizeof(buffer)), KERR_OK);
    check_value("b", NULL);
}

static void a_small_buffer_is_an_error(void **state)
{
    (void)state;
    for (size_t size = 0; size < 6; size++) {
        assert_int_equal(cmdline_parse(&line, "a=12", 4, buffer, size), KERR_TOO_LONG);
        assert_int_equal(line.size, 0);
    }
    assert_int_equal(cmdline_parse(&line, "a=12", 4, buffer, 6), KERR_OK);
}

/* Letters that make every case of the grammar likely. */
static void the_advertised_buffer_always_suffices(void **state)
{
    (void)state;
    static const char letters[] = "ab=='\"\\ \t--\x01$";
    struct random random = {random_seed("the_advertised_buffer_always_suffices")};
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t len = random_below(&random, sizeof(text));
        for (size_t i = 0; i < len; i++)
            text[i] = letters[random_below(&random, sizeof(letters) - 1)];
        size_t size = CMDLINE_BUFFER_SIZE(len);
        char *exact = malloc(size); /* of the exact size, for the sanitizer */
        assert_non_null(exact);
        assert_int_equal(cmdline_parse(&line, text, len, exact, size), KERR_OK);
        struct cmdline_word word;
        for (size_t cursor = 0; cmdline_next(&line, &cursor, &word);)
            assert_true(strlen(word.key) > 0 && strlen(word.value) < len);
        for (size_t i = 0; i < line.n_problems && i < CMDLINE_MAX_PROBLEMS; i++)
            assert_true(line.problems[i].position < len);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_line_has_no_words),
        cmocka_unit_test(keys_have_values),
        cmocka_unit_test(a_flag_differs_from_an_empty_value),
        cmocka_unit_test(quotes_are_taken_off),
        cmocka_unit_test(the_last_duplicate_counts_and_is_reported),
        cmocka_unit_test(malformed_words_are_left_out_and_located),
        cmocka_unit_test(an_open_quote_is_located_where_it_opens),
        cmocka_unit_test(more_problems_than_places_are_counted),
        cmocka_unit_test(what_follows_two_dashes_is_kept),
        cmocka_unit_test(unclaimed_words_can_be_found),
        cmocka_unit_test(numbers_have_suffixes_and_limits),
        cmocka_unit_test(values_split_into_words),
        cmocka_unit_test(text_ends_at_its_length_or_a_nul),
        cmocka_unit_test(a_small_buffer_is_an_error),
        cmocka_unit_test(the_advertised_buffer_always_suffices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
