// SPDX-License-Identifier: BSD-2-Clause
//
// Clocks and timers: that they are right, not how fast they are.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <stdatomic.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

/* 2023-01-01: no machine that runs this has an earlier date, unless its clock is misread. */
#define WALL_MIN_S UINT64_C(1672531200)
#define WALL_MAX_S UINT64_C(7258118400) /* 2200-01-01 */

void test_time(void)
{
    uint64_t start = arch_time_ns(), last = start;
    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t now = arch_time_ns();
        assert(now >= last);
        last = now;
    }
    assert(last > start);

    uint64_t wall = arch_wall_ns(), between = arch_time_ns(), wall_again = arch_wall_ns();
    assert(wall / S > WALL_MIN_S && wall / S < WALL_MAX_S);
    /* Both count alike. */
    assert(wall_again >= wall && wall_again - wall <= arch_time_ns() - last);
    assert(between >= last);
    log_info("one million reads in %lu us", (last - start) / 1000);
}

static _Atomic unsigned n_fired;
static uint64_t fired_at;

static void fired(void)
{
    fired_at = arch_time_ns();
    atomic_fetch_add(&n_fired, 1);
}

/* Idle until the handler ran @n times. */
static void await(unsigned n)
{
    arch_irq_save();
    while (atomic_load(&n_fired) < n)
        arch_idle();
    assert(atomic_load(&n_fired) == n);
}

void test_timer(void)
{
    arch_timer_set_handler(fired);

    log_info("Setting the timer");
    uint64_t deadline = arch_time_ns() + 20 * MS;
    arch_timer_set(deadline);
    await(1);
    assert(fired_at >= deadline);
    log_info("Got a timer interrupt");

    /* A time that has passed is served at once. */
    arch_timer_set(0);
    await(2);

    /* A new time replaces the old one; what was switched off does not come. */
    arch_timer_set(arch_time_ns() + 1 * MS);
    arch_timer_set(ARCH_TIMER_OFF);
    deadline = arch_time_ns() + 30 * MS;
    arch_timer_set(deadline + 3600 * S);
    arch_timer_set(deadline);
    await(3);
    assert(fired_at >= deadline);
}

/* Further away than 32 bits of the APIC's counter reach. */
void test_timer_far(void)
{
    arch_timer_set_handler(fired);
    uint64_t deadline = arch_time_ns() + 5 * S;
    arch_timer_set(deadline);
    await(1);
    assert(fired_at >= deadline);
}
