// SPDX-License-Identifier: BSD-2-Clause
#include <base/hash.h>
#include <base/hmap.h>

enum { MIN_BITS = 3 }; /* 8 slots, 128 bytes: two cache lines */

enum { SLOT_BITS = 4 };
_Static_assert(sizeof(struct hmap_slot) == 1 << SLOT_BITS,
               "offsets are slot numbers shifted by this");

/* What a map without memory searches: nothing; never written because limit is 0. */
static const struct hmap_slot no_slots[1];

static size_t slots_bytes(const struct hmap *map)
{
    return map->mask + sizeof(struct hmap_slot);
}

static size_t slots_count(const struct hmap *map)
{
    return slots_bytes(map) >> SLOT_BITS;
}

static unsigned slots_bits(const struct hmap *map)
{
    return 64 - SLOT_BITS - map->shift;
}

static void set_slots(struct hmap *map, struct hmap_slot *slots, unsigned bits)
{
    map->slots = slots;
    map->mult = hash_multiplier(bits);
    map->shift = 64 - SLOT_BITS - bits;
    map->mask = (((size_t)1 << bits) - 1) << SLOT_BITS;
    map->limit = slots_count(map) - slots_count(map) / 4;
}

static void set_no_slots(struct hmap *map)
{
    set_slots(map, (struct hmap_slot *)no_slots, 0);
    map->limit = 0;
}

/* log2 of the slots that n > 0 entries need; at least 64 means that no array is large enough. */
static unsigned bits_for(size_t n)
{
    if (n > SIZE_MAX / sizeof(struct hmap_slot) / 2)
        return 64;
    return max(log2_ceil(div_round_up(n * 4, 3)), (unsigned)MIN_BITS);
}

/* Moves everything to an array of 2^bits slots. */
static bool rehash(struct hmap *map, unsigned bits)
{
    if (bits >= 64 - SLOT_BITS)
        return false;
    size_t bytes = sizeof(struct hmap_slot) << bits;
    struct hmap_slot *slots = allocator_zalloc(map->alloc, bytes, sizeof(struct hmap_slot));
    if (!slots)
        return false;

    struct hmap old = *map;
    set_slots(map, slots, bits);
    for (size_t i = 0; i < slots_count(&old); i++) {
        if (old.slots[i].key)
            *hmap_probe(map, old.slots[i].key) = old.slots[i];
    }
    if (old.limit)
        allocator_free(map->alloc, old.slots, slots_bytes(&old));
    return true;
}

void hmap_init(struct hmap *map, struct allocator *alloc)
{
    *map = (struct hmap){.alloc = alloc};
    set_no_slots(map);
}

void hmap_fini(struct hmap *map)
{
    if (map->limit)
        allocator_free(map->alloc, map->slots, slots_bytes(map));
    *map = (struct hmap){0};
}

void hmap_clear(struct hmap *map)
{
    if (map->used)
        memset(map->slots, 0, slots_bytes(map));
    map->used = 0;
    map->has_zero = false;
}

bool hmap_reserve(struct hmap *map, size_t n)
{
    if (n <= map->limit)
        return true;
    return rehash(map, bits_for(n));
}

bool hmap_shrink(struct hmap *map)
{
    if (!map->limit)
        return true;
    if (map->used) {
        unsigned bits = bits_for(map->used);
        return bits >= slots_bits(map) || rehash(map, bits);
    }
    allocator_free(map->alloc, map->slots, slots_bytes(map));
    set_no_slots(map);
    return true;
}

bool hmap_clone(struct hmap *dst, const struct hmap *src, struct allocator *alloc)
{
    hmap_init(dst, alloc);
    if (src->limit) {
        struct hmap_slot *slots = allocator_alloc(alloc, slots_bytes(src), sizeof *slots);
        if (!slots)
            return false;
        memcpy(slots, src->slots, slots_bytes(src));
        set_slots(dst, slots, slots_bits(src));
    }
    dst->used = src->used;
    dst->has_zero = src->has_zero;
    dst->zero_value = src->zero_value;
    return true;
}

/* Cursor 0 is key 0, cursor i + 1 is slot i. */
bool hmap_next(const struct hmap *map, size_t *cursor, uint64_t *key, uint64_t *value)
{
    if (*cursor == 0) {
        ++*cursor;
        if (map->has_zero) {
            *key = 0;
            *value = map->zero_value;
            return true;
        }
    }
    while (*cursor <= slots_count(map)) {
        const struct hmap_slot *slot = &map->slots[*cursor - 1];
        ++*cursor;
        if (slot->key) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}

enum put_result hmap_put_zero(struct hmap *map, uint64_t value, uint64_t *old)
{
    bool had = map->has_zero;
    if (had && old)
        *old = map->zero_value;
    map->has_zero = true;
    map->zero_value = value;
    return had ? PUT_REPLACED : PUT_ADDED;
}

enum put_result hmap_put_growing(struct hmap *map, uint64_t key, uint64_t value)
{
    if (!hmap_reserve(map, map->used + 1))
        return PUT_NO_MEMORY;
    *hmap_probe(map, key) = (struct hmap_slot){key, value};
    map->used++;
    return PUT_ADDED;
}
