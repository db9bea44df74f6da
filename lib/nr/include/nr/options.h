// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * What the ready-made structures have in common.
 *
 * <nr/map.h>, <nr/bytes_map.h>, <nr/ordered_map.h>, <nr/queue.h>, <nr/stack.h> and <nr/pqueue.h>
 * are replicated structures that are ready to use. Each has
 *
 *     create, destroy        the structure with its replicas
 *     instance               its struct nr: nr_add_replica, nr_replica_stats, nr_sync_replica ...
 *                            (not nr_destroy; nor the functions that take operations)
 *     register, unregister   a thread's access to it: one struct nr_..._thread for each thread
 *     its operations         linearizable; they may wait for other threads' operations
 *     submit, collect, poll  mutations without waiting, as nr_submit, nr_collect and nr_poll
 *
 * Memory. A mutation that finds no memory answers NR_ENOMEM and changes nothing, on every replica
 * alike: whoever comes first to an allocation makes it for all replicas, or for none. So replicas
 * never diverge over memory.
 */
#include <nr/nr.h>

/*
 * Where a structure gets its memory from. Both functions are called by any thread of the program,
 * several at a time, in the middle of operations: they must not use the structure, or wait for
 * somebody who does.
 */
struct nr_allocator {
    /* Returns `size` > 0 bytes aligned to `align` (a power of two), or NULL; preferably on NUMA
     * node `node` (NR_ANY_NODE: no matter where). The contents are of no importance. */
    void *(*alloc)(struct nr_allocator *self, size_t size, size_t align, int node);
    /* Takes back what alloc returned for the same size. */
    void (*free)(struct nr_allocator *self, void *ptr, size_t size);
};

/* Options of a structure; every zero means the default. */
struct nr_options {
    struct nr_allocator *allocator; /* must outlive the structure; default: nr_port_allocator() */
    uint64_t reserve; /* elements to make room for at once, so that adding them cannot fail or cause
                         a pause */
    uint64_t seed; /* of the hash function (bytes_map): a secret where strangers choose the keys */
};
