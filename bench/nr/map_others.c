// SPDX-License-Identifier: BSD-2-Clause
// Workload map with concurrent hash tables of other libraries, each used as its documentation says.
//
// lfht   liburcu's resizable lock-free hash table, memb flavour of RCU. A put of a present key
// exchanges the
//        value in its node, which spares the node that cds_lfht_add_replace would allocate and
//        reclaim after a grace period: the best case for it.
// ck_ht  Concurrency Kit's table in its direct mode: any number of readers, one writer at a time,
// so
//        writers take a spinlock. Made with room for all keys; so it never grows, and nothing of it
//        is reclaimed while readers are about.
#include <ck_ht.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#include <base/hash.h>

#include "locks.h"

/* ---- lfht ---- */

struct lfht_node {
    struct cds_lfht_node node;
    uint64_t key;
    _Atomic uint64_t value;
};

static int lfht_match(struct cds_lfht_node *node, const void *key)
{
    return caa_container_of(node, struct lfht_node, node)->key == *(const uint64_t *)key;
}

static void lfht_destroy(void *ptr)
{
    struct cds_lfht *table = ptr;
    struct cds_lfht_iter at;
    struct lfht_node *entry;
    urcu_memb_register_thread();
    urcu_memb_read_lock();
    cds_lfht_for_each_entry(table, &at, entry, node)
    {
        cds_lfht_del(table, &entry->node);
        free(entry); /* nobody else is left */
    }
    urcu_memb_read_unlock();
    urcu_memb_unregister_thread();
    cds_lfht_destroy(table, NULL);
}

static void *lfht_create(const struct bench_setup *setup)
{
    unsigned long buckets = 1;
    while (buckets < setup->keys)
        buckets <<= 1;
    return cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
}

static void *lfht_enter(void *self, struct worker *worker)
{
    (void)self;
    urcu_memb_register_thread();
    return worker;
}

static void lfht_leave(void *self, void *worker)
{
    (void)self;
    (void)worker;
    urcu_memb_unregister_thread();
}

static inline struct lfht_node *lfht_find(struct cds_lfht *table, uint64_t key)
{
    struct cds_lfht_iter at;
    cds_lfht_lookup(table, hash_u64(key), lfht_match, &key, &at);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&at);
    return node ? caa_container_of(node, struct lfht_node, node) : NULL;
}

static inline uint64_t lfht_read(void *self, void *worker, uint64_t key)
{
    (void)worker;
    urcu_memb_read_lock();
    struct lfht_node *entry = lfht_find(self, key);
    uint64_t value = entry ? atomic_load_explicit(&entry->value, memory_order_acquire) : 0;
    urcu_memb_read_unlock();
    return value;
}

/* Adds a key that was absent; another thread may be faster. Returns what the put replaced. */
static __attribute__((noinline)) uint64_t lfht_add(struct cds_lfht *table,
                                                   const struct bench_op *op)
{
    struct lfht_node *fresh = malloc(sizeof(*fresh));
    if (!fresh)
        return op->value; /* refused */
    fresh->key = op->key;
    atomic_init(&fresh->value, op->value);
    cds_lfht_node_init(&fresh->node);
    struct cds_lfht_node *node =
        cds_lfht_add_unique(table, hash_u64(op->key), lfht_match, &op->key, &fresh->node);
    if (node == &fresh->node)
        return 0;
    free(fresh);
    return atomic_exchange(&caa_container_of(node, struct lfht_node, node)->value, op->value);
}

static inline uint64_t lfht_write(void *self, void *worker, const struct bench_op *op)
{
    (void)worker;
    urcu_memb_read_lock();
    struct lfht_node *entry = lfht_find(self, op->key);
    uint64_t old = entry ? atomic_exchange(&entry->value, op->value) : lfht_add(self, op);
    urcu_memb_read_unlock();
    return old;
}

BENCH_CONTESTANT(lfht, false, .name = "lfht", .workload = "map", .create = lfht_create,
                 .destroy = lfht_destroy, .enter = lfht_enter, .leave = lfht_leave);

/* ---- ck_ht ---- */

struct ck_table {
    struct spin_lock writers;
    _Alignas(BENCH_APART) ck_ht_t ht;
};

static void *ck_malloc_hook(size_t size)
{
    return malloc(size);
}

static void ck_free_hook(void *ptr, size_t size, bool defer)
{
    (void)size;
    (void)defer;
    free(ptr);
}

static struct ck_malloc ck_heap = {.malloc = ck_malloc_hook, .free = ck_free_hook};

static void ck_table_hash(ck_ht_hash_t *hash, const void *key, size_t size, uint64_t seed)
{
    (void)size;
    hash->value = (unsigned long)hash_u64(*(const uintptr_t *)key ^ seed);
}

static void *ck_ht_make(const struct bench_setup *setup)
{
    struct ck_table *self = bench_alloc(sizeof(*self));
    /* Twice the keys: it grows at half full. */
    if (self &&
        !ck_ht_init(&self->ht, CK_HT_MODE_DIRECT, ck_table_hash, &ck_heap, 2 * setup->keys, 0)) {
        free(self);
        return NULL;
    }
    return self;
}

static void ck_ht_unmake(void *ptr)
{
    struct ck_table *self = ptr;
    ck_ht_destroy(&self->ht);
    free(self);
}

/* Keys are stored plus one: 0 marks an empty slot. */
static inline uint64_t ck_ht_read(void *ptr, void *worker, uint64_t key)
{
    (void)worker;
    struct ck_table *self = ptr;
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ck_ht_hash_direct(&hash, &self->ht, key + 1);
    ck_ht_entry_key_set_direct(&entry, key + 1);
    return ck_ht_get_spmc(&self->ht, hash, &entry) ? ck_ht_entry_value_direct(&entry) : 0;
}

/* ck_ht_set_spmc leaves the replaced entry, or an empty one, in its argument. */
static inline uint64_t ck_ht_write(void *ptr, void *worker, const struct bench_op *op)
{
    struct ck_table *self = ptr;
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ck_ht_hash_direct(&hash, &self->ht, op->key + 1);
    ck_ht_entry_set_direct(&entry, hash, op->key + 1, op->value);
    spin_write_lock(&self->writers, worker);
    bool done = ck_ht_set_spmc(&self->ht, hash, &entry);
    spin_write_unlock(&self->writers, worker);
    if (!done)
        return op->value;
    return ck_ht_entry_empty(&entry) ? 0 : ck_ht_entry_value_direct(&entry);
}

BENCH_CONTESTANT(ck_ht, false, .name = "ck_ht", .workload = "map", .create = ck_ht_make,
                 .destroy = ck_ht_unmake);
