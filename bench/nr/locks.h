// SPDX-License-Identifier: BSD-2-Clause
// The locks that libnr is measured against, each around a sequential structure.
//
// A lock NAME is a struct NAME_lock and five inline functions: NAME_init, NAME_read_lock,
// NAME_read_unlock, NAME_write_lock, NAME_write_unlock, which get the lock and the worker.
// BENCH_LOCKED(W, NAME) makes the contestant.
#pragma once

#include <nr/atomic.h>
#include <nr/port.h>
#include <pthread.h>

#include "contest.h"
#if NR_SCHED
#include "futex_mutex.h"
#endif

/* ---- bare: no lock; for one thread, the measure of all others ---- */

struct bare_lock {
    char nothing;
};

BENCH_INLINE void bare_init(struct bare_lock *lock)
{
    (void)lock;
}
BENCH_INLINE void bare_read_lock(struct bare_lock *lock, const struct worker *worker)
{
    (void)lock;
    (void)worker;
}
#define bare_read_unlock  bare_read_lock
#define bare_write_lock   bare_read_lock
#define bare_write_unlock bare_read_lock

/* ---- mutex: glibc's, for readers as well ---- */

#if !NR_SCHED
struct mutex_lock {
    pthread_mutex_t mutex;
};

BENCH_INLINE void mutex_init(struct mutex_lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
}
BENCH_INLINE void mutex_write_lock(struct mutex_lock *lock, const struct worker *worker)
{
    (void)worker;
    pthread_mutex_lock(&lock->mutex);
}
BENCH_INLINE void mutex_write_unlock(struct mutex_lock *lock, const struct worker *worker)
{
    (void)worker;
    pthread_mutex_unlock(&lock->mutex);
}
#endif
#define mutex_read_lock   mutex_write_lock
#define mutex_read_unlock mutex_write_unlock

/* ---- rwlock: glibc's, with its default preference (readers) ---- */

struct rwlock_lock {
    pthread_rwlock_t rwlock;
};

BENCH_INLINE void rwlock_init(struct rwlock_lock *lock)
{
    pthread_rwlock_init(&lock->rwlock, NULL);
}
BENCH_INLINE void rwlock_read_lock(struct rwlock_lock *lock, const struct worker *worker)
{
    (void)worker;
    pthread_rwlock_rdlock(&lock->rwlock);
}
BENCH_INLINE void rwlock_write_lock(struct rwlock_lock *lock, const struct worker *worker)
{
    (void)worker;
    pthread_rwlock_wrlock(&lock->rwlock);
}
BENCH_INLINE void rwlock_write_unlock(struct rwlock_lock *lock, const struct worker *worker)
{
    (void)worker;
    pthread_rwlock_unlock(&lock->rwlock);
}
#define rwlock_read_unlock rwlock_write_unlock

/* ---- spin: test and test-and-set; waits as libnr does (pause, then yield) ---- */

struct spin_lock {
    _Alignas(BENCH_APART) _Atomic uint32_t held;
};

BENCH_INLINE void spin_init(struct spin_lock *lock)
{
    atomic_init(&lock->held, 0);
}
BENCH_INLINE void spin_write_lock(struct spin_lock *lock, const struct worker *worker)
{
    (void)worker;
    for (unsigned spins = 0; nr_load(&lock->held, relaxed) || nr_exchange(&lock->held, 1, acquire);)
        nr_port_relax(spins++);
}
BENCH_INLINE void spin_write_unlock(struct spin_lock *lock, const struct worker *worker)
{
    (void)worker;
    nr_store(&lock->held, 0, release);
}
#define spin_read_lock   spin_write_lock
#define spin_read_unlock spin_write_unlock

/* ---- brlock: a readers-writer lock with a cache line for each reader ---- */

struct brlock_reader {
    _Alignas(BENCH_APART) _Atomic uint32_t reading;
};

/* The same Dekker pattern as in libnr: seq_cst on both sides, readers give way. */
struct brlock_lock {
    struct spin_lock writers;
    _Alignas(BENCH_APART) _Atomic uint32_t writing;
    struct brlock_reader readers[BENCH_MAX_THREADS];
};

BENCH_INLINE void brlock_init(struct brlock_lock *lock)
{
    (void)lock; /* zeroed is free */
}
BENCH_INLINE void brlock_read_lock(struct brlock_lock *lock, const struct worker *worker)
{
    _Atomic uint32_t *reading = &lock->readers[worker->index].reading;
    for (;;) {
        nr_store(reading, 1, seq_cst);
        if (!nr_load(&lock->writing, seq_cst))
            return;
        nr_store(reading, 0, release);
        for (unsigned spins = 0; nr_load(&lock->writing, relaxed);)
            nr_port_relax(spins++);
    }
}
BENCH_INLINE void brlock_read_unlock(struct brlock_lock *lock, const struct worker *worker)
{
    nr_store(&lock->readers[worker->index].reading, 0, release);
}
BENCH_INLINE void brlock_write_lock(struct brlock_lock *lock, const struct worker *worker)
{
    spin_write_lock(&lock->writers, worker);
    nr_store(&lock->writing, 1, seq_cst);
    for (unsigned i = 0; i < worker->threads; i++) {
        for (unsigned spins = 0; nr_load(&lock->readers[i].reading, seq_cst);)
            nr_port_relax(spins++);
    }
}
BENCH_INLINE void brlock_write_unlock(struct brlock_lock *lock, const struct worker *worker)
{
    nr_store(&lock->writing, 0, release);
    spin_write_unlock(&lock->writers, worker);
}

/* ---- a structure with a lock around it ---- */

#define BENCH_LOCKED(W, LOCK, REMOVES)                                                            \
    struct W##_##LOCK {                                                                           \
        struct LOCK##_lock lock;                                                                  \
        _Alignas(BENCH_APART) struct W data;                                                      \
    };                                                                                            \
    static void *W##_##LOCK##_create(const struct bench_setup *setup)                             \
    {                                                                                             \
        struct W##_##LOCK *self = bench_alloc(sizeof(*self));                                     \
        if (self && W##_init(&self->data, (void *)setup) != NR_OK) {                              \
            free(self);                                                                           \
            return NULL;                                                                          \
        }                                                                                         \
        if (self)                                                                                 \
            LOCK##_init(&self->lock);                                                             \
        return self;                                                                              \
    }                                                                                             \
    static void W##_##LOCK##_destroy(void *ptr)                                                   \
    {                                                                                             \
        struct W##_##LOCK *self = ptr;                                                            \
        W##_fini(&self->data);                                                                    \
        free(self);                                                                               \
    }                                                                                             \
    static inline uint64_t W##_##LOCK##_read(void *ptr, void *worker, uint64_t key)               \
    {                                                                                             \
        struct W##_##LOCK *self = ptr;                                                            \
        struct bench_query query = {key};                                                         \
        LOCK##_read_lock(&self->lock, worker);                                                    \
        uint64_t answer = W##_read(&self->data, &query);                                          \
        LOCK##_read_unlock(&self->lock, worker);                                                  \
        return answer;                                                                            \
    }                                                                                             \
    static inline uint64_t W##_##LOCK##_write(void *ptr, void *worker, const struct bench_op *op) \
    {                                                                                             \
        struct W##_##LOCK *self = ptr;                                                            \
        LOCK##_write_lock(&self->lock, worker);                                                   \
        uint64_t answer = W##_apply(&self->data, op);                                             \
        LOCK##_write_unlock(&self->lock, worker);                                                 \
        return answer;                                                                            \
    }                                                                                             \
    BENCH_CONTESTANT(W##_##LOCK, REMOVES, .name = #LOCK, .workload = #W,                          \
                     .create = W##_##LOCK##_create, .destroy = W##_##LOCK##_destroy)
