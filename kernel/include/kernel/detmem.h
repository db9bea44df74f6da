// SPDX-License-Identifier: BSD-2-Clause
//
// Deterministic memory: for structures under node replication, whose replicas must either all find
// memory for an operation or none of them.
//
//     x_decode:  detmem_reserve(); may fail, and nothing has happened then
//     the log:   the operation, with the demand in it
//     x_apply:   detmem_begin(); allocations from detmem_allocator(), which cannot fail within the
//                demand; detmem_end(). The same on every replica.
//
// The demand is an upper bound: how many objects of each kind the operation can need at most,
// whatever the state will be when it is applied. What an apply leaves, and what it frees, serves
// later operations. One detmem serves the operations of one log; a structure with several logs has
// several. docs/memory.md has the theory.
#pragma once

#include <kernel/slab.h>

/* Kinds of objects, and replicas, of one structure. */
#define DETMEM_KINDS    8
#define DETMEM_REPLICAS MAX_NODES

struct detmem_kind {
    size_t size;
    size_t align;
};

/* Travels in the operation. */
struct detmem_demand {
    uint16_t count[DETMEM_KINDS];
};

struct detmem;
struct detmem_pool;

/* detmem_create - accounts for a structure whose objects are of @n_kinds kinds, sorted by ascending
 * size; an object is of the first kind it fits. KERR_INVALID: bad kinds; KERR_NO_MEMORY. */
MUST_CHECK kerr_t detmem_create(struct slab *slab, const struct detmem_kind *kinds,
                                unsigned n_kinds, struct detmem **out);

/* detmem_destroy - after the last replica left. */
void detmem_destroy(struct detmem *dm);

/* --- Replicas --- */

/* detmem_join - make the pool of a replica on @node. All first replicas join with @source NULL,
 * before anything is reserved. A replica that is added later is a copy of another one, @source, and
 * joins while that is held between two operations: it gets as many objects as that has.
 * KERR_NO_MEMORY; KERR_NO_SPACE: too many replicas; KERR_BUSY: no source, although something was
 * reserved. */
MUST_CHECK kerr_t detmem_join(struct detmem *dm, node_id_t node, const struct detmem_pool *source,
                              struct detmem_pool **pool);

/* detmem_leave - free the pool with all that is in it, after the replica's last operation. */
void detmem_leave(struct detmem_pool *pool);

/* --- Before the log: any core, any number at a time --- */

/* detmem_reserve - promise @demand on every replica. KERR_NO_MEMORY: on no replica anything is
 * promised. */
MUST_CHECK kerr_t detmem_reserve(struct detmem *dm, const struct detmem_demand *demand);

/* detmem_cancel - take the promise back: the operation will not enter the log. */
void detmem_cancel(struct detmem *dm, const struct detmem_demand *demand);

/* --- In apply: one operation at a time on each replica --- */

/* detmem_begin - allocations from the pool now draw on the promise that was made for this
 * operation. */
void detmem_begin(struct detmem_pool *pool, const struct detmem_demand *demand);

/* detmem_end - the operation is applied: what it left of its demand is free for others. */
void detmem_end(struct detmem_pool *pool);

/* detmem_allocator - of the replica. Within an operation it returns NULL only for more than was
 * promised (counted as overrun), and it does so on every replica. Outside of operations, while a
 * replica is initialised, copied or taken down, it passes on to the heap of the replica's node, and
 * can fail on one replica only. */
struct allocator *detmem_allocator(struct detmem_pool *pool);

/* --- Questions --- */

struct detmem_stats {
    uint64_t free[DETMEM_KINDS];     /* objects on each replica that nothing was promised of */
    uint64_t promised[DETMEM_KINDS]; /* promised ever, with what cores keep to promise quickly */
    uint64_t overruns;               /* allocations beyond what was promised, on all replicas */
};

/* detmem_stats - exact while nothing happens. */
void detmem_stats(struct detmem *dm, struct detmem_stats *stats);

/* detmem_shrink - take back what cores keep, and let the replicas free all objects of which nothing
 * was promised; each does so at the end of its next operations. */
void detmem_shrink(struct detmem *dm);
