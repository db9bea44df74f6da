// SPDX-License-Identifier: BSD-2-Clause
// Drives a structure through random scenarios and checks what it did.
#pragma once

#include "subject.h"

/* What scenarios are mostly about. */
enum focus {
    FOCUS_ANY,
    FOCUS_READS,       /* queries beside few mutations */
    FOCUS_SUBMISSIONS, /* asynchronous mutations on as many logs as there are */
    FOCUS_REPLICAS,    /* replicas come and go beside mutations; the log is always full */
    FOCUS_MOVES,       /* so do threads, which leave with answers outstanding */
};

/*
 * Runs random scenarios on the subject: 1-8 threads that execute, query and submit, register and
 * unregister, on 1-4 replicas which come and go, over 1-4 tiny logs. Each run's history must be
 * linearizable, the replicas must end up alike, no memory may leak. weight_percent scales the
 * number of runs. NRK_SEED and NRK_SCHEDULES work as in explore.h. test is the name of
 * the calling test. True when no run failed.
 */
bool drive(const char *test, const struct subject *subject, enum focus focus,
           unsigned weight_percent);
