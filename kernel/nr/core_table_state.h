// SPDX-License-Identifier: BSD-2-Clause
//
// The core table as the sequential structure that is replicated (core_table.c).
#pragma once

#include <kernel/core_table.h>

struct core_table {
    uint64_t generation; /* mutations that changed something */
    uint32_t n_online;
    uint32_t n_online_on[MAX_NODES];
    struct core_entry entries[MAX_CORES];
};

enum core_op_kind { CORE_OP_ONLINE, CORE_OP_OFFLINE };

struct core_op {
    uint32_t kind; /* enum core_op_kind */
    core_id_t core;
    node_id_t node; /* CORE_OP_ONLINE */
};

/* Without padding: the determinism guard compares its bytes. */
struct core_op_answer {
    kerr_t err;
    uint32_t n_online;
    uint64_t generation;
};

enum core_query_kind { CORE_QUERY_ENTRY, CORE_QUERY_COUNT, CORE_QUERY_COUNT_ON };

struct core_query {
    uint32_t kind; /* enum core_query_kind */
    uint32_t id;   /* of a core or a node */
};

struct core_answer {
    kerr_t err;
    uint32_t count;
    struct core_entry entry;
};

/* core_table_apply - total: KERR_RANGE for numbers that cannot be, KERR_EXISTS for a core that is
 * online already, KERR_NOT_FOUND for one that is not; nothing has changed then. */
struct core_op_answer core_table_apply(struct core_table *table, const struct core_op *op);

/* core_table_read - KERR_RANGE for numbers that cannot be. */
struct core_answer core_table_read(const struct core_table *table, const struct core_query *query);
