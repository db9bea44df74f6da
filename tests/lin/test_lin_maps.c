// SPDX-License-Identifier: BSD-2-Clause
// The protocol itself: NR and CNR, partitioned and concurrent, over small maps.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drive.h"
#include "explore.h"
#include "subject_maps.h"

/* Weights: about as long as the others for what has found bugs, and what is special. */
static void a_map_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map, FOCUS_ANY, 50));
}

static void a_map_with_apply_many_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map_many, FOCUS_ANY, 30));
}

static void a_partitioned_map_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map_partitioned, FOCUS_ANY, 100));
}

static void a_concurrent_map_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map_concurrent, FOCUS_ANY, 50));
}

static void reads_see_what_others_have_seen(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map, FOCUS_READS, 50));
    assert_true(drive(__func__, &subject_map_partitioned, FOCUS_READS, 50));
    assert_true(drive(__func__, &subject_map_concurrent, FOCUS_READS, 50));
}

static void submissions_take_effect_once_and_in_order(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map, FOCUS_SUBMISSIONS, 30));
    assert_true(drive(__func__, &subject_map_partitioned, FOCUS_SUBMISSIONS, 50));
}

static void replicas_come_and_go_while_the_log_is_full(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map, FOCUS_REPLICAS, 50));
    assert_true(drive(__func__, &subject_map_partitioned, FOCUS_REPLICAS, 30));
}

static void threads_and_replicas_come_and_go(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_map, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_map_many, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_map_partitioned, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_map_concurrent, FOCUS_MOVES, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_linearizable),
        cmocka_unit_test(a_map_with_apply_many_is_linearizable),
        cmocka_unit_test(a_partitioned_map_is_linearizable),
        cmocka_unit_test(a_concurrent_map_is_linearizable),
        cmocka_unit_test(reads_see_what_others_have_seen),
        cmocka_unit_test(submissions_take_effect_once_and_in_order),
        cmocka_unit_test(replicas_come_and_go_while_the_log_is_full),
        cmocka_unit_test(threads_and_replicas_come_and_go),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
