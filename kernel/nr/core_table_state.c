// SPDX-License-Identifier: BSD-2-Clause

#include "core_table_state.h"

static kerr_t set_online(struct core_table *table, core_id_t core, node_id_t node)
{
    if (core >= MAX_CORES || node >= MAX_NODES)
        return KERR_RANGE;
    struct core_entry *entry = &table->entries[core];
    if (entry->state == CORE_ONLINE)
        return KERR_EXISTS;
    *entry =
        (struct core_entry){.state = CORE_ONLINE, .node = node, .generation = ++table->generation};
    table->n_online++;
    table->n_online_on[node]++;
    return KERR_OK;
}

static kerr_t set_offline(struct core_table *table, core_id_t core)
{
    if (core >= MAX_CORES)
        return KERR_RANGE;
    struct core_entry *entry = &table->entries[core];
    if (entry->state != CORE_ONLINE)
        return KERR_NOT_FOUND;
    entry->state = CORE_OFFLINE;
    entry->generation = ++table->generation;
    table->n_online--;
    table->n_online_on[entry->node]--;
    return KERR_OK;
}

struct core_op_answer core_table_apply(struct core_table *table, const struct core_op *op)
{
    kerr_t err = KERR_INVALID;
    if (op->kind == CORE_OP_ONLINE)
        err = set_online(table, op->core, op->node);
    else if (op->kind == CORE_OP_OFFLINE)
        err = set_offline(table, op->core);
    return (struct core_op_answer){
        .err = err, .n_online = table->n_online, .generation = table->generation};
}

struct core_answer core_table_read(const struct core_table *table, const struct core_query *query)
{
    struct core_answer answer = {.err = KERR_OK};
    if (query->kind == CORE_QUERY_COUNT)
        answer.count = table->n_online;
    else if (query->kind == CORE_QUERY_COUNT_ON && query->id < MAX_NODES)
        answer.count = table->n_online_on[query->id];
    else if (query->kind == CORE_QUERY_ENTRY && query->id < MAX_CORES)
        answer.entry = table->entries[query->id];
    else
        answer.err = KERR_RANGE;
    return answer;
}
