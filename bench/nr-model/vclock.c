// SPDX-License-Identifier: BSD-2-Clause
#include "vclock.h"

#include <nr/atomic.h>
#include <nr/port.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/lin/fiber.h"
#include "../nr/contest.h"
#include "../nr/heap.h"

enum {
    SPINS_BEFORE_YIELD = 100, /* as in libnr's port to Linux */
    JITTER = 3,               /* picoseconds between cores that would go in step */
};

struct vthread {
    struct core core;
    struct fiber fiber;
    const _Atomic uint32_t *sleeps_on; /* NULL: it runs */
};

/* heap[0] is the earliest of the threads that can run, but for the running one. */
static struct {
    const struct machine *machine;
    struct coherence *coherence;
    struct vthread *threads, *current, *previous;
    struct vthread *heap[MAX_CORES];
    unsigned count, waiting;
    struct fiber outside;
    void (*fn)(void *arg, unsigned thread);
    void *arg;
} v;

static bool earlier(const struct vthread *a, const struct vthread *b)
{
    return a->core.clock != b->core.clock ? a->core.clock < b->core.clock : a < b;
}

static void heap_push(struct vthread *thread)
{
    unsigned i = v.waiting++;
    for (; i > 0 && earlier(thread, v.heap[(i - 1) / 2]); i = (i - 1) / 2)
        v.heap[i] = v.heap[(i - 1) / 2];
    v.heap[i] = thread;
}

static struct vthread *heap_pop(void)
{
    struct vthread *top = v.heap[0], *last = v.heap[--v.waiting];
    unsigned i = 0;
    for (unsigned child = 1; child < v.waiting; child = 2 * i + 1) {
        if (child + 1 < v.waiting && earlier(v.heap[child + 1], v.heap[child]))
            child++;
        if (!earlier(v.heap[child], last))
            break;
        v.heap[i] = v.heap[child];
        i = child;
    }
    v.heap[i] = last;
    return top;
}

/* Leaves the running thread, which is in the heap, asleep or at its end. */
static void switch_away(bool ends)
{
    struct vthread *self = v.current, *next = v.waiting ? heap_pop() : NULL;
    if (next == self)
        return;
    v.previous = self;
    v.current = next;
    fiber_switch(&self->fiber, next ? &next->fiber : &v.outside, ends);
}

static void let_earlier_go_on(void)
{
    if (v.waiting && earlier(v.heap[0], v.current)) {
        heap_push(v.current);
        switch_away(false);
    }
}

static void pass(double ns)
{
    if (!v.current)
        return;
    v.current->core.clock += (uint64_t)(ns * 1000);
    let_earlier_go_on();
}

static void access_memory(const volatile void *address, unsigned size, enum access kind)
{
    if (!v.current)
        return;
    uintptr_t first = (uintptr_t)address, last = first + (size ? size - 1 : 0);
    for (uintptr_t line = first >> 6; line <= last >> 6; line++)
        coherence_access(v.coherence, &v.current->core, line << 6, kind);
    let_earlier_go_on();
}

void nr_sched_point(const volatile void *address, unsigned size, enum nr_access kind)
{
    access_memory(address, size, (enum access)kind);
}

void nr_sched_touch(const volatile void *address, unsigned size, enum nr_access kind)
{
    access_memory(address, size, (enum access)kind);
}

void bench_work(void)
{
    if (v.current)
        pass(v.machine->structure);
}

uint64_t vclock_now(void)
{
    return v.current->core.clock;
}

static void thread_main(void)
{
    fiber_entered(v.previous ? &v.previous->fiber : &v.outside);
    v.fn(v.arg, (unsigned)(v.current - v.threads));
    switch_away(true);
}

static bool threads_create(void)
{
    v.threads = calloc(v.count, sizeof(*v.threads));
    for (unsigned i = 0; v.threads && i < v.count; i++) {
        struct vthread *thread = &v.threads[i];
        thread->core = (struct core){
            .index = i,
            .socket = i / v.machine->cores,
            .clock = (uint64_t)i * JITTER,
        };
        if (!fiber_init(&thread->fiber, thread_main))
            return false;
        heap_push(thread);
    }
    return v.threads != NULL;
}

bool vclock_run(const struct machine *machine, struct coherence *coherence,
                void (*fn)(void *arg, unsigned thread), void *arg)
{
    v.machine = machine;
    v.coherence = coherence;
    v.count = machine->sockets * machine->cores;
    v.waiting = 0;
    v.fn = fn;
    v.arg = arg;
    if (!threads_create())
        return false;
    fiber_adopt(&v.outside);
    v.previous = NULL;
    v.current = heap_pop();
    fiber_switch(&v.outside, &v.current->fiber, false);
    for (unsigned i = 0; i < v.count; i++)
        fiber_fini(&v.threads[i].fiber);
    free(v.threads);
    v.threads = v.current = NULL;
    return true;
}

void vclock_observe(struct coherence *coherence)
{
    v.coherence = coherence;
}

/* ---- The port of libnr ---- */

void nr_port_relax(unsigned spins)
{
    if (v.current)
        pass(spins < SPINS_BEFORE_YIELD ? v.machine->pause : v.machine->yield);
}

void nr_port_wait(_Atomic uint32_t *word, uint32_t expected)
{
    pass(v.machine->sleep);
    if (nr_load(word, relaxed) != expected)
        return;
    v.current->sleeps_on = word;
    switch_away(false);
}

/* Wakes one: the model has no instances with NR_PARK, only mutexes. */
void nr_port_wake(_Atomic uint32_t *word)
{
    for (unsigned i = 0; i < v.count; i++) {
        struct vthread *thread = &v.threads[i];
        if (thread->sleeps_on != word)
            continue;
        thread->sleeps_on = NULL;
        uint64_t ready = v.current->core.clock + (uint64_t)(v.machine->wakeup * 1000);
        if (ready > thread->core.clock)
            thread->core.clock = ready;
        heap_push(thread);
        pass(v.machine->wake);
        return;
    }
    pass(v.machine->wake_none);
}

/* Replicas are created with a node, the socket, set; so their memory is placed there. */
static int place_on = NR_ANY_NODE;

static void *place(void *ptr, size_t size, int node)
{
    if (ptr && node != NR_ANY_NODE && v.coherence)
        coherence_place(v.coherence, ptr, size, (unsigned)node);
    return ptr;
}

void *nr_port_alloc(size_t size, size_t align, int node)
{
    size = (size + align - 1) / align * align;
    void *ptr = aligned_alloc(align < 64 ? 64 : align, (size + 63) / 64 * 64);
    if (ptr)
        memset(ptr, 0, size);
    return place(ptr, size, node);
}

void nr_port_free(void *ptr, size_t size)
{
    (void)size;
    free(ptr);
}

int nr_port_affinity(int node)
{
    int before = place_on;
    place_on = node;
    return before;
}

_Noreturn void nr_port_fatal(const char *message)
{
    fprintf(stderr, "%s\n", message);
    abort();
}

/* ---- The heap of the contestants' structures ---- */

static void *heap_alloc(struct allocator *self, size_t size, size_t align)
{
    (void)self;
    return place(aligned_alloc(align < 64 ? 64 : align, (size + 63) / 64 * 64), size, place_on);
}

static void heap_free(struct allocator *self, void *ptr, size_t size)
{
    (void)self;
    (void)size;
    free(ptr);
}

struct allocator bench_heap = {.alloc = heap_alloc, .free = heap_free};

void *bench_alloc(size_t size)
{
    size = (size + BENCH_APART - 1) / BENCH_APART * BENCH_APART;
    void *ptr = aligned_alloc(BENCH_APART, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}
