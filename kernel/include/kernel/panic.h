// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <stdbool.h>

/* panic_begin - become the one core that reports why the machine ends; stops the others, and does
 * not return if another one is reporting already. False: this core itself is, so the report went
 * wrong. */
bool panic_begin(void);

/* panic - a broken invariant, never bad input: stop the other cores, print the message and the
 * callers, end with EXIT_PANIC. Takes no lock. */
__attribute__((format(printf, 1, 2))) _Noreturn void panic(const char *format, ...);

/* assert - panic, naming the place, unless @cond. Also in optimised builds. */
#define assert(cond)                                                                       \
    do {                                                                                   \
        if (!(cond))                                                                       \
            panic("%s:%d: %s: assertion failed: %s", __FILE__, __LINE__, __func__, #cond); \
    } while (0)
