// SPDX-License-Identifier: BSD-2-Clause
#include "explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t explore_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* How to replay the run in progress. */
static char replay[256];

static void crashed(int number)
{
    ssize_t written = write(STDERR_FILENO, replay, strlen(replay));
    (void)written;
    signal(number, SIG_DFL); /* returning then ends the program by the same signal */
}

/* cmocka would catch these and go on to the next test, with what the crash left behind. */
static void watch_for_crashes(bool begin)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    enum { COUNT = sizeof(signals) / sizeof(signals[0]) };
    static struct sigaction before[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const struct sigaction own = {.sa_handler = crashed};
        sigaction(signals[i], begin ? &own : &before[i], begin ? &before[i] : NULL);
    }
}

bool explore(const char *test, const char *what, uint64_t schedules,
             bool (*once)(uint64_t seed, void *arg), void *arg)
{
    uint64_t first = explore_env("NRK_SEED", 1);
    uint64_t last = getenv("NRK_SEED") ? first : explore_env("NRK_SCHEDULES", schedules);
    bool ok = true;
    watch_for_crashes(true);
    for (uint64_t seed = first; ok && seed <= last; seed++) {
        snprintf(replay, sizeof(replay),
                 "%s failed; replay with NRK_TEST=%s NRK_SEED=%" PRIu64 "\n", what, test, seed);
        ok = once(seed, arg);
    }
    watch_for_crashes(false);
    if (!ok)
        fputs(replay, stderr);
    return ok;
}

void explore_select(void)
{
    const char *pattern = getenv("NRK_TEST");
    if (pattern)
        cmocka_set_test_filter(pattern);
}
