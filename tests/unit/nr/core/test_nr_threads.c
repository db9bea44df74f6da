// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many threads: nothing is lost, doubled or reordered, reads linearise, and replicas and threads
 * come and go under load. Each thread writes values that name it and count up, so the sequence of
 * operations tells.
 */
#include "types.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define MAX_WORKERS 8

struct world {
    struct seqlog_nr *nr;
    unsigned workers, ops, replicas;
    bool churn;      /* replicas come and go: register anywhere */
    bool submit;     /* hand in batches instead of waiting for each answer */
    bool reregister; /* leave and come back now and then */
    bool reader0;    /* worker 0 only reads */
    _Atomic unsigned running;
    _Atomic uint64_t completed; /* highest answer that a worker has got, plus 1 */
};

struct worker {
    struct world *world;
    unsigned id;
    pthread_t thread;
};

static uint64_t tag(unsigned id, unsigned i)
{
    return (uint64_t)(id + 1) << 32 | i;
}

static void note_completed(struct world *world, uint64_t n)
{
    uint64_t seen = atomic_load(&world->completed);
    while (seen < n && !atomic_compare_exchange_weak(&world->completed, &seen, n))
        ;
}

/* A read that starts now must see everything that had completed by now, and lengths never shrink.
 */
static void check_read(struct world *world, struct seqlog_thread *th, uint64_t *length)
{
    uint64_t completed = atomic_load(&world->completed);
    uint64_t now = seqlog_length(th);
    require(now >= completed);
    require(now >= *length);
    *length = now;
}

static void run_batches(struct worker *self, struct seqlog_thread *th)
{
    uint64_t last = 0, resp;
    for (unsigned i = 0; i < self->world->ops;) {
        unsigned sent = 0;
        while (i < self->world->ops &&
               seqlog_submit(th, &(struct seqlog_op){tag(self->id, i)}) == NR_OK)
            i++, sent++;
        while (sent--) {
            require(seqlog_collect(th, &resp) == NR_OK);
            require(last == 0 || resp > last);
            last = resp;
        }
        note_completed(self->world, last + 1);
    }
}

static struct seqlog_thread *come_back(struct world *world, struct seqlog_thread *th,
                                       unsigned replica)
{
    seqlog_unregister(th);
    require(seqlog_register(world->nr, replica, &th) == NR_OK);
    return th;
}

static void run_ops(struct worker *self, struct seqlog_thread **th)
{
    struct world *world = self->world;
    uint64_t last = 0, length = 0;
    for (unsigned i = 0; i < world->ops; i++) {
        uint64_t at = seqlog_add(*th, tag(self->id, i));
        require(i == 0 || at > last);
        last = at;
        note_completed(world, at + 1);
        if (i % 3 == 0)
            check_read(world, *th, &length);
        if (i % 7 == 0)
            require(seqlog_query(*th, &(struct seqlog_query){at}) == tag(self->id, i));
        if (world->reregister && i % 50 == 49)
            *th = come_back(world, *th, (self->id + i) % world->replicas);
    }
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct world *world = self->world;
    struct seqlog_thread *th;
    uint64_t length = 0;
    require(seqlog_register(world->nr, world->churn ? NR_ANY_REPLICA : self->id % world->replicas,
                            &th) == NR_OK);
    if (world->reader0 && self->id == 0) {
        while (atomic_load(&world->running) > 1)
            check_read(world, th, &length);
    } else if (world->submit) {
        run_batches(self, th);
    } else {
        run_ops(self, &th);
    }
    seqlog_unregister(th);
    atomic_fetch_sub(&world->running, 1);
    return NULL;
}

/* Counts each worker's operations in the final sequence and asserts that each counts up without
 * holes. */
static void check_sequence(struct world *world, size_t n)
{
    struct seqlog copy;
    unsigned next[MAX_WORKERS + 1] = {0};
    assert_ok(nr_inspect(seqlog_untyped(world->nr), 0, seqlog_copy_out, &copy));
    assert_int_equal(copy.n, n);
    for (size_t i = 0; i < copy.n; i++) {
        unsigned id = (unsigned)(copy.items[i] >> 32) - 1;
        assert_true(id < world->workers);
        assert_int_equal(copy.items[i] & 0xffffffff, next[id]++);
    }
    seqlog_fini(&copy);
}

static void start(struct world *world, struct worker *workers, const struct nr_config *config)
{
    assert_ok(seqlog_nr_create(config, &world->nr));
    world->running = world->workers;
    for (unsigned i = 0; i < world->workers; i++) {
        workers[i] = (struct worker){.world = world, .id = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    }
}

static void join(struct world *world, struct worker *workers)
{
    for (unsigned i = 0; i < world->workers; i++)
        pthread_join(workers[i].thread, NULL);
}

static void run(struct world world, struct nr_config config)
{
    struct worker workers[MAX_WORKERS];
    config.replicas = world.replicas;
    start(&world, workers, &config);
    join(&world, workers);
    size_t writers = world.workers - world.reader0;
    for (unsigned id = 0; id < world.replicas; id++)
        assert_replicas_equal(seqlog_untyped(world.nr), 0, id, writers * world.ops);
    check_sequence(&world, writers * world.ops);
    assert_ok(seqlog_nr_destroy(world.nr));
}

#define RUN(name, ...)             \
    static void name(void **state) \
    {                              \
        (void)state;               \
        run(__VA_ARGS__);          \
    }

#define WORLD(w, r, ...) ((struct world){.workers = (w), .replicas = (r), .ops = 3000, __VA_ARGS__})
#define CONFIG(...)      ((struct nr_config){__VA_ARGS__})

RUN(two_threads_share_the_only_replica, WORLD(2, 1, ), CONFIG(0))
RUN(two_threads_share_the_only_replica_and_its_log, WORLD(2, 1, ), CONFIG(.flags = NR_KEEP_LOG))
RUN(two_threads_on_two_replicas, WORLD(2, 2, ), CONFIG(0))
RUN(four_threads_on_two_replicas, WORLD(4, 2, ), CONFIG(0))
RUN(eight_threads_on_four_replicas_with_a_tiny_log, WORLD(8, 4, ), CONFIG(.log_entries = 4))
RUN(four_threads_on_two_replicas_under_the_guard, WORLD(4, 2, ),
    CONFIG(.log_entries = 16, .flags = NR_CHECK))
RUN(waiting_threads_can_sleep, WORLD(8, 2, ), CONFIG(.log_entries = 16, .flags = NR_PARK))
RUN(waiting_threads_can_sleep_without_log, WORLD(8, 1, ), CONFIG(.flags = NR_PARK))
RUN(batches_from_many_threads, WORLD(4, 2, .submit = true), CONFIG(.log_entries = 64))
RUN(batches_of_one, WORLD(4, 2, .submit = true), CONFIG(.batch = 1, .log_entries = 8))
RUN(batches_larger_than_the_log, WORLD(4, 2, .submit = true), CONFIG(.batch = 63, .log_entries = 8))
RUN(batches_without_log, WORLD(4, 1, .submit = true), CONFIG(0))
RUN(a_reader_among_writers, WORLD(4, 2, .reader0 = true), CONFIG(.log_entries = 64))
RUN(a_reader_among_writers_on_one_replica, WORLD(3, 1, .reader0 = true), CONFIG(0))
RUN(threads_leave_while_others_combine, WORLD(6, 2, .reregister = true), CONFIG(.log_entries = 16))
RUN(threads_leave_while_others_combine_without_log, WORLD(4, 1, .reregister = true), CONFIG(0))
RUN(threads_leave_while_others_sleep, WORLD(6, 2, .reregister = true), CONFIG(.flags = NR_PARK))

/* Replica 1 has a thread which never operates; the others must not wait for it. */
static void a_replica_idle_for_ever_stops_nobody(void **state)
{
    (void)state;
    struct world world = {.workers = 2, .replicas = 1, .ops = 3000};
    struct worker workers[MAX_WORKERS];
    struct seqlog_thread *idle;
    start(&world, workers, &CONFIG(.replicas = 2, .log_entries = 16));
    assert_ok(seqlog_register(world.nr, 1, &idle));
    join(&world, workers);
    assert_int_equal(seqlog_length(idle), 6000);
    assert_replicas_equal(seqlog_untyped(world.nr), 0, 1, 6000);
    seqlog_unregister(idle);
    assert_ok(seqlog_nr_destroy(world.nr));
}

/* The main thread adds and removes replicas all the while; workers are re-routed, their operations
 * survive. */
static void replicas_come_and_go_under_load(unsigned flags, bool submit)
{
    struct world world = {
        .workers = 4, .replicas = 1, .ops = 4000, .submit = submit, .churn = true};
    struct worker workers[MAX_WORKERS];
    struct nr_config config = {.log_entries = 64, .max_replicas = 4, .flags = flags};
    unsigned ids[2], changes = 0;
    start(&world, workers, &config);
    while (atomic_load(&world.running)) {
        assert_ok(seqlog_nr_add_replica(world.nr, NR_ANY_NODE, &ids[0]));
        assert_ok(seqlog_nr_add_replica(world.nr, NR_ANY_NODE, &ids[1]));
        for (unsigned id = 0; id < 4; id++) {
            enum nr_status status = seqlog_nr_remove_replica(world.nr, (id + changes) % 4);
            assert_true(status == NR_OK || status == NR_EINVAL || status == NR_EBUSY);
        }
        changes++;
    }
    join(&world, workers);
    unsigned id = 0;
    assert_ok(seqlog_nr_add_replica(world.nr, NR_ANY_NODE, &id));
    for (unsigned other = 0; other < 4; other++) {
        struct nr_stats stats;
        if (nr_replica_stats(seqlog_untyped(world.nr), other, &stats) == NR_OK)
            assert_replicas_equal(seqlog_untyped(world.nr), other, id, 16000);
    }
    while (seqlog_nr_remove_replica(world.nr, id) == NR_OK)
        id = (id + 1) % 4;
    assert_ok(seqlog_nr_destroy(world.nr));
}

static void replicas_come_and_go_under_load_spinning(void **state)
{
    (void)state;
    replicas_come_and_go_under_load(0, false);
}

static void replicas_come_and_go_under_load_sleeping(void **state)
{
    (void)state;
    replicas_come_and_go_under_load(NR_PARK, false);
}

static void replicas_come_and_go_under_batches(void **state)
{
    (void)state;
    replicas_come_and_go_under_load(NR_KEEP_LOG, true);
}

static void *leave(void *arg)
{
    seqlog_unregister(arg);
    return NULL;
}

/* Nobody joins the thread first: as soon as it does not count any more, it is out of the instance.
 */
static void an_instance_goes_right_behind_its_last_thread(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct seqlog_nr *nr;
        struct seqlog_thread *th;
        pthread_t thread;
        enum nr_status status;
        assert_ok(seqlog_nr_create(NULL, &nr));
        assert_ok(seqlog_register(nr, 0, &th));
        assert_int_equal(pthread_create(&thread, NULL, leave, th), 0);
        while ((status = seqlog_nr_destroy(nr)) == NR_EBUSY)
            sched_yield();
        assert_ok(status);
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads_share_the_only_replica),
        cmocka_unit_test(two_threads_share_the_only_replica_and_its_log),
        cmocka_unit_test(two_threads_on_two_replicas),
        cmocka_unit_test(four_threads_on_two_replicas),
        cmocka_unit_test(eight_threads_on_four_replicas_with_a_tiny_log),
        cmocka_unit_test(four_threads_on_two_replicas_under_the_guard),
        cmocka_unit_test(waiting_threads_can_sleep),
        cmocka_unit_test(waiting_threads_can_sleep_without_log),
        cmocka_unit_test(batches_from_many_threads),
        cmocka_unit_test(batches_of_one),
        cmocka_unit_test(batches_larger_than_the_log),
        cmocka_unit_test(batches_without_log),
        cmocka_unit_test(a_reader_among_writers),
        cmocka_unit_test(a_reader_among_writers_on_one_replica),
        cmocka_unit_test(threads_leave_while_others_combine),
        cmocka_unit_test(threads_leave_while_others_combine_without_log),
        cmocka_unit_test(threads_leave_while_others_sleep),
        cmocka_unit_test(a_replica_idle_for_ever_stops_nobody),
        cmocka_unit_test(replicas_come_and_go_under_load_spinning),
        cmocka_unit_test(replicas_come_and_go_under_load_sleeping),
        cmocka_unit_test(replicas_come_and_go_under_batches),
        cmocka_unit_test(an_instance_goes_right_behind_its_last_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
