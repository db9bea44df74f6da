// SPDX-License-Identifier: BSD-2-Clause

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include <kernel/frames.h>
#include <string.h>

#define MAX_PIECES 512

static struct memory_piece pieces[MAX_PIECES];
static size_t n_pieces;

static void collect(void *context, const struct memory_piece *piece)
{
    (void)context;
    assert_true(n_pieces < MAX_PIECES);
    pieces[n_pieces++] = *piece;
}

static void walk(const struct memory_range *ranges, size_t n_ranges,
                 const struct memory_affinity *affinities, size_t n_affinities)
{
    struct memmap map = {ranges, n_ranges, affinities, n_affinities};
    n_pieces = 0;
    memmap_walk(&map, collect, NULL);
}

static void expect_piece(size_t i, uint64_t base, uint64_t end, node_id_t node, bool in_use)
{
    assert_true(i < n_pieces);
    assert_true(pieces[i].base == base && pieces[i].end == end);
    assert_int_equal(pieces[i].node, node);
    assert_int_equal(pieces[i].in_use, in_use);
}

static void no_ranges_mean_no_memory(void **state)
{
    (void)state;
    static const struct memory_range empty[] = {{0x1000, 0, MEMORY_USABLE}};
    walk(NULL, 0, NULL, 0);
    assert_int_equal(n_pieces, 0);
    walk(empty, 1, NULL, 0);
    assert_int_equal(n_pieces, 0);
}

static void a_pc_map_comes_out_sorted(void **state)
{
    (void)state;
    static const struct memory_range ranges[] = {
        {0x100000, 0x7ee0000, MEMORY_USABLE}, {0xf0000, 0x10000, MEMORY_RESERVED},
        {0, 0x9fc00, MEMORY_USABLE},          {0x9fc00, 0x400, MEMORY_RESERVED},
        {0x200000, 0x300000, MEMORY_IN_USE},
    };
    walk(ranges, 5, NULL, 0);
    assert_int_equal(n_pieces, 4);
    expect_piece(0, 0x1000, 0x9f000, 0, false);
    expect_piece(1, 0x100000, 0x200000, 0, false);
    expect_piece(2, 0x200000, 0x500000, 0, true);
    expect_piece(3, 0x500000, 0x7fe0000, 0, false);
}

static void reserved_wins_over_usable(void **state)
{
    (void)state;
    static const struct memory_range ranges[] = {
        {0x10000, 0x10000, MEMORY_USABLE},
        {0x14fff, 2, MEMORY_RESERVED},
        {0x18000, 0x1000, MEMORY_IN_USE},
        {0x18800, 1, MEMORY_RESERVED},
    };
    walk(ranges, 4, NULL, 0);
    assert_int_equal(n_pieces, 3);
    expect_piece(0, 0x10000, 0x14000, 0, false);
    expect_piece(1, 0x16000, 0x18000, 0, false);
    expect_piece(2, 0x19000, 0x20000, 0, false);
}

static void neighbours_share_a_frame(void **state)
{
    (void)state;
    static const struct memory_range whole[] = {
        {0x1800, 0x1800, MEMORY_USABLE},
        {0x1000, 0x800, MEMORY_USABLE},
        {0x3000, 0x900, MEMORY_USABLE},
    };
    static const struct memory_range gap[] = {
        {0x1000, 0x800, MEMORY_USABLE},
        {0x1801, 0x17ff, MEMORY_USABLE},
    };
    walk(whole, 3, NULL, 0);
    assert_int_equal(n_pieces, 1);
    expect_piece(0, 0x1000, 0x3000, 0, false);
    walk(gap, 2, NULL, 0);
    assert_int_equal(n_pieces, 1);
    expect_piece(0, 0x2000, 0x3000, 0, false);
}

static void pieces_end_at_node_borders(void **state)
{
    (void)state;
    static const struct memory_range ranges[] = {{0x10000, 0x30000, MEMORY_USABLE}};
    static const struct memory_affinity affinities[] = {
        {0x20800, 0x8000, 2}, {0, 0x20800, 1}, {0x28000, 0x100000, 3}};
    walk(ranges, 1, affinities, 3);
    assert_int_equal(n_pieces, 3);
    expect_piece(0, 0x10000, 0x21000, 1, false);
    expect_piece(1, 0x21000, 0x29000, 2, false);
    expect_piece(2, 0x29000, 0x40000, 3, false);
}

static void addresses_beyond_the_architecture_are_cut(void **state)
{
    (void)state;
    uint64_t limit = UINT64_C(1) << 52;
    const struct memory_range ranges[] = {
        {limit - 0x2000, UINT64_MAX, MEMORY_USABLE},
        {UINT64_MAX - 0x1000, 0x1000, MEMORY_USABLE},
        {UINT64_MAX, UINT64_MAX, MEMORY_RESERVED},
    };
    walk(ranges, 3, NULL, 0);
    assert_int_equal(n_pieces, 1);
    expect_piece(0, limit - 0x2000, limit, 0, false);
}

/* --- Against a model that looks at every byte --- */

#define N_FRAMES 48
#define N_BYTES  (N_FRAMES * 64) /* frames are 64 bytes in the model, scaled up for the code */
#define SCALE    (FRAME_SIZE / 64)

static bool in_range(uint64_t at, uint64_t base, uint64_t size)
{
    return at >= base && at - base < size;
}

/* What memmap_walk() should say of a frame: -1 not ours, else node * 2 + in_use. */
static int classify(const struct memory_range *ranges, size_t n_ranges,
                    const struct memory_affinity *affinities, size_t n_affinities, uint64_t frame)
{
    bool in_use = false;
    for (uint64_t byte = frame * 64; byte < frame * 64 + 64; byte++) {
        bool ram = false;
        for (size_t i = 0; i < n_ranges; i++) {
            if (!in_range(byte * SCALE, ranges[i].base, ranges[i].size))
                continue;
            if (ranges[i].kind == MEMORY_RESERVED)
                return -1;
            ram = true;
            in_use |= ranges[i].kind == MEMORY_IN_USE;
        }
        if (!ram)
            return -1;
    }
    for (size_t i = 0; i < n_affinities; i++) {
        if (in_range(frame * FRAME_SIZE, affinities[i].base, affinities[i].size))
            return (int)affinities[i].node * 2 + in_use;
    }
    return in_use;
}

static void random_maps_agree_with_the_model(void **state)
{
    (void)state;
    struct random random = {random_seed("random_maps_agree_with_the_model")};
    for (int round = 0; round < 3000; round++) {
        struct memory_range ranges[12];
        struct memory_affinity affinities[5];
        size_t n_ranges = random_below(&random, 13);
        size_t n_affinities = random_below(&random, 6);
        for (size_t i = 0; i < n_ranges; i++)
            ranges[i] = (struct memory_range){random_below(&random, N_BYTES) * SCALE,
                                              random_below(&random, N_BYTES / 2) * SCALE,
                                              (enum memory_kind)(random_below(&random, 5) % 3)};
        for (size_t i = 0; i < n_affinities; i++)
            affinities[i] = (struct memory_affinity){random_below(&random, N_BYTES) * SCALE,
                                                     random_below(&random, N_BYTES) * SCALE,
                                                     (node_id_t)random_below(&random, 4)};
        walk(ranges, n_ranges, affinities, n_affinities);
        int found[2 * N_FRAMES];
        memset(found, -1, sizeof(found));
        for (size_t i = 0; i < n_pieces; i++) {
            assert_true(pieces[i].base < pieces[i].end);
            assert_true(i == 0 || pieces[i].base >= pieces[i - 1].end);
            for (uint64_t f = pieces[i].base / FRAME_SIZE; f < pieces[i].end / FRAME_SIZE; f++)
                found[f] = (int)pieces[i].node * 2 + pieces[i].in_use;
        }
        assert_int_equal(found[0], -1);
        for (uint64_t f = 1; f < 2 * N_FRAMES; f++)
            assert_int_equal(found[f], classify(ranges, n_ranges, affinities, n_affinities, f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_ranges_mean_no_memory),
        cmocka_unit_test(a_pc_map_comes_out_sorted),
        cmocka_unit_test(reserved_wins_over_usable),
        cmocka_unit_test(neighbours_share_a_frame),
        cmocka_unit_test(pieces_end_at_node_borders),
        cmocka_unit_test(addresses_beyond_the_architecture_are_cut),
        cmocka_unit_test(random_maps_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
