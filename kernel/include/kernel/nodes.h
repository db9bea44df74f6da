// SPDX-License-Identifier: BSD-2-Clause
//
// Node-replicated objects of the kernel: a replica on each NUMA node that has an online core, and a
// token on each online core to operate with. docs/nr-in-the-kernel.md has the theory.
//
// A core calls libnr with interrupts off, and not from an interrupt handler unless that interrupted
// arch_idle(). All functions here want interrupts off as well.
#pragma once

#include <kernel/error.h>
#include <nr/nr.h>

/* At the same time. Each costs a pointer on every core; an idle core looks at all of them. */
#define NODES_MAX_OBJECTS 64

struct node_object;

/* nodes_create - replicate @type, which must have clone or rebuild: a replica on every node that
 * has cores online, more as cores come online. @log_entries and @logs are as in struct nr_config.
 * The object belongs to the caller. KERR_NO_MEMORY, KERR_NO_SPACE (NODES_MAX_OBJECTS), or
 * KERR_INVALID (nr_create refuses the numbers); and then nothing is kept. */
struct nodes_config {
    unsigned log_entries;
    unsigned logs;
    void *init_arg;
};
MUST_CHECK kerr_t nodes_create(const struct nr_type *type, const struct nodes_config *config,
                               struct node_object **object);

/* nodes_destroy - nobody operates on @object any more, on any core. */
void nodes_destroy(struct node_object *object);

/* nodes_thread - this core's token, for nr_execute() and the others; typed users cast it to their
 * struct NAME_thread. */
struct nr_thread *nodes_thread(const struct node_object *object);

/* nodes_nr - the instance, for nr_replica_stats() and the like. */
struct nr *nodes_nr(const struct node_object *object);

/* nodes_replica - the number of the replica on @node. KERR_NOT_FOUND: there is none. */
MUST_CHECK kerr_t nodes_replica(const struct node_object *object, node_id_t node,
                                unsigned *replica);

/* nodes_core_online - this core begins to operate: give it tokens of all objects, and its node
 * replicas if it is the first. Without memory for a replica the core operates at another node's.
 * KERR_NO_MEMORY: not even that is possible; the core cannot be used. */
MUST_CHECK kerr_t nodes_core_online(void);

/* nodes_idle - arch_idle(), as a core that others may ask to advance its node's replicas. Advances
 * them before it waits. */
void nodes_idle(void);

/* nodes_serve - of the interrupt handler: advance this node's replicas if somebody asked for it. */
void nodes_serve(void);

/* Sums over all cores and objects, each exact. */
struct nodes_stats {
    uint64_t asked;  /* interrupts sent to advance a node's replicas */
    uint64_t served; /* of these, those handled */
};
void nodes_read_stats(struct nodes_stats *stats);
