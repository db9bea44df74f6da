// SPDX-License-Identifier: BSD-2-Clause
//
// The tree of regions: disjoint, keyed by their starts; what meets and is the same is one region
// (region_add and region_join keep it so). A region is an object of its own, because the keys of a
// B-tree move when it grows while operations hold on to regions.

#include "vspace_impl.h"

#include <kernel/panic.h>

static struct vspace_region *region_of(struct btree_cursor cursor)
{
    if (!btree_cursor_valid(cursor))
        return NULL;
    return (struct vspace_region *)(uintptr_t)*btree_cursor_value(cursor);
}

struct vspace_region *region_at(const struct vspace *space, uint64_t va)
{
    struct vspace_region *region = region_of(btree_floor(&space->regions, va));
    return region && va < region->end.raw ? region : NULL;
}

struct vspace_region *region_from(const struct vspace *space, uint64_t va)
{
    struct vspace_region *region = region_at(space, va);
    return region ? region : region_of(btree_lower_bound(&space->regions, va));
}

bool region_overlaps(const struct vspace *space, uint64_t start, uint64_t end)
{
    const struct vspace_region *region = region_from(space, start);
    return region && region->start.raw < end;
}

bool region_shows(const struct vspace_region *region, uint64_t va, uint64_t object, uint64_t offset)
{
    if (!vspace_kind_is_file(region->kind))
        return true;
    return region->object == object && region->offset + (va - region->start.raw) == offset;
}

/* Could one region be in the place of the two, if they met? */
static bool is_same(const struct vspace_region *left, const struct vspace_region *right)
{
    return left->kind == right->kind && left->rights == right->rights &&
           left->allowed == right->allowed &&
           region_shows(left, left->end.raw, right->object, right->offset);
}

/* Within the demand of the operation, so memory is there. */
static void put(struct vspace *space, struct vspace_region *region)
{
    enum put_result result = btree_put(&space->regions, region->start.raw, (uintptr_t)region, NULL);
    assert(result == PUT_ADDED);
}

static void insert(struct vspace *space, const struct vspace_region *region)
{
    struct vspace_region *copy = allocator_alloc(detmem_allocator(space->pool), sizeof(*copy), 8);
    assert(copy);
    *copy = *region;
    put(space, copy);
}

void region_drop(struct vspace *space, struct vspace_region *region)
{
    btree_remove(&space->regions, region->start.raw, NULL);
    allocator_free(detmem_allocator(space->pool), region, sizeof(*region));
}

void region_join(struct vspace *space, uint64_t va)
{
    struct vspace_region *left = region_at(space, va - 1), *right = region_at(space, va);
    if (!left || !right || left == right || !is_same(left, right))
        return;
    left->end = right->end;
    region_drop(space, right);
}

void region_add(struct vspace *space, const struct vspace_region *region)
{
    struct vspace_region *left = region_at(space, region->start.raw - 1);
    struct vspace_region *right = region_at(space, region->end.raw);
    if (left && is_same(left, region)) {
        left->end = region->end;
        region_join(space, region->end.raw);
    } else if (right && is_same(region, right)) {
        btree_remove(&space->regions, right->start.raw, NULL);
        right->start = region->start;
        right->offset = region->offset;
        put(space, right);
    } else {
        insert(space, region);
    }
}

void region_cut(struct vspace *space, uint64_t va)
{
    struct vspace_region *left = region_at(space, va);
    if (!left || left->start.raw == va)
        return;
    struct vspace_region right = *left;
    right.start = vaddr(va);
    if (vspace_kind_is_file(right.kind))
        right.offset += va - left->start.raw;
    left->end = vaddr(va);
    insert(space, &right);
}
