// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A table of blobs: the replicated part of <nr/bytes_map.h>.
 *
 * A blob is a key and a value in one immutable block, shared by the replicas' tables (accord.h,
 * retiring). The table is an array of slots {hash, blob}, a power of two, open addressing with
 * linear probing; removal closes the gap by shifting back. The home slot is the lower half of the
 * hash, a partition's number the upper half. At most 3/4 of the slots are used. So a hit touches
 * one line of the table and one of the blob; a miss almost never a blob.
 *
 * An empty table allocates nothing. Growing doubles the array, and changes nothing if it fails.
 */
#include "accord.h"

struct blob {
    struct retirable head;
    uint32_t key_size;
    uint32_t value_size;
    unsigned char bytes[]; /* key, then value */
};

struct blob_slot {
    uint64_t hash;
    struct blob *blob; /* NULL: free */
};

struct blobs {
    struct blob_slot *slots;
    size_t mask; /* slots - 1 */
    size_t used;
    size_t limit; /* slots that may be used; 0 as long as there are none */
    struct allocator *alloc;
};

void blobs_init(struct blobs *table, struct allocator *alloc);

/* Frees the array; blobs are the caller's. */
void blobs_fini(struct blobs *table);

/* Forgets all blobs and keeps the array. */
void blobs_clear(struct blobs *table);

/* Makes dst an equal table with the same blobs; false if there is no memory. */
bool blobs_clone(struct blobs *dst, const struct blobs *src, struct allocator *alloc);

/* Makes room for n blobs in total; false, and nothing done, if there is no memory. */
bool blobs_reserve(struct blobs *table, size_t n);

/* The slot of the key, or NULL. */
struct blob_slot *blobs_find(const struct blobs *table, uint64_t hash, const void *key,
                             size_t size);

/* Adds a blob whose key is not there; false if there is no memory. */
bool blobs_add(struct blobs *table, uint64_t hash, struct blob *blob);

/* Frees a slot that blobs_find returned. */
void blobs_remove(struct blobs *table, struct blob_slot *slot);

/* Visits the blobs: *cursor starts as 0. NULL after the last. */
struct blob *blobs_next(const struct blobs *table, size_t *cursor);

static inline const unsigned char *blob_value(const struct blob *blob)
{
    return blob->bytes + blob->key_size;
}
