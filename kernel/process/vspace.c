// SPDX-License-Identifier: BSD-2-Clause
//
// Life of a replica's copy of an address space, and questions to it.

#include "vspace_impl.h"

#include <base/string.h>
#include <kernel/panic.h>

_Static_assert(sizeof(struct vspace_op) == 80, "logs hold many of them");
_Static_assert(sizeof(struct vspace_answer) == 24 + 24 * VSPACE_PIECES, "no padding");
_Static_assert(sizeof(struct vspace_region) == 40 && sizeof(struct vspace_result) == 64,
               "no padding");

kerr_t vspace_init(struct vspace *space, struct detmem_pool *pool,
                   const struct pt_table *upper_half)
{
    struct allocator *alloc = detmem_allocator(pool);
    memset(space, 0, sizeof(*space));
    space->pool = pool;
    btree_init(&space->regions, alloc);
    return page_table_init(&space->table, alloc, upper_half);
}

/* Free the regions that start below @end. */
static void free_regions(struct vspace *space, uint64_t end)
{
    struct btree_cursor cursor = btree_first(&space->regions);
    for (; btree_cursor_valid(cursor); btree_cursor_next(&cursor)) {
        if (btree_cursor_key(cursor) >= end)
            return;
        allocator_free(detmem_allocator(space->pool),
                       (void *)(uintptr_t)*btree_cursor_value(cursor),
                       sizeof(struct vspace_region));
    }
}

static void free_retired(struct vspace *space)
{
    for (unsigned core = 0; core < MAX_CORES; core++)
        page_table_free_retired(&space->table, &space->retired[core]);
}

void vspace_fini(struct vspace *space)
{
    free_retired(space);
    page_table_fini(&space->table);
    free_regions(space, UINT64_MAX);
    btree_clear(&space->regions);
}

/* --- Copies for new replicas --- */

static kerr_t copy_regions(struct vspace *copy, const struct vspace *from)
{
    struct allocator *alloc = detmem_allocator(copy->pool);
    if (!btree_clone(&copy->regions, &from->regions, alloc))
        return KERR_NO_MEMORY;
    struct btree_cursor cursor = btree_first(&copy->regions);
    for (; btree_cursor_valid(cursor); btree_cursor_next(&cursor)) {
        struct vspace_region *region = allocator_alloc(alloc, sizeof(*region), 8);
        if (!region) {
            free_regions(copy, btree_cursor_key(cursor));
            btree_clear(&copy->regions);
            return KERR_NO_MEMORY;
        }
        *region = *(struct vspace_region *)(uintptr_t)*btree_cursor_value(cursor);
        *btree_cursor_value(cursor) = (uintptr_t)region;
    }
    return KERR_OK;
}

/* Nobody walks the copy's retired tables; but an operation will free them on all replicas, and the
 * account of the memory wants as many to come back here. */
static kerr_t copy_retired(struct vspace *copy, const struct vspace *from)
{
    struct allocator *alloc = detmem_allocator(copy->pool);
    for (unsigned core = 0; core < MAX_CORES; core++) {
        struct pt_table *table = from->retired[core].first;
        for (; table; table = page_table_retired_next(table)) {
            struct pt_table *one = allocator_zalloc(alloc, sizeof(*one), sizeof(*one));
            if (!one)
                return KERR_NO_MEMORY;
            page_table_retire(&copy->retired[core], one);
        }
    }
    return KERR_OK;
}

kerr_t vspace_copy(struct vspace *copy, const struct vspace *from, struct detmem_pool *pool)
{
    memset(copy, 0, sizeof(*copy));
    copy->pool = pool;
    copy->generation = from->generation;
    copy->cloning = from->cloning;
    copy->closed = from->closed;
    kerr_t err = copy_regions(copy, from);
    if (err)
        return err;
    err = page_table_copy(&copy->table, &from->table, detmem_allocator(pool));
    if (err)
        goto err_regions;
    err = copy_retired(copy, from);
    if (err)
        goto err_table;
    return KERR_OK;

err_table:
    free_retired(copy);
    page_table_fini(&copy->table);
err_regions:
    free_regions(copy, UINT64_MAX);
    btree_clear(&copy->regions);
    return err;
}

/* --- Questions --- */

/* Is the page table's word enough for the access? */
static bool allows(union pt_entry entry, unsigned access)
{
    return entry.present && !((access & VSPACE_WRITE) && !entry.writable) &&
           !((access & VSPACE_EXECUTE) && entry.no_execute);
}

static unsigned judge(const struct vspace *space, const struct vspace_region *region,
                      union pt_entry entry, unsigned access)
{
    if (access & ~region->rights || (access == 0 && region->rights == 0))
        return VSPACE_DENIED;
    if (allows(entry, access))
        return VSPACE_THERE;
    if (space->cloning)
        return VSPACE_WAIT;
    if (entry.raw == 0)
        return vspace_kind_is_lazy(region->kind) ? VSPACE_EMPTY : VSPACE_DENIED;
    return VSPACE_COPY;
}

static void resolve(const struct vspace *space, const struct vspace_query *query,
                    struct vspace_result *result)
{
    const struct vspace_region *region = region_at(space, query->va);
    struct pt_leaf leaf;
    if (!region) {
        result->err = KERR_NOT_FOUND;
        return;
    }
    result->region = *region;
    if (page_table_find(&space->table, vaddr(query->va), &leaf)) {
        result->pa = pt_entry_address(leaf.entry).raw + (query->va - leaf.va.raw);
        result->cow = leaf.entry.cow;
        result->level = (uint8_t)leaf.level;
    }
    result->verdict = judge(space, region, leaf.entry, query->access);
}

struct vspace_result vspace_read(const struct vspace *space, const struct vspace_query *query)
{
    struct vspace_result result = {
        .verdict = VSPACE_DENIED,
        .busy = space->cloning || space->closed,
        .generation = space->generation,
    };
    if (query->question == VSPACE_RESOLVE) {
        resolve(space, query, &result);
        return result;
    }
    const struct vspace_region *region = region_from(space, query->va);
    if (region)
        result.region = *region;
    else
        result.err = KERR_NOT_FOUND;
    return result;
}
