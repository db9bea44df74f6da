// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * The sequential structures that the tests of libnr's core replicate.
 *
 * seqlog: remembers every operation it was given, in order. If anything is lost, doubled or
 * reordered, two replicas differ or a thread's own sequence has a hole. parts: PARTS counters, one
 * log each modulo the number of logs, and scans over all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <nr/nr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- seqlog ---- */

struct seqlog {
    uint64_t *items;
    size_t n, room;
};

struct seqlog_op {
    uint64_t value;
};

struct seqlog_query {
    size_t index;
};

static int seqlog_init(struct seqlog *s, void *arg)
{
    (void)arg;
    *s = (struct seqlog){.room = 1024};
    s->items = malloc(s->room * sizeof *s->items);
    return s->items ? NR_OK : NR_ENOMEM;
}

static void seqlog_fini(struct seqlog *s)
{
    free(s->items);
}

static int seqlog_clone(struct seqlog *dst, const struct seqlog *src, void *arg)
{
    (void)arg;
    *dst = *src;
    dst->items = malloc(dst->room * sizeof *dst->items);
    if (!dst->items)
        return NR_ENOMEM;
    memcpy(dst->items, src->items, src->n * sizeof *src->items);
    return NR_OK;
}

/* Answers the operation's position. */
static uint64_t seqlog_apply(struct seqlog *s, const struct seqlog_op *op)
{
    if (s->n == s->room) {
        s->room *= 2;
        s->items = realloc(s->items, s->room * sizeof *s->items);
        if (!s->items)
            abort();
    }
    s->items[s->n] = op->value;
    return s->n++;
}

/* Answers the value at index, or the length for SIZE_MAX. */
static uint64_t seqlog_read(const struct seqlog *s, const struct seqlog_query *q)
{
    if (q->index == SIZE_MAX)
        return s->n;
    return q->index < s->n ? s->items[q->index] : UINT64_MAX;
}

/* ---- parts ---- */

#define PARTS 8

struct parts {
    _Alignas(64) struct {
        _Alignas(64) uint64_t value;
    } part[PARTS];
};

enum parts_kind { PARTS_ADD, PARTS_ADD_ALL };

struct parts_op {
    enum parts_kind kind;
    unsigned part; /* PARTS_ADD */
    uint64_t amount;
};

struct parts_query {
    unsigned part; /* PARTS: all */
};

struct parts_answer {
    uint64_t value[PARTS];
};

static int parts_init(struct parts *p, void *arg)
{
    (void)p;
    (void)arg;
    return NR_OK;
}

static void parts_fini(struct parts *p)
{
    (void)p;
}

static int parts_clone(struct parts *dst, const struct parts *src, void *arg)
{
    (void)arg;
    *dst = *src;
    return NR_OK;
}

/* Answers the new value of the part, or for PARTS_ADD_ALL the new sum. */
static uint64_t parts_apply(struct parts *p, const struct parts_op *op)
{
    if (op->kind == PARTS_ADD)
        return p->part[op->part].value += op->amount;
    uint64_t sum = 0;
    for (unsigned i = 0; i < PARTS; i++)
        sum += p->part[i].value += op->amount;
    return sum;
}

static struct parts_answer parts_read(const struct parts *p, const struct parts_query *q)
{
    struct parts_answer answer = {{0}};
    for (unsigned i = 0; i < PARTS; i++) {
        if (q->part == PARTS || q->part == i)
            answer.value[i] = p->part[i].value;
    }
    return answer;
}

static inline uint64_t parts_all(unsigned nlogs)
{
    return nlogs >= PARTS ? (1u << PARTS) - 1 : (UINT64_C(1) << nlogs) - 1;
}

static inline uint64_t parts_op_logs(const struct parts_op *op, unsigned nlogs)
{
    return op->kind == PARTS_ADD ? UINT64_C(1) << op->part % nlogs : parts_all(nlogs);
}

static inline uint64_t parts_query_logs(const struct parts_query *q, unsigned nlogs)
{
    return q->part == PARTS ? parts_all(nlogs) : UINT64_C(1) << q->part % nlogs;
}

NR_DEFINE(seqlog, struct seqlog, struct seqlog_op, uint64_t, struct seqlog_query, uint64_t,
          .apply_many = NULL);
NR_ADAPT_LOGS(parts, struct parts_op, struct parts_query)
NR_DEFINE(parts, struct parts, struct parts_op, uint64_t, struct parts_query, struct parts_answer,
          .op_logs = parts_op_logs_adapted, .query_logs = parts_query_logs_adapted);

/* ---- Helpers ---- */

#define assert_ok(call) assert_int_equal((call), NR_OK)

/* For threads that cmocka did not start, and from which it cannot jump out. */
#define require(cond) ((cond) ? (void)0 : require_failed(#cond, __FILE__, __LINE__))

_Noreturn static inline void require_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: failed in a worker: %s\n", file, line, cond);
    abort();
}

static inline uint64_t seqlog_length(struct seqlog_thread *thread)
{
    return seqlog_query(thread, &(struct seqlog_query){SIZE_MAX});
}

static inline uint64_t seqlog_add(struct seqlog_thread *thread, uint64_t value)
{
    return seqlog_execute(thread, &(struct seqlog_op){value});
}

static void seqlog_copy_out(const void *data, void *arg)
{
    assert_ok(seqlog_clone(arg, data, NULL));
}

/* Asserts that two replicas hold the same sequence of `n` operations. */
static inline void assert_replicas_equal(struct nr *nr, unsigned a, unsigned b, size_t n)
{
    struct seqlog copy[2];
    unsigned ids[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        assert_ok(nr_sync_replica(nr, ids[i]));
        assert_ok(nr_inspect(nr, ids[i], seqlog_copy_out, &copy[i]));
        assert_int_equal(copy[i].n, n);
    }
    assert_memory_equal(copy[0].items, copy[1].items, n * sizeof *copy[0].items);
    seqlog_fini(&copy[0]);
    seqlog_fini(&copy[1]);
}
