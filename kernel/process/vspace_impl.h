// SPDX-License-Identifier: BSD-2-Clause
//
// Between the files of the address space. Everything here belongs to a replica, within apply.
#pragma once

#include <kernel/vspace.h>

static inline bool vspace_kind_is_lazy(unsigned kind)
{
    return kind == VSPACE_ANONYMOUS || kind == VSPACE_FILE_PRIVATE || kind == VSPACE_FILE_SHARED;
}

static inline bool vspace_kind_is_file(unsigned kind)
{
    return kind == VSPACE_FILE_PRIVATE || kind == VSPACE_FILE_SHARED;
}

/* Is its contents the space's own, to be copied on write by clones? */
static inline bool vspace_kind_is_private(unsigned kind)
{
    return kind == VSPACE_FRAME || kind == VSPACE_ANONYMOUS || kind == VSPACE_FILE_PRIVATE;
}

/* --- vspace_regions.c --- */

/* The region that holds @va, or NULL; and the one at @va or the first above. */
struct vspace_region *region_at(const struct vspace *space, uint64_t va);
struct vspace_region *region_from(const struct vspace *space, uint64_t va);

/* Do regions cover anything of [start, end)? */
bool region_overlaps(const struct vspace *space, uint64_t start, uint64_t end);

/* Add a region where there is none, uniting it with neighbours of the same kind. Needs one object
 * and the nodes of one insertion. */
void region_add(struct vspace *space, const struct vspace_region *region);

/* Split the region that has @va inside, if any. Needs as much as region_add(). */
void region_cut(struct vspace *space, uint64_t va);

/* Take @region out and free it. */
void region_drop(struct vspace *space, struct vspace_region *region);

/* Unite what meets at @va, if it is the same. */
void region_join(struct vspace *space, uint64_t va);

/* Object and offset of the page at @va are these? True for what is not a file. */
bool region_shows(const struct vspace_region *region, uint64_t va, uint64_t object,
                  uint64_t offset);

/* --- vspace_leaf.c --- */

/* The leaf for a frame in a region. */
struct pt_leaf leaf_make(const struct vspace_region *region, uint64_t va, unsigned level,
                         uint64_t pa, bool cow);

/* Give a leaf other rights; true: less than before, so processors must forget it. */
bool leaf_adjust(struct page_table *table, struct pt_leaf *leaf, unsigned rights);

/* Level of the leaf for what comes @done bytes after the start of MAP or FILL: the largest page
 * that both addresses and what is left allow. The same before the log and in apply. */
static inline unsigned leaf_level(const struct vspace_op *op, uint64_t done, unsigned low)
{
    unsigned level = op->level;
    while (level > low && (((op->va + done) | (op->pa + done)) % page_table_span(level) != 0 ||
                           op->size - done < page_table_span(level)))
        level--;
    return level;
}

/* Make the leaves of MAP (@low 1) or FILL (@low the only level), within the demand. */
void leaves_put(struct vspace *space, const struct vspace_region *region,
                const struct vspace_op *op, unsigned low);

/* Add a leaf to the pieces of an answer; false: there is no room. */
bool leaf_report(struct vspace_answer *answer, const struct vspace_region *region,
                 const struct pt_leaf *leaf);

/* --- Operations --- */

/* vspace_range.c */
void apply_unmap(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer);
void apply_close(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer);
void apply_adjust(struct vspace *space, const struct vspace_op *op, struct vspace_answer *answer);
void apply_clone_step(struct vspace *space, const struct vspace_op *op,
                      struct vspace_answer *answer);
