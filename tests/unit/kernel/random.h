// SPDX-License-Identifier: BSD-2-Clause
//
// Random numbers for tests: the seed is printed, and taken from NRK_SEED if that is set.
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_seed(const char *test)
{
    const char *text = getenv("NRK_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    printf("%s: NRK_SEED=%" PRIu64 "\n", test, seed);
    return seed;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t random_below(struct random *random, uint64_t n)
{
    if (n == 0)
        abort();
    return random_next(random) % n;
}
