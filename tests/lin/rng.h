// SPDX-License-Identifier: BSD-2-Clause
// The pseudo-random generator of the test harness: small, fast, and the same on every machine, so
// that a printed seed replays a run anywhere. SplitMix64 (Steele, Lea, Flood 2014).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* The next 64 random bits. */
static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A generator whose sequence is unrelated to that of neighbouring seeds. */
static inline struct rng rng_seeded(uint64_t seed)
{
    struct rng r = {seed ^ 0x6a09e667f3bcc909u};
    r.state = rng_next(&r);
    return r;
}

/* Uniform in [0, n); n > 0. The bias of the multiplication is below n / 2^32. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

/* Uniform in [lo, hi]. */
static inline uint32_t rng_between(struct rng *r, uint32_t lo, uint32_t hi)
{
    return lo + rng_below(r, hi - lo + 1);
}

/* True once in n times. */
static inline bool rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}
