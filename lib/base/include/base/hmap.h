// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Hash map from uint64_t to uint64_t.
 *
 * 1. Layout. One array of 2^b slots of 16 bytes, open addressing with linear probing: an entry lies
 * in its home slot or in the first free one after it, cyclically. A hit reads one cache line most
 * of the time. At most 3/4 of the slots are used, so a search meets a free slot soon (expected
 * probes for random keys at that load: 2.5 for a hit, 8.5 for a miss).
 *
 * 2. Free slots hold key 0. An entry with key 0 lives in the map structure itself.
 *
 * 3. Hash: the top b bits of key * mult (Fibonacci hashing). It spreads keys in arithmetic
 * progression (numbers, page addresses) better than chance would; mult depends on b
 * (hash_multiplier says why). It is no defence against keys chosen by an adversary: give those
 * through hash_u64 with a secret.
 *
 * 4. Removal closes the gap (backward shift), so there are no tombstones and lookups do not get
 * slower with age.
 *
 * 5. Memory. An empty map allocates nothing. Growing moves all entries to an array of twice the
 * size; if that cannot be had the map is unchanged. Order of iteration is a function of the
 * sequence of operations only: equal on all replicas. Not thread-safe; readers may run in parallel.
 */
#include <base/alloc.h>
#include <base/bits.h>
#include <base/put.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hmap_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
};

struct hmap {
    struct hmap_slot *slots;
    uint64_t mult;
    unsigned shift; /* leaves b bits above those of an offset within a slot */
    bool has_zero;  /* key 0 is there, with zero_value */
    size_t mask;    /* of offsets: 2^b - 1 slots */
    size_t used;    /* slots in use */
    size_t limit;   /* slots that may be used; 0 as long as nothing is allocated */
    uint64_t zero_value;
    struct allocator *alloc;
};

/* Makes an empty map; never fails. `alloc` must outlive it. */
void hmap_init(struct hmap *map, struct allocator *alloc);

/* Frees everything; the map must be initialised again before use. */
void hmap_fini(struct hmap *map);

/* Removes all entries and keeps the memory. */
void hmap_clear(struct hmap *map);

/* Makes room for n entries in total: no put fails or moves entries until there are more.
 * Returns false if there is no memory; the map is unchanged. */
bool hmap_reserve(struct hmap *map, size_t n) __attribute__((warn_unused_result));

/* Gives back memory that the present entries do not need. Returns false if the smaller array cannot
 * be had; the map is unchanged. */
bool hmap_shrink(struct hmap *map);

/* Makes dst (uninitialised) an equal map with memory from `alloc`: same entries, same order of
 * iteration, same capacity. Returns false if there is no memory; dst is an empty map then. */
bool hmap_clone(struct hmap *dst, const struct hmap *src, struct allocator *alloc)
    __attribute__((warn_unused_result));

/* Visits the entries: *cursor starts as 0; returns false after the last. Values may be replaced in
 * between (hmap_find), but entries neither added nor removed. */
bool hmap_next(const struct hmap *map, size_t *cursor, uint64_t *key, uint64_t *value);

/* The slow parts of hmap_put: the key is 0; the key is new and the array full. */
enum put_result hmap_put_zero(struct hmap *map, uint64_t value, uint64_t *old);
enum put_result hmap_put_growing(struct hmap *map, uint64_t key, uint64_t value);

static inline size_t hmap_count(const struct hmap *map)
{
    return map->used + map->has_zero;
}

/* Offset of the key's home slot. */
static inline size_t hmap_home(const struct hmap *map, uint64_t key)
{
    return (size_t)((key * map->mult) >> map->shift) & map->mask;
}

/* Offset of the next slot, cyclically. */
static inline size_t hmap_after(const struct hmap *map, size_t offset)
{
    return (offset + sizeof(struct hmap_slot)) & map->mask;
}

static inline struct hmap_slot *hmap_slot_at(const struct hmap *map, size_t offset)
{
    return (struct hmap_slot *)((unsigned char *)map->slots + offset);
}

/* Where key != 0 is, or the free slot where it would go. */
static inline struct hmap_slot *hmap_probe(const struct hmap *map, uint64_t key)
{
    size_t at = hmap_home(map, key);
    while (hmap_slot_at(map, at)->key != key && hmap_slot_at(map, at)->key != 0)
        at = hmap_after(map, at);
    return hmap_slot_at(map, at);
}

/* Returns the place of the key's value, valid until an entry is added or removed, or NULL. */
static inline uint64_t *hmap_find(const struct hmap *map, uint64_t key)
{
    if (unlikely(key == 0))
        return map->has_zero ? (uint64_t *)&map->zero_value : NULL;
    struct hmap_slot *slot = hmap_probe(map, key);
    return slot->key ? &slot->value : NULL;
}

/* Stores the key's value in *value and returns true, or returns false. */
static inline bool hmap_get(const struct hmap *map, uint64_t key, uint64_t *value)
{
    const uint64_t *place = hmap_find(map, key);
    if (!place)
        return false;
    *value = *place;
    return true;
}

/* Sets the key's value. On PUT_REPLACED, *old (NULL allowed) gets the previous one. Allocates only
 * when a new key makes the map grow. */
static inline enum put_result hmap_put(struct hmap *map, uint64_t key, uint64_t value,
                                       uint64_t *old)
{
    if (unlikely(key == 0))
        return hmap_put_zero(map, value, old);
    struct hmap_slot *slot = hmap_probe(map, key);
    if (slot->key) {
        if (old)
            *old = slot->value;
        slot->value = value;
        return PUT_REPLACED;
    }
    if (unlikely(map->used >= map->limit))
        return hmap_put_growing(map, key, value);
    *slot = (struct hmap_slot){key, value};
    map->used++;
    return PUT_ADDED;
}

/* Frees a slot: each entry after it, up to the next free slot, moves into the gap unless that lies
 * before its home. */
static inline void hmap_close_gap(struct hmap *map, struct hmap_slot *gap)
{
    size_t to = (size_t)((unsigned char *)gap - (unsigned char *)map->slots);
    for (size_t at = hmap_after(map, to);; at = hmap_after(map, at)) {
        struct hmap_slot *slot = hmap_slot_at(map, at);
        if (!slot->key)
            break;
        size_t from_home = (at - hmap_home(map, slot->key)) & map->mask;
        if (from_home >= ((at - to) & map->mask)) {
            *gap = *slot;
            gap = slot;
            to = at;
        }
    }
    gap->key = 0;
}

/* Removes the key and returns true, its value in *old (NULL allowed), or returns false. Never
 * allocates or frees. */
static inline bool hmap_remove(struct hmap *map, uint64_t key, uint64_t *old)
{
    uint64_t *place = hmap_find(map, key);
    if (!place)
        return false;
    if (old)
        *old = *place;
    if (unlikely(key == 0)) {
        map->has_zero = false;
        return true;
    }
    hmap_close_gap(map, container_of(place, struct hmap_slot, value));
    map->used--;
    return true;
}
