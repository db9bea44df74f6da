// SPDX-License-Identifier: BSD-2-Clause
// See lin_sched.h for the idea. Control passes directly from thread to thread; the kernel thread's
// own fiber runs only before the first and after the last of them.
#include "lin_sched.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fiber.h"
#include "lin_memo.h"
#include "rng.h"

enum {
    TRAIL = 12, /* accesses remembered per thread: enough to see the shape of a spin loop */
    REASON = 256,
    STALL_ELSEWHERE = 8,     /* stalls behind a store are so many times more likely */
    SPURIOUS_ONE_IN = 16,    /* often enough to occur in every schedule that has sleepers */
    MAX_POINTS = 2000000,    /* hundreds of times what the tests' longest schedules take */
    OUTSIDE_SPINS = 1000000, /* spins outside of a run: nobody else can ever make progress */
};

enum thread_state {
    RUNNABLE,
    SLEEPING,
    ENDED,
};

struct access {
    uint64_t point;
    const volatile void *addr;
    uintptr_t pc;
    enum sched_kind kind;
};

struct thread {
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    struct fiber fiber;
    enum thread_state state;
    const volatile uint32_t *sleeps_on;
    bool has_stored;        /* its access before the present one was no load */
    uint64_t stalled_until; /* point up to which others go first */
    uint64_t spins_since;   /* spinning unless somebody stored since this count of stores */
    int64_t priority;       /* PCT */
    struct access trail[TRAIL];
    uint32_t trail_len;
};

struct sched {
    struct sched_config config;
    struct rng rng;
    struct thread threads[SCHED_THREADS_MAX];
    uint32_t count;
    struct thread *current;
    struct thread *previous; /* who switched to current last; NULL: the kernel thread */
    struct fiber outside;
    uint64_t points;
    uint64_t stores;    /* stores and read-modify-writes so far, from 1 */
    uint32_t turn_left; /* round robin: points left in the current turn */
    int64_t lowest;     /* PCT: the lowest priority given away */
    uint64_t change[8]; /* PCT: points at which the priority of the running thread changes */
    enum sched_outcome outcome;
    char reason[REASON];
};

static struct sched *active;
static sched_tracer *tracer;
static void *tracer_arg;

struct sched_config sched_config_draw(uint64_t seed)
{
    struct rng r = rng_seeded(seed ^ 0x5ced);
    struct sched_config c = {.seed = seed, .max_points = MAX_POINTS};
    uint32_t dice = rng_below(&r, 20);
    c.strategy = dice < 15 ? SCHED_RANDOM : dice < 19 ? SCHED_PCT : SCHED_ROUND_ROBIN;
    c.quantum = 1u << rng_below(&r, 9);
    if (c.strategy == SCHED_ROUND_ROBIN && c.quantum == 1)
        c.quantum = 2; /* turns of one point have no variety, see lin_sched.h */
    c.depth = rng_between(&r, 1, 6);
    c.length = 1u << rng_between(&r, 6, 13);
    c.spurious = rng_one_in(&r, 4);
    if (!rng_one_in(&r, 3))
        c.stall_every = 1u << rng_between(&r, 3, 8);
    c.stall_length = 1u << rng_between(&r, 4, 10);
    return c;
}

struct sched *sched_create(const struct sched_config *config)
{
    struct sched *s = lin_alloc(1, sizeof(*s));
    s->config = *config;
    s->rng = rng_seeded(config->seed);
    s->stores = 1;
    s->turn_left = config->quantum;
    for (uint32_t i = 0; i + 1 < config->depth && i < sizeof(s->change) / sizeof(*s->change); i++)
        s->change[i] = 1 + rng_below(&s->rng, config->length);
    return s;
}

void sched_destroy(struct sched *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        fiber_fini(&s->threads[i].fiber);
    free(s);
}

uint64_t sched_points(const struct sched *s)
{
    return s->points;
}

uint32_t sched_self(void)
{
    return active && active->current ? (uint32_t)(active->current - active->threads) : UINT32_MAX;
}

static bool spinning(const struct sched *s, const struct thread *t)
{
    return t->spins_since == s->stores;
}

/* A runnable thread drawn uniformly, spinning and stalled ones only if there is no other. NULL:
 * none. */
static struct thread *pick_random(struct sched *s)
{
    struct thread *eager[SCHED_THREADS_MAX], *any[SCHED_THREADS_MAX];
    uint32_t n_eager = 0, n_any = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct thread *t = &s->threads[i];
        if (t->state != RUNNABLE)
            continue;
        any[n_any++] = t;
        if (!spinning(s, t) && t->stalled_until <= s->points)
            eager[n_eager++] = t;
    }
    if (n_eager > 0)
        return eager[rng_below(&s->rng, n_eager)];
    return n_any > 0 ? any[rng_below(&s->rng, n_any)] : NULL;
}

static struct thread *pick_highest(struct sched *s)
{
    struct thread *best = NULL;
    for (uint32_t i = 0; i < s->count; i++) {
        struct thread *t = &s->threads[i];
        if (t->state == RUNNABLE && (!best || t->priority > best->priority))
            best = t;
    }
    return best;
}

static struct thread *pick_following(struct sched *s)
{
    uint32_t at = s->current ? (uint32_t)(s->current - s->threads) : s->count - 1;
    for (uint32_t i = 1; i <= s->count; i++) {
        struct thread *t = &s->threads[(at + i) % s->count];
        if (t->state == RUNNABLE)
            return t;
    }
    return NULL;
}

/* Whether the running thread is put aside here: more likely behind a store, where others may see
 * half of what it does. */
static bool stalls_now(struct sched *s)
{
    uint32_t every = s->config.stall_every;
    if (!every || !s->current)
        return false;
    return rng_one_in(&s->rng, s->current->has_stored ? every : STALL_ELSEWHERE * every);
}

/* Who continues; must_leave: the current thread spins, sleeps or has ended. */
static struct thread *pick(struct sched *s, bool must_leave)
{
    switch (s->config.strategy) {
    case SCHED_PCT:
        for (uint32_t i = 0; s->current && i < sizeof(s->change) / sizeof(*s->change); i++) {
            if (s->change[i] == s->points)
                s->current->priority = --s->lowest;
        }
        return pick_highest(s);
    case SCHED_ROUND_ROBIN:
        if (!must_leave && --s->turn_left > 0)
            return s->current;
        s->turn_left = 1 + rng_below(&s->rng, 2 * s->config.quantum - 1);
        return pick_following(s);
    default:
        if (stalls_now(s)) {
            s->current->stalled_until = s->points + s->config.stall_length;
            return pick_random(s);
        }
        if (!must_leave && !rng_one_in(&s->rng, s->config.quantum))
            return s->current;
        return pick_random(s);
    }
}

static void switch_to(struct sched *s, struct thread *next, bool ends)
{
    struct thread *self = s->current;
    if (next == self)
        return;
    s->previous = self;
    s->current = next;
    fiber_switch(self ? &self->fiber : &s->outside, next ? &next->fiber : &s->outside, ends);
}

/* Ends the run; a logical thread that calls this never comes back. */
static void stop(struct sched *s, enum sched_outcome outcome)
{
    s->outcome = outcome;
    switch_to(s, NULL, true);
}

static void wake_spuriously(struct sched *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct thread *t = &s->threads[i];
        if (t->state == SLEEPING && rng_one_in(&s->rng, SPURIOUS_ONE_IN))
            t->state = RUNNABLE;
    }
}

static void reschedule(struct sched *s, bool must_leave)
{
    struct thread *next = pick(s, must_leave);
    if (next) {
        switch_to(s, next, s->current->state == ENDED);
        return;
    }
    bool sleepers = false;
    for (uint32_t i = 0; i < s->count; i++)
        sleepers = sleepers || s->threads[i].state == SLEEPING;
    stop(s, sleepers ? SCHED_DEADLOCK : SCHED_OK);
}

static void note(struct sched *s, const volatile void *addr, enum sched_kind kind, const void *pc)
{
    struct thread *t = s->current;
    s->points++;
    const struct access *last = &t->trail[(t->trail_len + TRAIL - 1) % TRAIL];
    t->has_stored = last->kind == SCHED_STORE || last->kind == SCHED_RMW;
    t->trail[t->trail_len++ % TRAIL] = (struct access){s->points, addr, (uintptr_t)pc, kind};
    if (kind == SCHED_STORE || kind == SCHED_RMW)
        s->stores++;
    if (s->points > s->config.max_points)
        stop(s, SCHED_LIVELOCK);
}

void sched_point(const volatile void *addr, unsigned size, enum sched_kind kind, const void *pc)
{
    struct sched *s = active;
    if (s && s->current) {
        note(s, addr, kind, pc);
        reschedule(s, false);
    }
    if (tracer)
        tracer(tracer_arg, sched_self(), addr, size, kind);
}

void sched_relax(void)
{
    static uint32_t outside_spins;
    struct sched *s = active;
    if (!s || !s->current) {
        if (++outside_spins > OUTSIDE_SPINS) {
            fprintf(stderr, "scheduler: spinning outside of a run, nobody can end this\n");
            abort();
        }
        return;
    }
    note(s, NULL, SCHED_RELAX, __builtin_return_address(0));
    s->current->spins_since = s->stores;
    if (s->config.strategy == SCHED_PCT)
        s->current->priority = --s->lowest;
    if (s->config.spurious)
        wake_spuriously(s);
    reschedule(s, true);
}

void sched_wait(const volatile uint32_t *word, uint32_t expected)
{
    struct sched *s = active;
    if (!s || !s->current) {
        fprintf(stderr, "scheduler: sleeping outside of a run, nobody can end this\n");
        abort();
    }
    note(s, word, SCHED_WAIT, __builtin_return_address(0));
    reschedule(s, false);
    if (*word != expected)
        return;
    s->current->state = SLEEPING;
    s->current->sleeps_on = word;
    if (s->config.spurious)
        wake_spuriously(s);
    reschedule(s, true);
}

void sched_wake(const volatile uint32_t *word, uint32_t count)
{
    struct sched *s = active;
    if (!s || !s->current)
        return;
    note(s, word, SCHED_WAKE, __builtin_return_address(0));
    reschedule(s, false);
    uint32_t first = rng_below(&s->rng, s->count);
    for (uint32_t i = 0; i < s->count && count > 0; i++) {
        struct thread *t = &s->threads[(first + i) % s->count];
        if (t->state != SLEEPING || t->sleeps_on != word)
            continue;
        t->state = RUNNABLE;
        count--;
    }
}

void sched_fail(const char *format, ...)
{
    struct sched *s = active;
    if (!s || !s->current)
        abort();
    va_list args;
    va_start(args, format);
    vsnprintf(s->reason, sizeof(s->reason), format, args);
    va_end(args);
    stop(s, SCHED_FAILED);
    __builtin_unreachable();
}

static void thread_main(void)
{
    struct sched *s = active;
    fiber_entered(s->previous ? &s->previous->fiber : &s->outside);
    s->current->fn(s->current->arg);
    s->current->state = ENDED;
    reschedule(s, true);
}

uint32_t sched_spawn(struct sched *s, const char *name, void (*fn)(void *arg), void *arg)
{
    if (s->count == SCHED_THREADS_MAX || active == s)
        abort();
    struct thread *t = &s->threads[s->count];
    *t = (struct thread){.name = name, .fn = fn, .arg = arg};
    if (!fiber_init(&t->fiber, thread_main))
        abort();
    return s->count++;
}

/* PCT: distinct priorities in random order (Fisher and Yates), all above those given later. */
static void deal_priorities(struct sched *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t j = rng_below(&s->rng, i + 1);
        s->threads[i].priority = s->threads[j].priority;
        s->threads[j].priority = i;
    }
}

enum sched_outcome sched_run(struct sched *s)
{
    deal_priorities(s);
    s->outcome = SCHED_OK;
    fiber_adopt(&s->outside);
    active = s;
    struct thread *first = pick(s, true);
    if (first)
        switch_to(s, first, false);
    active = NULL;
    return s->outcome;
}

void sched_set_tracer(sched_tracer *fn, void *arg)
{
    tracer = fn;
    tracer_arg = arg;
}

/* ---- report ---- */

/* Start of the program's image, from the linker: addresses relative to it suit addr2line. */
extern const char __executable_start[];

/* "function at file:line" if binutils are installed, else the address within the program. */
static void print_place(uintptr_t pc, FILE *out)
{
    char program[256], command[400], line[200] = "";
    uintptr_t offset = pc - 1 - (uintptr_t)__executable_start;
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    snprintf(command, sizeof(command), "addr2line -fpse '%s' 0x%" PRIxPTR " 2>/dev/null", program,
             offset);
    FILE *in = popen(command, "r");
    if (in && fgets(line, sizeof(line), in) && line[0] != '?')
        fprintf(out, "%s", line);
    else
        fprintf(out, "pc 0x%" PRIxPTR "\n", offset);
    if (in)
        pclose(in);
}

static void print_thread(const struct thread *t, uint32_t number, FILE *out)
{
    static const char *const states[] = {"runnable", "sleeping", "ended"};
    static const char *const kinds[] = {"load", "store", "rmw", "relax", "wait", "wake"};
    fprintf(out, "  thread %" PRIu32 " (%s): %s\n", number, t->name, states[t->state]);
    uint32_t n = t->trail_len < TRAIL ? t->trail_len : TRAIL;
    for (uint32_t i = t->trail_len - n; i < t->trail_len && t->state != ENDED; i++) {
        const struct access *a = &t->trail[i % TRAIL];
        fprintf(out, "    %8" PRIu64 "  %-5s %14p  ", a->point, kinds[a->kind],
                (const void *)(uintptr_t)a->addr);
        print_place(a->pc, out);
    }
}

void sched_report(const struct sched *s, FILE *out)
{
    static const char *const outcomes[] = {
        "all threads ended",
        "deadlock: every remaining thread sleeps",
        "livelock: too many points",
        "failed",
    };
    static const char *const strategies[] = {"random", "PCT", "round robin"};
    fprintf(out,
            "schedule of seed %" PRIu64 " (%s, quantum %" PRIu32 ", depth %" PRIu32
            ", stalls %" PRIu32 " in %" PRIu32 "), %" PRIu64 " points: %s %s\n",
            s->config.seed, strategies[s->config.strategy], s->config.quantum, s->config.depth,
            s->config.stall_length, s->config.stall_every, s->points, outcomes[s->outcome],
            s->reason);
    for (uint32_t i = 0; i < s->count; i++)
        print_thread(&s->threads[i], i, out);
}
