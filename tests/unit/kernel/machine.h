// SPDX-License-Identifier: BSD-2-Clause
//
// A simulated machine for tests of what stands on the frame allocator: nodes of 16 MiB, or what the
// test defines before, with two cores each, core c on node c / 2.
#pragma once

#include <hosted/hosted.h>
#include <kernel/frames.h>
#include <stdlib.h>

#define MACHINE_NODES 3
#define MACHINE_CORES (2 * MACHINE_NODES)
#ifndef MACHINE_NODE_SIZE
#define MACHINE_NODE_SIZE (UINT64_C(16) << 20)
#endif

/* Creates the machine and its frame allocator; ends the test program if that fails. */
static inline struct frames *machine_create(void)
{
    static const struct memory_range ram = {0, MACHINE_NODES * MACHINE_NODE_SIZE, MEMORY_USABLE};
    static struct memory_affinity affinities[MACHINE_NODES];
    static node_id_t core_nodes[MACHINE_CORES];
    for (node_id_t i = 0; i < MACHINE_NODES; i++)
        affinities[i] = (struct memory_affinity){i * MACHINE_NODE_SIZE, MACHINE_NODE_SIZE, i};
    for (core_id_t i = 0; i < MACHINE_CORES; i++)
        core_nodes[i] = i / 2;
    struct frames_config config = {
        .map = {&ram, 1, affinities, MACHINE_NODES},
        .n_nodes = MACHINE_NODES,
        .n_cores = MACHINE_CORES,
        .core_nodes = core_nodes,
    };
    struct frames *frames;
    hosted_set_core(0);
    hosted_ram_create(MACHINE_NODES * MACHINE_NODE_SIZE);
    if (frames_create(&config, &frames))
        abort();
    return frames;
}

static inline void machine_destroy(void)
{
    hosted_ram_destroy();
}

/* 4 KiB frames that are free on a node, or with MACHINE_NODES on all, after emptying the caches. */
static inline uint64_t machine_free_frames(struct frames *frames, node_id_t node)
{
    uint64_t n = 0;
    frames_drain(frames);
    for (node_id_t i = 0; i < MACHINE_NODES; i++) {
        struct frame_node_stats stats;
        frames_node_stats(frames, i, &stats);
        if (node == i || node == MACHINE_NODES)
            n += stats.free;
    }
    return n;
}
