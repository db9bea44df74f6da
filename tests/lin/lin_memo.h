// SPDX-License-Identifier: BSD-2-Clause
// The checker's memory: distinct model states, the set of linearized operations, and the pairs of
// both that the search has been in.
#pragma once

#include "lincheck.h"

struct lin_memo;

/* For histories of n operations. Ends the program when memory is exhausted. */
struct lin_memo *lin_memo_create(size_t n);
void lin_memo_destroy(struct lin_memo *memo);

/* Number of the state with these bytes, stored now if it is new. */
uint32_t lin_memo_intern(struct lin_memo *memo, const struct lin_state *state);

/* Copies the state with that number into state. */
void lin_memo_load(const struct lin_memo *memo, uint32_t number, struct lin_state *state);

/* Adds operation i to the set of linearized operations, or takes it out. */
void lin_memo_add(struct lin_memo *memo, size_t i);
void lin_memo_remove(struct lin_memo *memo, size_t i);

/* Remembers the pair (present set, state); false when it was known. */
bool lin_memo_visit(struct lin_memo *memo, uint32_t state);

/* Bytes in use. */
size_t lin_memo_bytes(const struct lin_memo *memo);

/* malloc, realloc and calloc that end the program with a message instead of failing. */
void *lin_alloc(size_t n, size_t size);
void *lin_realloc(void *old, size_t n, size_t size);
