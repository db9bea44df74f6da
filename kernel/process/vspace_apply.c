// SPDX-License-Identifier: BSD-2-Clause
//
// What each replica does with an operation, and what it answers. Nothing in here can fail for lack
// of memory: what the operation needs at most was reserved before the log, and more is a bug.

#include "vspace_impl.h"

#include <kernel/panic.h>

static void apply_map(struct vspace *space, const struct vspace_op *op,
                      struct vspace_answer *answer)
{
    const struct vspace_region region = {
        .start = vaddr(op->va),
        .end = vaddr(op->va + op->size),
        .object = op->object,
        .offset = op->offset,
        .kind = op->region,
        .rights = op->rights,
        .allowed = op->allowed,
    };
    if (region_overlaps(space, op->va, op->va + op->size))
        answer->err = KERR_EXISTS;
    else if (btree_count(&space->regions) >= VSPACE_MAX_REGIONS)
        answer->err = KERR_NO_SPACE;
    if (answer->err)
        return;
    region_add(space, &region);
    if (!vspace_kind_is_lazy(op->region) && !op->bare)
        leaves_put(space, &region, op, 1);
    answer->next = op->va + op->size;
}

/* The region may have gone, or be another one, since the caller looked. */
static kerr_t check_fill(const struct vspace *space, const struct vspace_op *op,
                         const struct vspace_region *region)
{
    struct pt_leaf leaf;
    if (!region || region->end.raw - op->va < op->size)
        return KERR_BAD_ADDRESS;
    if (region->kind != op->region || !region_shows(region, op->va, op->object, op->offset))
        return KERR_AGAIN;
    if (!vspace_kind_is_lazy(region->kind) && !op->bare)
        return KERR_BAD_ADDRESS;
    if (page_table_next(&space->table, vaddr(op->va), vaddr(op->va + op->size), &leaf))
        return KERR_EXISTS;
    return KERR_OK;
}

static void apply_fill(struct vspace *space, const struct vspace_op *op,
                       struct vspace_answer *answer)
{
    const struct vspace_region *region = region_at(space, op->va);
    answer->err = check_fill(space, op, region);
    if (answer->err)
        return;
    leaves_put(space, region, op, op->level);
    answer->used = 1;
    answer->next = op->va + op->size;
}

/* Make the page at @va a leaf of its own. */
static void isolate(struct vspace *space, uint64_t va)
{
    kerr_t err = page_table_split(&space->table, vaddr(va));
    assert(!err);
    err = page_table_split(&space->table, vaddr(va + PAGE_4K));
    assert(!err);
}

static void apply_break(struct vspace *space, const struct vspace_op *op,
                        struct vspace_answer *answer)
{
    struct pt_leaf leaf;
    bool found = page_table_find(&space->table, vaddr(op->va), &leaf);
    uint64_t pa = pt_entry_address(leaf.entry).raw + (op->va - leaf.va.raw);
    if (!found || !leaf.entry.cow || pa != op->expect || op->generation != space->generation) {
        answer->err = KERR_AGAIN;
        return;
    }
    const struct vspace_region *region = region_at(space, op->va);
    isolate(space, op->va);
    answer->next = op->va + PAGE_4K;
    answer->leaves = 1;
    if (op->pa) {
        leaf = leaf_make(region, op->va, 1, op->expect, true);
        leaf_report(answer, region, &leaf);
        answer->used = 1;
        answer->flush = leaf.entry.present;
    }
    leaf = leaf_make(region, op->va, 1, op->pa ? op->pa : op->expect, false);
    page_table_replace(&space->table, &leaf);
}

/* A clone is made by many operations, of which only this space's are known here. Frames that their
 * answers name must not be released before the caller has counted them; so whatever could release
 * one waits. */
static void apply_clone(struct vspace *space, const struct vspace_op *op,
                        struct vspace_answer *answer)
{
    if (op->kind == VSPACE_CLONE_BEGIN) {
        space->cloning = true;
        space->generation++;
    } else if (!space->cloning) {
        answer->err = KERR_INVALID;
    } else if (op->kind == VSPACE_CLONE_STEP) {
        apply_clone_step(space, op, answer);
    } else {
        space->cloning = false;
    }
}

static kerr_t check_state(const struct vspace *space, const struct vspace_op *op)
{
    const bool of_clone = op->kind == VSPACE_CLONE_STEP || op->kind == VSPACE_CLONE_END;
    if (space->cloning && !of_clone)
        return KERR_AGAIN;
    return space->closed && op->kind != VSPACE_CLOSE ? KERR_NOT_PERMITTED : KERR_OK;
}

static void dispatch(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer)
{
    switch (op->kind) {
    case VSPACE_MAP:
        apply_map(space, op, answer);
        break;
    case VSPACE_UNMAP:
        apply_unmap(space, op, answer);
        break;
    case VSPACE_ADJUST:
        apply_adjust(space, op, answer);
        break;
    case VSPACE_FILL:
        apply_fill(space, op, answer);
        break;
    case VSPACE_BREAK:
        apply_break(space, op, answer);
        break;
    case VSPACE_CLOSE:
        apply_close(space, op, answer);
        break;
    default: /* no other kinds pass decode */
        apply_clone(space, op, answer);
        break;
    }
}

struct vspace_answer vspace_apply(struct vspace *space, const struct vspace_op *op)
{
    struct vspace_answer answer = {.next = op->va};
    detmem_begin(space->pool, &op->demand);
    page_table_free_retired(&space->table, &space->retired[op->core]);
    answer.err = check_state(space, op);
    if (!answer.err)
        dispatch(space, op, &answer);
    answer.generation = space->generation;
    detmem_end(space->pool);
    return answer;
}

void vspace_skip(struct detmem_pool *pool, const struct vspace_op *op)
{
    detmem_begin(pool, &op->demand);
    detmem_end(pool);
}
