// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * How long libnr waits for what. None of it matters for correctness; the values are for operations
 * of some ten to hundred nanoseconds and pauses of 10 to 140 cycles. A build that defines NR_TUNE
 * as the name of another header has its own.
 */

/* Pacing, see nr_lane_pace. A step is about a microsecond, in which a replica that has the lines to
 * itself appends some dozens of small operations; fewer than PACE_GAIN, and waiting was no gain. */
#define PACE_PAUSES 64
#define PACE_STEPS  2
#define PACE_GAIN   5
#define PACE_REST   64

/* Bounds of nr_thread.patience: a combiner that operates steadily comes by in less than the
 * maximum, some microseconds; the minimum is what a single operation takes. */
#define MAX_PATIENCE 64
#define MIN_PATIENCE 8

/* Steps of a wait after which an NR_PARK thread sleeps: about the time of a batch, so that a sleep
 * and a wake-up, a few microseconds, are only paid when the combiner is not running. */
#define SPINS_BEFORE_SLEEP 256

/* Steps that a reader waits for writers before it asks combiners to give way, and steps for which
 * each of them then does: enough for a reader that waits by yielding to get its turn. */
#define READ_PATIENCE 128
#define COURTESY      200

/* Fruitless comparisons after which a reading scan goes through the logs. */
#define READ_SCAN_TRIES 16

/* Tries after which a thread helps although the stuck hook promised that somebody would: far more
 * than an interrupt takes. The hook's thread may be waiting for a lock of ours (scan_lock, say). */
#define STUCK_PATIENCE 1000
