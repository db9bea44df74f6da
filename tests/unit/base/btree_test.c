// SPDX-License-Identifier: BSD-2-Clause
#include <base/btree.h>

#include "support.h"

/* ---- The invariants of btree.h ----------------------------------------------------------- */

struct walk {
    unsigned height;
    const struct btree_leaf *last;
    size_t count;
};

/* Checks the subtree whose keys must lie in (above, upto]; no lower bound if !bounded. */
static void check_node(struct walk *walk, const struct btree_node *node, unsigned level,
                       bool bounded, uint64_t above, uint64_t upto, bool right_edge)
{
    const struct btree_inner *inner = (const struct btree_inner *)node;
    const struct btree_leaf *leaf = (const struct btree_leaf *)node;
    uint64_t count = level ? inner->count : leaf->count;
    assert_true(count >= (right_edge ? 1 : BTREE_MIN));
    assert_true(count <= (level ? BTREE_NODE_KEYS : BTREE_LEAF_MAX));
    for (uint64_t i = 0; i < BTREE_NODE_KEYS; i++) {
        if (i >= count) {
            assert_int_equal(node->keys[i], UINT64_MAX);
            continue;
        }
        assert_true(i > 0 ? node->keys[i] > node->keys[i - 1] : !bounded || node->keys[i] > above);
        assert_true(node->keys[i] <= upto);
    }
    if (level == 0) {
        assert_ptr_equal(leaf->prev, walk->last);
        if (walk->last)
            assert_ptr_equal(walk->last->next, leaf);
        walk->last = leaf;
        walk->count += count;
        return;
    }
    for (uint64_t i = 0; i <= count; i++)
        check_node(walk, inner->children[i], level - 1, i > 0 || bounded,
                   i > 0 ? node->keys[i - 1] : above, i < count ? node->keys[i] : upto,
                   right_edge && i == count);
}

static void assert_sound(const struct btree *tree)
{
    struct walk walk = {.height = tree->height};
    if (tree->count)
        check_node(&walk, tree->root, tree->height, false, 0, UINT64_MAX, true);
    else
        assert_int_equal(tree->height, 0);
    if (walk.last)
        assert_null(walk.last->next);
    assert_int_equal(walk.count, btree_count(tree));
}

/* ---- Examples ---------------------------------------------------------------------------- */

static void an_empty_tree_allocates_nothing(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct btree tree, copy;
    btree_init(&tree, &a.base);
    assert_null(btree_find(&tree, 0));
    assert_null(btree_find(&tree, UINT64_MAX));
    assert_false(btree_remove(&tree, 7, NULL));
    assert_false(btree_cursor_valid(btree_first(&tree)));
    assert_false(btree_cursor_valid(btree_last(&tree)));
    assert_false(btree_cursor_valid(btree_lower_bound(&tree, 5)));
    assert_false(btree_cursor_valid(btree_floor(&tree, 5)));
    assert_true(btree_clone(&copy, &tree, &a.base));
    btree_clear(&copy);
    btree_clear(&tree);
    assert_int_equal(a.calls, 0);
}

static void put_tells_what_it_replaced(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct btree tree;
    btree_init(&tree, &a.base);
    const uint64_t keys[] = {0, UINT64_MAX, UINT64_MAX - 1, 1};
    for (size_t i = 0; i < array_count(keys); i++) {
        uint64_t old = 99, value = 0;
        assert_null(btree_find(&tree, keys[i]));
        assert_int_equal(btree_put(&tree, keys[i], 10, &old), PUT_ADDED);
        assert_int_equal(old, 99);
        assert_int_equal(btree_put(&tree, keys[i], 20, &old), PUT_REPLACED);
        assert_int_equal(old, 10);
        assert_int_equal(btree_put(&tree, keys[i], 30, NULL), PUT_REPLACED);
        assert_true(btree_get(&tree, keys[i], &value));
        assert_int_equal(value, 30);
        *btree_find(&tree, keys[i]) = 7;
        assert_int_equal(btree_count(&tree), i + 1);
    }
    assert_int_equal(btree_cursor_key(btree_first(&tree)), 0);
    assert_int_equal(btree_cursor_key(btree_last(&tree)), UINT64_MAX);
    for (size_t i = 0; i < array_count(keys); i++) {
        uint64_t old = 0;
        assert_true(btree_remove(&tree, keys[i], &old));
        assert_int_equal(old, 7);
        assert_false(btree_remove(&tree, keys[i], &old));
    }
    test_alloc_assert_empty(&a); /* the last removal freed the last node */
}

static size_t nodes_of(const struct test_alloc *a)
{
    return a->live_bytes / sizeof(struct btree_leaf);
}

static void ascending_keys_fill_the_nodes(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct btree tree;
    btree_init(&tree, &a.base);
    enum { N = 30 * 31 * 31 };
    for (uint64_t k = 0; k < N; k++)
        assert_int_equal(btree_put(&tree, k * 4096, k, NULL), PUT_ADDED);
    assert_sound(&tree);
    assert_true(nodes_of(&a) < 31 * 31 + 31 + 10);
    for (uint64_t k = 0; k < N; k++) {
        assert_int_equal(*btree_find(&tree, k * 4096), k);
        assert_null(btree_find(&tree, k * 4096 + 1));
    }
    for (uint64_t k = 0; k < N; k++) {
        assert_true(btree_remove(&tree, k * 4096, NULL));
        if (k % 997 == 0)
            assert_sound(&tree);
    }
    test_alloc_assert_empty(&a);
}

static void descending_keys_fill_the_nodes_half(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct btree tree;
    btree_init(&tree, &a.base);
    enum { N = 20000 };
    for (uint64_t k = N; k > 0; k--)
        assert_int_equal(btree_put(&tree, k, k, NULL), PUT_ADDED);
    assert_sound(&tree);
    assert_true(nodes_of(&a) < N / 15 * 18 / 16);
    for (uint64_t k = N; k > 0; k--)
        assert_true(btree_remove(&tree, k, NULL));
    test_alloc_assert_empty(&a);
}

struct scan {
    uint64_t next;
    uint64_t stop;
};

static bool visit(void *ctx, uint64_t key, uint64_t *value)
{
    struct scan *scan = ctx;
    assert_int_equal(key, scan->next);
    assert_int_equal(*value, key + 1);
    *value = 0;
    scan->next += 2;
    return key != scan->stop;
}

static void scans_visit_a_range_in_order(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make();
    struct btree tree;
    btree_init(&tree, &a.base);
    for (uint64_t k = 0; k < 2000; k += 2)
        assert_int_equal(btree_put(&tree, k, k + 1, NULL), PUT_ADDED);
    struct scan scan = {.next = 102, .stop = UINT64_MAX};
    assert_true(btree_scan(&tree, 101, 1000, visit, &scan));
    assert_int_equal(scan.next, 1002);
    assert_int_equal(*btree_find(&tree, 1000), 0);
    assert_int_equal(*btree_find(&tree, 1002), 1003);

    scan = (struct scan){.next = 1002, .stop = 1100};
    assert_false(btree_scan(&tree, 1001, UINT64_MAX, visit, &scan));
    assert_int_equal(scan.next, 1102);
    scan = (struct scan){.next = 1102, .stop = UINT64_MAX};
    assert_true(btree_scan(&tree, 1102, UINT64_MAX, visit, &scan));
    assert_int_equal(scan.next, 2000);
    assert_true(btree_scan(&tree, 1999, UINT64_MAX, visit, &scan));
    assert_true(btree_scan(&tree, 500, 400, visit, &scan));
    btree_clear(&tree);
    test_alloc_assert_empty(&a);
}

/* ---- Properties -------------------------------------------------------------------------- */

enum { KEYS = 3000 };

/* The model: values indexed by the number of the key; key i is i * stride, the last one UINT64_MAX.
 */
struct model {
    uint64_t stride;
    uint64_t values[KEYS];
    bool present[KEYS];
    size_t count;
};

static uint64_t model_key(const struct model *model, size_t i)
{
    return i == KEYS - 1 ? UINT64_MAX : i * model->stride;
}

/* Same entries, forwards and backwards. */
static void assert_model(const struct btree *tree, const struct model *model)
{
    assert_sound(tree);
    assert_int_equal(btree_count(tree), model->count);
    struct btree_cursor up = btree_first(tree);
    for (size_t i = 0; i < KEYS; i++) {
        if (!model->present[i])
            continue;
        assert_true(btree_cursor_valid(up));
        assert_int_equal(btree_cursor_key(up), model_key(model, i));
        assert_int_equal(*btree_cursor_value(up), model->values[i]);
        btree_cursor_next(&up);
    }
    assert_false(btree_cursor_valid(up));
    struct btree_cursor down = btree_last(tree);
    for (size_t i = KEYS; i-- > 0;) {
        if (!model->present[i])
            continue;
        assert_int_equal(btree_cursor_key(down), model_key(model, i));
        btree_cursor_prev(&down);
    }
    assert_false(btree_cursor_valid(down));
}

/* Compares the searches around key i. */
static void assert_searches(const struct btree *tree, const struct model *model, size_t i)
{
    uint64_t key = model_key(model, i), value = 0;
    size_t above = i, below = i;
    while (above < KEYS && !model->present[above])
        above++;
    while (below < KEYS && !model->present[below])
        below--; /* wraps to SIZE_MAX */

    assert_int_equal(btree_get(tree, key, &value), model->present[i]);
    if (model->present[i])
        assert_int_equal(value, model->values[i]);
    struct btree_cursor cursor = btree_lower_bound(tree, key);
    assert_int_equal(btree_cursor_valid(cursor), above < KEYS);
    if (above < KEYS)
        assert_int_equal(btree_cursor_key(cursor), model_key(model, above));
    cursor = btree_floor(tree, key);
    assert_int_equal(btree_cursor_valid(cursor), below < KEYS);
    if (below < KEYS)
        assert_int_equal(btree_cursor_key(cursor), model_key(model, below));
    if (model->stride > 1 && key < UINT64_MAX)
        assert_null(btree_find(tree, key + 1));
}

/* How a run picks keys and how often it adds. */
struct pattern {
    unsigned add;     /* of 256 steps */
    unsigned cluster; /* keys are taken from a window of this size, which wanders */
};

static bool step(struct btree *tree, struct model *model, struct rng *rng, struct pattern pattern,
                 size_t *window)
{
    if (rng_below(rng, 64) == 0)
        *window = rng_below(rng, KEYS);
    size_t i = (*window + rng_below(rng, pattern.cluster)) % KEYS;
    uint64_t key = model_key(model, i), old = 0;
    if (rng_below(rng, 256) < pattern.add) {
        uint64_t value = rng_next(rng);
        enum put_result result = btree_put(tree, key, value, &old);
        if (result == PUT_NO_MEMORY)
            return true;
        assert_int_equal(result, model->present[i] ? PUT_REPLACED : PUT_ADDED);
        if (result == PUT_REPLACED)
            assert_int_equal(old, model->values[i]);
        model->count += !model->present[i];
        model->present[i] = true;
        model->values[i] = value;
    } else {
        assert_int_equal(btree_remove(tree, key, &old), model->present[i]);
        if (model->present[i])
            assert_int_equal(old, model->values[i]);
        model->count -= model->present[i];
        model->present[i] = false;
    }
    return false;
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    static const struct pattern patterns[] = {{200, KEYS}, {70, KEYS}, {230, 40},
                                              {40, 200},   {128, 20},  {10, KEYS}};
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    static struct model model;
    for (int round = 0; round < 6; round++) {
        struct btree tree, copy;
        size_t window = 0;
        model = (struct model){.stride = round % 2 ? 1 : UINT64_C(1) << 40};
        btree_init(&tree, &a.base);
        for (size_t i = 0; i < 4 * array_count(patterns); i++) {
            for (int s = 0; s < 2500; s++) {
                size_t calls = a.calls, removed = model.count;
                assert_false(
                    step(&tree, &model, &rng, patterns[i % array_count(patterns)], &window));
                if (model.count < removed)
                    assert_int_equal(a.calls, calls); /* removal does not allocate */
                if (s % 50 == 0)
                    assert_searches(&tree, &model, rng_below(&rng, KEYS));
                if (s % 250 == 0)
                    assert_model(&tree, &model);
            }
        }
        assert_model(&tree, &model);
        assert_true(btree_clone(&copy, &tree, &b.base));
        assert_int_equal(b.live_blocks, a.live_blocks);
        btree_clear(&tree);
        test_alloc_assert_empty(&a);
        assert_model(&copy, &model);
        btree_clear(&copy);
        test_alloc_assert_empty(&b);
    }
}

/* The n-th allocation fails, for every n that a run has: the step that met it changed nothing, and
 * the tree works on. The runs reach three levels, so that all of an insertion's allocations get
 * their turn. */
static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    struct rng rng = rng_start(__func__);
    struct test_alloc a = test_alloc_make();
    static struct model model;
    bool met = true;
    size_t n;
    for (n = 1; met; n++) {
        struct rng run = rng;
        struct btree tree;
        size_t window = 0;
        model = (struct model){.stride = 3};
        btree_init(&tree, &a.base);
        test_alloc_fail(&a, n, false);
        met = false;
        for (size_t i = 0; i < KEYS / 2; i++) { /* descending: half-full nodes, so height 2 */
            model.present[KEYS - 2 - i] =
                btree_put(&tree, model_key(&model, KEYS - 2 - i), 0, NULL) == PUT_ADDED;
            model.count += model.present[KEYS - 2 - i];
            if (!model.present[KEYS - 2 - i]) {
                assert_false(met);
                met = true;
                assert_model(&tree, &model);
            }
        }
        assert_int_equal(tree.height, 2);
        for (int i = 0; i < 500; i++) {
            if (step(&tree, &model, &run, (struct pattern){200, 60}, &window)) {
                assert_false(met);
                met = true;
                assert_model(&tree, &model);
            }
        }
        assert_model(&tree, &model);
        btree_clear(&tree);
        test_alloc_assert_empty(&a);
    }
    assert_true(n > 100);
}

static void a_failed_clone_is_empty_and_leaks_nothing(void **state)
{
    (void)state;
    struct test_alloc a = test_alloc_make(), b = test_alloc_make();
    struct btree tree, copy;
    btree_init(&tree, &a.base);
    for (uint64_t k = 1500; k > 0; k--)
        assert_int_equal(btree_put(&tree, k, k, NULL), PUT_ADDED);
    size_t nodes = a.live_blocks;
    for (size_t n = 1; n <= nodes; n++) {
        test_alloc_fail(&b, n, n % 2);
        assert_false(btree_clone(&copy, &tree, &b.base));
        test_alloc_assert_empty(&b);
        assert_int_equal(btree_count(&copy), 0);
        assert_false(btree_cursor_valid(btree_first(&copy)));
    }
    test_alloc_fail(&b, nodes + 1, true);
    assert_true(btree_clone(&copy, &tree, &b.base));
    assert_sound(&copy);
    btree_clear(&tree);
    assert_int_equal(*btree_find(&copy, 700), 700);
    btree_clear(&copy);
    test_alloc_assert_empty(&a);
    test_alloc_assert_empty(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_allocates_nothing),
        cmocka_unit_test(put_tells_what_it_replaced),
        cmocka_unit_test(ascending_keys_fill_the_nodes),
        cmocka_unit_test(descending_keys_fill_the_nodes_half),
        cmocka_unit_test(scans_visit_a_range_in_order),
        cmocka_unit_test(behaves_like_the_model),
        cmocka_unit_test(failed_allocations_change_nothing),
        cmocka_unit_test(a_failed_clone_is_empty_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
