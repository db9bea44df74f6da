// SPDX-License-Identifier: BSD-2-Clause
//
// Node-replicated objects on several cores and nodes: what cores agree on, and who advances the
// replicas of nodes that do nothing.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <kernel/arch.h>
#include <kernel/core_table.h>
#include <kernel/inject.h>
#include <kernel/log.h>
#include <kernel/main.h>
#include <kernel/memory.h>
#include <kernel/nodes.h>
#include <kernel/panic.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* --- A replicated counter --- */

struct counter {
    uint64_t value;
    uint64_t n_adds;
};

/* The answer shows the order: it is the state after the operation. */
static struct counter counter_apply(struct counter *c, const uint64_t *amount)
{
    c->value += *amount;
    c->n_adds++;
    return *c;
}

static struct counter counter_read(const struct counter *c, const char *query)
{
    (void)query;
    return *c;
}

NR_PLAIN(counter, struct counter)
NR_DEFINE(counter, struct counter, uint64_t, struct counter, char, struct counter);

/* So few that any node that pauses is noticed: appenders wait for the slowest replica. */
#define TINY_LOG 16

static struct node_object *object;

static void create_counter(void)
{
    const struct nodes_config config = {.log_entries = TINY_LOG};
    kerr_t err = nodes_create(&counter_type, &config, &object);
    assert(!err);
}

static struct counter add(uint64_t amount)
{
    return counter_execute((struct counter_thread *)nodes_thread(object), &amount);
}

static struct counter look(void)
{
    return counter_query((struct counter_thread *)nodes_thread(object), "");
}

/* --- Jobs on cores --- */

static void (*work)(void);
static _Atomic unsigned n_running;

static void run_work(void)
{
    work();
    atomic_fetch_sub(&n_running, 1);
    arch_wake(0);
}

/* Start @fn on all cores from 1 on whose node is not @except. */
static void start_on_others(node_id_t except, void (*fn)(void))
{
    work = fn;
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        if (topology->cores[core].node == except)
            continue;
        atomic_fetch_add(&n_running, 1);
        while (kernel_run_on(core, run_work) == KERR_BUSY)
            arch_relax();
    }
}

/* As an idle core: it can be asked to advance replicas. */
static void idle_until_done(void)
{
    while (atomic_load(&n_running))
        nodes_idle();
}

static void run_on_all(void (*fn)(void))
{
    start_on_others(UINT32_MAX, fn);
    fn();
    idle_until_done();
}

/* --- Every core uses the log --- */

static void check_table(void)
{
    uint64_t generations = 0;
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        struct core_entry entry;
        kerr_t err = core_table_lookup(core, &entry);
        assert(!err && entry.state == CORE_ONLINE && entry.node == topology->cores[core].node);
        assert(entry.generation >= 1 && entry.generation <= topology->n_cores);
        generations += entry.generation;
    }
    /* Each once. */
    assert(generations == (uint64_t)topology->n_cores * (topology->n_cores + 1) / 2);
    assert(core_table_count() == topology->n_cores);
    for (node_id_t node = 0; node < topology->n_nodes; node++)
        assert(core_table_count_on(node) == topology->n_cores / topology->n_nodes);
}

static _Atomic core_id_t turn;

/* In the order of the cores, each takes itself out of the table and puts itself in again. */
static void leave_and_join(void)
{
    core_id_t self = arch_core_id();
    while (atomic_load(&turn) != self)
        arch_relax();
    struct core_entry entry;
    kerr_t err = core_table_offline(self);
    assert(!err && core_table_count() == topology->n_cores - 1);
    err = core_table_lookup(self, &entry);
    assert(!err && entry.state == CORE_OFFLINE);
    assert(core_table_offline(self) == KERR_NOT_FOUND);
    err = core_table_online(topology->cores[self].node);
    assert(!err && core_table_online(entry.node) == KERR_EXISTS);
    if (self)
        log_info("Hello from the other side");
    atomic_store(&turn, self + 1);
}

void test_nr_log(void)
{
    struct nr_stats stats;
    run_on_all(check_table);
    run_on_all(leave_and_join);
    assert(core_table_count() == topology->n_cores);
    for (node_id_t node = 0; node < topology->n_nodes; node++) {
        unsigned replica;
        kerr_t err = nodes_replica(core_table_object(), node, &replica);
        assert(!err);
        enum nr_status status = nr_replica_stats(nodes_nr(core_table_object()), replica, &stats);
        /* Through the log: others' operations came to each node. */
        assert(status == NR_OK && stats.replayed && stats.threads);
    }
    log_info("Core has started");
}

/* --- Stress --- */

#define ROUNDS 6
#define ADDS   150

static PERCORE(uint64_t, sum);
static PERCORE(uint64_t, n_adds);
static PERCORE(uint64_t, random_state);

/* xorshift64 */
static uint64_t draw(void)
{
    uint64_t x = *percore(random_state);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *percore(random_state) = x;
}

static void add_and_read(void)
{
    struct counter last = look();
    for (unsigned i = 0; i < ADDS; i++) {
        uint64_t amount = draw() % 1000;
        struct counter now = add(amount);
        assert(now.n_adds > last.n_adds && now.value >= last.value + amount);
        last = now;
        *percore(sum) += amount;
        ++*percore(n_adds);
        for (unsigned reads = draw() % 4; reads; reads--) {
            now = look();
            assert(now.n_adds >= last.n_adds && now.value >= last.value);
            last = now;
        }
    }
}

static void check_sums(void)
{
    struct counter expected = {0}, found = look();
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        expected.value += *percore_of(core, sum);
        expected.n_adds += *percore_of(core, n_adds);
    }
    assert(found.value == expected.value && found.n_adds == expected.n_adds);
}

static void check_replica(const void *data, void *expected)
{
    const struct counter *found = data, *e = expected;
    assert(found->value == e->value && found->n_adds == e->n_adds);
}

/* The structures themselves, read by nobody's token. */
static void check_replicas(void)
{
    struct counter expected = look();
    for (node_id_t node = 0; node < topology->n_nodes; node++) {
        unsigned replica;
        kerr_t err = nodes_replica(object, node, &replica);
        assert(!err);
        enum nr_status status = nr_sync_replica(nodes_nr(object), replica);
        assert(status == NR_OK);
        status = nr_inspect(nodes_nr(object), replica, check_replica, &expected);
        assert(status == NR_OK);
    }
}

/* Every interrupt is answered: none is lost. Waits for it, and takes one that came to this core
 * when it was about to stop being idle. */
static uint64_t served_in_the_end(void)
{
    struct nodes_stats stats;
    do {
        arch_irq_restore(true);
        arch_relax();
        arch_irq_save();
        nodes_read_stats(&stats);
    } while (stats.served != stats.asked);
    return stats.served;
}

/* One round: everybody, but for the cores of node @idle (there is none from n_nodes on). */
static void run_round(node_id_t idle)
{
    uint64_t before = served_in_the_end();
    start_on_others(idle, add_and_read);
    if (topology->cores[0].node != idle)
        add_and_read();
    idle_until_done();
    uint64_t asked = served_in_the_end() - before;
    log_info("node %u idle: asked %lu times to catch up", idle, asked);
    assert(idle >= topology->n_nodes || asked > 0);
    check_sums();
    check_replicas();
}

void test_nr_stress(void)
{
    uint64_t seed = ktest_seed ? ktest_seed : arch_wall_ns();
    log_info("seed=%lu", seed);
    for (core_id_t core = 0; core < topology->n_cores; core++)
        *percore_of(core, random_state) = (seed + core * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    create_counter();
    for (node_id_t round = 0; round < ROUNDS; round++)
        run_round(round);
    run_on_all(check_sums);
    nodes_destroy(object);
}

/* --- Nodes that do nothing --- */

#define MANY (64 * TINY_LOG)

static void expect_many(void)
{
    assert(look().n_adds == MANY);
}

static uint64_t times_helped(node_id_t node)
{
    struct nr_stats stats;
    unsigned replica;
    kerr_t err = nodes_replica(object, node, &replica);
    assert(!err);
    enum nr_status status = nr_replica_stats(nodes_nr(object), replica, &stats);
    assert(status == NR_OK);
    return stats.helped;
}

/* Only the boot core works. The cores of the other nodes wait, and are asked. */
void test_nr_idle_node(void)
{
    create_counter();
    for (unsigned i = 0; i < MANY; i++)
        add(1);
    assert(served_in_the_end() > 0);
    run_on_all(expect_many);
    nodes_destroy(object);
}

static _Atomic bool deaf_end;
static _Atomic unsigned n_deaf;

static void be_deaf(void)
{
    atomic_fetch_add(&n_deaf, 1);
    while (!atomic_load(&deaf_end))
        arch_relax();
}

/* Those cores do other things, with interrupts off: the one that waits does their work. */
void test_nr_deaf_node(void)
{
    create_counter();
    start_on_others(topology->cores[0].node, be_deaf);
    while (atomic_load(&n_deaf) != atomic_load(&n_running))
        arch_relax();
    uint64_t before = served_in_the_end();
    for (unsigned i = 0; i < MANY; i++)
        add(1);
    assert(served_in_the_end() == before && times_helped(1) > 0);
    atomic_store(&deaf_end, true);
    idle_until_done();
    run_on_all(expect_many);
    nodes_destroy(object);
}

/* --- Objects come and go --- */

#define GENERATIONS 20

static void use_new(void)
{
    assert(add(1).n_adds <= topology->n_cores);
}

/* Let each allocation of a creation fail in turn. Without memory for a replica its cores use
 * another one, so most creations succeed; those that do not leave nothing behind. */
static void create_without_memory(void)
{
    const struct nodes_config config = {.log_entries = TINY_LOG};
    bool failed = false;
    for (uint64_t n = 1;; n++) {
        inject_arm(n, false);
        kerr_t err = nodes_create(&counter_type, &config, &object);
        bool fired = inject_fired();
        inject_arm(0, false);
        failed |= err != KERR_OK;
        assert(!err || err == KERR_NO_MEMORY);
        if (!err) {
            run_on_all(use_new);
            assert(look().n_adds == topology->n_cores);
            nodes_destroy(object);
        }
        if (!fired)
            break;
    }
    assert(failed || !KERNEL_CHECKED);
}

/* While idle cores look at all objects, these are made and destroyed; nothing may be left. */
void test_nr_objects(void)
{
    struct slab_stats before, after;
    create_without_memory();
    slab_stats(kernel_slab, &before);
    create_without_memory();
    for (unsigned i = 0; i < GENERATIONS; i++) {
        create_counter();
        run_on_all(use_new);
        assert(look().n_adds == topology->n_cores);
        nodes_destroy(object);
    }
    slab_stats(kernel_slab, &after);
    assert(after.objects == before.objects && after.large_frames == before.large_frames);
}
