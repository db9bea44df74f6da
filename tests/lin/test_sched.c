// SPDX-License-Identifier: BSD-2-Clause
// The scheduler: it finds classic bugs, leaves correct code alone, and replays exactly.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "lin_sched.h"

enum {
    SCHEDULES = 500, /* each of the bugs below shows up within the first few dozen */
};

/* Shared memory of the programs below. */
struct memory {
    uint32_t a, b, lock, counter;
    bool broken;
};

static struct memory mem;

/* Accesses as an instrumented program makes them. */
static uint32_t load(uint32_t *p)
{
    sched_point(p, sizeof(*p), SCHED_LOAD, __builtin_return_address(0));
    return *p;
}

static void store(uint32_t *p, uint32_t value)
{
    sched_point(p, sizeof(*p), SCHED_STORE, __builtin_return_address(0));
    *p = value;
}

static uint32_t exchange(uint32_t *p, uint32_t value)
{
    sched_point(p, sizeof(*p), SCHED_RMW, __builtin_return_address(0));
    uint32_t old = *p;
    *p = value;
    return old;
}

static struct sched_config config_of(enum sched_strategy strategy, uint64_t seed)
{
    struct sched_config c = sched_config_draw(seed);
    c.strategy = strategy;
    c.length = 16; /* about what these programs take */
    c.spurious = false;
    c.max_points = 20000;
    return c;
}

/* Runs n threads of fn under one schedule. */
static enum sched_outcome run(const struct sched_config *c, void (*fn)(void *), uintptr_t n,
                              bool broken)
{
    mem = (struct memory){.broken = broken};
    struct sched *s = sched_create(c);
    for (uintptr_t i = 0; i < n; i++)
        sched_spawn(s, "test", fn, (void *)i);
    enum sched_outcome outcome = sched_run(s);
    sched_destroy(s);
    return outcome;
}

/* In how many of the schedules of one strategy fn ends with that outcome. */
static uint32_t count(enum sched_strategy strategy, void (*fn)(void *), uintptr_t n, bool broken,
                      enum sched_outcome outcome)
{
    uint32_t hits = 0;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct sched_config c = config_of(strategy, seed);
        hits += run(&c, fn, n, broken) == outcome;
    }
    return hits;
}

/* Every strategy finds the outcome in the broken program and never in the correct one. */
static void assert_found(void (*fn)(void *), uintptr_t n, enum sched_outcome outcome)
{
    for (int strategy = SCHED_RANDOM; strategy <= SCHED_ROUND_ROBIN; strategy++) {
        assert_true(count(strategy, fn, n, true, outcome) > 0);
        assert_int_equal(count(strategy, fn, n, false, SCHED_OK), SCHEDULES);
    }
}

static void lock_take(uint32_t *lock)
{
    while (exchange(lock, 1))
        sched_relax();
}

static uint32_t finished;

static void increments(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (!mem.broken)
            lock_take(&mem.lock);
        store(&mem.counter, load(&mem.counter) + 1);
        if (!mem.broken)
            store(&mem.lock, 0);
    }
    if (++finished % 3 == 0 && mem.counter != 9)
        sched_fail("lost an increment: %u", mem.counter);
}

static void lost_updates_are_found(void **state)
{
    (void)state;
    finished = 0;
    assert_found(increments, 3, SCHED_FAILED);
}

/* Peterson's lock; broken: the flag is raised only after looking at the other's. */
static void peterson(void *arg)
{
    uint32_t me = (uint32_t)(uintptr_t)arg;
    uint32_t *mine = me ? &mem.b : &mem.a, *other = me ? &mem.a : &mem.b;
    if (mem.broken) {
        while (load(other))
            sched_relax();
        store(mine, 1);
    } else {
        store(mine, 1);
        store(&mem.lock, me);
        while (load(other) && load(&mem.lock) == me)
            sched_relax();
    }
    if (exchange(&mem.counter, 1))
        sched_fail("two inside");
    store(&mem.counter, 0);
    store(mine, 0);
}

static void broken_mutual_exclusion_is_found(void **state)
{
    (void)state;
    assert_found(peterson, 2, SCHED_FAILED);
}

static void sleep_lock(uint32_t *lock)
{
    while (exchange(lock, 1))
        sched_wait(lock, 1);
}

static void sleep_unlock(uint32_t *lock)
{
    store(lock, 0);
    sched_wake(lock, UINT32_MAX);
}

/* Two locks; broken: the threads take them in different orders. */
static void two_locks(void *arg)
{
    bool swap = mem.broken && arg;
    sleep_lock(swap ? &mem.b : &mem.a);
    sleep_lock(swap ? &mem.a : &mem.b);
    sleep_unlock(&mem.a);
    sleep_unlock(&mem.b);
}

static void lock_order_cycles_are_found(void **state)
{
    (void)state;
    assert_found(two_locks, 2, SCHED_DEADLOCK);
}

/* Thread 0 waits for the others' flag; broken: it announces its sleep after looking. */
static void lost_wakeup(void *arg)
{
    if (arg) {
        store(&mem.a, 1);
        sched_wake(&mem.a, 1);
        return;
    }
    if (mem.broken) {
        if (!load(&mem.a)) {
            store(&mem.b, 1);
            sched_wait(&mem.b, 1); /* not the word that the waker changes */
        }
        return;
    }
    while (!load(&mem.a))
        sched_wait(&mem.a, 0);
}

static void lost_wakeups_are_found(void **state)
{
    (void)state;
    assert_found(lost_wakeup, 2, SCHED_DEADLOCK);
}

/* Everybody waits for a turn; broken: nobody ever takes the last one. */
static void turns(void *arg)
{
    uint32_t me = (uint32_t)(uintptr_t)arg;
    while (load(&mem.a) != me)
        sched_relax();
    if (!mem.broken || me < 2)
        store(&mem.a, me + 1);
}

static void spinning_ends_when_it_can_and_is_a_livelock_otherwise(void **state)
{
    (void)state;
    assert_found(turns, 4, SCHED_LIVELOCK);
}

/* A thread that never announces relaxing must still let others run in a fair strategy. */
static void rude_spin(void *arg)
{
    if (arg)
        store(&mem.a, 1);
    else
        while (!load(&mem.a)) {
        }
}

static void random_and_round_robin_are_fair(void **state)
{
    (void)state;
    assert_int_equal(count(SCHED_RANDOM, rude_spin, 2, false, SCHED_OK), SCHEDULES);
    assert_int_equal(count(SCHED_ROUND_ROBIN, rude_spin, 2, false, SCHED_OK), SCHEDULES);
    assert_true(count(SCHED_PCT, rude_spin, 2, false, SCHED_LIVELOCK) > 0);
}

static void spurious_sleeper(void *arg)
{
    for (int i = 0; i < 1000 && arg; i++)
        sched_relax();
    sched_wait(&mem.a, 0);
    mem.counter++;
}

static void sleepers_wake_up_without_reason_on_demand(void **state)
{
    (void)state;
    struct sched_config c = config_of(SCHED_RANDOM, 1);
    assert_int_equal(run(&c, spurious_sleeper, 3, false), SCHED_DEADLOCK);
    assert_int_equal(mem.counter, 0);
    c.spurious = true;
    run(&c, spurious_sleeper, 3, false);
    assert_true(mem.counter > 0);
}

/* ---- replay and tracer ---- */

struct trace {
    uint64_t hash, len, rmws;
    bool in_order;
};

static void trace_access(void *arg, uint32_t thread, const volatile void *addr, unsigned size,
                         enum sched_kind kind)
{
    struct trace *t = arg;
    uint64_t offset = (uint64_t)((const volatile char *)addr - (const volatile char *)&mem);
    t->hash = (t->hash ^ (thread * 1000003u + offset * 31 + (unsigned)kind)) * 0x100000001b3u;
    t->len++;
    t->rmws += kind == SCHED_RMW;
    t->in_order = t->in_order && thread == sched_self() && size == sizeof(uint32_t);
}

static struct trace traced_run(uint64_t seed)
{
    struct trace t = {.in_order = true};
    struct sched_config c = sched_config_draw(seed);
    sched_set_tracer(trace_access, &t);
    finished = 0;
    run(&c, increments, 3, false);
    sched_set_tracer(NULL, NULL);
    return t;
}

static void a_seed_is_a_schedule(void **state)
{
    (void)state;
    uint64_t distinct = 0, previous = 0;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct trace once = traced_run(seed), again = traced_run(seed);
        assert_true(once.hash == again.hash && once.len == again.len);
        assert_true(once.in_order && once.rmws >= 9 && once.len >= 36);
        distinct += once.hash != previous;
        previous = once.hash;
    }
    assert_true(distinct > SCHEDULES / 2);
}

static void reports_show_who_waits_where(void **state)
{
    (void)state;
    struct sched_config c = config_of(SCHED_RANDOM, 1);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    struct sched *s = sched_create(&c);
    mem = (struct memory){.broken = true};
    sched_spawn(s, "sleeper", spurious_sleeper, NULL);
    assert_int_equal(sched_run(s), SCHED_DEADLOCK);
    sched_report(s, out);
    sched_destroy(s);
    fclose(out);
    assert_non_null(strstr(text, "seed 1 (random"));
    assert_non_null(strstr(text, "deadlock"));
    assert_non_null(strstr(text, "thread 0 (sleeper): sleeping"));
    assert_non_null(strstr(text, "wait"));
    free(text);
}

static bool below_ten(uint64_t seed, void *arg)
{
    *(uint64_t *)arg = seed;
    return seed < 10;
}

static void exploring_stops_at_the_first_failing_seed(void **state)
{
    (void)state;
    uint64_t last = 0;
    unsetenv("NRK_SEED");
    unsetenv("NRK_SCHEDULES");
    assert_true(explore("none", "exploration", 9, below_ten, &last));
    assert_int_equal(last, 9);
    assert_false(explore("none", "exploration, on purpose,", 50, below_ten, &last));
    assert_int_equal(last, 10);
    setenv("NRK_SCHEDULES", "5", 1);
    assert_true(explore("none", "exploration", 50, below_ten, &last));
    assert_int_equal(last, 5);
    setenv("NRK_SEED", "7", 1);
    assert_true(explore("none", "exploration", 50, below_ten, &last));
    assert_int_equal(last, 7);
    unsetenv("NRK_SEED");
    unsetenv("NRK_SCHEDULES");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_updates_are_found),
        cmocka_unit_test(broken_mutual_exclusion_is_found),
        cmocka_unit_test(lock_order_cycles_are_found),
        cmocka_unit_test(lost_wakeups_are_found),
        cmocka_unit_test(spinning_ends_when_it_can_and_is_a_livelock_otherwise),
        cmocka_unit_test(random_and_round_robin_are_fair),
        cmocka_unit_test(sleepers_wake_up_without_reason_on_demand),
        cmocka_unit_test(a_seed_is_a_schedule),
        cmocka_unit_test(reports_show_who_waits_where),
        cmocka_unit_test(exploring_stops_at_the_first_failing_seed),
    };
    explore_select();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
