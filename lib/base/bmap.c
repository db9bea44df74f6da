// SPDX-License-Identifier: BSD-2-Clause
#include <base/bmap.h>
#include <base/hash.h>

struct bmap_entry {
    struct bmap_entry *next; /* same hash */
    size_t key_len;
    size_t value_len;
    size_t room;           /* bytes reserved for the value */
    unsigned char bytes[]; /* the key, padding to 8, the value */
};

static struct bmap_entry *entry_of(uint64_t value)
{
    return (struct bmap_entry *)(uintptr_t)value;
}

static struct bytes entry_key(const struct bmap_entry *entry)
{
    return bytes_of(entry->bytes, entry->key_len);
}

static struct bytes entry_value(const struct bmap_entry *entry)
{
    return bytes_of(entry->bytes + align_up(entry->key_len, 8), entry->value_len);
}

static size_t entry_size(const struct bmap_entry *entry)
{
    return sizeof *entry + align_up(entry->key_len, 8) + entry->room;
}

static void entry_set_value(struct bmap_entry *entry, struct bytes value)
{
    entry->value_len = value.len;
    if (value.len)
        memmove(entry->bytes + align_up(entry->key_len, 8), value.data, value.len);
}

/* Returns a copy of key and value, or NULL. */
static struct bmap_entry *entry_create(struct allocator *alloc, struct bytes key,
                                       struct bytes value)
{
    size_t size;
    if (key.len > SIZE_MAX / 2 ||
        __builtin_add_overflow(sizeof(struct bmap_entry) + align_up(key.len, 8), value.len, &size))
        return NULL;
    struct bmap_entry *entry = allocator_alloc(alloc, size, _Alignof(struct bmap_entry));
    if (!entry)
        return NULL;
    *entry = (struct bmap_entry){.key_len = key.len, .room = value.len};
    if (key.len)
        memcpy(entry->bytes, key.data, key.len);
    entry_set_value(entry, value);
    return entry;
}

static void entry_destroy(struct allocator *alloc, struct bmap_entry *entry)
{
    allocator_free(alloc, entry, entry_size(entry));
}

static void chain_destroy(struct allocator *alloc, struct bmap_entry *chain)
{
    while (chain) {
        struct bmap_entry *next = chain->next;
        entry_destroy(alloc, chain);
        chain = next;
    }
}

/* Stores a copy of the chain in *copy; false if there is no memory, *copy is NULL then. */
static bool chain_clone(struct allocator *alloc, const struct bmap_entry *chain,
                        struct bmap_entry **copy)
{
    struct bmap_entry **end = copy;
    for (*copy = NULL; chain; chain = chain->next) {
        *end = entry_create(alloc, entry_key(chain), entry_value(chain));
        if (!*end) {
            chain_destroy(alloc, *copy);
            *copy = NULL;
            return false;
        }
        end = &(*end)->next;
    }
    return true;
}

static uint64_t hash_of(const struct bmap *map, struct bytes key)
{
    return hash_bytes(key.data, key.len, map->seed);
}

static struct bmap_entry *find(const struct bmap *map, uint64_t hash, struct bytes key)
{
    const uint64_t *chain = hmap_find(&map->chains, hash);
    struct bmap_entry *entry = chain ? entry_of(*chain) : NULL;
    while (entry && !bytes_equal(entry_key(entry), key))
        entry = entry->next;
    return entry;
}

void bmap_init(struct bmap *map, struct allocator *alloc, uint64_t seed)
{
    *map = (struct bmap){.seed = seed};
    hmap_init(&map->chains, alloc);
}

void bmap_clear(struct bmap *map)
{
    size_t cursor = 0;
    uint64_t hash, chain;
    while (hmap_next(&map->chains, &cursor, &hash, &chain))
        chain_destroy(map->chains.alloc, entry_of(chain));
    hmap_clear(&map->chains);
    map->count = 0;
}

void bmap_fini(struct bmap *map)
{
    bmap_clear(map);
    hmap_fini(&map->chains);
}

/* The index is copied as it is, so that the order stays; then each chain is replaced by its copy.
 */
bool bmap_clone(struct bmap *dst, const struct bmap *src, struct allocator *alloc)
{
    bmap_init(dst, alloc, src->seed);
    if (!hmap_clone(&dst->chains, &src->chains, alloc))
        return false;

    bool ok = true;
    size_t cursor = 0;
    uint64_t hash, chain;
    while (hmap_next(&dst->chains, &cursor, &hash, &chain)) {
        struct bmap_entry *copy = NULL;
        ok = ok && chain_clone(alloc, entry_of(chain), &copy);
        *hmap_find(&dst->chains, hash) = (uintptr_t)copy;
    }
    if (!ok) {
        bmap_fini(dst);
        bmap_init(dst, alloc, src->seed);
        return false;
    }
    dst->count = src->count;
    return true;
}

/* The new entry becomes the first of its chain. */
static enum put_result add(struct bmap *map, uint64_t hash, struct bytes key, struct bytes value)
{
    struct bmap_entry *entry = entry_create(map->chains.alloc, key, value);
    if (!entry)
        return PUT_NO_MEMORY;
    uint64_t next = 0;
    if (hmap_put(&map->chains, hash, (uintptr_t)entry, &next) == PUT_NO_MEMORY) {
        entry_destroy(map->chains.alloc, entry);
        return PUT_NO_MEMORY;
    }
    entry->next = entry_of(next);
    map->count++;
    return PUT_ADDED;
}

/* Puts `with` (NULL: nothing) in the place of an entry in its chain. */
static void relink(struct bmap *map, uint64_t hash, struct bmap_entry *entry,
                   struct bmap_entry *with)
{
    uint64_t *head = hmap_find(&map->chains, hash);
    if (entry_of(*head) == entry) {
        *head = (uintptr_t)with;
        return;
    }
    struct bmap_entry *before = entry_of(*head);
    while (before->next != entry)
        before = before->next;
    before->next = with;
}

enum put_result bmap_put(struct bmap *map, struct bytes key, struct bytes value)
{
    uint64_t hash = hash_of(map, key);
    struct bmap_entry *entry = find(map, hash, key);
    if (!entry)
        return add(map, hash, key, value);

    /* In place where the value fits and does not waste more than half of the room. */
    bool fits = value.len <= entry->room;
    if (!fits || value.len < entry->room / 2) {
        struct bmap_entry *fresh = entry_create(map->chains.alloc, key, value);
        if (fresh) {
            fresh->next = entry->next;
            relink(map, hash, entry, fresh);
            entry_destroy(map->chains.alloc, entry);
            return PUT_REPLACED;
        }
        if (!fits)
            return PUT_NO_MEMORY;
    }
    entry_set_value(entry, value);
    return PUT_REPLACED;
}

bool bmap_get(const struct bmap *map, struct bytes key, struct bytes *value)
{
    const struct bmap_entry *entry = find(map, hash_of(map, key), key);
    if (!entry)
        return false;
    *value = entry_value(entry);
    return true;
}

bool bmap_copy(const struct bmap *map, struct bytes key, void *buf, size_t size, size_t *len)
{
    struct bytes value;
    if (!bmap_get(map, key, &value))
        return false;
    size_t n = min(size, value.len);
    if (n)
        memcpy(buf, value.data, n);
    *len = value.len;
    return true;
}

bool bmap_remove(struct bmap *map, struct bytes key)
{
    uint64_t hash = hash_of(map, key);
    struct bmap_entry *entry = find(map, hash, key);
    if (!entry)
        return false;
    relink(map, hash, entry, entry->next);
    if (*hmap_find(&map->chains, hash) == 0)
        hmap_remove(&map->chains, hash, NULL);
    entry_destroy(map->chains.alloc, entry);
    map->count--;
    return true;
}

bool bmap_shrink(struct bmap *map)
{
    return hmap_shrink(&map->chains);
}

bool bmap_next(const struct bmap *map, struct bmap_cursor *cursor, struct bytes *key,
               struct bytes *value)
{
    const struct bmap_entry *entry = cursor->next;
    if (!entry) {
        uint64_t hash, chain;
        if (!hmap_next(&map->chains, &cursor->chain, &hash, &chain))
            return false;
        entry = entry_of(chain);
    }
    cursor->next = entry->next;
    *key = entry_key(entry);
    *value = entry_value(entry);
    return true;
}
