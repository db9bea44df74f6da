// SPDX-License-Identifier: BSD-2-Clause
/* Theory: blobs.h. */
#include "blobs.h"

/* The first array: two lines. */
#define SLOTS_MIN ((size_t)8)

void blobs_init(struct blobs *table, struct allocator *alloc)
{
    *table = (struct blobs){.alloc = alloc};
}

static size_t slot_count(const struct blobs *table)
{
    return table->limit ? table->mask + 1 : 0;
}

void blobs_fini(struct blobs *table)
{
    allocator_free(table->alloc, table->slots, slot_count(table) * sizeof *table->slots);
    blobs_init(table, table->alloc);
}

void blobs_clear(struct blobs *table)
{
    if (table->used)
        memset(table->slots, 0, slot_count(table) * sizeof *table->slots);
    table->used = 0;
}

/* Gives an empty table an array of n slots. */
static bool make_slots(struct blobs *table, size_t n)
{
    table->slots = allocator_alloc_array(table->alloc, n, sizeof *table->slots, 64);
    if (!table->slots)
        return false;
    memset(table->slots, 0, n * sizeof *table->slots);
    table->mask = n - 1;
    table->limit = n / 4 * 3;
    return true;
}

bool blobs_clone(struct blobs *dst, const struct blobs *src, struct allocator *alloc)
{
    blobs_init(dst, alloc);
    if (!src->limit)
        return true;
    if (!make_slots(dst, src->mask + 1))
        return false;
    memcpy(dst->slots, src->slots, slot_count(src) * sizeof *src->slots);
    dst->used = src->used;
    return true;
}

static void place(struct blobs *table, uint64_t hash, struct blob *blob)
{
    size_t i = hash & table->mask;
    while (table->slots[i].blob)
        i = (i + 1) & table->mask;
    table->slots[i] = (struct blob_slot){hash, blob};
    table->used++;
}

static bool rebuild(struct blobs *table, size_t slots)
{
    struct blobs bigger;
    blobs_init(&bigger, table->alloc);
    if (!make_slots(&bigger, slots))
        return false;
    for (size_t i = 0; i < slot_count(table); i++) {
        if (table->slots[i].blob)
            place(&bigger, table->slots[i].hash, table->slots[i].blob);
    }
    blobs_fini(table);
    *table = bigger;
    return true;
}

bool blobs_reserve(struct blobs *table, size_t n)
{
    if (n <= table->limit)
        return true;
    if (n > SIZE_MAX / 4)
        return false;
    size_t slots = (size_t)pow2_ceil(n + n / 3 + 1);
    return rebuild(table, max(slots, SLOTS_MIN));
}

struct blob_slot *blobs_find(const struct blobs *table, uint64_t hash, const void *key, size_t size)
{
    if (!table->limit)
        return NULL;
    for (size_t i = hash & table->mask; table->slots[i].blob; i = (i + 1) & table->mask) {
        struct blob_slot *slot = &table->slots[i];
        if (slot->hash == hash && slot->blob->key_size == size &&
            (size == 0 || memcmp(slot->blob->bytes, key, size) == 0))
            return slot;
    }
    return NULL;
}

bool blobs_add(struct blobs *table, uint64_t hash, struct blob *blob)
{
    if (table->used == table->limit && !rebuild(table, max(2 * slot_count(table), SLOTS_MIN)))
        return false;
    place(table, hash, blob);
    return true;
}

/* Each entry after the gap, up to the next free slot, moves into it unless that lies before its
 * home. */
void blobs_remove(struct blobs *table, struct blob_slot *slot)
{
    struct blob_slot *slots = table->slots;
    size_t mask = table->mask;
    size_t gap = (size_t)(slot - slots);
    for (size_t i = (gap + 1) & mask; slots[i].blob; i = (i + 1) & mask) {
        size_t from_home = (i - slots[i].hash) & mask;
        if (from_home >= ((i - gap) & mask)) {
            slots[gap] = slots[i];
            gap = i;
        }
    }
    slots[gap].blob = NULL;
    table->used--;
}

struct blob *blobs_next(const struct blobs *table, size_t *cursor)
{
    while (*cursor < slot_count(table)) {
        struct blob *blob = table->slots[(*cursor)++].blob;
        if (blob)
            return blob;
    }
    return NULL;
}
