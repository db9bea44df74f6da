// SPDX-License-Identifier: BSD-2-Clause
// The checker itself: classic histories, agreement with brute force, long histories, limits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "lincheck.h"
#include "models.h"
#include "rng.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Terse constructors: stamps first, then the operation as it would be written. */
#define OP(c, r, t, k, ...)                                              \
    {                                                                    \
        .call = (c), .ret = (r), .thread = (t), .kind = (k), __VA_ARGS__ \
    }
#define WRITE(c, r, t, v)    OP(c, r, t, REG_WRITE, .arg = {v})
#define READ(c, r, t, v)     OP(c, r, t, REG_READ, .resp = {v})
#define PUSH(c, r, t, v)     OP(c, r, t, QUEUE_PUSH, .arg = {v}, .resp = {1})
#define POP(c, r, t, v)      OP(c, r, t, QUEUE_POP, .resp = {1, v})
#define POP_EMPTY(c, r, t)   OP(c, r, t, QUEUE_POP, .resp = {0})
#define PUT(c, r, t, k, v)   OP(c, r, t, MAP_PUT, .arg = {k, v})
#define GET(c, r, t, k, v)   OP(c, r, t, MAP_GET, .arg = {k}, .resp = {1, v})
#define GET_NONE(c, r, t, k) OP(c, r, t, MAP_GET, .arg = {k})

#define CHECK(model, ops) lin_check(&(model), ops, COUNT(ops), NULL, NULL, NULL)

static void registers_decide_as_in_the_textbook(void **state)
{
    (void)state;
    /* A read beside a write may see it or not. */
    const struct lin_op concurrent[] = {WRITE(1, 6, 0, 7), READ(2, 3, 1, 0), READ(4, 5, 1, 7)};
    assert_int_equal(CHECK(model_register, concurrent), LIN_OK);
    /* But once seen, it stays seen. */
    const struct lin_op unseen[] = {WRITE(1, 6, 0, 7), READ(2, 3, 1, 7), READ(4, 5, 2, 0)};
    assert_int_equal(CHECK(model_register, unseen), LIN_VIOLATION);
    /* A stale read after the write returned. */
    const struct lin_op stale[] = {WRITE(1, 2, 0, 7), READ(3, 4, 1, 0)};
    assert_int_equal(CHECK(model_register, stale), LIN_VIOLATION);
    /* A call at the very stamp of a return counts as concurrent with it. */
    const struct lin_op tie[] = {WRITE(1, 3, 0, 7), READ(3, 4, 1, 0)};
    assert_int_equal(CHECK(model_register, tie), LIN_OK);
    /* Both of two concurrent compare-and-swaps cannot win. */
    const struct lin_op both[] = {OP(1, 3, 0, REG_CAS, .arg = {0, 1}, .resp = {1}),
                                  OP(2, 4, 1, REG_CAS, .arg = {0, 2}, .resp = {1})};
    assert_int_equal(CHECK(model_register, both), LIN_VIOLATION);
}

static void pending_operations_may_count_or_not(void **state)
{
    (void)state;
    const struct lin_op seen[] = {WRITE(1, LIN_PENDING, 0, 7), READ(2, 3, 1, 0), READ(4, 5, 1, 7)};
    assert_int_equal(CHECK(model_register, seen), LIN_OK);
    const struct lin_op never_seen[] = {WRITE(1, LIN_PENDING, 0, 7), READ(2, 3, 1, 0)};
    assert_int_equal(CHECK(model_register, never_seen), LIN_OK);
    const struct lin_op undone[] = {WRITE(1, LIN_PENDING, 0, 7), READ(2, 3, 1, 7),
                                    READ(4, 5, 1, 0)};
    assert_int_equal(CHECK(model_register, undone), LIN_VIOLATION);
    const struct lin_op too_early[] = {READ(1, 2, 1, 7), WRITE(3, LIN_PENDING, 0, 7)};
    assert_int_equal(CHECK(model_register, too_early), LIN_VIOLATION);
    const struct lin_op only[] = {WRITE(1, LIN_PENDING, 0, 7)};
    assert_int_equal(CHECK(model_register, only), LIN_OK);
    assert_int_equal(lin_check(&model_register, NULL, 0, NULL, NULL, NULL), LIN_OK);
}

static void unseen_answers_and_submission_order_count(void **state)
{
    (void)state;
    /* The write has returned, so it counts, whatever it answered. */
    const struct lin_op unseen[] = {
        OP(1, 2, 0, REG_CAS, .arg = {0, 7}, .unseen = true),
        READ(3, 4, 1, 0),
    };
    assert_int_equal(CHECK(model_register, unseen), LIN_VIOLATION);
    /* Overlapping submissions of one thread; the last read tells which came second. */
    struct lin_op submitted[] = {WRITE(1, 5, 0, 1), WRITE(2, 6, 0, 2), READ(7, 8, 1, 1)};
    assert_int_equal(CHECK(model_register, submitted), LIN_OK);
    submitted[0].ordered = submitted[1].ordered = true;
    assert_int_equal(CHECK(model_register, submitted), LIN_VIOLATION);
    submitted[1].thread = 2;
    assert_int_equal(CHECK(model_register, submitted), LIN_OK);
}

static void queues_keep_order(void **state)
{
    (void)state;
    /* Herlihy and Wing, figure 1: overlapping pushes may be popped in either order. */
    const struct lin_op either[] = {PUSH(1, 4, 0, 1), PUSH(2, 3, 1, 2), POP(5, 6, 0, 2),
                                    POP(7, 8, 1, 1)};
    assert_int_equal(CHECK(model_fifo, either), LIN_OK);
    const struct lin_op swapped[] = {PUSH(1, 2, 0, 1), PUSH(3, 4, 1, 2), POP(5, 6, 0, 2),
                                     POP(7, 8, 1, 1)};
    assert_int_equal(CHECK(model_fifo, swapped), LIN_VIOLATION);
    assert_int_equal(CHECK(model_stack, swapped), LIN_OK);
    const struct lin_op twice[] = {PUSH(1, 2, 0, 1), POP(3, 5, 0, 1), POP(4, 6, 1, 1)};
    assert_int_equal(CHECK(model_fifo, twice), LIN_VIOLATION);
    assert_int_equal(CHECK(model_stack, twice), LIN_VIOLATION);
    const struct lin_op lost[] = {PUSH(1, 2, 0, 1), POP_EMPTY(3, 4, 1)};
    assert_int_equal(CHECK(model_fifo, lost), LIN_VIOLATION);
    const struct lin_op smallest[] = {PUSH(1, 2, 0, 9), PUSH(3, 4, 1, 2), POP(5, 6, 0, 2),
                                      POP(7, 8, 1, 9), POP_EMPTY(9, 10, 0)};
    assert_int_equal(CHECK(model_pqueue, smallest), LIN_OK);
}

static void maps_are_split_by_key_unless_an_operation_spans_keys(void **state)
{
    (void)state;
    struct lin_result res;
    const struct lin_op split[] = {PUT(1, 2, 0, 1, 10), PUT(3, 4, 0, 2, 20), GET(5, 6, 1, 1, 10),
                                   GET(7, 8, 1, 2, 20), GET_NONE(9, 10, 1, 3)};
    assert_int_equal(lin_check(&model_map, split, COUNT(split), NULL, NULL, &res), LIN_OK);
    assert_int_equal(res.partitions, 3);

    /* Each key alone is in order; the scan saw the second put without the first. */
    const uint64_t saw[] = {2, 20};
    const struct lin_op torn[] = {
        PUT(1, 2, 0, 1, 10),
        PUT(3, 4, 0, 2, 20),
        OP(1, 9, 1, MAP_RANGE, .arg = {0, 9, 9}, .out = saw, .out_len = COUNT(saw)),
        GET(10, 11, 1, 1, 10),
    };
    assert_int_equal(lin_check(&model_map, torn, COUNT(torn), NULL, NULL, &res), LIN_VIOLATION);
    assert_int_equal(res.partitions, 1);
    assert_int_equal(res.culprit, 2);
    assert_int_equal(res.key, LIN_ALL_KEYS);

    const struct lin_op len[] = {PUT(1, 2, 0, 1, 10), PUT(3, 4, 0, 2, 20),
                                 OP(5, 6, 1, MAP_LEN, .resp = {1})};
    assert_int_equal(CHECK(model_map, len), LIN_VIOLATION);
}

static void the_report_names_the_culprit(void **state)
{
    (void)state;
    const struct lin_op ops[] = {PUT(1, 2, 0, 5, 10), PUT(3, 4, 1, 6, 20), GET(5, 6, 1, 6, 20),
                                 GET_NONE(7, 8, 2, 5), GET(9, 10, 0, 5, 10)};
    struct lin_result res;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(lin_check(&model_map, ops, COUNT(ops), NULL, out, &res), LIN_VIOLATION);
    fclose(out);
    assert_int_equal(res.key, 5);
    assert_int_equal(res.culprit, 3);
    assert_non_null(strstr(text, "not linearizable (key 5): 3 operations"));
    assert_non_null(strstr(text, "get(5)                       = none   <-- no place"));
    assert_null(strstr(text, "put(6"));
    free(text);
}

static void malformed_histories_are_refused(void **state)
{
    (void)state;
    const struct lin_op ops[] = {WRITE(2, 2, 0, 7)};
    assert_int_equal(CHECK(model_register, ops), LIN_INVALID);
}

/* ---- brute force ---- */

/* Whether what the thread of order[i] called just before is among order[0..i), if it must be. */
static bool follows_predecessor(const struct lin_op *ops, const size_t *order, size_t i)
{
    size_t before = order[i]; /* histories are generated in order of calls */
    while (before > 0 && ops[before - 1].thread != ops[order[i]].thread)
        before--;
    bool found = before == 0 || !ops[order[i]].ordered;
    for (size_t j = 0; j < i && !found; j++)
        found = order[j] == before - 1;
    return found;
}

/* Whether order, a permutation of some of the operations, explains the history. */
static bool order_explains(const struct lin_model *model, const struct lin_op *ops, size_t n,
                           const size_t *order, size_t len)
{
    size_t completed = 0;
    for (size_t i = 0; i < n; i++)
        completed += ops[i].ret != LIN_PENDING;
    for (size_t i = 0; i < len; i++) {
        if (!follows_predecessor(ops, order, i))
            return false;
        completed -= ops[order[i]].ret != LIN_PENDING;
        for (size_t j = i + 1; j < len; j++) {
            if (ops[order[j]].ret < ops[order[i]].call)
                return false;
        }
    }
    if (completed != 0)
        return false;

    struct lin_state s = {0};
    lin_state_resize(&s, 0);
    if (model->init)
        model->init(&s);
    bool ok = true;
    for (size_t i = 0; i < len && ok; i++)
        ok = model->step(&s, &ops[order[i]]);
    free(s.bytes);
    return ok;
}

/* Tries every sequence of distinct operations that starts with order[0..len). */
static bool any_order_explains(const struct lin_model *model, const struct lin_op *ops, size_t n,
                               size_t *order, size_t len)
{
    if (order_explains(model, ops, n, order, len))
        return true;
    for (size_t i = 0; i < n; i++) {
        bool used = false;
        for (size_t j = 0; j < len; j++)
            used = used || order[j] == i;
        if (used)
            continue;
        order[len] = i;
        if (any_order_explains(model, ops, n, order, len + 1))
            return true;
    }
    return false;
}

/* ---- random histories ---- */

struct workload {
    const struct lin_model *model;
    uint32_t kinds;  /* operation codes below this are drawn */
    uint32_t values; /* arguments and guessed responses are below this */
};

/* Fills in the response that the model gives now. */
static void answer(const struct lin_model *model, struct lin_state *s, struct lin_op *op,
                   uint32_t values)
{
    op->ret = UINT64_MAX - 1; /* completed, as far as the model is concerned */
    for (uint64_t r0 = 0; r0 <= 8; r0++) {
        for (uint64_t r1 = 0; r1 < values + 1; r1++) {
            struct lin_state copy = {0};
            lin_state_resize(&copy, s->len);
            memcpy(copy.bytes, s->bytes, s->len);
            op->resp[0] = r0, op->resp[1] = r1;
            bool ok = model->step(&copy, op);
            if (ok) {
                free(s->bytes);
                *s = copy;
                return;
            }
            free(copy.bytes);
        }
    }
    fail_msg("%s gives no response to operation %" PRIu32, model->name, op->kind);
}

/*
 * A random history of up to max operations, three at once. It is linearizable as generated (but
 * perhaps not in order of calls), each operation taking effect somewhere between its stamps; then
 * some responses are replaced.
 */
static size_t random_history(struct rng *r, const struct workload *w, struct lin_op *ops,
                             size_t max)
{
    enum { OPEN = 3 }; /* operations under way at once; all of them one thread's if ordered */
    size_t n = 1 + rng_below(r, (uint32_t)max), open[OPEN] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    bool effective[OPEN] = {false}, ordered = rng_one_in(r, 4);
    size_t called = 0, returned = 0;
    uint64_t now = 0;
    struct lin_state s = {0};
    lin_state_resize(&s, 0);
    if (w->model->init)
        w->model->init(&s);
    while (returned < n) {
        uint32_t t = rng_below(r, OPEN);
        if (open[t] == SIZE_MAX && called < n) {
            ops[called] = (struct lin_op){.call = ++now, .thread = t, .ordered = ordered};
            if (ordered)
                ops[called].thread = 0;
            ops[called].kind = rng_below(r, w->kinds);
            ops[called].unseen = rng_one_in(r, 8);
            for (int i = 0; i < 3; i++)
                ops[called].arg[i] = rng_below(r, w->values);
            open[t] = called++;
            effective[t] = false;
        } else if (open[t] != SIZE_MAX && !effective[t]) {
            answer(w->model, &s, &ops[open[t]], w->values);
            effective[t] = true;
        } else if (open[t] != SIZE_MAX) {
            ops[open[t]].ret = rng_one_in(r, 8) ? LIN_PENDING : ++now;
            open[t] = SIZE_MAX;
            returned++;
        }
    }
    free(s.bytes);
    for (uint32_t spoilt = rng_below(r, 3); spoilt > 0; spoilt--) {
        struct lin_op *op = &ops[rng_below(r, (uint32_t)n)];
        op->resp[rng_below(r, 2)] = rng_below(r, w->values);
    }
    return n;
}

static void agrees_with_brute_force(void **state)
{
    (void)state;
    static const struct workload workloads[] = {
        {&model_register, 3, 3}, {&model_fifo, 5, 3}, {&model_stack, 5, 3},
        {&model_pqueue, 5, 3},   {&model_map, 3, 2},  {&model_map, 4, 2},
    };
    const char *replay = getenv("NRK_SEED");
    uint64_t first = explore_env("NRK_SEED", 1);
    uint64_t last = replay ? first : explore_env("NRK_SCHEDULES", 12000);
    size_t verdicts[LIN_INVALID + 1] = {0};
    for (uint64_t seed = first; seed <= last; seed++) {
        struct rng r = rng_seeded(seed);
        const struct workload *w = &workloads[rng_below(&r, COUNT(workloads))];
        struct lin_op ops[6];
        size_t order[COUNT(ops)], n = random_history(&r, w, ops, COUNT(ops));
        enum lin_verdict got = lin_check(w->model, ops, n, NULL, NULL, NULL);
        enum lin_verdict want =
            any_order_explains(w->model, ops, n, order, 0) ? LIN_OK : LIN_VIOLATION;
        if (got != want) {
            lin_check(w->model, ops, n, NULL, stderr, NULL);
            fail_msg("NRK_SEED=%" PRIu64 ": %s history of %zu operations: %s, by brute force %s",
                     seed, w->model->name, n, lin_verdict_name(got), lin_verdict_name(want));
        }
        verdicts[got]++;
    }
    /* A generator which made only one kind of history would test nothing. */
    if (!replay && last >= 1000) {
        assert_true(verdicts[LIN_OK] > last / 5);
        assert_true(verdicts[LIN_VIOLATION] > last / 5);
    }
}

/* A linearizable register history of n operations by 8 threads, each overlapping the next seven. */
static struct lin_op *long_history(size_t n)
{
    struct lin_op *ops = calloc(n, sizeof(*ops));
    assert_non_null(ops);
    uint64_t value = 0;
    struct rng r = rng_seeded(n);
    for (size_t i = 0; i < n; i++) {
        ops[i].call = 2 * i + 1;
        ops[i].ret = 2 * (i + 7) + 2;
        ops[i].thread = (uint32_t)(i % 8);
        ops[i].kind = rng_one_in(&r, 3) ? REG_WRITE : REG_READ;
        if (ops[i].kind == REG_WRITE)
            value = ops[i].arg[0] = rng_below(&r, 1000);
        else
            ops[i].resp[0] = value;
    }
    return ops;
}

static void long_histories_are_decided(void **state)
{
    (void)state;
    enum { N = 32768 }; /* 64k events in one partition */
    struct lin_op *ops = long_history(N);
    struct lin_result res;
    assert_int_equal(lin_check(&model_register, ops, N, NULL, NULL, &res), LIN_OK);
    assert_true(res.steps < 64 * N);

    ops[N - 100].kind = REG_READ;
    ops[N - 100].resp[0] = 5000; /* nobody writes that */
    assert_int_equal(lin_check(&model_register, ops, N, NULL, NULL, &res), LIN_VIOLATION);
    assert_int_equal(res.culprit, N - 100);
    free(ops);
}

static void limits_end_the_search(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct lin_op *ops = long_history(N);
    const struct lin_limits few = {.max_steps = 100, .max_bytes = SIZE_MAX};
    assert_int_equal(lin_check(&model_register, ops, N, &few, NULL, NULL), LIN_TIMEOUT);
    const struct lin_limits small = {.max_steps = UINT64_MAX, .max_bytes = 1000};
    assert_int_equal(lin_check(&model_register, ops, N, &small, NULL, NULL), LIN_TIMEOUT);
    free(ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_decide_as_in_the_textbook),
        cmocka_unit_test(pending_operations_may_count_or_not),
        cmocka_unit_test(unseen_answers_and_submission_order_count),
        cmocka_unit_test(queues_keep_order),
        cmocka_unit_test(maps_are_split_by_key_unless_an_operation_spans_keys),
        cmocka_unit_test(the_report_names_the_culprit),
        cmocka_unit_test(malformed_histories_are_refused),
        cmocka_unit_test(agrees_with_brute_force),
        cmocka_unit_test(long_histories_are_decided),
        cmocka_unit_test(limits_end_the_search),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
