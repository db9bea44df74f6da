// SPDX-License-Identifier: BSD-2-Clause

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vspace_world.h"
#include "walker.h"
#include <base/bits.h>
#include <string.h>

static const struct detmem_kind kinds[] = {VSPACE_REGION_KIND, VSPACE_NODE_KIND, VSPACE_TABLE_KIND};

/* --- World --- */

static uint64_t free_at_start;

void world_create(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->frames = machine_create();
    free_at_start = machine_free_frames(world->frames, MACHINE_NODES);
    assert_int_equal(slab_create(world->frames, &world->slab), KERR_OK);
    frames_set_reclaim(world->frames, slab_reclaim, world->slab);
    assert_int_equal(frame_shares_create(world->slab, &world->shares), KERR_OK);
}

void world_destroy(struct world *world)
{
    struct slab_stats stats;
    for (unsigned i = 0; i < WORLD_OBJECTS * WORLD_OBJECT_PAGES; i++) {
        paddr_t frame = world->objects[i / WORLD_OBJECT_PAGES][i % WORLD_OBJECT_PAGES];
        if (frame.raw) {
            assert_int_equal(frame_shares_release(world->shares, world->frames, frame, 1), 1);
        }
    }
    frame_shares_destroy(world->shares);
    slab_stats(world->slab, &stats);
    assert_int_equal(stats.objects, 0);
    slab_destroy(world->slab);
    assert_int_equal(machine_free_frames(world->frames, MACHINE_NODES), free_at_start);
    machine_destroy();
}

uint64_t world_object_word(uint64_t object, uint64_t page)
{
    return (object << 32) + page + 1;
}

/* --- The log --- */

void world_advance(struct world_space *space, unsigned replica, uint64_t n)
{
    hosted_set_core(2 * replica);
    for (; n > 0 && space->applied[replica] < space->tail; n--) {
        uint64_t at = space->applied[replica]++ % WORLD_LOG;
        struct vspace_answer answer = vspace_apply(&space->replicas[replica], &space->log[at]);
        /* The first to apply it says what it answers, to all others. */
        if (space->answers[at].n_pieces == UINT16_MAX)
            space->answers[at] = answer;
        assert_memory_equal(&space->answers[at], &answer, sizeof(answer));
    }
}

void world_advance_all(struct world_space *space)
{
    for (unsigned i = 0; i < WORLD_REPLICAS; i++)
        world_advance(space, i, UINT64_MAX);
}

static struct world_space *space_of(struct vspace_user *user)
{
    return container_of(user - user->core, struct world_space, users[0]);
}

static struct vspace_answer execute(struct vspace_user *user, const struct vspace_op *op)
{
    struct world_space *space = space_of(user);
    uint64_t at = space->tail % WORLD_LOG;
    for (unsigned i = 0; i < WORLD_REPLICAS; i++) {
        if (space->tail - space->applied[i] == WORLD_LOG)
            world_advance(space, i, 1);
    }
    space->log[at] = *op;
    space->answers[at].n_pieces = UINT16_MAX;
    space->tail++;
    space->executed++;
    world_advance(space, user->core, UINT64_MAX);
    return space->answers[at];
}

static struct vspace_result query(struct vspace_user *user, const struct vspace_query *what)
{
    struct world_space *space = space_of(user);
    world_advance(space, user->core, UINT64_MAX);
    return vspace_read(&space->replicas[user->core], what);
}

static void flush(struct vspace_user *user, uint64_t va, uint64_t end, uint32_t pages)
{
    assert_true(va < end && pages <= VSPACE_MAX_LEAVES);
    struct world_space *space = space_of(user);
    if (space->at_flush)
        space->at_flush(space);
    space->flushes++;
    world_advance_all(space);
}

static kerr_t file_page(struct vspace_user *user, uint64_t object, uint64_t offset, paddr_t *frame)
{
    struct world *world = space_of(user)->world;
    uint64_t page = offset / PAGE_4K;
    assert_true(object < WORLD_OBJECTS && page < WORLD_OBJECT_PAGES);
    paddr_t *place = &world->objects[object][page];
    if (!place->raw) {
        kerr_t err = frames_alloc(world->frames, 0, FRAME_SMALL, FRAME_ANY_NODE, place);
        if (err)
            return err;
        *(uint64_t *)arch_phys_to_virt(*place) = world_object_word(object, page);
    }
    *frame = *place;
    return frame_shares_add(world->shares, *place, 1);
}

/* --- Spaces --- */

static kerr_t create_replicas(struct world_space *space)
{
    for (unsigned i = 0; i < WORLD_REPLICAS; i++) {
        kerr_t err = detmem_join(space->memory.detmem, i, NULL, &space->pools[i]);
        if (err)
            return err;
        err = vspace_init(&space->replicas[i], space->pools[i], NULL);
        if (err) {
            detmem_leave(space->pools[i]);
            space->pools[i] = NULL;
            return err;
        }
    }
    return KERR_OK;
}

static void release_space(struct world_space *space)
{
    for (unsigned i = 0; i < WORLD_REPLICAS && space->pools[i]; i++) {
        vspace_fini(&space->replicas[i]);
        detmem_leave(space->pools[i]);
    }
    if (space->memory.detmem)
        detmem_destroy(space->memory.detmem);
    free(space);
}

struct world_space *world_space_create(struct world *world)
{
    struct world_space *space = calloc(1, sizeof(*space));
    assert_non_null(space);
    space->world = world;
    space->memory =
        (struct vspace_memory){.region_kind = 0, .node_kind = 1, .table_kind = 2, .top_level = 3};
    for (unsigned i = 0; i < WORLD_REPLICAS; i++) {
        space->users[i] = (struct vspace_user){
            .execute = execute,
            .query = query,
            .flush = flush,
            .file_page = file_page,
            .memory = &space->memory,
            .frames = world->frames,
            .shares = world->shares,
            .core = i,
            .node = i,
        };
    }
    if (detmem_create(world->slab, kinds, array_count(kinds), &space->memory.detmem) ||
        create_replicas(space)) {
        release_space(space);
        return NULL;
    }
    return space;
}

void world_space_destroy(struct world_space *space)
{
    struct detmem_stats stats;
    struct pt_leaf leaf;
    world_advance_all(space);
    for (unsigned i = 0; i < WORLD_REPLICAS; i++) {
        assert_false(
            page_table_next(&space->replicas[i].table, vaddr(0), vaddr(VSPACE_END), &leaf));
        assert_int_equal(btree_count(&space->replicas[i].regions), 0);
    }
    detmem_stats(space->memory.detmem, &stats);
    assert_int_equal(stats.overruns, 0);
    release_space(space);
}

/* --- Accesses --- */

static kerr_t access_word(struct world_space *space, unsigned core, uint64_t va, unsigned access,
                          uint64_t **word)
{
    for (;;) {
        struct walk walk = hardware_walk(page_table_root(&space->replicas[core].table), va);
        if (walk.present && (walk.writable || !(access & VSPACE_WRITE)) &&
            (walk.executable || !(access & VSPACE_EXECUTE))) {
            *word = arch_phys_to_virt(paddr(align_down(walk.pa, PAGE_4K)));
            return KERR_OK;
        }
        hosted_set_core(2 * core);
        kerr_t err = vspace_fault(&space->users[core], va, access);
        if (err)
            return err;
    }
}

kerr_t world_load(struct world_space *space, unsigned core, uint64_t va, uint64_t *word)
{
    uint64_t *place;
    kerr_t err = access_word(space, core, va, VSPACE_READ, &place);
    if (!err)
        *word = *place;
    return err;
}

kerr_t world_store(struct world_space *space, unsigned core, uint64_t va, uint64_t word)
{
    uint64_t *place;
    kerr_t err = access_word(space, core, va, VSPACE_WRITE, &place);
    if (!err)
        *place = word;
    return err;
}

/* --- Checks --- */

static struct vspace_region *next_region(const struct vspace *space, uint64_t from)
{
    struct btree_cursor cursor = btree_lower_bound(&space->regions, from);
    if (!btree_cursor_valid(cursor))
        return NULL;
    struct vspace_region *region = (struct vspace_region *)(uintptr_t)*btree_cursor_value(cursor);
    assert_int_equal(btree_cursor_key(cursor), region->start.raw);
    return region;
}

/* @world is NULL if the replica lags behind: then the owners of a frame may be those of later. */
static void check_leaf(struct world *world, const struct vspace_region *region,
                       const struct pt_leaf *leaf)
{
    const bool private = region->kind == VSPACE_FRAME || region->kind == VSPACE_ANONYMOUS ||
                         region->kind == VSPACE_FILE_PRIVATE;
    assert_true(leaf->va.raw >= region->start.raw &&
                leaf->va.raw + page_table_span(leaf->level) <= region->end.raw);
    assert_int_equal(leaf->entry.held, 1);
    assert_int_equal(leaf->entry.present, region->rights != 0);
    assert_int_equal(leaf->entry.writable, (region->rights & VSPACE_WRITE) && !leaf->entry.cow);
    assert_int_equal(leaf->entry.no_execute, !(region->rights & VSPACE_EXECUTE));
    assert_true(private || !leaf->entry.cow);
    for (uint64_t at = 0; world && private && !leaf->entry.cow && at < page_table_span(leaf->level);
         at += PAGE_4K) {
        paddr_t frame = paddr_add(pt_entry_address(leaf->entry), at);
        assert_int_equal(frame_shares_owners(world->shares, frame), 1);
    }
}

/* All leaves of a region; those of eager kinds leave no gap, unless the replica has seen only a
 * part of the clone that the space is. */
static void check_region(struct world *world, const struct vspace *space,
                         const struct vspace_region *region)
{
    const bool eager = world && region->kind <= VSPACE_DEVICE;
    struct pt_leaf leaf;
    vaddr_t at = region->start;
    assert_true(region->start.raw < region->end.raw && region->end.raw <= VSPACE_END);
    assert_int_equal(region->rights & ~region->allowed, 0);
    while (page_table_next(&space->table, at, region->end, &leaf)) {
        check_leaf(world, region, &leaf);
        assert_true(!eager || leaf.va.raw == at.raw);
        at = vaddr_add(leaf.va, page_table_span(leaf.level));
    }
    assert_true(!eager || at.raw == region->end.raw);
}

static uint64_t end_offset(const struct vspace_region *region)
{
    return region->kind < VSPACE_FILE_PRIVATE
               ? 0
               : region->offset + region->end.raw - region->start.raw;
}

static void check_tree(struct world *world, const struct vspace *space)
{
    const struct vspace_region *last = NULL;
    struct pt_leaf leaf;
    uint64_t at = 0;
    for (;;) {
        const struct vspace_region *region = next_region(space, at);
        uint64_t gap_end = region ? region->start.raw : VSPACE_END;
        assert_true(gap_end >= at);
        assert_false(page_table_next(&space->table, vaddr(at), vaddr(gap_end), &leaf));
        if (!region)
            return;
        check_region(world, space, region);
        if (last && last->end.raw == region->start.raw)
            assert_true(last->kind != region->kind || last->rights != region->rights ||
                        last->allowed != region->allowed || last->object != region->object ||
                        end_offset(last) != region->offset);
        last = region;
        at = region->end.raw;
    }
}

static void check_equal(const struct vspace *a, const struct vspace *b)
{
    struct pt_leaf one, other;
    uint64_t at = 0;
    assert_int_equal(btree_count(&a->regions), btree_count(&b->regions));
    for (const struct vspace_region *region; (region = next_region(a, at)); at = region->end.raw)
        assert_memory_equal(region, next_region(b, at), sizeof(*region));
    at = 0;
    while (page_table_next(&a->table, vaddr(at), vaddr(VSPACE_END), &one)) {
        assert_true(page_table_next(&b->table, vaddr(at), vaddr(VSPACE_END), &other));
        assert_true(one.va.raw == other.va.raw && one.level == other.level);
        assert_int_equal(one.entry.raw, other.entry.raw);
        at = one.va.raw + page_table_span(one.level);
    }
    assert_false(page_table_next(&b->table, vaddr(at), vaddr(VSPACE_END), &other));
    for (unsigned core = 0; core < MAX_CORES; core++)
        assert_int_equal(!a->retired[core].first, !b->retired[core].first);
}

void world_check_replica(const struct world_space *space, unsigned replica)
{
    check_tree(NULL, &space->replicas[replica]);
}

void world_check(struct world_space *space)
{
    world_advance_all(space);
    check_tree(space->world, &space->replicas[0]);
    for (unsigned i = 1; i < WORLD_REPLICAS; i++)
        check_equal(&space->replicas[0], &space->replicas[i]);
}
