// SPDX-License-Identifier: BSD-2-Clause
//
// Which cores are there: node-replicated, so every core reads it from its own node's memory. Who
// operates on it has interrupts off (nodes.h). These functions wait for other cores, not for long,
// and do not allocate.
#pragma once

#include <kernel/config.h>
#include <kernel/error.h>

struct node_object;

enum core_state { CORE_ABSENT, CORE_ONLINE, CORE_OFFLINE };

struct core_entry {
    uint32_t state;      /* enum core_state */
    node_id_t node;      /* unless CORE_ABSENT */
    uint64_t generation; /* the table's when the entry changed last; 0: never */
};

/* core_table_create - once, on the boot core. KERR_NO_MEMORY. */
MUST_CHECK kerr_t core_table_create(void);

/* core_table_online - this core is online, on @node. KERR_EXISTS: the table says so already;
 * KERR_RANGE: there can be no such node. */
MUST_CHECK kerr_t core_table_online(node_id_t node);

/* core_table_offline - @core is no longer used. KERR_NOT_FOUND: it was not online; KERR_RANGE. */
MUST_CHECK kerr_t core_table_offline(core_id_t core);

/* core_table_lookup - what the table says about @core; KERR_RANGE: there can be no such core. */
MUST_CHECK kerr_t core_table_lookup(core_id_t core, struct core_entry *entry);

/* core_table_count - cores that are online; core_table_count_on - of these, those on @node. */
unsigned core_table_count(void);
unsigned core_table_count_on(node_id_t node);

/* core_table_object - for tests and statistics. */
struct node_object *core_table_object(void);
