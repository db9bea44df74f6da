// SPDX-License-Identifier: BSD-2-Clause
//
// The log: levels, lines, rings that overflow, writers interrupted by other writers, several cores.

#define LOG_SUBSYS "test"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include <base/bits.h>
#include <hosted/hosted.h>
#include <kernel/config.h>
#include <kernel/log.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static char console[1 << 20];
static size_t console_len;

static void record(const char *text, size_t len)
{
    assert_true(console_len + len < sizeof(console));
    memcpy(console + console_len, text, len);
    console_len += len;
    console[console_len] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    size_t position;
    hosted_set_core(0);
    hosted_set_console(record);
    hosted_set_time(12345678);
    log_set_sink(NULL);
    log_set_deferred(false);
    log_flush();
    console_len = 0;
    console[0] = '\0';
    return log_configure("", &position);
}

static void check_console(const char *text)
{
    assert_string_equal(console, text);
    console_len = 0;
    console[0] = '\0';
}

static void configure(const char *text)
{
    size_t position;
    assert_int_equal(log_configure(text, &position), KERR_OK);
}

static void a_message_is_a_line_with_time_and_subsystem(void **state)
{
    (void)state;
    log_info("%u cores", 4u);
    check_console("[    0.012345 test] 4 cores\n");
    log_warn("hot");
    log_error("burnt");
    check_console("[    0.012345 test] WARN hot\n[    0.012345 test] ERROR burnt\n");
    log_info("%s", "");
    check_console("[    0.012345 test] \n");
}

static void levels_filter(void **state)
{
    (void)state;
    log_debug("1");
    configure("error");
    log_warn("2");
    configure("trace");
    log_trace("3");
    configure("off");
    log_error("4");
    configure("warn,test=debug");
    log_debug("5");
    log_trace("6");
    configure("trace,test=off,other=info");
    log_error("7");
    configure("test=trace,test=info");
    log_debug("8");
    log_info("9");
    configure("testing=error,tes=error");
    log_info("10");
    check_console("[    0.012345 test] 3\n[    0.012345 test] 5\n[    0.012345 test] 9\n"
                  "[    0.012345 test] 10\n");
}

static void a_source_unknown_so_far_follows_the_levels(void **state)
{
    (void)state;
    static struct log_source late = {.name = "late", .level = LOG_TRACE};
    configure("late=warn");
    log_print(&late, LOG_INFO, "no");
    log_print(&late, LOG_WARN, "yes");
    configure("late=info");
    log_print(&late, LOG_INFO, "now");
    check_console("[    0.012345 late] WARN yes\n[    0.012345 late] now\n");
}

static void malformed_levels_are_located(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        kerr_t err;
        size_t position;
    } cases[] = {
        {"info,loud", KERR_INVALID, 5},
        {"info,test=loud,x=", KERR_INVALID, 5},
        {"=info", KERR_INVALID, 0},
        {",,INFO", KERR_INVALID, 2},
        {"a-name-that-is-longer-than-any=info", KERR_TOO_LONG, 0},
        {"debug,,", KERR_OK, 0},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        size_t position = 0;
        assert_int_equal(log_configure(cases[i].text, &position), cases[i].err);
        assert_int_equal(position, cases[i].position);
    }
    /* What is well-formed counts. */
    size_t position;
    assert_int_equal(log_configure("what,test=error", &position), KERR_INVALID);
    log_info("no");
    check_console("");
    char many[33 * 8] = "";
    for (int i = 0; i < 33; i++)
        sprintf(many + strlen(many), "s%d=off,", i);
    assert_int_equal(log_configure(many, &position), KERR_NO_SPACE);
    assert_string_equal(many + position, "s32=off,");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char text[LOG_MAX_TEXT + 50];
    char expected[LOG_MAX_TEXT + 50];
    for (size_t len = 90; len < sizeof(text); len += 37) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + i % 26);
        text[len] = '\0';
        log_info("%s", text);
        sprintf(expected, "[    0.012345 test] %.*s\n", LOG_MAX_TEXT, text);
        check_console(expected);
    }
}

static void deferred_messages_wait_for_a_flush_or_a_warning(void **state)
{
    (void)state;
    log_set_deferred(true);
    log_info("a");
    check_console("");
    log_flush();
    check_console("[    0.012345 test] a\n");
    log_info("b");
    log_warn("c");
    check_console("[    0.012345 test] b\n[    0.012345 test] WARN c\n");
}

static void a_full_ring_loses_the_newest_and_says_so(void **state)
{
    (void)state;
    uint64_t before = log_lost();
    log_set_deferred(true);
    for (int i = 0; i < 300; i++)
        log_info("%d", i);
    assert_int_equal(log_lost() - before, 300 - 256);
    log_flush();
    assert_non_null(strstr(console, "] 255\n"));
    assert_null(strstr(console, "] 256\n"));
    assert_non_null(strstr(console, " log] WARN 44 messages of core 0 were lost\n"));
    console_len = 0;
    log_info("after");
    log_flush();
    check_console("[    0.012345 test] after\n");
}

/* --- Rings of other cores --- */

static _Alignas(64) char ring_memory[4][4096];

static void messages_of_all_cores_come_out_in_order(void **state)
{
    (void)state;
    assert_int_equal(log_add_ring(0, ring_memory[0], 4096), KERR_INVALID);
    assert_int_equal(log_add_ring(MAX_CORES, ring_memory[0], 4096), KERR_INVALID);
    assert_int_equal(log_add_ring(1, ring_memory[0], 4095), KERR_INVALID);
    for (core_id_t i = 1; i <= 3; i++)
        assert_int_equal(log_add_ring(i, ring_memory[i], 4096), KERR_OK);
    assert_int_equal(log_add_ring(3, ring_memory[3], 4096), KERR_EXISTS);
    log_set_deferred(true);
    for (unsigned i = 0; i < 12; i++) {
        hosted_set_core((i * 7) % 5); /* core 4 has no ring of its own */
        hosted_set_time((i + 1) * 1000);
        log_info("%u", i);
    }
    log_flush();
    const char *at = console;
    for (unsigned i = 0; i < 12; i++) {
        char expected[64];
        sprintf(expected, "[    0.%06u test] %u\n", i + 1, i);
        assert_memory_equal(at, expected, strlen(expected));
        at += strlen(expected);
    }
}

/* --- Messages from interrupts --- */

static unsigned depth;

/* A sink that logs, as a driver of a console may. */
static void chatty_sink(const struct log_message *message)
{
    record(message->text, message->len);
    if (depth++ < 3)
        log_info("+");
}

static void what_a_sink_logs_comes_after(void **state)
{
    (void)state;
    depth = 0;
    log_set_sink(chatty_sink);
    log_info("a");
    check_console("a+++");
}

static volatile sig_atomic_t interrupts;

static void interrupt(int signal)
{
    (void)signal;
    interrupts++;
    log_info("interrupt %d", (int)interrupts);
}

static unsigned n_seen, n_interrupts_seen;

static void check_sink(const struct log_message *message)
{
    if (message->len > 10 && !memcmp(message->text, "interrupt ", 10))
        n_interrupts_seen++;
    else if (message->len > 7 && !memcmp(message->text, "normal ", 7))
        n_seen++;
    else
        abort();
}

/* A timer signal takes the part of an NMI: it comes anywhere in the writer and logs too. */
static void interrupted_writers_lose_nothing(void **state)
{
    (void)state;
    const struct timespec often = {.tv_nsec = 50000};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    timer_t timer;
    uint64_t before = log_lost();
    log_set_sink(check_sink);
    const struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    const struct itimerspec spec = {often, often};
    assert_int_equal(timer_settime(timer, 0, &spec, NULL), 0);
    unsigned n = 0;
    while (interrupts < 500)
        log_info("normal %u", n++);
    timer_delete(timer);
    assert_int_equal(sigaction(SIGALRM, &ignore, NULL), 0);
    log_flush();
    assert_int_equal(n_seen + n_interrupts_seen + (log_lost() - before), n + interrupts);
    assert_true(n_interrupts_seen > 0);
}

/* --- Several cores at a time --- */

#define N_THREADS  4
#define N_MESSAGES 3000

static unsigned next_of[N_THREADS];
static unsigned n_received;

/* The messages of each thread arrive in its order, whole. */
static void order_sink(const struct log_message *message)
{
    char text[512] = "";
    if (!strcmp(message->subsys, "log"))
        return;
    memcpy(text, message->text, min(message->len, sizeof(text) - 1));
    char *at = text;
    unsigned long thread = strtoul(at, &at, 10);
    unsigned long number = strtoul(at, &at, 10);
    unsigned long fill = strtoul(at, &at, 10);
    if (thread >= N_THREADS || number < next_of[thread] || strspn(at + 1, ".") != fill ||
        at[1 + fill] != '\0')
        abort();
    next_of[thread] = (unsigned)number + 1;
    n_received++;
}

static void *talk(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    char fill[300];
    hosted_set_core(self);
    memset(fill, '.', sizeof(fill));
    for (unsigned i = 0; i < N_MESSAGES; i++) {
        unsigned len = 1 + (i * 7919) % 299;
        log_info("%u %u %u %.*s", self, i, len, (int)len, fill);
    }
    return NULL;
}

static void cores_log_at_the_same_time(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    uint64_t before = log_lost();
    log_set_sink(order_sink);
    for (uintptr_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, (void *)i), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    /* No flush here: whoever logged last has seen to it that all is out. */
    assert_int_equal(n_received + (log_lost() - before), N_THREADS * N_MESSAGES);
}

static void raw_text_goes_straight_to_the_console(void **state)
{
    (void)state;
    log_set_deferred(true);
    log_info("later");
    log_raw("%s %d\n", "now", 1);
    check_console("now 1\n");
    log_flush_panic();
    check_console("[    0.012345 test] later\n");
}

#define CASE(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_message_is_a_line_with_time_and_subsystem),
        CASE(levels_filter),
        CASE(a_source_unknown_so_far_follows_the_levels),
        CASE(malformed_levels_are_located),
        CASE(long_messages_are_cut),
        CASE(deferred_messages_wait_for_a_flush_or_a_warning),
        CASE(a_full_ring_loses_the_newest_and_says_so),
        CASE(messages_of_all_cores_come_out_in_order),
        CASE(what_a_sink_logs_comes_after),
        CASE(interrupted_writers_lose_nothing),
        CASE(cores_log_at_the_same_time),
        CASE(raw_text_goes_straight_to_the_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
