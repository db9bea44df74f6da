// SPDX-License-Identifier: BSD-2-Clause
// Runs a test under many schedules.
//
// Environment: NRK_SCHEDULES, how many (otherwise the test's own default); NRK_SEED, run exactly
// the schedule of that seed; NRK_TEST, run the tests of that name. Seeds count up from 1, so a run
// without either is the same each time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The value of environment variable name, or otherwise. Decimal, 0x... or 0... */
uint64_t explore_env(const char *name, uint64_t otherwise);

/*
 * Calls once(seed, arg) for each seed until one returns false, having said why on stderr; then
 * prints how to replay it, as it does when the program crashes meanwhile. True when none failed.
 * test is the name of the test, what its subject.
 */
bool explore(const char *test, const char *what, uint64_t schedules,
             bool (*once)(uint64_t seed, void *arg), void *arg);

/* Lets cmocka run only the tests that NRK_TEST names, if it is set; * and ? are wildcards. */
void explore_select(void);
