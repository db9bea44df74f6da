// SPDX-License-Identifier: BSD-2-Clause
//
// What ACPI says about machines that the guest test has put together.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/topology.h>

static uint64_t memory_of(node_id_t node)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < topology->n_memory; i++) {
        const struct acpi_memory *m = &topology->memory[i];
        if (m->node == node && !m->hotplug && !m->persistent)
            size += m->size;
    }
    return size;
}

static unsigned cores_of(node_id_t node)
{
    unsigned n = 0;
    for (unsigned i = 0; i < topology->n_cores; i++)
        n += topology->cores[i].node == node;
    return n;
}

static unsigned siblings_of(const struct acpi_core *core)
{
    unsigned n = 0;
    for (unsigned i = 0; i < topology->n_cores; i++)
        n += topology->cores[i].package == core->package;
    return n - 1;
}

static void check_ids(void)
{
    for (unsigned i = 0; i < topology->n_cores; i++) {
        assert(topology->cores[i].thread == 0);
        for (unsigned j = 0; j < i; j++)
            assert(topology->cores[i].apic_id != topology->cores[j].apic_id);
    }
}

/* Two cores, no NUMA. */
void test_acpi_smoke(void)
{
    assert(topology->n_cores == 2 && siblings_of(&topology->cores[0]) == 1);
    assert(topology->n_nodes == 1 && topology->distances[0] == 10);
    assert(topology->n_ioapics == 1 && topology->ioapics[0].gsi_base == 0);
    check_ids();
}

/* 80 cores in 8 packages, which are 8 nodes with 1 GiB each. */
void test_acpi_topology(void)
{
    const uint64_t gib = UINT64_C(1) << 30;
    assert(topology->n_cores == 80 && topology->n_nodes == 8);
    assert(topology->n_ioapics == 1 && topology->ioapics[0].gsi_base == 0);
    check_ids();
    for (node_id_t node = 0; node < 8; node++) {
        /* Node 0 has a hole below 1 MiB. */
        assert(node ? memory_of(node) == gib : memory_of(node) >= gib - (4 << 20));
        assert(cores_of(node) == 10);
        assert(topology->distances[node * 8 + node] == 10);
        assert(topology->distances[node * 8 + (node + 1) % 8] == 20);
    }
    for (unsigned i = 0; i < 80; i++)
        assert(siblings_of(&topology->cores[i]) == 9);
    log_info("test-acpi-topology done.");
}
