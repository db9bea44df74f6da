// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated stack of uint64_t; pointers can be stored.
 *
 * <nr/options.h> tells what all structures have in common.
 */
#include <nr/options.h>

struct nr_stack;        /* the stack */
struct nr_stack_thread; /* a thread's access to it */

/* Creates an empty stack. config (one log) and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_stack_create(const struct nr_config *config,
                                      const struct nr_options *options, struct nr_stack **stack);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_stack_destroy(struct nr_stack *stack);

/* The instance behind the stack. */
NR_API struct nr *nr_stack_instance(struct nr_stack *stack);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_stack_register(struct nr_stack *stack, unsigned replica,
                                        struct nr_stack_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_stack_unregister(struct nr_stack_thread *thread);

/* Adds a value on top. NR_OK or NR_ENOMEM. */
NR_API enum nr_status nr_stack_push(struct nr_stack_thread *thread, uint64_t value);

/* Takes the value on top and stores it in *value. NR_EEMPTY: there is none. Never needs memory. */
NR_API enum nr_status nr_stack_pop(struct nr_stack_thread *thread, uint64_t *value);

/* Stores the value on top in *value and leaves it where it is. NR_EEMPTY: there is none. */
NR_API enum nr_status nr_stack_peek(struct nr_stack_thread *thread, uint64_t *value);

/* The number of values. */
NR_API uint64_t nr_stack_len(struct nr_stack_thread *thread);

/* Removes all values and frees their memory. */
NR_API void nr_stack_clear(struct nr_stack_thread *thread);

/* Hand in a mutation; contract of nr_submit: they take effect in order, NR_EAGAIN if the batch is
 * full. */
NR_API enum nr_status nr_stack_submit_push(struct nr_stack_thread *thread, uint64_t value);
NR_API enum nr_status nr_stack_submit_pop(struct nr_stack_thread *thread);

/* The answer of the oldest submission: *outcome as from push or pop, and for a pop that found one,
 * *value (NULL allowed). The call itself answers NR_EEMPTY if nothing is submitted, and poll, which
 * does not wait, NR_EAGAIN. */
NR_API enum nr_status nr_stack_collect(struct nr_stack_thread *thread, enum nr_status *outcome,
                                       uint64_t *value);
NR_API enum nr_status nr_stack_poll(struct nr_stack_thread *thread, enum nr_status *outcome,
                                    uint64_t *value);
