// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS: bytes of files, listings, replicas that are added.

#include "calls.h"

/* --- Data --- */

static void holes_and_tails_are_zero(void **state)
{
    (void)state;
    struct fs_file file;
    static const char zeros[64];
    assert_int_equal(do_open("f", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    put(&file, 10000, "tail");
    assert_int_equal(do_stat("f").size, 10004);
    assert_int_equal(do_stat("f").pages, 1);
    expect(&file, 0, zeros, 64);
    expect(&file, 9990, "\0\0\0\0\0\0\0\0\0\0tail", 14);
    assert_int_equal(fs_truncate(next_call(), &file, 10002), KERR_OK);
    assert_int_equal(fs_truncate(next_call(), &file, 20000), KERR_OK);
    expect(&file, 10000, "ta\0\0\0\0", 6);
    assert_int_equal(fs_truncate(next_call(), &file, 8192), KERR_OK);
    assert_int_equal(do_stat("f").pages, 0);
    assert_int_equal(fs_truncate(next_call(), &file, UINT64_MAX), KERR_INVALID);
    do_close(&file);
    assert_int_equal(do_open("f", FS_WRITE | FS_TRUNCATE, &file), 0);
    assert_int_equal(do_stat("f").size, 0);
    do_close(&file);
}

static void access_is_as_opened(void **state)
{
    (void)state;
    struct fs_file file;
    char byte = 0;
    uint64_t done;
    struct fs_io io = {&byte, 1, 0};
    assert_int_equal(do_open("f", FS_CREATE | FS_WRITE, &file), 0);
    assert_int_equal(fs_read(call, &file, &io, &done), KERR_BAD_HANDLE);
    do_close(&file);
    assert_int_equal(do_open("f", FS_READ, &file), 0);
    assert_int_equal(fs_write(call, &file, &io, &done), KERR_BAD_HANDLE);
    assert_int_equal(fs_truncate(call, &file, 0), KERR_INVALID);
    do_close(&file);
    assert_int_equal(do_open("/", FS_READ, &file), 0);
    assert_int_equal(fs_read(call, &file, &io, &done), KERR_IS_DIRECTORY);
    do_close(&file);
    assert_int_equal(do_open("/", FS_WRITE, &file), EISDIR);
    assert_int_equal(do_open("f", FS_MUST_BE_DIRECTORY, &file), ENOTDIR);
    assert_int_equal(do_open("g", FS_READ, &file), ENOENT);
}

static void a_write_is_as_long_as_it_may_be(void **state)
{
    (void)state;
    size_t size = (size_t)FS_WRITE_MAX + 5000;
    char *data = malloc(size), *back = malloc(size);
    struct fs_file file;
    uint64_t done;
    assert_true(data && back);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 4096);
    assert_int_equal(do_open("f", FS_CREATE | FS_WRITE | FS_READ | FS_APPEND, &file), 0);
    put(&file, 99, "abc"); /* appended: the offset does not matter */
    struct fs_io io = {data, size, 0};
    assert_int_equal(fs_write(call, &file, &io, &done), KERR_OK);
    assert_int_equal(done, FS_WRITE_MAX);
    assert_int_equal(io.offset, 3);
    struct fs_io read = {back, size, 3};
    assert_int_equal(fs_read(call, &file, &read, &done), KERR_OK);
    assert_int_equal(done, FS_WRITE_MAX);
    assert_memory_equal(back, data, FS_WRITE_MAX);
    do_close(&file);
    free(data);
    free(back);
}

static void a_tebibyte_may_have_two_pages(void **state)
{
    (void)state;
    const uint64_t tebibyte = UINT64_C(1) << 40;
    struct fs_file file;
    assert_int_equal(do_open("big", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    put(&file, 0, "first");
    put(&file, tebibyte - 4, "last");
    assert_int_equal(do_stat("big").size, tebibyte);
    assert_int_equal(do_stat("big").pages, 2);
    expect(&file, tebibyte - 8, "\0\0\0\0last", 8);
    expect(&file, tebibyte / 2, "\0\0\0", 3);
    assert_int_equal(fs_truncate(next_call(), &file, INT64_MAX), KERR_OK);
    put(&file, INT64_MAX - 1, "x");
    struct fs_io io = {"xy", 2, INT64_MAX - 1};
    uint64_t done;
    assert_int_equal(fs_write(call, &file, &io, &done), KERR_INVALID);
    assert_int_equal(do_stat("big").pages, 3);
    do_close(&file);
    assert_int_equal(do_unlink("big"), 0);
}

/* --- Listing --- */

#define MANY 100000

static void hundred_thousand_files_are_in_one_directory(void **state)
{
    (void)state;
    static bool seen[MANY];
    static struct fs_entry entries[500];
    struct fs_file dir;
    char path[32];
    memset(seen, 0, sizeof(seen));
    assert_int_equal(do_mkdir("d"), 0);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof(path), "d/file-%d", i);
        assert_int_equal(do_create(path), 0);
    }
    assert_int_equal(do_stat("d").size, MANY);
    assert_int_equal(do_open("d", FS_READ, &dir), 0);
    struct fs_listing listing = {.entries = entries, .max = 500};
    size_t n = 0;
    do {
        assert_int_equal(fs_list(next_call(), &dir, &listing), KERR_OK);
        for (uint32_t i = 0; i < listing.count; i++) {
            if (strncmp(entries[i].name, "file-", 5) != 0)
                continue;
            int number = (int)strtol(entries[i].name + 5, NULL, 10);
            assert_false(seen[number]);
            seen[number] = true;
            n++;
        }
    } while (listing.count > 0);
    assert_int_equal(n, MANY);
    do_close(&dir);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof(path), "d/file-%d", i);
        assert_int_equal(do_unlink(path), 0);
    }
    assert_int_equal(do_rmdir("d"), 0);
}

/* Some entries stay, others come and go between the steps of a listing. */
static void a_listing_is_stable_under_change(void **state)
{
    (void)state;
    struct fs_entry entry;
    struct fs_file dir;
    int seen[100] = {0}, changes = 0;
    char path[32];
    assert_int_equal(do_mkdir("d"), 0);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof(path), "d/stay%d", i);
        assert_int_equal(do_create(path), 0);
        (void)snprintf(path, sizeof(path), "d/go%d", i);
        assert_int_equal(do_create(path), 0);
    }
    assert_int_equal(do_open("d", FS_READ, &dir), 0);
    struct fs_listing listing = {.entries = &entry, .max = 1};
    while (fs_list(next_call(), &dir, &listing) == KERR_OK && listing.count) {
        if (strncmp(entry.name, "stay", 4) == 0)
            seen[(int)strtol(entry.name + 4, NULL, 10)]++;
        if (changes < 100) {
            (void)snprintf(path, sizeof(path), "d/go%d", changes);
            assert_int_equal(do_unlink(path), 0);
            (void)snprintf(path, sizeof(path), "d/come%d", changes++);
            assert_int_equal(do_create(path), 0);
        }
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    do_close(&dir);
}

/* --- Replicas --- */

static void a_replica_can_be_added(void **state)
{
    (void)state;
    unsigned id;
    struct fs_file file;
    assert_int_equal(do_mkdir("d"), 0);
    assert_int_equal(do_symlink("d/f", "l"), 0);
    assert_int_equal(do_open("d/f", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    put(&file, 5000, "data");
    assert_int_equal(nr_add_replica(world.nr, NR_ANY_NODE, &id), NR_OK);
    world_check_equal(&world);
    nr_unregister(world.calls[1].thread);
    assert_int_equal(nr_register(world.nr, id, &world.calls[1].thread), NR_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(do_create("x"), 0);
        expect(&file, 5000, "data", 4);
        assert_int_equal(do_rename("x", "d/x"), 0);
        assert_int_equal(do_unlink("d/x"), 0);
    }
    do_close(&file);
}

/* Each allocation fails in turn; what was copied until then is freed, as the end of the test sees.
 */
static void a_replica_without_memory_is_not_added(void **state)
{
    (void)state;
    enum nr_status status = NR_ENOMEM;
    unsigned id, refused = 0;
    char path[300];
    assert_int_equal(do_mkdir("d"), 0);
    assert_int_equal(do_symlink("d", "l"), 0);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(path, sizeof(path), "d/%0*d", i * 6 + 1, i);
        assert_int_equal(do_create(path), 0);
    }
    for (uint64_t n = 1; status == NR_ENOMEM; n++) {
        inject_arm(n, true);
        status = nr_add_replica(world.nr, NR_ANY_NODE, &id);
        bool fired = inject_fired();
        inject_arm(0, false);
        assert_int_equal(status, fired ? NR_ENOMEM : NR_OK);
        refused += fired;
        world_check_equal(&world);
    }
    assert_true(refused > 80);
}

static void an_instance_without_memory_is_not_made(void **state)
{
    (void)state;
    struct frames *frames = machine_create();
    struct slab *slab;
    struct fs *fs;
    struct slab_stats stats;
    assert_int_equal(slab_create(frames, &slab), KERR_OK);
    struct fs_config config = {.frames = frames, .slab = slab, .logs = 4};
    kerr_t err = KERR_NO_MEMORY;
    for (uint64_t n = 1; err; n++) {
        inject_arm(n, true);
        err = fs_create(&config, &fs);
        bool fired = inject_fired();
        inject_arm(0, false);
        assert_int_equal(err, fired ? KERR_NO_MEMORY : KERR_OK);
        slab_stats(slab, &stats);
        assert_int_equal(stats.objects == 0, fired);
    }
    struct nr *nr;
    struct nr_config nr_config = {.replicas = 2, .logs = 4, .init_arg = fs};
    enum nr_status status = NR_ENOMEM;
    for (uint64_t n = 1; status; n++) {
        inject_arm(n, true);
        status = nr_create(fs_type(), &nr_config, &nr);
        bool fired = inject_fired();
        inject_arm(0, false);
        assert_int_equal(status, fired ? NR_ENOMEM : NR_OK);
    }
    fs_attach(fs, nr);
    fs_clear(fs);
    assert_int_equal(nr_destroy(nr), NR_OK);
    fs_destroy(fs);
    slab_stats(slab, &stats);
    assert_int_equal(stats.objects, 0);
    config.logs = 0;
    assert_int_equal(fs_create(&config, &fs), KERR_INVALID);
    config.logs = FS_MAX_LOGS + 1;
    assert_int_equal(fs_create(&config, &fs), KERR_INVALID);
    slab_destroy(slab);
    machine_destroy();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(holes_and_tails_are_zero),
        CASE(access_is_as_opened),
        CASE(a_write_is_as_long_as_it_may_be),
        CASE(a_tebibyte_may_have_two_pages),
        CASE(hundred_thousand_files_are_in_one_directory),
        CASE(a_listing_is_stable_under_change),
        CASE(a_replica_can_be_added),
        CASE(a_replica_without_memory_is_not_added),
        cmocka_unit_test(an_instance_without_memory_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
