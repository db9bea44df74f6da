// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated priority queue: the smallest priority comes out first, and of equal ones the item
 * that went in first.
 *
 * <nr/options.h> tells what all structures have in common.
 */
#include <nr/options.h>

struct nr_pqueue;        /* the priority queue */
struct nr_pqueue_thread; /* a thread's access to it */

struct nr_item {
    uint64_t priority;
    uint64_t value;
};

/* Creates an empty queue. config (one log) and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_pqueue_create(const struct nr_config *config,
                                       const struct nr_options *options, struct nr_pqueue **pqueue);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_pqueue_destroy(struct nr_pqueue *pqueue);

/* The instance behind the queue. */
NR_API struct nr *nr_pqueue_instance(struct nr_pqueue *pqueue);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_pqueue_register(struct nr_pqueue *pqueue, unsigned replica,
                                         struct nr_pqueue_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_pqueue_unregister(struct nr_pqueue_thread *thread);

/* Adds an item. NR_OK or NR_ENOMEM. */
NR_API enum nr_status nr_pqueue_push(struct nr_pqueue_thread *thread, struct nr_item item);

/* Takes the first item and stores it in *item. NR_EEMPTY: there is none. Never needs memory. */
NR_API enum nr_status nr_pqueue_pop(struct nr_pqueue_thread *thread, struct nr_item *item);

/* Stores the first item in *item and leaves it where it is. NR_EEMPTY: there is none. */
NR_API enum nr_status nr_pqueue_peek(struct nr_pqueue_thread *thread, struct nr_item *item);

/* The number of items. */
NR_API uint64_t nr_pqueue_len(struct nr_pqueue_thread *thread);

/* Removes all items and frees their memory. */
NR_API void nr_pqueue_clear(struct nr_pqueue_thread *thread);

/* Hand in a mutation; contract of nr_submit: they take effect in order, NR_EAGAIN if the batch is
 * full. */
NR_API enum nr_status nr_pqueue_submit_push(struct nr_pqueue_thread *thread, struct nr_item item);
NR_API enum nr_status nr_pqueue_submit_pop(struct nr_pqueue_thread *thread);

/* The answer of the oldest submission: *outcome as from push or pop, and for a pop that found one,
 * *item (NULL allowed). The call itself answers NR_EEMPTY if nothing is submitted, and poll, which
 * does not wait, NR_EAGAIN. */
NR_API enum nr_status nr_pqueue_collect(struct nr_pqueue_thread *thread, enum nr_status *outcome,
                                        struct nr_item *item);
NR_API enum nr_status nr_pqueue_poll(struct nr_pqueue_thread *thread, enum nr_status *outcome,
                                     struct nr_item *item);
