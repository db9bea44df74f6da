// SPDX-License-Identifier: BSD-2-Clause
//
// Tests that run inside the kernel, chosen by test=NAME on the command line. The other half of
// each, which boots the machine and judges what it prints and how it ends, is in tests/guest.
#pragma once

#include <kernel/types.h>

/* How far the kernel has come when the test runs. */
enum ktest_stage {
    KTEST_EARLY, /* console and fault handlers, nothing else */
    KTEST_ALONE, /* the machine is initialised, but no other core runs */
    KTEST_FULL,  /* everything is initialised */
};

struct ktest {
    const char *name;
    enum ktest_stage stage;
    void (*fn)(void);
};

/* The architecture's own tests; the last has no name. */
extern const struct ktest arch_ktests[];

/* Of random tests: 0 lets them choose one, which they print. [const] before the first test. */
extern uint64_t ktest_seed;

/* ktest_run - run the test @name if it belongs to @stage, and end the machine with EXIT_OK after
 * it; return if there is no such test, or @name is NULL. A failing test panics. */
void ktest_run(const char *name, enum ktest_stage stage);
