// SPDX-License-Identifier: BSD-2-Clause

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kernel/error.h>
#include <string.h>

static const kerr_t all[] = {
#define KERR(name, number, text, linux_errno) KERR_##name,
#include <kernel/errors.def>
#undef KERR
};

#define N_ERRORS (sizeof(all) / sizeof(all[0]))

static void numbers_are_unique_and_negative(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ERRORS; i++) {
        assert_true(all[i] < 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(all[i], all[j]);
            assert_string_not_equal(kerr_text(all[i]), kerr_text(all[j]));
        }
    }
}

static void errnos_are_those_of_linux(void **state)
{
    (void)state;
    assert_int_equal(kerr_to_linux(KERR_OK), 0);
    assert_int_equal(kerr_to_linux(KERR_NO_MEMORY), ENOMEM);
    assert_int_equal(kerr_to_linux(KERR_NO_SPACE), ENOSPC);
    assert_int_equal(kerr_to_linux(KERR_BUSY), EBUSY);
    assert_int_equal(kerr_to_linux(KERR_AGAIN), EAGAIN);
    assert_int_equal(kerr_to_linux(KERR_INVALID), EINVAL);
    assert_int_equal(kerr_to_linux(KERR_NOT_FOUND), ENOENT);
    assert_int_equal(kerr_to_linux(KERR_EXISTS), EEXIST);
    assert_int_equal(kerr_to_linux(KERR_RANGE), ERANGE);
    assert_int_equal(kerr_to_linux(KERR_TOO_LONG), ENAMETOOLONG);
    assert_int_equal(kerr_to_linux(KERR_BAD_ADDRESS), EFAULT);
    assert_int_equal(kerr_to_linux(KERR_NOT_SUPPORTED), EOPNOTSUPP);
    assert_int_equal(kerr_to_linux(KERR_NOT_PERMITTED), EPERM);
    assert_int_equal(kerr_to_linux(KERR_MALFORMED), EILSEQ);
    assert_int_equal(kerr_to_linux(KERR_CHECKSUM), EBADMSG);
    assert_int_equal(kerr_to_linux(KERR_UNREADABLE), EIO);
    assert_int_equal(kerr_to_linux(KERR_NOT_DIRECTORY), ENOTDIR);
    assert_int_equal(kerr_to_linux(KERR_IS_DIRECTORY), EISDIR);
    assert_int_equal(kerr_to_linux(KERR_NOT_EMPTY), ENOTEMPTY);
    assert_int_equal(kerr_to_linux(KERR_LOOP), ELOOP);
    assert_int_equal(kerr_to_linux(KERR_BAD_HANDLE), EBADF);
    assert_int_equal(kerr_to_linux(KERR_FS_FULL), ENOSPC);
    for (size_t i = 0; i < N_ERRORS; i++)
        assert_in_range(kerr_to_linux(all[i]), 1, 133);
}

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    assert_string_equal(kerr_name(KERR_OK), "OK");
    assert_string_equal(kerr_name(KERR_DOUBLE_FREE), "DOUBLE_FREE");
    assert_string_equal(kerr_text(KERR_NO_MEMORY), "out of memory");
    for (size_t i = 0; i < N_ERRORS; i++) {
        assert_string_not_equal(kerr_name(all[i]), "UNKNOWN");
        assert_true(strlen(kerr_text(all[i])) > 0);
    }
}

static void other_numbers_are_unknown(void **state)
{
    (void)state;
    static const kerr_t wrong[] = {1, -9999, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_string_equal(kerr_name(wrong[i]), "UNKNOWN");
        assert_string_equal(kerr_text(wrong[i]), "unknown error");
        assert_int_equal(kerr_to_linux(wrong[i]), EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_unique_and_negative),
        cmocka_unit_test(errnos_are_those_of_linux),
        cmocka_unit_test(every_error_has_a_name_and_a_text),
        cmocka_unit_test(other_numbers_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
