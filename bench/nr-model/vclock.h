// SPDX-License-Identifier: BSD-2-Clause
// Logical threads in virtual time: each access moves the clock of its thread by what the coherence
// model says, and the thread with the earliest clock goes on. So accesses happen in the order of
// time, waiting takes as long as it would, and batches, convoys and retries come about by
// themselves.
//
// It has the coroutines (fiber.h) of the test harness of libnr, but not its scheduler, whose aim is
// the opposite: there the schedule is the input, here it follows from the latencies. It implements
// nr_sched_point, nr_sched_touch and the port functions of libnr. Runs are deterministic.
#pragma once

#include "coherence.h"

/* One at a time. Each of sockets * cores threads runs fn(arg, thread) on a core of its own; returns
 * when all have ended. False: no memory. */
bool vclock_run(const struct machine *machine, struct coherence *coherence,
                void (*fn)(void *arg, unsigned thread), void *arg);

/* The running thread's clock in picoseconds. */
uint64_t vclock_now(void);

/* Outside of a run: the coherence model that learns where replicas are placed. */
void vclock_observe(struct coherence *coherence);
