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
    steps_compare(&ours.side, &model.side, &random, 10000);
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
    steps_compare(&starved.side, &model.side, &random, 1500);
    print_message("%llu refusals\n", (unsigned long long)starved.refused);
    assert_true(starved.refused > 200);
}

/* Appends to a file, in ever smaller pieces, until nothing more goes in. Returns its size. */
static uint64_t fill(struct fs_call *call, const struct fs_file *file)
{
    static char data[FS_BATCH * FRAME_SIZE];
    uint64_t size = 0;
    for (uint64_t len = sizeof(data); len > 0; len /= 2) {
        kerr_t err = KERR_OK;
        while (!err) {
            uint64_t done;
            struct fs_io io = {data, len, 0};
            memset(data, (int)(size >> 12), len);
            err = fs_write(call, file, &io, &done);
            size += done;
        }
        assert_int_equal(err, KERR_FS_FULL);
    }
    return size;
}

/* Memory is full twice, and is as large the second time. */
static void a_full_file_system_is_usable_again(void **state)
{
    (void)state;
    uint64_t sizes[2];
    struct fs_call *call = &world.calls[0];
    struct fs_path at = path_of("/big"), other = path_of("/other");
    for (int round = 0; round < 2; round++) {
        struct fs_file file;
        struct fs_stat stat;
        struct fs_open_how how = {FS_CREATE | FS_WRITE | FS_READ | FS_APPEND, 0644};
        assert_int_equal(fs_open(call, &at, how, &file), KERR_OK);
        sizes[round] = fill(call, &file);
        assert_int_equal(fs_stat_file(call, &file, &stat), KERR_OK);
        assert_int_equal(stat.size, sizes[round]);
        assert_int_equal(fs_symlink(call, bytes_of_str("x"), &other), KERR_FS_FULL);
        fs_close(call, &file);
        assert_int_equal(fs_unlink(call, &at), KERR_OK);
    }
    assert_in_range(sizes[1], sizes[0] - sizes[0] / 50, sizes[0] + sizes[0] / 50);
    assert_true(sizes[0] > 2 * MACHINE_NODE_SIZE);
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
