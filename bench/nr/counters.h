// SPDX-License-Identifier: BSD-2-Clause
// Hardware counters of the calling thread, where the machine and the kernel offer them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct counters {
    int misses; /* file descriptors, -1: not there */
    int instructions;
};

struct counts {
    uint64_t misses; /* references that missed the last-level cache */
    uint64_t instructions;
    bool valid;
};

/* Opens the calling thread's counters; they stand still until counters_start. NULL on success, else
 * why there are none (a constant text or strerror's). */
const char *counters_open(struct counters *counters);
void counters_close(struct counters *counters);

void counters_start(const struct counters *counters);
struct counts counters_stop(const struct counters *counters);
