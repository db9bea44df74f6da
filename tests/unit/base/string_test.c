// SPDX-License-Identifier: BSD-2-Clause
#include <base/bytes.h>

#include "support.h"

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void random_text(struct rng *rng, char *text, size_t max)
{
    size_t len = rng_below(rng, max);
    for (size_t i = 0; i < len; i++)
        text[i] = "ab\xff"[rng_below(rng, 3)];
    text[len] = '\0';
}

/* Short strings over three characters: equal ones, prefixes and repetitions are frequent. */
static void string_functions_agree_with_libc(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    for (int i = 0; i < 20000; i++) {
        char a[8], b[8];
        random_text(&rng, a, sizeof a);
        random_text(&rng, b, sizeof b);
        assert_int_equal(str_len(a), strlen(a));
        for (size_t max = 0; max < 10; max++)
            assert_int_equal(str_len_max(a, max), strnlen(a, max));
        assert_int_equal(str_equal(a, b), strcmp(a, b) == 0);
        assert_int_equal(sign(str_compare(a, b)), sign(strcmp(a, b)));
        assert_int_equal(str_starts_with(a, b), strncmp(a, b, strlen(b)) == 0);
        assert_ptr_equal(str_find(a, 'a'), strchr(a, 'a'));
        assert_ptr_equal(str_find_last(a, '\xff'), strrchr(a, '\xff'));
        assert_int_equal(bytes_equal(bytes_of_str(a), bytes_of_str(b)), str_equal(a, b));
    }
}

static void copies_are_cut_off_and_terminated(void **state)
{
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        char dst[9];
        memset(dst, '#', sizeof dst);
        assert_int_equal(str_copy(dst, size, "12345"), 5);
        size_t len = size == 0 ? 0 : min(size - 1, (size_t)5);
        assert_memory_equal(dst, "12345", len);
        if (size > 0)
            assert_int_equal(dst[len], '\0');
        assert_int_equal(dst[size], '#');
    }
}

static void characters_are_classified_as_ascii(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        assert_int_equal(char_is_digit(c), i < 128 && strchr("0123456789", c) && c);
        assert_int_equal(char_is_alpha(c), (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z'));
        assert_int_equal(char_is_space(c), i < 128 && strchr(" \t\n\v\f\r", c) && c);
        assert_int_equal(char_is_printable(c), i >= ' ' && i <= '~');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(string_functions_agree_with_libc),
        cmocka_unit_test(copies_are_cut_off_and_terminated),
        cmocka_unit_test(characters_are_classified_as_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
