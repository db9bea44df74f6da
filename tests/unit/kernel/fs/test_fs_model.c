// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS and a model of it: the same random steps, the same results. Then the same with memory that
// runs out at each allocation in turn: a step fails with ENOSPC and changes nothing, or succeeds.

#include "side_model.h"
#include "side_nrfs.h"

#include <errno.h>

#define START "/1/2/3/4/5/6"

static struct world world;
static struct nrfs_side ours;
static struct model_side model;

static int set_up(void **state)
{
    (void)state;
    world_create(&world, 2, 3);
    nrfs_side_init(&ours, &world, START);
    model_init(&model, START);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_clear(&model);
    world_check_equal(&world);
    world_destroy(&world);
    return 0;
}

static void random_steps_end_as_in_the_model(void **state)
{
    (void)state;
    struct random random = {random_seed("kernel-fs_model")};
    steps_compare(&ours.side, &model.side, &random, 30000);
}

/* --- Without memory --- */

struct starved_side {
    struct side side;
    uint64_t refused;
};

/* Runs the step again and again, with one allocation more each time, until it gets through. */
static void run_starved(struct side *side, const struct step *step, struct outcome *out)
{
    struct starved_side *self = (struct starved_side *)side;
    for (uint64_t n = 1;; n++) {
        uint64_t before = world_digest(&world);
        inject_arm(n, true);
        ours.side.run(&ours.side, step, out);
        bool fired = inject_fired();
        inject_arm(0, false);
        if (!fired || out->err != ENOSPC)
            return;
        assert_true(world_digest(&world) == before);
        memset(out, 0, offsetof(struct outcome, data) + 1);
        self->refused++;
    }
}

static void what_finds_no_memory_changes_nothing(void **state)
{
    (void)state;
    struct starved_side starved = {.side = {"starved", run_starved}};
    struct random random = {random_seed("kernel-fs_model")};
    steps_compare(&starved.side, &model.side, &random, 4000);
    print_message("%llu refusals\n", (unsigned long long)starved.refused);
    assert_true(starved.refused > 500);
}

/* Files of one page until nothing more goes in, then all out again, twice. */
static void a_full_file_system_is_usable_again(void **state)
{
    (void)state;
    static char page[FRAME_SIZE];
    uint64_t filled[2] = {0};
    struct fs_call *call = &world.calls[0];
    for (int round = 0; round < 2; round++) {
        struct fs_file file;
        struct fs_path at = path_of("/big");
        struct fs_open_how how = {FS_CREATE | FS_WRITE | FS_READ | FS_APPEND, 0644};
        uint64_t done = 0;
        kerr_t err = fs_open(call, &at, how, &file);
        assert_int_equal(err, KERR_OK);
        while (!err) {
            struct fs_io io = {page, sizeof(page), 0};
            memset(page, (int)filled[round], sizeof(page));
            err = fs_write(call, &file, &io, &done);
            filled[round] += done / sizeof(page);
        }
        assert_int_equal(err, KERR_FS_FULL);
        struct fs_stat stat;
        assert_int_equal(fs_stat_file(call, &file, &stat), KERR_OK);
        assert_int_equal(stat.size, filled[round] * sizeof(page));
        struct fs_io io = {page, sizeof(page), (filled[round] - 1) * sizeof(page)};
        assert_int_equal(fs_read(call, &file, &io, &done), KERR_OK);
        assert_int_equal((uint8_t)page[17], (uint8_t)(filled[round] - 1));
        fs_close(call, &file);
        assert_int_equal(fs_unlink(call, &at), KERR_OK);
    }
    assert_in_range(filled[1], filled[0] - filled[0] / 50, filled[0] + filled[0] / 50);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(random_steps_end_as_in_the_model),
        CASE(what_finds_no_memory_changes_nothing),
        CASE(a_full_file_system_is_usable_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
