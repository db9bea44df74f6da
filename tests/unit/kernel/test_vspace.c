// SPDX-License-Identifier: BSD-2-Clause
//
// Address spaces, case by case, with replicas that lag behind where it matters.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vspace_world.h"
#include "walker.h"
#include <base/bits.h>
#include <kernel/inject.h>

#define BASE UINT64_C(0x40000000)
#define RW   (VSPACE_READ | VSPACE_WRITE)

static struct world world;
static struct world_space *space;

static int set_up(void **state)
{
    (void)state;
    world_create(&world);
    space = world_space_create(&world);
    return space ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(vspace_close(&space->users[0]), KERR_OK);
    world_space_destroy(space);
    world_destroy(&world);
    return 0;
}

static kerr_t map(uint64_t va, uint64_t pages, uint8_t kind, uint8_t rights, uint64_t pa)
{
    const struct vspace_mapping mapping = {
        .va = va,
        .size = pages * PAGE_4K,
        .kind = kind,
        .rights = rights,
        .allowed = VSPACE_ALL,
        .pa = pa,
        .object = kind >= VSPACE_FILE_PRIVATE ? 1 : 0,
    };
    return vspace_map(&space->users[0], &mapping);
}

static void map_ok(uint64_t va, uint64_t pages, uint8_t kind, uint8_t rights)
{
    assert_int_equal(map(va, pages, kind, rights, 0), KERR_OK);
}

static void unmap_ok(uint64_t va, uint64_t pages)
{
    uint64_t done;
    assert_int_equal(vspace_unmap(&space->users[0], va, pages * PAGE_4K, &done), KERR_OK);
    assert_int_equal(done, va + pages * PAGE_4K);
}

static void protect_ok(uint64_t va, uint64_t pages, unsigned rights)
{
    uint64_t done;
    assert_int_equal(vspace_protect(&space->users[0], va, pages * PAGE_4K, rights, &done), KERR_OK);
}

static uint64_t load(struct world_space *of, uint64_t va)
{
    uint64_t word = UINT64_MAX;
    assert_int_equal(world_load(of, 0, va, &word), KERR_OK);
    return word;
}

static void store(struct world_space *of, uint64_t va, uint64_t word)
{
    assert_int_equal(world_store(of, 0, va, word), KERR_OK);
}

static struct walk walk_at(unsigned replica, uint64_t va)
{
    return hardware_walk(page_table_root(&space->replicas[replica].table), va);
}

static paddr_t new_frames(uint64_t count, uint64_t align)
{
    const struct frame_request request = {.count = count, .align = align};
    paddr_t first;
    assert_int_equal(frames_alloc_range(world.frames, &request, &first), KERR_OK);
    return first;
}

/* --- Fixed cases --- */

static void bad_requests_do_not_reach_the_log(void **state)
{
    (void)state;
    const struct {
        struct vspace_op op;
        kerr_t err;
    } cases[] = {
        {{.kind = VSPACE_UNMAP, .va = BASE + 1, .size = PAGE_4K}, KERR_MISALIGNED},
        {{.kind = VSPACE_UNMAP, .va = BASE, .size = 17}, KERR_MISALIGNED},
        {{.kind = VSPACE_UNMAP, .va = BASE}, KERR_BAD_ADDRESS},
        {{.kind = VSPACE_UNMAP, .va = 0, .size = PAGE_4K}, KERR_BAD_ADDRESS},
        {{.kind = VSPACE_UNMAP, .va = VSPACE_END, .size = PAGE_4K}, KERR_BAD_ADDRESS},
        {{.kind = VSPACE_UNMAP, .va = BASE, .size = -BASE}, KERR_BAD_ADDRESS},
        {{.kind = VSPACE_UNMAP, .va = UINT64_C(1) << 63, .size = PAGE_4K}, KERR_BAD_ADDRESS},
        {{.kind = VSPACE_OPS}, KERR_INVALID},
        {{.kind = VSPACE_CLOSE, .core = MAX_CORES}, KERR_INVALID},
        {{.kind = VSPACE_ADJUST, .va = BASE, .size = PAGE_4K, .rights = 8}, KERR_INVALID},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .region = VSPACE_KINDS}, KERR_INVALID},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .region = VSPACE_ANONYMOUS, .rights = 1},
         KERR_NOT_PERMITTED},
        {{.kind = VSPACE_MAP,
          .va = BASE,
          .size = PAGE_4K,
          .region = VSPACE_FILE_SHARED,
          .offset = 1},
         KERR_MISALIGNED},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .region = VSPACE_ANONYMOUS, .object = 1},
         KERR_INVALID},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .pa = 1, .level = 1}, KERR_MISALIGNED},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .pa = UINT64_C(1) << 52, .level = 1},
         KERR_INVALID},
        {{.kind = VSPACE_MAP, .va = BASE + PAGE_4K, .size = 513 * PAGE_4K, .level = 2}, KERR_RANGE},
        {{.kind = VSPACE_MAP, .va = BASE, .size = PAGE_4K, .level = 4}, KERR_INVALID},
        {{.kind = VSPACE_FILL, .va = BASE, .size = PAGE_4K, .pa = PAGE_4K, .level = 2},
         KERR_MISALIGNED},
        {{.kind = VSPACE_FILL,
          .va = BASE,
          .size = PAGE_4K,
          .level = 1,
          .cow = true,
          .region = VSPACE_FILE_SHARED},
         KERR_INVALID},
        {{.kind = VSPACE_BREAK, .va = BASE, .size = 2 * PAGE_4K}, KERR_INVALID},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        struct vspace_op op = cases[i].op;
        assert_int_equal(vspace_decode(&space->memory, &op), cases[i].err);
    }
    assert_int_equal(space->executed, 0);
}

static void anonymous_memory_is_zero_and_appears_when_touched(void **state)
{
    (void)state;
    map_ok(BASE, 100000, VSPACE_ANONYMOUS, RW);
    assert_false(walk_at(0, BASE).present);
    assert_int_equal(load(space, BASE + 5 * PAGE_4K), 0);
    store(space, BASE + 5 * PAGE_4K, 7);
    store(space, BASE + 99999 * PAGE_4K, 8);
    assert_int_equal(load(space, BASE + 5 * PAGE_4K), 7);
    assert_false(walk_at(0, BASE + 6 * PAGE_4K).present);
    world_check(space);
}

static void an_access_without_right_is_a_true_fault(void **state)
{
    (void)state;
    uint64_t word;
    map_ok(BASE, 1, VSPACE_ANONYMOUS, VSPACE_READ);
    map_ok(BASE + PAGE_4K, 1, VSPACE_ANONYMOUS, 0);
    assert_int_equal(world_store(space, 0, BASE, 1), KERR_BAD_ADDRESS);
    assert_int_equal(vspace_fault(&space->users[0], BASE, VSPACE_EXECUTE), KERR_BAD_ADDRESS);
    assert_int_equal(world_load(space, 0, BASE + PAGE_4K, &word), KERR_BAD_ADDRESS);
    assert_int_equal(world_load(space, 0, BASE + 2 * PAGE_4K, &word), KERR_BAD_ADDRESS);
    assert_int_equal(load(space, BASE), 0);
}

static void given_frames_are_there_at_once_in_large_pages(void **state)
{
    (void)state;
    paddr_t first = new_frames(1024, PAGE_2M);
    uint64_t va = BASE - PAGE_4K;
    paddr_t one = new_frames(1, 0);
    assert_int_equal(map(va, 1, VSPACE_FRAME, RW, one.raw), KERR_OK);
    assert_int_equal(map(BASE, 1024, VSPACE_FRAME, RW, first.raw), KERR_OK);
    assert_int_equal(walk_at(0, BASE).size, PAGE_2M);
    assert_int_equal(walk_at(0, BASE + PAGE_2M + 5).pa, first.raw + PAGE_2M + 5);
    assert_int_equal(btree_count(&space->replicas[0].regions), 1); /* they met */
    unmap_ok(BASE + 3 * PAGE_4K, 1);
    assert_false(walk_at(0, BASE + 3 * PAGE_4K).present);
    assert_int_equal(walk_at(0, BASE + 4 * PAGE_4K).pa, first.raw + 4 * PAGE_4K);
    assert_int_equal(walk_at(0, BASE + PAGE_2M).size, PAGE_2M);
    world_check(space);
}

static void what_is_mapped_is_not_mapped_again(void **state)
{
    (void)state;
    paddr_t frame = new_frames(1, 0);
    map_ok(BASE, 4, VSPACE_ANONYMOUS, RW);
    assert_int_equal(map(BASE + 3 * PAGE_4K, 1, VSPACE_FRAME, RW, frame.raw), KERR_EXISTS);
    assert_int_equal(map(BASE - PAGE_4K, 2, VSPACE_ANONYMOUS, RW, 0), KERR_EXISTS);
    assert_int_equal(map(BASE - PAGE_4K, 6, VSPACE_ANONYMOUS, RW, 0), KERR_EXISTS);
    assert_int_equal(map(BASE + 4 * PAGE_4K, 1, VSPACE_FRAME, RW, frame.raw), KERR_OK);
}

static void regions_split_and_unite(void **state)
{
    (void)state;
    const struct btree *regions = &space->replicas[0].regions;
    map_ok(BASE, 10, VSPACE_FILE_PRIVATE, RW);
    protect_ok(BASE + 3 * PAGE_4K, 2, VSPACE_READ);
    assert_int_equal(btree_count(regions), 3);
    protect_ok(BASE + 3 * PAGE_4K, 1, RW);
    assert_int_equal(btree_count(regions), 3);
    protect_ok(BASE, 10, RW);
    assert_int_equal(btree_count(regions), 1);
    unmap_ok(BASE + PAGE_4K, 1);
    assert_int_equal(btree_count(regions), 2);
    assert_int_equal(load(space, BASE + 2 * PAGE_4K), world_object_word(1, 2));
    map_ok(BASE + PAGE_4K, 1, VSPACE_FILE_PRIVATE, RW); /* of another offset */
    assert_int_equal(btree_count(regions), 3);
    world_check(space);
}

static void memory_without_rights_keeps_its_contents(void **state)
{
    (void)state;
    uint64_t word;
    map_ok(BASE, 3, VSPACE_ANONYMOUS, RW);
    store(space, BASE + PAGE_4K, 99);
    protect_ok(BASE, 3, 0);
    assert_false(walk_at(0, BASE + PAGE_4K).present);
    assert_int_equal(world_load(space, 0, BASE + PAGE_4K, &word), KERR_BAD_ADDRESS);
    world_check(space);
    protect_ok(BASE, 3, VSPACE_READ);
    assert_int_equal(load(space, BASE + PAGE_4K), 99);
}

static void rights_beyond_the_allowed_ones_are_refused(void **state)
{
    (void)state;
    uint64_t done;
    const struct vspace_mapping mapping = {.va = BASE + PAGE_4K,
                                           .size = PAGE_4K,
                                           .kind = VSPACE_FILE_SHARED,
                                           .rights = VSPACE_READ,
                                           .allowed = VSPACE_READ};
    map_ok(BASE, 1, VSPACE_ANONYMOUS, VSPACE_READ);
    assert_int_equal(vspace_map(&space->users[0], &mapping), KERR_OK);
    assert_int_equal(vspace_protect(&space->users[0], BASE, 2 * PAGE_4K, RW, &done),
                     KERR_NOT_PERMITTED);
    assert_int_equal(done, BASE + PAGE_4K);
    assert_int_equal(vspace_protect(&space->users[0], BASE + PAGE_4K, 2 * PAGE_4K, 0, &done),
                     KERR_BAD_ADDRESS);
    assert_int_equal(done, BASE + 2 * PAGE_4K);
    store(space, BASE, 1);
}

static void a_large_unmap_is_several_operations(void **state)
{
    (void)state;
    map_ok(BASE, 4000, VSPACE_ANONYMOUS, RW);
    for (uint64_t i = 0; i < 2000; i++)
        store(space, BASE + 2 * i * PAGE_4K, i);
    uint64_t before = space->executed;
    unmap_ok(BASE + PAGE_4K, 3998);
    assert_true(space->executed - before >= 1999 / VSPACE_PIECES);
    assert_int_equal(load(space, BASE), 0);
    for (uint64_t i = 0; i < 100; i++)
        map_ok(BASE + (2 * i + 2) * PAGE_4K, 1, i % 2 ? VSPACE_ANONYMOUS : VSPACE_FILE_SHARED, RW);
    before = space->executed;
    unmap_ok(BASE, 4000);
    assert_true(space->executed - before >= 100 / VSPACE_MAX_TOUCHED);
    assert_int_equal(btree_count(&space->replicas[0].regions), 0);
    world_check(space);
}

static void the_loser_of_a_fill_learns_it(void **state)
{
    (void)state;
    map_ok(BASE, 1, VSPACE_ANONYMOUS, RW);
    paddr_t frames[2] = {new_frames(1, 0), new_frames(1, 0)};
    for (unsigned i = 0; i < 2; i++) {
        struct vspace_op op = {.kind = VSPACE_FILL,
                               .core = i,
                               .region = VSPACE_ANONYMOUS,
                               .level = 1,
                               .va = BASE,
                               .size = PAGE_4K,
                               .pa = frames[i].raw};
        assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
        struct vspace_answer answer = space->users[i].execute(&space->users[i], &op);
        assert_int_equal(answer.used, i == 0);
        assert_int_equal(answer.err, i == 0 ? KERR_OK : KERR_EXISTS);
    }
    assert_int_equal(walk_at(1, BASE).pa, frames[0].raw);
    assert_int_equal(frames_free(world.frames, frames[1], FRAME_SMALL), KERR_OK);
}

static void a_fill_for_what_is_no_longer_there_is_not_used(void **state)
{
    (void)state;
    paddr_t frame = new_frames(1, 0);
    struct vspace_op op = {.kind = VSPACE_FILL,
                           .region = VSPACE_FILE_SHARED,
                           .level = 1,
                           .va = BASE,
                           .size = PAGE_4K,
                           .pa = frame.raw,
                           .object = 1,
                           .offset = PAGE_4K};
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    assert_int_equal(space->users[0].execute(&space->users[0], &op).err, KERR_BAD_ADDRESS);
    map_ok(BASE, 1, VSPACE_FILE_SHARED, RW); /* offset 0 */
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    assert_int_equal(space->users[0].execute(&space->users[0], &op).err, KERR_AGAIN);
    assert_int_equal(frames_free(world.frames, frame, FRAME_SMALL), KERR_OK);
}

static void a_walker_ahead_of_its_replica_is_told_to_go_on(void **state)
{
    (void)state;
    map_ok(BASE, 1, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 5);
    assert_false(walk_at(2, BASE).present); /* core 2 has seen nothing of this */
    uint64_t before = space->executed;
    uint64_t word;
    assert_int_equal(world_load(space, 2, BASE, &word), KERR_OK);
    assert_int_equal(word, 5);
    assert_int_equal(space->executed, before); /* the fault filled nothing */
}

static void no_replica_shows_a_page_after_its_unmap_returned(void **state)
{
    (void)state;
    map_ok(BASE, 2, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 5);
    world_advance_all(space);
    uint64_t before = space->flushes;
    unmap_ok(BASE, 1);
    assert_int_equal(space->flushes, before + 1);
    for (unsigned i = 0; i < WORLD_REPLICAS; i++)
        assert_false(walk_at(i, BASE).present);
    unmap_ok(BASE + PAGE_4K, 1); /* never touched */
    assert_int_equal(space->flushes, before + 1);
}

static paddr_t watched;
static uint64_t owners_at_flush;

static void count_owners(struct world_space *of)
{
    owners_at_flush = frame_shares_owners(of->world->shares, watched);
}

static void frames_are_released_after_the_flush(void **state)
{
    (void)state;
    map_ok(BASE, 1, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 1);
    watched = paddr(walk_at(0, BASE).pa);
    assert_int_equal(frame_shares_add(world.shares, watched, 1), KERR_OK); /* for the test */
    space->at_flush = count_owners;
    unmap_ok(BASE, 1);
    assert_int_equal(owners_at_flush, 2);
    assert_int_equal(frame_shares_release(world.shares, world.frames, watched, 1), 1);
}

static void a_table_without_present_pages_is_flushed_too(void **state)
{
    (void)state;
    map_ok(BASE, 2, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 1);
    store(space, BASE + PAGE_4K, 1);
    protect_ok(BASE, 2, 0);
    uint64_t before = space->flushes;
    unmap_ok(BASE, 1);
    assert_int_equal(space->flushes, before); /* it was not present */
    unmap_ok(BASE + PAGE_4K, 1);
    assert_int_equal(space->flushes, before + 1); /* but the table goes */
}

/* Device memory, as the hosted machine has no such large frames. */
static void pages_of_1_gib_split_at_both_ends_of_a_range(void **state)
{
    (void)state;
    const uint64_t pa = 64 * PAGE_1G;
    uint64_t done;
    const struct vspace_mapping mapping = {.va = 2 * PAGE_1G,
                                           .size = 3 * PAGE_1G,
                                           .kind = VSPACE_DEVICE,
                                           .rights = RW,
                                           .allowed = RW,
                                           .pa = pa};
    assert_int_equal(vspace_map(&space->users[0], &mapping), KERR_OK);
    assert_int_equal(walk_at(0, 3 * PAGE_1G).size, PAGE_1G);
    assert_int_equal(vspace_protect(&space->users[0], 3 * PAGE_1G - PAGE_4K, PAGE_1G + 2 * PAGE_4K,
                                    VSPACE_READ, &done),
                     KERR_OK);
    assert_int_equal(walk_at(0, 3 * PAGE_1G - PAGE_4K).size, PAGE_4K);
    assert_int_equal(walk_at(0, 3 * PAGE_1G).size, PAGE_1G);
    assert_int_equal(walk_at(0, 4 * PAGE_1G + PAGE_2M).size, PAGE_2M);
    for (uint64_t va = 2 * PAGE_1G; va < 5 * PAGE_1G; va += 255 * PAGE_4K)
        assert_int_equal(walk_at(0, va).pa, va - 2 * PAGE_1G + pa);
    assert_true(walk_at(0, 4 * PAGE_1G + PAGE_4K).writable);
    assert_false(walk_at(0, 4 * PAGE_1G).writable);
    world_check(space);
}

static void device_memory_is_uncached_and_not_cloned(void **state)
{
    (void)state;
    struct world_space *child = world_space_create(&world);
    uint64_t word;
    struct pt_leaf leaf;
    assert_int_equal(map(BASE, 2, VSPACE_DEVICE, RW, UINT64_C(0xfee00000)), KERR_OK);
    assert_true(page_table_find(&space->replicas[0].table, vaddr(BASE), &leaf));
    assert_true(leaf.entry.no_cache && leaf.entry.write_through);
    assert_int_equal(walk_at(0, BASE + PAGE_4K).pa, UINT64_C(0xfee01000));
    assert_int_equal(vspace_clone(&space->users[0], &child->users[0]), KERR_OK);
    assert_int_equal(world_load(child, 0, BASE, &word), KERR_BAD_ADDRESS);
    assert_int_equal(vspace_close(&child->users[0]), KERR_OK);
    world_space_destroy(child);
}

static void a_clone_sees_what_was_and_not_what_comes(void **state)
{
    (void)state;
    struct world_space *child = world_space_create(&world);
    paddr_t large = new_frames(512, PAGE_2M), shared = new_frames(2, 0);
    map_ok(BASE, 10, VSPACE_ANONYMOUS, RW);
    map_ok(BASE + 10 * PAGE_4K, 4, VSPACE_FILE_SHARED, RW);
    assert_int_equal(map(BASE + PAGE_2M, 512, VSPACE_FRAME, RW, large.raw), KERR_OK);
    assert_int_equal(map(BASE + 2 * PAGE_2M, 2, VSPACE_SHARED, RW, shared.raw), KERR_OK);
    store(space, BASE, 1);
    store(space, BASE + 10 * PAGE_4K, 2);
    store(space, BASE + PAGE_2M, 3);
    store(space, BASE + 2 * PAGE_2M, 4);
    assert_int_equal(vspace_clone(&space->users[0], &child->users[0]), KERR_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct world_space *one = i ? child : space;
        assert_int_equal(load(one, BASE), 1);
        assert_int_equal(load(one, BASE + 10 * PAGE_4K), 2);
        assert_int_equal(load(one, BASE + PAGE_2M), 3);
        assert_int_equal(load(one, BASE + 2 * PAGE_2M), 4);
        world_check(one);
    }
    store(space, BASE, 11);
    store(space, BASE + 10 * PAGE_4K, 12);
    store(child, BASE + PAGE_2M, 13);
    store(space, BASE + 2 * PAGE_2M, 14);
    assert_int_equal(load(child, BASE), 1);
    assert_int_equal(load(child, BASE + 10 * PAGE_4K), 12); /* shared */
    assert_int_equal(load(space, BASE + PAGE_2M), 3);
    assert_int_equal(load(child, BASE + 2 * PAGE_2M), 14); /* shared */
    world_check(child);
    assert_int_equal(vspace_close(&child->users[0]), KERR_OK);
    world_space_destroy(child);
    /* The only owner again: writing copies nothing. */
    struct walk before = walk_at(0, BASE + PAGE_2M + PAGE_4K);
    store(space, BASE + PAGE_2M + PAGE_4K, 1);
    assert_int_equal(walk_at(0, BASE + PAGE_2M + PAGE_4K).pa, before.pa);
    world_check(space);
}

static void while_a_clone_is_made_all_else_waits(void **state)
{
    (void)state;
    struct vspace_answer answer;
    struct vspace_op op = {.kind = VSPACE_CLONE_BEGIN};
    uint64_t done, word;
    map_ok(BASE, 2, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 3);
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    answer = space->users[0].execute(&space->users[0], &op);
    assert_int_equal(answer.err, KERR_OK);
    assert_int_equal(vspace_unmap(&space->users[1], BASE, PAGE_4K, &done), KERR_AGAIN);
    assert_int_equal(vspace_fault(&space->users[1], BASE + PAGE_4K, VSPACE_READ), KERR_AGAIN);
    assert_int_equal(vspace_close(&space->users[1]), KERR_AGAIN);
    assert_int_equal(map(BASE + PAGE_2M, 1, VSPACE_ANONYMOUS, RW, 0), KERR_AGAIN);
    assert_int_equal(world_load(space, 1, BASE, &word), KERR_OK); /* that is no fault */
    op.kind = VSPACE_CLONE_END;
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    answer = space->users[0].execute(&space->users[0], &op);
    assert_int_equal(answer.err, KERR_OK);
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    answer = space->users[0].execute(&space->users[0], &op);
    assert_int_equal(answer.err, KERR_INVALID);
    store(space, BASE + PAGE_4K, 3);
}

static void a_break_for_a_page_of_before_a_clone_is_refused(void **state)
{
    (void)state;
    struct world_space *child = world_space_create(&world);
    map_ok(BASE, 1, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 3);
    assert_int_equal(vspace_clone(&space->users[0], &child->users[0]), KERR_OK);
    assert_int_equal(vspace_close(&child->users[0]), KERR_OK);
    world_space_destroy(child);
    /* The only owner, so it would stay. Meanwhile somebody makes a second clone. */
    const struct vspace_query query = {.question = VSPACE_RESOLVE, .access = RW, .va = BASE};
    struct vspace_result seen = space->users[0].query(&space->users[0], &query);
    assert_int_equal(seen.verdict, VSPACE_COPY);
    child = world_space_create(&world);
    assert_int_equal(vspace_clone(&space->users[1], &child->users[0]), KERR_OK);
    struct vspace_op op = {.kind = VSPACE_BREAK,
                           .va = BASE,
                           .size = PAGE_4K,
                           .expect = seen.pa,
                           .generation = seen.generation};
    assert_int_equal(vspace_decode(&space->memory, &op), KERR_OK);
    assert_int_equal(space->users[0].execute(&space->users[0], &op).err, KERR_AGAIN);
    store(space, BASE, 4);
    assert_int_equal(load(child, BASE), 3);
    assert_int_equal(vspace_close(&child->users[0]), KERR_OK);
    world_space_destroy(child);
}

static void a_closed_space_takes_nothing(void **state)
{
    (void)state;
    map_ok(BASE, 2, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 1);
    assert_int_equal(vspace_close(&space->users[0]), KERR_OK);
    assert_int_equal(map(BASE, 1, VSPACE_ANONYMOUS, RW, 0), KERR_NOT_PERMITTED);
    assert_int_equal(vspace_fault(&space->users[0], BASE, VSPACE_READ), KERR_BAD_ADDRESS);
}

/* A table that was unlinked may still be known to a core until that has flushed; the next operation
 * of who unlinked it says so. */
static void unlinked_tables_wait_for_the_next_operation_of_their_core(void **state)
{
    (void)state;
    map_ok(BASE, 1, VSPACE_ANONYMOUS, RW);
    store(space, BASE, 1);
    unmap_ok(BASE, 1);
    for (unsigned i = 0; i < WORLD_REPLICAS; i++)
        assert_non_null(space->replicas[i].retired[0].first);
    assert_int_equal(vspace_fault(&space->users[1], BASE, VSPACE_READ), KERR_BAD_ADDRESS);
    uint64_t done;
    assert_int_equal(vspace_unmap(&space->users[1], BASE, PAGE_4K, &done), KERR_OK);
    assert_non_null(space->replicas[1].retired[0].first);
    unmap_ok(BASE, 1);
    assert_null(space->replicas[0].retired[0].first);
}

static void a_late_replica_is_a_copy(void **state)
{
    (void)state;
    struct vspace copy;
    struct detmem_pool *pool;
    struct slab_stats before, after;
    for (unsigned i = 0; i < 40; i++) {
        map_ok(BASE + 2 * i * PAGE_4K, 1, VSPACE_ANONYMOUS, RW);
        store(space, BASE + 2 * i * PAGE_4K, i);
    }
    map_ok(BASE + PAGE_1G, 1, VSPACE_ANONYMOUS, RW);
    store(space, BASE + PAGE_1G, 1);
    unmap_ok(BASE + PAGE_1G, 1); /* leaves retired tables */
    world_advance_all(space);
    assert_int_equal(detmem_join(space->memory.detmem, 1, space->pools[0], &pool), KERR_OK);
    slab_stats(world.slab, &before);
    uint64_t n = 0;
    kerr_t err;
    do {
        slab_stats(world.slab, &after);
        assert_int_equal(after.objects, before.objects);
        inject_arm(++n, false);
        err = vspace_copy(&copy, &space->replicas[0], pool);
        inject_arm(0, false);
    } while (err);
    assert_true(n > 40);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(hardware_walk(page_table_root(&copy.table), BASE + 2 * i * PAGE_4K).pa,
                         walk_at(0, BASE + 2 * i * PAGE_4K).pa);
    assert_non_null(copy.retired[0].first);
    const uint64_t before_tail = space->tail;
    unmap_ok(BASE, 80);
    for (uint64_t at = before_tail; at < space->tail; at++)
        (void)vspace_apply(&copy, &space->log[at % WORLD_LOG]);
    vspace_fini(&copy);
    detmem_leave(pool);
}

/* --- Failures --- */

static kerr_t scenario(uint64_t *done)
{
    kerr_t err = map(BASE, 8, VSPACE_ANONYMOUS, RW, 0);
    if (!err)
        err = world_store(space, 0, BASE + PAGE_4K, 1);
    if (!err)
        err = map(BASE + 8 * PAGE_4K, 8, VSPACE_FILE_PRIVATE, RW, 0);
    if (!err)
        err = vspace_fault(&space->users[1], BASE + 8 * PAGE_4K, VSPACE_READ);
    if (!err)
        err = world_store(space, 1, BASE + 8 * PAGE_4K, 1);
    if (!err)
        err = world_store(space, 1, BASE + 9 * PAGE_4K, 1);
    if (!err)
        err = vspace_protect(&space->users[1], BASE + 2 * PAGE_4K, 2 * PAGE_4K, 0, done);
    struct world_space *child = err ? NULL : world_space_create(&world);
    if (!child)
        return err ? err : KERR_NO_MEMORY;
    err = vspace_clone(&space->users[0], &child->users[0]);
    if (!err)
        err = world_store(child, 2, BASE + PAGE_4K, 2);
    if (!err)
        err = vspace_unmap(&space->users[1], BASE + 3 * PAGE_4K, 3 * PAGE_4K, done);
    assert_int_equal(vspace_close(&child->users[0]), KERR_OK);
    world_space_destroy(child);
    return err;
}

static void each_failure_is_survived_and_nothing_is_lost(void **state)
{
    (void)state;
    uint64_t done, n = 0;
    unsigned failures = 0;
    bool fired;
    do {
        inject_arm(++n, true); /* for good: reclaiming does not help */
        kerr_t err = scenario(&done);
        fired = inject_fired();
        failures += err != KERR_OK;
        /* A process can be ended without any memory. */
        assert_int_equal(vspace_close(&space->users[0]), KERR_OK);
        inject_arm(0, false);
        /* Where less memory would do, a failure to get more of it is no error. */
        assert_true(err == KERR_OK || (fired && err == KERR_NO_MEMORY));
        world_space_destroy(space);
        world_destroy(&world); /* asserts that all is back */
        world_create(&world);
        space = world_space_create(&world);
        assert_non_null(space);
    } while (fired);
    assert_true(failures > 30);
}

static void shares_count_owners(void **state)
{
    (void)state;
    paddr_t first = new_frames(3, 0);
    assert_int_equal(frame_shares_owners(world.shares, first), 1);
    assert_int_equal(frame_shares_add(world.shares, first, 3), KERR_OK);
    assert_int_equal(frame_shares_add(world.shares, paddr_add(first, PAGE_4K), 1), KERR_OK);
    assert_int_equal(frame_shares_owners(world.shares, paddr_add(first, PAGE_4K)), 3);
    assert_int_equal(frame_shares_release(world.shares, world.frames, first, 3), 0);
    assert_int_equal(frame_shares_release(world.shares, world.frames, first, 3), 2);
    assert_int_equal(frame_shares_release(world.shares, world.frames, paddr_add(first, PAGE_4K), 1),
                     1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(bad_requests_do_not_reach_the_log),
        CASE(anonymous_memory_is_zero_and_appears_when_touched),
        CASE(an_access_without_right_is_a_true_fault),
        CASE(given_frames_are_there_at_once_in_large_pages),
        CASE(what_is_mapped_is_not_mapped_again),
        CASE(regions_split_and_unite),
        CASE(memory_without_rights_keeps_its_contents),
        CASE(rights_beyond_the_allowed_ones_are_refused),
        CASE(a_large_unmap_is_several_operations),
        CASE(the_loser_of_a_fill_learns_it),
        CASE(a_fill_for_what_is_no_longer_there_is_not_used),
        CASE(a_walker_ahead_of_its_replica_is_told_to_go_on),
        CASE(no_replica_shows_a_page_after_its_unmap_returned),
        CASE(frames_are_released_after_the_flush),
        CASE(a_table_without_present_pages_is_flushed_too),
        CASE(pages_of_1_gib_split_at_both_ends_of_a_range),
        CASE(device_memory_is_uncached_and_not_cloned),
        CASE(a_clone_sees_what_was_and_not_what_comes),
        CASE(while_a_clone_is_made_all_else_waits),
        CASE(a_break_for_a_page_of_before_a_clone_is_refused),
        CASE(a_closed_space_takes_nothing),
        CASE(unlinked_tables_wait_for_the_next_operation_of_their_core),
        CASE(a_late_replica_is_a_copy),
        CASE(each_failure_is_survived_and_nothing_is_lost),
        CASE(shares_count_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
