// SPDX-License-Identifier: BSD-2-Clause
//
// Leaves as address spaces want them: rights of the region, frames that are copied on write, and
// the pieces of an answer, which are runs of leaves.
//
// A page without rights keeps its frame in an entry that is not present. It names a frame that is
// the space's own, so a processor that speculates past the missing bit finds nothing foreign.

#include "vspace_impl.h"

#include <base/bits.h>
#include <kernel/panic.h>

struct pt_leaf leaf_make(const struct vspace_region *region, uint64_t va, unsigned level,
                         uint64_t pa, bool cow)
{
    const bool device = region->kind == VSPACE_DEVICE;
    struct pt_leaf leaf = {
        .va = vaddr(va),
        .level = level,
        .entry = {.present = region->rights != 0,
                  .writable = (region->rights & VSPACE_WRITE) && !cow,
                  .user = 1,
                  .write_through = device,
                  .no_cache = device,
                  .accessed = 1,
                  .dirty = 1,
                  .large = level > 1,
                  .held = 1,
                  .cow = cow,
                  .no_execute = !(region->rights & VSPACE_EXECUTE)},
    };
    pt_entry_lead_to(&leaf.entry, paddr(pa));
    return leaf;
}

bool leaf_adjust(struct page_table *table, struct pt_leaf *leaf, unsigned rights)
{
    const union pt_entry old = leaf->entry;
    leaf->entry.present = rights != 0;
    leaf->entry.writable = (rights & VSPACE_WRITE) && !old.cow;
    leaf->entry.no_execute = !(rights & VSPACE_EXECUTE);
    if (leaf->entry.raw == old.raw)
        return false;
    page_table_replace(table, leaf);
    return old.present && (!leaf->entry.present || old.writable > leaf->entry.writable ||
                           old.no_execute < leaf->entry.no_execute);
}

void leaves_put(struct vspace *space, const struct vspace_region *region,
                const struct vspace_op *op, unsigned low)
{
    for (uint64_t done = 0; done < op->size;) {
        unsigned level = leaf_level(op, done, low);
        struct pt_leaf leaf = leaf_make(region, op->va + done, level, op->pa + done, op->cow);
        kerr_t err = page_table_put(&space->table, &leaf);
        assert(!err); /* within the demand */
        done += page_table_span(level);
    }
}

/* Pieces end where regions do: a clone fills one region at a time. */
static bool continues(const struct vspace_piece *piece, const struct vspace_region *region,
                      const struct pt_leaf *leaf)
{
    const uint64_t size = piece->pages * PAGE_4K;
    return leaf->va.raw != region->start.raw && piece->level == leaf->level &&
           piece->cow == leaf->entry.cow && piece->va + size == leaf->va.raw &&
           piece->pa + size == pt_entry_address(leaf->entry).raw;
}

bool leaf_report(struct vspace_answer *answer, const struct vspace_region *region,
                 const struct pt_leaf *leaf)
{
    const uint32_t pages = (uint32_t)(page_table_span(leaf->level) / PAGE_4K);
    struct vspace_piece *last = &answer->pieces[answer->n_pieces];
    if (answer->n_pieces > 0 && continues(last - 1, region, leaf)) {
        last[-1].pages += pages;
        return true;
    }
    if (answer->n_pieces == VSPACE_PIECES)
        return false;
    answer->n_pieces++;
    *last = (struct vspace_piece){
        .va = leaf->va.raw,
        .pa = pt_entry_address(leaf->entry).raw,
        .pages = pages,
        .kind = region->kind,
        .level = (uint8_t)leaf->level,
        .cow = leaf->entry.cow,
    };
    return true;
}
