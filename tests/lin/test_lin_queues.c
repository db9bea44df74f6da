// SPDX-License-Identifier: BSD-2-Clause
// The ready-made queue, stack and priority queue, in histories short enough for the checker: their
// operations all depend on one another.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drive.h"
#include "explore.h"
#include "subject_queues.h"

static void a_queue_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_queue, FOCUS_ANY, 50));
}

static void a_stack_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_stack, FOCUS_ANY, 50));
}

static void a_priority_queue_is_linearizable(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_pqueue, FOCUS_ANY, 50));
}

static void submissions_take_effect_once_and_in_order(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_queue, FOCUS_SUBMISSIONS, 30));
    assert_true(drive(__func__, &subject_stack, FOCUS_SUBMISSIONS, 30));
    assert_true(drive(__func__, &subject_pqueue, FOCUS_SUBMISSIONS, 30));
}

static void replicas_come_and_go_while_the_log_is_full(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_queue, FOCUS_REPLICAS, 20));
    assert_true(drive(__func__, &subject_stack, FOCUS_REPLICAS, 20));
    assert_true(drive(__func__, &subject_pqueue, FOCUS_REPLICAS, 20));
}

static void threads_and_replicas_come_and_go(void **state)
{
    (void)state;
    assert_true(drive(__func__, &subject_queue, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_stack, FOCUS_MOVES, 20));
    assert_true(drive(__func__, &subject_pqueue, FOCUS_MOVES, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_is_linearizable),
        cmocka_unit_test(a_stack_is_linearizable),
        cmocka_unit_test(a_priority_queue_is_linearizable),
        cmocka_unit_test(submissions_take_effect_once_and_in_order),
        cmocka_unit_test(replicas_come_and_go_while_the_log_is_full),
        cmocka_unit_test(threads_and_replicas_come_and_go),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
