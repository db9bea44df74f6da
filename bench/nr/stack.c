// SPDX-License-Identifier: BSD-2-Clause
// Workload stack: push, pop and peek. Every mutation meets at the top: nothing commutes, no lock
// can be split, and what a method costs under full contention is all that one sees.
#include <nr/nr.h>
#include <stdlib.h>
#include <string.h>

#include "locks.h"
#include "replicated.h"

struct stack {
    uint64_t *values;
    uint64_t depth;
    uint64_t room;
};

static int stack_init(struct stack *stack, void *arg)
{
    const struct bench_setup *setup = arg;
    stack->room = 2 * setup->keys; /* filled to a half, the depth then walks at random */
    stack->depth = 0;
    stack->values = calloc(stack->room, sizeof(*stack->values));
    return stack->values ? NR_OK : NR_ENOMEM;
}

static void stack_fini(struct stack *stack)
{
    free(stack->values);
}

static int stack_clone(struct stack *dst, const struct stack *src, void *arg)
{
    if (stack_init(dst, arg) != NR_OK)
        return NR_ENOMEM;
    dst->depth = src->depth;
    memcpy(dst->values, src->values, src->depth * sizeof(*src->values));
    return NR_OK;
}

/* Pops and returns the top, 0 if there is none; or pushes and returns 0, the value itself when
 * full. */
static inline uint64_t stack_apply(struct stack *stack, const struct bench_op *op)
{
    if (bench_op_removes(op))
        return stack->depth > 0 ? stack->values[--stack->depth] : 0;
    if (stack->depth == stack->room)
        return op->value;
    stack->values[stack->depth++] = op->value;
    return 0;
}

/* Returns the value at a depth below the top; beyond the bottom 0. The measured peek looks at the
 * ones next to the top, which the writers are changing. */
static inline uint64_t stack_read(const struct stack *stack, const struct bench_query *query)
{
    return query->key < stack->depth ? stack->values[stack->depth - 1 - query->key] : 0;
}

BENCH_LOCKED(stack, bare, true);
BENCH_LOCKED(stack, mutex, true);
BENCH_LOCKED(stack, rwlock, true);
BENCH_LOCKED(stack, brlock, true);

NR_DEFINE(stack, struct stack, struct bench_op, uint64_t, struct bench_query, uint64_t);
BENCH_REPLICATED(stack, "stack", "nr", true);
