// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS: names, attributes, and operations that come too late.

#include "calls.h"
#include "kernel/fs/fs_impl.h"

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

/* --- What changed since an operation was decoded --- */

static struct fs_found look_up(const char *name)
{
    struct fs_found found = {0};
    struct bytes text = bytes_of_str(name);
    struct fs_query query = {.kind = FS_ASK_NAME,
                             .ino = FS_ROOT,
                             .offset = fs_name_group(WORLD_SEED, text),
                             .name = text,
                             .out = &found};
    assert_int_equal(fs_ask(next_call(), &query).err, KERR_OK);
    return found;
}

static void set_name(struct fs_new_name *name, uint64_t dir, const char *text)
{
    name->dir = dir;
    name->key = fs_name_group(WORLD_SEED, bytes_of_str(text));
    name->stamp = fs_number(world.fs);
    name->len = (uint32_t)str_copy(name->text, sizeof(name->text), text);
}

/* Executes an operation that has to find itself outdated, and to change nothing. */
static void expect_again(struct fs_op *op)
{
    uint64_t before = world_digest(&world);
    op->now = 12345;
    assert_int_equal(fs_reserve(world.fs, op), KERR_OK);
    assert_int_equal(fs_execute(next_call(), op).err, KERR_AGAIN);
    assert_true(world_digest(&world) == before);
}

static void an_entry_that_was_made_anew_is_another_one(void **state)
{
    (void)state;
    assert_int_equal(do_create("f"), 0);
    assert_int_equal(do_link("f", "g"), 0);
    struct fs_found old = look_up("f");
    assert_int_equal(do_unlink("f"), 0);
    assert_int_equal(do_link("g", "f"), 0); /* the same key, the same inode */
    assert_int_equal(look_up("f").key, old.key);
    struct fs_op op = {.kind = FS_OP_UNLINK,
                       .inode_kind = FS_REGULAR,
                       .ino = old.ino,
                       .unlink = {FS_ROOT, old.key, old.stamp}};
    expect_again(&op);
    op.kind = FS_OP_RENAME;
    op.rename = (struct fs_op_rename){.old = {FS_ROOT, old.key, old.stamp}};
    set_name(&op.rename.name, FS_ROOT, "new");
    expect_again(&op);
}

static void a_rename_replaces_only_what_it_saw(void **state)
{
    (void)state;
    assert_int_equal(do_create("f"), 0);
    assert_int_equal(do_create("g"), 0);
    struct fs_found from = look_up("f"), seen = look_up("g");
    struct fs_op op = {.kind = FS_OP_RENAME,
                       .inode_kind = FS_REGULAR,
                       .ino = from.ino,
                       .rename = {.old = {FS_ROOT, from.key, from.stamp}, .victim = 0}};
    set_name(&op.rename.name, FS_ROOT, "g");
    expect_again(&op); /* there was none */
    op.rename.victim = seen.ino;
    assert_int_equal(do_unlink("g"), 0);
    expect_again(&op); /* it is gone */
    assert_int_equal(do_create("g"), 0);
    expect_again(&op); /* it is another one */
}

static void what_has_no_name_gets_none(void **state)
{
    (void)state;
    struct fs_file file, dir;
    assert_int_equal(do_mkdir("d"), 0);
    assert_int_equal(do_open("d", FS_READ, &dir), 0);
    assert_int_equal(do_open("f", FS_CREATE | FS_WRITE, &file), 0);
    assert_int_equal(do_rmdir("d"), 0);
    struct fs_op op = {.kind = FS_OP_LINK, .inode_kind = FS_REGULAR, .ino = file.ino};
    set_name(&op.link, dir.ino, "name");
    expect_again(&op); /* in a directory that was removed */
    assert_int_equal(do_unlink("f"), 0);
    set_name(&op.link, FS_ROOT, "name");
    expect_again(&op); /* for a file that lives by being open */
    do_close(&file);
    expect_again(&op);
    do_close(&dir);
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
        CASE(an_entry_that_was_made_anew_is_another_one),
        CASE(a_rename_replaces_only_what_it_saw),
        CASE(what_has_no_name_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
