// SPDX-License-Identifier: BSD-2-Clause
// Linearizability checker: does a recorded concurrent history have a sequential explanation?
//
// 1. What is decided
//
// A history is a set of operations, each with a call stamp, a return stamp and a response. It is
// linearizable (Herlihy, Wing 1990) when its operations can be put in one sequence such that an
// operation that returned before another was called stands in front of it, and a sequential model
// which executes the sequence gives every recorded response. An operation that never returned may
// stand anywhere after its call, with any response, or be left out.
//
// 2. How
//
// Wing and Gong's search (1993): walk along the list of call and return events; try to linearize
// the operation of each call event; when the model accepts the response, take both events out of
// the list and start again from its front; when a return event is met, the operation it belongs to
// should have been linearized before: undo the latest choice and walk on behind it. Lowe's addition
// (2017): remember each pair (set of linearized operations, model state) and never enter one twice.
// The set is stored without the leading run of ones, so a pair costs a few words in a history of
// any length as long as its operations are short.
//
// Horn and Kroening's addition (2015): where operations on different keys do not concern each
// other, a history is linearizable exactly if its restriction to each key is (P-compositionality).
// The model's key function says which key an operation is about; one operation about all keys (a
// scan, a length) in a history forbids the split for that history.
//
// 3. Model states are canonical byte strings: equal states have equal bytes. So the checker copies,
// hashes and compares them without help, and stores each distinct state once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LIN_PENDING  UINT64_MAX /* return stamp of an operation that never returned */
#define LIN_ALL_KEYS UINT64_MAX /* key of an operation that concerns every key */

/* One operation of a history. What kind, arg, resp and out mean is the model's business. */
struct lin_op {
    uint64_t call;       /* stamps: unique within the history */
    uint64_t ret;        /* above call, or LIN_PENDING */
    uint32_t thread;     /* for the report only: a thread may have several operations under way */
    uint32_t kind;       /* operation code */
    uint64_t arg[3];     /* arguments */
    uint64_t resp[2];    /* recorded response */
    const uint64_t *out; /* recorded response of variable length, such as the result of a scan */
    size_t out_len;      /* words in out */
    bool unseen;         /* returned, but nobody saw the response: any will do */
    bool ordered; /* takes effect after what ordered operations its thread called before it */
};

/* Whether op has a response that a model must reproduce. */
static inline bool lin_op_answered(const struct lin_op *op)
{
    return op->ret != LIN_PENDING && !op->unseen;
}

/* A model state: len canonical bytes, aligned for uint64_t. */
struct lin_state {
    unsigned char *bytes;
    size_t len;
    size_t cap;
};

/*
 * Makes the state len bytes long; new bytes are zero, others stay. Ends the program when memory is
 * exhausted, as everything in this harness does.
 */
void lin_state_resize(struct lin_state *state, size_t len);

/* A sequential specification. */
struct lin_model {
    const char *name;

    /* Puts the initial state into an empty state. NULL: the initial state is the empty string. */
    void (*init)(struct lin_state *state);

    /*
     * Executes op on state. False when op has a response (lin_op_answered) and the model's is
     * different; state may be anything then.
     */
    bool (*step)(struct lin_state *state, const struct lin_op *op);

    /* The key which op is about, or LIN_ALL_KEYS. NULL: the history is never split. */
    uint64_t (*key)(const struct lin_op *op);

    /* Writes "put(3, 7)" into call and "= none" into resp. NULL: numbers are printed. */
    void (*print)(const struct lin_op *op, char *call, char *resp, size_t cap);
};

enum lin_verdict {
    LIN_OK,        /* linearizable */
    LIN_VIOLATION, /* no sequential explanation exists */
    LIN_TIMEOUT,   /* a limit was reached before either was known */
    LIN_INVALID,   /* not a history: an operation returned before it was called */
};

struct lin_limits {
    uint64_t max_steps; /* executions of the model's step, over all partitions */
    size_t max_bytes;   /* memory for visited states, per partition */
};

struct lin_result {
    uint64_t steps;    /* executions of the model's step */
    size_t partitions; /* independent parts the history was split into */
    uint64_t key;      /* violation: key of the reported partition */
    size_t culprit;    /* violation: index of the operation whose return cannot be explained */
};

/* What lin_check uses when limits is NULL: 2^26 steps, 1 GiB. */
extern const struct lin_limits lin_default_limits;

/*
 * Checks the n operations against the model. A violation is described on report (NULL: not): of
 * the partitions that fail the one which fails after the fewest operations, as a table in order of
 * calls, with the longest explainable beginning and the return event that ends it. result may be
 * NULL. ops need not be sorted and is not changed.
 */
enum lin_verdict lin_check(const struct lin_model *model, const struct lin_op *ops, size_t n,
                           const struct lin_limits *limits, FILE *report,
                           struct lin_result *result);

/* "ok", "violation", ... */
const char *lin_verdict_name(enum lin_verdict verdict);
