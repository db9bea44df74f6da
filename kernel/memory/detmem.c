// SPDX-License-Identifier: BSD-2-Clause
//
// The deterministic allocator
//
// 1. The problem. Replicas apply an operation at different times. If apply allocated as everybody
//    does, one replica could find memory and another one not, and they would differ from then on.
//    So memory is found *before* the operation enters the log, on the nodes of all replicas, or the
//    operation fails there, having changed nothing.
//
// 2. Accounts, not parcels. A reservation does not set certain objects aside, it is a number: apply
//    is deterministic, so it takes and gives back the same number of objects on each replica, and
//    it suffices that the pool of each replica always has as many objects as were promised. For
//    each kind:
//
//        added     objects ever put into each pool from the heap              [detmem.lock]
//        spent     objects ever promised, and not cancelled                   [detmem.lock]
//        trim      objects ever to be taken out of each pool, part of spent   [detmem.lock]
//        returned  per pool: leftovers and frees of operations applied there  [owner of the pool]
//
//    Invariant: spent <= added + returned(r) for each replica r. It follows that a pool never lacks
//    a promised object. Let D, L, F be the sums of demands, leftovers and frees over the operations
//    applied at r, and t the objects that r has trimmed. The pool has added - (D - L) + F - t
//    objects, still owed are spent - D - t, and the difference is
//    added + (L + F) - spent = added + returned(r) - spent >= 0.
//
//    A slow replica has returned less than others: what can be promised is what the slowest has.
//
// 3. Wallets. Promises are made in batches: each core has a wallet of objects of each kind that are
//    spent in the account but in no operation yet. As a rule a reservation touches the core's own
//    wallet only.
//
// 4. Who may do what. Reserving happens on any core: under the wallet's lock, and on a shortage
//    under the lock of the accounts. No lock is held while memory is allocated. A pool belongs to
//    whoever applies operations to its replica; only its inbox, where new objects arrive, is
//    shared: a stack onto which reserving cores push and from which the owner takes all. New
//    objects arrive before their promise is in the log, so the owner finds them.
//
// 5. A new replica is a copy of a source at a position of the log. It has applied what the source
//    has, so it needs what the source has: as many objects, and the same `returned` and `trimmed`.
//
// The book of nrk lets the first replica that comes to an allocation allocate for all, and queues
// the results for the others. Here failure is known before the log, no queue can overflow, and
// memory that a fast replica has freed need not wait in a queue for each slower one.

#include <kernel/detmem.h>

#include <base/list.h>
#include <kernel/arch.h>
#include <kernel/panic.h>
#include <kernel/spinlock.h>
#include <stdatomic.h>

/* A pool keeps up to so many bytes of each kind that nothing is promised of; and so much do cores
 * promise themselves at once. The first trades memory for calls of the heap, the second contention
 * on the accounts. */
#define KEEP_BYTES   16384
#define WALLET_BYTES 2048

/* Objects that one operation takes out of its pool for the heap at most, to keep it short. */
#define TRIM_AT_ONCE 32

struct object {
    struct object *next;
};

/* Objects that are not yet where they belong. */
struct bundle {
    struct object *first[DETMEM_KINDS];
};

struct wallet { /* [global: lock] */
    _Alignas(64) struct spinlock lock;
    uint32_t count[DETMEM_KINDS];
};

struct detmem_pool {       /* [replica] */
    struct detmem *detmem; /* [const] */
    struct allocator allocator;
    node_id_t node; /* [const] */
    bool active;    /* between begin and end */
    struct detmem_demand left;
    struct object *free[DETMEM_KINDS];
    uint64_t n_free[DETMEM_KINDS]; /* objects in `free` */
    uint64_t trimmed[DETMEM_KINDS];
    uint64_t looked[DETMEM_KINDS]; /* `returned` when the accounts were last checked for excess */
    _Atomic uint64_t returned[DETMEM_KINDS]; /* the replica writes, others read */
    _Atomic uint64_t overruns;
    _Alignas(64) _Atomic(struct object *) inbox[DETMEM_KINDS]; /* [global] */
};

struct detmem {
    struct slab *slab;                      /* [const] */
    unsigned n_kinds;                       /* [const] */
    unsigned n_cores;                       /* [const] */
    struct detmem_kind kinds[DETMEM_KINDS]; /* [const] */
    struct wallet *wallets;                 /* [const] the array */
    struct spinlock lock;
    uint64_t generation; /* [global: lock], and so on: changes with `pools` */
    unsigned n_pools;
    struct detmem_pool *pools[DETMEM_REPLICAS];
    uint64_t added[DETMEM_KINDS];
    uint64_t spent[DETMEM_KINDS];
    _Atomic uint64_t trim[DETMEM_KINDS]; /* replicas read it without the lock */
};

/* --- The heap --- */

static void heap_free(struct detmem *dm, unsigned kind, struct object *object)
{
    slab_free(dm->slab, object, dm->kinds[kind].size);
}

static void free_bundle(struct detmem *dm, struct bundle *bundle)
{
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        while (bundle->first[kind]) {
            struct object *object = bundle->first[kind];
            bundle->first[kind] = object->next;
            heap_free(dm, kind, object);
        }
    }
}

/* Fills a bundle with count[] objects from a node; false: no memory, and the bundle is empty. */
static bool alloc_bundle(struct detmem *dm, node_id_t node, const uint64_t *count,
                         struct bundle *bundle)
{
    *bundle = (struct bundle){0};
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        for (uint64_t n = 0; n < count[kind]; n++) {
            struct object *object =
                slab_alloc_on(dm->slab, node, dm->kinds[kind].size, dm->kinds[kind].align);
            if (!object) {
                free_bundle(dm, bundle);
                return false;
            }
            object->next = bundle->first[kind];
            bundle->first[kind] = object;
        }
    }
    return true;
}

/* Puts a bundle into the inbox of a pool. */
static void deliver(struct detmem *dm, struct detmem_pool *pool, const struct bundle *bundle)
{
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        struct object *first = bundle->first[kind];
        if (!first)
            continue;
        struct object *last = first;
        while (last->next)
            last = last->next;
        last->next = atomic_load_explicit(&pool->inbox[kind], memory_order_relaxed);
        /* release: the links before the objects. */
        while (!atomic_compare_exchange_weak_explicit(&pool->inbox[kind], &last->next, first,
                                                      memory_order_release, memory_order_relaxed))
            ;
    }
}

/* --- Accounts; the callers hold the lock --- */

/* Objects that each replica has beyond all promises. */
static uint64_t available(const struct detmem *dm, unsigned kind)
{
    uint64_t least = UINT64_MAX;
    if (dm->n_pools == 0)
        return UINT64_MAX;
    for (unsigned i = 0; i < dm->n_pools; i++) {
        /* acquire: pairs with the release in give_back(). */
        uint64_t n = atomic_load_explicit(&dm->pools[i]->returned[kind], memory_order_acquire);
        least = min(least, n);
    }
    return dm->added[kind] + least - dm->spent[kind];
}

static uint64_t keep_most(const struct detmem *dm, unsigned kind)
{
    return max(KEEP_BYTES / dm->kinds[kind].size, (size_t)4);
}

/* Orders what is available beyond `keep` out of the pools. */
static void order_trim(struct detmem *dm, unsigned kind, uint64_t keep)
{
    uint64_t n = available(dm, kind);
    if (n <= keep || dm->n_pools == 0)
        return;
    dm->spent[kind] += n - keep;
    /* release: nothing to publish but the number; replicas that see it late trim late. */
    atomic_fetch_add_explicit(&dm->trim[kind], n - keep, memory_order_release);
}

/* --- Reserving --- */

static struct wallet *this_wallet(struct detmem *dm)
{
    return &dm->wallets[arch_core_id() % dm->n_cores];
}

/* Pays from the wallet if that has enough of each kind; if not, tells how much it has. */
static bool wallet_pay(struct wallet *wallet, const struct detmem_demand *demand, uint64_t *count)
{
    bool enough = true;
    bool irqs = spin_lock(&wallet->lock);
    for (unsigned kind = 0; kind < DETMEM_KINDS; kind++)
        enough &= (count[kind] = wallet->count[kind]) >= demand->count[kind];
    for (unsigned kind = 0; enough && kind < DETMEM_KINDS; kind++)
        wallet->count[kind] -= demand->count[kind];
    spin_unlock(&wallet->lock, irqs);
    return enough;
}

/* What must be added to each pool so that `want` can be promised; all zero: nothing. */
static bool compute_shortage(const struct detmem *dm, const uint64_t *want, uint64_t *shortage)
{
    bool any = false;
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        uint64_t have = available(dm, kind);
        shortage[kind] = want[kind] > have ? want[kind] - have : 0;
        any |= shortage[kind] > 0;
    }
    return any;
}

static void spend(struct detmem *dm, const uint64_t *want)
{
    for (unsigned kind = 0; kind < dm->n_kinds; kind++)
        dm->spent[kind] += want[kind];
}

/* The pools at some time, so that memory for them can be allocated without the lock. */
struct members {
    uint64_t generation;
    unsigned n;
    node_id_t nodes[DETMEM_REPLICAS];
};

/* Promises `want` if the pools have it. If not: tells what is missing, for which pools. */
static bool try_spend(struct detmem *dm, const uint64_t *want, uint64_t *shortage,
                      struct members *members)
{
    bool irqs = spin_lock(&dm->lock);
    bool enough = !compute_shortage(dm, want, shortage);
    if (enough)
        spend(dm, want);
    members->generation = dm->generation;
    members->n = dm->n_pools;
    for (unsigned i = 0; i < dm->n_pools; i++)
        members->nodes[i] = dm->pools[i]->node;
    spin_unlock(&dm->lock, irqs);
    return enough;
}

/* Puts a bundle into each pool; false: the pools are not those any more. */
static bool deliver_all(struct detmem *dm, const struct members *members, const uint64_t *shortage,
                        const struct bundle *bundles)
{
    bool irqs = spin_lock(&dm->lock);
    bool same = dm->generation == members->generation;
    for (unsigned i = 0; same && i < members->n; i++)
        deliver(dm, dm->pools[i], &bundles[i]);
    for (unsigned kind = 0; same && kind < dm->n_kinds; kind++)
        dm->added[kind] += shortage[kind];
    spin_unlock(&dm->lock, irqs);
    return same;
}

/* Adds to each pool what is missing there; false: no memory for one of them, so for none. */
static bool grow(struct detmem *dm, const struct members *members, const uint64_t *shortage)
{
    struct bundle bundles[DETMEM_REPLICAS];
    unsigned n = 0;
    while (n < members->n && alloc_bundle(dm, members->nodes[n], shortage, &bundles[n]))
        n++;
    bool complete = n == members->n;
    if (complete && deliver_all(dm, members, shortage, bundles))
        return true;
    while (n > 0)
        free_bundle(dm, &bundles[--n]);
    return complete; /* if the pools have changed: try again */
}

/* Promises `want`, growing the pools if they must. */
static bool promise(struct detmem *dm, const uint64_t *want)
{
    uint64_t shortage[DETMEM_KINDS];
    struct members members;
    while (!try_spend(dm, want, shortage, &members)) {
        if (!grow(dm, &members, shortage))
            return false;
    }
    return true;
}

/* Returns promises of which no operation knows. */
static void unspend(struct detmem *dm, const uint64_t *count)
{
    bool irqs = spin_lock(&dm->lock);
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        dm->spent[kind] -= count[kind];
        order_trim(dm, kind, keep_most(dm, kind));
    }
    spin_unlock(&dm->lock, irqs);
}

static void empty_wallets(struct detmem *dm)
{
    for (unsigned i = 0; i < dm->n_cores; i++) {
        struct wallet *wallet = &dm->wallets[i];
        uint64_t count[DETMEM_KINDS];
        bool irqs = spin_lock(&wallet->lock);
        for (unsigned kind = 0; kind < DETMEM_KINDS; kind++) {
            count[kind] = wallet->count[kind];
            wallet->count[kind] = 0;
        }
        spin_unlock(&wallet->lock, irqs);
        unspend(dm, count);
    }
}

static uint32_t batch_of(const struct detmem *dm, unsigned kind)
{
    return (uint32_t)max(WALLET_BYTES / dm->kinds[kind].size, (size_t)1);
}

kerr_t detmem_reserve(struct detmem *dm, const struct detmem_demand *demand)
{
    struct wallet *wallet = this_wallet(dm);
    uint64_t kept[DETMEM_KINDS];
    if (wallet_pay(wallet, demand, kept))
        return KERR_OK;

    uint64_t exact[DETMEM_KINDS] = {0};
    uint64_t plenty[DETMEM_KINDS] = {0}; /* with what fills up the wallet */
    for (unsigned kind = 0; kind < DETMEM_KINDS; kind++) {
        if (demand->count[kind] == 0)
            continue;
        if (kind >= dm->n_kinds)
            return KERR_INVALID;
        uint32_t batch = batch_of(dm, kind);
        exact[kind] = demand->count[kind];
        plenty[kind] = exact[kind] + (kept[kind] < batch ? batch - kept[kind] : 0);
    }
    if (promise(dm, plenty)) {
        bool irqs = spin_lock(&wallet->lock);
        for (unsigned kind = 0; kind < dm->n_kinds; kind++)
            wallet->count[kind] += (uint32_t)(plenty[kind] - exact[kind]);
        spin_unlock(&wallet->lock, irqs);
        return KERR_OK;
    }
    /* Memory is short: no more than needed, and what other cores keep is for all. */
    empty_wallets(dm);
    return promise(dm, exact) ? KERR_OK : KERR_NO_MEMORY;
}

void detmem_cancel(struct detmem *dm, const struct detmem_demand *demand)
{
    struct wallet *wallet = this_wallet(dm);
    uint64_t excess[DETMEM_KINDS] = {0};
    bool any = false;
    bool irqs = spin_lock(&wallet->lock);
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        wallet->count[kind] += demand->count[kind];
        uint32_t most = 2 * batch_of(dm, kind);
        if (wallet->count[kind] > most) {
            excess[kind] = wallet->count[kind] - most;
            wallet->count[kind] = most;
            any = true;
        }
    }
    spin_unlock(&wallet->lock, irqs);
    if (any)
        unspend(dm, excess);
}

/* --- Applying --- */

/* The first kind that an object of this size fits, or n_kinds. */
static unsigned kind_of(const struct detmem *dm, size_t size)
{
    unsigned kind = 0;
    while (kind < dm->n_kinds && dm->kinds[kind].size < size)
        kind++;
    return kind;
}

static void pool_push(struct detmem_pool *pool, unsigned kind, struct object *object)
{
    object->next = pool->free[kind];
    pool->free[kind] = object;
    pool->n_free[kind]++;
}

static void empty_inbox(struct detmem_pool *pool, unsigned kind)
{
    /* acquire: the links of the objects. */
    struct object *object =
        atomic_exchange_explicit(&pool->inbox[kind], NULL, memory_order_acquire);
    while (object) {
        struct object *next = object->next;
        pool_push(pool, kind, object);
        object = next;
    }
}

static struct object *pool_pop(struct detmem_pool *pool, unsigned kind)
{
    if (!pool->free[kind])
        empty_inbox(pool, kind);
    struct object *object = pool->free[kind];
    if (!object)
        panic("detmem: a promised object of %lu bytes is missing",
              (unsigned long)pool->detmem->kinds[kind].size);
    pool->free[kind] = object->next;
    pool->n_free[kind]--;
    return object;
}

/* Adds to what the replica has returned. */
static void give_back(struct detmem_pool *pool, unsigned kind, uint64_t n)
{
    /* relaxed: only we write it. release: pairs with the acquire in available(). */
    uint64_t old = atomic_load_explicit(&pool->returned[kind], memory_order_relaxed);
    atomic_store_explicit(&pool->returned[kind], old + n, memory_order_release);
}

void detmem_begin(struct detmem_pool *pool, const struct detmem_demand *demand)
{
    assert(!pool->active);
    pool->active = true;
    pool->left = *demand;
}

/* Frees some of the objects that were ordered out of the pool. */
static void obey_trim(struct detmem_pool *pool, unsigned kind)
{
    struct detmem *dm = pool->detmem;
    uint64_t ordered = atomic_load_explicit(&dm->trim[kind], memory_order_acquire);
    for (int n = 0; pool->trimmed[kind] < ordered && n < TRIM_AT_ONCE; n++) {
        heap_free(dm, kind, pool_pop(pool, kind));
        pool->trimmed[kind]++;
    }
}

/* Looks for excess in the accounts once in a while, after much was returned. */
static void look_for_excess(struct detmem_pool *pool, unsigned kind)
{
    struct detmem *dm = pool->detmem;
    uint64_t returned = atomic_load_explicit(&pool->returned[kind], memory_order_relaxed);
    if (returned - pool->looked[kind] < keep_most(dm, kind))
        return;
    pool->looked[kind] = returned;
    bool irqs = spin_lock(&dm->lock);
    order_trim(dm, kind, keep_most(dm, kind));
    spin_unlock(&dm->lock, irqs);
}

void detmem_end(struct detmem_pool *pool)
{
    assert(pool->active);
    pool->active = false;
    for (unsigned kind = 0; kind < pool->detmem->n_kinds; kind++) {
        if (pool->left.count[kind])
            give_back(pool, kind, pool->left.count[kind]);
        look_for_excess(pool, kind);
        obey_trim(pool, kind);
    }
}

static void *pool_alloc(struct allocator *self, size_t size, size_t align)
{
    struct detmem_pool *pool = container_of(self, struct detmem_pool, allocator);
    struct detmem *dm = pool->detmem;
    unsigned kind = kind_of(dm, size);
    if (!pool->active) {
        /* As a whole object of its kind, because an operation may free it to the pool. */
        if (kind < dm->n_kinds)
            size = dm->kinds[kind].size;
        return slab_alloc_on(dm->slab, pool->node, size, align);
    }
    if (kind == dm->n_kinds || pool->left.count[kind] == 0 || align > dm->kinds[kind].align) {
        atomic_fetch_add_explicit(&pool->overruns, 1, memory_order_relaxed);
        return NULL;
    }
    pool->left.count[kind]--;
    return pool_pop(pool, kind);
}

static void pool_free(struct allocator *self, void *ptr, size_t size)
{
    struct detmem_pool *pool = container_of(self, struct detmem_pool, allocator);
    struct detmem *dm = pool->detmem;
    unsigned kind = kind_of(dm, size);
    if (pool->active && kind < dm->n_kinds) {
        pool_push(pool, kind, ptr);
        give_back(pool, kind, 1);
        return;
    }
    slab_free(dm->slab, ptr, kind < dm->n_kinds ? dm->kinds[kind].size : size);
}

struct allocator *detmem_allocator(struct detmem_pool *pool)
{
    return &pool->allocator;
}

/* --- Life --- */

static kerr_t check_kinds(const struct detmem_kind *kinds, unsigned n_kinds)
{
    if (n_kinds < 1 || n_kinds > DETMEM_KINDS)
        return KERR_INVALID;
    for (unsigned i = 0; i < n_kinds; i++) {
        if (kinds[i].size < sizeof(struct object) || !is_pow2(kinds[i].align) ||
            (i > 0 && kinds[i].size <= kinds[i - 1].size))
            return KERR_INVALID;
    }
    return KERR_OK;
}

kerr_t detmem_create(struct slab *slab, const struct detmem_kind *kinds, unsigned n_kinds,
                     struct detmem **out)
{
    kerr_t err = check_kinds(kinds, n_kinds);
    if (err)
        return err;
    struct allocator *heap = slab_allocator(slab);
    unsigned n_cores = slab_n_cores(slab);
    struct detmem *dm = allocator_zalloc(heap, sizeof(*dm), _Alignof(struct detmem));
    if (!dm)
        return KERR_NO_MEMORY;
    dm->wallets = allocator_zalloc(heap, n_cores * sizeof(struct wallet), _Alignof(struct wallet));
    if (!dm->wallets) {
        allocator_free(heap, dm, sizeof(*dm));
        return KERR_NO_MEMORY;
    }
    dm->slab = slab;
    dm->n_cores = n_cores;
    dm->n_kinds = n_kinds;
    for (unsigned i = 0; i < n_kinds; i++)
        dm->kinds[i] = kinds[i];
    *out = dm;
    return KERR_OK;
}

void detmem_destroy(struct detmem *dm)
{
    struct allocator *heap = slab_allocator(dm->slab);
    assert(dm->n_pools == 0);
    allocator_free(heap, dm->wallets, dm->n_cores * sizeof(struct wallet));
    allocator_free(heap, dm, sizeof(*dm));
}

/* Objects in a pool whose owner stands still and whose inbox nobody fills: the lock is held. */
static uint64_t count_objects(const struct detmem_pool *pool, unsigned kind)
{
    uint64_t n = pool->n_free[kind];
    /* acquire: the links. */
    const struct object *object = atomic_load_explicit(&pool->inbox[kind], memory_order_acquire);
    for (; object; object = object->next)
        n++;
    return n;
}

/* What `source` has now, and the generation of that. */
static uint64_t survey(struct detmem *dm, const struct detmem_pool *source, uint64_t *count)
{
    bool irqs = spin_lock(&dm->lock);
    uint64_t generation = dm->generation;
    for (unsigned kind = 0; source && kind < dm->n_kinds; kind++)
        count[kind] = count_objects(source, kind);
    spin_unlock(&dm->lock, irqs);
    return generation;
}

static void copy_accounts(struct detmem *dm, struct detmem_pool *pool,
                          const struct detmem_pool *source)
{
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        pool->trimmed[kind] = source->trimmed[kind];
        pool->looked[kind] = source->looked[kind];
        /* relaxed: the source stands still. */
        atomic_init(&pool->returned[kind],
                    atomic_load_explicit(&source->returned[kind], memory_order_relaxed));
    }
}

/* Makes the pool a member, unless the source got more objects since they were counted (KERR_AGAIN).
 */
static kerr_t enter(struct detmem *dm, struct detmem_pool *pool, const struct detmem_pool *source,
                    const uint64_t *count)
{
    kerr_t err = KERR_OK;
    bool irqs = spin_lock(&dm->lock);
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        if (source ? count_objects(source, kind) != count[kind] : dm->spent[kind] != 0)
            err = source ? KERR_AGAIN : KERR_BUSY;
    }
    if (!err && dm->n_pools == DETMEM_REPLICAS)
        err = KERR_NO_SPACE;
    if (!err) {
        dm->pools[dm->n_pools++] = pool;
        dm->generation++;
    }
    spin_unlock(&dm->lock, irqs);
    return err;
}

/* Fills a new pool, and makes it a member. */
static kerr_t fill_and_enter(struct detmem *dm, struct detmem_pool *pool,
                             const struct detmem_pool *source)
{
    uint64_t count[DETMEM_KINDS] = {0};
    kerr_t err = KERR_AGAIN;
    if (source)
        copy_accounts(dm, pool, source);
    while (err == KERR_AGAIN) {
        struct bundle bundle;
        survey(dm, source, count);
        if (!alloc_bundle(dm, pool->node, count, &bundle))
            return KERR_NO_MEMORY;
        deliver(dm, pool, &bundle);
        err = enter(dm, pool, source, count);
        if (err) {
            for (unsigned kind = 0; kind < dm->n_kinds; kind++)
                bundle.first[kind] = atomic_exchange(&pool->inbox[kind], NULL);
            free_bundle(dm, &bundle);
        }
    }
    return err;
}

kerr_t detmem_join(struct detmem *dm, node_id_t node, const struct detmem_pool *source,
                   struct detmem_pool **out)
{
    struct allocator *heap = slab_allocator_on(dm->slab, node);
    struct detmem_pool *pool = allocator_zalloc(heap, sizeof(*pool), _Alignof(struct detmem_pool));
    if (!pool)
        return KERR_NO_MEMORY;
    pool->detmem = dm;
    pool->node = node;
    pool->allocator = (struct allocator){.alloc = pool_alloc, .free = pool_free};
    kerr_t err = fill_and_enter(dm, pool, source);
    if (err) {
        allocator_free(heap, pool, sizeof(*pool));
        return err;
    }
    *out = pool;
    return KERR_OK;
}

void detmem_leave(struct detmem_pool *pool)
{
    struct detmem *dm = pool->detmem;
    bool irqs = spin_lock(&dm->lock);
    unsigned at = 0;
    while (dm->pools[at] != pool)
        at++;
    dm->pools[at] = dm->pools[--dm->n_pools];
    dm->generation++;
    spin_unlock(&dm->lock, irqs);

    struct bundle bundle = {0};
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        empty_inbox(pool, kind);
        bundle.first[kind] = pool->free[kind];
    }
    free_bundle(dm, &bundle);
    allocator_free(slab_allocator(dm->slab), pool, sizeof(*pool));
}

/* --- Questions --- */

void detmem_stats(struct detmem *dm, struct detmem_stats *stats)
{
    *stats = (struct detmem_stats){0};
    bool irqs = spin_lock(&dm->lock);
    for (unsigned kind = 0; kind < dm->n_kinds; kind++) {
        stats->free[kind] = dm->n_pools ? available(dm, kind) : 0;
        stats->promised[kind] = dm->spent[kind];
    }
    for (unsigned i = 0; i < dm->n_pools; i++)
        stats->overruns += atomic_load_explicit(&dm->pools[i]->overruns, memory_order_relaxed);
    spin_unlock(&dm->lock, irqs);
}

void detmem_shrink(struct detmem *dm)
{
    empty_wallets(dm);
    bool irqs = spin_lock(&dm->lock);
    for (unsigned kind = 0; kind < dm->n_kinds; kind++)
        order_trim(dm, kind, 0);
    spin_unlock(&dm->lock, irqs);
}
