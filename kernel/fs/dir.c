// SPDX-License-Identifier: BSD-2-Clause
//
// Directories: a B-tree from key to entry.
//
// The key is a hash of the name and a number (state.h), so that it can be the position in a
// listing: it means the same as long as the entry lives, whatever comes and goes around it. A name
// is looked for among the few entries whose keys share its hash; there may be gaps between their
// numbers.

#include "state.h"

#define GROUP_SIZE (UINT64_C(1) << GROUP_BITS)

/* 46 bits, so that positions are positive numbers also where they are signed. Never 0, so that keys
 * are above the positions of "." and "..". */
#define HASH_BITS 46

uint64_t fs_name_group(uint64_t seed, struct bytes name)
{
    uint64_t hash = hash_bytes(name.data, name.len, seed) >> (64 - HASH_BITS);
    return (hash ? hash : 1) << GROUP_BITS;
}

size_t fs_dir_entry_size(size_t len)
{
    return offsetof(struct dir_entry, name) + len;
}

static bool in_group(struct btree_cursor cursor, uint64_t group)
{
    return btree_cursor_valid(cursor) && btree_cursor_key(cursor) < group + GROUP_SIZE;
}

struct dir_entry *fs_dir_find(const struct inode *dir, uint64_t group, struct bytes name,
                              uint64_t *key)
{
    struct btree_cursor at = btree_lower_bound(&dir->tree, group);
    for (; in_group(at, group); btree_cursor_next(&at)) {
        struct dir_entry *entry = fs_entry_at(at);
        if (bytes_equal(bytes_of(entry->name, entry->len), name)) {
            if (key)
                *key = btree_cursor_key(at);
            return entry;
        }
    }
    return NULL;
}

struct dir_entry *fs_dir_at(const struct inode *dir, const struct fs_old_name *old)
{
    uint64_t value;
    if (!btree_get(&dir->tree, old->key, &value))
        return NULL;
    struct dir_entry *entry = (struct dir_entry *)value;
    return entry->stamp == old->stamp ? entry : NULL;
}

bool fs_dir_slot(const struct inode *dir, uint64_t group, uint64_t *key)
{
    struct btree_cursor at = btree_lower_bound(&dir->tree, group);
    for (*key = group; in_group(at, group); btree_cursor_next(&at), ++*key) {
        if (btree_cursor_key(at) != *key)
            return true;
    }
    return *key < group + GROUP_SIZE;
}

void fs_dir_add(struct fs_state *state, struct inode *dir, const struct fs_new_name *name,
                const struct inode *inode, uint64_t key)
{
    struct dir_entry *entry =
        allocator_alloc(fs_pool(state, dir->ino), fs_dir_entry_size(name->len), 8);
    entry->ino = inode->ino;
    entry->stamp = name->stamp;
    entry->kind = (uint8_t)inode->kind;
    entry->len = (uint8_t)name->len;
    memcpy(entry->name, name->text, name->len);
    (void)btree_put(&dir->tree, key, (uint64_t)entry, NULL);
}

void fs_dir_remove(struct fs_state *state, struct inode *dir, uint64_t key)
{
    uint64_t value = 0;
    (void)btree_remove(&dir->tree, key, &value);
    struct dir_entry *entry = (struct dir_entry *)value;
    allocator_free(fs_pool(state, dir->ino), entry, fs_dir_entry_size(entry->len));
}

/* --- Listing --- */

static void put_entry(struct fs_entry *out, uint64_t ino, uint32_t kind, struct bytes name)
{
    out->ino = ino;
    out->kind = (uint8_t)kind;
    out->name_len = (uint8_t)name.len;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = 0;
}

/* Positions 0 and 1 are "." and "..", all others the first key that may come next. */
struct fs_result fs_dir_list(const struct fs_state *state, const struct fs_query *query)
{
    static const char dots[] = "..";
    const struct inode *dir = fs_inode(state, query->ino);
    struct fs_entry *out = query->out;
    struct fs_result result = {.err = KERR_OK};
    uint64_t position = query->offset;
    if (!dir || dir->links == 0)
        return (struct fs_result){.err = KERR_NOT_FOUND};
    for (; position < 2 && result.value < query->len; position++, result.value++, out++) {
        put_entry(out, position ? dir->parent : dir->ino, FS_DIRECTORY,
                  bytes_of(dots, position + 1));
        out->next = position + 1;
    }
    struct btree_cursor at = btree_lower_bound(&dir->tree, position);
    for (; btree_cursor_valid(at) && result.value < query->len; result.value++, out++) {
        const struct dir_entry *entry = fs_entry_at(at);
        put_entry(out, entry->ino, entry->kind, bytes_of(entry->name, entry->len));
        out->next = btree_cursor_key(at) + 1;
        btree_cursor_next(&at);
    }
    return result;
}
