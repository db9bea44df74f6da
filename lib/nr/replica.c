// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replicas come and go. Theory: docs/libnr-internals.md section 7.
 *
 * The shell of a removed replica (struct nr_replica with its lanes) stays allocated until the
 * instance is destroyed, because helpers may still look at it; it is used again for a new replica
 * once no thread's `replica` points to it. Its lane locks stay in state NR_GONE meanwhile.
 */
#include "impl.h"

/* ---- Shells ---- */

static enum nr_status lanes_init(struct nr_replica *replica)
{
    struct nr *nr = replica->nr;
    for (unsigned k = 0; k < nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        lane->index = k;
        lane->log = &nr->logs[k];
        lane->replica = replica;
        lane->taken =
            nr_port_alloc(nr->config.max_threads * sizeof *lane->taken, NR_APART, replica->node);
        lane->scratch = nr_port_alloc(nr->type->resp_size, NR_APART, replica->node);
        if (!lane->taken || !lane->scratch)
            return NR_ENOMEM;
    }
    return NR_OK;
}

static void shell_free(struct nr_replica *replica)
{
    const struct nr *nr = replica->nr;
    for (unsigned k = 0; replica->lanes && k < nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        if (lane->taken)
            nr_port_free(lane->taken, nr->config.max_threads * sizeof *lane->taken);
        if (lane->scratch)
            nr_port_free(lane->scratch, nr->type->resp_size);
    }
    if (replica->lanes)
        nr_port_free(replica->lanes, nr->config.logs * sizeof *replica->lanes);
    if (replica->slots)
        nr_port_free(replica->slots, nr->config.max_threads * sizeof *replica->slots);
    nr_port_free(replica, sizeof *replica);
}

static struct nr_replica *shell_new(struct nr *nr, int node)
{
    struct nr_replica *replica = nr_port_alloc(sizeof *replica, NR_APART, node);
    if (!replica)
        return NULL;
    replica->nr = nr;
    replica->node = node;
    replica->lanes = nr_port_alloc(nr->config.logs * sizeof *replica->lanes, NR_APART, node);
    replica->slots = nr_port_alloc(nr->config.max_threads * sizeof *replica->slots, NR_APART, node);
    if (!replica->lanes || !replica->slots || lanes_init(replica) != NR_OK) {
        shell_free(replica);
        return NULL;
    }
    return replica;
}

/* A shell that no thread uses any more, or a new one. */
static struct nr_replica *shell_get(struct nr *nr, int node)
{
    for (struct nr_replica **at = &nr->dead; *at; at = &(*at)->next_dead) {
        struct nr_replica *replica = *at;
        if (replica->users)
            continue;
        *at = replica->next_dead;
        replica->node = node;
        return replica;
    }
    return shell_new(nr, node);
}

/* Back to the dead, with locks that turn everybody away. */
static void shell_put(struct nr_replica *replica)
{
    struct nr *nr = replica->nr;
    for (unsigned k = 0; k < nr->config.logs; k++)
        nr_store(&replica->lanes[k].lock, NR_GONE, release);
    replica->next_dead = nr->dead;
    nr->dead = replica;
}

static enum nr_status data_new(struct nr_replica *replica)
{
    const struct nr_type *type = replica->nr->type;
    replica->data =
        nr_port_alloc(type->size, type->align > NR_APART ? type->align : NR_APART, replica->node);
    return replica->data ? NR_OK : NR_ENOMEM;
}

static void data_free(struct nr_replica *replica)
{
    nr_port_free(replica->data, replica->nr->type->size);
    replica->data = NULL;
}

/* Makes the lanes ready, still locked, with everything below `ltails` of the source (NULL: none)
 * applied. */
static void lanes_start(struct nr_replica *replica, struct nr_replica *source, uint32_t mode)
{
    for (unsigned k = 0; k < replica->nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        lane->data = replica->data;
        lane->mode = mode;
        lane->owner = (uint16_t)(replica->id + 1);
        lane->turn = 0;
        lane->ntaken = 0;
        lane->head_cache = nr_load(&lane->log->head, acquire);
        nr_store(&lane->ltail, source ? nr_load(&source->lanes[k].ltail, relaxed) : 0, release);
        nr_store(&lane->writer, 0, release);
        nr_store(&lane->lock, NR_HELD, release);
    }
}

/* Releases lanes that may have sleepers or not. */
static void lanes_release(struct nr_replica *replica)
{
    nr_lanes_unlock(replica->lanes, nr_all_logs(replica->nr), NR_MAX_LOGS);
}

static uint32_t base_mode(const struct nr *nr)
{
    bool careful = nr->type->apply_many || nr->config.flags & NR_CHECK;
    return (careful ? NR_MODE_CAREFUL : 0) | (nr->config.flags & NR_PARK ? NR_MODE_PARK : 0);
}

/* ---- The instance's table ---- */

struct nr_replica *nr_replica_find(struct nr *nr, unsigned id)
{
    return id < nr->config.max_replicas ? nr_load(&nr->replicas[id], acquire) : NULL;
}

/* Rule R1: the set of replicas changes only under all collector locks. */
static void publish(struct nr *nr, unsigned id, struct nr_replica *replica)
{
    for (unsigned k = 0; k < nr->config.logs; k++)
        nr_lock(&nr->logs[k].collector);
    nr_store(&nr->replicas[id], replica, release);
    for (unsigned k = 0; k < nr->config.logs; k++)
        nr_unlock(&nr->logs[k].collector);
}

void nr_replica_pass_lanes(struct nr_replica *replica)
{
    uint32_t alone = replica->threads == 1 ? NR_MODE_ALONE : 0;
    for (unsigned k = 0; k < replica->nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        if (!nr_lane_lock(lane))
            continue;
        lane->mode = (lane->mode & ~(uint32_t)NR_MODE_ALONE) | alone;
        nr_lane_unlock(lane);
    }
}

void nr_replica_add_thread(struct nr_replica *replica, struct nr_thread *thread)
{
    uint32_t slot = 0;
    while (nr_load(&replica->slots[slot], relaxed))
        slot++;
    thread->home = replica;
    thread->slot = slot;
    replica->threads++;
    nr_store(&replica->slots[slot], thread, release);
    if (slot >= nr_load(&replica->nslots, relaxed))
        nr_store(&replica->nslots, slot + 1, release);
    nr_replica_pass_lanes(replica);
}

/* Solo begins (the only replica, all its lanes locked and up to date) or ends. */
static void set_solo(struct nr_replica *replica, bool solo)
{
    for (unsigned k = 0; k < replica->nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        lane->mode = solo ? lane->mode | NR_MODE_SOLO : lane->mode & ~(uint32_t)NR_MODE_SOLO;
    }
    nr_store(&replica->nr->solo, solo, release);
}

/* ---- Creation ---- */

enum nr_status nr_replica_new(struct nr *nr, unsigned id, int node)
{
    struct nr_replica *replica = shell_new(nr, node);
    if (!replica)
        return NR_ENOMEM;
    replica->id = id;
    replica->epoch = ++nr->epochs;
    int before = nr_port_affinity(node);
    enum nr_status status = data_new(replica);
    if (status == NR_OK) {
        status = (enum nr_status)nr->type->init(replica->data, nr->config.init_arg);
        if (status != NR_OK)
            data_free(replica);
    }
    (void)nr_port_affinity(before);
    if (status != NR_OK) {
        shell_free(replica);
        return status;
    }
    lanes_start(replica, NULL, base_mode(nr));
    if (nr->config.replicas == 1 && !(nr->config.flags & NR_KEEP_LOG))
        set_solo(replica, true);
    publish(nr, id, replica);
    nr->live++;
    lanes_release(replica);
    return NR_OK;
}

void nr_replica_free(struct nr_replica *replica)
{
    if (replica->data) {
        replica->nr->type->fini(replica->data);
        data_free(replica);
    }
    shell_free(replica);
}

/* ---- Adding ---- */

struct rebuild {
    struct nr_replica *replica;
    void *scratch;
};

static void rebuild_emit(void *ctx, const void *op)
{
    struct rebuild *rebuild = ctx;
    rebuild->replica->nr->type->apply(rebuild->replica->data, op, rebuild->scratch);
}

/* Fills the new replica's structure from the source, whose lanes are locked. */
static enum nr_status copy_structure(struct nr_replica *replica, const struct nr_replica *source)
{
    const struct nr *nr = replica->nr;
    const struct nr_type *type = nr->type;
    int status = NR_ENOTSUP;
    if (type->clone)
        status = type->clone(replica->data, source->data, nr->config.init_arg);
    if (status == NR_ENOTSUP && type->rebuild) {
        struct rebuild rebuild = {replica, replica->lanes[0].scratch};
        status = type->init(replica->data, nr->config.init_arg);
        if (status == NR_OK)
            type->rebuild(source->data, rebuild_emit, &rebuild);
    }
    return (enum nr_status)status;
}

static struct nr_replica *any_live(struct nr *nr)
{
    for (unsigned id = 0; id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_replica_find(nr, id);
        if (replica)
            return replica;
    }
    return NULL;
}

/* Clones `source` into the shell and makes it part of the instance; all locks of the caller held.
 */
static enum nr_status add_frozen(struct nr_replica *replica, struct nr_replica *source)
{
    struct nr *nr = replica->nr;
    enum nr_status status = data_new(replica);
    if (status != NR_OK)
        return status;
    status = copy_structure(replica, source);
    if (status != NR_OK) {
        data_free(replica);
        return status;
    }
    lanes_start(replica, source, base_mode(nr));
    set_solo(source, false);
    publish(nr, replica->id, replica);
    nr->live++;
    return NR_OK;
}

enum nr_status nr_add_replica(struct nr *nr, int node, unsigned *out)
{
    nr_lock(&nr->admin);
    unsigned id = 0;
    while (id < nr->config.max_replicas && nr_replica_find(nr, id))
        id++;
    enum nr_status status = id == nr->config.max_replicas ? NR_ELIMIT : NR_OK;
    struct nr_replica *replica = status == NR_OK ? shell_get(nr, node) : NULL;
    if (status == NR_OK && !replica)
        status = NR_ENOMEM;
    if (status == NR_OK) {
        struct nr_replica *source = any_live(nr);
        replica->id = id;
        replica->epoch = ++nr->epochs;
        nr_lock(&nr->scan_lock);
        /* Under the admin lock the source is not removed, so this cannot fail. */
        (void)nr_lanes_lock(source->lanes, nr_all_logs(nr));
        int before = nr_port_affinity(node);
        status = add_frozen(replica, source);
        (void)nr_port_affinity(before);
        if (status == NR_OK)
            lanes_release(replica);
        else
            shell_put(replica);
        lanes_release(source);
        nr_unlock(&nr->scan_lock);
    }
    if (status == NR_OK)
        *out = id;
    nr_unlock(&nr->admin);
    return status;
}

/* ---- Removing ---- */

/* Executes every scan that was appended before the caller took scan_lock. */
static void run_scans(struct nr_replica *replica)
{
    for (unsigned k = 0; k < replica->nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        uint64_t upto = nr_load(&lane->log->scan_mark, acquire) >> 1;
        while (nr_load(&lane->ltail, acquire) < upto)
            nr_scan_run_next(replica, k);
    }
}

struct nr_replica *nr_replica_least_used(struct nr *nr, const struct nr_replica *except)
{
    struct nr_replica *best = NULL;
    for (unsigned id = 0; id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_replica_find(nr, id);
        if (replica && replica != except && replica->threads < nr->config.max_threads &&
            (!best || replica->threads < best->threads))
            best = replica;
    }
    return best;
}

static unsigned free_slots_elsewhere(struct nr *nr, const struct nr_replica *victim)
{
    unsigned sum = 0;
    for (unsigned id = 0; id < nr->config.max_replicas; id++) {
        struct nr_replica *replica = nr_replica_find(nr, id);
        if (replica && replica != victim)
            sum += nr->config.max_threads - replica->threads;
    }
    return sum;
}

/* Registers the victim's threads elsewhere. Their unanswered operations are collected there from
 * now on; they themselves follow when they find the victim's locks gone. */
static void move_threads(struct nr_replica *victim)
{
    uint32_t slots = nr_load(&victim->nslots, relaxed);
    for (uint32_t i = 0; i < slots; i++) {
        struct nr_thread *thread = nr_load(&victim->slots[i], relaxed);
        if (!thread)
            continue;
        nr_store(&victim->slots[i], NULL, relaxed);
        nr_replica_add_thread(nr_replica_least_used(victim->nr, victim), thread);
    }
    victim->threads = 0;
    nr_store(&victim->nslots, 0, relaxed);
}

/* Takes the victim out: from here on nobody operates on it. */
static void retire(struct nr_replica *victim)
{
    struct nr *nr = victim->nr;
    (void)nr_lanes_lock(victim->lanes, nr_all_logs(nr));
    for (unsigned k = 0; k < nr->config.logs; k++)
        nr_writer_lock(&victim->lanes[k]);
    publish(nr, victim->id, NULL);
    nr->live--;
    move_threads(victim);
    shell_put(victim);
    for (unsigned k = 0; nr->config.flags & NR_PARK && k < nr->config.logs; k++)
        nr_port_wake(&victim->lanes[k].lock);
}

/* Brings the last replica up to date and stops using the log. scan_lock held: no scan is underway.
 */
static void go_solo(struct nr_replica *replica)
{
    struct nr *nr = replica->nr;
    run_scans(replica);
    (void)nr_lanes_lock(replica->lanes, nr_all_logs(nr));
    for (unsigned k = 0; k < nr->config.logs; k++) {
        struct nr_lane *lane = &replica->lanes[k];
        (void)nr_lane_advance(lane, nr_load(&lane->log->tail, acquire));
    }
    set_solo(replica, true);
    lanes_release(replica);
}

enum nr_status nr_remove_replica(struct nr *nr, unsigned id)
{
    nr_lock(&nr->admin);
    struct nr_replica *victim = nr_replica_find(nr, id);
    enum nr_status status = !victim                                              ? NR_EINVAL
                            : nr->live == 1                                      ? NR_EBUSY
                            : free_slots_elsewhere(nr, victim) < victim->threads ? NR_ELIMIT
                                                                                 : NR_OK;
    if (status == NR_OK) {
        nr_lock(&nr->scan_lock);
        run_scans(victim);
        retire(victim);
        nr->type->fini(victim->data);
        data_free(victim);
        if (nr->live == 1 && !(nr->config.flags & NR_KEEP_LOG))
            go_solo(any_live(nr));
        nr_unlock(&nr->scan_lock);
    }
    nr_unlock(&nr->admin);
    return status;
}
