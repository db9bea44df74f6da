// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS on several logs and replicas, used by several threads at a time. What each thread does is
// random; what is checked holds whatever the others do.

#include "steps.h"
#include "world.h"

#include <errno.h>
#include <pthread.h>

#define REPLICAS 2
#define THREADS  4

static struct world world;

struct worker {
    unsigned id;
    pthread_t thread;
    struct fs_call *call;
    struct random random;
    uint64_t done; /* what it counts, after the end */
};

static int set_up(void **state)
{
    (void)state;
    world_create(&world, REPLICAS, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_check_equal(&world);
    world_destroy(&world);
    return 0;
}

/* Threads cannot fail a test of cmocka's. */
static void require(bool holds, const char *what, unsigned line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %u: %s\n", line, what);
        abort();
    }
}
#define REQUIRE(condition) require(condition, #condition, __LINE__)

/* Runs @main on all threads, as cores on the nodes of their replicas. */
static void run_workers(void *(*main)(void *), struct worker *workers)
{
    uint64_t seed = random_seed("kernel-fs_threads");
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.id = i, .call = &world.calls[i], .random = {seed + i}};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, main, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

static struct fs_path at(const char *path)
{
    return path_of(path);
}

static kerr_t open_path(struct worker *self, const char *path, uint32_t flags, struct fs_file *file)
{
    struct fs_path where = at(path);
    return fs_open(self->call, &where, (struct fs_open_how){flags, 0644}, file);
}

/* --- Appending --- */

#define RECORDS 1000

struct record {
    uint32_t id, number;
    uint8_t fill[120]; /* of `number`; records cross borders of pages */
};

/* Every second thread appends, the others look at what is there. */
static void *append_main(void *arg)
{
    struct worker *self = arg;
    struct fs_file file;
    struct record record, back;
    uint64_t done;
    hosted_set_core(self->id);
    REQUIRE(open_path(self, "/log", FS_CREATE | FS_READ | FS_WRITE | FS_APPEND, &file) == KERR_OK);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct fs_stat stat;
        self->call->now = i / 100;
        if (self->id % 2 == 0) {
            record = (struct record){self->id, i, {0}};
            memset(record.fill, (int)i, sizeof(record.fill));
            struct fs_io io = {&record, sizeof(record), 0};
            REQUIRE(fs_write(self->call, &file, &io, &done) == KERR_OK && done == sizeof(record));
            REQUIRE(io.offset % sizeof(record) == 0);
        }
        REQUIRE(fs_stat_file(self->call, &file, &stat) == KERR_OK);
        REQUIRE(stat.size % sizeof(record) == 0);
        if (stat.size == 0)
            continue;
        uint64_t n = random_below(&self->random, stat.size / sizeof(record));
        struct fs_io io = {&back, sizeof(back), n * sizeof(back)};
        REQUIRE(fs_read(self->call, &file, &io, &done) == KERR_OK && done == sizeof(back));
        REQUIRE(back.id < THREADS && back.fill[0] == (uint8_t)back.number &&
                back.fill[119] == (uint8_t)back.number);
    }
    fs_close(self->call, &file);
    return NULL;
}

/* Appended records are whole as soon as the size covers them, and none gets lost. */
static void appends_are_atomic(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    static bool seen[THREADS][RECORDS];
    struct record record;
    struct fs_file file;
    uint64_t done, n = 0;
    run_workers(append_main, workers);
    assert_int_equal(open_path(&workers[0], "/log", FS_READ, &file), KERR_OK);
    for (;; n++) {
        struct fs_io io = {&record, sizeof(record), n * sizeof(record)};
        assert_int_equal(fs_read(workers[0].call, &file, &io, &done), KERR_OK);
        if (done == 0)
            break;
        assert_int_equal(done, sizeof(record));
        assert_false(seen[record.id][record.number]);
        seen[record.id][record.number] = true;
    }
    assert_int_equal(n, THREADS / 2 * RECORDS);
    fs_close(workers[0].call, &file);
}

/* --- Names --- */

#define CREATES 1000
#define NAMES   20

/* All threads create and unlink the same few names; who succeeds counts. */
static void *exclusive_main(void *arg)
{
    struct worker *self = arg;
    hosted_set_core(self->id);
    for (int i = 0; i < CREATES; i++) {
        char path[16];
        struct fs_file file;
        (void)snprintf(path, sizeof(path), "/f%u", (unsigned)random_below(&self->random, NAMES));
        struct fs_path where = at(path);
        kerr_t err;
        if (random_below(&self->random, 2)) {
            err = open_path(self, path, FS_CREATE | FS_EXCLUSIVE | FS_WRITE, &file);
            REQUIRE(err == KERR_OK || err == KERR_EXISTS);
            if (err)
                continue;
            self->done++;
            fs_close(self->call, &file);
        } else {
            err = fs_unlink(self->call, &where);
            REQUIRE(err == KERR_OK || err == KERR_NOT_FOUND);
            self->done -= err == KERR_OK;
        }
    }
    return NULL;
}

static void a_name_is_created_once(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    struct fs_stat stat;
    struct fs_path root = at("/");
    uint64_t sum = 0;
    run_workers(exclusive_main, workers);
    for (unsigned i = 0; i < THREADS; i++)
        sum += workers[i].done;
    assert_int_equal(fs_stat(workers[0].call, &root, FS_LAST_LINK, &stat), KERR_OK);
    assert_int_equal(stat.size, sum);
}

/* --- Replacing --- */

#define REPLACEMENTS 500

/* Thread 0 replaces a file by renames, in and across directories; it is never not there. */
static void *replace_main(void *arg)
{
    struct worker *self = arg;
    hosted_set_core(self->id);
    for (int i = 0; i < REPLACEMENTS; i++) {
        struct fs_file file;
        struct fs_stat stat;
        char byte = 0;
        uint64_t done;
        struct fs_io io = {&byte, 1, 0};
        struct fs_path target = at("/d/target"), fresh = at(i % 2 ? "/d/new" : "/e/new");
        if (self->id == 0) {
            const char *path = i % 2 ? "/d/new" : "/e/new";
            REQUIRE(open_path(self, path, FS_CREATE | FS_EXCLUSIVE | FS_WRITE, &file) == KERR_OK);
            byte = 'x';
            REQUIRE(fs_write(self->call, &file, &io, &done) == KERR_OK);
            fs_close(self->call, &file);
            REQUIRE(fs_rename(self->call, &fresh, &target, FS_REPLACE) == KERR_OK);
            continue;
        }
        REQUIRE(fs_stat(self->call, &target, FS_FOLLOW_LAST, &stat) == KERR_OK);
        REQUIRE(open_path(self, "/link", FS_READ, &file) == KERR_OK);
        REQUIRE(fs_read(self->call, &file, &io, &done) == KERR_OK && done == 1 && byte == 'x');
        fs_close(self->call, &file);
    }
    return NULL;
}

static void a_replaced_file_is_always_there(void **state)
{
    (void)state;
    struct worker workers[THREADS] = {{.call = &world.calls[0]}};
    struct fs_path d = at("/d"), e = at("/e"), link = at("/link");
    struct fs_file file;
    uint64_t done;
    struct fs_io io = {"x", 1, 0};
    assert_int_equal(fs_mkdir(&world.calls[0], &d, 0755), KERR_OK);
    assert_int_equal(fs_mkdir(&world.calls[0], &e, 0755), KERR_OK);
    assert_int_equal(fs_symlink(&world.calls[0], bytes_of_str("d/target"), &link), KERR_OK);
    assert_int_equal(open_path(&workers[0], "/d/target", FS_CREATE | FS_WRITE, &file), KERR_OK);
    assert_int_equal(fs_write(&world.calls[0], &file, &io, &done), KERR_OK);
    fs_close(&world.calls[0], &file);
    run_workers(replace_main, workers);
}

/* --- Moving directories --- */

#define MOVES 500

/* Directories are moved into one another; none may get lost in a ring. */
static void *move_main(void *arg)
{
    struct worker *self = arg;
    hosted_set_core(self->id);
    for (int i = 0; i < MOVES; i++) {
        struct random *random = &self->random;
        char from[32], to[48];
        (void)snprintf(from, sizeof(from), "/d%u/d%u", (unsigned)random_below(random, 4),
                       (unsigned)random_below(random, 4));
        (void)snprintf(to, sizeof(to), "/d%u/d%u/d%u", (unsigned)random_below(random, 4),
                       (unsigned)random_below(random, 4), (unsigned)random_below(random, 4));
        struct fs_path a = at(from + (random_below(random, 2) ? 3 : 0));
        struct fs_path b = at(to + 3 * random_below(random, 3));
        kerr_t err = random_below(random, 2) ? fs_rename(self->call, &a, &b, FS_NO_REPLACE)
                                             : fs_rename(self->call, &b, &a, FS_NO_REPLACE);
        REQUIRE(err == KERR_OK || err == KERR_NOT_FOUND || err == KERR_EXISTS ||
                err == KERR_INVALID);
    }
    return NULL;
}

static uint64_t count_below(const char *path)
{
    struct fs_path where = at(path);
    struct fs_open_how how = {.flags = FS_READ};
    struct fs_entry entries[16];
    struct fs_listing listing = {.entries = entries, .max = 16};
    struct fs_file file;
    uint64_t n = 1;
    assert_int_equal(fs_open(&world.calls[0], &where, how, &file), KERR_OK);
    assert_int_equal(fs_list(&world.calls[0], &file, &listing), KERR_OK);
    fs_close(&world.calls[0], &file);
    for (uint32_t i = 2; i < listing.count; i++) {
        char below[512];
        assert_true(strlen(path) + 16 < sizeof(below));
        *below = 0;
        text_append(below, sizeof(below), path);
        text_append(below, sizeof(below), "/");
        text_append(below, sizeof(below), entries[i].name);
        n += count_below(below);
    }
    return n;
}

static void directories_do_not_move_into_a_ring(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    for (int i = 0; i < 4; i++) {
        char path[16];
        (void)snprintf(path, sizeof(path), "/d%d", i);
        struct fs_path where = at(path);
        assert_int_equal(fs_mkdir(&world.calls[0], &where, 0755), KERR_OK);
        for (int j = 0; j < 2; j++) {
            (void)snprintf(path, sizeof(path), "/d%d/d%d", i, (i + 1 + j) % 4);
            where = at(path);
            assert_int_equal(fs_mkdir(&world.calls[0], &where, 0755), KERR_OK);
        }
    }
    run_workers(move_main, workers);
    assert_int_equal(count_below("/"), 13);
}

/* --- Everything at once --- */

#define STEPS     2000
#define PATH_SIZE 32

static void random_path(struct random *random, char *path)
{
    static const char *const parts[] = {"a", "b", "c", "d", "..", "l"};
    *path = 0;
    for (uint64_t n = 1 + random_below(random, 3); n > 0; n--) {
        text_append(path, PATH_SIZE, "/");
        text_append(path, PATH_SIZE, parts[random_below(random, array_count(parts))]);
    }
}

static void use_file(struct worker *self, const char *path)
{
    static char data[THREADS][20000];
    struct random *random = &self->random;
    struct fs_file file;
    uint64_t done;
    uint32_t flags = FS_READ | FS_WRITE | FS_CREATE | (random_below(random, 4) ? 0 : FS_TRUNCATE);
    if (open_path(self, path, flags, &file))
        return;
    struct fs_io io = {data[self->id], random_below(random, 20000), random_below(random, 50000)};
    REQUIRE(fs_write(self->call, &file, &io, &done) == KERR_OK);
    io.offset = random_below(random, 50000);
    REQUIRE(fs_read(self->call, &file, &io, &done) == KERR_OK);
    if (random_below(random, 4) == 0)
        REQUIRE(fs_truncate(self->call, &file, random_below(random, 50000)) == KERR_OK);
    fs_close(self->call, &file);
}

static void *anything_main(void *arg)
{
    struct worker *self = arg;
    hosted_set_core(self->id);
    for (int i = 0; i < STEPS; i++) {
        char one[PATH_SIZE], other[PATH_SIZE];
        random_path(&self->random, one);
        random_path(&self->random, other);
        struct fs_path a = at(one), b = at(other);
        struct fs_attributes set = {.set = FS_SET_MODE, .mode = 0700};
        struct fs_stat stat;
        kerr_t err = KERR_OK;
        self->call->now++;
        switch (random_below(&self->random, 9)) {
        case 0:
            err = fs_mkdir(self->call, &a, 0755);
            break;
        case 1:
            err = fs_rmdir(self->call, &a);
            break;
        case 2:
            err = fs_unlink(self->call, &a);
            break;
        case 3:
            err = fs_link(self->call, &a, &b);
            break;
        case 4:
            err = fs_symlink(self->call, bytes_of_str(other), &a);
            break;
        case 5:
            err = fs_rename(self->call, &a, &b, FS_REPLACE);
            break;
        case 6:
            err = fs_stat(self->call, &a, FS_FOLLOW_LAST, &stat);
            break;
        case 7:
            err = fs_set(self->call, &a, FS_FOLLOW_LAST, &set);
            break;
        default:
            use_file(self, one);
            break;
        }
        REQUIRE(err != KERR_AGAIN && err != KERR_FS_FULL && err != KERR_NO_MEMORY);
    }
    return NULL;
}

/* The tree is sound afterwards, the replicas are equal and no memory is lost: see tear_down. */
static void threads_may_do_anything(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    struct fs_counters counters;
    run_workers(anything_main, workers);
    fs_counters(world.fs, &counters);
    print_message("%llu inodes, %llu operations begun again\n", (unsigned long long)counters.inodes,
                  (unsigned long long)counters.retries);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(appends_are_atomic),
        CASE(a_name_is_created_once),
        CASE(a_replaced_file_is_always_there),
        CASE(directories_do_not_move_into_a_ring),
        CASE(threads_may_do_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
