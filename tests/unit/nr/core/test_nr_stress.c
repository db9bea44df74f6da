// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random configurations under random load from real threads, until the time is up.
 *
 * The structure is a ledger of PARTS accounts, one log each modulo the number of logs. A worker
 * numbers its operations from 1, over all accounts; an account knows of every worker how many of
 * its operations it holds and the number of the last. That is enough to tell
 *
 *     lost, doubled, reordered     numbers of a worker do not rise in an account, or in the end
 *                                  there are fewer or more of them than the worker issued
 *     torn snapshots               the operations of a worker in all accounts together are not
 *                                  1, 2, ... n; or scans are in some accounts and not in others
 *     answers to somebody else     an answer repeats the number of the operation
 *     reads that miss completed    every worker notes what its answers and reads have shown; who
 *     operations                   reads later must not see less
 *
 * Environment: NRK_SEED, the first round's seed (it counts up; each round prints its own);
 * NRK_STRESS_SECONDS, how long to go on beginning rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <nr/nr.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explore.h"
#include "rng.h"

enum {
    PARTS = 8,
    MAX_WORKERS = 8,
    DEFAULT_SECONDS = 15,
    MAX_OPS = 50 << 7, /* of a worker in a round: many wraps, and still many rounds */
};

/* ---- The ledger ---- */

struct account {
    _Alignas(64) atomic_flag lock; /* for the concurrent variant; the others have none */
    uint64_t total;                /* operations, scans among them */
    uint64_t scans;
    uint32_t count[MAX_WORKERS]; /* operations of each worker, and the number of its last */
    uint32_t last[MAX_WORKERS];
};

struct ledger {
    struct account part[PARTS];
};

enum kind { ADD, ADD_ALL };

struct entry {
    uint32_t kind; /* enum kind */
    uint32_t part; /* the account; for ADD_ALL the one that counts the operation */
    uint32_t worker, number;
};

struct receipt {
    uint64_t number; /* of the operation; 0: the account had a later one */
    uint64_t total;  /* of the account, after the operation */
};

struct question {
    uint64_t part; /* PARTS: all */
};

/* One account, or the sum of all. */
struct balance {
    uint64_t total, scans;
    uint32_t count[MAX_WORKERS], last[MAX_WORKERS];
    bool torn; /* the accounts have different numbers of scans */
};

static void account_lock(struct account *a)
{
    while (atomic_flag_test_and_set_explicit(&a->lock, memory_order_acquire))
        sched_yield();
}

static void account_unlock(struct account *a)
{
    atomic_flag_clear_explicit(&a->lock, memory_order_release);
}

static struct receipt account_add(struct account *a, const struct entry *e)
{
    bool rises = e->number > a->last[e->worker];
    a->total++;
    a->count[e->worker]++;
    a->last[e->worker] = e->number;
    return (struct receipt){rises ? e->number : 0, a->total};
}

static struct receipt ledger_add(struct ledger *l, const struct entry *e)
{
    struct receipt receipt = account_add(&l->part[e->part], e);
    for (unsigned i = 0; e->kind == ADD_ALL && i < PARTS; i++)
        l->part[i].scans++;
    return receipt;
}

static void balance_add(struct balance *b, const struct account *a)
{
    b->total += a->total;
    b->torn = b->torn || b->scans != a->scans;
    for (unsigned w = 0; w < MAX_WORKERS; w++) {
        b->count[w] += a->count[w];
        b->last[w] = b->last[w] > a->last[w] ? b->last[w] : a->last[w];
    }
}

static struct balance ledger_ask(const struct ledger *l, const struct question *q)
{
    uint64_t from = q->part == PARTS ? 0 : q->part, to = q->part == PARTS ? PARTS : q->part + 1;
    struct balance b = {.scans = l->part[from].scans};
    for (uint64_t i = from; i < to; i++)
        balance_add(&b, &l->part[i]);
    return b;
}

/* ---- As libnr wants it ---- */

static int init(void *data, void *arg)
{
    (void)data;
    (void)arg;
    return NR_OK;
}

static void fini(void *data)
{
    memset(data, 0xdb, sizeof(struct ledger)); /* who still looks at it sees nonsense */
}

static int clone(void *dst, const void *src, void *arg)
{
    (void)arg;
    struct ledger *to = dst, *from = (struct ledger *)(uintptr_t)src;
    for (unsigned i = 0; i < PARTS; i++) {
        /* Readers of a concurrent source take the lock even now. */
        account_lock(&from->part[i]);
        to->part[i].total = from->part[i].total;
        to->part[i].scans = from->part[i].scans;
        memcpy(to->part[i].count, from->part[i].count, sizeof to->part[i].count);
        memcpy(to->part[i].last, from->part[i].last, sizeof to->part[i].last);
        account_unlock(&from->part[i]);
    }
    return NR_OK;
}

static void apply(void *data, const void *op, void *resp)
{
    *(struct receipt *)resp = ledger_add(data, op);
}

static void apply_many(void *data, const void *const ops[], void *const resps[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        apply(data, ops[i], resps[i]);
}

static void ask(const void *data, const void *query, void *resp)
{
    *(struct balance *)resp = ledger_ask(data, query);
}

static void apply_locking(void *data, const void *op, void *resp)
{
    struct ledger *l = data;
    const struct entry *e = op;
    for (unsigned i = 0; i < PARTS; i++) {
        if (e->kind == ADD_ALL || i == e->part)
            account_lock(&l->part[i]);
    }
    apply(data, op, resp);
    for (unsigned i = 0; i < PARTS; i++) {
        if (e->kind == ADD_ALL || i == e->part)
            account_unlock(&l->part[i]);
    }
}

/* Account by account: that nothing changes in between is for libnr to see to. */
static void ask_locking(const void *data, const void *query, void *resp)
{
    struct ledger *l = (struct ledger *)(uintptr_t)data;
    const struct question *q = query;
    uint64_t from = q->part == PARTS ? 0 : q->part, to = q->part == PARTS ? PARTS : q->part + 1;
    struct balance b = {0};
    for (uint64_t i = from; i < to; i++) {
        account_lock(&l->part[i]);
        b.scans = i == from ? l->part[i].scans : b.scans;
        balance_add(&b, &l->part[i]);
        account_unlock(&l->part[i]);
    }
    *(struct balance *)resp = b;
}

static uint64_t logs_of(uint64_t part, unsigned nlogs)
{
    if (part < PARTS)
        return UINT64_C(1) << part % nlogs;
    return nlogs >= PARTS ? (1u << PARTS) - 1 : (UINT64_C(1) << nlogs) - 1;
}

static uint64_t op_logs(const void *op, unsigned nlogs)
{
    const struct entry *e = op;
    return logs_of(e->kind == ADD_ALL ? PARTS : e->part, nlogs);
}

static uint64_t query_logs(const void *query, unsigned nlogs)
{
    return logs_of(((const struct question *)query)->part, nlogs);
}

/* ---- A round ---- */

struct round {
    uint64_t seed;
    struct nr_type type;
    struct nr_config config;
    struct nr *nr;
    unsigned workers, ops;
    bool churn;
    enum { PROMISE_KEPT, PROMISE_BROKEN, NO_PROMISE } stuck;
    _Atomic unsigned running;
    _Atomic uint64_t seen[PARTS]; /* the highest total of an account that anybody was shown */
};

struct worker {
    struct round *round;
    unsigned id;
    pthread_t pthread;
    struct rng rng;
    struct nr_thread *th;
    uint32_t issued, collected, scans; /* numbers of the last operation submitted and answered */
    uint32_t part_of[MAX_OPS + 1];     /* by number */
    uint32_t last[PARTS];              /* own last number in each account */
};

#define require(round, cond) ((cond) ? (void)0 : failed(round, #cond, __LINE__))

_Noreturn static void failed(const struct round *round, const char *cond, int line)
{
    fprintf(stderr, "test_nr_stress.c:%d: not so: %s; replay with NRK_SEED=%" PRIu64 "\n", line,
            cond, round->seed);
    abort();
}

static void note_seen(struct round *round, uint64_t part, uint64_t total)
{
    uint64_t seen = atomic_load(&round->seen[part]);
    while (seen < total && !atomic_compare_exchange_weak(&round->seen[part], &seen, total))
        ;
}

static void check_receipt(struct worker *self, const struct receipt *receipt, uint32_t number)
{
    require(self->round, receipt->number == number);
    note_seen(self->round, self->part_of[number], receipt->total);
}

static struct entry next_entry(struct worker *self)
{
    struct rng *r = &self->rng;
    struct entry e = {.worker = self->id, .number = self->issued + 1};
    e.kind = rng_one_in(r, 12) ? ADD_ALL : ADD;
    e.part = rng_below(r, PARTS);
    return e;
}

static void issued(struct worker *self, const struct entry *e)
{
    self->issued = e->number;
    self->scans += e->kind == ADD_ALL;
    self->part_of[e->number] = e->part;
    self->last[e->part] = e->number;
}

static void execute(struct worker *self)
{
    struct entry e = next_entry(self);
    struct receipt receipt;
    issued(self, &e);
    nr_execute(self->th, &e, &receipt);
    check_receipt(self, &receipt, e.number);
    if (self->collected + 1 == self->issued) /* nothing submitted before: nothing to collect */
        self->collected++;
}

static void collect(struct worker *self, bool wait)
{
    struct receipt receipt;
    enum nr_status status = wait ? nr_collect(self->th, &receipt) : nr_poll(self->th, &receipt);
    if (status == NR_EAGAIN)
        return;
    if (self->collected == self->issued) {
        require(self->round, status == NR_EEMPTY);
        return;
    }
    require(self->round, status == NR_OK);
    check_receipt(self, &receipt, ++self->collected);
}

static void collect_all(struct worker *self)
{
    while (self->collected < self->issued)
        collect(self, true);
}

static void submit(struct worker *self)
{
    struct entry e = next_entry(self);
    enum nr_status status = nr_submit(self->th, &e);
    if (status == NR_OK)
        issued(self, &e);
    else
        require(self->round, status == NR_EAGAIN && self->collected < self->issued);
}

static void read_one(struct worker *self)
{
    struct question q = {rng_below(&self->rng, PARTS)};
    struct balance b;
    uint64_t seen = atomic_load(&self->round->seen[q.part]);
    nr_read(self->th, &q, &b);
    require(self->round, b.total >= seen);
    require(self->round, b.last[self->id] == self->last[q.part]);
    note_seen(self->round, q.part, b.total);
}

static void read_all(struct worker *self)
{
    struct question q = {PARTS};
    struct balance b;
    uint64_t seen = 0;
    for (unsigned i = 0; i < PARTS; i++)
        seen += atomic_load(&self->round->seen[i]);
    nr_read(self->th, &q, &b);
    require(self->round, b.total >= seen);
    require(self->round, !b.torn);
    require(self->round, b.scans >= self->scans);
    require(self->round, b.last[self->id] == self->issued);
    for (unsigned w = 0; w < MAX_WORKERS; w++)
        require(self->round, b.count[w] == b.last[w]);
}

static void come_back(struct worker *self)
{
    struct round *round = self->round;
    unsigned id = rng_below(&self->rng, round->config.max_replicas);
    if (rng_one_in(&self->rng, 2))
        collect_all(self);
    self->collected = self->issued; /* what is not collected is completed and dropped */
    nr_unregister(self->th);
    if (nr_register(round->nr, id, &self->th) != NR_OK)
        require(round, nr_register(round->nr, NR_ANY_REPLICA, &self->th) == NR_OK);
}

static void sync_somebody(struct worker *self)
{
    enum nr_status status =
        nr_sync_replica(self->round->nr, rng_below(&self->rng, self->round->config.max_replicas));
    require(self->round, status == NR_OK || status == NR_EINVAL);
}

static void work_step(struct worker *self, uint32_t asynchronous)
{
    uint32_t dice = rng_below(&self->rng, 100);
    if (dice < 45) {
        if (rng_below(&self->rng, 100) < asynchronous)
            submit(self);
        else if (collect_all(self), true)
            execute(self);
    } else if (dice < 60) {
        collect(self, rng_one_in(&self->rng, 2));
    } else if (dice < 80) {
        read_one(self);
    } else if (dice < 90) {
        read_all(self);
    } else if (dice == 90) {
        come_back(self);
    } else if (dice == 91) {
        sync_somebody(self);
    } else if (dice == 92) {
        nr_sync(self->th);
    } else if (dice == 93) {
        sched_yield();
    } else if (dice == 94) {
        require(self->round, nr_thread_replica(self->th) < self->round->config.max_replicas);
    }
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct round *round = self->round;
    uint32_t asynchronous = rng_one_in(&self->rng, 2) ? 0 : rng_below(&self->rng, 101);
    require(round, nr_register(round->nr, NR_ANY_REPLICA, &self->th) == NR_OK);
    while (self->issued < round->ops)
        work_step(self, asynchronous);
    if (rng_one_in(&self->rng, 2))
        collect_all(self);
    nr_unregister(self->th);
    atomic_fetch_sub(&round->running, 1);
    return NULL;
}

/* ---- Around the workers ---- */

static void check_snapshot(const void *data, void *arg)
{
    struct round *round = arg;
    struct balance b;
    round->type.read(data, &(struct question){PARTS}, &b);
    require(round, !b.torn);
    require(round, b.total <= (uint64_t)round->workers * round->ops);
}

static void administrate(struct round *round, struct rng *r)
{
    struct nr_stats stats;
    unsigned id = rng_below(r, round->config.max_replicas);
    enum nr_status status = NR_OK;
    switch (rng_below(r, round->churn ? 6 : 3)) {
    case 0:
        (void)nr_inspect(round->nr, id, check_snapshot, round);
        break;
    case 1:
        status = nr_replica_stats(round->nr, id, &stats);
        require(round, status == NR_EINVAL ||
                           stats.lag <= (uint64_t)round->config.logs * round->config.log_entries);
        break;
    case 2:
        (void)nr_sync_replica(round->nr, id);
        break;
    case 3:
        status = nr_add_replica(round->nr, NR_ANY_NODE, &id);
        require(round, status == NR_OK || status == NR_ELIMIT);
        break;
    default:
        status = nr_remove_replica(round->nr, id);
        require(round, status == NR_OK || status == NR_EINVAL || status == NR_EBUSY ||
                           status == NR_ELIMIT);
    }
    for (uint32_t i = rng_below(r, 20); i > 0; i--)
        sched_yield();
}

/* Every replica holds all operations exactly once. */
static void check_end(struct round *round, const struct worker *workers)
{
    struct balance b;
    struct nr_stats stats;
    for (unsigned id = 0; id < round->config.max_replicas; id++) {
        if (nr_replica_stats(round->nr, id, &stats) != NR_OK)
            continue;
        struct nr_thread *th;
        uint64_t scans = 0;
        require(round, stats.threads == 0);
        require(round, nr_register(round->nr, id, &th) == NR_OK);
        nr_read(th, &(struct question){PARTS}, &b);
        nr_unregister(th);
        for (unsigned w = 0; w < round->workers; w++) {
            require(round, b.count[w] == round->ops && b.last[w] == round->ops);
            scans += workers[w].scans;
        }
        require(round, !b.torn && b.scans == scans);
    }
}

static void diverged(void *arg, const struct nr_divergence *what)
{
    fprintf(stderr, "replica %u diverged at %" PRIu64 " of log %u\n", what->replica, what->position,
            what->log);
    failed(arg, "replicas agree", __LINE__);
}

static bool stuck(void *arg, unsigned replica, unsigned log)
{
    struct round *round = arg;
    (void)log;
    if (round->stuck == PROMISE_KEPT)
        (void)nr_sync_replica(round->nr, replica);
    return round->stuck != NO_PROMISE;
}

static void draw(struct round *round, struct rng *r)
{
    bool mapped = rng_below(r, 3) > 0, concurrent = mapped && rng_one_in(r, 3);
    round->type =
        (struct nr_type){.name = "ledger",
                         .size = sizeof(struct ledger),
                         .align = _Alignof(struct ledger),
                         .op_size = sizeof(struct entry),
                         .resp_size = sizeof(struct receipt),
                         .init = init,
                         .fini = fini,
                         .clone = clone,
                         .apply = concurrent ? apply_locking : apply,
                         .read = concurrent ? ask_locking : ask,
                         .apply_many = !concurrent && rng_one_in(r, 4) ? apply_many : NULL,
                         .op_logs = mapped ? op_logs : NULL,
                         .query_logs = mapped ? query_logs : NULL,
                         .concurrent = concurrent};
    round->workers = rng_between(r, 2, MAX_WORKERS);
    round->ops = 50u << rng_below(r, 8);
    round->churn = rng_one_in(r, 2);
    round->stuck = rng_below(r, 3);
    struct nr_config *c = &round->config;
    *c = (struct nr_config){.hook_arg = round, .diverged = diverged};
    c->replicas = rng_between(r, 1, 3);
    c->max_replicas = c->replicas + rng_below(r, 3);
    /* The concurrent ledger by itself keeps single accounts in order, not all at once. */
    c->logs = mapped ? rng_between(r, concurrent ? 2 : 1, 10) : 1;
    c->log_entries = 4u << rng_below(r, 6);
    c->max_threads = round->workers + rng_below(r, 2) * MAX_WORKERS;
    c->batch = rng_one_in(r, 3) ? NR_MAX_BATCH : rng_between(r, 1, 16);
    c->flags = rng_one_in(r, 4) ? NR_CHECK : 0;
    c->flags |= rng_one_in(r, 3) ? NR_PARK : 0;
    c->flags |= rng_one_in(r, 4) ? NR_KEEP_LOG : 0;
    c->stuck = rng_one_in(r, 3) ? stuck : NULL;
}

static void print_round(const struct round *round)
{
    const struct nr_config *c = &round->config;
    fprintf(stderr,
            "NRK_SEED=%" PRIu64 ": %s%s, %u workers, %u operations each, %u of %u replicas%s, "
            "%u logs of %u, batch %u, flags %u%s\n",
            round->seed,
            round->type.concurrent ? "concurrent"
            : round->type.op_logs  ? "partitioned"
                                   : "plain",
            round->type.apply_many ? " with apply_many" : "", round->workers, round->ops,
            c->replicas, c->max_replicas, round->churn ? " that come and go" : "", c->logs,
            c->log_entries, c->batch, c->flags, c->stuck ? ", stuck hook" : "");
}

static void run_round(uint64_t seed)
{
    struct round *round = calloc(1, sizeof *round);
    struct worker *workers = calloc(MAX_WORKERS, sizeof *workers);
    struct rng r = rng_seeded(seed);
    assert_non_null(round);
    assert_non_null(workers);
    round->seed = seed;
    draw(round, &r);
    print_round(round);
    assert_int_equal(nr_create(&round->type, &round->config, &round->nr), NR_OK);
    atomic_store(&round->running, round->workers);
    for (unsigned i = 0; i < round->workers; i++) {
        workers[i].round = round;
        workers[i].id = i;
        workers[i].rng = rng_seeded(rng_next(&r));
        assert_int_equal(pthread_create(&workers[i].pthread, NULL, worker_main, &workers[i]), 0);
    }
    while (atomic_load(&round->running))
        administrate(round, &r);
    for (unsigned i = 0; i < round->workers; i++)
        pthread_join(workers[i].pthread, NULL);
    check_end(round, workers);
    assert_int_equal(nr_destroy(round->nr), NR_OK);
    free(workers);
    free(round);
}

static void random_configurations_survive_random_load(void **state)
{
    (void)state;
    uint64_t seed = explore_env("NRK_SEED", 1);
    time_t end = time(NULL) + (time_t)explore_env("NRK_STRESS_SECONDS", DEFAULT_SECONDS);
    do
        run_round(seed++);
    while (time(NULL) < end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_configurations_survive_random_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
