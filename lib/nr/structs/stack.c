// SPDX-License-Identifier: BSD-2-Clause
/* <nr/stack.h>: a fifo for each replica, used at one end. */
#include <nr/stack.h>

#define LINE_POP          fifo_pop_back
#define LINE_FIRST(count) ((count)-1)
#include "line.inc"

static struct shared *shared_of(struct nr_stack *stack)
{
    return (struct shared *)stack;
}

static struct line_thread *thread_of(struct nr_stack_thread *thread)
{
    return (struct line_thread *)thread;
}

enum nr_status nr_stack_create(const struct nr_config *config, const struct nr_options *options,
                               struct nr_stack **stack)
{
    struct shared *shared;
    enum nr_status status = shared_create(&line_type, config, options, &shared);
    *stack = (struct nr_stack *)shared;
    return status;
}

enum nr_status nr_stack_destroy(struct nr_stack *stack)
{
    return shared_destroy(shared_of(stack));
}

struct nr *nr_stack_instance(struct nr_stack *stack)
{
    return shared_of(stack)->nr;
}

enum nr_status nr_stack_register(struct nr_stack *stack, unsigned replica,
                                 struct nr_stack_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(stack)->nr, replica, &untyped);
    *thread = (struct nr_stack_thread *)untyped;
    return status;
}

void nr_stack_unregister(struct nr_stack_thread *thread)
{
    line_unregister(thread_of(thread));
}

enum nr_status nr_stack_push(struct nr_stack_thread *thread, uint64_t value)
{
    return line_execute(thread_of(thread), &(struct line_op){value, PUSH, 0}).status;
}

enum nr_status nr_stack_pop(struct nr_stack_thread *thread, uint64_t *value)
{
    return line_give(line_execute(thread_of(thread), &(struct line_op){0, POP, 0}), value);
}

enum nr_status nr_stack_peek(struct nr_stack_thread *thread, uint64_t *value)
{
    return line_give(line_query(thread_of(thread), &(enum line_query){PEEK}), value);
}

uint64_t nr_stack_len(struct nr_stack_thread *thread)
{
    return line_query(thread_of(thread), &(enum line_query){LEN}).value;
}

void nr_stack_clear(struct nr_stack_thread *thread)
{
    (void)line_execute(thread_of(thread), &(struct line_op){0, CLEAR, 0});
}

enum nr_status nr_stack_submit_push(struct nr_stack_thread *thread, uint64_t value)
{
    return line_submit(thread_of(thread), &(struct line_op){value, PUSH, 0});
}

enum nr_status nr_stack_submit_pop(struct nr_stack_thread *thread)
{
    return line_submit(thread_of(thread), &(struct line_op){0, POP, 0});
}

enum nr_status nr_stack_collect(struct nr_stack_thread *thread, enum nr_status *outcome,
                                uint64_t *value)
{
    struct line_answer answer;
    enum nr_status status = line_collect(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = line_give(answer, value);
    return status;
}

enum nr_status nr_stack_poll(struct nr_stack_thread *thread, enum nr_status *outcome,
                             uint64_t *value)
{
    struct line_answer answer;
    enum nr_status status = line_poll(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = line_give(answer, value);
    return status;
}
