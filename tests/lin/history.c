// SPDX-License-Identifier: BSD-2-Clause
#include "history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lin_memo.h"

enum {
    CHUNK_OPS = 32,
    LANE_ALIGN = 64, /* a thread's lane shares no cache line with another's */
};

struct hist_chunk {
    struct hist_chunk *next;
    size_t used;
    struct lin_op ops[CHUNK_OPS];
};

struct hist_lane {
    _Alignas(LANE_ALIGN) struct hist_chunk *chunks; /* [thread] newest first */
};

struct hist {
    _Alignas(LANE_ALIGN) _Atomic uint64_t clock;
    uint64_t plain_clock;
    enum hist_mode mode;
    uint32_t threads;
    struct hist_lane lanes[];
};

static uint64_t hist_now(struct hist *h)
{
    if (h->mode == HIST_SCHED)
        return ++h->plain_clock;
    return atomic_fetch_add(&h->clock, 1) + 1;
}

struct hist *hist_create(uint32_t threads, enum hist_mode mode)
{
    size_t size = sizeof(struct hist) + threads * sizeof(struct hist_lane);
    struct hist *h = aligned_alloc(LANE_ALIGN, (size + LANE_ALIGN - 1) & ~(size_t)(LANE_ALIGN - 1));
    if (!h)
        abort();
    memset(h, 0, size);
    h->mode = mode;
    h->threads = threads;
    return h;
}

void hist_destroy(struct hist *h)
{
    for (uint32_t t = 0; t < h->threads; t++) {
        struct hist_chunk *c = h->lanes[t].chunks;
        while (c) {
            struct hist_chunk *next = c->next;
            for (size_t i = 0; i < c->used; i++)
                free((void *)(uintptr_t)c->ops[i].out);
            free(c);
            c = next;
        }
    }
    free(h);
}

struct lin_op *hist_call(struct hist *h, uint32_t thread, uint32_t kind, uint64_t arg0,
                         uint64_t arg1)
{
    struct hist_lane *lane = &h->lanes[thread];
    if (!lane->chunks || lane->chunks->used == CHUNK_OPS) {
        struct hist_chunk *c = lin_alloc(1, sizeof(*c));
        c->next = lane->chunks;
        lane->chunks = c;
    }
    struct lin_op *op = &lane->chunks->ops[lane->chunks->used++];
    op->ret = LIN_PENDING;
    op->thread = thread;
    op->kind = kind;
    op->arg[0] = arg0;
    op->arg[1] = arg1;
    op->call = hist_now(h);
    return op;
}

void hist_return(struct hist *h, struct lin_op *op, uint64_t resp0, uint64_t resp1)
{
    op->ret = hist_now(h);
    op->resp[0] = resp0;
    op->resp[1] = resp1;
}

void hist_return_words(struct hist *h, struct lin_op *op, const uint64_t *words, size_t n)
{
    op->ret = hist_now(h);
    if (n == 0)
        return;
    uint64_t *copy = lin_alloc(n, sizeof(*copy));
    memcpy(copy, words, n * sizeof(*copy));
    op->out = copy;
    op->out_len = n;
}

struct lin_op *hist_merge(const struct hist *h, size_t *n)
{
    size_t total = 0, at = 0;
    for (uint32_t t = 0; t < h->threads; t++) {
        for (const struct hist_chunk *c = h->lanes[t].chunks; c; c = c->next)
            total += c->used;
    }
    struct lin_op *ops = lin_alloc(total, sizeof(*ops));
    for (uint32_t t = 0; t < h->threads; t++) {
        for (const struct hist_chunk *c = h->lanes[t].chunks; c; c = c->next) {
            memcpy(&ops[at], c->ops, c->used * sizeof(*ops));
            at += c->used;
        }
    }
    *n = total;
    return ops;
}
