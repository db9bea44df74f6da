// SPDX-License-Identifier: BSD-2-Clause
// The ready-made maps: of numbers, of byte strings, ordered; the first two with several logs and
// scans over all of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drive.h"
#include "explore.h"
#include "subject_tables.h"

static void a_hash_map_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_hash_map, FOCUS_ANY, 50));
}

static void a_map_of_byte_strings_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_bytes_map, FOCUS_ANY, 50));
}

static void an_ordered_map_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_ordered_map, FOCUS_ANY, 50));
}

static void reads_and_scans_see_what_others_have_seen(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_hash_map, FOCUS_READS, 20));
    assert_true(drive(__func__, &subject_bytes_map, FOCUS_READS, 20));
    assert_true(drive(__func__, &subject_ordered_map, FOCUS_READS, 20));
}

static void submissions_take_effect_once_and_in_order(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_hash_map, FOCUS_SUBMISSIONS, 20));
    assert_true(drive(__func__, &subject_bytes_map, FOCUS_SUBMISSIONS, 20));
    assert_true(drive(__func__, &subject_ordered_map, FOCUS_SUBMISSIONS, 20));
}

static void replicas_come_and_go_while_the_log_is_full(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_hash_map, FOCUS_REPLICAS, 20));
    assert_true(drive(__func__, &subject_bytes_map, FOCUS_REPLICAS, 20));
    assert_true(drive(__func__, &subject_ordered_map, FOCUS_REPLICAS, 20));
}

static void threads_and_replicas_come_and_go(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_hash_map, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_bytes_map, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_ordered_map, FOCUS_MOVES, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_map_is_linearizable),
        cmocka_unit_test(a_map_of_byte_strings_is_linearizable),
        cmocka_unit_test(an_ordered_map_is_linearizable),
        cmocka_unit_test(reads_and_scans_see_what_others_have_seen),
        cmocka_unit_test(submissions_take_effect_once_and_in_order),
        cmocka_unit_test(replicas_come_and_go_while_the_log_is_full),
        cmocka_unit_test(threads_and_replicas_come_and_go),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
