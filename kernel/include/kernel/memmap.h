// SPDX-License-Identifier: BSD-2-Clause
//
// The physical memory of the machine, as firmware and boot code describe it: lists in any order and
// of any length, overlapping, not aligned to frames. memmap_walk() turns them into disjoint pieces
// in ascending order. It needs no memory, so it runs before there is any.
#pragma once

#include <kernel/types.h>

enum memory_kind {
    MEMORY_USABLE,
    MEMORY_IN_USE, /* RAM that is occupied now and may be freed later: modules, boot-time tables */
    MEMORY_RESERVED, /* never ours, whatever else the list says of it */
};

struct memory_range {
    uint64_t base;
    uint64_t size;
    enum memory_kind kind;
};

/* Which node some addresses belong to (SRAT). Where these overlap the first counts. */
struct memory_affinity {
    uint64_t base;
    uint64_t size;
    node_id_t node;
};

struct memmap {
    const struct memory_range *ranges;
    size_t n_ranges;
    const struct memory_affinity *affinities;
    size_t n_affinities;
};

/* Frames [base, end) of one node, all usable or all in use. */
struct memory_piece {
    uint64_t base;
    uint64_t end;
    node_id_t node;
    bool in_use;
};

typedef void (*memmap_visit_fn)(void *context, const struct memory_piece *piece);

/* memmap_walk - visit the RAM of @map in ascending order. Pieces are as long as they can be and
 * consist of whole 4 KiB frames: a frame is usable if RAM covers it and nothing reserved touches
 * it, and in use if anything in use touches it; it belongs to the node of its first byte, node 0
 * where no affinity says otherwise. Frame 0 and addresses from 2^52 up are left out. Time:
 * quadratic in the lists' length. */
void memmap_walk(const struct memmap *map, memmap_visit_fn visit, void *context);
