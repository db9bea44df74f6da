// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Hash map from byte strings to byte strings. Keys and values are copied in, one allocation per
 * entry.
 *
 * It is an hmap from the 64-bit hash of the key to a chain of the entries with that hash; a chain
 * of more than one entry takes about 2^32 entries, or somebody who knows the seed. So growing,
 * order of iteration and failure behave as described in <base/hmap.h>: an operation that finds no
 * memory changes nothing, and replicas that saw the same operations iterate in the same order. Not
 * thread-safe; readers may run in parallel.
 */
#include <base/bytes.h>
#include <base/hmap.h>

struct bmap_entry;

struct bmap {
    struct hmap chains;
    size_t count;
    uint64_t seed;
};

/* A place in an iteration; zeroed = before the first entry. */
struct bmap_cursor {
    size_t chain;
    const struct bmap_entry *next;
};

/* Makes an empty map; never fails. Where strangers choose the keys, `seed` should be a secret, the
 * same for all replicas. `alloc` must outlive the map. */
void bmap_init(struct bmap *map, struct allocator *alloc, uint64_t seed);

/* Frees everything; the map must be initialised again before use. */
void bmap_fini(struct bmap *map);

/* Removes all entries; the index keeps its memory. */
void bmap_clear(struct bmap *map);

/* Makes dst (uninitialised) an equal map with memory from `alloc`, with the same order of
 * iteration. Returns false if there is no memory; dst is an empty map then. */
bool bmap_clone(struct bmap *dst, const struct bmap *src, struct allocator *alloc)
    __attribute__((warn_unused_result));

/* Sets the key's value. Both may have length 0, and may lie inside this map. */
enum put_result bmap_put(struct bmap *map, struct bytes key, struct bytes value);

/* Lends the key's value in *value (aligned to 8; valid until the next operation that changes the
 * map) and returns true, or returns false. */
bool bmap_get(const struct bmap *map, struct bytes key, struct bytes *value);

/* Copies at most `size` bytes of the key's value to buf and returns true, the value's whole length
 * in *len; or returns false. */
bool bmap_copy(const struct bmap *map, struct bytes key, void *buf, size_t size, size_t *len);

/* Removes the key; returns whether it was there. Never allocates. */
bool bmap_remove(struct bmap *map, struct bytes key);

/* Gives back memory of the index that the present entries do not need. Returns false if the smaller
 * one cannot be had; the map is unchanged. */
bool bmap_shrink(struct bmap *map);

/* Visits the entries, lending keys and values; returns false after the last. The map must not
 * change in between. */
bool bmap_next(const struct bmap *map, struct bmap_cursor *cursor, struct bytes *key,
               struct bytes *value);

static inline size_t bmap_count(const struct bmap *map)
{
    return map->count;
}
