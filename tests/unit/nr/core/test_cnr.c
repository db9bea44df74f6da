// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several logs. The parts all count additions; a mutating scan adds to all at once. Invariants that
 * every atomic snapshot must show: a worker's additions to its own part in order, and scans in all
 * parts alike.
 */
#include "types.h"

#include <pthread.h>
#include <stdio.h>

#define WORKERS 4
/* Scans add this, single additions add 1: a part's value tells both numbers apart. */
#define SCAN_UNIT (UINT64_C(1) << 32)

struct world {
    struct parts_nr *nr;
    unsigned ops, replicas;
    bool churn; /* replicas come and go: register anywhere */
    bool submit;
    _Atomic unsigned running;
    _Atomic uint64_t scans; /* mutating scans completed */
};

struct worker {
    struct world *world;
    unsigned id;
    pthread_t thread;
};

/* A snapshot in which some part has seen a scan that another has not is torn. */
static void check_snapshot(struct world *world, struct parts_thread *th, struct parts_answer *last)
{
    uint64_t completed = atomic_load(&world->scans);
    struct parts_answer now = parts_query(th, &(struct parts_query){PARTS});
    uint64_t scans = now.value[0] / SCAN_UNIT;
    require(scans >= completed);
    for (unsigned i = 0; i < PARTS; i++) {
        require(now.value[i] / SCAN_UNIT == scans);
        require(now.value[i] >= last->value[i]);
    }
    *last = now;
}

/* Worker w owns the parts w and w + WORKERS and adds to them in turn: in every snapshot the second
 * part is equal to the first or one behind. Their logs differ, so this is the order across logs. */
static void check_order(const struct parts_answer *now)
{
    for (unsigned w = 0; w < WORKERS; w++) {
        uint64_t first = now->value[w] % SCAN_UNIT, second = now->value[w + WORKERS] % SCAN_UNIT;
        require(first == second || first == second + 1);
    }
}

static void add(struct world *world, struct parts_thread *th, unsigned part, uint64_t expected)
{
    struct parts_op op = {PARTS_ADD, part, 1};
    uint64_t resp;
    if (world->submit) {
        require(parts_submit(th, &op) == NR_OK);
        require(parts_collect(th, &resp) == NR_OK);
    } else {
        resp = parts_execute(th, &op);
    }
    require(resp % SCAN_UNIT == expected);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct world *world = self->world;
    struct parts_thread *th;
    struct parts_answer last = {{0}};
    require(parts_register(world->nr, world->churn ? NR_ANY_REPLICA : self->id % world->replicas,
                           &th) == NR_OK);
    for (unsigned i = 0; i < world->ops; i++) {
        add(world, th, self->id, i + 1);
        add(world, th, self->id + WORKERS, i + 1);
        if (i % 4 == 0) {
            check_snapshot(world, th, &last);
            check_order(&last);
        }
        if (i % 16 == self->id) {
            uint64_t sum = parts_execute(th, &(struct parts_op){PARTS_ADD_ALL, 0, SCAN_UNIT});
            require(sum / SCAN_UNIT % PARTS == 0);
            atomic_fetch_add(&world->scans, 1);
        }
        if (i % 8 == 0) {
            struct parts_answer own = parts_query(th, &(struct parts_query){self->id});
            require(own.value[self->id] % SCAN_UNIT == i + 1);
        }
    }
    parts_unregister(th);
    atomic_fetch_sub(&world->running, 1);
    return NULL;
}

static void copy_out(const void *data, void *arg)
{
    *(struct parts *)arg = *(const struct parts *)data;
}

static void check_end(struct world *world, unsigned id)
{
    struct parts end;
    assert_ok(nr_sync_replica(parts_untyped(world->nr), id));
    assert_ok(nr_inspect(parts_untyped(world->nr), id, copy_out, &end));
    for (unsigned i = 0; i < PARTS; i++) {
        assert_int_equal(end.part[i].value % SCAN_UNIT, world->ops);
        assert_int_equal(end.part[i].value / SCAN_UNIT, world->scans);
    }
}

static void run(struct world world, struct nr_config config)
{
    struct worker workers[WORKERS];
    config.replicas = world.replicas;
    config.max_replicas = world.replicas + 1;
    world.running = WORKERS;
    assert_ok(parts_nr_create(&config, &world.nr));
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.world = &world, .id = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    }
    while (world.churn && atomic_load(&world.running)) {
        unsigned added;
        assert_ok(parts_nr_add_replica(world.nr, NR_ANY_NODE, &added));
        assert_ok(parts_nr_remove_replica(world.nr, (added + 1) % config.max_replicas));
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned id = 0; id < config.max_replicas; id++) {
        struct nr_stats stats;
        if (nr_replica_stats(parts_untyped(world.nr), id, &stats) == NR_OK)
            check_end(&world, id);
    }
    assert_ok(parts_nr_destroy(world.nr));
}

#define RUN(name, world_init, ...)                                      \
    static void name(void **state)                                      \
    {                                                                   \
        (void)state;                                                    \
        run((struct world)world_init, (struct nr_config){__VA_ARGS__}); \
    }
#define WORLD(r, s, c)                                            \
    {                                                             \
        .replicas = (r), .ops = 1500, .submit = (s), .churn = (c) \
    }

RUN(one_log_one_replica, WORLD(1, false, false), .logs = 1)
RUN(four_logs_one_replica, WORLD(1, false, false), .logs = 4)
RUN(four_logs_one_replica_with_its_log, WORLD(1, false, false), .logs = 4, .flags = NR_KEEP_LOG)
RUN(four_logs_two_replicas, WORLD(2, false, false), .logs = 4)
RUN(three_logs_two_replicas_tiny_logs, WORLD(2, false, false), .logs = 3, .log_entries = 4)
RUN(eight_logs_four_replicas_tiny_logs, WORLD(4, false, false), .logs = 8, .log_entries = 4)
RUN(four_logs_two_replicas_under_the_guard, WORLD(2, false, false), .logs = 4, .flags = NR_CHECK)
RUN(four_logs_two_replicas_sleeping, WORLD(2, false, false), .logs = 4, .flags = NR_PARK)
RUN(four_logs_two_replicas_submitting, WORLD(2, true, false), .logs = 4)
RUN(more_logs_than_anybody_uses, WORLD(2, false, false), .logs = NR_MAX_LOGS)
RUN(replicas_come_and_go_solo, WORLD(1, false, true), .logs = 4, .log_entries = 32)
RUN(replicas_come_and_go_two, WORLD(2, true, true), .logs = 4, .log_entries = 8)

/* A submission to another log, or a scan, completes what was submitted before: order across logs.
 */
static void submissions_keep_their_order_across_logs(void **state)
{
    (void)state;
    struct parts_nr *nr;
    struct parts_thread *th, *other;
    uint64_t resp;
    assert_ok(parts_nr_create(&(struct nr_config){.replicas = 2, .logs = 4}, &nr));
    assert_ok(parts_register(nr, 0, &th));
    assert_ok(parts_register(nr, 1, &other));
    assert_ok(parts_submit(th, &(struct parts_op){PARTS_ADD, 0, 5}));
    assert_ok(parts_submit(th, &(struct parts_op){PARTS_ADD, 0, 5}));
    assert_ok(parts_submit(th, &(struct parts_op){PARTS_ADD, 1, 7}));
    struct parts_answer seen = parts_query(other, &(struct parts_query){PARTS});
    assert_int_equal(seen.value[0], 10);
    assert_ok(parts_submit(th, &(struct parts_op){PARTS_ADD_ALL, 0, 100}));
    seen = parts_query(other, &(struct parts_query){PARTS});
    assert_int_equal(seen.value[1], 107);
    const uint64_t expected[] = {5, 10, 7, 17 + 100 * PARTS};
    for (unsigned i = 0; i < 4; i++) {
        assert_ok(parts_collect(th, &resp));
        assert_int_equal(resp, expected[i]);
    }
    assert_int_equal(parts_collect(th, &resp), NR_EEMPTY);
    parts_unregister(th);
    parts_unregister(other);
    assert_ok(parts_nr_destroy(nr));
}

/* Scans alone fill tiny logs again and again; the idle replica is helped over them. */
static void scans_do_not_deadlock_full_logs(void **state)
{
    (void)state;
    struct parts_nr *nr;
    struct parts_thread *th;
    assert_ok(
        parts_nr_create(&(struct nr_config){.replicas = 3, .logs = 4, .log_entries = 4}, &nr));
    assert_ok(parts_register(nr, 0, &th));
    for (unsigned i = 1; i <= 500; i++) {
        assert_int_equal(parts_execute(th, &(struct parts_op){PARTS_ADD_ALL, 0, 1}), i * PARTS);
        (void)parts_execute(th, &(struct parts_op){PARTS_ADD, i % PARTS, 0});
    }
    parts_unregister(th);
    assert_ok(parts_nr_destroy(nr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_log_one_replica),
        cmocka_unit_test(four_logs_one_replica),
        cmocka_unit_test(four_logs_one_replica_with_its_log),
        cmocka_unit_test(four_logs_two_replicas),
        cmocka_unit_test(three_logs_two_replicas_tiny_logs),
        cmocka_unit_test(eight_logs_four_replicas_tiny_logs),
        cmocka_unit_test(four_logs_two_replicas_under_the_guard),
        cmocka_unit_test(four_logs_two_replicas_sleeping),
        cmocka_unit_test(four_logs_two_replicas_submitting),
        cmocka_unit_test(more_logs_than_anybody_uses),
        cmocka_unit_test(replicas_come_and_go_solo),
        cmocka_unit_test(replicas_come_and_go_two),
        cmocka_unit_test(submissions_keep_their_order_across_logs),
        cmocka_unit_test(scans_do_not_deadlock_full_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
