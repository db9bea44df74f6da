// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Blocks of one size for the nodes of a replica's tree, cut from chunks.
 *
 * Why not one request of the accord for each node: then whoever comes first would allocate
 * everybody's nodes, each a small block wherever malloc has one, and replicas would read nodes on
 * each other's NUMA nodes. A chunk is large enough to be placed; and taking a node from it costs a
 * few instructions and no lock.
 *
 * Determinism. Chunk number i has a size that depends on i alone, and the pool asks for the next
 * chunk when it has no free node. So what is asked of the accord follows from the numbers of chunks
 * and of free nodes, and a clone starts with the same numbers as its source: it gets as many chunks
 * at once, and its tree takes as many nodes out of them.
 *
 * Freed nodes are kept for new ones. Chunks are given back with the pool.
 */
#include <base/alloc.h>

struct pool_chunk;
struct pool_node;

struct node_pool {
    struct allocator base; /* for nodes of exactly node_size bytes */
    struct allocator *from;
    size_t node_size; /* a multiple of 64, to which nodes are aligned */
    unsigned chunks;  /* how many */
    struct pool_chunk *newest;
    unsigned char *fresh; /* never used nodes of the newest chunk */
    size_t nfresh;
    struct pool_node *free;
};

void node_pool_init(struct node_pool *pool, struct allocator *from, size_t node_size);

/* Makes dst a pool with as many chunks as src and all nodes free; false, and nothing done, if there
 * is no memory. */
bool node_pool_init_as(struct node_pool *dst, const struct node_pool *src, struct allocator *from);

/* Gets chunks until n nodes are free; false if there is no memory (chunks it got are kept). */
bool node_pool_reserve(struct node_pool *pool, size_t n);

/* Gives everything back, nodes in use too. */
void node_pool_fini(struct node_pool *pool);
