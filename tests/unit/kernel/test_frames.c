// SPDX-License-Identifier: BSD-2-Clause
//
// The frame allocator on a simulated machine: fixed cases, random operations against a model of who
// owns which frame, and several threads as cores. Built for the checked and the plain kernel.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include <base/bits.h>
#include <hosted/hosted.h>
#include <kernel/frames.h>
#include <kernel/inject.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct frames *frames;

/* Three nodes; the borders are not those of 2 MiB frames, and node 2 is in two places. */
static const struct memory_range ranges[] = {
    {0x100000, 96 * MIB - 0x100000, MEMORY_USABLE},
    {0, 0x9fc00, MEMORY_USABLE},
    {1 * MIB, 3 * MIB, MEMORY_IN_USE},
    {48 * MIB, 0x5000, MEMORY_RESERVED},
    {112 * MIB, 17 * MIB + 0x3000, MEMORY_USABLE},
};
static const struct memory_affinity affinities[] = {
    {0, 33 * MIB, 0},
    {33 * MIB, 31 * MIB, 1},
    {64 * MIB, 200 * MIB, 2},
};
static const uint8_t distances[] = {10, 30, 20, 30, 10, 20, 20, 30, 10};
static const node_id_t core_nodes[] = {0, 0, 1, 2};

#define N_CORES  4
#define N_NODES  3
#define N_FRAMES (130 * MIB / FRAME_SIZE)

static const struct frames_config config = {
    .map = {ranges, array_count(ranges), affinities, array_count(affinities)},
    .n_nodes = N_NODES,
    .distances = distances,
    .n_cores = N_CORES,
    .core_nodes = core_nodes,
};

static int set_up(void **state)
{
    (void)state;
    hosted_set_core(0);
    hosted_ram_create(256 * MIB);
    return frames_create(&config, &frames);
}

static int tear_down(void **state)
{
    (void)state;
    hosted_ram_destroy();
    return 0;
}

static struct frame_node_stats node_stats(node_id_t node)
{
    struct frame_node_stats stats;
    frames_node_stats(frames, node, &stats);
    return stats;
}

static uint64_t n_free(void)
{
    uint64_t n = 0;
    for (node_id_t i = 0; i < N_NODES; i++)
        n += node_stats(i).free;
    return n;
}

static paddr_t must_alloc(node_id_t node, enum frame_class class)
{
    paddr_t frame;
    assert_int_equal(frames_alloc(frames, node, class, FRAME_THIS_NODE, &frame), KERR_OK);
    return frame;
}

static void frames_come_from_the_node_asked_for(void **state)
{
    (void)state;
    for (node_id_t node = 0; node < N_NODES; node++) {
        for (int class = FRAME_SMALL; class <= FRAME_LARGE; class ++) {
            paddr_t frame = must_alloc(node, (enum frame_class) class);
            node_id_t owner;
            assert_int_equal(frames_node_of(frames, frame, &owner), KERR_OK);
            assert_int_equal(owner, node);
            assert_int_equal(frames_free(frames, frame, (enum frame_class) class), KERR_OK);
        }
    }
}

/* Overwrites frames, so that the allocator cannot have anything of its own in them. */
static void scribble(const paddr_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memset(arch_phys_to_virt(list[i]), 0x55, FRAME_SIZE);
}

static void every_usable_frame_can_be_had_and_returned(void **state)
{
    (void)state;
    uint64_t expected = 0;
    static paddr_t all[N_FRAMES];
    struct frame_node_stats before[N_NODES];
    for (node_id_t i = 0; i < N_NODES; i++) {
        before[i] = node_stats(i);
        expected += before[i].free;
    }
    size_t n = 0;
    while (frames_alloc(frames, 1, FRAME_SMALL, FRAME_ANY_NODE, &all[n]) == KERR_OK)
        n++;
    assert_int_equal(n, expected);
    assert_int_equal(n_free(), 0);
    scribble(all, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(frames_free(frames, all[i], FRAME_SMALL), KERR_OK);
    frames_drain(frames);
    for (node_id_t i = 0; i < N_NODES; i++) {
        assert_int_equal(node_stats(i).free, before[i].free);
        assert_int_equal(node_stats(i).free_large, before[i].free_large);
    }
}

static void memory_adds_up(void **state)
{
    (void)state;
    uint64_t total = 0;
    for (node_id_t i = 0; i < N_NODES; i++)
        total += node_stats(i).total + node_stats(i).state;
    /* 0x9f000 below 1 MiB but for frame 0, 95 MiB less the reserved 5 frames, and the 17 MiB. */
    assert_int_equal(total, 0x9e + 95 * 256 - 5 + 17 * 256 + 3);
    assert_int_equal(node_stats(0).total - node_stats(0).free, 3 * 256);
}

static void a_split_frame_merges_when_all_of_it_came_back(void **state)
{
    (void)state;
    paddr_t large = must_alloc(1, FRAME_LARGE);
    struct frame_node_stats before = node_stats(1);
    for (uint64_t i = 0; i < FRAMES_PER_LARGE; i++) {
        assert_int_equal(node_stats(1).merges, before.merges);
        assert_int_equal(frames_free(frames, paddr_add(large, i * FRAME_SIZE), FRAME_SMALL),
                         KERR_OK);
        frames_drain(frames);
    }
    assert_int_equal(node_stats(1).merges, before.merges + 1);
    assert_int_equal(node_stats(1).free_large, before.free_large + 1);
}

static void small_frames_assemble_to_a_large_one(void **state)
{
    (void)state;
    struct frame_request request = {
        .count = FRAMES_PER_LARGE, .align = LARGE_FRAME_SIZE, .node = 2};
    paddr_t first;
    uint64_t before = n_free();
    assert_int_equal(frames_alloc_range(frames, &request, &first), KERR_OK);
    assert_int_equal(frames_free(frames, first, FRAME_LARGE), KERR_OK);
    frames_drain(frames);
    assert_int_equal(n_free(), before);
}

static void another_node_helps_by_distance(void **state)
{
    (void)state;
    static const node_id_t nearest[N_NODES][N_NODES] = {{0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
    for (node_id_t i = 0; i < N_NODES; i++) {
        for (unsigned j = 0; j < N_NODES; j++)
            assert_int_equal(frames_nearest(frames, i, j), nearest[i][j]);
    }
    paddr_t frame;
    node_id_t owner = 0;
    node_id_t previous = 0;
    unsigned at = 0;
    while (frames_alloc(frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &frame) == KERR_OK) {
        assert_int_equal(frames_node_of(frames, frame, &owner), KERR_OK);
        if (owner != previous)
            assert_int_equal(owner, nearest[0][++at]);
        previous = owner;
    }
    assert_int_equal(at, N_NODES - 1);
    assert_true(node_stats(2).lent > 0 && node_stats(1).lent > 0);
}

static void no_other_node_helps_if_forbidden(void **state)
{
    (void)state;
    paddr_t frame;
    while (frames_alloc(frames, 1, FRAME_SMALL, FRAME_THIS_NODE, &frame) == KERR_OK) {
        node_id_t owner;
        assert_int_equal(frames_node_of(frames, frame, &owner), KERR_OK);
        assert_int_equal(owner, 1);
    }
    assert_int_equal(node_stats(1).free, 0);
    assert_int_equal(frames_alloc(frames, 1, FRAME_LARGE, FRAME_THIS_NODE, &frame), KERR_NO_MEMORY);
    assert_int_equal(frames_alloc(frames, 1, FRAME_SMALL, FRAME_ANY_NODE, &frame), KERR_OK);
}

static void frames_cached_by_other_cores_are_found(void **state)
{
    (void)state;
    paddr_t kept = must_alloc(0, FRAME_SMALL); /* fills the cache of core 0 */
    hosted_set_core(1);
    paddr_t frame;
    uint64_t n = 0;
    uint64_t expected = node_stats(0).free;
    struct frame_core_stats core;
    frames_core_stats(frames, 0, &core);
    assert_true(core.small_cached > 0);
    while (frames_alloc(frames, 0, FRAME_SMALL, FRAME_THIS_NODE, &frame) == KERR_OK)
        n++;
    assert_int_equal(n, expected + core.small_cached);
    assert_int_equal(frames_free(frames, kept, FRAME_SMALL), KERR_OK);
}

static void memory_in_use_at_boot_can_be_freed(void **state)
{
    (void)state;
    uint64_t before = n_free();
    assert_int_equal(frames_free_range(frames, paddr(1 * MIB), 3 * 256), KERR_OK);
    assert_int_equal(n_free(), before + 3 * 256);
    assert_int_equal(frames_free_range(frames, paddr(1 * MIB), 3 * 256), KERR_DOUBLE_FREE);
    assert_int_equal(n_free(), before + 3 * 256);
}

static void a_double_free_is_detected(void **state)
{
    (void)state;
    for (int class = FRAME_SMALL; class <= FRAME_LARGE; class ++) {
        paddr_t frame = must_alloc(0, (enum frame_class) class);
        assert_int_equal(frames_free(frames, frame, (enum frame_class) class), KERR_OK);
        if (!KERNEL_CHECKED)
            frames_drain(frames); /* only then does the plain kernel know */
        hosted_set_core(2);       /* a core of another node goes to the node at once */
        assert_int_equal(frames_free(frames, frame, (enum frame_class) class), KERR_DOUBLE_FREE);
        hosted_set_core(0);
    }
}

static void a_partly_free_range_is_left_alone(void **state)
{
    (void)state;
    struct frame_request request = {.count = 300, .node = 1};
    paddr_t first;
    assert_int_equal(frames_alloc_range(frames, &request, &first), KERR_OK);
    uint64_t before = n_free();
    paddr_t middle = paddr_add(first, 200 * FRAME_SIZE);
    assert_int_equal(frames_free_range(frames, middle, 1), KERR_OK);
    assert_int_equal(frames_free_range(frames, first, 300), KERR_DOUBLE_FREE);
    assert_int_equal(n_free(), before + 1);
    assert_int_equal(frames_free_range(frames, first, 200), KERR_OK);
    assert_int_equal(frames_free_range(frames, paddr_add(middle, FRAME_SIZE), 99), KERR_OK);
    assert_int_equal(n_free(), before + 300);
}

static void a_cached_double_free_is_noticed_when_it_comes_to_the_node(void **state)
{
    (void)state;
    if (KERNEL_CHECKED)
        skip();
    paddr_t frame = must_alloc(0, FRAME_SMALL);
    assert_int_equal(frames_free(frames, frame, FRAME_SMALL), KERR_OK);
    assert_int_equal(frames_free(frames, frame, FRAME_SMALL), KERR_OK);
    frames_drain(frames);
    assert_int_equal(node_stats(0).bad_frees, 1);
}

static void foreign_and_misaligned_frames_are_refused(void **state)
{
    (void)state;
    static const uint64_t foreign[] = {
        0, 0xa0000, 48 * MIB, 100 * MIB, 130 * MIB, UINT64_C(1) << 40, UINT64_MAX - FRAME_SIZE + 1};
    for (size_t i = 0; i < array_count(foreign); i++)
        assert_int_equal(frames_free(frames, paddr(foreign[i]), FRAME_SMALL), KERR_FOREIGN_FRAME);
    /* It begins in a region and ends outside of it. */
    assert_int_equal(frames_free_range(frames, paddr(33 * MIB - FRAME_SIZE), 2),
                     KERR_FOREIGN_FRAME);
    assert_int_equal(frames_free_range(frames, paddr(33 * MIB), UINT64_MAX / 2),
                     KERR_FOREIGN_FRAME);
    assert_int_equal(frames_free(frames, paddr(32 * MIB), FRAME_LARGE), KERR_FOREIGN_FRAME);
    assert_int_equal(frames_free(frames, paddr(8 * MIB + 1), FRAME_SMALL), KERR_MISALIGNED);
    assert_int_equal(frames_free(frames, paddr(9 * MIB), FRAME_LARGE), KERR_MISALIGNED);
    assert_int_equal(frames_free_range(frames, paddr(9 * MIB + 8), 1), KERR_MISALIGNED);
}

static void ranges_keep_their_promises(void **state)
{
    (void)state;
    static const struct frame_request requests[] = {
        {.count = 1, .align = 1 * MIB, .node = 0},
        {.count = 16, .align = 64 << 10, .node = 1},
        {.count = 511, .node = 2},
        {.count = 513, .align = 2 * MIB, .node = 2},
        {.count = 3000, .align = 4 * MIB, .node = 0, .flags = FRAME_THIS_NODE},
        {.count = 4, .below = 1 * MIB, .node = 0},
        {.count = 4, .below = 1 * MIB, .node = 2},
        {.count = 4, .below = 70 * MIB + 1, .node = 2, .flags = FRAME_THIS_NODE},
        {.count = 1, .align = 64 * MIB, .node = 2, .flags = FRAME_THIS_NODE},
    };
    paddr_t got[array_count(requests)];
    uint64_t before = n_free();
    for (size_t i = 0; i < array_count(requests); i++) {
        const struct frame_request *r = &requests[i];
        assert_int_equal(frames_alloc_range(frames, r, &got[i]), KERR_OK);
        assert_true(!r->align || got[i].raw % r->align == 0);
        assert_true(!r->below || got[i].raw + r->count * FRAME_SIZE <= r->below);
    }
    for (size_t i = 0; i < array_count(requests); i++)
        assert_int_equal(frames_free_range(frames, got[i], requests[i].count), KERR_OK);
    assert_int_equal(n_free(), before);
}

static void impossible_ranges_fail(void **state)
{
    (void)state;
    static const struct frame_request no_memory[] = {
        {.count = UINT64_MAX},
        {.count = 10000, .node = 1},
        {.count = 1, .align = UINT64_C(1) << 63},
        {.count = 1, .below = FRAME_SIZE},
        {.count = 200, .below = 1 * MIB},
    };
    static const struct frame_request invalid[] = {
        {.count = 0}, {.count = 1, .align = 12288}, {.count = 1, .node = N_NODES}};
    paddr_t first;
    for (size_t i = 0; i < array_count(no_memory); i++)
        assert_int_equal(frames_alloc_range(frames, &no_memory[i], &first), KERR_NO_MEMORY);
    for (size_t i = 0; i < array_count(invalid); i++)
        assert_int_equal(frames_alloc_range(frames, &invalid[i], &first), KERR_INVALID);
    assert_int_equal(frames_alloc(frames, N_NODES, FRAME_SMALL, 0, &first), KERR_INVALID);
}

static bool give_back_one(void *context)
{
    paddr_t *frame = context;
    if (frame->raw == 0)
        return false;
    assert_int_equal(frames_free(frames, *frame, FRAME_SMALL), KERR_OK);
    frame->raw = 0;
    return true;
}

static void reclaim_is_asked_before_failing(void **state)
{
    (void)state;
    paddr_t hoard = must_alloc(0, FRAME_SMALL);
    paddr_t frame;
    frames_set_reclaim(frames, give_back_one, &hoard);
    uint64_t n = 0;
    uint64_t expected = n_free();
    struct frame_core_stats core;
    frames_core_stats(frames, 0, &core);
    while (frames_alloc(frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &frame) == KERR_OK)
        n++;
    assert_int_equal(n, expected + core.small_cached + 1);
    assert_int_equal(hoard.raw, 0);
}

static void the_nth_allocation_fails_on_demand(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    struct frame_request request = {.count = 2};
    paddr_t frame;
    inject_arm(2, false);
    assert_int_equal(frames_alloc(frames, 0, FRAME_SMALL, 0, &frame), KERR_OK);
    assert_false(inject_fired());
    assert_int_equal(frames_alloc_range(frames, &request, &frame), KERR_NO_MEMORY);
    assert_true(inject_fired());
    assert_int_equal(frames_alloc(frames, 0, FRAME_SMALL, 0, &frame), KERR_OK);
    inject_arm(1, true);
    for (int i = 0; i < 3; i++)
        assert_int_equal(frames_alloc(frames, 0, FRAME_SMALL, 0, &frame), KERR_NO_MEMORY);
    inject_arm(0, false);
    assert_int_equal(frames_alloc(frames, 0, FRAME_SMALL, 0, &frame), KERR_OK);
}

/* --- Creation --- */

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    static const node_id_t bad_nodes[] = {0, 3};
    struct frames *other;
    struct frames_config c = config;
    c.n_nodes = 0;
    assert_int_equal(frames_create(&c, &other), KERR_INVALID);
    c.n_nodes = MAX_NODES + 1;
    assert_int_equal(frames_create(&c, &other), KERR_INVALID);
    c.n_nodes = 2; /* but the affinities name node 2 */
    c.n_cores = 1;
    assert_int_equal(frames_create(&c, &other), KERR_INVALID);
    c = config;
    c.n_cores = MAX_CORES + 1;
    assert_int_equal(frames_create(&c, &other), KERR_INVALID);
    c.n_cores = 2;
    c.core_nodes = bad_nodes;
    assert_int_equal(frames_create(&c, &other), KERR_INVALID);
    c = config;
    c.map.n_ranges = 0;
    assert_int_equal(frames_create(&c, &other), KERR_NO_MEMORY);
}

static void nodes_without_memory_or_cores_work(void **state)
{
    (void)state;
    static const struct memory_range one[] = {{16 * MIB, 8 * MIB, MEMORY_USABLE}};
    static const struct memory_affinity to_2[] = {{0, 64 * MIB, 2}};
    static const node_id_t cores[] = {0, 1};
    struct frames_config c = {
        .map = {one, 1, to_2, 1}, .n_nodes = 4, .n_cores = 2, .core_nodes = cores};
    struct frames *f;
    assert_int_equal(frames_create(&c, &f), KERR_OK);
    for (node_id_t node = 0; node < 4; node++) {
        paddr_t frame;
        node_id_t owner;
        hosted_set_core(node % 2);
        assert_int_equal(frames_alloc(f, node, FRAME_SMALL, FRAME_ANY_NODE, &frame), KERR_OK);
        assert_int_equal(frames_node_of(f, frame, &owner), KERR_OK);
        assert_int_equal(owner, 2);
        assert_int_equal(frames_free(f, frame, FRAME_SMALL), KERR_OK);
        kerr_t err = frames_alloc(f, node, FRAME_SMALL, FRAME_THIS_NODE, &frame);
        assert_int_equal(err, node == 2 ? KERR_OK : KERR_NO_MEMORY);
    }
    static paddr_t all[8 * MIB / FRAME_SIZE];
    size_t n = 0;
    while (frames_alloc(f, 0, FRAME_SMALL, FRAME_ANY_NODE, &all[n]) == KERR_OK)
        n++;
    scribble(all, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(frames_free(f, all[i], FRAME_SMALL), KERR_OK);
    struct frame_node_stats stats;
    frames_node_stats(f, 2, &stats);
    assert_int_equal(stats.free, n);
    assert_int_equal(stats.total + stats.state, array_count(all));
}

static void the_smallest_machine_works(void **state)
{
    (void)state;
    static const node_id_t core[] = {0};
    for (uint64_t n = 1; n < 16; n++) {
        struct memory_range little[] = {{8 * MIB - 3 * FRAME_SIZE, n * FRAME_SIZE, MEMORY_USABLE}};
        struct frames_config c = {
            .map = {little, 1, NULL, 0}, .n_nodes = 1, .n_cores = 1, .core_nodes = core};
        struct frames *f;
        paddr_t frame;
        uint64_t got = 0;
        if (frames_create(&c, &f) != KERR_OK) {
            assert_true(n < 3);
            continue;
        }
        while (frames_alloc(f, 0, FRAME_SMALL, 0, &frame) == KERR_OK)
            got++;
        struct frame_node_stats stats;
        frames_node_stats(f, 0, &stats);
        assert_int_equal(got, stats.total);
        assert_int_equal(got + stats.state, n);
    }
}

/* The figures of docs/memory.md. */
static void state_takes_the_documented_share(void **state)
{
    (void)state;
    static const struct {
        uint64_t mib;
        uint64_t most_frames;
    } machines[] = {{64, 2}, {1024, KERNEL_CHECKED ? 20 : 12}};
    static const node_id_t core[] = {0};
    hosted_ram_destroy();
    hosted_ram_create(2048 * MIB);
    for (size_t i = 0; i < array_count(machines); i++) {
        struct memory_range all[] = {{0, machines[i].mib * MIB, MEMORY_USABLE}};
        struct frames_config c = {
            .map = {all, 1, NULL, 0}, .n_nodes = 1, .n_cores = 1, .core_nodes = core};
        struct frames *f;
        assert_int_equal(frames_create(&c, &f), KERR_OK);
        struct frame_node_stats stats;
        frames_node_stats(f, 0, &stats);
        printf("%u MiB: %u frames of state\n", (unsigned)machines[i].mib, (unsigned)stats.state);
        assert_true(stats.state <= machines[i].most_frames);
    }
}

/* --- Random operations against a model --- */

enum owner { NOT_RAM, IS_FREE, IS_OURS };

#define MAX_HELD 4096

struct held {
    uint64_t first;
    uint64_t count;
};

static struct {
    uint8_t owner[N_FRAMES]; /* enum owner */
    uint8_t node[N_FRAMES];
    struct held held[MAX_HELD];
    size_t n_held;
} model;

static void model_add(void *context, const struct memory_piece *piece)
{
    (void)context;
    for (uint64_t f = piece->base / FRAME_SIZE; f < piece->end / FRAME_SIZE; f++) {
        model.owner[f] = piece->in_use ? IS_OURS : IS_FREE;
        model.node[f] = (uint8_t)piece->node;
    }
    if (!piece->in_use)
        return;
    model.held[model.n_held++] =
        (struct held){piece->base / FRAME_SIZE, (piece->end - piece->base) / FRAME_SIZE};
}

/* The state of the allocator is not free in the model: what a node has after creation is. */
static void model_init(void)
{
    static paddr_t all[N_FRAMES];
    size_t n = 0;
    memset(&model, 0, sizeof(model));
    memmap_walk(&config.map, model_add, NULL);
    while (frames_alloc(frames, 0, FRAME_SMALL, 0, &all[n]) == KERR_OK) {
        assert_int_equal(model.owner[all[n].raw / FRAME_SIZE], IS_FREE);
        n++;
    }
    for (size_t f = 0; f < N_FRAMES; f++) {
        if (model.owner[f] == IS_FREE)
            model.owner[f] = NOT_RAM;
    }
    for (size_t i = 0; i < n; i++) {
        model.owner[all[i].raw / FRAME_SIZE] = IS_FREE;
        assert_int_equal(frames_free(frames, all[i], FRAME_SMALL), KERR_OK);
    }
}

static void model_take(paddr_t first, const struct frame_request *r)
{
    uint64_t f = first.raw / FRAME_SIZE;
    assert_true(first.raw % max(r->align, FRAME_SIZE) == 0);
    assert_true(!r->below || first.raw + r->count * FRAME_SIZE <= r->below);
    assert_true(f + r->count <= N_FRAMES);
    for (uint64_t i = f; i < f + r->count; i++) {
        assert_int_equal(model.owner[i], IS_FREE);
        assert_true(!(r->flags & FRAME_THIS_NODE) || model.node[i] == r->node);
        assert_int_equal(model.node[i], model.node[f]);
        model.owner[i] = IS_OURS;
    }
    model.held[model.n_held++] = (struct held){f, r->count};
}

/* An allocation failed: there must be no place for it in the model. */
static void model_check_full(const struct frame_request *r)
{
    uint64_t step = max(r->align, FRAME_SIZE) / FRAME_SIZE;
    uint64_t limit = r->below ? r->below / FRAME_SIZE : N_FRAMES;
    for (uint64_t f = 0; f + r->count <= min(limit, N_FRAMES); f += step) {
        uint64_t n = 0;
        while (n < r->count && model.owner[f + n] == IS_FREE &&
               model.node[f + n] == model.node[f] &&
               (!(r->flags & FRAME_THIS_NODE) || model.node[f] == r->node))
            n++;
        assert_true(n < r->count);
    }
}

static void random_alloc(struct random *random)
{
    struct frame_request r = {
        .count = 1,
        .node = (node_id_t)random_below(random, N_NODES),
        .flags = (unsigned)random_below(random, 2),
    };
    uint64_t what = random_below(random, 10);
    paddr_t first;
    kerr_t err;
    if (what < 5) {
        err = frames_alloc(frames, r.node, FRAME_SMALL, r.flags, &first);
    } else if (what < 7) {
        r.count = FRAMES_PER_LARGE;
        r.align = LARGE_FRAME_SIZE;
        err = frames_alloc(frames, r.node, FRAME_LARGE, r.flags, &first);
    } else {
        r.count = 1 + random_below(random, what == 7 ? 1500 : 40);
        r.align = random_below(random, 2) ? FRAME_SIZE << random_below(random, 11) : 0;
        r.below = random_below(random, 3) ? 0 : random_below(random, 130) * MIB;
        err = frames_alloc_range(frames, &r, &first);
    }
    if (err == KERR_OK)
        model_take(first, &r);
    else
        model_check_full(&r);
}

static void free_held(struct random *random, size_t i)
{
    struct held held = model.held[i];
    model.held[i] = model.held[--model.n_held];
    paddr_t first = paddr(held.first * FRAME_SIZE);
    for (uint64_t f = held.first; f < held.first + held.count; f++)
        model.owner[f] = IS_FREE;
    uint64_t cut = random_below(random, 4) ? 0 : random_below(random, held.count);
    if (held.count == 1) {
        assert_int_equal(frames_free(frames, first, FRAME_SMALL), KERR_OK);
    } else if (held.count == FRAMES_PER_LARGE && paddr_is_aligned(first, LARGE_FRAME_SIZE) &&
               !cut) {
        assert_int_equal(frames_free(frames, first, FRAME_LARGE), KERR_OK);
    } else {
        if (cut)
            assert_int_equal(frames_free_range(frames, first, cut), KERR_OK);
        assert_int_equal(
            frames_free_range(frames, paddr_add(first, cut * FRAME_SIZE), held.count - cut),
            KERR_OK);
    }
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    struct random random = {random_seed("random_operations_agree_with_the_model")};
    struct frame_node_stats before[N_NODES];
    for (node_id_t i = 0; i < N_NODES; i++)
        before[i] = node_stats(i);
    model_init();
    bool fill = true;
    for (int i = 0; i < 20000; i++) {
        if (random_below(&random, 1000) == 0)
            fill = !fill;
        hosted_set_core(
            (core_id_t)random_below(&random, N_CORES + 1)); /* one more than there are */
        if (model.n_held < MAX_HELD && random_below(&random, 10) < (fill ? 8u : 2u))
            random_alloc(&random);
        else if (model.n_held)
            free_held(&random, random_below(&random, model.n_held));
    }
    while (model.n_held)
        free_held(&random, random_below(&random, model.n_held));
    frames_drain(frames);
    for (node_id_t i = 0; i < N_NODES; i++) {
        assert_int_equal(node_stats(i).free, node_stats(i).total);
        assert_true(node_stats(i).free_large >= before[i].free_large);
        assert_int_equal(node_stats(i).bad_frees, 0);
    }
}

/* --- Several cores --- */

#define N_THREADS 6 /* two of them share cores with others */
#define N_ROUNDS  4000
#define POOL      128

static _Atomic uint64_t mailbox[POOL]; /* frames that wander between cores: address + class */
static uint64_t thread_seed;

/* Each frame holds the number of whoever owns it, which must not change under it. */
static void *churn(void *arg)
{
    uintptr_t self = (uintptr_t)arg;
    struct random random = {thread_seed + self};
    hosted_set_core((core_id_t)(self % N_CORES));
    for (int i = 0; i < N_ROUNDS; i++) {
        enum frame_class class = random_below(&random, 8) ? FRAME_SMALL : FRAME_LARGE;
        paddr_t frame;
        uint64_t mine = 0;
        if (frames_alloc(frames, (node_id_t)random_below(&random, N_NODES), class, 0, &frame) ==
            KERR_OK) {
            *(uint64_t *)arch_phys_to_virt(frame) = frame.raw ^ self;
            sched_yield();
            assert_true(*(uint64_t *)arch_phys_to_virt(frame) == (frame.raw ^ self));
            mine = frame.raw | class;
        }
        /* seq_cst: the frame and what was written to it change hands here. */
        mine = atomic_exchange(&mailbox[random_below(&random, POOL)], mine);
        if (mine)
            assert_int_equal(frames_free(frames, paddr(mine & ~UINT64_C(1)), mine & 1), KERR_OK);
    }
    return NULL;
}

static void cores_share_memory_without_losing_any(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    struct frame_node_stats before[N_NODES];
    for (node_id_t i = 0; i < N_NODES; i++)
        before[i] = node_stats(i);
    thread_seed = random_seed("cores_share_memory_without_losing_any");
    for (uintptr_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < POOL; i++) {
        uint64_t frame = atomic_exchange(&mailbox[i], 0);
        if (frame)
            assert_int_equal(frames_free(frames, paddr(frame & ~UINT64_C(1)), frame & 1), KERR_OK);
    }
    frames_drain(frames);
    for (node_id_t i = 0; i < N_NODES; i++) {
        assert_int_equal(node_stats(i).free, before[i].free);
        assert_int_equal(node_stats(i).free_large, before[i].free_large);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(frames_come_from_the_node_asked_for),
        CASE(every_usable_frame_can_be_had_and_returned),
        CASE(memory_adds_up),
        CASE(a_split_frame_merges_when_all_of_it_came_back),
        CASE(small_frames_assemble_to_a_large_one),
        CASE(another_node_helps_by_distance),
        CASE(no_other_node_helps_if_forbidden),
        CASE(frames_cached_by_other_cores_are_found),
        CASE(memory_in_use_at_boot_can_be_freed),
        CASE(a_double_free_is_detected),
        CASE(a_partly_free_range_is_left_alone),
        CASE(a_cached_double_free_is_noticed_when_it_comes_to_the_node),
        CASE(foreign_and_misaligned_frames_are_refused),
        CASE(ranges_keep_their_promises),
        CASE(impossible_ranges_fail),
        CASE(reclaim_is_asked_before_failing),
        CASE(the_nth_allocation_fails_on_demand),
        CASE(bad_configurations_are_refused),
        CASE(nodes_without_memory_or_cores_work),
        CASE(the_smallest_machine_works),
        CASE(state_takes_the_documented_share),
        CASE(random_operations_agree_with_the_model),
        CASE(cores_share_memory_without_losing_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
