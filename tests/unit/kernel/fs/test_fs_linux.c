// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS and this machine's tmpfs, by real system calls in a temporary directory: the same random
// steps, the same results and errnos.
//
// Differences that are on purpose, and so are kept out or made equal here: what stat says of the
// size of directories; times (they come from the caller); who may do what (NrFS does not check).

#define _GNU_SOURCE

#include "side_nrfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_TYPE 0x01021994
#define START      "/1/2/3/4/5/6"

struct linux_side {
    struct side side;
    char directory[64];
    int start;
    int slots[STEP_SLOTS];
};

struct linux_step {
    struct linux_side *self;
    const struct step *step;
    struct outcome *out;
    int *fd;
};

static int open_flags(unsigned flags)
{
    static const struct {
        unsigned ours;
        int theirs;
    } table[] = {{FS_CREATE, O_CREAT},       {FS_EXCLUSIVE, O_EXCL},
                 {FS_TRUNCATE, O_TRUNC},     {FS_APPEND, O_APPEND},
                 {FS_NO_FOLLOW, O_NOFOLLOW}, {FS_MUST_BE_DIRECTORY, O_DIRECTORY}};
    int result = flags & FS_WRITE ? (flags & FS_READ ? O_RDWR : O_WRONLY) : O_RDONLY;
    for (size_t i = 0; i < array_count(table); i++)
        result |= flags & table[i].ours ? table[i].theirs : 0;
    return result;
}

static int run_open(struct linux_step *s)
{
    *s->fd = openat(s->self->start, s->step->a, open_flags(s->step->flags), s->step->mode);
    return *s->fd < 0 ? -1 : 0;
}

static int run_close(struct linux_step *s)
{
    return close(*s->fd);
}

static int run_read(struct linux_step *s)
{
    ssize_t n = pread(*s->fd, s->out->data, s->step->len, (off_t)s->step->offset);
    s->out->len = n > 0 ? (size_t)n : 0;
    return n < 0 ? -1 : 0;
}

static int run_write(struct linux_step *s)
{
    steps_bytes(s->step, s->out->data);
    ssize_t n = pwrite(*s->fd, s->out->data, s->step->len, (off_t)s->step->offset);
    s->out->size = n > 0 ? (size_t)n : 0;
    return n < 0 ? -1 : 0;
}

static int run_resize(struct linux_step *s)
{
    return ftruncate(*s->fd, (off_t)s->step->offset);
}

static unsigned kind_of(mode_t mode)
{
    return S_ISDIR(mode) ? FS_DIRECTORY : S_ISLNK(mode) ? FS_SYMLINK : FS_REGULAR;
}

static int put_stat(struct linux_step *s, int result, const struct stat *stat)
{
    if (result)
        return result;
    s->out->kind = kind_of(stat->st_mode);
    s->out->mode = stat->st_mode & 07777;
    s->out->links = stat->st_nlink;
    s->out->size = S_ISDIR(stat->st_mode) ? 0 : (uint64_t)stat->st_size;
    s->out->ino = stat->st_ino;
    return 0;
}

static int run_ask(struct linux_step *s)
{
    struct stat stat;
    return put_stat(s, fstat(*s->fd, &stat), &stat);
}

static int run_stat(struct linux_step *s)
{
    struct stat stat;
    return put_stat(s, fstatat(s->self->start, s->step->a, &stat, 0), &stat);
}

static int run_lstat(struct linux_step *s)
{
    struct stat stat;
    return put_stat(s, fstatat(s->self->start, s->step->a, &stat, AT_SYMLINK_NOFOLLOW), &stat);
}

static int run_truncate(struct linux_step *s)
{
    return truncate(s->step->a, (off_t)s->step->offset);
}

static int run_chmod(struct linux_step *s)
{
    return fchmodat(s->self->start, s->step->a, s->step->mode, 0);
}

static int run_mkdir(struct linux_step *s)
{
    return mkdirat(s->self->start, s->step->a, s->step->mode);
}

static int run_rmdir(struct linux_step *s)
{
    return unlinkat(s->self->start, s->step->a, AT_REMOVEDIR);
}

static int run_unlink(struct linux_step *s)
{
    return unlinkat(s->self->start, s->step->a, 0);
}

static int run_link(struct linux_step *s)
{
    return linkat(s->self->start, s->step->a, s->self->start, s->step->b, 0);
}

static int run_symlink(struct linux_step *s)
{
    return symlinkat(s->step->b, s->self->start, s->step->a);
}

static int run_readlink(struct linux_step *s)
{
    ssize_t n = readlinkat(s->self->start, s->step->a, s->out->data, STEP_PATH);
    s->out->len = n > 0 ? (size_t)n : 0;
    return n < 0 ? -1 : 0;
}

/* By the system call itself: libraries may do something else where the kernel refuses. */
static int run_rename(struct linux_step *s)
{
    return (int)syscall(SYS_renameat2, s->self->start, s->step->a, s->self->start, s->step->b,
                        s->step->flags ? 1 : 0);
}

static int run_list(struct linux_step *s)
{
    int fd = openat(s->self->start, s->step->a, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        unsigned char type = entry->d_type;
        unsigned kind = type == DT_DIR ? FS_DIRECTORY : type == DT_LNK ? FS_SYMLINK : FS_REGULAR;
        steps_line(s->out, entry->d_name, kind);
    }
    steps_sort(s->out);
    return closedir(dir);
}

static int (*const runs[STEP_KINDS])(struct linux_step *s) = {
    run_open,   run_close, run_read,     run_write,    run_resize, run_ask,
    run_stat,   run_lstat, run_truncate, run_chmod,    run_mkdir,  run_rmdir,
    run_unlink, run_link,  run_symlink,  run_readlink, run_rename, run_list,
};

static void run(struct side *side, const struct step *step, struct outcome *out)
{
    struct linux_side *self = (struct linux_side *)side;
    struct linux_step s = {self, step, out, &self->slots[step->slot]};
    out->err = runs[step->kind](&s) ? errno : 0;
}

/* --- Fixture --- */

static struct world world;
static struct linux_side host;
static struct nrfs_side ours;

static bool is_tmpfs(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == TMPFS_TYPE;
}

/* mkdtemp in the first tmpfs there is. */
static bool make_directory(char *path, size_t size)
{
    static const char *const places[] = {"/dev/shm", "/tmp", "/run"};
    for (size_t i = 0; i < array_count(places); i++) {
        (void)snprintf(path, size, "%s/nrk-fs-XXXXXX", places[i]);
        if (is_tmpfs(places[i]) && mkdtemp(path))
            return true;
    }
    return false;
}

static int set_up(void **state)
{
    (void)state;
    char path[sizeof(host.directory) + sizeof(START)];
    host = (struct linux_side){.side = {"linux", run}};
    if (!make_directory(host.directory, sizeof(host.directory))) {
        print_message("there is no tmpfs here that we may write to\n");
        return 0;
    }
    (void)umask(0);
    for (size_t i = 2; i <= sizeof(START); i += 2) {
        (void)snprintf(path, sizeof(path), "%s%.*s", host.directory, (int)i, START);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    host.start = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(host.start >= 0);
    assert_int_equal(fchdir(host.start), 0); /* for truncate(), which knows no directory */
    world_create(&world, 2, 3);
    nrfs_side_init(&ours, &world, START);
    return 0;
}

static void remove_tree(const char *path)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
    (void)state;
    if (!ours.world)
        return 0;
    assert_int_equal(chdir("/"), 0);
    close(host.start);
    remove_tree(host.directory);
    world_check_equal(&world);
    world_destroy(&world);
    return 0;
}

static void random_steps_end_as_on_tmpfs(void **state)
{
    (void)state;
    struct random random = {random_seed("kernel-fs_linux")};
    if (!ours.world)
        skip();
    steps_compare(&ours.side, &host.side, &random, 10000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_steps_end_as_on_tmpfs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
