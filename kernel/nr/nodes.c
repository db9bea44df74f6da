// SPDX-License-Identifier: BSD-2-Clause
//
// Replicas, nodes and cores
//
// 1. Who is where. An object starts with one replica, on the node of the core that creates it, and
//    gets one more with the first core of each other node: those online at its creation, the others
//    in nodes_core_online(). So a node whose cores never start has no replica that would hold the
//    logs back, and on a machine with one node libnr works without any log. `lock` makes the
//    set of objects, the set of online cores and their product, the tokens, change together.
//
// 2. Interrupts. A core is in libnr with interrupts off only. So an interrupt handler that runs has
//    interrupted nobody who holds a lock of libnr, and may advance replicas; that is finite, as it
//    goes to what was completed when it began.
//
// 3. Lagging replicas. An idle node applies nothing, and the log fills. Appenders then call
// stuck():
//    it picks an `open` core of that node, one that is about to wait or waits with interrupts on,
//    marks it `asked` and interrupts it. Asking again while the mark stands sends no further
//    interrupt. `open` is set before the core advances its replicas the last time and waits, so
//    either it sees what was appended before, or the interrupt comes, at the latest when it
//    enables them: none is lost. A node without an open core works, or will for long not look at
//    interrupts; then, and when the asked core does not come, the appender itself advances the
//    replica, with its own allocations on that node (nr_port_affinity). Nothing depends on the
//    interrupt but where the work is done.
//
// 4. Going away. Idle cores look at all objects while one is destroyed. A core says in `looking_at`
//    which object it is about to use, then checks that it is still there (seq_cst on both sides);
//    nodes_destroy() takes the object away and waits until no core looks at it.

#define LOG_SUBSYS "nodes"

#include <kernel/nodes.h>

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/percore.h>
#include <kernel/spinlock.h>
#include <kernel/topology.h>
#include <stdatomic.h>

#define NO_NODE    UINT32_MAX
#define NO_REPLICA UINT32_MAX

struct node_object {
    struct nr *nr;
    unsigned index;                         /* in objects[] and tokens[] */
    _Atomic uint32_t replica_of[MAX_NODES]; /* or NO_REPLICA; written under lock */
    _Atomic node_id_t node_of[MAX_NODES];   /* of a replica, or NO_NODE; the inverse */
};

static struct spinlock lock;
static _Atomic(struct node_object *) objects[NODES_MAX_OBJECTS]; /* [global:lock] to write */
static bool online[MAX_CORES];                                   /* [global:lock] */

/* [core], written by others under lock only before the core can know of the object. */
static PERCORE(struct nr_thread *, tokens[NODES_MAX_OBJECTS]);
static PERCORE(_Atomic(struct node_object *), looking_at);
static PERCORE(_Atomic bool, open);
static PERCORE(_Atomic bool, asked);
static PERCORE(_Atomic uint64_t, n_asked);  /* by this core */
static PERCORE(_Atomic uint64_t, n_served); /* by this core */

static node_id_t own_node(void)
{
    return topology->cores[arch_core_id()].node;
}

static kerr_t to_kerr(enum nr_status status)
{
    switch (status) {
    case NR_OK:
        return KERR_OK;
    case NR_ENOMEM:
        return KERR_NO_MEMORY;
    case NR_ELIMIT:
        return KERR_NO_SPACE;
    case NR_ENOTSUP:
        return KERR_NOT_SUPPORTED;
    default:
        return KERR_INVALID;
    }
}

/* --- Advancing --- */

static void advance(const struct node_object *object, node_id_t node)
{
    uint32_t replica = atomic_load_explicit(&object->replica_of[node], memory_order_acquire);
    if (replica != NO_REPLICA)
        (void)nr_sync_replica(object->nr, replica); /* it is never removed */
}

/* Bring this node's replicas of all objects up to date. */
static void advance_all(void)
{
    _Atomic(struct node_object *) *looking = percore(looking_at);
    for (unsigned i = 0; i < NODES_MAX_OBJECTS; i++) {
        struct node_object *object = atomic_load(&objects[i]);
        if (!object)
            continue;
        atomic_store(looking, object);
        if (atomic_load(&objects[i]) == object)
            advance(object, own_node());
    }
    atomic_store(looking, NULL);
}

static void count(_Atomic uint64_t *counter)
{
    /* relaxed: only the core itself writes it. */
    uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

/* True: @core waits with interrupts on, or has been asked and has not come yet. */
static bool ask(core_id_t core)
{
    if (!atomic_load(percore_of(core, open)))
        return false;
    if (!atomic_exchange(percore_of(core, asked), true)) {
        count(percore(n_asked));
        arch_interrupt(core);
    }
    return true;
}

/* The hook of libnr: interrupt a core of the node that @replica is for. */
static bool stuck(void *arg, unsigned replica, unsigned log)
{
    const struct node_object *object = arg;
    (void)log;
    node_id_t node = atomic_load_explicit(&object->node_of[replica], memory_order_acquire);
    if (node == NO_NODE)
        return false;
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        if (topology->cores[core].node == node && arch_core_online(core) && ask(core))
            return true;
    }
    return false;
}

void nodes_serve(void)
{
    if (!atomic_exchange(percore(asked), false))
        return;
    advance_all();
    count(percore(n_served));
}

void nodes_idle(void)
{
    atomic_store(percore(open), true);
    advance_all();
    arch_idle();
    atomic_store(percore(open), false);
}

void nodes_read_stats(struct nodes_stats *stats)
{
    *stats = (struct nodes_stats){0};
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        if (!arch_core_online(core))
            continue;
        stats->asked += atomic_load(percore_of(core, n_asked));
        stats->served += atomic_load(percore_of(core, n_served));
    }
}

/* --- Replicas and tokens; lock held --- */

static void note_replica(struct node_object *object, node_id_t node, unsigned replica)
{
    atomic_store_explicit(&object->node_of[replica], node, memory_order_release);
    atomic_store_explicit(&object->replica_of[node], replica, memory_order_release);
}

/* The replica for a core of @node; if there is no memory for one there, any. */
static unsigned find_replica(struct node_object *object, node_id_t node)
{
    unsigned replica = atomic_load_explicit(&object->replica_of[node], memory_order_relaxed);
    if (replica != NO_REPLICA)
        return replica;
    enum nr_status status = nr_add_replica(object->nr, (int)node, &replica);
    if (status != NR_OK) {
        log_warn("no replica on node %u: %s", node, nr_status_text(status));
        return NR_ANY_REPLICA;
    }
    note_replica(object, node, replica);
    return replica;
}

static kerr_t add_token(struct node_object *object, core_id_t core)
{
    unsigned replica = find_replica(object, topology->cores[core].node);
    return to_kerr(nr_register(object->nr, replica, &(*percore_of(core, tokens))[object->index]));
}

static void drop_token(const struct node_object *object, core_id_t core)
{
    struct nr_thread **token = &(*percore_of(core, tokens))[object->index];
    if (*token)
        nr_unregister(*token);
    *token = NULL;
}

static kerr_t add_tokens(struct node_object *object)
{
    kerr_t err = KERR_OK;
    for (core_id_t core = 0; !err && core < topology->n_cores; core++) {
        if (online[core])
            err = add_token(object, core);
    }
    return err;
}

static void drop_tokens(const struct node_object *object)
{
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        if (online[core])
            drop_token(object, core);
    }
}

static kerr_t find_index(unsigned *index)
{
    for (*index = 0; *index < NODES_MAX_OBJECTS; ++*index) {
        if (!atomic_load(&objects[*index]))
            return KERR_OK;
    }
    return KERR_NO_SPACE;
}

/* --- Objects --- */

static kerr_t create_instance(struct node_object *object, const struct nr_type *type,
                              const struct nodes_config *config)
{
    const int node = (int)own_node();
    struct nr_config nr_config = {
        .replicas = 1,
        .max_replicas = topology->n_nodes,
        .nodes = &node,
        .logs = config->logs,
        .log_entries = config->log_entries,
        .max_threads = topology->n_cores,
        .flags = KERNEL_CHECKED ? NR_CHECK : 0,
        .init_arg = config->init_arg,
        .hook_arg = object,
        .stuck = stuck,
    };
    for (unsigned i = 0; i < MAX_NODES; i++) {
        atomic_init(&object->replica_of[i], NO_REPLICA);
        atomic_init(&object->node_of[i], NO_NODE);
    }
    kerr_t err = to_kerr(nr_create(type, &nr_config, &object->nr));
    if (!err)
        note_replica(object, (node_id_t)node, 0);
    return err;
}

static void destroy_instance(struct node_object *object)
{
    enum nr_status status = nr_destroy(object->nr);
    if (status != NR_OK)
        panic("nodes: object %u destroyed while in use", object->index);
}

/* Make @object known; lock held. */
static kerr_t publish(struct node_object *object)
{
    kerr_t err = find_index(&object->index);
    if (err)
        return err;
    err = add_tokens(object);
    if (err)
        drop_tokens(object);
    else
        atomic_store(&objects[object->index], object);
    return err;
}

kerr_t nodes_create(const struct nr_type *type, const struct nodes_config *config,
                    struct node_object **out)
{
    struct node_object *object =
        slab_alloc(kernel_slab, sizeof(*object), _Alignof(struct node_object));
    if (!object)
        return KERR_NO_MEMORY;
    kerr_t err = create_instance(object, type, config);
    if (err)
        goto out_object;
    bool irqs = spin_lock(&lock);
    err = publish(object);
    if (err)
        destroy_instance(object);
    spin_unlock(&lock, irqs);
    if (err)
        goto out_object;
    *out = object;
    return KERR_OK;

out_object:
    slab_free(kernel_slab, object, sizeof(*object));
    return err;
}

void nodes_destroy(struct node_object *object)
{
    bool irqs = spin_lock(&lock);
    atomic_store(&objects[object->index], NULL);
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        while (online[core] && atomic_load(percore_of(core, looking_at)) == object)
            arch_relax();
    }
    drop_tokens(object);
    destroy_instance(object);
    spin_unlock(&lock, irqs);
    slab_free(kernel_slab, object, sizeof(*object));
}

struct nr_thread *nodes_thread(const struct node_object *object)
{
    assert(!arch_irqs_on());
    return (*percore(tokens))[object->index];
}

struct nr *nodes_nr(const struct node_object *object)
{
    return object->nr;
}

kerr_t nodes_replica(const struct node_object *object, node_id_t node, unsigned *replica)
{
    uint32_t found = NO_REPLICA;
    if (node < MAX_NODES)
        found = atomic_load_explicit(&object->replica_of[node], memory_order_acquire);
    if (found == NO_REPLICA)
        return KERR_NOT_FOUND;
    *replica = found;
    return KERR_OK;
}

/* Tokens of all objects for this core, or none; lock held. */
static kerr_t join_all(core_id_t core)
{
    for (unsigned i = 0; i < NODES_MAX_OBJECTS; i++) {
        struct node_object *object = atomic_load(&objects[i]);
        kerr_t err = object ? add_token(object, core) : KERR_OK;
        if (!err)
            continue;
        while (i-- > 0) {
            object = atomic_load(&objects[i]);
            if (object)
                drop_token(object, core);
        }
        return err;
    }
    return KERR_OK;
}

kerr_t nodes_core_online(void)
{
    core_id_t core = arch_core_id();
    bool irqs = spin_lock(&lock);
    kerr_t err = join_all(core);
    online[core] = !err;
    spin_unlock(&lock, irqs);
    return err;
}
