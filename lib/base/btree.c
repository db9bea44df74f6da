// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changing a B+-tree. Both operations descend once and remember the path (struct path). An
 * insertion walks it back as far as nodes are full, splitting; a removal as far as nodes are too
 * empty: such a node takes entries over from a sibling, or the two become one. <base/btree.h> has
 * the invariants.
 */
#include <base/btree.h>

_Static_assert(sizeof(struct btree_leaf) == 512, "a leaf is eight cache lines");
_Static_assert(sizeof(struct btree_inner) == 512, "an inner node is eight cache lines");

enum {
    NODE_ALIGN = 64,
    LEAF_SPLIT = BTREE_LEAF_MAX / 2,
    INNER_SPLIT = BTREE_NODE_KEYS / 2,
    /* Siblings with more than this many keys share them instead of merging: a merged node has room
     * for some insertions before it splits again. */
    MERGE_MAX = 24,
};

#define UNUSED_KEY UINT64_MAX
#define UNUSED_8 \
    UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY
#define UNUSED_7 UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY, UNUSED_KEY

/* The root of every empty tree. Never written: insertion replaces it. */
static const struct btree_leaf no_entries = {.node.keys = {UNUSED_8, UNUSED_8, UNUSED_8, UNUSED_7}};

/* The inner nodes from the root (level 0) to above the leaf, and the child taken in each. */
struct path {
    struct btree_inner *nodes[BTREE_HEIGHT_MAX];
    size_t index[BTREE_HEIGHT_MAX];
};

/* ---- Arrays of keys ---------------------------------------------------------------------- */

/* Moves keys [at, count) by one, for a key at `at`. */
static void keys_insert(struct btree_node *node, uint64_t count, uint64_t at, uint64_t key)
{
    memmove(&node->keys[at + 1], &node->keys[at], (count - at) * sizeof node->keys[0]);
    node->keys[at] = key;
}

/* Removes keys [at, at + n) of `count` and pads. */
static void keys_remove(struct btree_node *node, uint64_t count, uint64_t at, uint64_t n)
{
    memmove(&node->keys[at], &node->keys[at + n], (count - at - n) * sizeof node->keys[0]);
    for (uint64_t i = count - n; i < count; i++)
        node->keys[i] = UNUSED_KEY;
}

static void keys_copy(struct btree_node *dst, uint64_t to, const struct btree_node *src,
                      uint64_t from, uint64_t n)
{
    memcpy(&dst->keys[to], &src->keys[from], n * sizeof dst->keys[0]);
}

static void keys_clear(struct btree_node *node)
{
    for (unsigned i = 0; i < BTREE_NODE_KEYS; i++)
        node->keys[i] = UNUSED_KEY;
}

/* ---- Memory ------------------------------------------------------------------------------ */

static void set_empty(struct btree *tree)
{
    tree->root = (struct btree_node *)&no_entries.node;
    tree->height = 0;
    tree->count = 0;
}

static bool is_empty(const struct btree *tree)
{
    return tree->root == &no_entries.node;
}

/* Leaves and inner nodes have the same size. */
static struct btree_node *node_alloc(struct allocator *alloc)
{
    struct btree_node *node = allocator_alloc(alloc, sizeof(struct btree_leaf), NODE_ALIGN);
    if (node)
        keys_clear(node);
    return node;
}

static void node_free(struct allocator *alloc, void *node)
{
    allocator_free(alloc, node, sizeof(struct btree_leaf));
}

/* Frees a node of the given level above the leaves and all below it. Recursion as deep as the tree.
 */
static void subtree_free(struct allocator *alloc, struct btree_node *node, unsigned level)
{
    if (level > 0) {
        struct btree_inner *inner = (struct btree_inner *)node;
        for (uint64_t i = 0; i <= inner->count; i++)
            subtree_free(alloc, inner->children[i], level - 1);
    }
    node_free(alloc, node);
}

/* Returns a copy whose leaves follow *last, which becomes its last leaf, or NULL. */
static struct btree_node *subtree_clone(struct allocator *alloc, const struct btree_node *node,
                                        unsigned level, struct btree_leaf **last)
{
    struct btree_node *copy = allocator_alloc(alloc, sizeof(struct btree_leaf), NODE_ALIGN);
    if (!copy)
        return NULL;
    memcpy(copy, node, sizeof(struct btree_leaf));
    if (level == 0) {
        struct btree_leaf *leaf = (struct btree_leaf *)copy;
        leaf->prev = *last;
        leaf->next = NULL;
        if (*last)
            (*last)->next = leaf;
        *last = leaf;
        return copy;
    }
    struct btree_inner *inner = (struct btree_inner *)copy;
    for (uint64_t i = 0; i <= inner->count; i++) {
        inner->children[i] = subtree_clone(alloc, inner->children[i], level - 1, last);
        if (!inner->children[i]) {
            while (i > 0)
                subtree_free(alloc, inner->children[--i], level - 1);
            node_free(alloc, copy);
            return NULL;
        }
    }
    return copy;
}

void btree_init(struct btree *tree, struct allocator *alloc)
{
    *tree = (struct btree){.alloc = alloc};
    set_empty(tree);
}

void btree_clear(struct btree *tree)
{
    if (!is_empty(tree))
        subtree_free(tree->alloc, tree->root, tree->height);
    set_empty(tree);
}

bool btree_clone(struct btree *dst, const struct btree *src, struct allocator *alloc)
{
    btree_init(dst, alloc);
    if (is_empty(src))
        return true;
    struct btree_leaf *last = NULL;
    struct btree_node *root = subtree_clone(alloc, src->root, src->height, &last);
    if (!root)
        return false;
    dst->root = root;
    dst->height = src->height;
    dst->count = src->count;
    return true;
}

/* ---- Reading ----------------------------------------------------------------------------- */

struct btree_cursor btree_first(const struct btree *tree)
{
    return btree_lower_bound(tree, 0);
}

struct btree_cursor btree_last(const struct btree *tree)
{
    return btree_floor(tree, UINT64_MAX);
}

bool btree_scan(const struct btree *tree, uint64_t from, uint64_t to, btree_visit_fn *fn, void *ctx)
{
    struct btree_cursor cursor = btree_lower_bound(tree, from);
    for (; btree_cursor_valid(cursor); btree_cursor_next(&cursor)) {
        uint64_t key = btree_cursor_key(cursor);
        if (key > to)
            break;
        if (!fn(ctx, key, btree_cursor_value(cursor)))
            return false;
    }
    return true;
}

static struct btree_leaf *descend(const struct btree *tree, uint64_t key, struct path *path)
{
    struct btree_node *node = tree->root;
    for (unsigned level = 0; level < tree->height; level++) {
        path->nodes[level] = (struct btree_inner *)node;
        path->index[level] = btree_rank(node, key);
        node = path->nodes[level]->children[path->index[level]];
    }
    return (struct btree_leaf *)node;
}

/* ---- Insertion --------------------------------------------------------------------------- */

/* The nodes for the splits of one insertion: a leaf, an inner node per level, and a root. */
struct spare {
    struct btree_node *nodes[BTREE_HEIGHT_MAX + 2];
    unsigned count;
};

/* Allocates what inserting below a full leaf at the end of the path needs; all or nothing. */
static bool spare_fill(struct spare *spare, const struct btree *tree, const struct path *path)
{
    unsigned need = 1, level = tree->height;
    while (level > 0 && path->nodes[level - 1]->count == BTREE_NODE_KEYS) {
        need++;
        level--;
    }
    if (level == 0)
        need++; /* even the root is split */
    for (spare->count = 0; spare->count < need; spare->count++) {
        spare->nodes[spare->count] = node_alloc(tree->alloc);
        if (!spare->nodes[spare->count]) {
            while (spare->count > 0)
                node_free(tree->alloc, spare->nodes[--spare->count]);
            return false;
        }
    }
    return true;
}

static struct btree_node *spare_take(struct spare *spare)
{
    return spare->nodes[--spare->count];
}

static void leaf_insert(struct btree_leaf *leaf, uint64_t at, uint64_t key, uint64_t value)
{
    keys_insert(&leaf->node, leaf->count, at, key);
    memmove(&leaf->values[at + 1], &leaf->values[at], (leaf->count - at) * sizeof value);
    leaf->values[at] = value;
    leaf->count++;
}

/* Adds a child behind child `at`, and the separator of the two. */
static void inner_insert(struct btree_inner *inner, uint64_t at, uint64_t separator,
                         struct btree_node *child)
{
    keys_insert(&inner->node, inner->count, at, separator);
    memmove(&inner->children[at + 2], &inner->children[at + 1],
            (inner->count - at) * sizeof(struct btree_node *));
    inner->children[at + 1] = child;
    inner->count++;
}

/* Moves the entries from `at` on into the new leaf `right`. */
static void leaf_split(struct btree_leaf *left, struct btree_leaf *right, uint64_t at)
{
    right->count = left->count - at;
    keys_copy(&right->node, 0, &left->node, at, right->count);
    memcpy(right->values, &left->values[at], right->count * sizeof right->values[0]);
    keys_remove(&left->node, left->count, at, right->count);
    left->count = at;

    right->prev = left;
    right->next = left->next;
    if (right->next)
        right->next->prev = right;
    left->next = right;
}

/* Moves the children behind child `at` into the new node `right`; returns the separator of the two.
 */
static uint64_t inner_split(struct btree_inner *left, struct btree_inner *right, uint64_t at)
{
    uint64_t separator = left->node.keys[at];
    right->count = left->count - at - 1;
    keys_copy(&right->node, 0, &left->node, at + 1, right->count);
    memcpy(right->children, &left->children[at + 1],
           (right->count + 1) * sizeof right->children[0]);
    keys_remove(&left->node, left->count, at, right->count + 1);
    left->count = at;
    return separator;
}

/* Hangs `child`, the right half of the split node at the end of the path, into the tree. `append`:
 * it holds the largest keys of the tree. */
static void insert_child(struct btree *tree, struct path *path, struct spare *spare,
                         uint64_t separator, struct btree_node *child, bool append)
{
    for (unsigned level = tree->height; level > 0; level--) {
        struct btree_inner *inner = path->nodes[level - 1];
        uint64_t at = path->index[level - 1];
        if (inner->count < BTREE_NODE_KEYS) {
            inner_insert(inner, at, separator, child);
            return;
        }
        struct btree_inner *right = (struct btree_inner *)spare_take(spare);
        uint64_t split = append ? BTREE_NODE_KEYS - 1 : INNER_SPLIT;
        uint64_t up = inner_split(inner, right, split);
        if (at <= split)
            inner_insert(inner, at, separator, child);
        else
            inner_insert(right, at - split - 1, separator, child);
        separator = up;
        child = &right->node;
    }
    struct btree_inner *root = (struct btree_inner *)spare_take(spare);
    root->node.keys[0] = separator;
    root->children[0] = tree->root;
    root->children[1] = child;
    root->count = 1;
    tree->root = &root->node;
    tree->height++;
}

static enum put_result insert_first(struct btree *tree, uint64_t key, uint64_t value)
{
    struct btree_leaf *leaf = (struct btree_leaf *)node_alloc(tree->alloc);
    if (!leaf)
        return PUT_NO_MEMORY;
    leaf->next = NULL;
    leaf->prev = NULL;
    leaf->count = 0;
    leaf_insert(leaf, 0, key, value);
    tree->root = &leaf->node;
    tree->count = 1;
    return PUT_ADDED;
}

enum put_result btree_put(struct btree *tree, uint64_t key, uint64_t value, uint64_t *old)
{
    struct path path;
    struct btree_leaf *leaf = descend(tree, key, &path);
    uint64_t at = btree_rank(&leaf->node, key);
    if (at < leaf->count && leaf->node.keys[at] == key) {
        if (old)
            *old = leaf->values[at];
        leaf->values[at] = value;
        return PUT_REPLACED;
    }
    if (is_empty(tree))
        return insert_first(tree, key, value);

    if (leaf->count < BTREE_LEAF_MAX) {
        leaf_insert(leaf, at, key, value);
    } else {
        struct spare spare;
        if (!spare_fill(&spare, tree, &path))
            return PUT_NO_MEMORY;
        bool append = !leaf->next && at == BTREE_LEAF_MAX;
        uint64_t split = append ? BTREE_LEAF_MAX : LEAF_SPLIT;
        struct btree_leaf *right = (struct btree_leaf *)spare_take(&spare);
        leaf_split(leaf, right, split);
        if (at < split)
            leaf_insert(leaf, at, key, value);
        else
            leaf_insert(right, at - split, key, value);
        insert_child(tree, &path, &spare, leaf->node.keys[leaf->count - 1], &right->node, append);
    }
    tree->count++;
    return PUT_ADDED;
}

/* ---- Removal ----------------------------------------------------------------------------- */

static void leaf_remove(struct btree_leaf *leaf, uint64_t at, uint64_t n)
{
    memmove(&leaf->values[at], &leaf->values[at + n],
            (leaf->count - at - n) * sizeof leaf->values[0]);
    keys_remove(&leaf->node, leaf->count, at, n);
    leaf->count -= n;
}

/* Moves the first n entries of `right` to the end of `left`. */
static void leaf_move_left(struct btree_leaf *left, struct btree_leaf *right, uint64_t n)
{
    keys_copy(&left->node, left->count, &right->node, 0, n);
    memcpy(&left->values[left->count], right->values, n * sizeof left->values[0]);
    left->count += n;
    leaf_remove(right, 0, n);
}

/* Moves the last n entries of `left` to the front of `right`. */
static void leaf_move_right(struct btree_leaf *left, struct btree_leaf *right, uint64_t n)
{
    uint64_t from = left->count - n;
    memmove(&right->node.keys[n], right->node.keys, right->count * sizeof(uint64_t));
    memmove(&right->values[n], right->values, right->count * sizeof(uint64_t));
    keys_copy(&right->node, 0, &left->node, from, n);
    memcpy(right->values, &left->values[from], n * sizeof(uint64_t));
    right->count += n;
    leaf_remove(left, from, n);
}

/* Moves the first n children of `right` to the end of `left`, given their separator; returns the
 * new one (meaningless if `right` has no child left). */
static uint64_t inner_move_left(struct btree_inner *left, uint64_t separator,
                                struct btree_inner *right, uint64_t n)
{
    uint64_t moved = right->node.keys[n - 1];
    left->node.keys[left->count] = separator;
    keys_copy(&left->node, left->count + 1, &right->node, 0, n - 1);
    memcpy(&left->children[left->count + 1], right->children, n * sizeof left->children[0]);
    left->count += n;
    if (n > right->count)
        return 0;
    keys_remove(&right->node, right->count, 0, n);
    memmove(right->children, &right->children[n],
            (right->count - n + 1) * sizeof right->children[0]);
    right->count -= n;
    return moved;
}

/* Moves the last n children of `left` to the front of `right`; returns the new separator. */
static uint64_t inner_move_right(struct btree_inner *left, uint64_t separator,
                                 struct btree_inner *right, uint64_t n)
{
    uint64_t from = left->count - n;
    uint64_t moved = left->node.keys[from];
    memmove(&right->node.keys[n], right->node.keys, right->count * sizeof(uint64_t));
    memmove(&right->children[n], right->children, (right->count + 1) * sizeof right->children[0]);
    right->node.keys[n - 1] = separator;
    keys_copy(&right->node, 0, &left->node, from + 1, n - 1);
    memcpy(right->children, &left->children[from + 1], n * sizeof right->children[0]);
    right->count += n;
    keys_remove(&left->node, left->count, from, n);
    left->count = from;
    return moved;
}

/* Evens out two neighbouring leaves; returns whether they became one, `left`. */
static bool leaf_rebalance(struct btree_leaf *left, struct btree_leaf *right, uint64_t *separator)
{
    uint64_t sum = left->count + right->count;
    if (sum <= MERGE_MAX) {
        leaf_move_left(left, right, right->count);
        left->next = right->next;
        if (left->next)
            left->next->prev = left;
        return true;
    }
    if (left->count < right->count)
        leaf_move_left(left, right, sum / 2 - left->count);
    else
        leaf_move_right(left, right, sum / 2 - right->count);
    *separator = left->node.keys[left->count - 1];
    return false;
}

/* The same for inner nodes. */
static bool inner_rebalance(struct btree_inner *left, struct btree_inner *right,
                            uint64_t *separator)
{
    uint64_t sum = left->count + right->count;
    if (sum + 1 <= MERGE_MAX) {
        inner_move_left(left, *separator, right, right->count + 1);
        return true;
    }
    if (left->count < right->count)
        *separator = inner_move_left(left, *separator, right, sum / 2 - left->count);
    else
        *separator = inner_move_right(left, *separator, right, sum / 2 - right->count);
    return false;
}

/* Repairs child `at` of `parent`, which has too few keys, with a sibling. `leaves`: the children
 * are. */
static void repair_child(struct btree *tree, struct btree_inner *parent, uint64_t at, bool leaves)
{
    uint64_t l = at > 0 ? at - 1 : 0;
    struct btree_node *left = parent->children[l], *right = parent->children[l + 1];
    uint64_t *separator = &parent->node.keys[l];
    bool merged =
        leaves
            ? leaf_rebalance((struct btree_leaf *)left, (struct btree_leaf *)right, separator)
            : inner_rebalance((struct btree_inner *)left, (struct btree_inner *)right, separator);
    if (!merged)
        return;
    node_free(tree->alloc, right);
    memmove(&parent->children[l + 1], &parent->children[l + 2],
            (parent->count - l - 1) * sizeof parent->children[0]);
    keys_remove(&parent->node, parent->count, l, 1);
    parent->count--;
}

bool btree_remove(struct btree *tree, uint64_t key, uint64_t *old)
{
    struct path path;
    struct btree_leaf *leaf = descend(tree, key, &path);
    uint64_t at = btree_rank(&leaf->node, key);
    if (at >= leaf->count || leaf->node.keys[at] != key)
        return false;
    if (old)
        *old = leaf->values[at];
    leaf_remove(leaf, at, 1);
    if (--tree->count == 0) {
        btree_clear(tree);
        return true;
    }

    uint64_t keys = leaf->count;
    for (unsigned level = tree->height; level > 0 && keys < BTREE_MIN; level--) {
        struct btree_inner *parent = path.nodes[level - 1];
        repair_child(tree, parent, path.index[level - 1], level == tree->height);
        keys = parent->count;
    }
    if (tree->height > 0 && ((struct btree_inner *)tree->root)->count == 0) {
        struct btree_node *root = tree->root;
        tree->root = ((struct btree_inner *)root)->children[0];
        tree->height--;
        node_free(tree->alloc, root);
    }
    return true;
}
