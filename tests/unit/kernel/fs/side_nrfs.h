// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "steps.h"
#include "world.h"

/* NrFS as a side; steps go to the world's threads in turn, and so to all replicas. */
struct nrfs_side {
    struct side side;
    struct world *world;
    uint64_t start; /* the directory where paths begin */
    unsigned turn;
    struct fs_file slots[STEP_SLOTS];
};

/* nrfs_side_init - and make the directories of the path @start, "/x/y/..." */
void nrfs_side_init(struct nrfs_side *self, struct world *world, const char *start);
