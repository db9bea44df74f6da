// SPDX-License-Identifier: BSD-2-Clause
// The stream of operations that a thread executes: a pure function of seed, thread and parameters,
// so that every contestant does the same work and a replay can check what it did.
#pragma once

#include <base/hash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mutation, as it travels through the log, and a query. */
struct bench_op {
    uint64_t key;
    uint64_t value; /* unique in a run; bit 0 drawn at random, see bench_op_removes */
};

struct bench_query {
    uint64_t key;
};

/* What an operation is in workloads that also take things out: unmap, pop. */
static inline bool bench_op_removes(const struct bench_op *op)
{
    return op->value & 1;
}

/* Zipf distribution: quantile i is the key below which lies the probability i / ZIPF_QUANTILES. */
enum {
    ZIPF_QUANTILES = 1 << 16, /* 256 KiB, shared by all threads; more would fill their caches */
};

struct zipf {
    uint32_t quantile[ZIPF_QUANTILES + 1];
};

struct stream {
    uint64_t state;          /* xorshift64*, never 0 */
    uint64_t stamp;          /* the thread's number in the top bits, then a count */
    uint64_t keys;           /* keys are below; at most 2^32 */
    bool scatter;            /* see stream_key */
    uint32_t writes_below;   /* share of writes in 1/65536 */
    const struct zipf *zipf; /* NULL: uniform */
};

/* The stream of one thread. `writes` in percent; zipf must outlive it. */
struct stream stream_make(uint64_t seed, unsigned thread, uint64_t keys, bool scatter,
                          unsigned writes, const struct zipf *zipf);

/* The table for `keys` keys with exponent theta in (0, 1), or NULL: no memory. Free with free(). */
struct zipf *zipf_create(uint64_t keys, double theta);

/* Draws between two quantiles: exact for the popular keys, which span several of them. */
static inline uint64_t zipf_draw(const struct zipf *zipf, uint32_t random)
{
    uint32_t low = zipf->quantile[random >> 16], high = zipf->quantile[(random >> 16) + 1];
    return low + ((uint64_t)(random & 0xffff) * (high - low) >> 16);
}

/*
 * The i'th key: i, or a number anywhere in 64 bits. A table may place dense keys better or worse
 * than random ones, depending on its size, so that methods which cut a table in parts would not
 * compare.
 */
static inline uint64_t stream_key(uint64_t i, bool scatter)
{
    return scatter ? hash_u64(i) : i;
}

/* Stores the next operation and tells whether it is a mutation; a query takes its key alone. */
static inline bool stream_next(struct stream *s, struct bench_op *op)
{
    s->state ^= s->state >> 12;
    s->state ^= s->state << 25;
    s->state ^= s->state >> 27;
    uint64_t random = s->state * UINT64_C(2685821657736338717);
    uint32_t high = (uint32_t)(random >> 32);
    s->stamp += 2;
    uint64_t i = s->zipf ? zipf_draw(s->zipf, high) : (uint64_t)high * s->keys >> 32;
    op->key = stream_key(i, s->scatter);
    op->value = s->stamp | (random >> 16 & 1);
    return (random & 0xffff) < s->writes_below;
}
