// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * What the tests of the ready-made structures share: cmocka, random numbers from a printed seed, an
 * allocator that counts and refuses, threads that start together, and replicas that come and go
 * meanwhile.
 */
#include <nr/options.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

/* ---- Random numbers
 * ------------------------------------------------------------------------------ */

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A number in [0, n), n > 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n;
}

/* Starts a sequence from NRK_SEED, or from the clock, and prints what it started from. */
static inline struct rng rng_start(const char *test)
{
    const char *env = getenv("NRK_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL);
    printf("%s: NRK_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct rng){seed};
}

/* ---- Allocator
 * ----------------------------------------------------------------------------------- */

/* Usable from several threads. Refuses about one call in `refuse_one_in` (0: none); checks sizes.
 */
struct test_allocator {
    struct nr_allocator base;
    _Atomic uint64_t calls;
    _Atomic uint64_t refused;
    _Atomic uint64_t refuse_one_in;
    _Atomic long blocks;
    _Atomic long bytes;
};

struct test_block {
    void *start;
    size_t size;
};

static inline void *test_allocator_alloc(struct nr_allocator *self, size_t size, size_t align,
                                         int node)
{
    struct test_allocator *a = (struct test_allocator *)self;
    (void)node;
    struct rng rng = {atomic_fetch_add(&a->calls, 1)};
    uint64_t one_in = atomic_load(&a->refuse_one_in);
    if (one_in && rng_below(&rng, one_in) == 0) {
        atomic_fetch_add(&a->refused, 1);
        return NULL;
    }
    size_t pad = align > sizeof(struct test_block) ? align : sizeof(struct test_block);
    void *start = NULL;
    if (!size ||
        posix_memalign(&start, align < sizeof(void *) ? sizeof(void *) : align, pad + size))
        abort();
    unsigned char *ptr = (unsigned char *)start + pad;
    memset(ptr, 0xa5, size); /* nobody may rely on zeroes */
    struct test_block block = {start, size};
    memcpy(ptr - sizeof block, &block, sizeof block);
    atomic_fetch_add(&a->blocks, 1);
    atomic_fetch_add(&a->bytes, (long)size);
    return ptr;
}

static inline void test_allocator_free(struct nr_allocator *self, void *ptr, size_t size)
{
    struct test_allocator *a = (struct test_allocator *)self;
    struct test_block block;
    memcpy(&block, (unsigned char *)ptr - sizeof block, sizeof block);
    if (block.size != size) {
        fprintf(stderr, "a block of %zu bytes comes back as one of %zu\n", block.size, size);
        abort();
    }
    atomic_fetch_sub(&a->blocks, 1);
    atomic_fetch_sub(&a->bytes, (long)size);
    memset(ptr, 0x5a, size);
    free(block.start);
}

static inline struct test_allocator test_allocator_make(void)
{
    return (struct test_allocator){.base = {test_allocator_alloc, test_allocator_free}};
}

static inline void test_allocator_assert_empty(struct test_allocator *a)
{
    assert_int_equal(atomic_load(&a->blocks), 0);
    assert_int_equal(atomic_load(&a->bytes), 0);
}

/* ---- Threads
 * ------------------------------------------------------------------------------------- */

enum { TEAM_MAX = 8 };

/* Assertions of cmocka work in the main thread only; this one anywhere. */
#define check(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

struct team {
    unsigned n;
    void (*work)(void *arg, unsigned member);
    void *arg;
    pthread_barrier_t start;
    pthread_t threads[TEAM_MAX];
    _Atomic unsigned working;
};

struct team_member {
    struct team *team;
    unsigned index;
};

static inline void *team_run(void *arg)
{
    struct team_member member = *(struct team_member *)arg;
    free(arg);
    pthread_barrier_wait(&member.team->start);
    member.team->work(member.team->arg, member.index);
    atomic_fetch_sub(&member.team->working, 1);
    return NULL;
}

/* Starts n threads that call work(arg, 0..n-1). */
static inline void team_start(struct team *team, unsigned n,
                              void (*work)(void *arg, unsigned member), void *arg)
{
    *team = (struct team){.n = n, .work = work, .arg = arg, .working = n};
    check(pthread_barrier_init(&team->start, NULL, n) == 0);
    for (unsigned i = 0; i < n; i++) {
        struct team_member *member = malloc(sizeof *member);
        check(member);
        *member = (struct team_member){team, i};
        check(pthread_create(&team->threads[i], NULL, team_run, member) == 0);
    }
}

static inline void team_join(struct team *team)
{
    for (unsigned i = 0; i < team->n; i++)
        pthread_join(team->threads[i], NULL);
    pthread_barrier_destroy(&team->start);
}

/* ---- Replicas
 * ------------------------------------------------------------------------------------ */

/* Adds and removes replicas until the team is done. Where the allocator refuses, there is no
 * replica. */
static inline void replicas_churn(struct nr *nr, struct team *team, struct rng *rng)
{
    while (atomic_load(&team->working)) {
        unsigned id;
        if (rng_below(rng, 2)) {
            enum nr_status status = nr_add_replica(nr, NR_ANY_NODE, &id);
            check(status == NR_OK || status == NR_ELIMIT || status == NR_ENOMEM);
        } else {
            enum nr_status status = nr_remove_replica(nr, (unsigned)rng_below(rng, 4));
            check(status == NR_OK || status == NR_EINVAL || status == NR_EBUSY ||
                  status == NR_ELIMIT);
        }
    }
}

/* The configurations that every structure is tested in. */
static inline struct nr_config small_config(unsigned replicas, unsigned logs)
{
    return (struct nr_config){
        .replicas = replicas,
        .max_replicas = 4,
        .logs = logs,
        .log_entries = 32, /* small: wraps often, and replicas have to be helped */
        .max_threads = 16,
        .flags = NR_CHECK,
    };
}
