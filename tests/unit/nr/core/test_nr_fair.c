// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writers do not starve a reader. Two fibers take turns as badly as possible: the writer hands over
 * in the middle of an operation, so that whenever the reader looks, it finds the writer inside; the
 * reader hands over when it waits. What saves the reader is that the writer hands over when it
 * waits, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <nr/nr.h>

#include "fiber.h"

enum {
    ENOUGH = 1000, /* operations of the writer after which the reader counts as starved */
    BOUND = 200,   /* what it may have to wait for: its patience and a few more */
};

struct counter {
    uint64_t value;
};

struct amount {
    uint64_t value;
};

static struct fiber outside, writer, reader;
static struct fiber *running;
static struct nr_thread *writer_thread, *reader_thread;
static unsigned written;
static bool reading_done;

static void hand_over_to(struct fiber *to, bool ends)
{
    struct fiber *from = running;
    running = to;
    fiber_switch(from, to, ends);
}

/* In place of the port's function. */
void __wrap_nr_port_relax(unsigned spins);
void __real_nr_port_relax(unsigned spins);

void __wrap_nr_port_relax(unsigned spins)
{
    if (running == &outside || reading_done)
        __real_nr_port_relax(spins);
    else
        hand_over_to(running == &writer ? &reader : &writer, false);
}

NR_PLAIN(counter, struct counter)

static uint64_t counter_apply(struct counter *c, const struct amount *op)
{
    if (running == &writer && !reading_done)
        hand_over_to(&reader, false);
    return c->value += op->value;
}

static uint64_t counter_read(const struct counter *c, const struct amount *query)
{
    (void)query;
    return c->value;
}

NR_DEFINE(counter, struct counter, struct amount, uint64_t, struct amount, uint64_t);

static void write_on(void)
{
    uint64_t resp;
    fiber_entered(&outside);
    while (!reading_done && written < ENOUGH) {
        nr_execute(writer_thread, &(struct amount){1}, &resp);
        written++;
    }
    hand_over_to(&outside, true);
}

static void read_once(void)
{
    uint64_t resp;
    fiber_entered(&writer);
    nr_read(reader_thread, &(struct amount){0}, &resp);
    reading_done = true;
    hand_over_to(&writer, true);
}

static void writers_do_not_starve_a_reader(unsigned replicas, unsigned flags)
{
    struct nr *nr;
    struct nr_config config = {.replicas = replicas, .flags = flags};
    assert_int_equal(nr_create(&counter_type, &config, &nr), NR_OK);
    assert_int_equal(nr_register(nr, 0, &writer_thread), NR_OK);
    assert_int_equal(nr_register(nr, 0, &reader_thread), NR_OK);
    written = 0;
    reading_done = false;
    running = &outside;
    fiber_adopt(&outside);
    assert_true(fiber_init(&writer, write_on));
    assert_true(fiber_init(&reader, read_once));
    hand_over_to(&writer, false);
    fiber_fini(&writer);
    fiber_fini(&reader);
    assert_true(written < BOUND);
    assert_true(reading_done);
    nr_unregister(writer_thread);
    nr_unregister(reader_thread);
    assert_int_equal(nr_destroy(nr), NR_OK);
}

static void a_reader_gets_in_without_log(void **state)
{
    (void)state;
    writers_do_not_starve_a_reader(1, 0);
}

static void a_reader_gets_in_with_a_log(void **state)
{
    (void)state;
    writers_do_not_starve_a_reader(2, 0);
}

static void a_reader_gets_in_under_the_guard(void **state)
{
    (void)state;
    writers_do_not_starve_a_reader(2, NR_CHECK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_in_without_log),
        cmocka_unit_test(a_reader_gets_in_with_a_log),
        cmocka_unit_test(a_reader_gets_in_under_the_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
