// SPDX-License-Identifier: BSD-2-Clause
//
// From what firmware and boot code say about RAM to the allocators.

#define LOG_SUBSYS "memory"

#include <kernel/memory.h>

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/topology.h>

struct frames *kernel_frames;
struct slab *kernel_slab;

/* What firmware reports, and what boot code took of it. */
#define MAX_RANGES (2 * BOOT_MAX_RANGES)

static size_t list_affinities(struct memory_affinity *affinities)
{
    size_t n = 0;
    for (unsigned i = 0; i < topology->n_memory; i++) {
        const struct acpi_memory *m = &topology->memory[i];
        if (!m->hotplug && !m->persistent)
            affinities[n++] = (struct memory_affinity){m->base, m->size, m->node};
    }
    return n;
}

static kerr_t create_frames(void)
{
    /* Too large for the stack. */
    static struct memory_range ranges[MAX_RANGES];
    static struct memory_affinity affinities[ACPI_MAX_MEMORY];
    node_id_t core_nodes[MAX_CORES];

    for (unsigned i = 0; i < topology->n_cores; i++)
        core_nodes[i] = topology->cores[i].node;
    struct frames_config config = {
        .map =
            {
                .ranges = ranges,
                .n_ranges = arch_memory_ranges(ranges, MAX_RANGES),
                .affinities = affinities,
                .n_affinities = list_affinities(affinities),
            },
        .n_nodes = topology->n_nodes,
        .distances = topology->distances,
        .n_cores = topology->n_cores,
        .core_nodes = core_nodes,
    };
    return frames_create(&config, &kernel_frames);
}

static void report(void)
{
    for (node_id_t node = 0; node < topology->n_nodes; node++) {
        struct frame_node_stats stats;
        frames_node_stats(kernel_frames, node, &stats);
        log_info("node %u: %lu MiB, %lu free frames of 2 MiB", node, stats.total >> 8,
                 stats.free_large);
    }
}

kerr_t memory_init(void)
{
    kerr_t err = create_frames();
    if (err)
        return err;
    arch_memory_taken(kernel_frames);
    err = slab_create(kernel_frames, &kernel_slab);
    if (err)
        return err;
    frames_set_reclaim(kernel_frames, slab_reclaim, kernel_slab);
    report();
    return KERR_OK;
}
