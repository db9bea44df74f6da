// SPDX-License-Identifier: BSD-2-Clause
/* One thread at a time: the interface's contracts, the log's corners, submissions, the guard,
 * failures. */
#include "types.h"

#include <stdio.h>

/* ---- Configuration ---- */

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct nr_config bad[] = {
        {.replicas = NR_MAX_REPLICAS + 1}, {.logs = NR_MAX_LOGS + 1}, {.logs = 2},
        {.batch = NR_MAX_BATCH + 1},       {.log_entries = 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct seqlog_nr *nr;
        assert_int_equal(seqlog_nr_create(&bad[i], &nr), NR_EINVAL);
        assert_null(nr);
    }
    struct nr_type incomplete = seqlog_type;
    incomplete.read = NULL;
    struct nr *nr;
    assert_int_equal(nr_create(&incomplete, NULL, &nr), NR_EINVAL);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int status = NR_OK; status >= NR_EEMPTY; status--)
        assert_string_not_equal(nr_status_text((enum nr_status)status), "unknown status");
    assert_string_equal(nr_status_text((enum nr_status)1), "unknown status");
    assert_string_equal(nr_status_text((enum nr_status) - 1000), "unknown status");
}

static void threads_and_replicas_have_limits(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *a, *b, *none;
    unsigned id;
    assert_ok(seqlog_nr_create(&(struct nr_config){.max_threads = 2, .max_replicas = 1}, &nr));
    assert_ok(seqlog_register(nr, 0, &a));
    assert_ok(seqlog_register(nr, 0, &b));
    assert_int_equal(seqlog_register(nr, 0, &none), NR_ELIMIT);
    assert_int_equal(seqlog_register(nr, 1, &none), NR_EINVAL);
    assert_null(none);
    assert_int_equal(seqlog_nr_add_replica(nr, NR_ANY_NODE, &id), NR_ELIMIT);
    assert_int_equal(seqlog_nr_remove_replica(nr, 0), NR_EBUSY);
    assert_int_equal(seqlog_nr_remove_replica(nr, 7), NR_EINVAL);
    assert_int_equal(seqlog_nr_destroy(nr), NR_EBUSY);
    seqlog_unregister(a);
    assert_ok(seqlog_register(nr, 0, &a)); /* the slot is free again */
    seqlog_unregister(a);
    seqlog_unregister(b);
    assert_ok(seqlog_nr_destroy(nr));
}

/* ---- The log's corners ---- */

/* Two replicas in one thread's hands: each reads what the other wrote, over many wraps of a small
 * log. */
static void run_two_replicas(struct nr_config config, unsigned ops)
{
    struct seqlog_nr *nr;
    struct seqlog_thread *th[2];
    config.replicas = 2;
    assert_ok(seqlog_nr_create(&config, &nr));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(seqlog_register(nr, i, &th[i]));
    for (unsigned i = 0; i < ops; i++) {
        assert_int_equal(seqlog_add(th[i % 2], 1000 + i), i);
        assert_int_equal(seqlog_query(th[!(i % 2)], &(struct seqlog_query){i}), 1000 + i);
    }
    assert_replicas_equal(seqlog_untyped(nr), 0, 1, ops);
    for (unsigned i = 0; i < 2; i++)
        seqlog_unregister(th[i]);
    assert_ok(seqlog_nr_destroy(nr));
}

static void a_read_sees_what_another_replica_wrote(void **state)
{
    (void)state;
    run_two_replicas((struct nr_config){0}, 10000);
}

static void the_smallest_log_wraps_around(void **state)
{
    (void)state;
    run_two_replicas((struct nr_config){.log_entries = 4}, 1000);
}

static void the_guard_stays_silent_on_a_deterministic_type(void **state)
{
    (void)state;
    run_two_replicas((struct nr_config){.log_entries = 8, .flags = NR_CHECK}, 1000);
}

static void parking_instances_work_without_contention(void **state)
{
    (void)state;
    run_two_replicas((struct nr_config){.log_entries = 8, .flags = NR_PARK}, 1000);
}

static void a_single_replica_can_keep_its_log(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    struct nr_stats stats;
    assert_ok(seqlog_nr_create(&(struct nr_config){.flags = NR_KEEP_LOG, .log_entries = 4}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(seqlog_add(th, i), i);
    assert_ok(nr_replica_stats(seqlog_untyped(nr), 0, &stats));
    assert_int_equal(stats.combines, 100);
    assert_int_equal(stats.lag, 0);
    assert_int_equal(stats.threads, 1);
    assert_int_equal(nr_replica_stats(seqlog_untyped(nr), 1, &stats), NR_EINVAL);
    seqlog_unregister(th);
    assert_ok(seqlog_nr_destroy(nr));
}

/* Replica 1 has no thread at all; the writer must advance it by itself to get space. */
static void an_idle_replica_is_helped(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    struct nr_stats stats;
    assert_ok(seqlog_nr_create(&(struct nr_config){.replicas = 3, .log_entries = 16}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(seqlog_add(th, i), i);
    for (unsigned id = 1; id < 3; id++) {
        assert_ok(nr_replica_stats(seqlog_untyped(nr), id, &stats));
        assert_true(stats.helped > 0);
        assert_true(stats.lag <= 16);
    }
    assert_ok(nr_replica_stats(seqlog_untyped(nr), 0, &stats));
    assert_true(stats.log_full > 0);
    assert_replicas_equal(seqlog_untyped(nr), 0, 2, 1000);
    seqlog_unregister(th);
    assert_ok(seqlog_nr_destroy(nr));
}

struct waker {
    struct seqlog_nr *nr;
    unsigned calls;
};

static bool wake_by_syncing(void *arg, unsigned replica, unsigned log)
{
    struct waker *waker = arg;
    assert_int_equal(replica, 1);
    assert_int_equal(log, 0);
    waker->calls++;
    assert_ok(nr_sync_replica(seqlog_untyped(waker->nr), replica));
    return true;
}

static void the_stuck_hook_replaces_helping(void **state)
{
    (void)state;
    struct waker waker = {0};
    struct seqlog_thread *th;
    struct nr_stats stats;
    struct nr_config config = {
        .replicas = 2, .log_entries = 16, .stuck = wake_by_syncing, .hook_arg = &waker};
    assert_ok(seqlog_nr_create(&config, &waker.nr));
    assert_ok(seqlog_register(waker.nr, 0, &th));
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(seqlog_add(th, i), i);
    assert_true(waker.calls > 0);
    assert_ok(nr_replica_stats(seqlog_untyped(waker.nr), 1, &stats));
    assert_int_equal(stats.helped,
                     waker.calls); /* nr_sync_replica counts as help; nobody else helped */
    seqlog_unregister(th);
    assert_ok(seqlog_nr_destroy(waker.nr));
}

static bool promise_nothing_done(void *arg, unsigned replica, unsigned log)
{
    struct waker *waker = arg;
    (void)log;
    assert_int_not_equal(replica, 0); /* whoever asks is on replica 0 and can help himself there */
    waker->calls++;
    return true;
}

/* The thread that the hook woke may be waiting for a lock of the instance, or never come. */
static void the_stuck_hook_is_not_relied_upon(void **state)
{
    (void)state;
    struct waker waker = {0};
    struct parts_nr *nr;
    struct parts_thread *th;
    struct nr_config config = {.replicas = 2,
                               .logs = 2,
                               .log_entries = 4,
                               .stuck = promise_nothing_done,
                               .hook_arg = &waker};
    assert_ok(parts_nr_create(&config, &nr));
    assert_ok(parts_register(nr, 0, &th));
    for (unsigned i = 1; i <= 20; i++) {
        assert_int_equal(parts_execute(th, &(struct parts_op){PARTS_ADD, 0, 1}), 2 * i - 1);
        assert_int_equal(parts_execute(th, &(struct parts_op){PARTS_ADD_ALL, 0, 1}), PARTS * i + i);
    }
    assert_true(waker.calls > 0);
    parts_unregister(th);
    assert_ok(parts_nr_destroy(nr));
}

/* Replica 0 has fallen behind by a whole log when its only thread wants to append. */
static void a_thread_does_not_ask_for_help_with_its_own_replica(void **state)
{
    (void)state;
    struct waker waker = {0};
    struct seqlog_nr *nr;
    struct seqlog_thread *th[2];
    struct nr_config config = {.replicas = 2, .log_entries = 16};
    config.stuck = promise_nothing_done;
    config.hook_arg = &waker;
    assert_ok(seqlog_nr_create(&config, &nr));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(seqlog_register(nr, i, &th[i]));
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(seqlog_add(th[1], i), i);
    assert_int_equal(seqlog_add(th[0], 16), 16);
    assert_int_equal(waker.calls, 0);
    for (unsigned i = 0; i < 2; i++)
        seqlog_unregister(th[i]);
    assert_ok(seqlog_nr_destroy(nr));
}

/* ---- Submissions ---- */

static void submissions_keep_their_order_and_are_bounded(void **state)
{
    (void)state;
    for (unsigned replicas = 1; replicas <= 2; replicas++) {
        struct seqlog_nr *nr;
        struct seqlog_thread *th;
        uint64_t resp;
        assert_ok(seqlog_nr_create(
            &(struct nr_config){.batch = 5, .replicas = replicas, .log_entries = 8}, &nr));
        assert_ok(seqlog_register(nr, 0, &th));
        assert_int_equal(seqlog_collect(th, &resp), NR_EEMPTY);
        assert_int_equal(seqlog_poll(th, &resp), NR_EEMPTY);
        uint64_t next = 0;
        for (unsigned round = 0; round < 100; round++) {
            for (unsigned i = 0; i < 5; i++)
                assert_ok(seqlog_submit(th, &(struct seqlog_op){next + i}));
            assert_int_equal(seqlog_submit(th, &(struct seqlog_op){0}), NR_EAGAIN);
            if (round % 3 == 1) /* execute and reads come after what was submitted */
                assert_int_equal(seqlog_add(th, 77), next + 5);
            if (round % 3 == 2)
                assert_int_equal(seqlog_length(th), next + 5);
            for (unsigned i = 0; i < 5; i++) {
                if (round % 2)
                    assert_ok(seqlog_collect(th, &resp));
                else
                    while (seqlog_poll(th, &resp) == NR_EAGAIN)
                        ;
                assert_int_equal(resp, next + i);
            }
            assert_int_equal(seqlog_collect(th, &resp), NR_EEMPTY);
            next += round % 3 == 1 ? 6 : 5;
        }
        seqlog_unregister(th);
        assert_ok(seqlog_nr_destroy(nr));
    }
}

static void collecting_some_and_submitting_more_works(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    uint64_t resp, submitted = 0, collected = 0;
    assert_ok(seqlog_nr_create(&(struct nr_config){.batch = 7}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    for (unsigned i = 0; i < 1000; i++) {
        while (seqlog_submit(th, &(struct seqlog_op){submitted}) == NR_OK)
            submitted++;
        for (unsigned j = 0; j <= i % 7 && collected < submitted; j++) {
            assert_ok(seqlog_collect(th, &resp));
            assert_int_equal(resp, collected++);
            if (i % 5 == 0 && seqlog_submit(th, &(struct seqlog_op){submitted}) == NR_OK)
                submitted++;
        }
    }
    seqlog_unregister(th); /* with answers not collected */
    assert_ok(seqlog_nr_destroy(nr));
}

/* The log has room for one operation at a time, and one thread always has one. */
static void combiners_pass_nobody_over(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *busy, *other;
    uint64_t resp;
    assert_ok(seqlog_nr_create(&(struct nr_config){.log_entries = 4, .flags = NR_KEEP_LOG}, &nr));
    assert_ok(seqlog_register(nr, 0, &busy));
    assert_ok(seqlog_register(nr, 0, &other));
    for (unsigned round = 1; round <= 10; round++) {
        assert_ok(seqlog_submit(other, &(struct seqlog_op){round}));
        for (unsigned i = 0; i < 2; i++) {
            assert_ok(seqlog_submit(busy, &(struct seqlog_op){0}));
            assert_ok(seqlog_collect(busy, &resp));
        }
        assert_int_equal(seqlog_length(busy), 3 * round);
        assert_ok(seqlog_collect(other, &resp));
    }
    seqlog_unregister(busy);
    seqlog_unregister(other);
    assert_ok(seqlog_nr_destroy(nr));
}

/* The mailbox has 40 bits for the number of a generation; a thread lives longer than that. */
static void generations_wrap_around(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    uint64_t resp, n = 0;
    assert_ok(seqlog_nr_create(&(struct nr_config){.replicas = 2}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    ((struct nr_thread *)th)->gen = (UINT64_C(1) << 40) - 5;
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 2; i++)
            assert_ok(seqlog_submit(th, &(struct seqlog_op){n}));
        for (unsigned i = 0; i < 2; i++) {
            assert_ok(seqlog_poll(th, &resp)); /* at once: nobody is in the way */
            assert_int_equal(resp, n++);
        }
    }
    seqlog_unregister(th);
    assert_replicas_equal(seqlog_untyped(nr), 0, 1, n);
    assert_ok(seqlog_nr_destroy(nr));
}

static void unregistering_completes_submissions(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    assert_ok(seqlog_nr_create(&(struct nr_config){.replicas = 2}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    for (unsigned i = 0; i < 10; i++)
        assert_ok(seqlog_submit(th, &(struct seqlog_op){i}));
    seqlog_unregister(th);
    assert_replicas_equal(seqlog_untyped(nr), 0, 1, 10);
    assert_ok(seqlog_nr_destroy(nr));
}

/* ---- Replicas come and go ---- */

static void replicas_come_and_go(void **state)
{
    (void)state;
    struct seqlog_nr *nr;
    struct seqlog_thread *th;
    unsigned id;
    assert_ok(seqlog_nr_create(&(struct nr_config){.log_entries = 8}, &nr));
    assert_ok(seqlog_register(nr, 0, &th));
    uint64_t n = 0;
    for (unsigned round = 0; round < 50; round++) {
        assert_int_equal(seqlog_add(th, n), n);
        n++;
        assert_ok(seqlog_nr_add_replica(nr, NR_ANY_NODE, &id));
        for (unsigned i = 0; i < 20; i++, n++)
            assert_int_equal(seqlog_add(th, n), n);
        unsigned old = nr_thread_replica((struct nr_thread *)th);
        assert_int_not_equal(old, id);
        assert_replicas_equal(seqlog_untyped(nr), old, id, n);
        assert_ok(
            seqlog_submit(th, &(struct seqlog_op){n})); /* answered by the thread's next replica */
        assert_ok(seqlog_nr_remove_replica(nr, old));
        assert_int_equal(nr_thread_replica((struct nr_thread *)th), id);
        uint64_t resp;
        assert_ok(seqlog_collect(th, &resp));
        assert_int_equal(resp, n);
        n++;
        assert_int_equal(seqlog_length(th), n);
    }
    seqlog_unregister(th);
    assert_ok(seqlog_nr_destroy(nr));
}

static void seqlog_rebuild(const struct seqlog *s, nr_emit_fn *emit, void *ctx)
{
    for (size_t i = 0; i < s->n; i++)
        emit(ctx, &(struct seqlog_op){s->items[i]});
}
NR_ADAPT_REBUILD(seqlog, struct seqlog)

static void a_replica_can_be_rebuilt_from_operations(void **state)
{
    (void)state;
    struct nr_type type = seqlog_type;
    struct nr *nr;
    struct nr_thread *th;
    unsigned id;
    uint64_t resp;
    type.clone = NULL;
    assert_ok(nr_create(&type, NULL, &nr));
    assert_ok(nr_register(nr, 0, &th));
    for (unsigned i = 0; i < 100; i++)
        nr_execute(th, &(struct seqlog_op){i * 3}, &resp);
    assert_int_equal(nr_add_replica(nr, NR_ANY_NODE, &id), NR_ENOTSUP);
    type.rebuild = seqlog_rebuild_adapted;
    assert_ok(nr_add_replica(nr, NR_ANY_NODE, &id));
    nr_execute(th, &(struct seqlog_op){1}, &resp);
    assert_replicas_equal(nr, 0, id, 101);
    nr_unregister(th);
    assert_ok(nr_destroy(nr));
}

/* ---- apply_many ---- */

static size_t largest_batch;

static void seqlog_apply_many(struct seqlog *s, const struct seqlog_op *const ops[],
                              uint64_t *const resps[], size_t n)
{
    largest_batch = n > largest_batch ? n : largest_batch;
    for (size_t i = 0; i < n; i++)
        *resps[i] = seqlog_apply(s, ops[i]);
}
NR_ADAPT_APPLY_MANY(seqlog, struct seqlog, struct seqlog_op, uint64_t)

static void whole_batches_reach_apply_many(void **state)
{
    (void)state;
    struct nr_type type = seqlog_type;
    type.apply_many = seqlog_apply_many_adapted;
    for (unsigned flags = 0; flags <= NR_CHECK; flags += NR_CHECK) {
        struct nr *nr;
        struct nr_thread *th;
        uint64_t resp;
        struct nr_config config = {.replicas = 2, .batch = 40, .log_entries = 256, .flags = flags};
        largest_batch = 0;
        assert_ok(nr_create(&type, &config, &nr));
        assert_ok(nr_register(nr, 0, &th));
        for (unsigned i = 0; i < 40; i++)
            assert_ok(nr_submit(th, &(struct seqlog_op){i}));
        for (unsigned i = 0; i < 40; i++) {
            assert_ok(nr_collect(th, &resp));
            assert_int_equal(resp, i);
        }
        assert_int_equal(largest_batch, 32);
        assert_replicas_equal(nr, 0, 1, 40);
        nr_unregister(th);
        assert_ok(nr_destroy(nr));
    }
}

/* ---- Determinism guard ---- */

/* A structure whose second replica answers differently from the fifth operation on. */
struct liar {
    unsigned number, count;
};

static unsigned liars;

static int liar_init(void *data, void *arg)
{
    (void)arg;
    ((struct liar *)data)->number = liars++;
    return NR_OK;
}

static void liar_fini(void *data)
{
    (void)data;
}

static void liar_apply(void *data, const void *op, void *resp)
{
    struct liar *liar = data;
    (void)op;
    *(uint64_t *)resp = ++liar->count >= 5 ? liar->number : 0;
}

static void liar_read(const void *data, const void *query, void *resp)
{
    (void)query;
    *(uint64_t *)resp = ((const struct liar *)data)->count;
}

static void note_divergence(void *arg, const struct nr_divergence *what)
{
    struct nr_divergence *noted = arg;
    if (!noted->type) {
        *noted = *what;
        noted->position = *(const uint64_t *)what->op * 1000 + what->position;
    }
}

static void the_guard_names_the_operation_on_which_a_replica_diverged(void **state)
{
    (void)state;
    static const struct nr_type type = {.name = "liar",
                                        .size = sizeof(struct liar),
                                        .align = 8,
                                        .op_size = 8,
                                        .resp_size = 8,
                                        .init = liar_init,
                                        .fini = liar_fini,
                                        .apply = liar_apply,
                                        .read = liar_read};
    struct nr_divergence noted = {0};
    struct nr_config config = {
        .replicas = 2, .flags = NR_CHECK, .diverged = note_divergence, .hook_arg = &noted};
    struct nr *nr;
    struct nr_thread *th;
    liars = 0;
    assert_ok(nr_create(&type, &config, &nr));
    assert_ok(nr_register(nr, 0, &th));
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t resp;
        nr_execute(th, &i, &resp);
    }
    assert_null(noted.type);
    assert_ok(nr_sync_replica(nr, 1));
    assert_non_null(noted.type);
    assert_string_equal(noted.type, "liar");
    assert_int_equal(noted.replica, 1);
    assert_int_equal(noted.log, 0);
    assert_int_equal(noted.position, 4 * 1000 + 4); /* operation 4 at position 4 */
    assert_int_not_equal(noted.expected, noted.found);
    nr_unregister(th);
    assert_ok(nr_destroy(nr));
}

/* ---- Failures ---- */

static int failing_clone(void *dst, const void *src, void *arg)
{
    (void)dst;
    (void)src;
    (void)arg;
    return NR_ENOMEM;
}

static void a_failed_clone_leaves_the_instance_as_it_was(void **state)
{
    (void)state;
    struct nr_type type = seqlog_type;
    struct nr *nr;
    struct nr_thread *th;
    unsigned id = 99;
    uint64_t resp;
    type.clone = failing_clone;
    assert_ok(nr_create(&type, NULL, &nr));
    assert_ok(nr_register(nr, 0, &th));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(nr_add_replica(nr, NR_ANY_NODE, &id), NR_ENOMEM);
    assert_int_equal(id, 99);
    nr_execute(th, &(struct seqlog_op){5}, &resp);
    assert_int_equal(resp, 0);
    type.clone = seqlog_type.clone;
    assert_ok(nr_add_replica(nr, NR_ANY_NODE, &id));
    assert_replicas_equal(nr, 0, id, 1);
    nr_unregister(th);
    assert_ok(nr_destroy(nr));
}

/* The port's allocator with a fuse: these definitions come before the library's archive. */
static int allocations_left = -1;

void *__real_nr_port_alloc(size_t size, size_t align, int node);
void *__wrap_nr_port_alloc(size_t size, size_t align, int node);

void *__wrap_nr_port_alloc(size_t size, size_t align, int node)
{
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return __real_nr_port_alloc(size, align, node);
}

/* Fails the n-th allocation of a whole life of an instance, for every n. Leaks are the sanitizer's
 * to find. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        struct parts_nr *nr;
        struct parts_thread *th = NULL;
        unsigned id;
        allocations_left = n;
        enum nr_status status = parts_nr_create(&(struct nr_config){.replicas = 2, .logs = 4}, &nr);
        if (status == NR_OK) {
            status = parts_register(nr, 0, &th);
            if (status == NR_OK)
                status = parts_nr_add_replica(nr, NR_ANY_NODE, &id);
            allocations_left = -1;
            if (th) {
                assert_int_equal(parts_execute(th, &(struct parts_op){PARTS_ADD, 1, 3}), 3);
                parts_unregister(th);
            }
            assert_ok(parts_nr_destroy(nr));
        }
        allocations_left = -1;
        if (status == NR_OK)
            return;
        assert_int_equal(status, NR_ENOMEM);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(threads_and_replicas_have_limits),
        cmocka_unit_test(a_read_sees_what_another_replica_wrote),
        cmocka_unit_test(the_smallest_log_wraps_around),
        cmocka_unit_test(the_guard_stays_silent_on_a_deterministic_type),
        cmocka_unit_test(parking_instances_work_without_contention),
        cmocka_unit_test(a_single_replica_can_keep_its_log),
        cmocka_unit_test(an_idle_replica_is_helped),
        cmocka_unit_test(the_stuck_hook_replaces_helping),
        cmocka_unit_test(the_stuck_hook_is_not_relied_upon),
        cmocka_unit_test(a_thread_does_not_ask_for_help_with_its_own_replica),
        cmocka_unit_test(submissions_keep_their_order_and_are_bounded),
        cmocka_unit_test(collecting_some_and_submitting_more_works),
        cmocka_unit_test(combiners_pass_nobody_over),
        cmocka_unit_test(generations_wrap_around),
        cmocka_unit_test(unregistering_completes_submissions),
        cmocka_unit_test(replicas_come_and_go),
        cmocka_unit_test(a_replica_can_be_rebuilt_from_operations),
        cmocka_unit_test(whole_batches_reach_apply_many),
        cmocka_unit_test(the_guard_names_the_operation_on_which_a_replica_diverged),
        cmocka_unit_test(a_failed_clone_leaves_the_instance_as_it_was),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
