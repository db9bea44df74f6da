// SPDX-License-Identifier: BSD-2-Clause
/* <nr/queue.h>: a fifo for each replica, used at both ends. */
#include <nr/queue.h>

#define LINE_POP          fifo_pop_front
#define LINE_FIRST(count) 0
#include "line.inc"

static struct shared *shared_of(struct nr_queue *queue)
{
    return (struct shared *)queue;
}

static struct line_thread *thread_of(struct nr_queue_thread *thread)
{
    return (struct line_thread *)thread;
}

enum nr_status nr_queue_create(const struct nr_config *config, const struct nr_options *options,
                               struct nr_queue **queue)
{
    struct shared *shared;
    enum nr_status status = shared_create(&line_type, config, options, &shared);
    *queue = (struct nr_queue *)shared;
    return status;
}

enum nr_status nr_queue_destroy(struct nr_queue *queue)
{
    return shared_destroy(shared_of(queue));
}

struct nr *nr_queue_instance(struct nr_queue *queue)
{
    return shared_of(queue)->nr;
}

enum nr_status nr_queue_register(struct nr_queue *queue, unsigned replica,
                                 struct nr_queue_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(queue)->nr, replica, &untyped);
    *thread = (struct nr_queue_thread *)untyped;
    return status;
}

void nr_queue_unregister(struct nr_queue_thread *thread)
{
    line_unregister(thread_of(thread));
}

enum nr_status nr_queue_push(struct nr_queue_thread *thread, uint64_t value)
{
    return line_execute(thread_of(thread), &(struct line_op){value, PUSH, 0}).status;
}

enum nr_status nr_queue_pop(struct nr_queue_thread *thread, uint64_t *value)
{
    return line_give(line_execute(thread_of(thread), &(struct line_op){0, POP, 0}), value);
}

enum nr_status nr_queue_peek(struct nr_queue_thread *thread, uint64_t *value)
{
    return line_give(line_query(thread_of(thread), &(enum line_query){PEEK}), value);
}

uint64_t nr_queue_len(struct nr_queue_thread *thread)
{
    return line_query(thread_of(thread), &(enum line_query){LEN}).value;
}

void nr_queue_clear(struct nr_queue_thread *thread)
{
    (void)line_execute(thread_of(thread), &(struct line_op){0, CLEAR, 0});
}

enum nr_status nr_queue_submit_push(struct nr_queue_thread *thread, uint64_t value)
{
    return line_submit(thread_of(thread), &(struct line_op){value, PUSH, 0});
}

enum nr_status nr_queue_submit_pop(struct nr_queue_thread *thread)
{
    return line_submit(thread_of(thread), &(struct line_op){0, POP, 0});
}

enum nr_status nr_queue_collect(struct nr_queue_thread *thread, enum nr_status *outcome,
                                uint64_t *value)
{
    struct line_answer answer;
    enum nr_status status = line_collect(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = line_give(answer, value);
    return status;
}

enum nr_status nr_queue_poll(struct nr_queue_thread *thread, enum nr_status *outcome,
                             uint64_t *value)
{
    struct line_answer answer;
    enum nr_status status = line_poll(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = line_give(answer, value);
    return status;
}
