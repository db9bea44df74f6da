// SPDX-License-Identifier: BSD-2-Clause
// Plain sequential models of the structures under test, for lincheck.
//
// Values are 64-bit numbers; a structure of byte strings is recorded by the numbers of its keys.
// Each kind lists: name(arg...) -> resp...
#pragma once

#include "lincheck.h"

enum register_op {
    REG_READ,  /* read() -> value */
    REG_WRITE, /* write(value) */
    REG_CAS,   /* cas(expected, value) -> swapped */
};

enum queue_op {
    QUEUE_PUSH,  /* push(value) -> accepted: false when the queue is full */
    QUEUE_POP,   /* pop() -> found, value */
    QUEUE_PEEK,  /* peek() -> found, value: what pop would give */
    QUEUE_LEN,   /* len() -> count */
    QUEUE_CLEAR, /* clear() */
};

/* A priority queue's item is a number: the lowest byte is the priority, the rest tells items
 * apart. */
static inline uint64_t pqueue_priority(uint64_t item)
{
    return item & 0xff;
}

enum map_op {
    MAP_PUT,     /* put(key, value) -> outcome, old value */
    MAP_GET,     /* get(key) -> outcome, value */
    MAP_REMOVE,  /* remove(key) -> outcome, old value */
    MAP_LEN,     /* len() -> count */
    MAP_MOVE,    /* move(from, to) -> outcome: replaces what is at to if from is there */
    MAP_CLEAR,   /* clear() -> count removed */
    MAP_RANGE,   /* range(lo, hi, limit) -> out: key, value, key, value, ... ascending, lo <= key <
                    hi */
    MAP_BELOW,   /* below(hi) -> out: the largest key < hi, its value; nothing if there is none */
    MAP_INSERT,  /* insert(key, value) -> outcome, value found: sets a new key only */
    MAP_REPLACE, /* replace(key, value) -> outcome, old value: sets an existing key only */
    MAP_CAS,     /* cas(key, expected, value) -> outcome, value found: sets one that is expected */
    MAP_ADD,     /* add(key, amount) -> outcome, sum: a new key counts as 0 */
};

/* What an operation on a map came to. */
enum map_outcome {
    MAP_ABSENT,  /* the key was not there */
    MAP_FOUND,   /* it was there */
    MAP_KEPT,    /* it was there and, against the operation's aim, keeps its value */
    MAP_DONE,    /* absent or found, which was not told */
    MAP_NO_ROOM, /* absent, and could not be added for lack of memory */
    MAP_REFUSED, /* not even looked up, for lack of memory */
};

/* Beside an outcome: the value was not told; in place of the count of clear: neither was this. */
#define MAP_UNTOLD ((uint64_t)1 << 32)

extern const struct lin_model model_register; /* one register, 0 at first */
extern const struct lin_model model_fifo;     /* unbounded queue, first in first out */
extern const struct lin_model model_stack;    /* last in first out */
extern const struct lin_model model_pqueue;   /* smallest priority first, of equals the oldest */
extern const struct lin_model model_map;      /* split by key unless an operation spans keys */
