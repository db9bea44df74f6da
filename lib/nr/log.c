// SPDX-License-Identifier: BSD-2-Clause
/*
 * The log out of line: waiting for an entry, collecting garbage, helping replicas that hold it
 * back. Theory: docs/libnr-internals.md section 2.
 */
#include "impl.h"

uint32_t nr_log_wait_alive(struct nr_entry *entry, uint32_t alive)
{
    uint32_t meta;
    for (unsigned spins = 0;; spins++) {
        meta = nr_load(&entry->meta, acquire);
        if ((meta & NR_META_ALIVE) == alive)
            return meta;
        nr_port_relax(spins);
    }
}

bool nr_log_collect(struct nr_log *log, struct nr *nr)
{
    uint32_t free = 0;
    if (!nr_cas(&log->collector, &free, 1, acquire))
        return false;
    uint64_t head = nr_load(&log->head, relaxed);
    uint64_t least = UINT64_MAX;
    size_t k = (size_t)(log - nr->logs);
    for (unsigned id = 0; id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_load(&nr->replicas[id], relaxed);
        if (!replica)
            continue;
        /* acquire: what the replica read from the entries it has read before we let them be reused
         */
        uint64_t ltail = nr_load(&replica->lanes[k].ltail, acquire);
        least = ltail < least ? ltail : least;
    }
    bool gained = least != UINT64_MAX && least > head;
    if (gained)
        nr_store(&log->head, least, release);
    nr_unlock(&log->collector);
    return gained;
}

void nr_replica_help(struct nr_replica *replica, unsigned k)
{
    struct nr_lane *lane = &replica->lanes[k];
    if (!nr_lane_trylock(lane))
        return;
    nr_count(&lane->helped, 1);
    int node = nr_port_affinity(replica->node);
    enum nr_outcome outcome = nr_advance(lane, nr_load(&lane->log->tail, acquire));
    if (outcome == NR_SCAN_AHEAD)
        nr_scan_run_next(replica, k);
    (void)nr_port_affinity(node);
}

void nr_help(struct nr_replica *own, unsigned k, unsigned tries)
{
    struct nr *nr = own->nr;
    bool ask = nr->config.stuck && tries < STUCK_PATIENCE;
    struct nr_log *log = &nr->logs[k];
    uint64_t tail = nr_load(&log->tail, acquire);
    for (unsigned id = 0; id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_load(&nr->replicas[id], acquire);
        if (!replica)
            continue;
        uint64_t ltail = nr_load(&replica->lanes[k].ltail, acquire);
        /* Once nobody is further behind than half the log, collecting makes room for the largest
         * batch, a quarter. (ltail may have passed the tail loaded above.) */
        if (ltail >= tail || tail - ltail <= (log->mask + 1) / 2)
            continue;
        if (ask && replica != own && nr->config.stuck(nr->config.hook_arg, id, k))
            continue;
        nr_replica_help(replica, k);
    }
}
