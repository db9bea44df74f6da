// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS on all cores and nodes of a machine at a time, through the kernel's replicated objects. What
// file operations do is tested hosted; this is about where they run.

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <base/format.h>
#include <kernel/arch.h>
#include <kernel/fs.h>
#include <kernel/log.h>
#include <kernel/main.h>
#include <kernel/memory.h>
#include <kernel/nodes.h>
#include <kernel/panic.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* Short, so that cores have to wait for each other's nodes. */
#define LOG_ENTRIES 64
#define LOGS        4
#define ROUNDS      40

/* One in the common file; they cross the borders of pages. */
struct record {
    uint64_t core, round;
    uint64_t fill[10]; /* core + round */
};

static struct fs *fs;
static struct node_object *object;
static _Atomic unsigned n_running;

static struct fs_call this_call(void)
{
    return (struct fs_call){.fs = fs, .thread = nodes_thread(object), .now = 1};
}

/* The path of a core's own directory or of a file in it, and of the same file in the common one. */
struct paths {
    char own[32], file[32], shared[48];
};

static struct fs_path path_of(const char *text)
{
    return (struct fs_path){FS_ROOT, bytes_of_str(text)};
}

static void append_record(const struct fs_call *call, uint64_t round)
{
    struct record record = {.core = arch_core_id(), .round = round};
    struct fs_io io = {.data = &record, .len = sizeof(record)};
    struct fs_path at = path_of("/log");
    struct fs_file file;
    uint64_t done;
    for (unsigned i = 0; i < 10; i++)
        record.fill[i] = record.core + round;
    kerr_t err = fs_open(call, &at, (struct fs_open_how){.flags = FS_WRITE | FS_APPEND}, &file);
    assert(!err);
    err = fs_write(call, &file, &io, &done);
    assert(!err && done == sizeof(record) && io.offset % sizeof(record) == 0);
    fs_close(call, &file);
}

/* Makes a file in the own directory and moves it to the common one; removes each second again. */
static void make_and_move(const struct fs_call *call, const struct paths *paths, uint64_t round)
{
    struct fs_path file = path_of(paths->file), shared = path_of(paths->shared);
    struct fs_file made;
    struct fs_stat stat;
    struct fs_open_how how = {.flags = FS_CREATE | FS_EXCLUSIVE | FS_WRITE, .mode = 0644};
    kerr_t err = fs_open(call, &file, how, &made);
    assert(!err);
    fs_close(call, &made);
    err = fs_rename(call, &file, &shared, FS_NO_REPLACE);
    assert(!err && fs_stat(call, &file, FS_LAST_LINK, &stat) == KERR_NOT_FOUND);
    err = fs_stat(call, &shared, FS_LAST_LINK, &stat);
    assert(!err && stat.ino == made.ino && stat.links == 1);
    if (round % 2)
        err = fs_unlink(call, &shared);
    assert(!err);
}

static void use_files(void)
{
    struct fs_call call = this_call();
    struct paths paths;
    core_id_t core = arch_core_id();
    format(paths.own, sizeof(paths.own), "/core%u", core);
    struct fs_path own = path_of(paths.own);
    kerr_t err = fs_mkdir(&call, &own, 0755);
    assert(!err);
    for (unsigned round = 0; round < ROUNDS; round++) {
        format(paths.file, sizeof(paths.file), "/core%u/f%u", core, round);
        format(paths.shared, sizeof(paths.shared), "/shared/f%u-%u", core, round);
        make_and_move(&call, &paths, round);
        append_record(&call, round);
    }
    err = fs_rmdir(&call, &own);
    assert(!err);
}

/* --- On all cores --- */

static void run_job(void)
{
    use_files();
    atomic_fetch_sub(&n_running, 1);
    arch_wake(0);
}

static void run_on_all(void)
{
    for (core_id_t core = 1; core < topology->n_cores; core++) {
        atomic_fetch_add(&n_running, 1);
        while (kernel_run_on(core, run_job) == KERR_BUSY)
            arch_relax();
    }
    use_files();
    while (atomic_load(&n_running))
        nodes_idle();
}

/* Each core's records are there, each once and in its order. */
static void check_log(const struct fs_call *call)
{
    static uint64_t next_round[MAX_CORES];
    struct fs_path at = path_of("/log");
    struct fs_file file;
    struct record record;
    struct fs_io io = {.data = &record, .len = sizeof(record)};
    uint64_t done;
    kerr_t err = fs_open(call, &at, (struct fs_open_how){.flags = FS_READ}, &file);
    assert(!err);
    for (;; io.offset += sizeof(record)) {
        err = fs_read(call, &file, &io, &done);
        assert(!err && (done == 0 || done == sizeof(record)));
        if (done == 0)
            break;
        assert(record.core < topology->n_cores && record.fill[9] == record.core + record.round);
        assert(record.round == next_round[record.core]);
        next_round[record.core]++;
    }
    assert(io.offset == topology->n_cores * ROUNDS * sizeof(record));
    fs_close(call, &file);
}

static void create(void)
{
    const struct fs_config config = {
        .frames = kernel_frames, .slab = kernel_slab, .logs = LOGS, .seed = 1};
    kerr_t err = fs_create(&config, &fs);
    assert(!err);
    const struct nodes_config nodes = {.log_entries = LOG_ENTRIES, .logs = LOGS, .init_arg = fs};
    err = nodes_create(fs_type(), &nodes, &object);
    assert(!err);
    fs_attach(fs, nodes_nr(object));
}

void test_fs(void)
{
    struct fs_stat stat;
    struct fs_file log;
    struct fs_counters counters;
    create();
    struct fs_call call = this_call();
    struct fs_path shared = path_of("/shared"), path = path_of("/log"), root = path_of("/");
    kerr_t err = fs_mkdir(&call, &shared, 0755);
    assert(!err);
    err = fs_open(&call, &path, (struct fs_open_how){FS_CREATE | FS_WRITE, 0644}, &log);
    assert(!err);
    fs_close(&call, &log);
    run_on_all();
    check_log(&call);
    err = fs_stat(&call, &shared, FS_LAST_LINK, &stat);
    assert(!err && stat.size == topology->n_cores * ROUNDS / 2);
    err = fs_stat(&call, &root, FS_LAST_LINK, &stat);
    assert(!err && stat.size == 2 && stat.links == 3);
    fs_clear(fs);
    fs_counters(fs, &counters);
    assert(counters.inodes == 0);
    log_info("%lu operations begun again", counters.retries);
    nodes_destroy(object);
    fs_destroy(fs);
}
