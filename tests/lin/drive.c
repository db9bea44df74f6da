// SPDX-License-Identifier: BSD-2-Clause
// A scenario is drawn from its seed: configuration, number and habits of the worker threads, and
// whether replicas come and go meanwhile. Logs are tiny, so that they wrap around, fill up and make
// threads help each other all the time.
#include "drive.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "lin_memo.h"
#include "run.h"

enum {
    WORKERS_MAX = 8,
    REPLICAS_MAX = 4,
    LOGS_MAX = 4,
    BATCH_MAX = 4,
    SUBMITTERS_MAX = 3,     /* more, with full batches, make too many orders for the checker */
    ADMIN_ACTIONS_MAX = 24, /* replicas come and go all the time */
};

struct scenario;

/* An allocator that may run out of memory now and then. Its randomness comes from one counter, so
 * that it may be called by several threads, and deterministically where they run so. */
struct memory {
    struct nr_allocator base;
    _Atomic uint64_t calls;
    uint64_t seed;
    _Atomic uint32_t fails_one_in; /* 0: never */
};

/* A thread that operates on the structure, and how often in percent it does what else. */
struct worker {
    struct scenario *scenario;
    uint32_t number;
    struct rng rng;
    uint32_t ops;      /* operations to do */
    uint32_t submits;  /* instead of executing a mutation */
    uint32_t collects; /* before an operation, while there is something to collect */
    uint32_t moves;    /* unregisters and registers again before an operation */
    void *thread;
    struct lin_op *outstanding[BATCH_MAX]; /* submitted, oldest first */
    uint32_t noutstanding;
};

struct scenario {
    const struct subject *subject;
    enum focus focus;
    uint64_t seed;
    struct nr_config config;
    struct memory memory;
    void *structure;
    struct nr *nr; /* behind it */
    struct hist *hist;
    struct worker workers[WORKERS_MAX];
    uint32_t nworkers;
    bool small; /* few threads, operations and keys: a bug's few steps are then found sooner */
    uint32_t keys, queries, several; /* see struct mood */
    uint32_t idle;          /* set of replicas where no worker registers if it can help it */
    uint32_t admin_actions; /* 0: the set of replicas stays */
    bool delegates;         /* the stuck hook leaves the work to a thread */
    struct rng admin_rng;
    _Atomic uint32_t finished; /* workers at their ends */
    _Atomic uint32_t stuck;    /* set of replicas to advance */
};

/* ---- Memory -------------------------------------------------------------------------------------
 */

static void *memory_alloc(struct nr_allocator *self, size_t size, size_t align, int node)
{
    struct memory *m = (struct memory *)(void *)self;
    struct rng r = {m->seed + atomic_fetch_add(&m->calls, 1)};
    uint32_t one_in = atomic_load(&m->fails_one_in);
    if (one_in && rng_one_in(&r, one_in))
        return NULL;
    return nr_port_alloc(size, align, node);
}

static void memory_free(struct nr_allocator *self, void *ptr, size_t size)
{
    (void)self;
    nr_port_free(ptr, size);
}

/* ---- Workers ------------------------------------------------------------------------------------
 */

static void must(enum nr_status status, const char *what)
{
    if (status != NR_OK)
        run_fail("%s: %s", what, nr_status_text(status));
}

/* Registers at some replica; which ones exist may change meanwhile. */
static void worker_register(struct worker *w)
{
    struct scenario *sc = w->scenario;
    for (uint32_t tries = 0;; tries++) {
        uint32_t id = rng_below(&w->rng, sc->config.max_replicas);
        if (tries < 16 && sc->idle >> id & 1)
            continue;
        enum nr_status status = sc->subject->enroll(sc->structure, id, &w->thread);
        if (status == NR_OK)
            return;
        if (status != NR_EINVAL && status != NR_ELIMIT)
            must(status, "register");
        run_yield();
    }
}

static void record_answer(struct worker *w, struct lin_op *op, const struct answer *answer)
{
    hist_return_words(w->scenario->hist, op, answer->words, answer->n);
    op->resp[0] = answer->resp[0];
    op->resp[1] = answer->resp[1];
}

/* Takes the answer of the oldest submission; false if polling found it not there yet. */
static bool worker_take(struct worker *w, bool wait)
{
    struct answer answer = {0};
    struct lin_op *op = w->outstanding[0];
    enum nr_status status = w->scenario->subject->take(w->thread, wait, op, &answer);
    if (!wait && status == NR_EAGAIN)
        return false;
    must(status, "collect");
    record_answer(w, op, &answer);
    w->noutstanding--;
    memmove(w->outstanding, w->outstanding + 1, w->noutstanding * sizeof(w->outstanding[0]));
    return true;
}

static void worker_submit(struct worker *w, const struct lin_op *drawn, struct lin_op *op)
{
    const struct subject *subject = w->scenario->subject;
    enum nr_status status = subject->submit(w->thread, drawn);
    while (status == NR_EAGAIN && w->noutstanding > 0) {
        while (w->noutstanding > 0)
            (void)worker_take(w, true);
        status = subject->submit(w->thread, drawn);
    }
    must(status, "submit");
    w->outstanding[w->noutstanding++] = op;
}

static void worker_operate(struct worker *w, uint32_t i)
{
    struct scenario *sc = w->scenario;
    struct lin_op drawn = {0};
    const struct mood mood = {1000 * (w->number + 1) + i + 1, sc->keys, sc->queries, sc->several};
    sc->subject->draw(&w->rng, &mood, &drawn);
    bool submits = !sc->subject->is_query(drawn.kind) && rng_below(&w->rng, 100) < w->submits;
    struct lin_op *op = hist_call(sc->hist, w->number, drawn.kind, drawn.arg[0], drawn.arg[1]);
    op->arg[2] = drawn.arg[2];
    op->ordered = w->submits > 0;
    if (submits) {
        worker_submit(w, &drawn, op);
        return;
    }
    struct answer answer = {0};
    sc->subject->run(w->thread, &drawn, &answer);
    record_answer(w, op, &answer);
}

/* Ends the registration. What was submitted has taken effect then, but its answers are lost. */
static void worker_unregister(struct worker *w)
{
    w->scenario->subject->leave(w->thread);
    for (uint32_t i = 0; i < w->noutstanding; i++) {
        w->outstanding[i]->unseen = true;
        hist_return(w->scenario->hist, w->outstanding[i], 0, 0);
    }
    w->noutstanding = 0;
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    worker_register(w);
    for (uint32_t i = 0; i < w->ops; i++) {
        if (rng_below(&w->rng, 100) < w->moves) {
            worker_unregister(w);
            worker_register(w);
        }
        while (w->noutstanding > 0 && rng_below(&w->rng, 100) < w->collects) {
            if (!worker_take(w, rng_one_in(&w->rng, 2)))
                break;
        }
        if (rng_one_in(&w->rng, 20))
            (void)nr_sync_replica(w->scenario->nr, rng_below(&w->rng, REPLICAS_MAX));
        run_jitter(&w->rng);
        worker_operate(w, i);
    }
    while (w->noutstanding > 0 && !rng_one_in(&w->rng, 8))
        (void)worker_take(w, true);
    worker_unregister(w);
    atomic_fetch_add(&w->scenario->finished, 1);
}

/* ---- Replicas come and go -----------------------------------------------------------------------
 */

static void dump_and_discard(const void *data, void *arg)
{
    const struct scenario *sc = arg;
    struct lin_state state = {0};
    lin_state_resize(&state, 0);
    if (sc->subject->dump)
        sc->subject->dump(data, &state);
    free(state.bytes);
}

static void admin_add(struct scenario *sc)
{
    unsigned id;
    enum nr_status status = nr_add_replica(sc->nr, NR_ANY_NODE, &id);
    if (status != NR_ELIMIT && (status != NR_ENOMEM || !sc->memory.fails_one_in))
        must(status, "add replica");
}

static void admin_remove(struct scenario *sc, unsigned id)
{
    enum nr_status status = nr_remove_replica(sc->nr, id);
    if (status != NR_EBUSY && status != NR_EINVAL && status != NR_ELIMIT)
        must(status, "remove replica");
}

/* The new one gets a number below that of the replica it is copied from. */
static void admin_replace_first(struct scenario *sc)
{
    admin_remove(sc, 0);
    admin_add(sc);
}

static void admin_act(struct scenario *sc)
{
    struct rng *r = &sc->admin_rng;
    unsigned id = rng_below(r, sc->config.max_replicas);
    struct nr_stats stats;
    if (sc->focus == FOCUS_REPLICAS && rng_one_in(r, 2)) {
        admin_replace_first(sc);
        return;
    }
    switch (rng_below(r, 8)) {
    case 0:
    case 1:
    case 2:
        admin_add(sc);
        break;
    case 3:
    case 4:
        admin_remove(sc, id);
        break;
    case 5:
        (void)nr_sync_replica(sc->nr, id);
        break;
    case 6:
        (void)nr_replica_stats(sc->nr, id, &stats);
        break;
    default:
        (void)nr_inspect(sc->nr, id, dump_and_discard, sc);
    }
}

static void admin_main(void *arg)
{
    struct scenario *sc = arg;
    for (uint32_t i = 0; i < sc->admin_actions; i++) {
        admin_act(sc);
        run_yield();
    }
}

/* ---- Stuck replicas -----------------------------------------------------------------------------
 */

static bool stuck(void *arg, unsigned replica, unsigned log)
{
    struct scenario *sc = arg;
    (void)log;
    if (!sc->delegates)
        return false;
    atomic_fetch_or(&sc->stuck, 1u << replica);
    return true;
}

static void helper_main(void *arg)
{
    struct scenario *sc = arg;
    while (atomic_load(&sc->finished) < sc->nworkers) {
        uint32_t set = atomic_exchange(&sc->stuck, 0);
        for (unsigned id = 0; set >> id; id++) {
            if (set >> id & 1)
                (void)nr_sync_replica(sc->nr, id);
        }
        run_yield();
    }
}

static void diverged(void *arg, const struct nr_divergence *what)
{
    (void)arg;
    run_fail("replica %u diverged at position %" PRIu64 " of log %u", what->replica, what->position,
             what->log);
}

/* ---- Scenarios ----------------------------------------------------------------------------------
 */

/* Zero half of the time, else up to max percent. */
static uint32_t draw_habit(struct rng *r, uint32_t max)
{
    return rng_one_in(r, 2) ? 0 : 1 + rng_below(r, max);
}

static void draw_config(struct scenario *sc, struct rng *r)
{
    struct nr_config *c = &sc->config;
    unsigned max_logs = sc->subject->max_logs < LOGS_MAX ? sc->subject->max_logs : LOGS_MAX;
    c->max_replicas = sc->small ? 2 : rng_between(r, 1, REPLICAS_MAX);
    if (sc->focus == FOCUS_REPLICAS)
        c->max_replicas = rng_between(r, 3, REPLICAS_MAX); /* source, copy, and a bystander */
    c->replicas = rng_one_in(r, 2) ? c->max_replicas : rng_between(r, 1, c->max_replicas);
    c->logs = sc->focus == FOCUS_SUBMISSIONS ? max_logs : rng_between(r, 1, max_logs);
    c->log_entries = sc->focus == FOCUS_REPLICAS ? 4 : 4u << rng_below(r, 3);
    c->batch = rng_between(r, 1, BATCH_MAX);
    c->max_threads = rng_one_in(r, 4) ? sc->nworkers : 2 * WORKERS_MAX;
    c->flags = (rng_one_in(r, 6) ? NR_CHECK : 0) | (rng_one_in(r, 2) ? NR_KEEP_LOG : 0) |
               (rng_one_in(r, 4) ? NR_PARK : 0);
    if (sc->focus == FOCUS_REPLICAS)
        c->flags = NR_KEEP_LOG;
    c->hook_arg = sc;
    c->stuck = rng_one_in(r, 3) ? stuck : NULL;
    c->diverged = diverged;
    sc->delegates = rng_one_in(r, 2);
}

static void draw_workers(struct scenario *sc, struct rng *r)
{
    uint32_t submitters = rng_below(r, SUBMITTERS_MAX + 1);
    uint32_t moves = sc->focus == FOCUS_ANY ? draw_habit(r, 10) : 0;
    if (sc->focus == FOCUS_SUBMISSIONS)
        submitters = SUBMITTERS_MAX;
    for (uint32_t i = 0; i < sc->nworkers; i++) {
        sc->workers[i] = (struct worker){
            .scenario = sc,
            .number = i,
            .rng = {rng_next(r)},
            .ops = rng_between(r, 1, run_ops_max),
            .submits = i < submitters ? rng_between(r, 10, 100) : 0,
            .collects = rng_below(r, 100),
            .moves = moves,
        };
    }
}

static void draw_mood(struct scenario *sc, struct rng *r)
{
    static const uint32_t several[] = {0, 10, 100};
    sc->keys = sc->small || rng_one_in(r, 2) ? rng_between(r, 1, 2) : UINT32_MAX;
    sc->several = several[rng_below(r, 3)];
    switch (sc->focus) {
    case FOCUS_ANY:
        sc->queries = rng_between(r, 5, 95);
        break;
    case FOCUS_READS:
        sc->queries = rng_between(r, 80, 98);
        break;
    default:
        sc->queries = rng_between(r, 0, 20);
    }
}

static void draw_scenario(struct scenario *sc, uint64_t seed)
{
    struct rng r = rng_seeded(seed);
    sc->seed = seed;
    sc->small = !rng_one_in(&r, 4);
    sc->nworkers = sc->small ? rng_between(&r, 2, 4) : rng_between(&r, 1, WORKERS_MAX);
    draw_config(sc, &r);
    draw_workers(sc, &r);
    draw_mood(sc, &r);
    if (rng_one_in(&r, 2))
        sc->idle = 1u << rng_below(&r, REPLICAS_MAX);
    if (sc->focus == FOCUS_REPLICAS || (sc->focus == FOCUS_ANY && rng_one_in(&r, 3)))
        sc->admin_actions = rng_between(&r, 1, ADMIN_ACTIONS_MAX);
    sc->admin_rng.state = rng_next(&r);
    sc->memory = (struct memory){
        .base = {memory_alloc, memory_free},
        .seed = rng_next(&r),
        .fails_one_in = rng_one_in(&r, 3) ? rng_between(&r, 2, 20) : 0,
    };
}

static void print_scenario(const struct scenario *sc)
{
    const struct nr_config *c = &sc->config;
    fprintf(stderr,
            "%s: %" PRIu32
            " workers, %u of %u replicas, %u logs of %u, batch %u, flags %u, %" PRIu32
            " changes of replicas, idle set %" PRIu32 ", stuck hook %s, one allocation in %" PRIu32
            " fails, "
            "%" PRIu32 " keys, %" PRIu32 "%% queries\n",
            sc->subject->name, sc->nworkers, c->replicas, c->max_replicas, c->logs, c->log_entries,
            c->batch, c->flags, sc->admin_actions, sc->idle,
            !c->stuck       ? "none"
            : sc->delegates ? "delegates"
                            : "declines",
            sc->memory.fails_one_in, sc->keys, sc->queries);
    for (uint32_t i = 0; i < sc->nworkers; i++)
        fprintf(stderr,
                "  worker %" PRIu32 ": %" PRIu32 " operations, submits %" PRIu32
                "%%, collects %" PRIu32 "%%, moves %" PRIu32 "%%\n",
                i, sc->workers[i].ops, sc->workers[i].submits, sc->workers[i].collects,
                sc->workers[i].moves);
}

/* Creates the structure, with all the memory it wants; later it may be short. */
static bool scenario_create(struct scenario *sc)
{
    const struct nr_options options = {.allocator = &sc->memory.base};
    uint32_t fails_one_in = atomic_exchange(&sc->memory.fails_one_in, 0);
    enum nr_status status = sc->subject->create(&sc->config, &options, &sc->structure);
    if (status != NR_OK) {
        fprintf(stderr, "create: %s\n", nr_status_text(status));
        return false;
    }
    sc->nr = sc->subject->instance(sc->structure);
    atomic_store(&sc->memory.fails_one_in, fails_one_in);
    return true;
}

static bool scenario_run(struct scenario *sc)
{
    struct run_thread threads[WORKERS_MAX + 2];
    uint32_t n = 0;
    for (uint32_t i = 0; i < sc->nworkers; i++)
        threads[n++] = (struct run_thread){"worker", worker_main, &sc->workers[i]};
    if (sc->admin_actions > 0)
        threads[n++] = (struct run_thread){"admin", admin_main, sc};
    if (sc->config.stuck && sc->delegates)
        threads[n++] = (struct run_thread){"helper", helper_main, sc};
    return run_parallel(sc->seed, threads, n);
}

/* ---- Checks after the run -----------------------------------------------------------------------
 */

static void dump(const void *data, void *arg)
{
    struct scenario *sc = ((void **)arg)[0];
    if (sc->subject->dump)
        sc->subject->dump(data, ((void **)arg)[1]);
}

/* Asks every replica for its whole content, as part of the history. */
static void probe_replicas(struct scenario *sc)
{
    struct worker w = {.scenario = sc, .number = sc->nworkers};
    for (uint32_t id = 0; id < sc->config.max_replicas; id++) {
        if (sc->subject->enroll(sc->structure, id, &w.thread) != NR_OK)
            continue;
        struct lin_op drawn = {0};
        for (uint32_t i = 0; sc->subject->probe(i, &drawn); i++) {
            struct answer answer = {0};
            struct lin_op *op =
                hist_call(sc->hist, w.number, drawn.kind, drawn.arg[0], drawn.arg[1]);
            op->arg[2] = drawn.arg[2];
            sc->subject->run(w.thread, &drawn, &answer);
            record_answer(&w, op, &answer);
        }
        sc->subject->leave(w.thread);
    }
}

/* Brings all replicas up to date and compares their contents. */
static void compare_replicas(struct scenario *sc)
{
    struct lin_state first = {0}, other = {0};
    bool any = false;
    for (uint32_t id = 0; id < sc->config.max_replicas; id++) {
        if (nr_sync_replica(sc->nr, id) != NR_OK)
            continue;
        struct lin_state *into = any ? &other : &first;
        void *args[] = {sc, into};
        lin_state_resize(into, 0);
        (void)nr_inspect(sc->nr, id, dump, args);
        if (any && (first.len != other.len || memcmp(first.bytes, other.bytes, first.len) != 0))
            run_fail("replica %" PRIu32 " differs from the first", id);
        any = true;
    }
    free(first.bytes);
    free(other.bytes);
}

static void end_main(void *arg)
{
    struct scenario *sc = arg;
    probe_replicas(sc);
    compare_replicas(sc);
    must(sc->subject->destroy(sc->structure), "destroy");
}

/* The same, and destroys the structure: as a run, so that it may hang without harm. */
static bool scenario_end(struct scenario *sc)
{
    const struct run_thread thread = {"end", end_main, sc};
    return run_parallel(sc->seed, &thread, 1);
}

static bool history_ok(const struct scenario *sc)
{
    const struct lin_limits limits = {.max_steps = 1 << 24, .max_bytes = (size_t)1 << 29};
    size_t n;
    struct lin_op *ops = hist_merge(sc->hist, &n);
    enum lin_verdict verdict = lin_check(sc->subject->model, ops, n, &limits, stderr, NULL);
    free(ops);
    if (verdict != LIN_OK)
        fprintf(stderr, "history of %zu operations: %s\n", n, lin_verdict_name(verdict));
    return verdict == LIN_OK;
}

static bool drive_once(uint64_t seed, void *arg)
{
    const struct scenario *frame = arg;
    struct scenario sc = {.subject = frame->subject, .focus = frame->focus};
    draw_scenario(&sc, seed);
    sc.hist = hist_create(sc.nworkers + 1, run_hist_mode);
    bool ok = scenario_create(&sc) && scenario_run(&sc) && scenario_end(&sc);
    if (ok) {
        ok = history_ok(&sc) && ok;
        ok = run_memory_ok() && ok;
    }
    if (!ok)
        print_scenario(&sc);
    hist_destroy(sc.hist);
    return ok;
}

bool drive(const char *test, const struct subject *subject, enum focus focus,
           unsigned weight_percent)
{
    struct scenario frame = {.subject = subject, .focus = focus};
    return explore(test, subject->name, run_count * weight_percent / 100, drive_once, &frame);
}
