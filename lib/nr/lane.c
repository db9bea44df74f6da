// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lanes out of line: collecting and answering, waiting for readers, sleepers, and the careful
 * variants of combining (apply_many, determinism guard). Theory: docs/libnr-internals.md sections
 * 3, 4 and 8.
 */
#include "impl.h"

#include <stddef.h>

/* Operations handed to apply_many at once: bounds the arrays on the stack. */
#define CHUNK 32

/* Takes what the threads in slots [from, to) offer to this lane, at most `room` operations. */
static uint32_t collect_slots(struct nr_lane *lane, uint32_t from, uint32_t to, uint32_t room)
{
    _Atomic(struct nr_thread *) *slots = lane->replica->slots;
    uint32_t n = 0;
    for (uint32_t i = from; i < to && room; i++) {
        struct nr_thread *thread = nr_load(&slots[i], acquire);
        if (!thread)
            continue;
        /* done before submitted, both acquire: while we look, the owner may get its answer and go
         * on to another lane, and a `done` younger than `submitted` would say nothing of it. An
         * older one does: the generations of this lane were answered under the lock we hold. */
        uint64_t done = nr_load(&thread->in->done, acquire);
        uint64_t submitted = nr_load(&thread->submitted, acquire);
        uint64_t gen = submitted >> 24;
        uint32_t first = (uint32_t)(done >> 8 == gen ? done & 0xff : submitted >> 8 & 0xff);
        uint32_t end = submitted & 0xff;
        if (first >= end)
            continue;
        if ((submitted >> 16 & 0xff) != lane->index) {
            nr_store(&lane->elsewhere, 1 + (uint32_t)(submitted >> 16 & 0xff), relaxed);
            continue;
        }
        uint32_t count = end - first < room ? end - first : room;
        NR_TOUCH(thread->ops, 1, NR_ACCESS_LOAD);
        lane->taken[lane->ntaken++] = (struct nr_taken){thread, gen, first, count};
        n += count;
        room -= count;
        if (!room)
            lane->turn = i + 1; /* who got nothing this time comes first next time */
    }
    return n;
}

uint32_t nr_lane_collect(struct nr_lane *lane, uint32_t room)
{
    uint32_t slots = nr_load(&lane->replica->nslots, acquire);
    uint32_t turn = lane->turn;
    uint32_t n = collect_slots(lane, turn, slots, room);
    if (turn)
        n += collect_slots(lane, 0, turn < slots ? turn : slots, room - n);
    return n;
}

/*
 * Pacing. Two replicas that append in turn pay a transfer of the tail's line (and of ctail's, and
 * of the entries') per operation, one after the other, and nothing else limits them. All fare
 * better if each appends a run of operations while it has the lines, and replays the others' runs
 * in one go. So the appender of an operation takes a lease on the next NR_LEASE positions, and a
 * combiner of another replica that finds a lease stays away for a moment - as long as the tail
 * moves on meanwhile. If it does not, there is no contention worth the wait, and the lane does not
 * wait again for PACE_REST appends. A lease is advice: no correctness depends on it.
 */
bool nr_lane_pace(struct nr_lane *lane, uint64_t appended, uint64_t lease_end)
{
    struct nr_log *log = lane->log;
    _Atomic uint64_t *counter =
        lane->replica->nr->type->op_logs ? &log->lease->appended : &log->tail;
    if (lane->pace_rest) {
        lane->pace_rest--;
        return false;
    }
    for (unsigned step = 0; step < PACE_STEPS && appended < lease_end; step++) {
        for (unsigned i = 0; i < PACE_PAUSES; i++)
            nr_port_relax(0);
        uint64_t now = nr_load(counter, relaxed);
        if (now - appended < PACE_GAIN) {
            lane->pace_rest = PACE_REST;
            break;
        }
        appended = now;
    }
    return true;
}

/* Leaves the lane to a starving reader for a moment. No lock held. */
static void give_way(struct nr_lane *lane)
{
    uint32_t waits = NR_READER_WAITS;
    for (unsigned spins = 0; spins < COURTESY; spins++) {
        if (nr_load(&lane->elsewhere, relaxed) != NR_READER_WAITS)
            return;
        nr_port_relax(spins);
    }
    (void)nr_cas(&lane->elsewhere, &waits, 0, relaxed); /* it does not run at the moment */
}

void nr_lane_serve(struct nr_lane *lane, nr_combine_fn *crowd)
{
    uint32_t k = nr_load(&lane->elsewhere, relaxed);
    if (k == NR_READER_WAITS) {
        give_way(lane);
        return;
    }
    if (!k || !nr_cas(&lane->elsewhere, &k, 0, relaxed))
        return;
    struct nr_lane *other = &lane->replica->lanes[k - 1];
    if (nr_lane_trylock(other))
        (void)crowd(other, NULL, NULL);
}

void nr_lane_answer(struct nr_lane *lane)
{
    uint64_t n = 0;
    if (!lane->ntaken)
        return;
    for (uint32_t i = 0; i < lane->ntaken; i++) {
        const struct nr_taken *taken = &lane->taken[i];
        n += taken->count;
        nr_store(&taken->thread->in->done, taken->gen << 8 | (taken->first + taken->count),
                 release);
    }
    nr_count(&lane->batched, n);
    lane->ntaken = 0;
}

void nr_lane_drain(struct nr_lane *lane)
{
    struct nr_replica *replica = lane->replica;
    /* A thread registers by passing through all lanes (rule M4): who is not in the table does not
     * read. */
    uint32_t slots = nr_load(&replica->nslots, acquire);
    for (uint32_t i = 0; i < slots; i++) {
        struct nr_thread *thread = nr_load(&replica->slots[i], acquire);
        if (!thread)
            continue;
        for (unsigned spins = 0; nr_load(&thread->reading, seq_cst) >> lane->index & 1; spins++)
            nr_port_relax(spins);
    }
}

/* ---- Locks ---- */

void nr_lane_unlock_wake(struct nr_lane *lane)
{
    if (nr_exchange(&lane->lock, NR_FREE, release) == NR_HELD_SLEEPERS)
        nr_port_wake(&lane->lock);
}

void nr_lock(_Atomic uint32_t *lock)
{
    for (unsigned spins = 0;; spins++) {
        uint32_t free = 0;
        if (nr_load(lock, relaxed) == 0 && nr_cas(lock, &free, 1, acquire))
            return;
        nr_port_relax(spins);
    }
}

void nr_unlock(_Atomic uint32_t *lock)
{
    nr_store(lock, 0, release);
}

bool nr_lane_lock(struct nr_lane *lane)
{
    for (unsigned spins = 0; !nr_lane_trylock(lane); spins++) {
        if (nr_lane_gone(lane))
            return false;
        nr_port_relax(spins);
    }
    return true;
}

void nr_lanes_unlock(struct nr_lane *lanes, uint64_t logs, unsigned end)
{
    nr_for_each_log (k, logs) {
        if (k < end)
            nr_lane_unlock(&lanes[k]);
    }
}

bool nr_lanes_lock(struct nr_lane *lanes, uint64_t logs)
{
    nr_for_each_log (k, logs) {
        if (!nr_lane_lock(&lanes[k])) {
            nr_lanes_unlock(lanes, logs, (unsigned)k);
            return false;
        }
    }
    return true;
}

/* ---- Determinism guard ---- */

/* FNV-1a over the answer's bytes, or the type's own digest; folded to 32 bits, never 0. */
static uint32_t answer_digest(const struct nr_type *type, const void *resp)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    if (type->digest) {
        hash = type->digest(resp) * UINT64_C(0x9e3779b97f4a7c15);
    } else {
        const unsigned char *bytes = resp;
        for (size_t i = 0; i < type->resp_size; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(hash ^ hash >> 32) | 1;
}

static void report_divergence(const struct nr_lane *lane, uint64_t pos, const void *op,
                              uint32_t expected, uint32_t found)
{
    const struct nr *nr = lane->replica->nr;
    struct nr_divergence what = {
        .type = nr->type->name,
        .replica = lane->replica->id,
        .log = lane->index,
        .position = pos,
        .op = op,
        .expected = expected,
        .found = found,
    };
    if (!nr->config.diverged)
        nr_port_fatal("nr: a replica diverged: apply is not deterministic");
    nr->config.diverged(nr->config.hook_arg, &what);
}

/* The first replica to come here leaves its digest in the entry, the others compare. */
static void check_answer(const struct nr_lane *lane, struct nr_entry *entry, uint64_t pos,
                         const void *op, const void *resp)
{
    uint32_t digest = answer_digest(lane->replica->nr->type, resp);
    uint32_t first = 0;
    if (!nr_cas(&entry->digest, &first, digest, relaxed) && first != digest)
        report_divergence(lane, pos, op, first, digest);
}

void nr_apply_checked(struct nr_lane *lane, struct nr_entry *entry, uint64_t pos, const void *op,
                      void *resp)
{
    const struct nr *nr = lane->replica->nr;
    bool check = entry && nr->config.flags & NR_CHECK;
    if (check)
        __builtin_memset(resp, 0, nr->type->resp_size);
    nr->type->apply(lane->data, op, resp);
    if (check)
        check_answer(lane, entry, pos, op, resp);
}

/* ---- Careful combining ---- */

/* A run of operations on their way to the structure. */
struct run {
    struct nr_lane *lane;
    uint64_t pos; /* of ops[0]; meaningless in solo mode */
    uint32_t n;
    bool logged; /* not solo */
    const void *ops[CHUNK];
    void *resps[CHUNK];
};

static void run_flush(struct run *run)
{
    struct nr_lane *lane = run->lane;
    const struct nr *nr = lane->replica->nr;
    bool check = run->logged && nr->config.flags & NR_CHECK;
    if (nr->type->apply_many && run->n) {
        for (uint32_t i = 0; check && i < run->n; i++)
            __builtin_memset(run->resps[i], 0, nr->type->resp_size);
        nr->type->apply_many(lane->data, run->ops, run->resps, run->n);
    }
    for (uint32_t i = 0; i < run->n; i++) {
        struct nr_entry *entry =
            run->logged ? nr_log_entry(nr->type, lane->log, run->pos + i) : NULL;
        if (!nr->type->apply_many)
            nr_apply_checked(lane, entry, run->pos + i, run->ops[i], run->resps[i]);
        else if (check)
            check_answer(lane, entry, run->pos + i, run->ops[i], run->resps[i]);
    }
    run->pos += run->n;
    run->n = 0;
}

static void run_add(struct run *run, const void *op, void *resp)
{
    run->ops[run->n] = op;
    run->resps[run->n++] = resp;
    if (run->n == CHUNK)
        run_flush(run);
}

static void apply_batch(struct nr_lane *lane, uint64_t first, bool logged, const void *op,
                        void *resp)
{
    const struct nr_type *type = lane->replica->nr->type;
    struct run run = {.lane = lane, .pos = first, .logged = logged};
    if (op)
        run_add(&run, op, resp);
    for (uint32_t i = 0; i < lane->ntaken; i++) {
        const struct nr_taken *taken = &lane->taken[i];
        for (uint32_t j = 0; j < taken->count; j++)
            run_add(&run, nr_thread_op(type, taken->thread, taken->first + j),
                    nr_thread_resp(type, taken->thread, taken->first + j));
    }
    run_flush(&run);
}

/* nr_lane_replay for careful lanes. All foreign answers share one scratch buffer, so with the guard
 * on the operations go one by one. */
static uint64_t replay_careful(struct nr_lane *lane, uint64_t upto)
{
    const struct nr *nr = lane->replica->nr;
    uint64_t pos = nr_load(&lane->ltail, relaxed);
    struct run run = {.lane = lane, .pos = pos, .logged = true};
    uint64_t from = pos;
    for (; pos < upto; pos++) {
        struct nr_entry *entry = nr_log_entry(nr->type, lane->log, pos);
        if (nr_log_meta(lane->log, entry, pos) & NR_META_SCAN)
            break;
        run_add(&run, entry->op, lane->scratch);
        if (nr->config.flags & NR_CHECK)
            run_flush(&run);
    }
    run_flush(&run);
    nr_count(&lane->replayed, pos - from);
    return pos;
}

enum nr_outcome nr_combine_careful(struct nr_lane *lane, const void *op, void *resp)
{
    const struct nr_type *type = lane->replica->nr->type;
    bool solo = lane->mode & NR_MODE_SOLO;
    uint64_t first = 0;
    uint32_t n = op != NULL;
    n += nr_lane_collect(lane, lane->log->max_batch - n);
    enum nr_outcome outcome = n && !solo ? nr_log_reserve(type, lane, n, &first) : NR_DONE;
    if (!n || outcome != NR_DONE) {
        lane->ntaken = 0;
        nr_lane_unlock(lane);
        return outcome;
    }
    if (!solo) {
        nr_lane_fill(type, lane, first, op);
        if (type->concurrent)
            nr_log_complete(lane->log, first + n);
    }
    if (!type->concurrent)
        nr_writer_lock(lane);
    if (!solo)
        (void)replay_careful(lane, first);
    apply_batch(lane, first, !solo, op, resp);
    if (!solo) {
        nr_store(&lane->ltail, first + n, release);
        nr_log_complete(lane->log, first + n);
    }
    if (!type->concurrent)
        nr_writer_unlock(lane);
    nr_count(&lane->combines, 1);
    nr_lane_answer(lane);
    nr_lane_unlock(lane);
    if (nr_load(&lane->elsewhere, relaxed) == NR_READER_WAITS)
        give_way(lane);
    return NR_DONE;
}

uint64_t nr_lane_advance_careful(struct nr_lane *lane, uint64_t upto)
{
    bool concurrent = lane->replica->nr->type->concurrent;
    if (concurrent)
        nr_log_complete(lane->log, upto);
    else
        nr_writer_lock(lane);
    uint64_t pos = replay_careful(lane, upto);
    nr_store(&lane->ltail, pos, release);
    if (!concurrent) {
        nr_log_complete(lane->log, pos);
        nr_writer_unlock(lane);
    }
    return pos;
}

/* ---- Untyped instances ---- */

enum nr_outcome nr_combine_crowd(struct nr_lane *lane, const void *op, void *resp)
{
    return nr_combine_crowd_with(lane->replica->nr->type, lane, op, resp);
}

enum nr_outcome nr_combine(struct nr_lane *lane, const void *op, void *resp)
{
    return nr_combine_with(lane->replica->nr->type, lane, op, resp, nr_combine_crowd);
}

enum nr_outcome nr_advance(struct nr_lane *lane, uint64_t upto)
{
    return nr_advance_with(lane->replica->nr->type, lane, upto);
}

uint64_t nr_lane_advance(struct nr_lane *lane, uint64_t upto)
{
    return nr_lane_advance_with(lane->replica->nr->type, lane, upto);
}
