// SPDX-License-Identifier: BSD-2-Clause
//
// Creating a frame allocator: three walks over the memory map. The first counts regions and blocks
// and finds the largest piece of RAM of each node; the allocator's state is then placed at the end
// of these pieces, what belongs to a node on that node if it fits. The second walk fills in the
// regions, the third frees the usable frames but for those of the state.

#include "frames_impl.h"

#include <base/string.h>
#include <kernel/arch.h>

/* Memory for state, handed out from its start. */
struct chunk {
    uint64_t base;
    uint64_t end;
    uint64_t at;
};

struct spot {
    uint64_t base;
    uint64_t end;
};

/* [core] What the walks share. */
struct setup {
    const struct frames_config *config;
    kerr_t err;
    struct memory_piece last; /* the region under construction: joined pieces of one node */
    size_t n_regions;
    uint64_t bytes[MAX_NODES];    /* of state, by node */
    struct spot spots[MAX_NODES]; /* largest usable piece that is left, by node */
    struct chunk chunks[MAX_NODES];
    struct frames *frames;
};

static uint64_t n_blocks_of(uint64_t base, uint64_t end)
{
    return (end - 1) / LARGE_FRAME_SIZE - base / LARGE_FRAME_SIZE + 1;
}

/* State is aligned to cache lines, so that nodes and cores do not share any. */
static uint64_t bytes_of(uint64_t n, uint64_t size)
{
    return align_up(n * size, CACHE_LINE);
}

static uint64_t owned_bytes(uint64_t n_blocks)
{
    return KERNEL_CHECKED ? bytes_of(n_blocks, MAP_WORDS * sizeof(uint64_t)) : 0;
}

static void end_region(struct setup *s)
{
    if (!s->last.end)
        return;
    uint64_t n_blocks = n_blocks_of(s->last.base, s->last.end);
    s->n_regions++;
    s->bytes[s->last.node] +=
        bytes_of(n_blocks, sizeof(struct frame_block)) + owned_bytes(n_blocks);
}

/* Does the piece continue the region under construction? */
static bool extend_region(struct setup *s, const struct memory_piece *piece)
{
    if (s->last.end != piece->base || s->last.node != piece->node)
        return false;
    s->last.end = piece->end;
    return true;
}

static void count_piece(void *context, const struct memory_piece *piece)
{
    struct setup *s = context;
    if (piece->node >= s->config->n_nodes) {
        s->err = KERR_INVALID;
        return;
    }
    struct spot *spot = &s->spots[piece->node];
    if (!piece->in_use && piece->end - piece->base > spot->end - spot->base)
        *spot = (struct spot){piece->base, piece->end};
    if (extend_region(s, piece))
        return;
    end_region(s);
    s->last = *piece;
}

/* Places the state of a node at the end of the largest piece, on that node or else on any. */
static kerr_t place_chunk(struct setup *s, node_id_t node)
{
    uint64_t size = align_up(s->bytes[node], FRAME_SIZE);
    struct spot *best = &s->spots[node];
    for (unsigned i = 0; best->end - best->base < size && i < s->config->n_nodes; i++) {
        if (s->spots[i].end - s->spots[i].base >= size)
            best = &s->spots[i];
    }
    if (best->end - best->base < size)
        return KERR_NO_MEMORY;
    best->end -= size;
    s->chunks[node] = (struct chunk){.base = best->end, .end = best->end + size, .at = best->end};
    memset(arch_phys_to_virt(paddr(best->end)), 0, size);
    return KERR_OK;
}

static void *carve(struct chunk *chunk, uint64_t n, uint64_t size)
{
    void *ptr = arch_phys_to_virt(paddr(chunk->at));
    chunk->at += bytes_of(n, size);
    return ptr;
}

/* The node on which the struct frames itself lies: the first that has usable memory. */
static node_id_t main_node(const struct setup *s)
{
    node_id_t node = 0;
    while (node + 1 < s->config->n_nodes && s->spots[node].end == 0)
        node++;
    return node;
}

static kerr_t place_state(struct setup *s)
{
    const struct frames_config *config = s->config;
    node_id_t home = main_node(s);
    s->bytes[home] +=
        bytes_of(1, sizeof(struct frames)) + bytes_of(s->n_regions, sizeof(struct frame_region));
    for (unsigned i = 0; i < config->n_nodes; i++)
        s->bytes[i] += bytes_of(1, sizeof(struct frame_node));
    for (unsigned i = 0; i < config->n_cores; i++)
        s->bytes[config->core_nodes[i]] += bytes_of(1, sizeof(struct frame_core));

    for (unsigned i = 0; i < config->n_nodes; i++) {
        kerr_t err = place_chunk(s, i);
        if (err)
            return err;
    }
    struct frames *frames = carve(&s->chunks[home], 1, sizeof(*frames));
    frames->n_nodes = config->n_nodes;
    frames->n_cores = config->n_cores;
    frames->regions = carve(&s->chunks[home], s->n_regions, sizeof(struct frame_region));
    s->frames = frames;
    return KERR_OK;
}

static uint8_t distance(const struct frames_config *config, node_id_t from, node_id_t to)
{
    if (from == to)
        return 0;
    return config->distances ? config->distances[from * config->n_nodes + to] : 1;
}

/* Sorts the nodes by distance from this one; of equally far ones those that follow it come first,
 * so that nodes that run out of memory do not all turn to node 0. */
static void sort_by_distance(const struct frames_config *config, node_id_t self, node_id_t *order)
{
    for (unsigned n = 0; n < config->n_nodes; n++) {
        node_id_t node = (self + n) % config->n_nodes;
        unsigned at = n;
        for (; at > 0 && distance(config, self, order[at - 1]) > distance(config, self, node); at--)
            order[at] = order[at - 1];
        order[at] = node;
    }
}

static void init_nodes(struct setup *s)
{
    for (unsigned i = 0; i < s->config->n_nodes; i++) {
        struct frame_node *node = carve(&s->chunks[i], 1, sizeof(*node));
        list_init(&node->free_large);
        for (unsigned j = 0; j < PARTIAL_LISTS; j++)
            list_init(&node->partial[j]);
        sort_by_distance(s->config, i, node->order);
        s->frames->nodes[i] = node;
    }
}

static void init_region(struct setup *s)
{
    const struct memory_piece *last = &s->last;
    if (!last->end)
        return;
    struct frames *frames = s->frames;
    struct chunk *chunk = &s->chunks[last->node];
    uint64_t n_blocks = n_blocks_of(last->base, last->end);
    struct frame_region *region = &frames->regions[frames->n_regions];
    *region = (struct frame_region){
        .base = last->base,
        .end = last->end,
        .first_block = last->base / LARGE_FRAME_SIZE,
        .n_blocks = n_blocks,
        .node = last->node,
        .blocks = carve(chunk, n_blocks, sizeof(struct frame_block)),
    };
    for (uint64_t i = 0; i < n_blocks; i++)
        region->blocks[i].region = (uint32_t)frames->n_regions;
    if (KERNEL_CHECKED)
        region->owned = carve(chunk, n_blocks, MAP_WORDS * sizeof(uint64_t));
    frames->n_regions++;
}

static void init_piece(void *context, const struct memory_piece *piece)
{
    struct setup *s = context;
    if (extend_region(s, piece))
        return;
    init_region(s);
    s->last = *piece;
}

/* The lowest chunk that ends above `at`, or NULL. */
static const struct chunk *next_chunk(const struct setup *s, uint64_t at)
{
    const struct chunk *next = NULL;
    for (unsigned i = 0; i < s->config->n_nodes; i++) {
        const struct chunk *c = &s->chunks[i];
        if (c->end > at && (!next || c->base < next->base))
            next = c;
    }
    return next;
}

/* Memory in use has an owner, who may free it. */
static void own_piece(const struct frame_region *region, const struct memory_piece *piece)
{
    uint64_t first = piece->base / FRAME_SIZE - region->first_block * FRAMES_PER_LARGE;
    uint64_t n = (piece->end - piece->base) / FRAME_SIZE;
    for (uint64_t bit = first; bit < first + n; bit++)
        region->owned[bit / 64] |= UINT64_C(1) << bit % 64;
}

static void free_piece(void *context, const struct memory_piece *piece)
{
    struct setup *s = context;
    struct frame_region *region =
        frame_region_find(s->frames, piece->base, piece->end - piece->base);
    struct frame_node *node = s->frames->nodes[piece->node];
    if (piece->in_use) {
        node->stats.total += (piece->end - piece->base) / FRAME_SIZE;
        if (KERNEL_CHECKED)
            own_piece(region, piece);
        return;
    }
    for (uint64_t at = piece->base, end; at < piece->end; at = end) {
        const struct chunk *chunk = next_chunk(s, at);
        if (chunk && chunk->base <= at) {
            end = chunk->end;
            node->stats.state += (end - at) / FRAME_SIZE;
            continue;
        }
        end = chunk ? min(chunk->base, piece->end) : piece->end;
        frame_node_give(node, region, at, (end - at) / FRAME_SIZE);
        node->stats.total += (end - at) / FRAME_SIZE;
    }
}

/* `share` of what a node has, divided among its cores, within bounds. */
static uint32_t cache_size(uint64_t n_free, uint64_t n_cores, uint32_t least, uint32_t most)
{
    uint64_t size = n_free / (32 * n_cores);
    return size < least ? least : size > most ? most : (uint32_t)size;
}

/* Caches hold at most 1/32 of their node's memory; on small nodes only a few small frames. */
static void init_cores(struct setup *s)
{
    const struct frames_config *config = s->config;
    uint64_t n_cores[MAX_NODES] = {0};
    for (unsigned i = 0; i < config->n_cores; i++)
        n_cores[config->core_nodes[i]]++;
    for (unsigned i = 0; i < config->n_cores; i++) {
        node_id_t node = config->core_nodes[i];
        const struct frame_node_stats *stats = &s->frames->nodes[node]->stats;
        struct frame_core *core = carve(&s->chunks[node], 1, sizeof(*core));
        core->node = node;
        core->stacks[FRAME_SMALL] = (struct frame_stack){
            .max = stats->free ? cache_size(stats->free, n_cores[node], 8, CACHE_SMALL_MAX) : 0,
            .frames = core->small};
        core->stacks[FRAME_LARGE] = (struct frame_stack){
            .max = cache_size(stats->free_large, n_cores[node], 0, CACHE_LARGE_MAX),
            .frames = core->large};
        s->frames->cores[i] = core;
    }
}

static kerr_t check_config(const struct frames_config *config)
{
    if (config->n_nodes < 1 || config->n_nodes > MAX_NODES || config->n_cores < 1 ||
        config->n_cores > MAX_CORES)
        return KERR_INVALID;
    for (unsigned i = 0; i < config->n_cores; i++) {
        if (config->core_nodes[i] >= config->n_nodes)
            return KERR_INVALID;
    }
    return KERR_OK;
}

kerr_t frames_create(const struct frames_config *config, struct frames **frames)
{
    kerr_t err = check_config(config);
    if (err)
        return err;
    struct setup s = {.config = config};
    memmap_walk(&config->map, count_piece, &s);
    end_region(&s);
    if (s.err)
        return s.err;
    err = place_state(&s);
    if (err)
        return err;

    init_nodes(&s);
    s.last = (struct memory_piece){0};
    memmap_walk(&config->map, init_piece, &s);
    init_region(&s);
    memmap_walk(&config->map, free_piece, &s);
    for (unsigned i = 0; i < config->n_nodes; i++) {
        s.frames->nodes[i]->stats.merges = 0;
        s.frames->nodes[i]->stats.splits = 0;
    }
    init_cores(&s);
    *frames = s.frames;
    return KERR_OK;
}
