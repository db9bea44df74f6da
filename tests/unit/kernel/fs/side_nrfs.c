// SPDX-License-Identifier: BSD-2-Clause

#include "side_nrfs.h"

struct nrfs_step {
    struct nrfs_side *self;
    struct fs_call *call;
    const struct step *step;
    struct outcome *out;
    struct fs_path a, b;
    struct fs_file *file;
};

static kerr_t run_open(struct nrfs_step *s)
{
    return fs_open(s->call, &s->a, (struct fs_open_how){s->step->flags, s->step->mode}, s->file);
}

static kerr_t run_close(struct nrfs_step *s)
{
    fs_close(s->call, s->file);
    return KERR_OK;
}

static kerr_t run_read(struct nrfs_step *s)
{
    uint64_t done = 0;
    struct fs_io io = {s->out->data, s->step->len, s->step->offset};
    kerr_t err = fs_read(s->call, s->file, &io, &done);
    s->out->len = done;
    return err;
}

static kerr_t run_write(struct nrfs_step *s)
{
    uint64_t done = 0;
    struct fs_io io = {s->out->data, s->step->len, s->step->offset};
    steps_bytes(s->step, s->out->data);
    kerr_t err = fs_write(s->call, s->file, &io, &done);
    s->out->size = done;
    return err;
}

static kerr_t run_resize(struct nrfs_step *s)
{
    return fs_truncate(s->call, s->file, s->step->offset);
}

static kerr_t put_stat(struct nrfs_step *s, kerr_t err, const struct fs_stat *stat)
{
    if (err)
        return err;
    s->out->kind = stat->kind;
    s->out->mode = stat->mode;
    s->out->links = stat->links;
    s->out->size = stat->kind == FS_DIRECTORY ? 0 : stat->size;
    s->out->ino = stat->ino;
    return KERR_OK;
}

static kerr_t run_ask(struct nrfs_step *s)
{
    struct fs_stat stat;
    return put_stat(s, fs_stat_file(s->call, s->file, &stat), &stat);
}

static kerr_t run_stat(struct nrfs_step *s)
{
    struct fs_stat stat;
    return put_stat(s, fs_stat(s->call, &s->a, FS_FOLLOW_LAST, &stat), &stat);
}

static kerr_t run_lstat(struct nrfs_step *s)
{
    struct fs_stat stat;
    return put_stat(s, fs_stat(s->call, &s->a, FS_LAST_LINK, &stat), &stat);
}

static kerr_t run_truncate(struct nrfs_step *s)
{
    struct fs_file file;
    kerr_t err = fs_open(s->call, &s->a, (struct fs_open_how){.flags = FS_WRITE}, &file);
    if (err)
        return err;
    err = fs_truncate(s->call, &file, s->step->offset);
    fs_close(s->call, &file);
    return err;
}

static kerr_t run_chmod(struct nrfs_step *s)
{
    struct fs_attributes set = {.set = FS_SET_MODE, .mode = s->step->mode};
    return fs_set(s->call, &s->a, FS_FOLLOW_LAST, &set);
}

static kerr_t run_mkdir(struct nrfs_step *s)
{
    return fs_mkdir(s->call, &s->a, s->step->mode);
}

static kerr_t run_rmdir(struct nrfs_step *s)
{
    return fs_rmdir(s->call, &s->a);
}

static kerr_t run_unlink(struct nrfs_step *s)
{
    return fs_unlink(s->call, &s->a);
}

static kerr_t run_link(struct nrfs_step *s)
{
    return fs_link(s->call, &s->a, &s->b);
}

static kerr_t run_symlink(struct nrfs_step *s)
{
    return fs_symlink(s->call, s->b.path, &s->a);
}

static kerr_t run_readlink(struct nrfs_step *s)
{
    uint64_t done = 0;
    struct fs_io io = {s->out->data, STEP_PATH, 0};
    kerr_t err = fs_read_link(s->call, &s->a, &io, &done);
    s->out->len = done;
    return err;
}

static kerr_t run_rename(struct nrfs_step *s)
{
    return fs_rename(s->call, &s->a, &s->b, s->step->flags ? FS_NO_REPLACE : FS_REPLACE);
}

static kerr_t run_list(struct nrfs_step *s)
{
    struct fs_open_how how = {.flags = FS_READ | FS_MUST_BE_DIRECTORY};
    struct fs_entry entries[3];
    struct fs_listing listing = {.entries = entries, .max = 3};
    struct fs_file file;
    kerr_t err = fs_open(s->call, &s->a, how, &file);
    if (err)
        return err;
    do {
        err = fs_list(s->call, &file, &listing);
        for (uint32_t i = 0; i < listing.count; i++)
            steps_line(s->out, entries[i].name, entries[i].kind);
    } while (!err && listing.count);
    steps_sort(s->out);
    fs_close(s->call, &file);
    return err;
}

static kerr_t (*const runs[STEP_KINDS])(struct nrfs_step *s) = {
    run_open,   run_close, run_read,     run_write,    run_resize, run_ask,
    run_stat,   run_lstat, run_truncate, run_chmod,    run_mkdir,  run_rmdir,
    run_unlink, run_link,  run_symlink,  run_readlink, run_rename, run_list,
};

static void run(struct side *side, const struct step *step, struct outcome *out)
{
    struct nrfs_side *self = (struct nrfs_side *)side;
    struct nrfs_step s = {
        .self = self,
        .call = &self->world->calls[self->turn++ % self->world->n_threads],
        .step = step,
        .out = out,
        .a = {self->start, bytes_of_str(step->a)},
        .b = {self->start, bytes_of_str(step->b)},
        .file = &self->slots[step->slot],
    };
    s.call->now += 10;
    out->err = errno_of(runs[step->kind](&s));
}

void nrfs_side_init(struct nrfs_side *self, struct world *world, const char *start)
{
    char path[STEP_PATH];
    *self = (struct nrfs_side){.side = {"nrfs", run}, .world = world};
    for (size_t i = 1; i <= strlen(start); i++) {
        if (start[i] != '/' && start[i] != 0)
            continue;
        (void)snprintf(path, sizeof(path), "%.*s", (int)i, start);
        struct fs_path at = path_of(path);
        struct fs_stat stat;
        assert_int_equal(fs_mkdir(&world->calls[0], &at, 0755), KERR_OK);
        assert_int_equal(fs_stat(&world->calls[0], &at, FS_LAST_LINK, &stat), KERR_OK);
        self->start = stat.ino;
    }
}
