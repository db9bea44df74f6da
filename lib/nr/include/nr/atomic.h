// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * The atomic accesses of libnr, all of them: C11 with an explicit order at every use.
 *
 * The wrappers exist for one reason. Built with NR_SCHED=1, every access first calls
 * nr_sched_point(), where a test harness decides which logical thread runs next (deterministic
 * schedules) and records who touched which cache line (the coherence cost model). In every other
 * build they are the plain C11 operations.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum nr_access { NR_ACCESS_LOAD, NR_ACCESS_STORE, NR_ACCESS_RMW };

#if NR_SCHED
/* Called before each atomic access: its address, size in bytes and kind. May switch threads. */
void nr_sched_point(const volatile void *addr, unsigned size, enum nr_access kind);
/* Called for non-atomic accesses to memory that other threads also use (log entries, mailboxes). */
void nr_sched_touch(const volatile void *addr, unsigned size, enum nr_access kind);
#define NR_POINT(p, kind)    nr_sched_point((p), sizeof *(p), (kind))
#define NR_TOUCH(p, n, kind) nr_sched_touch((p), (unsigned)(n), (kind))
#else
#define NR_POINT(p, kind)    ((void)0)
#define NR_TOUCH(p, n, kind) ((void)0)
#endif

#define nr_load(p, order) \
    (NR_POINT(p, NR_ACCESS_LOAD), atomic_load_explicit(p, memory_order_##order))
/* A seq_cst store is announced as what it costs on x86: an exchange. */
#define nr_store(p, v, order)                                                                     \
    (NR_POINT(p, memory_order_##order == memory_order_seq_cst ? NR_ACCESS_RMW : NR_ACCESS_STORE), \
     atomic_store_explicit(p, v, memory_order_##order))
#define nr_exchange(p, v, order) \
    (NR_POINT(p, NR_ACCESS_RMW), atomic_exchange_explicit(p, v, memory_order_##order))
/* Strong compare-and-swap; a failure is relaxed and leaves the value found in *expected. */
#define nr_cas(p, expected, v, order)                                     \
    (NR_POINT(p, NR_ACCESS_RMW), atomic_compare_exchange_strong_explicit( \
                                     p, expected, v, memory_order_##order, memory_order_relaxed))
