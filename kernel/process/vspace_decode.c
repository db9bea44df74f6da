// SPDX-License-Identifier: BSD-2-Clause
//
// Before the log: is the operation one that can be applied, and what memory can it need at most?
//
// The demand, whatever the space will be when the operation is applied:
//
// - A region: MAP adds one. Ranges cut two.
// - Nodes of the tree: an insertion splits at most the leaf and every node above it, and makes a
//   root. Of nodes off the right edge each leaf has at least 10 entries and each inner node at
//   least 11 children. With h levels of inner nodes the first child of the root is off the edge,
//   so there are at least 10 * 11^(h-1) regions; with VSPACE_MAX_REGIONS and the two cuts of an
//   operation, h <= 5.
// - Tables: of new leaves, those on the way to each of them, which may all be missing. A split at
//   an address takes two.

#include "vspace_impl.h"

#include <base/bits.h>

#define NODES_PER_INSERTION 7
_Static_assert(BTREE_MIN == 10 && VSPACE_MAX_REGIONS + 2 < 10 * 11 * 11 * 11 * 11 * 11,
               "six levels of inner nodes would need more regions than there may be");

#define PHYSICAL_END (UINT64_C(1) << 52)

static kerr_t check_range(const struct vspace_op *op)
{
    if (!is_aligned(op->va | op->size, PAGE_4K))
        return KERR_MISALIGNED;
    if (op->va < VSPACE_START || op->va > VSPACE_END || op->size == 0 ||
        op->size > VSPACE_END - op->va)
        return KERR_BAD_ADDRESS;
    return KERR_OK;
}

static kerr_t check_physical(const struct vspace_op *op, uint64_t align)
{
    if (!is_aligned(op->va | op->pa | op->size, align))
        return KERR_MISALIGNED;
    if (op->pa >= PHYSICAL_END || op->size > PHYSICAL_END - op->pa)
        return KERR_INVALID;
    return KERR_OK;
}

/* Object and offset of what is a file; nothing of what is not. */
static kerr_t check_object(const struct vspace_op *op)
{
    if (!vspace_kind_is_file(op->region))
        return op->object || op->offset ? KERR_INVALID : KERR_OK;
    if (!is_aligned(op->offset, PAGE_4K))
        return KERR_MISALIGNED;
    return op->offset > UINT64_MAX - op->size ? KERR_INVALID : KERR_OK;
}

/* Adds leaves of levels op->level down to @low, and the tables that may be missing on the way. */
static kerr_t demand_leaves(const struct vspace_memory *memory, struct vspace_op *op, unsigned low)
{
    uint64_t last[PT_LEVELS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    unsigned leaves = 0, tables = 0;
    for (uint64_t done = 0; done < op->size; leaves++) {
        if (leaves == VSPACE_MAX_LEAVES)
            return KERR_RANGE;
        unsigned level = leaf_level(op, done, low);
        for (unsigned at = level; at < PT_LEVELS; at++) {
            uint64_t table = (op->va + done) / page_table_span(at + 1);
            tables += last[at] != table;
            last[at] = table;
        }
        done += page_table_span(level);
    }
    op->demand.count[memory->table_kind] = (uint16_t)tables;
    return KERR_OK;
}

static void demand_regions(const struct vspace_memory *memory, struct vspace_op *op, unsigned n)
{
    op->demand.count[memory->region_kind] = (uint16_t)n;
    op->demand.count[memory->node_kind] = (uint16_t)(n * NODES_PER_INSERTION);
}

static kerr_t decode_map(const struct vspace_memory *memory, struct vspace_op *op)
{
    kerr_t err = check_range(op);
    if (!err)
        err = check_object(op);
    if (err)
        return err;
    if (op->region >= VSPACE_KINDS || (op->rights | op->allowed) & ~VSPACE_ALL || op->cow)
        return KERR_INVALID;
    if (op->rights & ~op->allowed)
        return KERR_NOT_PERMITTED;
    demand_regions(memory, op, 1);
    if (vspace_kind_is_lazy(op->region) || op->bare)
        return op->pa ? KERR_INVALID : KERR_OK;
    if (op->level < 1 || op->level > memory->top_level)
        return KERR_INVALID;
    err = check_physical(op, PAGE_4K);
    return err ? err : demand_leaves(memory, op, 1);
}

static kerr_t decode_fill(const struct vspace_memory *memory, struct vspace_op *op)
{
    kerr_t err = check_range(op);
    if (!err)
        err = check_object(op);
    if (err)
        return err;
    if (op->level < 1 || op->level > memory->top_level || op->region >= VSPACE_KINDS)
        return KERR_INVALID;
    if ((op->cow && !vspace_kind_is_private(op->region)) || op->region == VSPACE_DEVICE)
        return KERR_INVALID;
    err = check_physical(op, page_table_span(op->level));
    return err ? err : demand_leaves(memory, op, op->level);
}

static kerr_t decode_break(const struct vspace_memory *memory, struct vspace_op *op)
{
    kerr_t err = check_range(op);
    if (!err)
        err = check_physical(op, PAGE_4K);
    if (err)
        return err;
    if (op->size != PAGE_4K || !is_aligned(op->expect, PAGE_4K) || op->expect >= PHYSICAL_END)
        return KERR_INVALID;
    op->demand.count[memory->table_kind] = 2;
    return KERR_OK;
}

static kerr_t decode_range(const struct vspace_memory *memory, struct vspace_op *op)
{
    kerr_t err = check_range(op);
    if (err)
        return err;
    if (op->rights & ~VSPACE_ALL)
        return KERR_INVALID;
    demand_regions(memory, op, op->kind == VSPACE_CLONE_STEP ? 0 : 2);
    op->demand.count[memory->table_kind] = 4;
    return KERR_OK;
}

static kerr_t check_and_demand(const struct vspace_memory *memory, struct vspace_op *op)
{
    switch (op->kind) {
    case VSPACE_MAP:
        return decode_map(memory, op);
    case VSPACE_FILL:
        return decode_fill(memory, op);
    case VSPACE_BREAK:
        return decode_break(memory, op);
    case VSPACE_UNMAP:
    case VSPACE_ADJUST:
    case VSPACE_CLONE_STEP:
        return decode_range(memory, op);
    case VSPACE_CLOSE: /* these need no memory, so nothing can keep a space from its end */
    case VSPACE_CLONE_BEGIN:
    case VSPACE_CLONE_END:
        return is_aligned(op->va, PAGE_4K) ? KERR_OK : KERR_MISALIGNED;
    default:
        return KERR_INVALID;
    }
}

kerr_t vspace_decode(const struct vspace_memory *memory, struct vspace_op *op)
{
    op->demand = (struct detmem_demand){0};
    if (op->core >= MAX_CORES)
        return KERR_INVALID;
    kerr_t err = check_and_demand(memory, op);
    return err ? err : detmem_reserve(memory->detmem, &op->demand);
}

void vspace_cancel(const struct vspace_memory *memory, const struct vspace_op *op)
{
    detmem_cancel(memory->detmem, &op->demand);
}
