// SPDX-License-Identifier: BSD-2-Clause
#include "contest.h"

#if BENCH_OTHERS
#define OTHERS(X) X(lfht) X(ck_ht)
#else
#define OTHERS(X)
#endif

#define LOCKED(X, W) X(W##_bare) X(W##_mutex) X(W##_rwlock) X(W##_brlock)

#define CONTESTANTS(X) \
    LOCKED(X, map)     \
    X(map_nr)          \
    X(parts_nr)        \
    X(sharded)         \
    OTHERS(X)          \
    LOCKED(X, vspace) X(vspace_nr) LOCKED(X, stack) X(stack_nr)

#define DECLARE(name) extern const struct contestant name##_contestant;
#define ADDRESS(name) &name##_contestant,
CONTESTANTS(DECLARE)

const struct contestant *const contestants[] = {CONTESTANTS(ADDRESS) NULL};
