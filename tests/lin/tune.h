// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/* Short waits for libnr under the scheduler, so that what comes after them happens within a
 * schedule. The names are those of lib/nr/tune.h. */
#define PACE_PAUSES        1
#define PACE_STEPS         2
#define PACE_GAIN          5
#define PACE_REST          64
#define MAX_PATIENCE       2
#define MIN_PATIENCE       1
#define SPINS_BEFORE_SLEEP 2
#define READ_PATIENCE      1
#define COURTESY           2
#define READ_SCAN_TRIES    2
#define STUCK_PATIENCE     1000
