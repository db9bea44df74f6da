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
    QUEUE_PUSH, /* push(value) -> accepted: false when the queue is full */
    QUEUE_POP,  /* pop() -> found, value */
    QUEUE_PEEK, /* peek() -> found, value: what pop would give */
    QUEUE_LEN,  /* len() -> count */
};

enum map_op {
    MAP_PUT,    /* put(key, value) -> replaced, old value */
    MAP_GET,    /* get(key) -> found, value */
    MAP_REMOVE, /* remove(key) -> found, old value */
    MAP_LEN,    /* len() -> count */
    MAP_MOVE,   /* move(from, to) -> moved: false when from is not there; replaces what is at to */
    MAP_CLEAR,  /* clear() -> count removed */
    MAP_RANGE, /* range(lo, hi, limit) -> out: key, value, key, value, ... ascending, lo <= key < hi
                */
};

extern const struct lin_model model_register; /* one register, 0 at first */
extern const struct lin_model model_fifo;     /* unbounded queue, first in first out */
extern const struct lin_model model_stack;    /* last in first out */
extern const struct lin_model model_pqueue;   /* smallest value first */
extern const struct lin_model model_map;      /* split by key unless an operation spans keys */
