// SPDX-License-Identifier: BSD-2-Clause
// Recording: stamps of real threads order correctly, merging loses nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "history.h"
#include "models.h"

enum {
    THREADS = 4,
    OPS = 5000, /* many chunks per thread; a run takes milliseconds */
};

struct recorder {
    struct hist *hist;
    uint32_t thread;
    _Atomic uint64_t *cell;
    bool broken;
};

/* Reads and writes an atomic register; broken: a write is answered before it is carried out. */
static void *record(void *arg)
{
    struct recorder *r = arg;
    uint64_t late = 0;
    for (uint64_t i = 0; i < OPS; i++) {
        if (i % 2) {
            struct lin_op *op = hist_call(r->hist, r->thread, REG_READ, 0, 0);
            uint64_t value = *r->cell;
            hist_return(r->hist, op, value, 0);
            if (r->broken)
                *r->cell = late;
        } else {
            late = r->thread * OPS + i + 1;
            struct lin_op *op = hist_call(r->hist, r->thread, REG_WRITE, late, 0);
            if (!r->broken)
                *r->cell = late;
            hist_return(r->hist, op, 0, 0);
        }
    }
    return NULL;
}

static enum lin_verdict run(bool broken)
{
    _Atomic uint64_t cell = 0;
    struct hist *h = hist_create(THREADS, HIST_THREADS);
    struct recorder r[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t t = 0; t < THREADS; t++) {
        r[t] = (struct recorder){h, t, &cell, broken};
        assert_int_equal(pthread_create(&threads[t], NULL, record, &r[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    size_t n;
    struct lin_op *ops = hist_merge(h, &n);
    assert_int_equal(n, THREADS * OPS);
    enum lin_verdict verdict = lin_check(&model_register, ops, n, NULL, NULL, NULL);
    free(ops);
    hist_destroy(h);
    return verdict;
}

static void an_atomic_register_is_linearizable(void **state)
{
    (void)state;
    assert_int_equal(run(false), LIN_OK);
}

static void a_register_that_answers_early_is_not(void **state)
{
    (void)state;
    assert_int_equal(run(true), LIN_VIOLATION);
}

static void operations_may_overlap_and_stay_open(void **state)
{
    (void)state;
    struct hist *h = hist_create(2, HIST_SCHED);
    struct lin_op *a = hist_call(h, 0, MAP_PUT, 1, 10);
    struct lin_op *b = hist_call(h, 0, MAP_PUT, 1, 20);
    struct lin_op *c = hist_call(h, 1, MAP_RANGE, 0, 9);
    c->arg[2] = 9;
    hist_return(h, b, 1, 10);
    uint64_t words[] = {1, 20};
    hist_return_words(h, c, words, 2);
    words[0] = 99; /* the history has a copy */
    size_t n;
    struct lin_op *ops = hist_merge(h, &n);
    assert_int_equal(n, 3);
    assert_int_equal(a->ret, LIN_PENDING);
    assert_true(a->call < b->call && b->call < c->call && c->call < b->ret && b->ret < c->ret);
    assert_int_equal(lin_check(&model_map, ops, n, NULL, NULL, NULL), LIN_OK);
    free(ops);
    hist_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_atomic_register_is_linearizable),
        cmocka_unit_test(a_register_that_answers_early_is_not),
        cmocka_unit_test(operations_may_overlap_and_stay_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
