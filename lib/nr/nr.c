// SPDX-License-Identifier: BSD-2-Clause
/* Instances: creation and destruction, and the untyped interface. */
#include "impl.h"

#define DEFAULT_MAX_REPLICAS 16
#define DEFAULT_LOG_ENTRIES  4096
#define DEFAULT_MAX_THREADS  256
#define DEFAULT_BATCH        32

const char *nr_status_text(enum nr_status status)
{
    static const char *const text[] = {
        "success",
        "out of memory",
        "argument out of range",
        "still in use",
        "not supported by the type",
        "not now, try again",
        "limit reached",
        "nothing there",
        "no such key",
        "key exists",
        "value differs",
    };
    unsigned i = status <= 0 ? 0u - (unsigned)status : sizeof text;
    return i < sizeof text / sizeof *text ? text[i] : "unknown status";
}

/* ---- Creation ---- */

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static enum nr_status config_fill(const struct nr_type *type, struct nr_config *c)
{
    c->replicas = or_default(c->replicas, 1);
    c->max_replicas = or_default(c->max_replicas, DEFAULT_MAX_REPLICAS);
    if (c->max_replicas < c->replicas)
        c->max_replicas = c->replicas;
    c->logs = or_default(c->logs, 1);
    c->log_entries = or_default(c->log_entries, DEFAULT_LOG_ENTRIES);
    c->max_threads = or_default(c->max_threads, DEFAULT_MAX_THREADS);
    c->batch = or_default(c->batch, DEFAULT_BATCH);
    bool mapped = type->op_logs && type->query_logs;
    bool ok = c->max_replicas <= NR_MAX_REPLICAS && c->logs <= NR_MAX_LOGS &&
              c->batch <= NR_MAX_BATCH && c->log_entries >= 4 && c->log_entries <= 1u << 30 &&
              (c->logs == 1 || mapped) && !type->op_logs == !type->query_logs;
    unsigned entries = 4;
    while (ok && entries < c->log_entries)
        entries *= 2;
    c->log_entries = entries;
#if NR_CHECKED
    c->flags |= NR_CHECK;
#endif
    return ok ? NR_OK : NR_EINVAL;
}

static enum nr_status type_check(const struct nr_type *type)
{
    bool ok = type->apply && type->read && type->init && type->fini && type->size &&
              type->op_size && type->resp_size && type->align && !(type->align & (type->align - 1));
    return ok ? NR_OK : NR_EINVAL;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t log_bytes(const struct nr *nr)
{
    return (size_t)nr->config.log_entries * nr_entry_stride(nr->type);
}

static size_t scans_bytes(const struct nr *nr)
{
    return (size_t)nr->config.log_entries * sizeof(struct nr_scan_info);
}

static enum nr_status logs_init(struct nr *nr)
{
    nr->logs = nr_port_alloc(nr->config.logs * sizeof *nr->logs, NR_APART, NR_ANY_NODE);
    if (!nr->logs)
        return NR_ENOMEM;
    for (unsigned k = 0; k < nr->config.logs; k++) {
        struct nr_log *log = &nr->logs[k];
        unsigned entries = nr->config.log_entries;
        log->entries = nr_port_alloc(log_bytes(nr), NR_APART, NR_ANY_NODE);
        if (nr->type->op_logs)
            log->scans = nr_port_alloc(scans_bytes(nr), NR_APART, NR_ANY_NODE);
        if (!log->entries || (nr->type->op_logs && !log->scans))
            return NR_ENOMEM;
        log->lease = nr->type->op_logs ? &nr->lease : &log->own_lease;
        log->mask = entries - 1;
        log->shift = (unsigned)__builtin_ctz(entries);
        log->limit = nr->type->op_logs ? entries - 1 : entries; /* rule L3 */
        log->max_batch = entries / 4;
    }
    return NR_OK;
}

static void instance_free(struct nr *nr)
{
    for (unsigned id = 0; nr->replicas && id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_replica_find(nr, id);
        if (replica)
            nr_replica_free(replica);
    }
    for (struct nr_replica *replica = nr->dead, *next; replica; replica = next) {
        next = replica->next_dead;
        nr_replica_free(replica);
    }
    for (unsigned k = 0; nr->logs && k < nr->config.logs; k++) {
        if (nr->logs[k].entries)
            nr_port_free(nr->logs[k].entries, log_bytes(nr));
        if (nr->logs[k].scans)
            nr_port_free(nr->logs[k].scans, scans_bytes(nr));
    }
    if (nr->logs)
        nr_port_free(nr->logs, nr->config.logs * sizeof *nr->logs);
    if (nr->replicas)
        nr_port_free(nr->replicas, nr->config.max_replicas * sizeof *nr->replicas);
    nr_port_free(nr, sizeof *nr);
}

static enum nr_status instance_init(struct nr *nr)
{
    const struct nr_config *config = &nr->config;
    size_t slots = config->batch + 1;
    nr->inbox_offset = round_up(offsetof(struct nr_thread, submitted) + sizeof(uint64_t) +
                                    slots * round_up(nr->type->op_size, 8),
                                NR_APART);
    nr->thread_bytes = round_up(nr->inbox_offset + offsetof(struct nr_inbox, scan_done) +
                                    sizeof(uint64_t) + slots * round_up(nr->type->resp_size, 8),
                                NR_APART);
    nr->replicas =
        nr_port_alloc(config->max_replicas * sizeof *nr->replicas, NR_APART, NR_ANY_NODE);
    if (!nr->replicas)
        return NR_ENOMEM;
    enum nr_status status = logs_init(nr);
    for (unsigned id = 0; status == NR_OK && id < config->replicas; id++)
        status = nr_replica_new(nr, id, config->nodes ? config->nodes[id] : NR_ANY_NODE);
    nr->config.nodes = NULL; /* the caller's array need not outlive the call */
    return status;
}

enum nr_status nr_create(const struct nr_type *type, const struct nr_config *config,
                         struct nr **out)
{
    struct nr_config filled = config ? *config : (struct nr_config){0};
    *out = NULL;
    if (type_check(type) != NR_OK || config_fill(type, &filled) != NR_OK)
        return NR_EINVAL;
    struct nr *nr = nr_port_alloc(sizeof *nr, NR_APART, NR_ANY_NODE);
    if (!nr)
        return NR_ENOMEM;
    nr->type = type;
    nr->config = filled;
    enum nr_status status = instance_init(nr);
    if (status == NR_OK)
        *out = nr;
    else
        instance_free(nr);
    return status;
}

enum nr_status nr_destroy(struct nr *nr)
{
    nr_lock(&nr->admin);
    bool busy = nr->threads != 0;
    nr_unlock(&nr->admin);
    if (busy)
        return NR_EBUSY;
    instance_free(nr);
    return NR_OK;
}

/* ---- Untyped operations ---- */

void nr_execute(struct nr_thread *thread, const void *op, void *resp)
{
    nr_execute_with(thread->nr->type, thread, op, resp, nr_combine);
}

void nr_read(struct nr_thread *thread, const void *query, void *resp)
{
    nr_read_with(thread->nr->type, thread, query, resp, nr_advance);
}

/* ---- Replicas from outside ---- */

/* Takes no lock of the instance: whoever holds one may be waiting for just this call, made on
 * behalf of the stuck hook. Shells outlive their replicas, so a removed one is noticed by its
 * lanes. */
enum nr_status nr_sync_replica(struct nr *nr, unsigned id)
{
    struct nr_replica *replica = nr_replica_find(nr, id);
    for (unsigned k = 0; replica && k < nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        uint64_t upto = nr_log_ctail(&nr->logs[k]);
        for (unsigned spins = 0; !nr_lane_gone(lane) && nr_load(&lane->ltail, acquire) < upto;
             spins++) {
            nr_replica_help(replica, k);
            if (spins)
                nr_port_relax(spins);
        }
    }
    return replica ? NR_OK : NR_EINVAL;
}

enum nr_status nr_replica_stats(struct nr *nr, unsigned id, struct nr_stats *stats)
{
    *stats = (struct nr_stats){0};
    nr_lock(&nr->admin);
    struct nr_replica *replica = nr_replica_find(nr, id);
    for (unsigned k = 0; replica && k < nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        /* tail first: what is appended while we look is no lag, and no log holds more than its
         * size. */
        uint64_t tail = nr_load(&lane->log->tail, acquire);
        uint64_t ltail = nr_load(&lane->ltail, acquire);
        stats->lag += ltail < tail ? tail - ltail : 0;
        stats->combines += nr_load(&lane->combines, relaxed);
        stats->batched += nr_load(&lane->batched, relaxed);
        stats->replayed += nr_load(&lane->replayed, relaxed);
        stats->helped += nr_load(&lane->helped, relaxed);
        stats->log_full += nr_load(&lane->log_full, relaxed);
        stats->threads = replica->threads;
    }
    nr_unlock(&nr->admin);
    return replica ? NR_OK : NR_EINVAL;
}

enum nr_status nr_inspect(struct nr *nr, unsigned id, void (*fn)(const void *data, void *arg),
                          void *arg)
{
    nr_lock(&nr->admin);
    struct nr_replica *replica = nr_replica_find(nr, id);
    if (replica) {
        (void)nr_lanes_lock(replica->lanes, nr_all_logs(nr));
        fn(replica->data, arg);
        nr_lanes_unlock(replica->lanes, nr_all_logs(nr), NR_MAX_LOGS);
    }
    nr_unlock(&nr->admin);
    return replica ? NR_OK : NR_EINVAL;
}
