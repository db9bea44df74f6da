// SPDX-License-Identifier: BSD-2-Clause
#include "explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t explore_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

bool explore(const char *test, const char *what, uint64_t schedules,
             bool (*once)(uint64_t seed, void *arg), void *arg)
{
    uint64_t first = explore_env("NRK_SEED", 1);
    uint64_t last = getenv("NRK_SEED") ? first : explore_env("NRK_SCHEDULES", schedules);
    for (uint64_t seed = first; seed <= last; seed++) {
        if (once(seed, arg))
            continue;
        fprintf(stderr, "%s failed; replay with NRK_TEST=%s NRK_SEED=%" PRIu64 "\n", what, test,
                seed);
        return false;
    }
    return true;
}

void explore_select(void)
{
    const char *pattern = getenv("NRK_TEST");
    if (pattern)
        cmocka_set_test_filter(pattern);
}
