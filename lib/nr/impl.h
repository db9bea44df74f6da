// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/* What the source files of libnr share among themselves. */
#include <nr/nr.h>

#ifdef NR_TUNE
#include NR_TUNE
#else
#include "tune.h"
#endif

/* Simple test-and-set locks for the rare paths (admin, scan_lock). May wait. */
void nr_lock(_Atomic uint32_t *lock);
void nr_unlock(_Atomic uint32_t *lock);

/* Waits for the lane's combiner lock; false if the replica was removed instead. */
bool nr_lane_lock(struct nr_lane *lane);
/* Unlocks the lanes of `logs` below `end` (a log number; NR_MAX_LOGS: all). */
void nr_lanes_unlock(struct nr_lane *lanes, uint64_t logs, unsigned end);
/* Locks the lanes of `logs` in ascending order; false, and none locked, if the replica was removed.
 */
bool nr_lanes_lock(struct nr_lane *lanes, uint64_t logs);

/* nr_lane_advance_with for the lane's own type. */
uint64_t nr_lane_advance(struct nr_lane *lane, uint64_t upto);

/* Applies one operation under check: digest compared with the log entry at pos (entry NULL: none).
 */
void nr_apply_checked(struct nr_lane *lane, struct nr_entry *entry, uint64_t pos, const void *op,
                      void *resp);

/* Advances the lanes that hold back log k, unless the embedder does. On behalf of a thread of
 * replica `own`, which has tried `tries` times before. Locks: none held, or scan_lock. */
void nr_help(struct nr_replica *own, unsigned k, unsigned tries);
/* Advances lane (replica, k) to tail on behalf of others; executes scans on the way. */
void nr_replica_help(struct nr_replica *replica, unsigned k);

/* Executes the oldest scan that stops lane k of the replica, if one does. No lane lock held. */
void nr_scan_run_next(struct nr_replica *replica, unsigned k);

/* Brings lane k of the thread's replica to at least `upto`. */
void nr_thread_catch_up(struct nr_thread *thread, unsigned k, uint64_t upto,
                        nr_advance_fn *advance);
/* Completes everything the thread submitted. */
void nr_thread_finish(struct nr_thread *thread);
/* Moves the thread over to its new home after its replica was removed. */
void nr_thread_follow(struct nr_thread *thread);

/* Creates replica `id` at instance creation, when there is nothing to copy. */
enum nr_status nr_replica_new(struct nr *nr, unsigned id, int node);
/* Frees a replica that no thread uses, with its structure. */
void nr_replica_free(struct nr_replica *replica);
/* The live replica `id`, or NULL. It stays live while the caller holds the admin lock. */
struct nr_replica *nr_replica_find(struct nr *nr, unsigned id);
/* The live replica other than `except` (NULL: any) with the fewest threads; NULL if all are full.
 * admin held. */
struct nr_replica *nr_replica_least_used(struct nr *nr, const struct nr_replica *except);
/* Passes once through each lane's lock after the replica's slots changed, and tells the lanes (rule
 * M4): whoever scans or skips the slots from now on does so with the new ones. admin held. */
void nr_replica_pass_lanes(struct nr_replica *replica);
/* Puts the thread in a free slot of the replica, which has one. admin held. Waits for combiners. */
void nr_replica_add_thread(struct nr_replica *replica, struct nr_thread *thread);

static inline bool nr_lane_gone(struct nr_lane *lane)
{
    return nr_load(&lane->lock, acquire) == NR_GONE;
}

static inline uint64_t nr_all_logs(const struct nr *nr)
{
    return nr->config.logs == NR_MAX_LOGS ? ~UINT64_C(0) : (UINT64_C(1) << nr->config.logs) - 1;
}

static inline struct nr_scan_info *nr_log_scan(const struct nr_log *log, uint64_t pos)
{
    return &log->scans[pos & log->mask];
}

/* Iterates k over the logs in the set, ascending. */
#define nr_for_each_log(k, logs)                                                       \
    for (uint64_t k##_rest = (logs), k; k##_rest && ((k = nr_first_log(k##_rest)), 1); \
         k##_rest &= k##_rest - 1)
