// SPDX-License-Identifier: BSD-2-Clause
#include <base/list.h>

#include "support.h"

struct item {
    int value;
    struct list_node node;
};

/* The list holds exactly `n` values, in this order, also when read backwards. */
static void assert_values(const struct list *list, const int *values, size_t n)
{
    size_t i = 0;
    list_for_each (node, list) {
        assert_true(i < n);
        assert_int_equal(list_entry(node, struct item, node)->value, values[i]);
        i++;
    }
    assert_int_equal(i, n);
    for (struct list_node *node = list_last(list); node; node = list_prev(list, node))
        assert_int_equal(list_entry(node, struct item, node)->value, values[--i]);
    assert_int_equal(i, 0);
    assert_int_equal(list_is_empty(list), n == 0);
}

static void nodes_keep_their_order(void **state)
{
    (void)state;
    struct list list = LIST_INIT(list);
    struct item items[5] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    assert_values(&list, NULL, 0);
    assert_null(list_first(&list));
    assert_null(list_pop_front(&list));
    assert_null(list_pop_back(&list));

    list_push_back(&list, &items[2].node);
    list_push_front(&list, &items[0].node);
    list_push_back(&list, &items[4].node);
    list_insert_after(&items[0].node, &items[1].node);
    list_insert_before(&items[4].node, &items[3].node);
    assert_values(&list, (const int[]){0, 1, 2, 3, 4}, 5);
    assert_ptr_equal(list_next(&list, &items[0].node), &items[1].node);
    assert_null(list_next(&list, &items[4].node));
    assert_null(list_prev(&list, &items[0].node));

    list_remove(&items[2].node);
    assert_false(list_is_linked(&items[2].node));
    assert_true(list_is_linked(&items[3].node));
    assert_values(&list, (const int[]){0, 1, 3, 4}, 4);
    assert_ptr_equal(list_pop_front(&list), &items[0].node);
    assert_ptr_equal(list_pop_back(&list), &items[4].node);
    assert_values(&list, (const int[]){1, 3}, 2);
    assert_ptr_equal(list_first(&list), &items[1].node);
}

static void safe_iteration_survives_removal(void **state)
{
    (void)state;
    struct list list;
    list_init(&list);
    struct item items[6] = {0};
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        list_push_back(&list, &items[i].node);
    }
    list_for_each_safe (node, &list) {
        struct item *item = list_entry(node, struct item, node);
        if (item->value % 2 == 0) {
            list_remove(node);
            item->value = -1;
        }
    }
    assert_values(&list, (const int[]){1, 3, 5}, 3);
}

static void splicing_moves_everything(void **state)
{
    (void)state;
    struct list a, b;
    list_init(&a);
    list_init(&b);
    struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
    list_splice_back(&a, &b);
    assert_values(&a, NULL, 0);
    list_push_back(&b, &items[0].node);
    list_push_back(&b, &items[1].node);
    list_splice_back(&a, &b);
    assert_values(&a, (const int[]){0, 1}, 2);
    assert_values(&b, NULL, 0);
    list_push_back(&b, &items[2].node);
    list_push_back(&b, &items[3].node);
    list_splice_back(&a, &b);
    assert_values(&a, (const int[]){0, 1, 2, 3}, 4);
}

static void slist_pops_in_reverse(void **state)
{
    (void)state;
    struct slist list = {0};
    struct slist_node nodes[3] = {0};
    assert_true(slist_is_empty(&list));
    assert_null(slist_pop(&list));
    for (int i = 0; i < 3; i++)
        slist_push(&list, &nodes[i]);
    assert_false(slist_is_empty(&list));
    for (int i = 2; i >= 0; i--)
        assert_ptr_equal(slist_pop(&list), &nodes[i]);
    assert_true(slist_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_keep_their_order),
        cmocka_unit_test(safe_iteration_survives_removal),
        cmocka_unit_test(splicing_moves_everything),
        cmocka_unit_test(slist_pops_in_reverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
