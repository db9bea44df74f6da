// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated first-in-first-out queue of uint64_t; pointers can be stored.
 *
 * <nr/options.h> tells what all structures have in common.
 */
#include <nr/options.h>

struct nr_queue;        /* the queue */
struct nr_queue_thread; /* a thread's access to it */

/* Creates an empty queue. config (one log) and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_queue_create(const struct nr_config *config,
                                      const struct nr_options *options, struct nr_queue **queue);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_queue_destroy(struct nr_queue *queue);

/* The instance behind the queue. */
NR_API struct nr *nr_queue_instance(struct nr_queue *queue);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_queue_register(struct nr_queue *queue, unsigned replica,
                                        struct nr_queue_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_queue_unregister(struct nr_queue_thread *thread);

/* Adds a value at the back. NR_OK or NR_ENOMEM. */
NR_API enum nr_status nr_queue_push(struct nr_queue_thread *thread, uint64_t value);

/* Takes the value at the front and stores it in *value. NR_EEMPTY: there is none. Never needs
 * memory. */
NR_API enum nr_status nr_queue_pop(struct nr_queue_thread *thread, uint64_t *value);

/* Stores the value at the front in *value and leaves it where it is. NR_EEMPTY: there is none. */
NR_API enum nr_status nr_queue_peek(struct nr_queue_thread *thread, uint64_t *value);

/* The number of values. */
NR_API uint64_t nr_queue_len(struct nr_queue_thread *thread);

/* Removes all values and frees their memory. */
NR_API void nr_queue_clear(struct nr_queue_thread *thread);

/* Hand in a mutation; contract of nr_submit: they take effect in order, NR_EAGAIN if the batch is
 * full. */
NR_API enum nr_status nr_queue_submit_push(struct nr_queue_thread *thread, uint64_t value);
NR_API enum nr_status nr_queue_submit_pop(struct nr_queue_thread *thread);

/* The answer of the oldest submission: *outcome as from push or pop, and for a pop that found one,
 * *value (NULL allowed). The call itself answers NR_EEMPTY if nothing is submitted, and poll, which
 * does not wait, NR_EAGAIN. */
NR_API enum nr_status nr_queue_collect(struct nr_queue_thread *thread, enum nr_status *outcome,
                                       uint64_t *value);
NR_API enum nr_status nr_queue_poll(struct nr_queue_thread *thread, enum nr_status *outcome,
                                    uint64_t *value);
