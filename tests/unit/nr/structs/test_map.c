// SPDX-License-Identifier: BSD-2-Clause
/* <nr/map.h>: against a model in one thread, sums and conditional updates in several, memory
 * shortage. */
#include <nr/map.h>

#include "support.h"

enum { KEYS = 200, STEPS = 20000, WORK = 5000 };

struct model {
    bool present[KEYS];
    uint64_t value[KEYS];
};

static uint64_t model_len(const struct model *model)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        n += model->present[i];
    return n;
}

/* What a mutation does to the model; memory is enough. */
static struct nr_map_answer model_apply(struct model *model, const struct nr_map_op *op)
{
    bool *present = &model->present[op->key];
    uint64_t *value = &model->value[op->key];
    struct nr_map_answer answer = {.value = *present ? *value : 0, .present = *present};
    bool set = false;
    switch (op->kind) {
    case NR_MAP_PUT:
        set = true;
        break;
    case NR_MAP_INSERT:
        set = !*present;
        answer.status = *present ? NR_EEXIST : NR_OK;
        break;
    case NR_MAP_REPLACE:
        set = *present;
        answer.status = *present ? NR_OK : NR_ENOENT;
        break;
    case NR_MAP_CAS:
        set = *present && *value == op->expected;
        answer.status = set ? NR_OK : *present ? NR_EDIFFER : NR_ENOENT;
        break;
    case NR_MAP_ADD:
        *value = answer.value += op->value;
        *present = true;
        break;
    case NR_MAP_REMOVE:
        answer.status = *present ? NR_OK : NR_ENOENT;
        *present = false;
        break;
    case NR_MAP_CLEAR:
        memset(model->present, 0, sizeof model->present);
        answer = (struct nr_map_answer){0};
        break;
    case NR_MAP_RESERVE:
        answer = (struct nr_map_answer){0};
        break;
    }
    if (set) {
        *value = op->value;
        *present = true;
    }
    return answer;
}

static struct nr_map_op random_op(struct rng *rng)
{
    struct nr_map_op op = {
        .key = rng_below(rng, KEYS), .value = rng_below(rng, 4), .expected = rng_below(rng, 4)};
    uint64_t dice = rng_below(rng, 1000);
    op.kind = dice < 995   ? (enum nr_map_kind)rng_below(rng, NR_MAP_CLEAR)
              : dice < 997 ? NR_MAP_CLEAR
                           : NR_MAP_RESERVE;
    if (op.kind == NR_MAP_RESERVE)
        op.value = rng_below(rng, 4 * KEYS);
    return op;
}

static void visit(uint64_t key, uint64_t value, void *arg)
{
    struct model *seen = arg;
    assert_true(key < KEYS);
    assert_false(seen->present[key]);
    seen->present[key] = true;
    seen->value[key] = value;
}

static void assert_equals_model(struct nr_map_thread *thread, const struct model *model)
{
    struct model seen = {0};
    assert_int_equal(nr_map_len(thread), model_len(model));
    nr_map_visit(thread, visit, &seen);
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t value = 0;
        enum nr_status status = nr_map_get(thread, key, &value);
        assert_int_equal(status, model->present[key] ? NR_OK : NR_ENOENT);
        assert_int_equal(seen.present[key], model->present[key]);
        if (model->present[key]) {
            assert_int_equal(value, model->value[key]);
            assert_int_equal(seen.value[key], model->value[key]);
        }
    }
}

static bool may_need_memory(const struct nr_map_op *op)
{
    return op->kind <= NR_MAP_ADD || op->kind == NR_MAP_RESERVE;
}

/* Random mutations through random replicas; refusals must leave the map as it was. */
static void run_against_model(struct rng *rng, unsigned steps, unsigned replicas, unsigned logs,
                              uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, logs);
    struct nr_map *map;
    struct nr_map_thread *threads[3];
    struct model model = {0};
    assert_int_equal(nr_map_create(&config, &options, &map), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_map_register(map, i, &threads[i]), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    for (unsigned i = 0, at = 0; i < steps; i++) {
        if (rng_below(rng, 20) == 0)
            at = (unsigned)rng_below(rng, replicas);
        struct nr_map_op op = random_op(rng);
        struct nr_map_answer answer = nr_map_execute(threads[at], &op);
        if (answer.status == NR_ENOMEM) {
            assert_true(refuse_one_in && may_need_memory(&op) && !answer.present);
            continue;
        }
        struct nr_map_answer expected = model_apply(&model, &op);
        assert_memory_equal(&answer, &expected, sizeof answer);
        if (rng_below(rng, 500) == 0)
            assert_equals_model(threads[rng_below(rng, replicas)], &model);
    }
    for (unsigned i = 0; i < replicas; i++) {
        assert_equals_model(threads[i], &model);
        nr_map_unregister(threads[i]);
    }
    assert_int_equal(nr_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void equals_a_model_with_one_replica(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, STEPS, 1, 1, 0);
}

static void equals_a_model_with_three_replicas(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, STEPS, 3, 1, 0);
}

static void equals_a_model_with_four_logs(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, STEPS, 3, 4, 0);
}

static void replicas_agree_when_memory_is_short(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    /* Small maps: most of what they ask for is asked for early. */
    for (unsigned i = 0; i < 100; i++)
        run_against_model(&rng, 400, 3, i % 2 ? 4 : 1, 2 + i % 5);
}

static void functions_by_name_do_what_they_say(void **state)
{
    (void)state;
    struct nr_map *map;
    struct nr_map_thread *me;
    struct nr_map_answer was;
    uint64_t value = 0;
    assert_int_equal(nr_map_create(NULL, NULL, &map), NR_OK);
    assert_int_equal(nr_map_register(map, NR_ANY_REPLICA, &me), NR_OK);
    assert_int_equal(nr_map_get(me, 7, &value), NR_ENOENT);
    assert_int_equal(nr_map_put(me, 7, 1, &was), NR_OK);
    assert_int_equal(was.present, 0);
    assert_int_equal(nr_map_put(me, 7, 2, &was), NR_OK);
    assert_true(was.present && was.value == 1);
    assert_int_equal(nr_map_insert(me, 7, 9, &value), NR_EEXIST);
    assert_int_equal(value, 2);
    assert_int_equal(nr_map_insert(me, 0, 9, NULL), NR_OK);
    assert_int_equal(nr_map_replace(me, 8, 9, NULL), NR_ENOENT);
    assert_int_equal(nr_map_replace(me, 0, 10, &value), NR_OK);
    assert_int_equal(value, 9);
    assert_int_equal(nr_map_cas(me, 0, 9, 11, &value), NR_EDIFFER);
    assert_int_equal(value, 10);
    assert_int_equal(nr_map_cas(me, 0, 10, 11, NULL), NR_OK);
    assert_int_equal(nr_map_cas(me, 1, 10, 11, NULL), NR_ENOENT);
    assert_int_equal(nr_map_add(me, 5, 3, &value), NR_OK);
    assert_int_equal(value, 3);
    assert_int_equal(nr_map_add(me, 5, UINT64_MAX, &value), NR_OK);
    assert_int_equal(value, 2);
    assert_int_equal(nr_map_len(me), 3);
    assert_int_equal(nr_map_remove(me, 7, &value), NR_OK);
    assert_int_equal(value, 2);
    assert_int_equal(nr_map_remove(me, 7, NULL), NR_ENOENT);
    assert_int_equal(nr_map_reserve(me, 100000), NR_OK);
    assert_int_equal(nr_map_reserve(me, UINT64_MAX), NR_ENOMEM);
    nr_map_clear(me);
    assert_int_equal(nr_map_len(me), 0);
    struct nr_map_op wrong = {.kind = (enum nr_map_kind)77};
    assert_int_equal(nr_map_execute(me, &wrong).status, NR_EINVAL);
    assert_int_equal(nr_map_destroy(map), NR_EBUSY);
    nr_map_unregister(me);
    assert_int_equal(nr_map_destroy(map), NR_OK);
}

static void reserved_room_needs_no_memory(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base, .reserve = 10000};
    struct nr_config config = small_config(2, 1);
    struct nr_map *map;
    struct nr_map_thread *me;
    assert_int_equal(nr_map_create(&config, &options, &map), NR_OK);
    assert_int_equal(nr_map_register(map, 0, &me), NR_OK);
    allocator.refuse_one_in = 1;
    for (uint64_t key = 0; key < 10000; key++)
        assert_int_equal(nr_map_put(me, key * 77, key, NULL), NR_OK);
    uint64_t key = 0;
    while (nr_map_put(me, key * 77 + 1, 0, NULL) == NR_OK)
        key++;
    assert_int_equal(nr_map_len(me), 10000 + key);
    unsigned id;
    assert_int_equal(nr_add_replica(nr_map_instance(map), NR_ANY_NODE, &id), NR_ENOMEM);
    nr_map_unregister(me);
    assert_int_equal(nr_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void submissions_take_effect_in_order(void **state)
{
    (void)state;
    struct nr_config config = small_config(2, 4);
    struct nr_map *map;
    struct nr_map_thread *me;
    struct nr_map_answer answer;
    assert_int_equal(nr_map_create(&config, NULL, &map), NR_OK);
    assert_int_equal(nr_map_register(map, 1, &me), NR_OK);
    for (uint64_t round = 0; round < 100; round++) {
        uint64_t n = 0;
        struct nr_map_op op = {.key = round % 7, .value = 1, .kind = NR_MAP_ADD};
        while (nr_map_submit(me, &op) == NR_OK)
            n++;
        assert_int_equal(n, 32);
        for (uint64_t i = 0; i < n; i++) {
            enum nr_status status;
            while ((status = nr_map_poll(me, &answer)) == NR_EAGAIN)
                ;
            assert_int_equal(status, NR_OK);
            assert_int_equal(answer.value, round / 7 * n + i + 1);
        }
        assert_int_equal(nr_map_collect(me, &answer), NR_EEMPTY);
    }
    nr_map_unregister(me);
    assert_int_equal(nr_map_destroy(map), NR_OK);
}

/* Replica 1 grows the map far ahead of replica 0, which is then copied, and asks for memory before
 * it can. */
static void a_replica_copied_from_behind_gets_what_waits_there(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = {.replicas = 2, .flags = NR_CHECK};
    struct nr_map *map;
    struct nr_map_thread *ahead, *behind;
    uint64_t value;
    unsigned id;
    assert_int_equal(nr_map_create(&config, &options, &map), NR_OK);
    assert_int_equal(nr_map_register(map, 1, &ahead), NR_OK);
    for (uint64_t key = 0; key < 1000; key++)
        assert_int_equal(nr_map_put(ahead, key, key, NULL), NR_OK);
    assert_int_equal(nr_add_replica(nr_map_instance(map), NR_ANY_NODE, &id), NR_OK);
    for (uint64_t key = 1000; key < 2000; key++)
        assert_int_equal(nr_map_put(ahead, key, key, NULL), NR_OK);
    allocator.refuse_one_in = 1;
    assert_int_equal(nr_map_register(map, id, &behind), NR_OK);
    assert_int_equal(nr_map_get(behind, 1999, &value), NR_OK);
    assert_int_equal(nr_map_len(behind), 2000);
    nr_map_unregister(behind);
    nr_map_unregister(ahead);
    /* What waits for a replica that leaves is given back. */
    allocator.refuse_one_in = 0;
    assert_int_equal(nr_remove_replica(nr_map_instance(map), 0), NR_OK);
    assert_int_equal(nr_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_map *map;
    struct rng rng;
    unsigned members;
    unsigned replicas;
    bool short_of_memory;
    _Atomic uint64_t added;
};

/* Adds to few keys with add, cas and asynchronous adds, and keeps keys of its own. */
static void add_up(void *arg, unsigned member)
{
    struct work *work = arg;
    struct rng rng = {work->rng.state + member};
    struct nr_map_thread *me;
    uint64_t mine = 0;
    check(nr_map_register(work->map, work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA,
                          &me) == NR_OK);
    for (unsigned i = 0; i < WORK; i++) {
        uint64_t key = rng_below(&rng, 16), found, own = 1000 + member * WORK + i;
        struct nr_map_op op = {.key = key, .value = 1, .kind = NR_MAP_ADD};
        struct nr_map_answer answer;
        switch (rng_below(&rng, 4)) {
        case 0:
            mine += nr_map_add(me, key, 1, NULL) == NR_OK;
            break;
        case 1:
            if (nr_map_get(me, key, &found) == NR_OK)
                mine += nr_map_cas(me, key, found, found + 1, NULL) == NR_OK;
            break;
        case 2:
            check(nr_map_submit(me, &op) == NR_OK);
            check(nr_map_submit(me, &op) == NR_OK);
            while (nr_map_collect(me, &answer) == NR_OK)
                mine += answer.status == NR_OK;
            break;
        default:
            if (nr_map_insert(me, own, member, NULL) == NR_OK) {
                check(nr_map_get(me, own, &found) == NR_OK && found == member);
                check(nr_map_remove(me, own, &found) == NR_OK && found == member);
            } else {
                check(work->short_of_memory);
            }
            check(nr_map_get(me, own, &found) == NR_ENOENT);
        }
        if (i % 256 == 0)
            check(nr_map_len(me) <= 16 + work->members);
    }
    atomic_fetch_add(&work->added, mine);
    nr_map_unregister(me);
}

static void sum_up(uint64_t key, uint64_t value, void *arg)
{
    check(key < 16);
    *(uint64_t *)arg += value;
}

static void run_threads(struct rng rng, unsigned replicas, unsigned logs, bool churn,
                        uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, logs);
    struct work work = {.rng = rng,
                        .members = 4,
                        .short_of_memory = refuse_one_in,
                        .replicas = churn ? 1 : replicas};
    struct team team;
    assert_int_equal(nr_map_create(&config, &options, &work.map), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, work.members, add_up, &work);
    if (churn)
        replicas_churn(nr_map_instance(work.map), &team, &rng);
    team_join(&team);
    allocator.refuse_one_in = 0;
    for (unsigned id = 0; id < config.max_replicas; id++) {
        struct nr_map_thread *me;
        uint64_t sum = 0;
        if (nr_map_register(work.map, id, &me) != NR_OK)
            continue;
        nr_map_visit(me, sum_up, &sum);
        assert_int_equal(sum, work.added);
        nr_map_unregister(me);
    }
    assert_int_equal(nr_map_destroy(work.map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void threads_lose_no_update(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, 1, false, 0);
    run_threads(rng, 2, 1, false, 0);
    run_threads(rng, 2, 4, false, 0);
}

static void replicas_come_and_go_during_use(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, 1, true, 0);
    run_threads(rng, 2, 4, true, 0);
}

static void replicas_come_and_go_while_memory_is_short(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_threads(rng, 1, 1, true, 3);
    run_threads(rng, 2, 4, true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_by_name_do_what_they_say),
        cmocka_unit_test(equals_a_model_with_one_replica),
        cmocka_unit_test(equals_a_model_with_three_replicas),
        cmocka_unit_test(equals_a_model_with_four_logs),
        cmocka_unit_test(replicas_agree_when_memory_is_short),
        cmocka_unit_test(a_replica_copied_from_behind_gets_what_waits_there),
        cmocka_unit_test(reserved_room_needs_no_memory),
        cmocka_unit_test(submissions_take_effect_in_order),
        cmocka_unit_test(threads_lose_no_update),
        cmocka_unit_test(replicas_come_and_go_during_use),
        cmocka_unit_test(replicas_come_and_go_while_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
