// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS: fixed cases, on two replicas with three logs.

#include "world.h"

#include <errno.h>

static struct world world;
static struct fs_call *call; /* the thread that a test calls from */

static int set_up(void **state)
{
    (void)state;
    world_create(&world, 2, 3);
    call = &world.calls[0];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_check_equal(&world);
    world_destroy(&world);
    return 0;
}

/* --- Calls by text; each goes to the other replica than the one before --- */

static struct fs_call *next_call(void)
{
    call = call == &world.calls[0] ? &world.calls[1] : &world.calls[0];
    call->now++;
    return call;
}

static int do_open(const char *path, uint32_t flags, struct fs_file *file)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_open(next_call(), &at, (struct fs_open_how){flags, 0644}, file));
}

static void do_close(const struct fs_file *file)
{
    fs_close(next_call(), file);
}

static int do_create(const char *path)
{
    struct fs_file file;
    int err = do_open(path, FS_CREATE | FS_EXCLUSIVE | FS_WRITE, &file);
    if (!err)
        do_close(&file);
    return err;
}

static int do_mkdir(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_mkdir(next_call(), &at, 0755));
}

static int do_unlink(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_unlink(next_call(), &at));
}

static int do_rmdir(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_rmdir(next_call(), &at));
}

static int do_link(const char *from, const char *to)
{
    struct fs_path a = path_of(from), b = path_of(to);
    return errno_of(fs_link(next_call(), &a, &b));
}

static int do_symlink(const char *target, const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_symlink(next_call(), bytes_of_str(target), &at));
}

static int do_rename(const char *from, const char *to)
{
    struct fs_path a = path_of(from), b = path_of(to);
    return errno_of(fs_rename(next_call(), &a, &b, FS_REPLACE));
}

static struct fs_stat do_stat(const char *path)
{
    struct fs_stat stat = {0};
    struct fs_path at = path_of(path);
    assert_int_equal(fs_stat(next_call(), &at, FS_LAST_LINK, &stat), KERR_OK);
    return stat;
}

static int stat_error(const char *path)
{
    struct fs_stat stat;
    struct fs_path at = path_of(path);
    return errno_of(fs_stat(next_call(), &at, FS_FOLLOW_LAST, &stat));
}

static void put(const struct fs_file *file, uint64_t offset, const char *text)
{
    uint64_t done;
    struct fs_io io = {(void *)text, strlen(text), offset};
    assert_int_equal(fs_write(next_call(), file, &io, &done), KERR_OK);
    assert_int_equal(done, strlen(text));
}

static void expect(const struct fs_file *file, uint64_t offset, const char *bytes, size_t len)
{
    char buffer[256] = {0};
    uint64_t done;
    struct fs_io io = {buffer, len, offset};
    assert_int_equal(fs_read(next_call(), file, &io, &done), KERR_OK);
    assert_int_equal(done, len);
    assert_memory_equal(buffer, bytes, len);
}

static uint64_t used_frames(void)
{
    fs_flush(world.fs);
    slab_shrink(world.slab);
    return world.frames_before - machine_free_frames(world.frames, MACHINE_NODES);
}

/* --- Names --- */

static void a_new_tree_has_an_empty_root(void **state)
{
    (void)state;
    struct fs_stat root = do_stat("/");
    assert_int_equal(root.ino, FS_ROOT);
    assert_int_equal(root.kind, FS_DIRECTORY);
    assert_int_equal(root.links, 2);
    assert_int_equal(root.size, 0);
    assert_int_equal(do_stat("/..").ino, FS_ROOT);
    assert_int_equal(do_stat("..").ino, FS_ROOT);
}

static void paths_lead_through_directories(void **state)
{
    (void)state;
    assert_int_equal(do_mkdir("/a"), 0);
    assert_int_equal(do_mkdir("a/b/"), 0);
    assert_int_equal(do_create("/a/b/f"), 0);
    uint64_t ino = do_stat("a/b/f").ino;
    assert_int_equal(do_stat("//a//b///f").ino, ino);
    assert_int_equal(do_stat("/a/./b/../b/f").ino, ino);
    assert_int_equal(do_stat("/a/b/").ino, do_stat("/a/b/.").ino);
    assert_int_equal(do_stat("/a/b/..").ino, do_stat("a").ino);
    assert_int_equal(do_stat("/").links, 3);
    assert_int_equal(stat_error("/a/b/f/"), ENOTDIR);
    assert_int_equal(stat_error("/a/b/f/x"), ENOTDIR);
    assert_int_equal(stat_error("/a/x/f"), ENOENT);
    assert_int_equal(stat_error(""), ENOENT);
    struct fs_path from_b = {do_stat("a/b").ino, bytes_of_str("../../a/b/f")};
    struct fs_stat stat;
    assert_int_equal(fs_stat(call, &from_b, FS_LAST_LINK, &stat), KERR_OK);
    assert_int_equal(stat.ino, ino);
}

static void names_and_paths_have_the_lengths_of_linux(void **state)
{
    (void)state;
    static char path[5000];
    memset(path, 'n', 256);
    assert_int_equal(do_create(path), ENAMETOOLONG);
    path[255] = 0;
    assert_int_equal(do_create(path), 0);
    assert_int_equal(do_stat(path).kind, FS_REGULAR);
    for (size_t i = 0; i < 4096; i++)
        path[i] = i % 2 ? '/' : '.';
    assert_int_equal(stat_error(path), ENAMETOOLONG);
    path[4095] = 0;
    assert_int_equal(stat_error(path), 0);
    struct fs_path nul = {FS_ROOT, bytes_of("a\0b", 3)};
    struct fs_stat stat;
    assert_int_equal(fs_stat(call, &nul, FS_LAST_LINK, &stat), KERR_INVALID);
}

static void links_are_followed_up_to_a_limit(void **state)
{
    (void)state;
    char from[8], to[8];
    assert_int_equal(do_create("l0"), 0);
    for (int i = 1; i <= 41; i++) {
        (void)snprintf(to, sizeof(to), "l%d", i - 1);
        (void)snprintf(from, sizeof(from), "/l%d", i);
        assert_int_equal(do_symlink(to, from), 0);
    }
    assert_int_equal(stat_error("l40"), 0);
    assert_int_equal(stat_error("l41"), ELOOP);
    assert_int_equal(do_symlink("self", "self"), 0);
    assert_int_equal(stat_error("self"), ELOOP);
    assert_int_equal(do_stat("self").kind, FS_SYMLINK);
    assert_int_equal(do_stat("self").size, 4);
    assert_int_equal(do_symlink("", "x"), ENOENT);
    char text[16] = {0};
    uint64_t done;
    struct fs_path at = path_of("l7");
    struct fs_io io = {text, sizeof(text), 0};
    assert_int_equal(fs_read_link(call, &at, &io, &done), KERR_OK);
    assert_string_equal(text, "l6");
    at = path_of("l0");
    assert_int_equal(fs_read_link(call, &at, &io, &done), KERR_INVALID);
}

static void a_link_in_the_middle_leads_on(void **state)
{
    (void)state;
    assert_int_equal(do_mkdir("/d"), 0);
    assert_int_equal(do_mkdir("/d/e"), 0);
    assert_int_equal(do_symlink("d/e/", "l"), 0);
    assert_int_equal(do_symlink("/l/..", "d/e/up"), 0);
    assert_int_equal(do_create("l/f"), 0);
    assert_int_equal(do_stat("l/up/e/f").ino, do_stat("d/e/f").ino);
    assert_int_equal(do_symlink("l/new", "made"), 0);
    struct fs_file file;
    assert_int_equal(do_open("made", FS_CREATE | FS_EXCLUSIVE, &file), EEXIST);
    assert_int_equal(do_open("made", FS_NO_FOLLOW, &file), ELOOP);
    assert_int_equal(do_open("made", FS_CREATE | FS_WRITE, &file), 0);
    do_close(&file);
    assert_int_equal(do_stat("d/e/new").kind, FS_REGULAR);
}

static void hard_links_share_an_inode(void **state)
{
    (void)state;
    struct fs_file file;
    assert_int_equal(do_open("a", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    assert_int_equal(do_mkdir("d"), 0);
    assert_int_equal(do_link("a", "d/b"), 0);
    assert_int_equal(do_link("d", "e"), EPERM);
    assert_int_equal(do_link("a", "d/b"), EEXIST);
    assert_int_equal(do_stat("d/b").ino, file.ino);
    assert_int_equal(do_stat("a").links, 2);
    put(&file, 0, "shared");
    assert_int_equal(do_unlink("a"), 0);
    assert_int_equal(do_stat("d/b").links, 1);
    assert_int_equal(do_stat("d/b").size, 6);
    do_close(&file);
}

static void a_file_lives_as_long_as_it_is_open(void **state)
{
    (void)state;
    struct fs_file file;
    uint64_t before = used_frames();
    assert_int_equal(do_open("f", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    for (uint64_t page = 0; page < 100; page++)
        put(&file, page * FRAME_SIZE, "still here");
    fs_dup(&file);
    assert_int_equal(do_unlink("f"), 0);
    assert_int_equal(stat_error("f"), ENOENT);
    do_close(&file);
    assert_int_equal(do_create("f"), 0);
    expect(&file, 0, "still here", 10);
    put(&file, 5, " there");
    expect(&file, 0, "still there", 11);
    struct fs_stat stat;
    assert_int_equal(fs_stat_file(call, &file, &stat), KERR_OK);
    assert_int_equal(stat.links, 0);
    do_close(&file);
    assert_int_equal(do_unlink("f"), 0);
    assert_in_range(used_frames(), 0, before + 32); /* what pools of replicas keep */
    struct fs_counters counters;
    fs_counters(world.fs, &counters);
    assert_int_equal(counters.inodes, 1);
}

static void directories_are_removed_when_empty(void **state)
{
    (void)state;
    struct fs_file dir;
    assert_int_equal(do_mkdir("d"), 0);
    assert_int_equal(do_create("d/f"), 0);
    assert_int_equal(do_rmdir("d"), ENOTEMPTY);
    assert_int_equal(do_rmdir("d/f"), ENOTDIR);
    assert_int_equal(do_unlink("d"), EISDIR);
    assert_int_equal(do_unlink("d/f"), 0);
    assert_int_equal(do_open("d", FS_READ, &dir), 0);
    assert_int_equal(do_rmdir("d"), 0);
    struct fs_entry entry;
    struct fs_listing listing = {.entries = &entry, .max = 1};
    assert_int_equal(fs_list(call, &dir, &listing), KERR_NOT_FOUND);
    struct fs_path inside = {dir.ino, bytes_of_str("g")};
    assert_int_equal(fs_mkdir(call, &inside, 0755), KERR_NOT_FOUND);
    do_close(&dir);
    assert_int_equal(do_rmdir("/"), EBUSY);
}

static void rename_replaces_in_one_step(void **state)
{
    (void)state;
    struct fs_file file;
    assert_int_equal(do_create("a"), 0);
    assert_int_equal(do_open("b", FS_CREATE | FS_WRITE | FS_READ, &file), 0);
    put(&file, 0, "old");
    uint64_t a = do_stat("a").ino;
    assert_int_equal(do_rename("a", "b"), 0);
    assert_int_equal(do_stat("b").ino, a);
    assert_int_equal(stat_error("a"), ENOENT);
    expect(&file, 0, "old", 3);
    do_close(&file);
    assert_int_equal(do_link("b", "c"), 0);
    assert_int_equal(do_rename("b", "c"), 0); /* the same file: both names stay */
    assert_int_equal(do_stat("b").links, 2);
    struct fs_path from = path_of("b"), to = path_of("c");
    assert_int_equal(fs_rename(call, &from, &to, FS_NO_REPLACE), KERR_EXISTS);
}

static void directories_do_not_get_below_themselves(void **state)
{
    (void)state;
    assert_int_equal(do_mkdir("a"), 0);
    assert_int_equal(do_mkdir("a/b"), 0);
    assert_int_equal(do_mkdir("a/b/c"), 0);
    assert_int_equal(do_create("a/b/f"), 0);
    assert_int_equal(do_rename("a", "a/b/c/a"), EINVAL);
    assert_int_equal(do_rename("a", "a/x"), EINVAL);
    assert_int_equal(do_rename("a/b/c", "a"), ENOTEMPTY);
    assert_int_equal(do_rename("a/b/f", "a"), ENOTEMPTY);
    assert_int_equal(do_rename("a/b/f", "a/b/c"), EISDIR);
    assert_int_equal(do_rename("a/b/c", "a/b/f"), ENOTDIR);
    assert_int_equal(do_rename("a/b", "a/b"), 0);
    assert_int_equal(do_rename("a/b/c", "c"), 0);
    assert_int_equal(do_stat("c/..").ino, FS_ROOT);
    assert_int_equal(do_stat("/").links, 4);
    assert_int_equal(do_stat("a/b").links, 2);
    assert_int_equal(do_mkdir("e"), 0);
    assert_int_equal(do_rename("c", "e"), 0); /* over an empty directory */
    assert_int_equal(do_stat("/").links, 4);
    assert_int_equal(do_rename("/", "x"), EBUSY);
    assert_int_equal(do_rename("a/.", "x"), EBUSY);
}

static void attributes_are_what_was_set(void **state)
{
    (void)state;
    struct fs_attributes set = {.set = FS_SET_MODE | FS_SET_MTIME | FS_SET_UID,
                                .mode = 0600,
                                .uid = 9,
                                .gid = 9,
                                .mtime = -5};
    struct fs_path at = path_of("f");
    assert_int_equal(do_create("f"), 0);
    struct fs_stat before = do_stat("f");
    assert_int_equal(before.mode, 0644);
    next_call()->now = 1000;
    assert_int_equal(fs_set(call, &at, FS_FOLLOW_LAST, &set), KERR_OK);
    struct fs_stat stat = do_stat("f");
    assert_int_equal(stat.mode, 0600);
    assert_int_equal(stat.uid, 9);
    assert_int_equal(stat.gid, 0);
    assert_int_equal(stat.mtime, -5);
    assert_int_equal(stat.atime, before.atime);
    assert_int_equal(stat.ctime, 1000);
}

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

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(a_new_tree_has_an_empty_root),
        CASE(paths_lead_through_directories),
        CASE(names_and_paths_have_the_lengths_of_linux),
        CASE(links_are_followed_up_to_a_limit),
        CASE(a_link_in_the_middle_leads_on),
        CASE(hard_links_share_an_inode),
        CASE(a_file_lives_as_long_as_it_is_open),
        CASE(directories_are_removed_when_empty),
        CASE(rename_replaces_in_one_step),
        CASE(directories_do_not_get_below_themselves),
        CASE(attributes_are_what_was_set),
        CASE(holes_and_tails_are_zero),
        CASE(access_is_as_opened),
        CASE(a_write_is_as_long_as_it_may_be),
        CASE(a_tebibyte_may_have_two_pages),
        CASE(hundred_thousand_files_are_in_one_directory),
        CASE(a_listing_is_stable_under_change),
        CASE(a_replica_can_be_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
