// SPDX-License-Identifier: BSD-2-Clause
//
// A sweep over addresses. All addresses at which anything can change, rounded down and up to
// frames, cut the address space into elementary intervals: inside one, each range covers all of it
// or nothing, or the interval is one frame that a range covers in part. The sweep finds the next
// cut by looking through the lists, which is quadratic and wants no sorting and no memory; equal
// neighbours are joined again.

#include <kernel/memmap.h>

#include <base/bits.h>
#include <kernel/frames.h>

/* Physical addresses of x86-64 have at most 52 bits. */
#define PHYSICAL_END (UINT64_C(1) << 52)

static uint64_t end_of(uint64_t base, uint64_t size)
{
    return base >= PHYSICAL_END || size > PHYSICAL_END - base ? PHYSICAL_END : base + size;
}

/* Lowers *next to the first cut of [base, base + size) above `at`. */
static void consider_cuts(uint64_t at, uint64_t base, uint64_t size, uint64_t *next)
{
    uint64_t edges[] = {base, end_of(base, size)};
    if (base >= PHYSICAL_END || size == 0)
        return;
    for (size_t i = 0; i < array_count(edges); i++) {
        uint64_t down = align_down(edges[i], FRAME_SIZE);
        uint64_t up = align_up(edges[i], FRAME_SIZE);
        if (down > at && down < *next)
            *next = down;
        if (up > at && up < *next)
            *next = up;
    }
}

static uint64_t next_cut(const struct memmap *map, uint64_t at)
{
    uint64_t next = PHYSICAL_END;
    for (size_t i = 0; i < map->n_ranges; i++)
        consider_cuts(at, map->ranges[i].base, map->ranges[i].size, &next);
    for (size_t i = 0; i < map->n_affinities; i++)
        consider_cuts(at, map->affinities[i].base, map->affinities[i].size, &next);
    return next;
}

/* Does a range of this kind touch [base, end)? */
static bool touched(const struct memmap *map, enum memory_kind kind, uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < map->n_ranges; i++) {
        const struct memory_range *r = &map->ranges[i];
        if (r->kind == kind && r->size && r->base < end && end_of(r->base, r->size) > base)
            return true;
    }
    return false;
}

/* Do ranges of RAM together cover [base, end)? */
static bool covered(const struct memmap *map, uint64_t base, uint64_t end)
{
    for (uint64_t at = base; at < end;) {
        uint64_t reach = at;
        for (size_t i = 0; i < map->n_ranges; i++) {
            const struct memory_range *r = &map->ranges[i];
            if (r->kind != MEMORY_RESERVED && r->base <= at)
                reach = max(reach, end_of(r->base, r->size));
        }
        if (reach == at)
            return false;
        at = reach;
    }
    return true;
}

static node_id_t node_of(const struct memmap *map, uint64_t at)
{
    for (size_t i = 0; i < map->n_affinities; i++) {
        const struct memory_affinity *a = &map->affinities[i];
        if (a->base <= at && at < end_of(a->base, a->size))
            return a->node;
    }
    return 0;
}

void memmap_walk(const struct memmap *map, memmap_visit_fn visit, void *context)
{
    struct memory_piece piece = {0};
    for (uint64_t at = FRAME_SIZE, end; at < PHYSICAL_END; at = end) {
        end = next_cut(map, at);
        if (touched(map, MEMORY_RESERVED, at, end) || !covered(map, at, end))
            continue;
        node_id_t node = node_of(map, at);
        bool in_use = touched(map, MEMORY_IN_USE, at, end);
        if (piece.end == at && piece.node == node && piece.in_use == in_use) {
            piece.end = end;
            continue;
        }
        if (piece.end)
            visit(context, &piece);
        piece = (struct memory_piece){at, end, node, in_use};
    }
    if (piece.end)
        visit(context, &piece);
}
