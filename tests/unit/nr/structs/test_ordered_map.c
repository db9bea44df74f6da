// SPDX-License-Identifier: BSD-2-Clause
/* <nr/ordered_map.h>: against a model in one thread, transfers and ranges in several, memory
 * shortage. */
#include <nr/ordered_map.h>

#include "support.h"

enum { KEYS = 3000, STEPS = 30000, WORK = 4000, ACCOUNTS = 200, START = 100 };

/* Key i of the model is the key 10 * i of the map. */
struct model {
    bool present[KEYS];
    uint64_t value[KEYS];
};

static const uint64_t SPREAD = 10;

static struct nr_map_answer model_apply(struct model *model, const struct nr_map_op *op)
{
    bool *present = &model->present[op->key / SPREAD];
    uint64_t *value = &model->value[op->key / SPREAD];
    struct nr_map_answer answer = {.value = *present ? *value : 0, .present = *present};
    switch (op->kind) {
    case NR_MAP_PUT:
        *present = true;
        *value = op->value;
        break;
    case NR_MAP_CAS:
        answer.status = !*present ? NR_ENOENT : *value == op->expected ? NR_OK : NR_EDIFFER;
        *value = answer.status == NR_OK ? op->value : *value;
        break;
    case NR_MAP_REMOVE:
        answer.status = *present ? NR_OK : NR_ENOENT;
        *present = false;
        break;
    default:
        memset(model->present, 0, sizeof model->present);
        answer = (struct nr_map_answer){0};
    }
    return answer;
}

static struct nr_map_op random_op(struct rng *rng, bool growing)
{
    static const enum nr_map_kind kinds[] = {NR_MAP_PUT, NR_MAP_REMOVE, NR_MAP_CAS, NR_MAP_PUT,
                                             NR_MAP_REMOVE};
    struct nr_map_op op = {
        .key = SPREAD * rng_below(rng, KEYS),
        .value = rng_below(rng, 3),
        .expected = rng_below(rng, 3),
        .kind = kinds[rng_below(rng, 3) + (growing ? 0 : 2)],
    };
    if (growing && rng_below(rng, 2))
        op.kind = NR_MAP_PUT;
    if (rng_below(rng, 10000) == 0)
        op.kind = NR_MAP_CLEAR;
    return op;
}

/* The model's keys in the direction of `by` from i, inclusive; KEYS if there is none. */
static uint64_t model_next(const struct model *model, uint64_t i, int by)
{
    while (i < KEYS && !model->present[i])
        i = i == 0 && by < 0 ? KEYS : i + (uint64_t)by;
    return i < KEYS ? i : KEYS;
}

static void assert_pair(enum nr_status status, const struct nr_pair *pair,
                        const struct model *model, uint64_t i)
{
    assert_int_equal(status, i == KEYS ? NR_ENOENT : NR_OK);
    if (i < KEYS) {
        assert_int_equal(pair->key, SPREAD * i);
        assert_int_equal(pair->value, model->value[i]);
    }
}

static void assert_neighbours(struct nr_ordered_map_thread *thread, const struct model *model,
                              uint64_t key)
{
    struct nr_pair pair;
    uint64_t value, below = key / SPREAD, above = (key + SPREAD - 1) / SPREAD;
    assert_pair(nr_ordered_map_floor(thread, key, &pair), &pair, model,
                model_next(model, below < KEYS ? below : KEYS - 1, -1));
    assert_pair(nr_ordered_map_ceiling(thread, key, &pair), &pair, model,
                model_next(model, above, 1));
    assert_pair(nr_ordered_map_first(thread, &pair), &pair, model, model_next(model, 0, 1));
    assert_pair(nr_ordered_map_last(thread, &pair), &pair, model, model_next(model, KEYS - 1, -1));
    bool there = key % SPREAD == 0 && below < KEYS && model->present[below];
    assert_int_equal(nr_ordered_map_get(thread, key, &value), there ? NR_OK : NR_ENOENT);
}

static void assert_range(struct nr_ordered_map_thread *thread, const struct model *model,
                         uint64_t from, uint64_t to, size_t capacity)
{
    static struct nr_pair pairs[KEYS + 1];
    size_t n = nr_ordered_map_range(thread, from, to, pairs, capacity);
    uint64_t i = (from + SPREAD - 1) / SPREAD;
    for (size_t j = 0; j < n; j++, i++) {
        i = model_next(model, i, 1);
        assert_true(i < KEYS && SPREAD * i <= to);
        assert_pair(NR_OK, &pairs[j], model, i);
    }
    i = model_next(model, i, 1);
    assert_true(n == capacity || i == KEYS || SPREAD * i > to);
}

static void assert_equals_model(struct nr_ordered_map_thread *thread, const struct model *model)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        n += model->present[i];
    assert_int_equal(nr_ordered_map_len(thread), n);
    assert_range(thread, model, 0, UINT64_MAX, KEYS);
}

static void look_around(struct rng *rng, struct nr_ordered_map_thread *thread,
                        const struct model *model)
{
    uint64_t from = rng_below(rng, SPREAD * (KEYS + 10));
    assert_neighbours(thread, model, from);
    assert_range(thread, model, from, from + rng_below(rng, 1000), rng_below(rng, 150));
}

static void run_against_model(struct rng *rng, unsigned steps, unsigned replicas,
                              uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct nr_ordered_map *map;
    struct nr_ordered_map_thread *threads[4];
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    assert_int_equal(nr_ordered_map_create(&config, &options, &map), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_ordered_map_register(map, i, &threads[i]), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    for (unsigned i = 0, at = 0; i < steps; i++) {
        if (rng_below(rng, 20) == 0)
            at = (unsigned)rng_below(rng, replicas);
        struct nr_map_op op = random_op(rng, i * 3 / steps != 1);
        struct nr_map_answer answer = nr_ordered_map_execute(threads[at], &op);
        if (answer.status == NR_ENOMEM) {
            assert_true(refuse_one_in && op.kind == NR_MAP_PUT);
            continue;
        }
        struct nr_map_answer expected = model_apply(model, &op);
        assert_memory_equal(&answer, &expected, sizeof answer);
        if (rng_below(rng, 30) == 0)
            look_around(rng, threads[rng_below(rng, replicas)], model);
        /* A replica that is copied in the middle asks for memory when the others do. */
        if (replicas == 3 && i == steps / 2) {
            unsigned id;
            while (nr_add_replica(nr_ordered_map_instance(map), NR_ANY_NODE, &id) == NR_ENOMEM)
                ;
            assert_int_equal(nr_ordered_map_register(map, id, &threads[replicas++]), NR_OK);
        }
    }
    for (unsigned i = 0; i < replicas; i++) {
        assert_equals_model(threads[i], model);
        nr_ordered_map_unregister(threads[i]);
    }
    assert_int_equal(nr_ordered_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
    free(model);
}

static void equals_a_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, STEPS, 1, 0);
    run_against_model(&rng, STEPS, 3, 0);
}

static void replicas_agree_when_memory_is_short(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    for (unsigned i = 0; i < 10; i++)
        run_against_model(&rng, 6000, 3, 2 + i % 5);
}

static void functions_by_name_do_what_they_say(void **state)
{
    (void)state;
    struct nr_ordered_map *map;
    struct nr_ordered_map_thread *me;
    struct nr_map_answer was;
    struct nr_pair pair;
    uint64_t value = 0;
    assert_int_equal(nr_ordered_map_create(&(struct nr_config){.logs = 2}, NULL, &map), NR_EINVAL);
    assert_int_equal(nr_ordered_map_create(NULL, NULL, &map), NR_OK);
    assert_int_equal(nr_ordered_map_register(map, NR_ANY_REPLICA, &me), NR_OK);
    assert_int_equal(nr_ordered_map_first(me, &pair), NR_ENOENT);
    assert_int_equal(nr_ordered_map_floor(me, UINT64_MAX, &pair), NR_ENOENT);
    assert_int_equal(nr_ordered_map_put(me, UINT64_MAX, 1, &was), NR_OK);
    assert_int_equal(was.present, 0);
    assert_int_equal(nr_ordered_map_insert(me, UINT64_MAX, 9, &value), NR_EEXIST);
    assert_int_equal(value, 1);
    assert_int_equal(nr_ordered_map_insert(me, 0, 9, NULL), NR_OK);
    assert_int_equal(nr_ordered_map_replace(me, 0, 10, &value), NR_OK);
    assert_int_equal(value, 9);
    assert_int_equal(nr_ordered_map_cas(me, 0, 10, 11, NULL), NR_OK);
    assert_int_equal(nr_ordered_map_add(me, 5, 3, &value), NR_OK);
    assert_int_equal(value, 3);
    assert_int_equal(nr_ordered_map_last(me, &pair), NR_OK);
    assert_true(pair.key == UINT64_MAX && pair.value == 1);
    assert_int_equal(nr_ordered_map_range(me, 0, UINT64_MAX, &pair, 1), 1);
    assert_true(pair.key == 0 && pair.value == 11);
    assert_int_equal(nr_ordered_map_range(me, 6, 5, &pair, 1), 0);
    assert_int_equal(nr_ordered_map_remove(me, 0, &value), NR_OK);
    assert_int_equal(value, 11);
    struct nr_map_op reserve = {.kind = NR_MAP_RESERVE}, wrong = {.kind = (enum nr_map_kind)77};
    assert_int_equal(nr_ordered_map_execute(me, &reserve).status, NR_ENOTSUP);
    assert_int_equal(nr_ordered_map_execute(me, &wrong).status, NR_EINVAL);
    nr_ordered_map_clear(me);
    assert_int_equal(nr_ordered_map_len(me), 0);
    struct nr_map_op op = {.key = 1, .value = 2, .kind = NR_MAP_ADD};
    assert_int_equal(nr_ordered_map_submit(me, &op), NR_OK);
    assert_int_equal(nr_ordered_map_submit(me, &op), NR_OK);
    assert_int_equal(nr_ordered_map_collect(me, &was), NR_OK);
    assert_true(was.present == 0 && was.value == 2);
    while (nr_ordered_map_poll(me, &was) == NR_EAGAIN)
        ;
    assert_true(was.present == 1 && was.value == 4);
    nr_ordered_map_unregister(me);
    assert_int_equal(nr_ordered_map_destroy(map), NR_OK);
}

static void reserved_room_needs_no_memory(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base, .reserve = 20000};
    struct nr_config config = small_config(2, 1);
    struct rng rng = rng_start(__func__);
    struct nr_ordered_map *map;
    struct nr_ordered_map_thread *me;
    assert_int_equal(nr_ordered_map_create(&config, &options, &map), NR_OK);
    assert_int_equal(nr_ordered_map_register(map, 0, &me), NR_OK);
    allocator.refuse_one_in = 1;
    for (unsigned i = 0; i < 20000; i++)
        assert_int_equal(nr_ordered_map_put(me, rng_next(&rng), i, NULL), NR_OK);
    nr_ordered_map_unregister(me);
    assert_int_equal(nr_ordered_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_ordered_map *map;
    struct rng rng;
    unsigned replicas;
};

/* Keys are added below and taken away: at any moment a range shows ascending keys, and the fixed
 * ones are all there. */
static void look_and_change(void *arg, unsigned member)
{
    struct work *work = arg;
    struct rng rng = {work->rng.state + member};
    struct nr_ordered_map_thread *me;
    static _Thread_local struct nr_pair pairs[2 * ACCOUNTS];
    check(nr_ordered_map_register(work->map,
                                  work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA,
                                  &me) == NR_OK);
    for (unsigned i = 0; i < WORK; i++) {
        uint64_t odd = 2 * rng_below(&rng, ACCOUNTS) + 1;
        switch (rng_below(&rng, 3)) {
        case 0:
            (void)nr_ordered_map_add(me, odd, 1, NULL);
            break;
        case 1:
            (void)nr_ordered_map_remove(me, odd, NULL);
            break;
        default: {
            size_t n = nr_ordered_map_range(me, 0, 2 * ACCOUNTS, pairs, 2 * ACCOUNTS), even = 0;
            for (size_t j = 0; j < n; j++) {
                check(j == 0 || pairs[j - 1].key < pairs[j].key);
                even += pairs[j].key % 2 == 0;
            }
            check(even == ACCOUNTS);
        }
        }
    }
    nr_ordered_map_unregister(me);
}

static void run_threads(struct rng rng, unsigned replicas, bool churn, uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, 1);
    struct work work = {.rng = rng, .replicas = churn ? 1 : replicas};
    struct nr_ordered_map_thread *me;
    struct team team;
    assert_int_equal(nr_ordered_map_create(&config, &options, &work.map), NR_OK);
    assert_int_equal(nr_ordered_map_register(work.map, 0, &me), NR_OK);
    for (uint64_t key = 0; key < ACCOUNTS; key++)
        assert_int_equal(nr_ordered_map_put(me, 2 * key, START, NULL), NR_OK);
    nr_ordered_map_unregister(me);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, 4, look_and_change, &work);
    if (churn)
        replicas_churn(nr_ordered_map_instance(work.map), &team, &rng);
    team_join(&team);
    static struct nr_pair first[2 * ACCOUNTS], other[2 * ACCOUNTS];
    size_t nfirst = 0;
    for (unsigned id = 0, seen = 0; id < config.max_replicas; id++) {
        if (nr_ordered_map_register(work.map, id, &me) != NR_OK)
            continue;
        size_t n = nr_ordered_map_range(me, 0, UINT64_MAX, seen ? other : first, 2 * ACCOUNTS);
        nfirst = seen++ ? nfirst : n;
        assert_int_equal(n, nfirst);
        if (seen > 1)
            assert_memory_equal(first, other, n * sizeof *first);
        nr_ordered_map_unregister(me);
    }
    assert_int_equal(nr_ordered_map_destroy(work.map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void ranges_show_one_moment(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, false, 0);
    run_threads(rng, 2, false, 0);
}

static void replicas_come_and_go_during_use(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, true, 0);
    run_threads(rng, 2, true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_by_name_do_what_they_say),
        cmocka_unit_test(equals_a_model),
        cmocka_unit_test(replicas_agree_when_memory_is_short),
        cmocka_unit_test(reserved_room_needs_no_memory),
        cmocka_unit_test(ranges_show_one_moment),
        cmocka_unit_test(replicas_come_and_go_during_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
