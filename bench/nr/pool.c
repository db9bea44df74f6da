// SPDX-License-Identifier: BSD-2-Clause
// The pool of measuring threads: see harness.h.
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum phase {
    PHASE_ENTER,
    PHASE_LEAD,
    PHASE_COUNT,
    PHASE_STOP,
};

struct pool_thread {
    struct worker worker; /* ours between two of its windows */
    struct pool *pool;
    pthread_t handle;
    int processor;
    sem_t start;
    const struct entrant *entrant; /* NULL: end */
    bool entered;
    uint64_t preempted; /* with the lead-in */
    double processor_time;
    struct counts counts;
    struct counters counters;
    const char *counters_missing;
};

struct pool {
    unsigned count;
    _Alignas(BENCH_APART) _Atomic uint32_t phase;
    _Alignas(BENCH_APART) _Atomic uint32_t ready;
    sem_t done;
    struct pool_thread threads[];
};

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static uint64_t preemptions(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

static void run_phase(struct pool_thread *thread, void *token, uint32_t phase)
{
    thread->worker.running = phase;
    thread->entrant->contestant->loop(&thread->worker, thread->entrant->self, token);
}

static void run_window(struct pool_thread *thread)
{
    struct pool *pool = thread->pool;
    const struct entrant *entrant = thread->entrant;
    void *token = &thread->worker;
    if (entrant->contestant->enter)
        token = entrant->contestant->enter(entrant->self, &thread->worker);
    thread->entered = token != NULL;
    atomic_fetch_add(&pool->ready, 1);
    while (atomic_load(&pool->phase) == PHASE_ENTER)
        sched_yield();
    if (!thread->entered)
        return;
    uint64_t preempted = preemptions();
    double from = now(CLOCK_THREAD_CPUTIME_ID);
    run_phase(thread, token, PHASE_LEAD);
    uint64_t lead = thread->worker.ops;
    counters_start(&thread->counters);
    run_phase(thread, token, PHASE_COUNT);
    thread->counts = counters_stop(&thread->counters);
    thread->processor_time = now(CLOCK_THREAD_CPUTIME_ID) - from;
    thread->preempted = preemptions() - preempted;
    thread->worker.ops -= lead;
    if (entrant->contestant->leave)
        entrant->contestant->leave(entrant->self, token);
}

static void *thread_main(void *arg)
{
    struct pool_thread *thread = arg;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(thread->processor, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    thread->counters_missing = counters_open(&thread->counters);
    sem_post(&thread->pool->done);
    for (;;) {
        while (sem_wait(&thread->start) != 0)
            ;
        if (!thread->entrant)
            break;
        run_window(thread);
        sem_post(&thread->pool->done);
    }
    counters_close(&thread->counters);
    return NULL;
}

static void wait_done(struct pool *pool, unsigned n)
{
    while (n > 0) {
        if (sem_wait(&pool->done) == 0)
            n--;
    }
}

unsigned pool_processors(void)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    return (unsigned)CPU_COUNT(&set);
}

/* The i'th processor that the program may use, cyclically. */
static int processor_of(unsigned i)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    unsigned skip = i % (unsigned)CPU_COUNT(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && skip-- == 0)
            return cpu;
    }
    return 0;
}

struct pool *pool_create(unsigned threads, const int *processors, unsigned count)
{
    struct pool *pool = bench_alloc(sizeof(*pool) + threads * sizeof(*pool->threads));
    if (!pool)
        return NULL;
    sem_init(&pool->done, 0, 0);
    for (; pool->count < threads; pool->count++) {
        struct pool_thread *thread = &pool->threads[pool->count];
        thread->pool = pool;
        thread->processor = count ? processors[pool->count % count] : processor_of(pool->count);
        sem_init(&thread->start, 0, 0);
        if (pthread_create(&thread->handle, NULL, thread_main, thread) != 0) {
            pool_destroy(pool);
            return NULL;
        }
    }
    wait_done(pool, pool->count);
    return pool;
}

void pool_destroy(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        pool->threads[i].entrant = NULL;
        sem_post(&pool->threads[i].start);
        pthread_join(pool->threads[i].handle, NULL);
        sem_destroy(&pool->threads[i].start);
    }
    sem_destroy(&pool->done);
    free(pool);
}

const char *pool_counters_missing(const struct pool *pool)
{
    return pool->threads[0].counters_missing;
}

/* Adds up what the threads of a window did. */
static bool gather(struct pool *pool, struct entrant *entrant, unsigned threads,
                   struct window *window)
{
    *window = (struct window){.counts.valid = true};
    for (unsigned i = 0; i < threads; i++) {
        const struct pool_thread *thread = &pool->threads[i];
        if (!thread->entered)
            return false;
        entrant->in += thread->worker.in;
        entrant->out += thread->worker.out;
        window->ops += thread->worker.ops;
        window->preempted += thread->preempted;
        window->present += thread->processor_time;
        window->counts.misses += thread->counts.misses;
        window->counts.instructions += thread->counts.instructions;
        window->counts.valid = window->counts.valid && thread->counts.valid;
    }
    return true;
}

bool pool_window(struct pool *pool, const struct run *run, struct entrant *entrant,
                 unsigned threads, unsigned round, struct window *window)
{
    atomic_store(&pool->phase, PHASE_ENTER);
    atomic_store(&pool->ready, 0);
    for (unsigned i = 0; i < threads; i++) {
        struct pool_thread *thread = &pool->threads[i];
        thread->entrant = entrant;
        thread->worker = (struct worker){
            .index = i,
            .threads = threads,
            .replica = i % entrant->setup.replicas,
            .stream =
                stream_make(run->seed + round, i, run->keys, run->scatter, run->writes, run->zipf),
            .limit = UINT64_MAX,
            .phase = &pool->phase,
        };
        sem_post(&thread->start);
    }
    while (atomic_load(&pool->ready) < threads)
        sleep_ms(1);
    double lead = now(CLOCK_MONOTONIC);
    atomic_store(&pool->phase, PHASE_LEAD);
    sleep_ms(run->lead_ms);
    double from = now(CLOCK_MONOTONIC);
    atomic_store(&pool->phase, PHASE_COUNT);
    sleep_ms(run->window_ms);
    atomic_store(&pool->phase, PHASE_STOP);
    double to = now(CLOCK_MONOTONIC);
    wait_done(pool, threads);
    if (!gather(pool, entrant, threads, window))
        return false;
    window->rate = (double)window->ops / (to - from);
    window->present /= (to - lead) * threads;
    return true;
}
