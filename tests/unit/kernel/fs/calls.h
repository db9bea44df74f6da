// SPDX-License-Identifier: BSD-2-Clause
//
// For fixed cases: a file system on two replicas with three logs, and calls by text that answer
// with an errno. Each goes to the other replica than the one before.
#pragma once

#include "world.h"

#include <errno.h>

static struct world world;
static struct fs_call *call; /* the thread that a test calls from */

static inline int set_up(void **state)
{
    (void)state;
    world_create(&world, 2, 3);
    call = &world.calls[0];
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    world_check_equal(&world);
    world_destroy(&world);
    return 0;
}

static inline struct fs_call *next_call(void)
{
    call = call == &world.calls[0] ? &world.calls[1] : &world.calls[0];
    call->now++;
    return call;
}

static inline int do_open(const char *path, uint32_t flags, struct fs_file *file)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_open(next_call(), &at, (struct fs_open_how){flags, 0644}, file));
}

static inline void do_close(const struct fs_file *file)
{
    fs_close(next_call(), file);
}

static inline int do_create(const char *path)
{
    struct fs_file file;
    int err = do_open(path, FS_CREATE | FS_EXCLUSIVE | FS_WRITE, &file);
    if (!err)
        do_close(&file);
    return err;
}

static inline int do_mkdir(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_mkdir(next_call(), &at, 0755));
}

static inline int do_unlink(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_unlink(next_call(), &at));
}

static inline int do_rmdir(const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_rmdir(next_call(), &at));
}

static inline int do_link(const char *from, const char *to)
{
    struct fs_path a = path_of(from), b = path_of(to);
    return errno_of(fs_link(next_call(), &a, &b));
}

static inline int do_symlink(const char *target, const char *path)
{
    struct fs_path at = path_of(path);
    return errno_of(fs_symlink(next_call(), bytes_of_str(target), &at));
}

static inline int do_rename(const char *from, const char *to)
{
    struct fs_path a = path_of(from), b = path_of(to);
    return errno_of(fs_rename(next_call(), &a, &b, FS_REPLACE));
}

static inline struct fs_stat do_stat(const char *path)
{
    struct fs_stat stat = {0};
    struct fs_path at = path_of(path);
    assert_int_equal(fs_stat(next_call(), &at, FS_LAST_LINK, &stat), KERR_OK);
    return stat;
}

static inline int stat_error(const char *path)
{
    struct fs_stat stat;
    struct fs_path at = path_of(path);
    return errno_of(fs_stat(next_call(), &at, FS_FOLLOW_LAST, &stat));
}

static inline void put(const struct fs_file *file, uint64_t offset, const char *text)
{
    uint64_t done;
    struct fs_io io = {(void *)text, strlen(text), offset};
    assert_int_equal(fs_write(next_call(), file, &io, &done), KERR_OK);
    assert_int_equal(done, strlen(text));
}

static inline void expect(const struct fs_file *file, uint64_t offset, const char *bytes,
                          size_t len)
{
    char buffer[256] = {0};
    uint64_t done;
    struct fs_io io = {buffer, len, offset};
    assert_int_equal(fs_read(next_call(), file, &io, &done), KERR_OK);
    assert_int_equal(done, len);
    assert_memory_equal(buffer, bytes, len);
}
