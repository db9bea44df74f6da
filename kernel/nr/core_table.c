// SPDX-License-Identifier: BSD-2-Clause
//
// The core table, replicated: the operations of core_table_state.c, through this core's token.

#include "core_table_state.h"

#include <kernel/arch.h>
#include <kernel/nodes.h>

NR_PLAIN(core_table, struct core_table)
NR_DEFINE(core_table, struct core_table, struct core_op, struct core_op_answer, struct core_query,
          struct core_answer);

/* An entry for each core that comes and goes, with room for all to come at once. */
#define LOG_ENTRIES MAX_CORES

static struct node_object *object; /* [const] after core_table_create */

static struct core_table_thread *thread(void)
{
    return (struct core_table_thread *)nodes_thread(object);
}

kerr_t core_table_create(void)
{
    const struct nodes_config config = {.log_entries = LOG_ENTRIES};
    return nodes_create(&core_table_type, &config, &object);
}

kerr_t core_table_online(node_id_t node)
{
    struct core_op op = {.kind = CORE_OP_ONLINE, .core = arch_core_id(), .node = node};
    return core_table_execute(thread(), &op).err;
}

kerr_t core_table_offline(core_id_t core)
{
    struct core_op op = {.kind = CORE_OP_OFFLINE, .core = core};
    return core_table_execute(thread(), &op).err;
}

kerr_t core_table_lookup(core_id_t core, struct core_entry *entry)
{
    struct core_query query = {.kind = CORE_QUERY_ENTRY, .id = core};
    struct core_answer answer = core_table_query(thread(), &query);
    *entry = answer.entry;
    return answer.err;
}

unsigned core_table_count(void)
{
    struct core_query query = {.kind = CORE_QUERY_COUNT};
    return core_table_query(thread(), &query).count;
}

unsigned core_table_count_on(node_id_t node)
{
    struct core_query query = {.kind = CORE_QUERY_COUNT_ON, .id = node};
    return core_table_query(thread(), &query).count;
}

struct node_object *core_table_object(void)
{
    return object;
}
