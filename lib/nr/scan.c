// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operations on several logs. Theory: docs/libnr-internals.md section 6.
 *
 * A scan is appended to all its logs under scan_lock, so all logs order all scans alike; every
 * replica executes it once, with all its lanes locked and stopped exactly in front of it.
 */
#include "impl.h"

/* A scan as found at the ltail of a lane. */
struct scan {
    struct nr_scan_info info;
    uint64_t pos; /* in the log it was found in */
    unsigned k;
};

/* ---- Executing ---- */

/* The scan that stands at the lane's ltail, the lane being locked; false if there is none. */
static bool scan_at(struct nr_lane *lane, struct scan *scan)
{
    const struct nr_type *type = lane->replica->nr->type;
    uint64_t pos = nr_load(&lane->ltail, relaxed);
    if (pos >= nr_load(&lane->log->tail, acquire))
        return false;
    struct nr_entry *entry = nr_log_entry(type, lane->log, pos);
    if (!(nr_log_meta(lane->log, entry, pos) & NR_META_SCAN))
        return false;
    *scan = (struct scan){*nr_log_scan(lane->log, pos), pos, lane->index};
    return true;
}

/* Advances a locked lane to its next scan; false if there is none. Leaves the lane locked. */
static bool lane_to_scan(struct nr_lane *lane, struct scan *scan)
{
    (void)nr_lane_advance(lane, nr_load(&lane->log->tail, acquire));
    return scan_at(lane, scan);
}

/* Locks the scan's lanes; false, none locked, once the scan has been executed here or the replica
 * is gone. */
static bool scan_lock_lanes(struct nr_replica *replica, const struct scan *scan)
{
    struct nr_lane *found = &replica->lanes[scan->k];
    nr_for_each_log (k, scan->info.logs) {
        struct nr_lane *lane = &replica->lanes[k];
        for (unsigned spins = 0; !nr_lane_trylock(lane); spins++) {
            if (nr_load(&found->ltail, acquire) > scan->pos || nr_lane_gone(lane)) {
                nr_lanes_unlock(replica->lanes, scan->info.logs, (unsigned)k);
                return false;
            }
            nr_port_relax(spins);
        }
    }
    if (nr_load(&found->ltail, relaxed) <= scan->pos)
        return true;
    nr_lanes_unlock(replica->lanes, scan->info.logs, NR_MAX_LOGS);
    return false;
}

/* Applies the scan; all its lanes are locked and stopped in front of it. */
static void scan_apply(struct nr_replica *replica, const struct scan *scan)
{
    const struct nr_type *type = replica->nr->type;
    struct nr_lane *lane = &replica->lanes[scan->k];
    struct nr_entry *entry = nr_log_entry(type, lane->log, scan->pos);
    bool home = scan->info.home == replica->epoch;
    /* The logs' copies of the entry hold one digest each; the guard uses the lowest log's. */
    unsigned lowest = nr_first_log(scan->info.logs);
    if (scan->info.query) {
        if (home)
            type->read(replica->data, scan->info.query, scan->info.resp);
    } else {
        struct nr_lane *guard = &replica->lanes[lowest];
        uint64_t pos = nr_load(&guard->ltail, relaxed);
        nr_apply_checked(guard, nr_log_entry(type, guard->log, pos), pos, entry->op,
                         home ? scan->info.resp : lane->scratch);
    }
}

/* Executes the scan with all its lanes locked, moves them past it and unlocks them. */
static void scan_execute(struct nr_replica *replica, const struct scan *scan)
{
    bool concurrent = replica->nr->type->concurrent;
    nr_for_each_log (k, scan->info.logs) {
        struct nr_lane *lane = &replica->lanes[k];
        if (concurrent)
            nr_log_complete(lane->log, nr_load(&lane->ltail, relaxed) + 1);
        nr_writer_lock(
            lane); /* for concurrent types too: readers of several parts see all or nothing */
    }
    struct nr_scan_info info = scan->info;
    scan_apply(replica, scan);
    nr_for_each_log (k, info.logs) {
        struct nr_lane *lane = &replica->lanes[k];
        uint64_t end = nr_load(&lane->ltail, relaxed) + 1;
        nr_store(&lane->ltail, end, release);
        nr_log_complete(lane->log, end);
    }
    nr_for_each_log (k, info.logs) {
        nr_writer_unlock(&replica->lanes[k]);
    }
    if (info.home == replica->epoch)
        nr_store(&info.issuer->in->scan_done, info.seq, release);
    nr_lanes_unlock(replica->lanes, info.logs, NR_MAX_LOGS);
}

void nr_scan_run_next(struct nr_replica *replica, unsigned k)
{
    struct scan scan;
    struct nr_lane *lane = &replica->lanes[k];
    if (!nr_lane_lock(lane))
        return;
    bool found = lane_to_scan(lane, &scan);
    nr_lane_unlock(lane);
    while (found && scan_lock_lanes(replica, &scan)) {
        struct scan older = scan;
        nr_for_each_log (j, scan.info.logs) {
            struct scan met;
            /* The scan was reserved in all its logs before any entry of it became alive. */
            if (lane_to_scan(&replica->lanes[j], &met) && met.info.seq < older.info.seq)
                older = met;
        }
        if (older.info.seq == scan.info.seq) {
            scan_execute(replica, &scan);
            return;
        }
        nr_lanes_unlock(replica->lanes, scan.info.logs, NR_MAX_LOGS);
        scan = older;
    }
}

/* ---- Issuing ---- */

/* Waits until log k has repaid the previous scan's overdraft (rule L3). scan_lock held. */
static void wait_for_space(struct nr_replica *home, unsigned k)
{
    struct nr *nr = home->nr;
    struct nr_log *log = &nr->logs[k];
    for (unsigned spins = 0;; spins++) {
        uint64_t head = nr_load(&log->head, acquire);
        if (nr_load(&log->tail, relaxed) - head <= log->limit)
            return;
        if (nr_log_collect(log, nr))
            continue;
        nr_help(home, k, spins);
        nr_port_relax(spins);
    }
}

static uint64_t reserve_one(struct nr_log *log)
{
    uint64_t tail = nr_load(&log->tail, relaxed);
    while (!nr_cas(&log->tail, &tail, tail + 1, acq_rel))
        ;
    return tail;
}

/* Appends the scan to its logs; scan_lock held. Waits first, then cannot fail or wait. */
static void append(struct nr_replica *home, const struct nr_scan_info *info, const void *op)
{
    struct nr *nr = home->nr;
    uint64_t pos[NR_MAX_LOGS];
    nr_for_each_log (k, info->logs) {
        wait_for_space(home, (unsigned)k);
    }
    nr_for_each_log (k, info->logs) {
        struct nr_log *log = &nr->logs[k];
        nr_store(&log->scan_mark, nr_load(&log->scan_mark, relaxed) | 1, release);
    }
    nr_for_each_log (k, info->logs) {
        pos[k] = reserve_one(&nr->logs[k]);
    }
    nr_for_each_log (k, info->logs) {
        struct nr_log *log = &nr->logs[k];
        struct nr_entry *entry = nr_log_entry(nr->type, log, pos[k]);
        if (op)
            __builtin_memcpy(entry->op, op, nr->type->op_size);
        *nr_log_scan(log, pos[k]) = *info;
        atomic_store_explicit(&entry->digest, 0, memory_order_relaxed);
        nr_store(&entry->meta, nr_log_alive(log, pos[k]) | NR_META_SCAN, release);
    }
    nr_for_each_log (k, info->logs) {
        nr_store(&nr->logs[k].scan_mark, (pos[k] + 1) << 1, release);
    }
}

/* Executes op or query on the only replica, which needs no log; false if it is not the only one. */
static bool scan_solo(struct nr_thread *thread, uint64_t logs, const void *op, const void *query,
                      void *resp)
{
    struct nr_lane *lanes = thread->lanes;
    const struct nr_type *type = thread->nr->type;
    if (!nr_lanes_lock(lanes, logs))
        return false;
    bool solo = lanes[nr_first_log(logs)].mode & NR_MODE_SOLO;
    if (solo) {
        nr_for_each_log (k, logs) {
            nr_writer_lock(&lanes[k]);
        }
        if (op)
            type->apply(lanes->data, op, resp);
        else
            type->read(lanes->data, query, resp);
        nr_for_each_log (k, logs) {
            nr_writer_unlock(&lanes[k]);
        }
    }
    nr_lanes_unlock(lanes, logs, NR_MAX_LOGS);
    return solo;
}

/* Sends a scan through the logs and waits for its answer. False: the thread's replica is gone, or
 * solo. */
static bool scan_logged(struct nr_thread *thread, uint64_t logs, const void *op, const void *query,
                        void *resp)
{
    struct nr *nr = thread->nr;
    struct nr_replica *home = thread->replica;
    unsigned k = nr_first_log(logs);
    nr_lock(&nr->scan_lock);
    if (nr_load(&nr->solo, relaxed) || nr_lane_gone(&home->lanes[k])) {
        nr_unlock(&nr->scan_lock);
        return false;
    }
    struct nr_scan_info info = {.seq = ++nr->scan_seq,
                                .logs = logs,
                                .home = home->epoch,
                                .issuer = thread,
                                .query = query,
                                .resp = resp};
    append(home, &info, op);
    nr_unlock(&nr->scan_lock);
    for (unsigned spins = 0; nr_load(&thread->in->scan_done, acquire) < info.seq; spins++) {
        nr_scan_run_next(home, k);
        if (spins)
            nr_port_relax(spins);
    }
    return true;
}

static void scan(struct nr_thread *thread, uint64_t logs, const void *op, const void *query,
                 void *resp)
{
    nr_thread_finish(thread);
    for (;;) {
        if (nr_lane_gone(thread->lanes))
            nr_thread_follow(thread);
        if (nr_load(&thread->nr->solo, acquire) ? scan_solo(thread, logs, op, query, resp)
                                                : scan_logged(thread, logs, op, query, resp))
            return;
    }
}

void nr_execute_scan(struct nr_thread *thread, uint64_t logs, const void *op, void *resp)
{
    scan(thread, logs, op, NULL, resp);
}

/* ---- Reading scans ---- */

/* True if the replica, which does not change now, is a consistent cut: section 6. */
static bool is_cut(struct nr_lane *lanes, uint64_t logs)
{
    nr_for_each_log (k, logs) {
        if (nr_load(&lanes[k].ltail, acquire) < nr_log_ctail(lanes[k].log))
            return false;
    }
    return true;
}

/* Enters the reader side of all lanes at once; false if a writer is inside one. */
static bool enter_readers(struct nr_thread *thread, uint64_t logs)
{
    nr_store(&thread->reading, logs, seq_cst);
    nr_for_each_log (k, logs) {
        if (nr_load(&thread->lanes[k].writer, seq_cst)) {
            nr_store(&thread->reading, 0, release);
            return false;
        }
    }
    return true;
}

/* One try to read the logs' part of the local replica at a consistent cut. */
static bool read_cut(struct nr_thread *thread, uint64_t logs, const void *query, void *resp)
{
    struct nr_lane *lanes = thread->lanes;
    bool concurrent = thread->nr->type->concurrent;
    if (concurrent ? !nr_lanes_lock(lanes, logs) : !enter_readers(thread, logs))
        return false;
    bool cut = is_cut(lanes, logs);
    if (cut)
        thread->nr->type->read(lanes->data, query, resp);
    if (concurrent)
        nr_lanes_unlock(lanes, logs, NR_MAX_LOGS);
    else
        nr_store(&thread->reading, 0, release);
    return cut;
}

void nr_read_scan(struct nr_thread *thread, uint64_t logs, const void *query, void *resp)
{
    nr_thread_finish(thread);
    for (unsigned tries = 0; tries < READ_SCAN_TRIES; tries++) {
        if (nr_lane_gone(thread->lanes))
            nr_thread_follow(thread);
        if (read_cut(thread, logs, query, resp))
            return;
        nr_for_each_log (k, logs) {
            nr_thread_catch_up(thread, (unsigned)k, nr_log_ctail(&thread->nr->logs[k]), nr_advance);
        }
        nr_port_relax(tries);
    }
    scan(thread, logs, NULL, query, resp);
}
