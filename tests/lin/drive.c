// SPDX-License-Identifier: BSD-2-Clause
// Runs a scenario: beside the workers replicas come and go, and what is stuck is freed; afterwards
// the history, the replicas and the memory are checked.
#include "drive.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "run.h"
#include "scenario.h"

void scenario_must(enum nr_status status, const char *what)
{
    if (status != NR_OK)
        run_fail("%s: %s", what, nr_status_text(status));
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
        scenario_must(status, "add replica");
}

static void admin_remove(struct scenario *sc, unsigned id)
{
    enum nr_status status = nr_remove_replica(sc->nr, id);
    if (status != NR_EBUSY && status != NR_EINVAL && status != NR_ELIMIT)
        scenario_must(status, "remove replica");
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

/* ---- A run --------------------------------------------------------------------------------------
 */

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
            worker_record(&w, op, &answer);
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
    sc->delegates = false; /* nobody is left who would do the work */
    probe_replicas(sc);
    compare_replicas(sc);
    scenario_must(sc->subject->destroy(sc->structure), "destroy");
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
    scenario_draw(&sc, seed);
    sc.hist = hist_create(sc.nworkers + 1, run_hist_mode);
    bool ok = scenario_create(&sc) && scenario_run(&sc) && scenario_end(&sc);
    if (ok) {
        ok = history_ok(&sc) && ok;
        ok = run_memory_ok() && ok;
    }
    if (!ok)
        scenario_print(&sc);
    hist_destroy(sc.hist);
    return ok;
}

bool drive(const char *test, const struct subject *subject, enum focus focus,
           unsigned weight_percent)
{
    struct scenario frame = {.subject = subject, .focus = focus};
    return explore(test, subject->name, run_count * weight_percent / 100, drive_once, &frame);
}
