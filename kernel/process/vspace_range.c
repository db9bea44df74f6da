// SPDX-License-Identifier: BSD-2-Clause
//
// Operations on ranges of any length: UNMAP, ADJUST, CLONE_STEP, CLOSE.
//
// One operation touches a bounded number of pages and regions, and its answer has room for a
// bounded number of pieces. So each first looks, without changing anything, how far it gets, and
// then does exactly that: [va, next). The caller makes another operation for the rest. The bounds
// also bound the memory: pages split at the two ends, and regions cut at the two ends of what is
// done.

#include "vspace_impl.h"

#include <base/bits.h>
#include <kernel/panic.h>

/* Make the ends of the operation's range ends of leaves. At most two tables each. */
static void split_ends(struct vspace *space, const struct vspace_op *op)
{
    kerr_t err = page_table_split(&space->table, vaddr(op->va));
    assert(!err);
    err = page_table_split(&space->table, vaddr(op->va + op->size));
    assert(!err);
}

/* Count the leaves of a region below @end, from answer->next on, which moves with them; and report
 * them if @report. False: the operation can take no more. */
static bool plan_leaves(const struct vspace *space, const struct vspace_region *region,
                        uint64_t end, struct vspace_answer *answer, bool report)
{
    struct pt_leaf leaf;
    end = min(end, region->end.raw);
    while (page_table_next(&space->table, vaddr(answer->next), vaddr(end), &leaf)) {
        answer->next = leaf.va.raw;
        if (answer->leaves == VSPACE_MAX_LEAVES || (report && !leaf_report(answer, region, &leaf)))
            return false;
        answer->leaves++;
        answer->next += page_table_span(leaf.level);
    }
    answer->next = end;
    return true;
}

/* --- UNMAP and CLOSE --- */

static void plan_unmap(const struct vspace *space, const struct vspace_op *op, uint64_t end,
                       struct vspace_answer *answer)
{
    unsigned touched = 0;
    answer->next = op->va;
    for (;;) {
        const struct vspace_region *region = region_from(space, answer->next);
        if (!region || region->start.raw >= end) {
            answer->next = end;
            return;
        }
        answer->next = max(answer->next, region->start.raw);
        if (touched++ == VSPACE_MAX_TOUCHED || !plan_leaves(space, region, end, answer, true))
            return;
    }
}

static void remove_leaves(struct vspace *space, const struct vspace_op *op,
                          struct vspace_answer *answer)
{
    struct pt_leaf leaf;
    vaddr_t at = vaddr(op->va);
    while (page_table_next(&space->table, at, vaddr(answer->next), &leaf)) {
        answer->flush |= leaf.entry.present;
        page_table_remove(&space->table, leaf.va, &space->retired[op->core]);
        at = vaddr_add(leaf.va, page_table_span(leaf.level));
    }
    /* Processors may know a table even if nothing in it was present. */
    answer->flush |= space->retired[op->core].first != NULL;
}

/* To leave something of one region on both sides makes two of it. */
static bool needs_one_more(const struct vspace *space, const struct vspace_op *op)
{
    const struct vspace_region *region = region_at(space, op->va);
    return region && region->start.raw < op->va && region->end.raw > op->va + op->size;
}

void apply_unmap(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer)
{
    if (btree_count(&space->regions) >= VSPACE_MAX_REGIONS && needs_one_more(space, op)) {
        answer->err = KERR_NO_SPACE;
        return;
    }
    split_ends(space, op);
    plan_unmap(space, op, op->va + op->size, answer);
    region_cut(space, op->va);
    region_cut(space, answer->next);
    remove_leaves(space, op, answer);
    struct vspace_region *region;
    while ((region = region_from(space, op->va)) && region->start.raw < answer->next)
        region_drop(space, region);
}

/* A process that ends gives memory back and must not need any. So nothing is cut: a region of which
 * only some pages went stays as it is, as nobody maps or fills any more. */
void apply_close(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer)
{
    struct vspace_region *region;
    space->closed = true;
    plan_unmap(space, op, VSPACE_END, answer);
    remove_leaves(space, op, answer);
    while ((region = region_from(space, VSPACE_START)) && region->end.raw <= answer->next)
        region_drop(space, region);
}

/* --- ADJUST --- */

/* As far as regions follow each other that allow it. */
static void plan_adjust(const struct vspace *space, const struct vspace_op *op,
                        struct vspace_answer *answer)
{
    const uint64_t end = op->va + op->size;
    answer->next = op->va;
    for (unsigned touched = 0; answer->next < end && touched < VSPACE_MAX_TOUCHED; touched++) {
        const struct vspace_region *region = region_at(space, answer->next);
        if (!region)
            answer->err = KERR_BAD_ADDRESS;
        else if (op->rights & ~region->allowed)
            answer->err = KERR_NOT_PERMITTED;
        if (answer->err || !plan_leaves(space, region, end, answer, false))
            break;
    }
    /* What can be done is done; the operation for the rest will meet the error at its start. */
    if (answer->next > op->va)
        answer->err = KERR_OK;
}

static void adjust_leaves(struct vspace *space, const struct vspace_op *op,
                          struct vspace_answer *answer)
{
    struct pt_leaf leaf;
    vaddr_t at = vaddr(op->va);
    while (page_table_next(&space->table, at, vaddr(answer->next), &leaf)) {
        answer->flush |= leaf_adjust(&space->table, &leaf, op->rights);
        at = vaddr_add(leaf.va, page_table_span(leaf.level));
    }
}

void apply_adjust(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer)
{
    if (btree_count(&space->regions) + 2 > VSPACE_MAX_REGIONS) {
        answer->err = KERR_NO_SPACE;
        return;
    }
    split_ends(space, op);
    plan_adjust(space, op, answer);
    if (answer->err)
        return;
    region_cut(space, op->va);
    region_cut(space, answer->next);
    adjust_leaves(space, op, answer);
    struct vspace_region *region;
    for (uint64_t at = op->va; at < answer->next; at = region->end.raw) {
        region = region_at(space, at);
        region->rights = op->rights;
    }
    /* A region that is united with the one before goes on where that one ends. */
    for (uint64_t at = op->va; at < answer->next; at = region_at(space, at)->end.raw)
        region_join(space, at);
    region_join(space, answer->next);
}

/* --- CLONE_STEP --- */

static void share_leaf(struct vspace *space, struct pt_leaf *leaf, struct vspace_answer *answer)
{
    if (leaf->entry.cow)
        return;
    answer->flush |= leaf->entry.present && leaf->entry.writable;
    leaf->entry.cow = 1;
    leaf->entry.writable = 0;
    page_table_replace(&space->table, leaf);
}

void apply_clone_step(struct vspace *space, const struct vspace_op *op,
                      struct vspace_answer *answer)
{
    const uint64_t end = op->va + op->size;
    struct pt_leaf leaf;
    split_ends(space, op);
    answer->next = op->va;
    while (page_table_next(&space->table, vaddr(answer->next), vaddr(end), &leaf)) {
        const struct vspace_region *region = region_at(space, leaf.va.raw);
        struct pt_leaf shared = leaf;
        shared.entry.cow = vspace_kind_is_private(region->kind);
        answer->next = leaf.va.raw;
        if (answer->leaves == VSPACE_MAX_LEAVES)
            return;
        if (region->kind != VSPACE_DEVICE && !leaf_report(answer, region, &shared))
            return;
        if (shared.entry.cow)
            share_leaf(space, &leaf, answer);
        answer->leaves++;
        answer->next += page_table_span(leaf.level);
    }
    answer->next = end;
}
