// SPDX-License-Identifier: BSD-2-Clause
// What the models take for right and for wrong, one operation after the other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "models.h"

/* Operations one after the other. The last of them is what a case is about. */
static bool explains(const struct lin_model *model, const struct lin_op *ops, size_t n)
{
    struct lin_state s = {0};
    bool ok = true;
    lin_state_resize(&s, 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(ok);
        ok = model->step(&s, &ops[i]);
    }
    free(s.bytes);
    return ok;
}

#define EXPLAINS(model, ...)                                 \
    explains(&(model), (const struct lin_op[]){__VA_ARGS__}, \
             sizeof((const struct lin_op[]){__VA_ARGS__}) / sizeof(struct lin_op))

#define DID(KIND, A0, A1, R0, R1)                         \
    {                                                     \
        .kind = KIND, .arg = {A0, A1}, .resp = { R0, R1 } \
    }
#define CAS(KEY, EXPECTED, VALUE, ...)                                          \
    {                                                                           \
        .kind = MAP_CAS, .arg = {KEY, EXPECTED, VALUE}, .resp = { __VA_ARGS__ } \
    }
#define SHOWED(KIND, LO, HI, MAX, ...)                                              \
    {                                                                               \
        .kind = KIND, .arg = {LO, HI, MAX}, .out = (const uint64_t[]){__VA_ARGS__}, \
        .out_len = sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)       \
    }
#define PUT DID(MAP_PUT, 1, 10, MAP_ABSENT, 0)

static void map_mutations_answer_what_they_found(void **state)
{
    (void)state;
    assert_true(EXPLAINS(model_map, DID(MAP_INSERT, 1, 10, MAP_ABSENT, 0)));
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_INSERT, 1, 11, MAP_KEPT, 10)));
    assert_false(EXPLAINS(model_map, PUT, DID(MAP_INSERT, 1, 11, MAP_ABSENT, 0)));
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_REPLACE, 1, 11, MAP_FOUND, 10),
                         DID(MAP_GET, 1, 0, MAP_FOUND, 11)));
    assert_true(EXPLAINS(model_map, DID(MAP_REPLACE, 1, 11, MAP_ABSENT, 0),
                         DID(MAP_GET, 1, 0, MAP_ABSENT, 0)));
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_ADD, 1, 5, MAP_FOUND, 15)));
    assert_true(EXPLAINS(model_map, DID(MAP_ADD, 1, 5, MAP_ABSENT, 5)));
    assert_false(EXPLAINS(model_map, PUT, DID(MAP_ADD, 1, 5, MAP_FOUND, 10)));
}

static void a_map_compares_and_sets(void **state)
{
    (void)state;
    assert_true(
        EXPLAINS(model_map, PUT, CAS(1, 10, 11, MAP_FOUND, 10), DID(MAP_GET, 1, 0, MAP_FOUND, 11)));
    assert_true(
        EXPLAINS(model_map, PUT, CAS(1, 9, 11, MAP_KEPT, 10), DID(MAP_GET, 1, 0, MAP_FOUND, 10)));
    assert_false(EXPLAINS(model_map, PUT, CAS(1, 9, 11, MAP_FOUND, 10)));
    assert_true(EXPLAINS(model_map, CAS(1, 9, 11, MAP_ABSENT, 0)));
}

static void a_refused_mutation_changes_nothing(void **state)
{
    (void)state;
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_PUT, 1, 11, MAP_REFUSED, 0),
                         DID(MAP_GET, 1, 0, MAP_FOUND, 10)));
    assert_true(EXPLAINS(model_map, DID(MAP_PUT, 1, 11, MAP_NO_ROOM, 0),
                         DID(MAP_GET, 1, 0, MAP_ABSENT, 0)));
    /* What is there already needs no room. */
    assert_false(EXPLAINS(model_map, PUT, DID(MAP_PUT, 1, 11, MAP_NO_ROOM, 0)));
    assert_true(EXPLAINS(model_fifo, DID(QUEUE_PUSH, 1, 0, 0, 0), DID(QUEUE_POP, 0, 0, 0, 0)));
}

static void what_was_not_told_may_be_anything(void **state)
{
    (void)state;
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_PUT, 1, 11, MAP_DONE | MAP_UNTOLD, 0)));
    assert_true(EXPLAINS(model_map, DID(MAP_PUT, 1, 11, MAP_DONE | MAP_UNTOLD, 0)));
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_REMOVE, 1, 0, MAP_FOUND | MAP_UNTOLD, 0)));
    assert_false(EXPLAINS(model_map, DID(MAP_REMOVE, 1, 0, MAP_FOUND | MAP_UNTOLD, 0)));
    assert_true(EXPLAINS(model_map, PUT, DID(MAP_CLEAR, 0, 0, MAP_UNTOLD, 0)));
    assert_false(EXPLAINS(model_map, PUT, DID(MAP_CLEAR, 0, 0, 2, 0)));
}

static void scans_show_what_is_in_their_bounds(void **state)
{
    (void)state;
    const struct lin_op more = DID(MAP_PUT, 3, 30, MAP_ABSENT, 0);
    assert_true(EXPLAINS(model_map, PUT, more, SHOWED(MAP_RANGE, 1, 9, 9, 1, 10, 3, 30)));
    assert_true(EXPLAINS(model_map, PUT, more, SHOWED(MAP_RANGE, 1, 9, 1, 1, 10)));
    assert_false(EXPLAINS(model_map, PUT, more, SHOWED(MAP_RANGE, 1, 9, 9, 3, 30)));
    assert_true(EXPLAINS(model_map, PUT, more, SHOWED(MAP_BELOW, 3, 0, 0, 1, 10)));
    assert_true(EXPLAINS(model_map, PUT, more, SHOWED(MAP_BELOW, 4, 0, 0, 3, 30)));
    assert_false(EXPLAINS(model_map, PUT, more, SHOWED(MAP_BELOW, 3, 0, 0, 3, 30)));
    assert_false(EXPLAINS(model_map, PUT, more, {.kind = MAP_BELOW, .arg = {3}}));
}

static void equal_priorities_come_out_in_order_of_arrival(void **state)
{
    (void)state;
    enum { FIRST = 1 << 8 | 5, SECOND = 2 << 8 | 5, URGENT = 3 << 8 | 4 };
    const struct lin_op first = DID(QUEUE_PUSH, FIRST, 0, 1, 0);
    const struct lin_op second = DID(QUEUE_PUSH, SECOND, 0, 1, 0);
    const struct lin_op urgent = DID(QUEUE_PUSH, URGENT, 0, 1, 0);
    assert_true(EXPLAINS(model_pqueue, first, second, DID(QUEUE_POP, 0, 0, 1, FIRST)));
    assert_false(EXPLAINS(model_pqueue, first, second, DID(QUEUE_POP, 0, 0, 1, SECOND)));
    assert_true(EXPLAINS(model_pqueue, first, urgent, DID(QUEUE_POP, 0, 0, 1, URGENT)));
    assert_true(
        EXPLAINS(model_pqueue, first, DID(QUEUE_CLEAR, 0, 0, 0, 0), DID(QUEUE_LEN, 0, 0, 0, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_mutations_answer_what_they_found),
        cmocka_unit_test(a_map_compares_and_sets),
        cmocka_unit_test(a_refused_mutation_changes_nothing),
        cmocka_unit_test(what_was_not_told_may_be_anything),
        cmocka_unit_test(scans_show_what_is_in_their_bounds),
        cmocka_unit_test(equal_priorities_come_out_in_order_of_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
