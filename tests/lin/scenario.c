// SPDX-License-Identifier: BSD-2-Clause
// A scenario is drawn from its seed: configuration, number and habits of the worker threads, and
// whether replicas come and go meanwhile. Logs are tiny, so that they wrap around, fill up and make
// threads help each other all the time.
#include "scenario.h"

#include <inttypes.h>

#include "run.h"

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

/* ---- Hooks --------------------------------------------------------------------------------------
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

static void diverged(void *arg, const struct nr_divergence *what)
{
    (void)arg;
    run_fail("replica %u diverged at position %" PRIu64 " of log %u", what->replica, what->position,
             what->log);
}

/* ---- Drawing ------------------------------------------------------------------------------------
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
    uint32_t ops_max = run_ops_max;
    if (sc->subject->entangled && run_entangled_max / sc->nworkers < ops_max)
        ops_max = run_entangled_max / sc->nworkers;
    uint32_t moves = sc->focus == FOCUS_ANY     ? draw_habit(r, 10)
                     : sc->focus == FOCUS_MOVES ? rng_between(r, 10, 40)
                                                : 0;
    if (sc->focus == FOCUS_SUBMISSIONS)
        submitters = SUBMITTERS_MAX;
    for (uint32_t i = 0; i < sc->nworkers; i++) {
        sc->workers[i] = (struct worker){
            .scenario = sc,
            .number = i,
            .rng = {rng_next(r)},
            .ops = rng_between(r, 1, ops_max),
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

void scenario_draw(struct scenario *sc, uint64_t seed)
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
    if (sc->focus == FOCUS_REPLICAS || sc->focus == FOCUS_MOVES ||
        (sc->focus == FOCUS_ANY && rng_one_in(&r, 3)))
        sc->admin_actions = rng_between(&r, 1, ADMIN_ACTIONS_MAX);
    sc->admin_rng.state = rng_next(&r);
    sc->memory = (struct memory){
        .base = {memory_alloc, memory_free},
        .seed = rng_next(&r),
        .fails_one_in = rng_one_in(&r, 3) ? rng_between(&r, 2, 20) : 0,
    };
}

void scenario_print(const struct scenario *sc)
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
