// SPDX-License-Identifier: BSD-2-Clause
/* <nr/bytes_map.h>: against a model in one thread; values seen whole, and blocks all freed, in
 * several. */
#include <nr/bytes_map.h>

#include "support.h"

enum { KEYS = 120, STEPS = 20000, WORK = 4000, VALUE_MAX = 400 };

/* ---- Strings
 * ------------------------------------------------------------------------------------- */

/* Keys of many lengths, the empty one among them; of keys 1, 11, 21 ... each is the beginning of
 * the next. */
struct key {
    char text[64];
};

static struct nr_bytes key_make(uint64_t number, struct key *key)
{
    size_t size = 0;
    if (number % 10 == 1) {
        size = (size_t)(number / 10 + 1);
        memset(key->text, 'x', size);
    } else if (number) {
        size = (size_t)snprintf(key->text, sizeof key->text, "%*llu", (int)(1 + number % 40),
                                (unsigned long long)number);
    }
    return (struct nr_bytes){key->text, size};
}

/* The value `tag` has a size and contents that follow from it. */
static size_t value_size(uint64_t tag)
{
    return tag % 7 == 0 ? 0 : 8 + tag % (VALUE_MAX - 8);
}

static size_t value_make(uint64_t tag, unsigned char *out)
{
    size_t size = value_size(tag);
    memset(out, (int)(tag % 251), size);
    if (size)
        memcpy(out, &tag, sizeof tag);
    return size;
}

/* The tag of a value, which must be whole; 0 for the empty value. */
static uint64_t value_tag(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t tag = 0;
    if (size == 0)
        return 0;
    memcpy(&tag, data, sizeof tag);
    check(size == value_size(tag));
    for (size_t i = sizeof tag; i < size; i++)
        check(bytes[i] == tag % 251);
    return tag;
}

/* ---- One thread
 * ---------------------------------------------------------------------------------- */

struct model {
    bool present[KEYS];
    uint64_t tag[KEYS];
};

enum kind { PUT, INSERT, REPLACE, REMOVE, CLEAR, KINDS };

static void assert_value(const struct nr_buffer *buffer, uint64_t tag)
{
    assert_int_equal(buffer->size, value_size(tag));
    assert_int_equal(value_tag(buffer->data, buffer->size), buffer->size ? tag : 0);
}

static void visit(struct nr_bytes key, struct nr_bytes value, void *arg)
{
    uint64_t *left = arg;
    (void)value_tag(value.data, value.size);
    assert_true(key.size < sizeof(struct key));
    --*left;
}

static void assert_equals_model(struct nr_bytes_map_thread *thread, const struct model *model)
{
    unsigned char data[VALUE_MAX];
    uint64_t n = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        struct key key;
        struct nr_buffer buffer = {data, sizeof data, 0};
        enum nr_status status = nr_bytes_map_get(thread, key_make(i, &key), &buffer);
        assert_int_equal(status, model->present[i] ? NR_OK : NR_ENOENT);
        if (model->present[i])
            assert_value(&buffer, model->tag[i]);
        n += model->present[i];
    }
    assert_int_equal(nr_bytes_map_len(thread), n);
    nr_bytes_map_visit(thread, visit, &n);
    assert_int_equal(n, 0);
}

static enum nr_status mutate(struct nr_bytes_map_thread *thread, enum kind kind, uint64_t number,
                             uint64_t tag, struct nr_buffer *old)
{
    unsigned char data[VALUE_MAX];
    struct key text;
    struct nr_bytes key = key_make(number, &text);
    struct nr_bytes value = {data, value_make(tag, data)};
    switch (kind) {
    case PUT:
        return nr_bytes_map_put(thread, key, value, old);
    case INSERT:
        return nr_bytes_map_insert(thread, key, value);
    case REPLACE:
        return nr_bytes_map_replace(thread, key, value, old);
    case REMOVE:
        return nr_bytes_map_remove(thread, key, old);
    default:
        nr_bytes_map_clear(thread);
        return NR_OK;
    }
}

static void step(struct rng *rng, struct nr_bytes_map_thread *thread, struct model *model,
                 bool may_refuse)
{
    unsigned char data[VALUE_MAX];
    struct nr_buffer old = {data, sizeof data, 77};
    enum kind kind = rng_below(rng, 300) ? (enum kind)rng_below(rng, CLEAR) : CLEAR;
    uint64_t number = rng_below(rng, KEYS), tag = 1 + rng_below(rng, 5000);
    bool want_old = rng_below(rng, 2);
    bool *present = &model->present[number], was = *present;
    enum nr_status status = mutate(thread, kind, number, tag, want_old ? &old : NULL);
    if (status == NR_ENOMEM) {
        assert_true(may_refuse);
        return;
    }
    if (kind == CLEAR) {
        memset(model->present, 0, sizeof model->present);
        return;
    }
    enum nr_status expected = kind == PUT      ? NR_OK
                              : kind == INSERT ? (was ? NR_EEXIST : NR_OK)
                                               : (was ? NR_OK : NR_ENOENT);
    assert_int_equal(status, expected);
    if (want_old && kind != INSERT && was)
        assert_value(&old, model->tag[number]);
    else if (want_old && kind != INSERT)
        assert_int_equal(old.size, 0);
    if (status != NR_OK)
        return;
    *present = kind != REMOVE;
    model->tag[number] = tag;
}

static void run_against_model(struct rng *rng, unsigned steps, unsigned replicas, unsigned logs,
                              uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base, .seed = rng_next(rng)};
    struct nr_config config = small_config(replicas, logs);
    struct nr_bytes_map *map;
    struct nr_bytes_map_thread *threads[3];
    struct model model = {0};
    assert_int_equal(nr_bytes_map_create(&config, &options, &map), NR_OK);
    for (unsigned i = 0; i < replicas; i++)
        assert_int_equal(nr_bytes_map_register(map, i, &threads[i]), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    for (unsigned i = 0, at = 0; i < steps; i++) {
        if (rng_below(rng, 20) == 0)
            at = (unsigned)rng_below(rng, replicas);
        step(rng, threads[at], &model, refuse_one_in);
        if (rng_below(rng, 500) == 0)
            assert_equals_model(threads[rng_below(rng, replicas)], &model);
    }
    for (unsigned i = 0; i < replicas; i++) {
        assert_equals_model(threads[i], &model);
        nr_bytes_map_unregister(threads[i]);
    }
    assert_int_equal(nr_bytes_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void equals_a_model(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    run_against_model(&rng, STEPS, 1, 1, 0);
    run_against_model(&rng, STEPS, 3, 1, 0);
    run_against_model(&rng, STEPS, 3, 4, 0);
}

static void replicas_agree_when_memory_is_short(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    for (unsigned i = 0; i < 100; i++)
        run_against_model(&rng, 400, 3, i % 2 ? 4 : 1, 2 + i % 5);
}

static void limits_are_checked_and_values_cut_off(void **state)
{
    (void)state;
    static unsigned char big[NR_BYTES_KEY_MAX + 1];
    struct nr_bytes_map *map;
    struct nr_bytes_map_thread *me;
    unsigned char data[4] = {0};
    struct nr_buffer buffer = {data, 2, 0};
    assert_int_equal(nr_bytes_map_create(NULL, NULL, &map), NR_OK);
    assert_int_equal(nr_bytes_map_register(map, 0, &me), NR_OK);
    struct nr_bytes key = {big, NR_BYTES_KEY_MAX}, longer = {big, sizeof big}, none = {0};
    assert_int_equal(nr_bytes_map_put(me, longer, none, NULL), NR_EINVAL);
    assert_int_equal(
        nr_bytes_map_put(me, none, (struct nr_bytes){big, (size_t)NR_BYTES_VALUE_MAX + 1}, NULL),
        NR_EINVAL);
    assert_int_equal(nr_bytes_map_put(me, key, (struct nr_bytes){"abcd", 4}, NULL), NR_OK);
    assert_int_equal(nr_bytes_map_get(me, key, &buffer), NR_OK);
    assert_int_equal(buffer.size, 4);
    assert_memory_equal(data, "ab\0", 4);
    assert_int_equal(nr_bytes_map_get(me, key, NULL), NR_OK);
    buffer = (struct nr_buffer){NULL, 0, 0};
    assert_int_equal(nr_bytes_map_get(me, key, &buffer), NR_OK);
    assert_int_equal(buffer.size, 4);
    assert_int_equal(nr_bytes_map_get(me, none, NULL), NR_ENOENT);
    assert_int_equal(nr_bytes_map_insert(me, none, none), NR_OK);
    assert_int_equal(nr_bytes_map_get(me, none, NULL), NR_OK);
    assert_int_equal(nr_bytes_map_len(me), 2);
    assert_int_equal(nr_bytes_map_destroy(map), NR_EBUSY);
    nr_bytes_map_unregister(me);
    assert_int_equal(nr_bytes_map_destroy(map), NR_OK);
}

static void submissions_take_effect_in_order(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(2, 4);
    struct nr_bytes_map *map;
    struct nr_bytes_map_thread *me;
    enum nr_status outcome;
    struct nr_bytes key = {"key", 3}, value = {"value", 5};
    assert_int_equal(nr_bytes_map_create(&config, &options, &map), NR_OK);
    assert_int_equal(nr_bytes_map_register(map, 1, &me), NR_OK);
    for (unsigned round = 0; round < 100; round++) {
        assert_int_equal(nr_bytes_map_submit_insert(me, key, value), NR_OK);
        assert_int_equal(nr_bytes_map_submit_insert(me, key, value), NR_OK);
        assert_int_equal(nr_bytes_map_submit_replace(me, key, value), NR_OK);
        assert_int_equal(nr_bytes_map_submit_remove(me, key), NR_OK);
        assert_int_equal(nr_bytes_map_submit_remove(me, key), NR_OK);
        assert_int_equal(nr_bytes_map_submit_replace(me, key, value), NR_OK);
        static const enum nr_status expected[] = {NR_OK, NR_EEXIST, NR_OK,
                                                  NR_OK, NR_ENOENT, NR_ENOENT};
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(nr_bytes_map_collect(me, &outcome), NR_OK);
            assert_int_equal(outcome, expected[i]);
        }
        assert_int_equal(nr_bytes_map_poll(me, &outcome), NR_EEMPTY);
    }
    while (nr_bytes_map_submit_put(me, key, value) == NR_OK)
        ;
    nr_bytes_map_unregister(me); /* with answers that nobody collects */
    assert_int_equal(nr_bytes_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

/* With a single replica nothing that was dropped stays. */
static void one_replica_frees_at_once(void **state)
{
    (void)state;
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base, .reserve = 4};
    struct nr_bytes_map *map;
    struct nr_bytes_map_thread *me;
    struct nr_bytes key = {"key", 3}, value = {"value", 5};
    assert_int_equal(nr_bytes_map_create(NULL, &options, &map), NR_OK);
    assert_int_equal(nr_bytes_map_register(map, 0, &me), NR_OK);
    long blocks = allocator.blocks;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(nr_bytes_map_put(me, key, value, NULL), NR_OK);
    assert_int_equal(allocator.blocks, blocks + 1);
    assert_int_equal(nr_bytes_map_remove(me, key, NULL), NR_OK);
    assert_int_equal(allocator.blocks, blocks);
    nr_bytes_map_unregister(me);
    assert_int_equal(nr_bytes_map_destroy(map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

/* ---- Several threads
 * ----------------------------------------------------------------------------- */

struct work {
    struct nr_bytes_map *map;
    struct rng rng;
    unsigned replicas;
    bool short_of_memory;
    _Atomic long added; /* keys, less removed ones */
};

/* Every value that anybody sees is whole, and insertions and removals add up. */
static void put_and_look(void *arg, unsigned member)
{
    struct work *work = arg;
    struct rng rng = {work->rng.state + member};
    struct nr_bytes_map_thread *me;
    unsigned char data[VALUE_MAX];
    long added = 0;
    check(nr_bytes_map_register(work->map,
                                work->replicas > 1 ? member % work->replicas : NR_ANY_REPLICA,
                                &me) == NR_OK);
    for (unsigned i = 0; i < WORK; i++) {
        struct nr_buffer buffer = {data, sizeof data, 0};
        uint64_t number = rng_below(&rng, 20), tag = 1 + rng_below(&rng, 5000);
        enum kind kind = (enum kind)rng_below(&rng, KINDS);
        if (kind == CLEAR) {
            struct key key;
            if (nr_bytes_map_get(me, key_make(number, &key), &buffer) == NR_OK)
                (void)value_tag(data, buffer.size);
            check(nr_bytes_map_len(me) <= 20);
            continue;
        }
        if (kind == PUT)
            kind = INSERT; /* answers whether the key is new */
        enum nr_status status = mutate(me, kind, number, tag, &buffer);
        check(status != NR_ENOMEM || work->short_of_memory);
        if (status != NR_OK)
            continue;
        added += kind == INSERT ? 1 : kind == REMOVE ? -1 : 0;
        if (kind != INSERT)
            (void)value_tag(data, buffer.size);
    }
    atomic_fetch_add(&work->added, added);
    nr_bytes_map_unregister(me);
}

static void run_threads(struct rng rng, unsigned replicas, unsigned logs, bool churn,
                        uint64_t refuse_one_in)
{
    struct test_allocator allocator = test_allocator_make();
    struct nr_options options = {.allocator = &allocator.base};
    struct nr_config config = small_config(replicas, logs);
    struct work work = {
        .rng = rng, .short_of_memory = refuse_one_in, .replicas = churn ? 1 : replicas};
    struct team team;
    assert_int_equal(nr_bytes_map_create(&config, &options, &work.map), NR_OK);
    allocator.refuse_one_in = refuse_one_in;
    team_start(&team, 4, put_and_look, &work);
    if (churn)
        replicas_churn(nr_bytes_map_instance(work.map), &team, &rng);
    team_join(&team);
    for (unsigned id = 0; id < config.max_replicas; id++) {
        struct nr_bytes_map_thread *me;
        if (nr_bytes_map_register(work.map, id, &me) != NR_OK)
            continue;
        uint64_t n = nr_bytes_map_len(me);
        assert_int_equal(n, work.added);
        nr_bytes_map_visit(me, visit, &n);
        assert_int_equal(n, 0);
        nr_bytes_map_unregister(me);
    }
    assert_int_equal(nr_bytes_map_destroy(work.map), NR_OK);
    test_allocator_assert_empty(&allocator);
}

static void threads_see_whole_values(void **state)
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
        cmocka_unit_test(limits_are_checked_and_values_cut_off),
        cmocka_unit_test(equals_a_model),
        cmocka_unit_test(replicas_agree_when_memory_is_short),
        cmocka_unit_test(submissions_take_effect_in_order),
        cmocka_unit_test(one_replica_frees_at_once),
        cmocka_unit_test(threads_see_whole_values),
        cmocka_unit_test(replicas_come_and_go_during_use),
        cmocka_unit_test(replicas_come_and_go_while_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
