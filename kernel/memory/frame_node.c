// SPDX-License-Identifier: BSD-2-Clause
//
// The frames of one node: bitmaps of 2 MiB blocks, and lists of the blocks that have something
// free. What list a block is in follows from the number of its free frames, so splitting and
// merging are not operations of their own: a block splits when its first frame is taken and is
// whole when the last came back. Small frames are taken from the fullest blocks, which gives the
// others the chance to become whole.

#include "frames_impl.h"

#include <base/string.h>

/* Blocks of one list looked at for a range before a whole block is split for it: bounds the time
 * under the lock where many blocks are fragmented. */
#define RANGE_TRIES 32

struct frame_region *frame_region_find(const struct frames *frames, uint64_t base, uint64_t size)
{
    size_t low = 0;
    size_t high = frames->n_regions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frames->regions[middle].end <= base)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == frames->n_regions)
        return NULL;
    struct frame_region *region = &frames->regions[low];
    return base >= region->base && size <= region->end - base ? region : NULL;
}

static uint64_t block_base(const struct frame_region *region, const struct frame_block *block)
{
    return (region->first_block + (uint64_t)(block - region->blocks)) * LARGE_FRAME_SIZE;
}

static struct list *list_of(struct frame_node *node, unsigned n_free)
{
    if (n_free == 0)
        return NULL;
    if (n_free == FRAMES_PER_LARGE)
        return &node->free_large;
    return &node->partial[n_free <= 32 ? 0 : n_free <= 128 ? 1 : n_free <= 256 ? 2 : 3];
}

/* Records that the block has `n_free` free frames now, and moves it to the list of such blocks. */
static void set_n_free(struct frame_node *node, struct frame_block *block, unsigned n_free)
{
    struct list *from = list_of(node, block->n_free);
    struct list *to = list_of(node, n_free);
    node->stats.free += (uint64_t)n_free - block->n_free;
    block->n_free = (uint16_t)n_free;
    if (from == to)
        return;
    if (from == &node->free_large) {
        node->stats.free_large--;
        node->stats.splits++;
    }
    if (to == &node->free_large) {
        node->stats.free_large++;
        node->stats.merges++;
    }
    if (from)
        list_remove(&block->link);
    if (to)
        list_push_front(to, &block->link);
}

/* The bits [from, to) of the map's word `word` as a mask. */
static uint64_t word_mask(unsigned word, unsigned from, unsigned to)
{
    unsigned low = max(from, word * 64) - word * 64;
    unsigned high = min(to, word * 64 + 64) - word * 64;
    return (high == 64 ? ~UINT64_C(0) : (UINT64_C(1) << high) - 1) & ~((UINT64_C(1) << low) - 1);
}

/* Takes or gives the frames [from, to) of a block; they are all free or all not. */
static void flip(struct frame_node *node, struct frame_block *block, unsigned from, unsigned to,
                 bool to_free)
{
    for (unsigned word = from / 64; word * 64 < to; word++)
        block->free_map[word] ^= word_mask(word, from, to);
    unsigned n = to - from;
    set_n_free(node, block, to_free ? block->n_free + n : block->n_free - n);
}

static bool any_free(const struct frame_block *block, unsigned from, unsigned to)
{
    for (unsigned word = from / 64; word * 64 < to; word++) {
        if (block->free_map[word] & word_mask(word, from, to))
            return true;
    }
    return false;
}

/* The part of a range of frames that lies in one block. */
struct part {
    struct frame_block *block;
    unsigned from;
    unsigned to;
};

/* Cuts the next part off the frames with numbers [*at, end). */
static bool next_part(const struct frame_region *region, uint64_t *at, uint64_t end,
                      struct part *part)
{
    if (*at == end)
        return false;
    part->block = &region->blocks[*at / FRAMES_PER_LARGE - region->first_block];
    part->from = *at % FRAMES_PER_LARGE;
    part->to = (unsigned)min(part->from + (end - *at), (uint64_t)FRAMES_PER_LARGE);
    *at += part->to - part->from;
    return true;
}

/* The case that counts: what cores' caches bring back. */
static bool give_one(struct frame_node *node, struct frame_region *region, uint64_t frame)
{
    struct frame_block *block = &region->blocks[frame / FRAMES_PER_LARGE - region->first_block];
    uint64_t *word = &block->free_map[frame % FRAMES_PER_LARGE / 64];
    uint64_t bit = UINT64_C(1) << frame % 64;
    if (*word & bit)
        return false;
    *word |= bit;
    set_n_free(node, block, block->n_free + 1u);
    return true;
}

bool frame_node_give(struct frame_node *node, struct frame_region *region, uint64_t base,
                     uint64_t count)
{
    uint64_t first = base / FRAME_SIZE;
    if (count == 1)
        return give_one(node, region, first);
    struct part part;
    for (uint64_t at = first; next_part(region, &at, first + count, &part);) {
        if (any_free(part.block, part.from, part.to))
            return false;
    }
    for (uint64_t at = first; next_part(region, &at, first + count, &part);)
        flip(node, part.block, part.from, part.to, true);
    return true;
}

static void take(struct frame_node *node, struct frame_region *region, uint64_t first,
                 uint64_t count)
{
    struct part part;
    for (uint64_t at = first; next_part(region, &at, first + count, &part);)
        flip(node, part.block, part.from, part.to, false);
}

/* Takes up to n single frames from one block, lowest first. */
static size_t take_from_block(struct frames *frames, struct frame_node *node,
                              struct frame_block *block, size_t n, paddr_t *out)
{
    uint64_t base = block_base(&frames->regions[block->region], block);
    size_t taken = 0;
    for (unsigned word = 0; word < MAP_WORDS && taken < n; word++) {
        uint64_t bits = block->free_map[word];
        for (; bits && taken < n; bits &= bits - 1)
            out[taken++] = paddr(base + (word * 64 + bit_lowest(bits)) * FRAME_SIZE);
        block->free_map[word] = bits;
    }
    set_n_free(node, block, block->n_free - (unsigned)taken);
    return taken;
}

static struct frame_block *first_block(const struct list *list)
{
    struct list_node *link = list_first(list);
    return link ? list_entry(link, struct frame_block, link) : NULL;
}

/* The block from which the next single frames are taken, or NULL. */
static struct frame_block *fullest_block(const struct frame_node *node)
{
    for (unsigned i = 0; i < PARTIAL_LISTS; i++) {
        if (!list_is_empty(&node->partial[i]))
            return first_block(&node->partial[i]);
    }
    return first_block(&node->free_large);
}

size_t frame_node_take(struct frames *frames, struct frame_node *node, enum frame_class class,
                       size_t n, paddr_t *out)
{
    size_t taken = 0;
    while (taken < n) {
        bool small = class == FRAME_SMALL;
        struct frame_block *block = small ? fullest_block(node) : first_block(&node->free_large);
        if (!block)
            break;
        if (small) {
            taken += take_from_block(frames, node, block, n - taken, &out[taken]);
            continue;
        }
        out[taken++] = paddr(block_base(&frames->regions[block->region], block));
        flip(node, block, 0, FRAMES_PER_LARGE, false);
    }
    return taken;
}

/* The first frame from number `at` on that is (not) free; `limit` if there is none below that. */
static uint64_t find_edge(const struct frame_region *region, uint64_t at, uint64_t limit,
                          bool is_free)
{
    while (at < limit) {
        const struct frame_block *block =
            &region->blocks[at / FRAMES_PER_LARGE - region->first_block];
        unsigned bit = at % FRAMES_PER_LARGE;
        if (bit == 0 && block->n_free == (is_free ? 0 : FRAMES_PER_LARGE)) {
            at += FRAMES_PER_LARGE;
            continue;
        }
        uint64_t word = block->free_map[bit / 64];
        uint64_t bits = (is_free ? word : ~word) >> (bit % 64);
        if (bits)
            return min(at + bit_lowest(bits), limit);
        at += 64 - bit % 64;
    }
    return limit;
}

/* Number of the first of `count` free frames in a row within [at, limit), a multiple of `step`; or
 * limit. */
static uint64_t find_run(const struct frame_region *region, uint64_t at, uint64_t limit,
                         uint64_t count, uint64_t step)
{
    while (at < limit) {
        at = align_up(find_edge(region, at, limit, true), step);
        if (at >= limit || limit - at < count)
            return limit;
        uint64_t end = find_edge(region, at, at + count, false);
        if (end == at + count)
            return at;
        at = end + 1;
    }
    return limit;
}

/* Tries blocks one by one: partial ones, the fullest first, and then a whole one. */
static bool find_in_blocks(const struct frames *frames, const struct frame_node *node,
                           uint64_t count, uint64_t step, uint64_t *first)
{
    for (unsigned i = 0; i <= PARTIAL_LISTS; i++) {
        const struct list *list = i < PARTIAL_LISTS ? &node->partial[i] : &node->free_large;
        unsigned tries = RANGE_TRIES;
        list_for_each (link, list) {
            if (tries-- == 0)
                break;
            struct frame_block *block = list_entry(link, struct frame_block, link);
            const struct frame_region *region = &frames->regions[block->region];
            uint64_t at = block_base(region, block) / FRAME_SIZE;
            uint64_t limit = at + FRAMES_PER_LARGE;
            *first = block->n_free < count ? limit : find_run(region, at, limit, count, step);
            if (*first != limit)
                return true;
        }
    }
    return false;
}

/* Looks through a region, lowest address first. */
static bool find_in_region(const struct frame_region *region, const struct frame_request *request,
                           uint64_t step, uint64_t *first)
{
    uint64_t limit = request->below ? min(request->below, region->end) : region->end;
    limit /= FRAME_SIZE;
    *first = find_run(region, region->base / FRAME_SIZE, limit, request->count, step);
    return *first < limit;
}

bool frame_node_take_range(struct frames *frames, node_id_t node_id,
                           const struct frame_request *request, paddr_t *out)
{
    struct frame_node *node = frames->nodes[node_id];
    uint64_t step = max(request->align / FRAME_SIZE, UINT64_C(1));
    uint64_t first;
    if (request->count > node->stats.free)
        return false;
    bool fits_block = request->count <= FRAMES_PER_LARGE && step <= FRAMES_PER_LARGE;
    if (fits_block && !request->below &&
        find_in_blocks(frames, node, request->count, step, &first)) {
        struct frame_region *region = frame_region_find(frames, first * FRAME_SIZE, FRAME_SIZE);
        take(node, region, first, request->count);
        *out = paddr(first * FRAME_SIZE);
        return true;
    }
    for (size_t i = 0; i < frames->n_regions; i++) {
        struct frame_region *region = &frames->regions[i];
        if (region->node != node_id || !find_in_region(region, request, step, &first))
            continue;
        take(node, region, first, request->count);
        *out = paddr(first * FRAME_SIZE);
        return true;
    }
    return false;
}
