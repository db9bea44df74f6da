// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads: registration, waiting for answers, submissions, following a removed replica.
 * Theory: docs/libnr-internals.md sections 3, 5 and 7; the mailbox is described at struct
 * nr_thread.
 */
#include "impl.h"

/* ---- Registration ---- */

static struct nr_thread *thread_new(struct nr *nr, int node)
{
    struct nr_thread *thread = nr_port_alloc(nr->thread_bytes, NR_APART, node);
    if (!thread)
        return NULL;
    unsigned char *base = (unsigned char *)thread;
    thread->nr = nr;
    thread->in = (struct nr_inbox *)(void *)(base + nr->inbox_offset);
    thread->ops = (unsigned char *)&thread->submitted + sizeof thread->submitted;
    thread->resps = (unsigned char *)&thread->in->scan_done + sizeof thread->in->scan_done;
    thread->next = thread->end = 1;
    thread->patience = MIN_PATIENCE;
    return thread;
}

enum nr_status nr_register(struct nr *nr, unsigned id, struct nr_thread **out)
{
    *out = NULL;
    nr_lock(&nr->admin);
    struct nr_replica *replica =
        id == NR_ANY_REPLICA ? nr_replica_least_used(nr, NULL) : nr_replica_find(nr, id);
    enum nr_status status = NR_OK;
    if (!replica)
        status = id == NR_ANY_REPLICA ? NR_ELIMIT : NR_EINVAL;
    else if (replica->threads == nr->config.max_threads)
        status = NR_ELIMIT;
    struct nr_thread *thread = status == NR_OK ? thread_new(nr, replica->node) : NULL;
    if (thread) {
        thread->replica = replica;
        thread->lanes = replica->lanes;
        replica->users++;
        nr->threads++;
        nr_replica_add_thread(replica, thread);
        *out = thread;
    } else if (status == NR_OK) {
        status = NR_ENOMEM;
    }
    nr_unlock(&nr->admin);
    return status;
}

void nr_unregister(struct nr_thread *thread)
{
    struct nr *nr = thread->nr;
    nr_thread_finish(thread);
    nr_lock(&nr->admin);
    struct nr_replica *home = thread->home;
    nr_store(&home->slots[thread->slot], NULL, release);
    home->threads--;
    nr_replica_pass_lanes(home); /* nobody holds our pointer any more */
    thread->replica->users--;
    nr->threads--;
    size_t bytes = nr->thread_bytes;
    nr_unlock(&nr->admin); /* from here on nr_destroy may have its way */
    nr_port_free(thread, bytes);
}

unsigned nr_thread_replica(const struct nr_thread *thread)
{
    struct nr *nr = thread->nr;
    nr_lock(&nr->admin);
    unsigned id = thread->home->id;
    nr_unlock(&nr->admin);
    return id;
}

void nr_thread_follow(struct nr_thread *thread)
{
    struct nr *nr = thread->nr;
    nr_lock(&nr->admin);
    thread->replica->users--;
    thread->home->users++;
    thread->replica = thread->home;
    thread->lanes = thread->home->lanes;
    nr_unlock(&nr->admin);
}

/* ---- Waiting ---- */

/* One step of waiting for a lane that somebody else holds. */
static void wait_step(struct nr_lane *lane, unsigned spins)
{
    uint32_t held = NR_HELD;
    const struct nr *nr = lane->replica->nr;
    if (!(nr->config.flags & NR_PARK) || spins < SPINS_BEFORE_SLEEP) {
        nr_port_relax(spins);
        return;
    }
    /* The holder wakes on unlocking if it finds the mark; a removed lane (NR_GONE) takes none. */
    if (nr_cas(&lane->lock, &held, NR_HELD_SLEEPERS, relaxed) || held == NR_HELD_SLEEPERS)
        nr_port_wait(&lane->lock, NR_HELD_SLEEPERS);
}

/* What to do after a lane operation did not succeed; no lock held. */
static void recover(struct nr_thread *thread, unsigned k, enum nr_outcome outcome, unsigned spins)
{
    if (outcome == NR_NO_SPACE)
        nr_help(thread->replica, k, spins);
    else if (outcome == NR_SCAN_AHEAD)
        nr_scan_run_next(thread->replica, k);
    if (outcome != NR_DONE && spins)
        nr_port_relax(spins);
}

/* True once slots below `end` of the current generation are answered. */
static bool is_answered(struct nr_thread *thread, uint32_t end)
{
    if (end <= thread->gen_first)
        return true;
    uint64_t done = nr_load(&thread->in->done, acquire);
    return done >> 8 == thread->gen && (done & 0xff) >= end;
}

/*
 * Waits a little for another thread's combiner without looking at the lane's lock, whose line that
 * combiner needs for itself. Where combiners come by steadily, the thread leaves combining to them
 * for a while: one core then keeps the structure in its cache. Where none came, it waits less next
 * time.
 */
static bool is_answered_soon(struct nr_thread *thread, uint32_t end)
{
    for (unsigned i = 0; i < thread->patience; i++) {
        if (is_answered(thread, end)) {
            thread->patience = MAX_PATIENCE;
            thread->detour |= NR_DETOUR_CROWDED;
            return true;
        }
        nr_port_relax(0);
    }
    thread->patience = thread->patience / 2 > MIN_PATIENCE ? thread->patience / 2 : MIN_PATIENCE;
    thread->detour &= ~(uint32_t)NR_DETOUR_CROWDED;
    return false;
}

/* One attempt to get the current generation answered; waits a step if somebody else is at it. */
static void drive(struct nr_thread *thread, unsigned spins, nr_combine_fn *combine)
{
    unsigned k = thread->gen_lane;
    struct nr_lane *lane = &thread->lanes[k];
    if (nr_lane_trylock(lane))
        recover(thread, k, combine(lane, NULL, NULL), spins);
    else if (nr_lane_gone(lane))
        nr_thread_follow(thread);
    else
        wait_step(lane, spins);
}

/* Offers slots [first, end) to lane k as a new generation; everything before is answered. */
static void offer(struct nr_thread *thread, unsigned k, uint32_t first, uint32_t end)
{
    thread->gen = (thread->gen + 1) & NR_GEN_MASK;
    thread->gen_lane = k;
    thread->gen_first = first;
    thread->gen_end = end;
    nr_store(&thread->submitted, thread->gen << 24 | (uint64_t)k << 16 | first << 8 | end, release);
}

void nr_execute_slow(struct nr_thread *thread, unsigned k, const void *op, void *resp,
                     nr_combine_fn *combine)
{
    const struct nr_type *type = thread->nr->type;
    nr_thread_finish(thread);
    __builtin_memcpy(nr_thread_op(type, thread, 0), op, type->op_size);
    NR_TOUCH(thread->ops, type->op_size, NR_ACCESS_STORE);
    offer(thread, k, 0, 1);
    if (!is_answered_soon(thread, 1)) {
        for (unsigned spins = 0; !is_answered(thread, 1); spins++)
            drive(thread, spins, combine);
    }
    __builtin_memcpy(resp, nr_thread_resp(type, thread, 0), type->resp_size);
    NR_TOUCH(thread->resps, type->resp_size, NR_ACCESS_LOAD);
    /* All submissions were answered before: let is_answered say so of their slots. */
    thread->gen_first = thread->gen_end = thread->end;
}

/* ---- Submissions ---- */

void nr_thread_finish(struct nr_thread *thread)
{
    if (!(thread->detour & NR_DETOUR_PENDING))
        return;
    for (unsigned spins = 0; !is_answered(thread, thread->gen_end); spins++)
        drive(thread, spins, nr_combine);
    thread->detour &= ~(uint32_t)NR_DETOUR_PENDING;
}

enum nr_status nr_submit(struct nr_thread *thread, const void *op)
{
    struct nr *nr = thread->nr;
    const struct nr_type *type = nr->type;
    uint32_t slot = thread->end;
    if (slot > nr->config.batch)
        return NR_EAGAIN;
    uint64_t logs = type->op_logs ? type->op_logs(op, nr->config.logs) : 1;
    unsigned k = nr_first_log(logs);
    if (logs & (logs - 1)) {
        nr_execute_scan(thread, logs, op, nr_thread_resp(type, thread, slot));
        thread->gen_first = thread->gen_end = thread->end = slot + 1;
        return NR_OK;
    }
    if (thread->detour & NR_DETOUR_PENDING && thread->gen_lane != k)
        nr_thread_finish(thread);
    __builtin_memcpy(nr_thread_op(type, thread, slot), op, type->op_size);
    thread->end = slot + 1;
    if (thread->detour & NR_DETOUR_PENDING && !is_answered(thread, thread->gen_end)) {
        thread->gen_end = slot + 1;
        nr_store(&thread->submitted,
                 thread->gen << 24 | (uint64_t)k << 16 | thread->gen_first << 8 | thread->gen_end,
                 release);
    } else {
        offer(thread, k, slot, slot + 1);
    }
    thread->detour |= NR_DETOUR_PENDING;
    return NR_OK;
}

static void take_answer(struct nr_thread *thread, void *resp)
{
    const struct nr_type *type = thread->nr->type;
    __builtin_memcpy(resp, nr_thread_resp(type, thread, thread->next++), type->resp_size);
    if (thread->next == thread->end) {
        thread->next = thread->end = 1;
        thread->gen_first = thread->gen_end = 1;
        thread->detour &= ~(uint32_t)NR_DETOUR_PENDING;
    }
}

enum nr_status nr_collect(struct nr_thread *thread, void *resp)
{
    if (thread->next == thread->end)
        return NR_EEMPTY;
    for (unsigned spins = 0; !is_answered(thread, thread->next + 1); spins++)
        drive(thread, spins, nr_combine);
    take_answer(thread, resp);
    return NR_OK;
}

enum nr_status nr_poll(struct nr_thread *thread, void *resp)
{
    if (thread->next == thread->end)
        return NR_EEMPTY;
    if (!is_answered(thread, thread->next + 1)) {
        struct nr_lane *lane = &thread->lanes[thread->gen_lane];
        if (nr_lane_trylock(lane))
            recover(thread, thread->gen_lane, nr_combine(lane, NULL, NULL), 0);
        else if (nr_lane_gone(lane))
            nr_thread_follow(thread);
        if (!is_answered(thread, thread->next + 1))
            return NR_EAGAIN;
    }
    take_answer(thread, resp);
    return NR_OK;
}

/* ---- Reads ---- */

void nr_thread_catch_up(struct nr_thread *thread, unsigned k, uint64_t upto, nr_advance_fn *advance)
{
    for (unsigned spins = 0;; spins++) {
        struct nr_lane *lane = &thread->lanes[k];
        if (nr_lane_gone(lane)) {
            nr_thread_follow(thread);
            continue;
        }
        if (nr_load(&lane->ltail, acquire) >= upto)
            return;
        if (nr_lane_trylock(lane))
            recover(thread, k, advance(lane, upto), spins);
        else
            wait_step(lane, spins);
    }
}

/* One step of waiting for the writer in the lane. Readers give way to writers, so a reader may look
 * at the wrong moment again and again: after a while it asks combiners to give way. */
static void wait_for_writer(struct nr_lane *lane, unsigned spins)
{
    if (spins >= READ_PATIENCE && nr_load(&lane->elsewhere, relaxed) != NR_READER_WAITS)
        nr_store(&lane->elsewhere, NR_READER_WAITS, relaxed);
    nr_port_relax(spins);
}

struct nr_lane *nr_read_enter_slow(struct nr_thread *thread, unsigned k, nr_advance_fn *advance)
{
    nr_thread_finish(thread);
    for (unsigned spins = 0;; spins++) {
        nr_thread_catch_up(thread, k, nr_log_ctail(&thread->nr->logs[k]), advance);
        struct nr_lane *lane = &thread->lanes[k];
        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);
        if (!nr_load(&lane->writer, seq_cst)) {
            if (spins >= READ_PATIENCE)
                nr_store(&lane->elsewhere, 0, relaxed);
            return lane;
        }
        nr_store(&thread->reading, 0, release);
        while (nr_load(&lane->writer, relaxed) && !nr_lane_gone(lane))
            wait_for_writer(lane, spins++);
    }
}

void nr_sync(struct nr_thread *thread)
{
    nr_thread_finish(thread);
    for (unsigned k = 0; k < thread->nr->config.logs; k++)
        nr_thread_catch_up(thread, k, nr_log_ctail(&thread->nr->logs[k]), nr_advance);
}
