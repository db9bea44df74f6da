// SPDX-License-Identifier: BSD-2-Clause

#include "steps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <base/format.h>
#include <kernel/fs.h>
#include <string.h>

/* After so many steps the whole trees are compared, and the open files closed. */
#define LOOK_EVERY 400

/* Pairs of inodes that one look at the trees has met. */
#define MAX_PAIRS 4096

struct run {
    struct side *sides[2];
    struct random *random;
    bool open[STEP_SLOTS];
    uint64_t pairs[MAX_PAIRS][2];
    size_t n_pairs, n_steps;
};

static struct outcome outcomes[2];

static const char *const kind_names[STEP_KINDS] = {
    "open",  "close", "read",  "write",  "resize", "ask",     "stat",     "lstat",  "truncate",
    "chmod", "mkdir", "rmdir", "unlink", "link",   "symlink", "readlink", "rename", "list",
};

void steps_bytes(const struct step *step, char *bytes)
{
    for (size_t i = 0; i < step->len; i++)
        bytes[i] = (char)(step->seed + i * 31 + i / 256);
}

void steps_line(struct outcome *outcome, const char *name, unsigned kind)
{
    int n = snprintf(outcome->data + outcome->len, STEP_DATA - outcome->len, "%u %s\n", kind, name);
    if (n > 0)
        outcome->len += (size_t)n;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void steps_sort(struct outcome *outcome)
{
    static char text[STEP_DATA];
    char *lines[1024], *rest = NULL;
    size_t n = 0;
    memcpy(text, outcome->data, outcome->len);
    text[outcome->len] = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        lines[n++] = line;
    qsort(lines, n, sizeof(lines[0]), compare_lines);
    char *to = outcome->data;
    for (size_t i = 0; i < n; i++)
        to += snprintf(to, STEP_DATA, "%s\n", lines[i]);
}

/* --- One step --- */

static void explain(const struct run *run, const struct step *step)
{
    print_error("step %zu: %s a=%s b=%s slot=%u flags=%#x mode=%#o offset=%llu len=%zu\n",
                run->n_steps, kind_names[step->kind], step->a, step->b, step->slot, step->flags,
                step->mode, (unsigned long long)step->offset, step->len);
    for (int i = 0; i < 2; i++) {
        const struct outcome *o = &outcomes[i];
        print_error("  %s: errno %d kind %llu mode %#llo links %llu size %llu len %zu: %.60s\n",
                    run->sides[i]->name, o->err, (unsigned long long)o->kind,
                    (unsigned long long)o->mode, (unsigned long long)o->links,
                    (unsigned long long)o->size, o->len, o->data);
    }
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return a->err == b->err && a->kind == b->kind && a->mode == b->mode && a->links == b->links &&
           a->size == b->size && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Runs a step on both sides; the outcomes are in `outcomes`. */
static int run_step(struct run *run, const struct step *step)
{
    for (int i = 0; i < 2; i++) {
        memset(&outcomes[i], 0, offsetof(struct outcome, data) + 1);
        run->sides[i]->run(run->sides[i], step, &outcomes[i]);
    }
    run->n_steps++;
    if (!same(&outcomes[0], &outcomes[1])) {
        explain(run, step);
        fail();
    }
    return outcomes[0].err;
}

/* --- The whole tree --- */

/* The same inode on one side is the same on the other. */
static void check_pair(struct run *run, const struct step *step)
{
    uint64_t a = outcomes[0].ino, b = outcomes[1].ino;
    for (size_t i = 0; i < run->n_pairs; i++) {
        if ((run->pairs[i][0] == a) != (run->pairs[i][1] == b)) {
            explain(run, step);
            fail_msg("these are different inodes on one side only");
        }
    }
    if (run->n_pairs < MAX_PAIRS) {
        run->pairs[run->n_pairs][0] = a;
        run->pairs[run->n_pairs++][1] = b;
    }
}

static void look_at_file(struct run *run, const char *path, uint64_t size)
{
    struct step step = {.kind = STEP_OPEN, .flags = FS_READ};
    (void)str_copy(step.a, STEP_PATH, path);
    assert_int_equal(run_step(run, &step), 0);
    step.kind = STEP_READ;
    step.len = STEP_DATA;
    for (step.offset = 0; step.offset < size; step.offset += STEP_DATA)
        (void)run_step(run, &step);
    step.kind = STEP_CLOSE;
    (void)run_step(run, &step);
}

static void look_at(struct run *run, const char *path)
{
    struct step step = {.kind = STEP_LSTAT};
    (void)str_copy(step.a, STEP_PATH, path);
    assert_int_equal(run_step(run, &step), 0);
    check_pair(run, &step);
    if (outcomes[0].kind == FS_REGULAR) {
        look_at_file(run, path, outcomes[0].size);
        return;
    }
    step.kind = outcomes[0].kind == FS_SYMLINK ? STEP_READLINK : STEP_LIST;
    assert_int_equal(run_step(run, &step), 0);
    if (step.kind == STEP_READLINK || strlen(path) > STEP_PATH - 20)
        return;
    char *lines = strdup(outcomes[0].data), *rest = NULL;
    assert_non_null(lines);
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char below[STEP_PATH];
        if (line[2] != '.' && strlen(path) + strlen(line) < STEP_PATH) {
            (void)format(below, sizeof(below), "%s/%s", path, line + 2);
            look_at(run, below);
        }
    }
    free(lines);
}

static void close_all(struct run *run)
{
    for (unsigned i = 0; i < STEP_SLOTS; i++) {
        struct step step = {.kind = STEP_CLOSE, .slot = i};
        if (run->open[i])
            (void)run_step(run, &step);
        run->open[i] = false;
    }
}

/* --- Random steps --- */

static const char *random_name(struct random *random)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "l", "m"};
    return names[random_below(random, 8)];
}

/* Up to four names with their oddities. */
static void random_path(struct random *random, char *path)
{
    size_t n = 1 + random_below(random, random_below(random, 2) ? 2 : 4), ups = 0;
    *path = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = random_name(random);
        uint64_t dice = random_below(random, 24);
        if (dice == 0)
            name = ".";
        if (dice == 1 && ups++ < 2)
            name = "..";
        text_append(path, STEP_PATH, i == 0 ? "" : (dice == 2 ? "//" : "/"));
        text_append(path, STEP_PATH, name);
    }
    if (random_below(random, 12) == 0)
        text_append(path, STEP_PATH, random_below(random, 3) ? "/" : "/.");
    if (random_below(random, 500) == 0)
        *path = 0;
}

static void random_target(struct random *random, char *target)
{
    *target = 0;
    if (random_below(random, 4) == 0)
        text_append(target, STEP_PATH, "../");
    text_append(target, STEP_PATH, random_name(random));
    if (random_below(random, 3) == 0) {
        text_append(target, STEP_PATH, "/");
        text_append(target, STEP_PATH, random_name(random));
    }
    if (random_below(random, 10) == 0)
        text_append(target, STEP_PATH, "/");
}

static unsigned random_flags(struct random *random)
{
    static const unsigned access[] = {FS_READ, FS_WRITE, FS_READ | FS_WRITE, FS_READ | FS_WRITE};
    unsigned flags = access[random_below(random, 4)];
    if (random_below(random, 2))
        flags |= FS_CREATE | (random_below(random, 5) == 0 ? FS_EXCLUSIVE : 0);
    else if (random_below(random, 8) == 0)
        flags |= FS_MUST_BE_DIRECTORY;
    if (random_below(random, 8) == 0)
        flags |= FS_NO_FOLLOW;
    /* What truncation does to files that are only read, POSIX leaves open. */
    if ((flags & FS_WRITE) && random_below(random, 6) == 0)
        flags |= FS_TRUNCATE;
    if (random_below(random, 4) == 0)
        flags |= FS_APPEND;
    return flags;
}

/* Positions near the borders of pages, and sometimes far off. */
static uint64_t random_offset(struct random *random)
{
    uint64_t page = random_below(random, random_below(random, 50) ? 8 : 300);
    return page * 4096 + random_below(random, 3) * 4000 + random_below(random, 100);
}

static void random_step(struct run *run, struct step *step)
{
    static const unsigned char weights[STEP_KINDS] = {10, 4, 10, 14, 4, 3, 3, 3, 2,
                                                      2,  8, 3,  6,  4, 4, 2, 8, 2};
    struct random *random = run->random;
    uint64_t dice = random_below(random, 92);
    *step = (struct step){.kind = STEP_OPEN};
    while (dice >= weights[step->kind])
        dice -= weights[step->kind++];
    step->slot = (unsigned)random_below(random, STEP_SLOTS);
    step->mode = 0700 | (unsigned)random_below(random, 64);
    step->flags = step->kind == STEP_RENAME ? random_below(random, 5) == 0 : random_flags(random);
    step->offset = random_offset(random);
    step->len = random_below(random, random_below(random, 4) ? 300 : 20000);
    step->seed = (unsigned)random_below(random, 256);
    random_path(random, step->a);
    if (step->kind == STEP_SYMLINK)
        random_target(random, step->b);
    else
        random_path(random, step->b);
    if (step->kind <= STEP_ASK && (step->kind == STEP_OPEN) == run->open[step->slot])
        step->kind = run->open[step->slot] ? STEP_WRITE : STEP_OPEN;
}

void steps_compare(struct side *one, struct side *other, struct random *random, size_t n)
{
    static struct run run;
    size_t n_done = 0; /* random steps without an error */
    run = (struct run){.sides = {one, other}, .random = random};
    for (size_t i = 1; i <= n; i++) {
        struct step step;
        random_step(&run, &step);
        int err = run_step(&run, &step);
        n_done += err == 0;
        if (step.kind == STEP_OPEN)
            run.open[step.slot] = err == 0;
        if (step.kind == STEP_CLOSE)
            run.open[step.slot] = false;
        if (i % LOOK_EVERY && i < n)
            continue;
        close_all(&run);
        run.n_pairs = 0;
        look_at(&run, ".");
    }
    print_message("%zu random steps, %zu without an error; %zu in all\n", n, n_done, run.n_steps);
    assert_true(n_done > n / 4);
}
