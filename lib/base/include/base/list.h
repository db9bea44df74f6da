// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Intrusive lists: the node is a member of the element, so linking never allocates and never fails.
 *
 * struct list   doubly linked and circular through its head; removal knows only the node.
 * struct slist  singly linked, last in first out: free lists.
 *
 * A node that is zeroed, or was removed, is unlinked; a linked node must not be linked again.
 */
#include <base/bits.h>

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

/* Initialiser of an empty list that has a name at compile time. */
#define LIST_INIT(name)                \
    {                                  \
        {                              \
            &(name).head, &(name).head \
        }                              \
    }

/* The element that holds a node. */
#define list_entry(node, type, member) container_of(node, type, member)

/* Visits the nodes in order; the loop body may not unlink `node`. */
#define list_for_each(node, list) \
    for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)

/* The same for loops that may unlink (and free) `node`, but not its successor. */
#define list_for_each_safe(node, list)                                           \
    for (struct list_node *node = (list)->head.next, *node##_next_ = node->next; \
         node != &(list)->head; node = node##_next_, node##_next_ = node->next)

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_is_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_after(struct list_node *where, struct list_node *node)
{
    node->prev = where;
    node->next = where->next;
    where->next->prev = node;
    where->next = node;
}

static inline void list_insert_before(struct list_node *where, struct list_node *node)
{
    list_insert_after(where->prev, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_after(&list->head, node);
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_before(&list->head, node);
}

/* Unlinks a linked node from the list it is in. */
static inline void list_remove(struct list_node *node)
{
    node->next->prev = node->prev;
    node->prev->next = node->next;
    node->next = NULL;
    node->prev = NULL;
}

/* First and last node, NULL if the list is empty. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.prev;
}

/* Neighbours of a linked node, NULL at the ends. */
static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

static inline struct list_node *list_prev(const struct list *list, const struct list_node *node)
{
    return node->prev == &list->head ? NULL : node->prev;
}

/* Unlinks and returns an end of the list, NULL if it is empty. */
static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node)
        list_remove(node);
    return node;
}

static inline struct list_node *list_pop_back(struct list *list)
{
    struct list_node *node = list_last(list);
    if (node)
        list_remove(node);
    return node;
}

/* Appends all of `from` to `list`, in order; `from` is empty afterwards. */
static inline void list_splice_back(struct list *list, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->head.next->prev = list->head.prev;
    list->head.prev->next = from->head.next;
    from->head.prev->next = &list->head;
    list->head.prev = from->head.prev;
    list_init(from);
}

struct slist_node {
    struct slist_node *next;
};

/* Zeroed = empty. */
struct slist {
    struct slist_node *first;
};

static inline bool slist_is_empty(const struct slist *list)
{
    return list->first == NULL;
}

static inline void slist_push(struct slist *list, struct slist_node *node)
{
    node->next = list->first;
    list->first = node;
}

/* Unlinks and returns the node pushed last, NULL if the list is empty. */
static inline struct slist_node *slist_pop(struct slist *list)
{
    struct slist_node *node = list->first;
    if (node) {
        list->first = node->next;
        node->next = NULL;
    }
    return node;
}
