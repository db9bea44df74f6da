// SPDX-License-Identifier: BSD-2-Clause
//
// Address spaces under a node replication that a test holds in its hands: each space has a log and
// replicas that apply it when they are told to, so that a test decides how far each lags behind.
// Core c works at replica c.
#pragma once

#include "machine.h"
#include <kernel/vspace_user.h>

enum {
    WORLD_REPLICAS = 3,
    WORLD_LOG = 64,    /* operations that the slowest replica may lag behind */
    WORLD_OBJECTS = 3, /* files, of so many pages each */
    WORLD_OBJECT_PAGES = 64,
};

struct world {
    struct frames *frames;
    struct slab *slab;
    struct frame_shares *shares;
    paddr_t objects[WORLD_OBJECTS][WORLD_OBJECT_PAGES]; /* frames, 0: not read yet */
};

struct world_space {
    struct world *world;
    struct vspace_memory memory;
    struct detmem_pool *pools[WORLD_REPLICAS];
    struct vspace replicas[WORLD_REPLICAS];
    struct vspace_user users[WORLD_REPLICAS]; /* of the core at each replica */
    struct vspace_op log[WORLD_LOG];
    struct vspace_answer answers[WORLD_LOG];
    uint64_t tail;
    uint64_t applied[WORLD_REPLICAS];
    uint64_t flushes;
    void (*at_flush)(struct world_space *space); /* if not NULL, before each */
    uint64_t executed;
};

/* What page @page of @object contains at first, as its first word. */
uint64_t world_object_word(uint64_t object, uint64_t page);

void world_create(struct world *world);

/* Everything must have been given back: asserts that no object and no frame is missing. */
void world_destroy(struct world *world);

/* NULL: no memory. */
struct world_space *world_space_create(struct world *world);

/* Lets go of a space that was closed. */
void world_space_destroy(struct world_space *space);

/* Lets a replica apply at most @n operations. */
void world_advance(struct world_space *space, unsigned replica, uint64_t n);
void world_advance_all(struct world_space *space);

/* One access by core @core as a processor makes it: walk, fault, walk again. The word is at the
 * start of the page. KERR_OK, or what vspace_fault() said. */
kerr_t world_load(struct world_space *space, unsigned core, uint64_t va, uint64_t *word);
kerr_t world_store(struct world_space *space, unsigned core, uint64_t va, uint64_t word);

/* Asserts that the tree of a replica, as it stands, is in order, and that its page table holds what
 * the tree says and nothing else. */
void world_check_replica(const struct world_space *space, unsigned replica);

/* The same of all replicas once they are advanced, and that they are equal. */
void world_check(struct world_space *space);
