// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Ordered map from uint64_t to uint64_t: a B+-tree.
 *
 * 1. Shape. Leaves hold up to 30 entries and are linked in both directions; inner nodes hold up to
 * 31 separators and 32 children. Separator i is at least every key below child i and smaller than
 * every key below child i + 1. All leaves have the same depth (`height` counts the levels of inner
 * nodes). A node is 512 bytes, eight cache lines, of which a search reads about four.
 *
 * 2. Unused keys hold UINT64_MAX, so a node is searched in five steps without branches, whatever
 * its count: the rank of a key is the number of node keys below it, and no padding is below any
 * key.
 *
 * 3. Filling. A split halves a node, except when the new key is the largest of the tree: then the
 * full node stays full, so that keys inserted in ascending order fill nodes completely. Therefore
 * nodes on the right edge may have any count from 1; all others have at least BTREE_MIN keys,
 * except the root.
 *
 * 4. Memory. An empty tree allocates nothing. An insertion allocates all nodes that its splits need
 * before it changes anything, so it fails atomically; removal never allocates and never fails.
 *
 * The shape is a function of the sequence of operations only: equal on all replicas, which
 * therefore allocate at the same operations. Not thread-safe; readers may run in parallel.
 */
#include <base/alloc.h>
#include <base/bits.h>
#include <base/put.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BTREE_NODE_KEYS = 31, /* 2^5 - 1: five steps of binary search */
    BTREE_LEAF_MAX = 30,  /* fills 512 bytes together with the links */
    BTREE_MIN = 10, /* a third: far enough from a half that nodes do not split and merge in turn */
    BTREE_HEIGHT_MAX =
        18, /* 2^55 leaves fill the address space; 11 children each: 55 / log2(11) + 2 */
};

struct btree_node {
    uint64_t keys[BTREE_NODE_KEYS];
};

struct btree_leaf {
    struct btree_node node;
    uint64_t values[BTREE_LEAF_MAX];
    struct btree_leaf *next;
    struct btree_leaf *prev;
    uint64_t count;
};

struct btree_inner {
    struct btree_node node;
    struct btree_node *children[BTREE_NODE_KEYS + 1];
    uint64_t count; /* separators; one less than children */
};

struct btree {
    struct btree_node *root; /* never NULL: an empty tree has a constant empty leaf */
    unsigned height;
    size_t count;
    struct allocator *alloc;
};

/* A place in the order of the keys; leaf is NULL when there is none. Invalid once an entry was
 * added or removed; values may be replaced. */
struct btree_cursor {
    struct btree_leaf *leaf;
    size_t index;
};

/* Called with entries in ascending order; may replace *value. Returns whether to go on. */
typedef bool btree_visit_fn(void *ctx, uint64_t key, uint64_t *value);

/* Makes an empty tree; never fails. `alloc` must outlive it. */
void btree_init(struct btree *tree, struct allocator *alloc);

/* Removes all entries and frees all memory; the tree stays usable. */
void btree_clear(struct btree *tree);

/* Makes dst (uninitialised) an equal tree of the same shape with memory from `alloc`. Returns false
 * if there is no memory; dst is an empty tree then. */
bool btree_clone(struct btree *dst, const struct btree *src, struct allocator *alloc)
    __attribute__((warn_unused_result));

/* Sets the key's value. On PUT_REPLACED, *old (NULL allowed) gets the previous one. */
enum put_result btree_put(struct btree *tree, uint64_t key, uint64_t value, uint64_t *old);

/* Removes the key and returns true, its value in *old (NULL allowed), or returns false. */
bool btree_remove(struct btree *tree, uint64_t key, uint64_t *old);

/* Visits the entries with from <= key <= to until fn says no; returns whether it never did. fn may
 * not add or remove entries. */
bool btree_scan(const struct btree *tree, uint64_t from, uint64_t to, btree_visit_fn *fn,
                void *ctx);

/* The smallest and the largest entry. */
struct btree_cursor btree_first(const struct btree *tree);
struct btree_cursor btree_last(const struct btree *tree);

static inline size_t btree_count(const struct btree *tree)
{
    return tree->count;
}

/* Number of keys in the node that are smaller than `key`. */
static inline size_t btree_rank(const struct btree_node *node, uint64_t key)
{
    size_t i = (size_t)(node->keys[15] < key) << 4;
    i += (size_t)(node->keys[i + 7] < key) << 3;
    i += (size_t)(node->keys[i + 3] < key) << 2;
    i += (size_t)(node->keys[i + 1] < key) << 1;
    i += (size_t)(node->keys[i] < key);
    return i;
}

/* The leaf where the key is, if anywhere. */
static inline struct btree_leaf *btree_leaf_for(const struct btree *tree, uint64_t key)
{
    struct btree_node *node = tree->root;
    for (unsigned level = tree->height; level > 0; level--)
        node = ((struct btree_inner *)node)->children[btree_rank(node, key)];
    return (struct btree_leaf *)node;
}

/* Returns the place of the key's value, valid until an entry is added or removed, or NULL. */
static inline uint64_t *btree_find(const struct btree *tree, uint64_t key)
{
    struct btree_leaf *leaf = btree_leaf_for(tree, key);
    size_t i = btree_rank(&leaf->node, key);
    return i < leaf->count && leaf->node.keys[i] == key ? &leaf->values[i] : NULL;
}

/* Stores the key's value in *value and returns true, or returns false. */
static inline bool btree_get(const struct btree *tree, uint64_t key, uint64_t *value)
{
    const uint64_t *place = btree_find(tree, key);
    if (!place)
        return false;
    *value = *place;
    return true;
}

static inline bool btree_cursor_valid(struct btree_cursor cursor)
{
    return cursor.leaf != NULL;
}

/* Key and value at a valid cursor. */
static inline uint64_t btree_cursor_key(struct btree_cursor cursor)
{
    return cursor.leaf->node.keys[cursor.index];
}

static inline uint64_t *btree_cursor_value(struct btree_cursor cursor)
{
    return &cursor.leaf->values[cursor.index];
}

/* Moves a valid cursor to the next larger and the next smaller entry; invalid if there is none. */
static inline void btree_cursor_next(struct btree_cursor *cursor)
{
    if (++cursor->index >= cursor->leaf->count)
        *cursor = (struct btree_cursor){.leaf = cursor->leaf->next};
}

static inline void btree_cursor_prev(struct btree_cursor *cursor)
{
    if (cursor->index == 0) {
        cursor->leaf = cursor->leaf->prev;
        cursor->index = cursor->leaf ? cursor->leaf->count : 1;
    }
    cursor->index--;
}

/* The entry with the smallest key >= `key`. */
static inline struct btree_cursor btree_lower_bound(const struct btree *tree, uint64_t key)
{
    struct btree_leaf *leaf = btree_leaf_for(tree, key);
    size_t i = btree_rank(&leaf->node, key);
    return i < leaf->count ? (struct btree_cursor){leaf, i} : (struct btree_cursor){leaf->next, 0};
}

/* The entry with the largest key <= `key`. */
static inline struct btree_cursor btree_floor(const struct btree *tree, uint64_t key)
{
    struct btree_leaf *leaf = btree_leaf_for(tree, key);
    struct btree_cursor cursor = {leaf, btree_rank(&leaf->node, key)};
    if (cursor.index >= leaf->count || leaf->node.keys[cursor.index] != key)
        btree_cursor_prev(&cursor);
    return cursor;
}
