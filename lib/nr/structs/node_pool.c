// SPDX-License-Identifier: BSD-2-Clause
/* Theory: node_pool.h. */
#include "node_pool.h"

/* The chunks double from 8 nodes, for small trees, to 512: with nodes of 512 bytes a chunk has then
 * a quarter of a mebibyte, which allocators get from the system in one piece and can place. */
#define FIRST_NODES 8
#define DOUBLINGS   6

/* Begins a chunk, a line long; the nodes follow. */
struct pool_chunk {
    struct pool_chunk *older;
    size_t size;
};

enum { CHUNK_HEAD = 64 };

_Static_assert(sizeof(struct pool_chunk) <= CHUNK_HEAD, "the chunk's head has a line");

struct pool_node {
    struct pool_node *next;
};

static bool add_chunk(struct node_pool *pool)
{
    unsigned doublings = min(pool->chunks, (unsigned)DOUBLINGS);
    size_t nodes = (size_t)FIRST_NODES << doublings;
    size_t size = CHUNK_HEAD + nodes * pool->node_size;
    struct pool_chunk *chunk = allocator_alloc(pool->from, size, 64);
    if (!chunk)
        return false;
    *chunk = (struct pool_chunk){pool->newest, size};
    pool->newest = chunk;
    pool->chunks++;
    pool->fresh = (unsigned char *)chunk + CHUNK_HEAD;
    pool->nfresh = nodes;
    return true;
}

static void put_free(struct node_pool *pool, void *ptr)
{
    struct pool_node *node = ptr;
    node->next = pool->free;
    pool->free = node;
}

static void *pool_alloc(struct allocator *self, size_t size, size_t align)
{
    struct node_pool *pool = container_of(self, struct node_pool, base);
    if (size != pool->node_size || align > 64)
        return NULL;
    struct pool_node *node = pool->free;
    if (node) {
        pool->free = node->next;
        return node;
    }
    if (!pool->nfresh && !add_chunk(pool))
        return NULL;
    void *ptr = pool->fresh;
    pool->fresh += size;
    pool->nfresh--;
    return ptr;
}

static void pool_free(struct allocator *self, void *ptr, size_t size)
{
    (void)size;
    put_free(container_of(self, struct node_pool, base), ptr);
}

void node_pool_init(struct node_pool *pool, struct allocator *from, size_t node_size)
{
    *pool =
        (struct node_pool){.base = {pool_alloc, pool_free}, .from = from, .node_size = node_size};
}

/* Moves the fresh nodes to the free list, so that the next chunk can follow. */
static void retire_fresh(struct node_pool *pool)
{
    for (; pool->nfresh; pool->nfresh--)
        put_free(pool, pool->fresh + (pool->nfresh - 1) * pool->node_size);
}

bool node_pool_init_as(struct node_pool *dst, const struct node_pool *src, struct allocator *from)
{
    node_pool_init(dst, from, src->node_size);
    while (dst->chunks < src->chunks) {
        retire_fresh(dst);
        if (!add_chunk(dst)) {
            node_pool_fini(dst);
            return false;
        }
    }
    return true;
}

bool node_pool_reserve(struct node_pool *pool, size_t n)
{
    size_t have = pool->nfresh;
    for (const struct pool_node *node = pool->free; node && have < n; node = node->next)
        have++;
    while (have < n) {
        retire_fresh(pool);
        if (!add_chunk(pool))
            return false;
        have += pool->nfresh;
    }
    return true;
}

void node_pool_fini(struct node_pool *pool)
{
    while (pool->newest) {
        struct pool_chunk *chunk = pool->newest;
        pool->newest = chunk->older;
        allocator_free(pool->from, chunk, chunk->size);
    }
    node_pool_init(pool, pool->from, pool->node_size);
}
