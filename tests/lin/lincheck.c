// SPDX-License-Identifier: BSD-2-Clause
// The search of lincheck.h, one partition at a time.
//
// Events form a doubly linked list in order of stamps. Linearizing an operation unlinks its call
// and return events; undoing relinks them, which works without bookkeeping because undoing happens
// in exactly the reverse order (Knuth's dancing links). The stack holds the choices made, each with
// the number of the state before it.
//
// When the search must step back, the first event that is left is a return event whose operation
// could not be linearized in time. The latest such event over the whole search is the culprit:
// everything that returned before it has an explanation, and no explanation includes it. The
// choices that led there are the witness for the report. They are copied only where they changed
// since the last copy, so that keeping the witness stays cheap in long histories.
#include "lincheck.h"

#include <stdlib.h>
#include <string.h>

#include "lin_memo.h"
#include "lin_report.h"

#define NONE UINT32_MAX

const struct lin_limits lin_default_limits = {
    .max_steps = (uint64_t)1 << 26,
    .max_bytes = (size_t)1 << 30,
};

struct event {
    uint32_t prev, next; /* neighbours in the list */
    uint32_t match;      /* call event: its return event, or NONE while pending */
    uint32_t op;         /* index in the partition, in order of calls */
    bool is_call;
};

struct choice {
    uint32_t event; /* the call event taken out */
    uint32_t state; /* state before it */
};

struct search {
    const struct lin_model *model;
    const struct lin_limits *limits;
    const struct lin_op **ops; /* in order of calls */
    size_t n;
    uint32_t *before;     /* operation that must be linearized earlier (lin_op.ordered), or NONE */
    bool *linearized;     /* by operation */
    struct event *events; /* events[0] is the list's head */
    size_t returns_left;  /* return events still in the list */
    struct choice *stack;
    size_t depth;
    struct lin_memo *memo;
    struct lin_state scratch;
    uint64_t *steps;

    uint32_t culprit;  /* latest return event reached, 0 for none */
    uint32_t *witness; /* operations of the choices that led to it */
    size_t witness_len;
    size_t unchanged; /* the first so many choices are as when the witness was copied */
};

/* One part of the history: the operations of one key. */
struct partition {
    uint64_t key;
    const struct lin_op **ops;
    size_t n;
};

static int by_call(const void *a, const void *b)
{
    const struct lin_op *x = *(const struct lin_op *const *)a;
    const struct lin_op *y = *(const struct lin_op *const *)b;
    return x->call < y->call ? -1 : x->call > y->call;
}

struct stamp {
    uint64_t time;
    uint32_t op;
    bool is_call;
};

/* Calls stand before returns of the same stamp: such operations count as concurrent. */
static int by_time(const void *a, const void *b)
{
    const struct stamp *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return y->is_call - x->is_call;
}

static void events_link(struct search *s)
{
    struct stamp *stamps = lin_alloc(2 * s->n, sizeof(*stamps));
    uint32_t *call_event = lin_alloc(s->n, sizeof(*call_event));
    size_t count = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        stamps[count++] = (struct stamp){s->ops[i]->call, i, true};
        if (s->ops[i]->ret != LIN_PENDING)
            stamps[count++] = (struct stamp){s->ops[i]->ret, i, false};
    }
    qsort(stamps, count, sizeof(*stamps), by_time);

    s->events = lin_alloc(count + 1, sizeof(*s->events));
    for (uint32_t e = 0; e <= count; e++) {
        struct event *event = &s->events[e];
        event->prev = e ? e - 1 : (uint32_t)count;
        event->next = e < count ? e + 1 : 0;
        event->match = NONE;
        if (e == 0)
            continue;
        event->op = stamps[e - 1].op;
        event->is_call = stamps[e - 1].is_call;
        if (event->is_call) {
            call_event[event->op] = e;
        } else {
            s->events[call_event[event->op]].match = e;
            s->returns_left++;
        }
    }
    free(call_event);
    free(stamps);
}

static void event_unlink(struct search *s, uint32_t e)
{
    s->events[s->events[e].prev].next = s->events[e].next;
    s->events[s->events[e].next].prev = s->events[e].prev;
}

static void event_relink(struct search *s, uint32_t e)
{
    s->events[s->events[e].prev].next = e;
    s->events[s->events[e].next].prev = e;
}

/* Finds for each ordered operation its thread's previous ordered one. */
static void orders_link(struct search *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->before[i] = NONE;
        for (size_t j = i; s->ops[i]->ordered && j-- > 0;) {
            if (s->ops[j]->thread != s->ops[i]->thread || !s->ops[j]->ordered)
                continue;
            s->before[i] = (uint32_t)j;
            break;
        }
    }
}

static void search_init(struct search *s, const struct partition *part)
{
    s->ops = part->ops;
    s->n = part->n;
    events_link(s);
    s->before = lin_alloc(s->n, sizeof(*s->before));
    s->linearized = lin_alloc(s->n, sizeof(*s->linearized));
    orders_link(s);
    s->stack = lin_alloc(s->n, sizeof(*s->stack));
    s->witness = lin_alloc(s->n, sizeof(*s->witness));
    s->memo = lin_memo_create(s->n);
    lin_state_resize(&s->scratch, 0);
}

static void search_fini(struct search *s)
{
    lin_memo_destroy(s->memo);
    free(s->scratch.bytes);
    free(s->witness);
    free(s->stack);
    free(s->linearized);
    free(s->before);
    free(s->events);
}

/* Tries to linearize the operation of call event e next; the new state's number in *state. */
static bool search_try(struct search *s, uint32_t e, uint32_t *state)
{
    uint32_t old = *state, op = s->events[e].op;
    if (s->before[op] != NONE && !s->linearized[s->before[op]])
        return false;
    ++*s->steps;
    lin_memo_load(s->memo, old, &s->scratch);
    if (!s->model->step(&s->scratch, s->ops[op]))
        return false;

    uint32_t new = lin_memo_intern(s->memo, &s->scratch);
    lin_memo_add(s->memo, op);
    if (!lin_memo_visit(s->memo, new)) {
        lin_memo_remove(s->memo, op);
        return false;
    }
    s->stack[s->depth++] = (struct choice){e, old};
    s->linearized[op] = true;
    if (s->events[e].match != NONE) {
        event_unlink(s, s->events[e].match);
        s->returns_left--;
    }
    event_unlink(s, e);
    *state = new;
    return true;
}

/* Takes back the latest choice: its event, and the state before it in *state. */
static uint32_t search_undo(struct search *s, uint32_t *state)
{
    struct choice c = s->stack[--s->depth];
    if (s->unchanged > s->depth)
        s->unchanged = s->depth;
    event_relink(s, c.event);
    if (s->events[c.event].match != NONE) {
        event_relink(s, s->events[c.event].match);
        s->returns_left++;
    }
    lin_memo_remove(s->memo, s->events[c.event].op);
    s->linearized[s->events[c.event].op] = false;
    *state = c.state;
    return c.event;
}

/* Return event e stopped the search: if none so late did before, its way here is the witness. */
static void search_note(struct search *s, uint32_t e)
{
    if (e <= s->culprit)
        return;
    s->culprit = e;
    for (size_t i = s->unchanged; i < s->depth; i++)
        s->witness[i] = s->events[s->stack[i].event].op;
    s->witness_len = s->unchanged = s->depth;
}

static enum lin_verdict search_run(struct search *s)
{
    if (s->model->init)
        s->model->init(&s->scratch);
    uint32_t state = lin_memo_intern(s->memo, &s->scratch);
    uint32_t e = s->events[0].next;
    while (s->returns_left > 0) {
        if (s->events[e].is_call) {
            bool chosen = search_try(s, e, &state);
            e = s->events[chosen ? 0 : e].next;
            if (*s->steps >= s->limits->max_steps || lin_memo_bytes(s->memo) > s->limits->max_bytes)
                return s->returns_left ? LIN_TIMEOUT : LIN_OK;
            continue;
        }
        search_note(s, e);
        if (s->depth == 0)
            return LIN_VIOLATION;
        e = search_undo(s, &state);
        e = s->events[e].next;
    }
    return LIN_OK;
}

struct keyed {
    uint64_t key;
    const struct lin_op *op;
};

static int by_key_and_call(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return by_call(&x->op, &y->op);
}

/* Sorts the operations by key and call into sorted and cuts them in partitions; their number. */
static size_t history_split(const struct lin_model *model, const struct lin_op *ops, size_t n,
                            const struct lin_op **sorted, struct partition *parts)
{
    struct keyed *keyed = lin_alloc(n, sizeof(*keyed));
    bool split = model->key != NULL;
    for (size_t i = 0; i < n; i++) {
        keyed[i] = (struct keyed){split ? model->key(&ops[i]) : LIN_ALL_KEYS, &ops[i]};
        split = split && keyed[i].key != LIN_ALL_KEYS;
    }
    for (size_t i = 0; i < n && !split; i++)
        keyed[i].key = LIN_ALL_KEYS;
    qsort(keyed, n, sizeof(*keyed), by_key_and_call);

    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = keyed[i].op;
        if (i == 0 || keyed[i].key != keyed[i - 1].key)
            parts[count++] = (struct partition){keyed[i].key, &sorted[i], 0};
        parts[count - 1].n++;
    }
    free(keyed);
    return count;
}

/* What is kept of a partition's violation until all partitions were looked at. */
struct failure {
    struct lin_explanation why;
    uint32_t *witness;
};

/* Replaces the failure by the search's own if that one is easier to read. */
static void failure_improve(struct failure *best, struct search *s, const struct partition *part)
{
    struct lin_explanation why = {
        .key = part->key,
        .ops = part->ops,
        .n = part->n,
        .culprit = s->events[s->culprit].op,
        .witness_len = s->witness_len,
    };
    if (best->witness && best->why.witness_len <= why.witness_len)
        return;
    free(best->witness);
    best->witness = s->witness;
    s->witness = NULL;
    best->why = why;
    best->why.witness = best->witness;
}

static enum lin_verdict check_partitions(const struct lin_model *model,
                                         const struct lin_limits *limits,
                                         const struct partition *parts, size_t count,
                                         struct failure *best, uint64_t *steps)
{
    enum lin_verdict verdict = LIN_OK;
    for (size_t i = 0; i < count; i++) {
        struct search s = {.model = model, .limits = limits};
        s.steps = steps;
        search_init(&s, &parts[i]);
        enum lin_verdict v = search_run(&s);
        if (v == LIN_VIOLATION)
            failure_improve(best, &s, &parts[i]);
        if (v == LIN_VIOLATION || verdict == LIN_OK)
            verdict = v;
        search_fini(&s);
        if (*steps >= limits->max_steps && i + 1 < count)
            return verdict == LIN_OK ? LIN_TIMEOUT : verdict;
    }
    return verdict;
}

enum lin_verdict lin_check(const struct lin_model *model, const struct lin_op *ops, size_t n,
                           const struct lin_limits *limits, FILE *report, struct lin_result *result)
{
    struct lin_result unused;
    struct lin_result *res = result ? result : &unused;
    *res = (struct lin_result){0};
    for (size_t i = 0; i < n; i++) {
        if (ops[i].call >= ops[i].ret)
            return LIN_INVALID;
    }

    const struct lin_op **sorted = lin_alloc(n, sizeof(*sorted));
    struct partition *parts = lin_alloc(n, sizeof(*parts));
    struct failure best = {0};
    res->partitions = history_split(model, ops, n, sorted, parts);
    enum lin_verdict verdict = check_partitions(model, limits ? limits : &lin_default_limits, parts,
                                                res->partitions, &best, &res->steps);
    if (verdict == LIN_VIOLATION) {
        res->key = best.why.key;
        res->culprit = (size_t)(best.why.ops[best.why.culprit] - ops);
        if (report)
            lin_report(model, &best.why, report);
    }
    free(best.witness);
    free(parts);
    free(sorted);
    return verdict;
}

const char *lin_verdict_name(enum lin_verdict verdict)
{
    static const char *const names[] = {
        [LIN_OK] = "ok",
        [LIN_VIOLATION] = "violation",
        [LIN_TIMEOUT] = "timeout",
        [LIN_INVALID] = "invalid history",
    };
    return names[verdict];
}
