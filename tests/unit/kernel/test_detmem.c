// SPDX-License-Identifier: BSD-2-Clause
//
// The deterministic allocator under replicas of a toy structure: a bag of objects of several kinds.
// Its operations put in and take out as many as a random sequence says that starts from the
// operation, so that every replica needs the same, but nobody knows how much before apply.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "random.h"
#include <base/bits.h>
#include <kernel/detmem.h>
#include <kernel/inject.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const struct detmem_kind kinds[] = {{32, 8}, {200, 8}, {4096, 4096}};

#define N_KINDS 3

static struct frames *frames;
static struct slab *slab;
static struct detmem *detmem;

/* --- The structure --- */

struct item {
    struct item *next;
    uint64_t label;
};

struct bag {
    struct detmem_pool *pool;
    struct item *items[N_KINDS];
    uint64_t n[N_KINDS];
    uint64_t digest; /* of all labels ever put in and taken out, in order */
    size_t applied;  /* position in the log */
};

struct op {
    uint64_t seed;
    struct detmem_demand demand;
};

static void put(struct bag *bag, unsigned kind, uint64_t label)
{
    size_t size = kinds[kind].size - (kind == 1 ? label % 100 : 0);
    struct item *item = allocator_alloc(detmem_allocator(bag->pool), size, 8);
    assert_non_null(item);
    memset(item, (int)label, size);
    item->label = label;
    item->next = bag->items[kind];
    bag->items[kind] = item;
    bag->n[kind]++;
    bag->digest = bag->digest * 31 + label;
}

static void take(struct bag *bag, unsigned kind)
{
    struct item *item = bag->items[kind];
    if (!item)
        return;
    uint64_t label = item->label;
    size_t size = kinds[kind].size - (kind == 1 ? label % 100 : 0);
    assert_int_equal(((uint8_t *)item)[size - 1], (uint8_t)label);
    bag->items[kind] = item->next;
    bag->n[kind]--;
    bag->digest = bag->digest * 37 + label;
    allocator_free(detmem_allocator(bag->pool), item, size);
}

static void apply(struct bag *bag, const struct op *op)
{
    struct random random = {op->seed};
    detmem_begin(bag->pool, &op->demand);
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        uint64_t puts = random_below(&random, op->demand.count[kind] + 1u);
        uint64_t takes = random_below(&random, bag->n[kind] > 200 ? 20 : 5);
        for (uint64_t i = 0; i < puts || i < takes; i++) {
            if (i < takes)
                take(bag, kind);
            if (i < puts)
                put(bag, kind, random_next(&random));
        }
    }
    detmem_end(bag->pool);
    bag->applied++;
}

/* A copy of another bag, made outside of any operation. */
static bool copy_items(struct bag *to, const struct bag *from)
{
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        struct item **at = &to->items[kind];
        for (const struct item *item = from->items[kind]; item; item = item->next) {
            size_t size = kinds[kind].size - (kind == 1 ? item->label % 100 : 0);
            *at = allocator_alloc(detmem_allocator(to->pool), size, 8);
            if (!*at)
                return false;
            memcpy(*at, item, size);
            (*at)->next = NULL;
            at = &(*at)->next;
            to->n[kind]++;
        }
    }
    to->digest = from->digest;
    to->applied = from->applied;
    return true;
}

static void empty(struct bag *bag)
{
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        while (bag->n[kind])
            take(bag, kind);
    }
    detmem_leave(bag->pool);
}

/* --- Fixture --- */

static int set_up(void **state)
{
    (void)state;
    frames = machine_create();
    if (slab_create(frames, &slab))
        return -1;
    frames_set_reclaim(frames, slab_reclaim, slab);
    return detmem_create(slab, kinds, N_KINDS, &detmem);
}

static int tear_down(void **state)
{
    (void)state;
    struct slab_stats stats;
    detmem_destroy(detmem);
    slab_stats(slab, &stats);
    assert_int_equal(stats.objects, 0);
    slab_destroy(slab);
    machine_destroy();
    return 0;
}

static struct bag new_bag(node_id_t node)
{
    struct bag bag = {0};
    assert_int_equal(detmem_join(detmem, node, NULL, &bag.pool), KERR_OK);
    return bag;
}

static struct op small_op(uint16_t n, uint64_t seed)
{
    return (struct op){.seed = seed, .demand = {{n, n, n}}};
}

/* --- Fixed cases --- */

static void bad_kinds_are_refused(void **state)
{
    (void)state;
    static const struct detmem_kind bad[][2] = {
        {{4, 4}, {8, 8}}, {{64, 8}, {64, 8}}, {{64, 8}, {32, 8}}, {{32, 12}, {64, 8}}};
    struct detmem *dm;
    for (size_t i = 0; i < array_count(bad); i++)
        assert_int_equal(detmem_create(slab, bad[i], 2, &dm), KERR_INVALID);
    assert_int_equal(detmem_create(slab, kinds, 0, &dm), KERR_INVALID);
    assert_int_equal(detmem_create(slab, kinds, DETMEM_KINDS + 1, &dm), KERR_INVALID);
    struct detmem_demand unknown_kind = {.count[N_KINDS] = 1};
    assert_int_equal(detmem_reserve(detmem, &unknown_kind), KERR_INVALID);
}

static void what_was_reserved_is_there_on_each_node(void **state)
{
    (void)state;
    struct bag bags[MACHINE_NODES];
    struct op op = small_op(5, 1);
    for (node_id_t i = 0; i < MACHINE_NODES; i++)
        bags[i] = new_bag(i);
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    for (node_id_t i = 0; i < MACHINE_NODES; i++) {
        struct allocator *a = detmem_allocator(bags[i].pool);
        detmem_begin(bags[i].pool, &op.demand);
        for (int n = 0; n < 5; n++) {
            void *object = allocator_alloc(a, 32, 8);
            node_id_t node = MACHINE_NODES;
            assert_int_equal(frames_node_of(frames, arch_virt_to_phys(object), &node), KERR_OK);
            assert_int_equal(node, i);
            allocator_free(a, object, 32);
        }
        detmem_end(bags[i].pool);
        empty(&bags[i]);
    }
}

static void more_than_reserved_fails_on_each_replica(void **state)
{
    (void)state;
    struct bag bags[2] = {new_bag(0), new_bag(1)};
    struct op op = {.demand = {{2, 0, 1}}};
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    for (int i = 0; i < 2; i++) {
        struct allocator *a = detmem_allocator(bags[i].pool);
        void *objects[3];
        detmem_begin(bags[i].pool, &op.demand);
        objects[0] = allocator_alloc(a, 20, 8);
        objects[1] = allocator_alloc(a, 32, 8);
        objects[2] = allocator_alloc(a, 4096, 4096);
        assert_true(objects[0] && objects[1] && objects[2]);
        assert_null(allocator_alloc(a, 8, 8));
        assert_null(allocator_alloc(a, 33, 8));
        assert_null(allocator_alloc(a, 4096, 8));
        assert_null(allocator_alloc(a, 5000, 8));
        allocator_free(a, objects[0], 20);
        assert_null(allocator_alloc(a, 8, 8)); /* what was freed is for later operations */
        allocator_free(a, objects[1], 32);
        allocator_free(a, objects[2], 4096);
        detmem_end(bags[i].pool);
    }
    struct detmem_stats stats;
    detmem_stats(detmem, &stats);
    assert_int_equal(stats.overruns, 10);
    empty(&bags[0]);
    empty(&bags[1]);
}

static void a_cancelled_promise_serves_the_next(void **state)
{
    (void)state;
    struct bag bag = new_bag(0);
    struct op op = small_op(3, 7);
    struct detmem_stats before, after;
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    detmem_cancel(detmem, &op.demand);
    detmem_stats(detmem, &before);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
        if (i % 2)
            detmem_cancel(detmem, &op.demand);
        else
            apply(&bag, &op);
    }
    detmem_shrink(detmem);
    detmem_stats(detmem, &after);
    for (int i = 0; i < N_KINDS; i++)
        assert_int_equal(after.free[i], 0);
    empty(&bag);
}

static void a_slow_replica_holds_back_what_others_freed(void **state)
{
    (void)state;
    struct bag fast = new_bag(0), slow = new_bag(1);
    struct op op = {.seed = 3, .demand = {{100, 0, 0}}};
    struct detmem_stats stats;
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    detmem_stats(detmem, &stats);
    uint64_t free_before = stats.free[0];
    apply(&fast, &op);
    detmem_stats(detmem, &stats);
    assert_int_equal(stats.free[0], free_before);
    apply(&slow, &op);
    detmem_stats(detmem, &stats);
    assert_int_equal(stats.free[0], free_before + 100 - fast.n[0]);
    assert_true(fast.n[0] < 100);
    empty(&fast);
    empty(&slow);
}

static void a_late_replica_needs_a_source(void **state)
{
    (void)state;
    struct bag bag = new_bag(0);
    struct op op = small_op(1, 1);
    struct detmem_pool *pool;
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    assert_int_equal(detmem_join(detmem, 1, NULL, &pool), KERR_BUSY);
    apply(&bag, &op);
    empty(&bag);
}

static void there_is_a_most_number_of_replicas(void **state)
{
    (void)state;
    struct bag bags[DETMEM_REPLICAS];
    struct detmem_pool *pool;
    for (node_id_t i = 0; i < DETMEM_REPLICAS; i++)
        bags[i] = new_bag(i % MACHINE_NODES);
    assert_int_equal(detmem_join(detmem, 0, NULL, &pool), KERR_NO_SPACE);
    for (node_id_t i = 0; i < DETMEM_REPLICAS; i++)
        empty(&bags[i]);
}

static void freed_memory_returns_to_the_heap(void **state)
{
    (void)state;
    struct bag bag = new_bag(0);
    struct slab_stats before, after;
    struct op op = {.demand = {{0, 1000, 0}}};
    slab_stats(slab, &before);
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    detmem_begin(bag.pool, &op.demand);
    for (int i = 0; i < 1000; i++)
        put(&bag, 1, (uint64_t)i);
    detmem_end(bag.pool);
    op.demand = (struct detmem_demand){0};
    for (int i = 0; i < 1000; i++) {
        detmem_begin(bag.pool, &op.demand);
        take(&bag, 1);
        detmem_end(bag.pool);
    }
    slab_stats(slab, &after);
    /* Twice what a pool keeps: it looks only after so much was returned. And a wallet. */
    assert_true(after.objects - before.objects <= 2 * (16384 / 200) + 2048 / 200);
    empty(&bag);
}

/* --- Failures --- */

static void reserving_survives_each_failure(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    struct bag bags[2] = {new_bag(0), new_bag(2)};
    struct op op = small_op(40, 99);
    struct slab_stats before, after;
    slab_stats(slab, &before);
    bool failed = false;
    for (uint64_t n = 1;; n++) {
        inject_arm(n, true); /* for good, so that the second attempt fails too */
        kerr_t err = detmem_reserve(detmem, &op.demand);
        inject_arm(0, false);
        if (!err)
            break;
        failed = true;
        assert_int_equal(err, KERR_NO_MEMORY);
        slab_stats(slab, &after);
        assert_int_equal(after.objects, before.objects);
    }
    assert_true(failed);
    apply(&bags[0], &op);
    apply(&bags[1], &op);
    assert_true(bags[0].digest == bags[1].digest);
    empty(&bags[0]);
    empty(&bags[1]);
}

static void creation_and_joining_survive_each_failure(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    struct bag bag = new_bag(0);
    struct op op = small_op(20, 5);
    struct slab_stats before, after;
    assert_int_equal(detmem_reserve(detmem, &op.demand), KERR_OK);
    slab_stats(slab, &before);
    for (uint64_t n = 1;; n++) {
        struct detmem_pool *pool;
        inject_arm(n, false);
        kerr_t err = detmem_join(detmem, 1, bag.pool, &pool);
        inject_arm(0, false);
        if (!err) {
            detmem_leave(pool);
            break;
        }
        slab_stats(slab, &after);
        assert_int_equal(after.objects, before.objects);
    }
    for (uint64_t n = 1;; n++) {
        struct detmem *other;
        inject_arm(n, false);
        kerr_t err = detmem_create(slab, kinds, N_KINDS, &other);
        inject_arm(0, false);
        if (!err) {
            detmem_destroy(other);
            break;
        }
        slab_stats(slab, &after);
        assert_int_equal(after.objects, before.objects);
    }
    apply(&bag, &op);
    empty(&bag);
}

/* --- Random histories --- */

#define LOG_SIZE 1500

static struct op operations[LOG_SIZE];
static size_t log_end;

/* Takes most memory away, so that reservations fail now and then. */
static size_t hoard(paddr_t *list, size_t max_frames)
{
    size_t n = 0;
    while (n < max_frames && frames_alloc(frames, (node_id_t)(n % 3), FRAME_SMALL, FRAME_ANY_NODE,
                                          &list[n]) == KERR_OK)
        n++;
    return n;
}

static void random_histories_agree(void **state)
{
    (void)state;
    static paddr_t hoarded[MACHINE_NODES * MACHINE_NODE_SIZE / FRAME_SIZE];
    struct random random = {random_seed("random_histories_agree")};
    struct bag bags[DETMEM_REPLICAS] = {new_bag(0), new_bag(1)};
    unsigned n_bags = 2;
    unsigned failures = 0;
    size_t n_hoarded = hoard(hoarded, array_count(hoarded) * 94 / 100);
    log_end = 0;
    while (log_end < LOG_SIZE) {
        hosted_set_core((core_id_t)random_below(&random, MACHINE_CORES));
        uint64_t what = random_below(&random, 1000);
        unsigned i = (unsigned)random_below(&random, n_bags);
        if (what < 300) {
            uint16_t n = (uint16_t)random_below(&random, random_below(&random, 20) ? 6 : 100);
            struct op op = small_op(n, random_next(&random));
            if (detmem_reserve(detmem, &op.demand))
                failures++;
            else if (what < 50)
                detmem_cancel(detmem, &op.demand);
            else
                operations[log_end++] = op;
        } else if (what < 990) {
            if (bags[i].applied < log_end)
                apply(&bags[i], &operations[bags[i].applied]);
        } else if (what < 994 && n_bags < DETMEM_REPLICAS) {
            struct bag *bag = &bags[n_bags];
            *bag = (struct bag){0};
            if (detmem_join(detmem, (node_id_t)random_below(&random, MACHINE_NODES), bags[i].pool,
                            &bag->pool))
                continue;
            if (copy_items(bag, &bags[i]))
                n_bags++;
            else
                empty(bag);
        } else if (what < 998 && n_bags > 1) {
            empty(&bags[i]);
            bags[i] = bags[--n_bags];
        } else {
            detmem_shrink(detmem);
        }
    }
    for (unsigned i = 0; i < n_bags; i++) {
        while (bags[i].applied < log_end)
            apply(&bags[i], &operations[bags[i].applied]);
        assert_true(bags[i].digest == bags[0].digest);
    }
    printf("%u reservations failed\n", failures);
    assert_true(failures > 0);
    while (n_bags)
        empty(&bags[--n_bags]);
    while (n_hoarded)
        assert_int_equal(frames_free(frames, hoarded[--n_hoarded], FRAME_SMALL), KERR_OK);
}

/* --- Several cores --- */

#define N_WRITERS  3
#define N_REPLICAS 3

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic size_t published; /* operations in the log */
static struct bag shared_bags[N_REPLICAS];
static uint64_t thread_seed;

static void *writer(void *arg)
{
    uintptr_t self = (uintptr_t)arg;
    struct random random = {thread_seed + self};
    hosted_set_core((core_id_t)self);
    for (;;) {
        struct op op = small_op((uint16_t)random_below(&random, 8), random_next(&random));
        if (detmem_reserve(detmem, &op.demand)) {
            sched_yield();
            continue;
        }
        pthread_mutex_lock(&log_mutex);
        size_t at = published;
        bool full = at == LOG_SIZE;
        if (!full) {
            operations[at] = op;
            published = at + 1;
        }
        pthread_mutex_unlock(&log_mutex);
        if (full) {
            detmem_cancel(detmem, &op.demand);
            return NULL;
        }
    }
}

static void *replica(void *arg)
{
    uintptr_t self = (uintptr_t)arg;
    struct bag *bag = &shared_bags[self];
    hosted_set_core((core_id_t)(N_WRITERS + self));
    while (bag->applied < LOG_SIZE) {
        if (bag->applied < published)
            apply(bag, &operations[bag->applied]);
        else
            sched_yield();
    }
    return NULL;
}

static void cores_reserve_while_replicas_apply(void **state)
{
    (void)state;
    pthread_t threads[N_WRITERS + N_REPLICAS];
    thread_seed = random_seed("cores_reserve_while_replicas_apply");
    published = 0;
    for (node_id_t i = 0; i < N_REPLICAS; i++)
        shared_bags[i] = new_bag(i);
    for (uintptr_t i = 0; i < N_WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, (void *)i), 0);
    for (uintptr_t i = 0; i < N_REPLICAS; i++)
        assert_int_equal(pthread_create(&threads[N_WRITERS + i], NULL, replica, (void *)i), 0);
    for (int i = 0; i < N_WRITERS + N_REPLICAS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < N_REPLICAS; i++)
        assert_true(shared_bags[i].digest == shared_bags[0].digest);
    for (int i = 0; i < N_REPLICAS; i++)
        empty(&shared_bags[i]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(bad_kinds_are_refused),
        CASE(what_was_reserved_is_there_on_each_node),
        CASE(more_than_reserved_fails_on_each_replica),
        CASE(a_cancelled_promise_serves_the_next),
        CASE(a_slow_replica_holds_back_what_others_freed),
        CASE(a_late_replica_needs_a_source),
        CASE(there_is_a_most_number_of_replicas),
        CASE(freed_memory_returns_to_the_heap),
        CASE(reserving_survives_each_failure),
        CASE(creation_and_joining_survive_each_failure),
        CASE(random_histories_agree),
        CASE(cores_reserve_while_replicas_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
