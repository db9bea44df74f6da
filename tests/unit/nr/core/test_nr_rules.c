// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rules of docs/libnr-internals.md whose violation takes several threads in just the wrong places:
 * small casts of threads that can get there, under many schedules of the deterministic scheduler.
 *
 * The structure is two counters, with a log each if there are two; operations and queries are on a
 * set of them. The threads of a run are logical ones: what they share in struct world needs no
 * atomics, and looking at it costs no step of the schedule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <nr/nr.h>
#include <string.h>

#include "explore.h"
#include "nr_sched.h"
#include "run.h"

enum {
    CELLS = 2,
    FIRST = 1, /* sets of cells */
    SECOND = 2,
    BOTH = 3,
    CAST_MAX = 5,
    PAUSE_MAX = 50,    /* steps, long enough for some operations of the others */
    SCHEDULES = 10000, /* the bugs that these tests are for show within some hundred */
};

/* ---- The structure ---- */

struct cell {
    uint64_t begun, ended; /* mutations; they differ only while a mutation is inside */
};

struct cells {
    struct cell cell[CELLS];
};

struct cells_op {
    uint64_t set;
};

struct world {
    struct cells_nr *nr;
    uint64_t answered[CELLS]; /* mutations */
    uint64_t floor[CELLS];    /* every read that starts now must count so many mutations */
    bool obstructed;          /* a reader of replica 0 stays inside ... */
    unsigned at_work;         /* ... until so many threads have done their part */
    bool cloning;             /* the clone has begun and waits ... */
    bool may_clone;           /* ... for this */
};

struct cells_query {
    uint64_t set;
    struct world *obstruct; /* not NULL: the reader stays inside while others are at work */
};

struct cells_answer {
    uint64_t count[CELLS];
};

static int cells_init(struct cells *c, void *arg)
{
    (void)c;
    (void)arg;
    return NR_OK;
}

static void cells_fini(struct cells *c)
{
    (void)c;
}

static int cells_clone(struct cells *dst, const struct cells *src, void *arg)
{
    struct world *world = arg;
    *dst = *src;
    world->cloning = true;
    while (!world->may_clone)
        run_yield();
    return NR_OK;
}

static uint64_t cells_apply(struct cells *c, const struct cells_op *op)
{
    for (unsigned i = 0; i < CELLS; i++) {
        if (!(op->set >> i & 1))
            continue;
        c->cell[i].begun++;
        NR_TOUCH(&c->cell[i], sizeof c->cell[i], NR_ACCESS_STORE);
        c->cell[i].ended++;
    }
    return 0;
}

static struct cells_answer cells_read(const struct cells *c, const struct cells_query *q)
{
    struct cells_answer answer = {{0}};
    for (unsigned i = 0; i < CELLS; i++) {
        if (!(q->set >> i & 1))
            continue;
        answer.count[i] = c->cell[i].begun;
        NR_TOUCH(&c->cell[i], sizeof c->cell[i], NR_ACCESS_LOAD);
        if (c->cell[i].ended != answer.count[i])
            run_fail("a reader is inside together with a writer");
    }
    while (q->obstruct && q->obstruct->at_work > 0) {
        q->obstruct->obstructed = true;
        run_yield();
    }
    return answer;
}

static uint64_t cells_op_logs(const struct cells_op *op, unsigned nlogs)
{
    return nlogs == 1 ? 1 : op->set;
}

static uint64_t cells_query_logs(const struct cells_query *q, unsigned nlogs)
{
    return nlogs == 1 ? 1 : q->set;
}

NR_ADAPT_LOGS(cells, struct cells_op, struct cells_query)
NR_DEFINE(cells, struct cells, struct cells_op, uint64_t, struct cells_query, struct cells_answer,
          .op_logs = cells_op_logs_adapted, .query_logs = cells_query_logs_adapted);

/* ---- The cast ---- */

struct role {
    const char *name;
    void (*play)(void *actor);
    unsigned replica; /* where the thread is registered, or what it works on */
    bool outsider;    /* it is not registered */
    bool meanwhile;   /* it begins behind the obstacle, which waits for its end */
    unsigned steps;
    uint64_t set; /* the largest set of cells that it uses */
};

struct scenario {
    const char *name;
    struct nr_config config;
    struct role cast[CAST_MAX];
    unsigned removed;   /* so many replicas are removed before the run, those with low numbers */
    uint64_t schedules; /* 0: SCHEDULES */
    bool clone_waits;   /* for world.may_clone */
};

struct actor {
    const struct role *role;
    struct world *world;
    struct cells_thread *thread;
    struct rng rng;
};

static void must(enum nr_status status, const char *what)
{
    if (status != NR_OK)
        run_fail("%s: %s", what, nr_status_text(status));
}

/* Whoever looks after the mutation has been answered must see it. */
static void mutate_set(struct actor *a, uint64_t set)
{
    struct world *world = a->world;
    (void)cells_execute(a->thread, &(struct cells_op){set});
    for (unsigned i = 0; i < CELLS; i++) {
        world->answered[i] += set >> i & 1;
        if (world->answered[i] > world->floor[i])
            world->floor[i] = world->answered[i];
    }
}

/* Mutates sets drawn at random. */
static void mutate(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++)
        mutate_set(a, 1 + rng_below(&a->rng, (uint32_t)a->role->set));
}

/* Mutates both cells at once. */
static void mutate_both(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++)
        mutate_set(a, BOTH);
}

/* Mutates the cells in turn, so that at any time the first counts as many as the second, or one
 * more. */
static void mutate_in_turn(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++)
        mutate_set(a, i % 2 ? SECOND : FIRST);
}

/* The second mutation meets the reader that stays inside. */
static void mutate_into_obstacle(void *arg)
{
    struct actor *a = arg;
    mutate_set(a, FIRST);
    while (!a->world->obstructed)
        run_yield();
    mutate_set(a, FIRST);
}

static void obstruct(void *arg)
{
    struct actor *a = arg;
    while (!a->world->answered[0])
        run_yield();
    (void)cells_query(a->thread, &(struct cells_query){FIRST, a->world});
}

/* What one thread has seen, none may miss that looks later. */
static struct cells_answer look(struct actor *a, uint64_t set)
{
    struct world *world = a->world;
    const struct world before = *world;
    struct cells_answer answer = cells_query(a->thread, &(struct cells_query){set, NULL});
    for (unsigned i = 0; i < CELLS; i++) {
        if (!(set >> i & 1))
            continue;
        if (answer.count[i] < before.floor[i])
            run_fail("a reader misses what another has seen before");
        if (answer.count[i] > world->floor[i])
            world->floor[i] = answer.count[i];
    }
    return answer;
}

/* Looks at sets drawn at random. */
static void observe(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++)
        (void)look(a, 1 + rng_below(&a->rng, (uint32_t)a->role->set));
}

/* Looks at the second cell, or at both beside mutate_in_turn. */
static void observe_in_turn(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++) {
        struct cells_answer answer = look(a, a->role->set);
        if (a->role->set == BOTH && answer.count[0] - answer.count[1] > 1)
            run_fail("a scan sees the logs at different times");
    }
}

static void sync_replica(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++) {
        must(nr_sync_replica(cells_untyped(a->world->nr), a->role->replica), "sync replica");
        run_yield();
    }
}

static void add_replica(void *arg)
{
    struct actor *a = arg;
    unsigned id;
    must(cells_nr_add_replica(a->world->nr, NR_ANY_NODE, &id), "add replica");
}

/* Adds a replica, leaves it behind for a moment, and removes it. */
static void add_and_remove(void *arg)
{
    struct actor *a = arg;
    for (unsigned i = 0; i < a->role->steps; i++) {
        unsigned id;
        must(cells_nr_add_replica(a->world->nr, NR_ANY_NODE, &id), "add replica");
        for (uint32_t n = rng_below(&a->rng, PAUSE_MAX); n > 0; n--)
            run_yield();
        must(nr_sync_replica(cells_untyped(a->world->nr), id), "sync replica");
        must(cells_nr_remove_replica(a->world->nr, id), "remove replica");
    }
}

/* The clone goes on once the replica is up to date. */
static void sync_for_clone(void *arg)
{
    struct actor *a = arg;
    while (!a->world->cloning)
        run_yield();
    must(nr_sync_replica(cells_untyped(a->world->nr), a->role->replica), "sync replica");
    a->world->may_clone = true;
}

static void play_role(void *arg)
{
    struct actor *a = arg;
    while (a->role->meanwhile && !a->world->obstructed)
        run_yield();
    a->role->play(a);
    a->world->at_work -= a->role->meanwhile;
}

/* ---- A run ---- */

struct play {
    const struct scenario *scenario;
    struct world world;
    struct actor actors[CAST_MAX];
    struct run_thread threads[CAST_MAX];
    unsigned n;
};

static void play_create(struct play *play, uint64_t seed)
{
    const struct scenario *scenario = play->scenario;
    struct nr_config config = scenario->config;
    config.init_arg = &play->world;
    assert_int_equal(cells_nr_create(&config, &play->world.nr), NR_OK);
    for (unsigned id = 0; id < scenario->removed; id++)
        assert_int_equal(cells_nr_remove_replica(play->world.nr, id), NR_OK);
    play->world.may_clone = !scenario->clone_waits;
    for (; play->n < CAST_MAX && scenario->cast[play->n].name; play->n++) {
        const struct role *role = &scenario->cast[play->n];
        struct actor *a = &play->actors[play->n];
        *a = (struct actor){role, &play->world, NULL, rng_seeded(seed + play->n)};
        if (!role->outsider)
            assert_int_equal(cells_register(play->world.nr, role->replica, &a->thread), NR_OK);
        play->threads[play->n] = (struct run_thread){role->name, play_role, a};
        play->world.at_work += role->meanwhile;
    }
}

static void copy_out(const void *data, void *arg)
{
    *(struct cells *)arg = *(const struct cells *)data;
}

static void compare_replicas(struct nr *nr)
{
    struct cells first = {0}, other = {0};
    bool any = false;
    for (unsigned id = 0; id < NR_MAX_REPLICAS; id++) {
        if (nr_sync_replica(nr, id) != NR_OK)
            continue;
        must(nr_inspect(nr, id, copy_out, any ? &other : &first), "inspect");
        if (any && memcmp(&first, &other, sizeof first) != 0)
            run_fail("replica %u differs from the first", id);
        any = true;
    }
}

/* In a run of its own, so that it may hang without harm. */
static void play_end(void *arg)
{
    struct play *play = arg;
    for (unsigned i = 0; i < play->n; i++) {
        if (play->actors[i].thread)
            cells_unregister(play->actors[i].thread);
    }
    compare_replicas(cells_untyped(play->world.nr));
    must(cells_nr_destroy(play->world.nr), "destroy");
}

static bool play_once(uint64_t seed, void *arg)
{
    struct play play = {.scenario = arg};
    const struct run_thread last = {"end", play_end, &play};
    play_create(&play, seed);
    return run_parallel(seed, play.threads, play.n) && run_parallel(seed, &last, 1) &&
           run_memory_ok();
}

static void perform(const char *test, struct scenario scenario)
{
    uint64_t n = scenario.schedules ? scenario.schedules : SCHEDULES;
    assert_true(explore(test, scenario.name, n, play_once, &scenario));
}

/* ---- Tests ---- */

/* Rule M1, for a combiner: its mutation is seen at both replicas or at none. */
static void no_reader_misses_what_another_has_seen(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "two replicas",
                          .config = {.replicas = 2, .log_entries = 16},
                          .cast = {{"writer", mutate, .steps = 8, .set = FIRST},
                                   {"near", observe, .steps = 12, .set = FIRST},
                                   {"far", observe, .replica = 1, .steps = 12, .set = FIRST}},
                      });
}

/*
 * Rule M1, for a helper. It applies to replica 1 what replica 0 has appended and cannot apply
 * itself yet, because of the reader inside. What is seen at replica 1 then, a reader at replica 2
 * must see, too.
 */
static void no_reader_misses_what_a_helper_has_shown(void **state)
{
    (void)state;
    static const unsigned flags[] = {0, NR_CHECK};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        perform(__func__,
                (struct scenario){
                    .name = i ? "helped replica under the guard" : "helped replica",
                    .config = {.replicas = 3, .log_entries = 16, .flags = flags[i]},
                    .cast = {{.name = "writer", .play = mutate_into_obstacle},
                             {.name = "obstacle", .play = obstruct},
                             {"helper", sync_replica, 1, true, .meanwhile = true, .steps = 1},
                             {"shown", observe, 1, .meanwhile = true, .steps = 3, .set = FIRST},
                             {"other", observe, 2, .meanwhile = true, .steps = 3, .set = FIRST}},
                });
    }
}

/* Rule M1, for an operation on several logs. */
static void no_reader_misses_a_scan_that_another_has_seen(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "two replicas with two logs",
                          .config = {.replicas = 2, .logs = CELLS, .log_entries = 16},
                          .cast = {{"writer", mutate_both, .steps = 3},
                                   {"helper", sync_replica, 1, true, .steps = 4},
                                   {"near", observe, .steps = 4, .set = BOTH},
                                   {"far", observe, .replica = 1, .steps = 4, .set = BOTH}},
                      });
}

/* Section 6. Replica 1 applies the logs at different times: a reader of one cell brings only that
 * cell's lane up to date. */
static void a_reading_scan_sees_all_logs_at_one_moment(void **state)
{
    (void)state;
    perform(__func__,
            (struct scenario){
                .name = "scanned replica",
                .config = {.replicas = 2, .logs = CELLS, .log_entries = 16},
                .cast = {{"writer", mutate_in_turn, .steps = 6},
                         {"one", observe_in_turn, .replica = 1, .steps = 6, .set = SECOND},
                         {"both", observe_in_turn, .replica = 1, .steps = 6, .set = BOTH}},
            });
}

/* Section 4, for readers that come in at once, that waited, and that scan. */
static void readers_and_writers_exclude_each_other(void **state)
{
    (void)state;
    for (unsigned logs = 1; logs <= CELLS; logs++) {
        perform(__func__, (struct scenario){
                              .name = logs == 1 ? "replica" : "replica with two logs",
                              .config = {.logs = logs, .log_entries = 16},
                              .cast = {{"writer", mutate, .steps = 6, .set = BOTH},
                                       {"writer", mutate, .steps = 6, .set = BOTH},
                                       {"reader", observe, .steps = 6, .set = BOTH}},
                          });
    }
}

/* Rule M3. The only replica, which does without the log, is copied under load. */
static void a_second_replica_misses_nothing(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "copied replica",
                          .config = {.log_entries = 16},
                          .cast = {{"writer", mutate, .steps = 6, .set = FIRST},
                                   {"writer", mutate, .steps = 6, .set = FIRST},
                                   {"administrator", add_replica, .outsider = true}},
                      });
}

/*
 * Rule R1. A collector that has passed the new replica's number before it is published must not
 * see its source go on: it would free what the new replica has not applied. The more numbers lie
 * between the two, the longer the collector takes from one to the other.
 */
static void a_new_replica_keeps_what_it_has_to_apply(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "new replica",
                          .config = {.replicas = 16, .log_entries = 4, .flags = NR_KEEP_LOG},
                          .removed = 14,
                          .cast = {{"reader", observe, .replica = 14, .steps = 20, .set = FIRST},
                                   {"writer", mutate, .replica = 15, .steps = 20, .set = FIRST},
                                   {"administrator", add_and_remove, .outsider = true, .steps = 4}},
                      });
}

/* Rule L4. The administrator copies replica 0 and waits in the middle of it, as for memory that
 * a thread gives back only when replica 1 is up to date. */
static void syncing_a_replica_waits_for_no_administrator(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "replica beside the copied one",
                          .config = {.replicas = 2, .log_entries = 16},
                          .clone_waits = true,
                          .cast = {{"writer", mutate, .replica = 1, .steps = 5, .set = FIRST},
                                   {"administrator", add_replica, .outsider = true},
                                   {"helper", sync_for_clone, .replica = 1, .outsider = true}},
                      });
}

static bool promise(void *arg, unsigned replica, unsigned log)
{
    (void)arg;
    (void)replica;
    (void)log;
    return true;
}

/* Rule L3: the hook is asked a bounded number of times. */
static void a_broken_promise_of_the_stuck_hook_stops_nobody(void **state)
{
    (void)state;
    perform(__func__, (struct scenario){
                          .name = "idle replica",
                          .config = {.replicas = 2, .log_entries = 4, .stuck = promise},
                          .schedules = 10, /* one thread has but one */
                          .cast = {{"writer", mutate, .steps = 8, .set = FIRST}},
                      });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_reader_misses_what_another_has_seen),
        cmocka_unit_test(no_reader_misses_what_a_helper_has_shown),
        cmocka_unit_test(no_reader_misses_a_scan_that_another_has_seen),
        cmocka_unit_test(a_reading_scan_sees_all_logs_at_one_moment),
        cmocka_unit_test(readers_and_writers_exclude_each_other),
        cmocka_unit_test(a_second_replica_misses_nothing),
        cmocka_unit_test(a_new_replica_keeps_what_it_has_to_apply),
        cmocka_unit_test(syncing_a_replica_waits_for_no_administrator),
        cmocka_unit_test(a_broken_promise_of_the_stuck_hook_stops_nobody),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
