// SPDX-License-Identifier: BSD-2-Clause
// Contestants made of libnr: BENCH_REPLICATED(NAME, WORKLOAD, CLASS, REMOVES) wraps the type that
// NR_DEFINE(NAME, ..., struct bench_op, uint64_t, struct bench_query, uint64_t, ...) made.
#pragma once

#include <nr/nr.h>

#include "contest.h"

#define BENCH_REPLICATED(NAME, WORKLOAD, CLASS, REMOVES)                                       \
    static void *NAME##_nr_make(const struct bench_setup *setup)                               \
    {                                                                                          \
        struct NAME##_nr *nr = NULL;                                                           \
        struct nr_config config = {                                                            \
            .replicas = setup->replicas,                                                       \
            .logs = setup->logs,                                                               \
            .flags = setup->keep_log ? NR_KEEP_LOG : 0,                                        \
            .nodes = setup->nodes,                                                             \
            .init_arg = (void *)setup,                                                         \
        };                                                                                     \
        return NAME##_nr_create(&config, &nr) == NR_OK ? nr : NULL;                            \
    }                                                                                          \
    static void NAME##_nr_unmake(void *self)                                                   \
    {                                                                                          \
        (void)NAME##_nr_destroy(self);                                                         \
    }                                                                                          \
    static void *NAME##_nr_enter(void *self, struct worker *worker)                            \
    {                                                                                          \
        struct NAME##_thread *thread = NULL;                                                   \
        return NAME##_register(self, worker->replica, &thread) == NR_OK ? thread : NULL;       \
    }                                                                                          \
    static void NAME##_nr_leave(void *self, void *token)                                       \
    {                                                                                          \
        (void)self;                                                                            \
        NAME##_unregister(token);                                                              \
    }                                                                                          \
    static inline uint64_t NAME##_nr_read(void *self, void *token, uint64_t key)               \
    {                                                                                          \
        (void)self;                                                                            \
        struct bench_query query = {key};                                                      \
        return NAME##_query(token, &query);                                                    \
    }                                                                                          \
    static inline uint64_t NAME##_nr_write(void *self, void *token, const struct bench_op *op) \
    {                                                                                          \
        (void)self;                                                                            \
        return NAME##_execute(token, op);                                                      \
    }                                                                                          \
    BENCH_CONTESTANT(NAME##_nr, REMOVES, .name = CLASS, .workload = WORKLOAD,                  \
                     .create = NAME##_nr_make, .destroy = NAME##_nr_unmake,                    \
                     .enter = NAME##_nr_enter, .leave = NAME##_nr_leave)
