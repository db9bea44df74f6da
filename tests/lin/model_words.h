// SPDX-License-Identifier: BSD-2-Clause
// Model states as arrays of 64-bit words: what the models have in common.
#pragma once

#include <string.h>

#include "models.h"

static inline uint64_t *words(struct lin_state *s)
{
    return (uint64_t *)(void *)s->bytes;
}

static inline size_t word_count(const struct lin_state *s)
{
    return s->len / sizeof(uint64_t);
}

/* Inserts n words in front of index at. */
static inline void words_insert(struct lin_state *s, size_t at, const uint64_t *values, size_t n)
{
    size_t count = word_count(s);
    lin_state_resize(s, (count + n) * sizeof(uint64_t));
    memmove(words(s) + at + n, words(s) + at, (count - at) * sizeof(uint64_t));
    memcpy(words(s) + at, values, n * sizeof(uint64_t));
}

/* Removes n words from index at on. */
static inline void words_remove(struct lin_state *s, size_t at, size_t n)
{
    size_t count = word_count(s);
    memmove(words(s) + at, words(s) + at + n, (count - at - n) * sizeof(uint64_t));
    lin_state_resize(s, (count - n) * sizeof(uint64_t));
}

/* Whether the recorded response is (r0, r1); anything is right while there is none. */
static inline bool answers(const struct lin_op *op, uint64_t r0, uint64_t r1)
{
    return !lin_op_answered(op) || (op->resp[0] == r0 && op->resp[1] == r1);
}
