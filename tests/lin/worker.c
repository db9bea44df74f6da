// SPDX-License-Identifier: BSD-2-Clause
// The threads that operate on the structure and record what they see.
#include <string.h>

#include "run.h"
#include "scenario.h"

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
            scenario_must(status, "register");
        run_yield();
    }
}

void worker_record(struct worker *w, struct lin_op *op, const struct answer *answer)
{
    hist_return_words(w->scenario->hist, op, answer->words, answer->n);
    op->ordered = op->ordered && !answer->refused;
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
    scenario_must(status, "collect");
    worker_record(w, op, &answer);
    w->noutstanding--;
    memmove(w->outstanding, w->outstanding + 1, w->noutstanding * sizeof(w->outstanding[0]));
    return true;
}

static void worker_take_all(struct worker *w)
{
    while (w->noutstanding > 0)
        (void)worker_take(w, true);
}

static void worker_submit(struct worker *w, const struct lin_op *drawn, struct lin_op *op)
{
    const struct subject *subject = w->scenario->subject;
    enum nr_status status = subject->submit(w->thread, drawn);
    while (status == NR_EAGAIN && w->noutstanding > 0) {
        worker_take_all(w);
        status = subject->submit(w->thread, drawn);
    }
    if (status == NR_ENOMEM && subject->refuse) {
        struct answer answer = {0};
        subject->refuse(&answer);
        worker_record(w, op, &answer);
        return;
    }
    scenario_must(status, "submit");
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
    worker_record(w, op, &answer);
}

/* Ends the registration. What was submitted has taken effect then, but its answers are lost. Only
 * the answer tells whether memory was short, so where it may be, the answers are taken. */
static void worker_unregister(struct worker *w)
{
    if (w->scenario->memory.fails_one_in)
        worker_take_all(w);
    w->scenario->subject->leave(w->thread);
    for (uint32_t i = 0; i < w->noutstanding; i++) {
        w->outstanding[i]->unseen = true;
        hist_return(w->scenario->hist, w->outstanding[i], 0, 0);
    }
    w->noutstanding = 0;
}

void worker_main(void *arg)
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
