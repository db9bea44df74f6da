// SPDX-License-Identifier: BSD-2-Clause

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../kernel/nr/core_table_state.h"
#include "random.h"

#include <nr/nr.h>
#include <string.h>

NR_PLAIN(core_table, struct core_table)
NR_DEFINE(core_table, struct core_table, struct core_op, struct core_op_answer, struct core_query,
          struct core_answer);

static struct core_op online(core_id_t core, node_id_t node)
{
    return (struct core_op){.kind = CORE_OP_ONLINE, .core = core, .node = node};
}

static struct core_op offline(core_id_t core)
{
    return (struct core_op){.kind = CORE_OP_OFFLINE, .core = core};
}

static struct core_answer query(const struct core_table *table, uint32_t kind, uint32_t id)
{
    return core_table_read(table, &(struct core_query){.kind = kind, .id = id});
}

static void a_core_comes_goes_and_comes_to_another_node(void **state)
{
    (void)state;
    static struct core_table table;
    struct core_op op = online(7, 3);
    struct core_op_answer answer = core_table_apply(&table, &op);
    assert_int_equal(answer.err, KERR_OK);
    assert_int_equal(answer.n_online, 1);
    assert_int_equal(answer.generation, 1);
    struct core_answer found = query(&table, CORE_QUERY_ENTRY, 7);
    assert_int_equal(found.entry.state, CORE_ONLINE);
    assert_int_equal(found.entry.node, 3);
    assert_int_equal(query(&table, CORE_QUERY_COUNT_ON, 3).count, 1);

    op = offline(7);
    assert_int_equal(core_table_apply(&table, &op).err, KERR_OK);
    assert_int_equal(query(&table, CORE_QUERY_ENTRY, 7).entry.state, CORE_OFFLINE);
    assert_int_equal(query(&table, CORE_QUERY_COUNT, 0).count, 0);

    op = online(7, 0);
    assert_int_equal(core_table_apply(&table, &op).generation, 3);
    assert_int_equal(query(&table, CORE_QUERY_COUNT_ON, 3).count, 0);
    assert_int_equal(query(&table, CORE_QUERY_COUNT_ON, 0).count, 1);
}

static void what_cannot_be_changes_nothing(void **state)
{
    (void)state;
    static struct core_table table, before;
    struct core_op first = online(0, 0);
    assert_int_equal(core_table_apply(&table, &first).err, KERR_OK);
    before = table;
    const struct {
        struct core_op op;
        kerr_t err;
    } cases[] = {
        {online(0, 0), KERR_EXISTS},
        {online(0, 1), KERR_EXISTS},
        {online(MAX_CORES, 0), KERR_RANGE},
        {online(1, MAX_NODES), KERR_RANGE},
        {online(UINT32_MAX, UINT32_MAX), KERR_RANGE},
        {offline(1), KERR_NOT_FOUND},
        {offline(MAX_CORES), KERR_RANGE},
        {{.kind = 99}, KERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(core_table_apply(&table, &cases[i].op).err, cases[i].err);
        assert_memory_equal(&table, &before, sizeof(table));
    }
    assert_int_equal(query(&table, CORE_QUERY_ENTRY, MAX_CORES).err, KERR_RANGE);
    assert_int_equal(query(&table, CORE_QUERY_COUNT_ON, MAX_NODES).err, KERR_RANGE);
    assert_int_equal(query(&table, 99, 0).err, KERR_RANGE);
}

/* The counters are what the entries say. */
static void check_counts(const struct core_table *table)
{
    uint32_t n = 0, n_on[MAX_NODES] = {0};
    for (core_id_t core = 0; core < MAX_CORES; core++) {
        const struct core_entry *entry = &table->entries[core];
        assert_true(entry->generation <= table->generation);
        if (entry->state == CORE_ONLINE) {
            n++;
            n_on[entry->node]++;
        }
    }
    assert_int_equal(n, table->n_online);
    assert_memory_equal(n_on, table->n_online_on, sizeof(n_on));
}

static void copy_out(const void *data, void *copy)
{
    memcpy(copy, data, sizeof(struct core_table));
}

static void replicas_are_equal_also_one_that_came_late(void **state)
{
    (void)state;
    struct random random = {random_seed("core_table")};
    static struct core_table alone, copies[2];
    struct core_table_nr *nr;
    struct core_table_thread *threads[2];
    unsigned late;
    const struct nr_config config = {.replicas = 1, .log_entries = 16, .flags = NR_CHECK};
    assert_int_equal(core_table_nr_create(&config, &nr), NR_OK);
    assert_int_equal(core_table_register(nr, 0, &threads[0]), NR_OK);
    for (unsigned i = 0; i < 10000; i++) {
        if (i == 1000) {
            assert_int_equal(core_table_nr_add_replica(nr, -1, &late), NR_OK);
            assert_int_equal(core_table_register(nr, late, &threads[1]), NR_OK);
        }
        struct core_op op = {
            .kind = (uint32_t)random_below(&random, 2),
            .core = (core_id_t)random_below(&random, MAX_CORES + 1),
            .node = (node_id_t)random_below(&random, MAX_NODES + 1),
        };
        struct core_op_answer expected = core_table_apply(&alone, &op);
        struct core_op_answer found =
            core_table_execute(threads[i >= 1000 ? random_below(&random, 2) : 0], &op);
        assert_memory_equal(&found, &expected, sizeof(found));
    }
    check_counts(&alone);
    for (unsigned i = 0; i < 2; i++) {
        core_table_sync(threads[i]);
        assert_int_equal(nr_inspect(core_table_untyped(nr), i, copy_out, &copies[i]), NR_OK);
        assert_memory_equal(&copies[i], &alone, sizeof(alone));
        core_table_unregister(threads[i]);
    }
    assert_int_equal(core_table_nr_destroy(nr), NR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_core_comes_goes_and_comes_to_another_node),
        cmocka_unit_test(what_cannot_be_changes_nothing),
        cmocka_unit_test(replicas_are_equal_also_one_that_came_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
