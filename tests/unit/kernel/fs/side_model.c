// SPDX-License-Identifier: BSD-2-Clause

#include "side_model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <kernel/fs.h>
#include <string.h>

/* Where a path ends: an entry `name` of `dir`, which may be there; or no name, only a directory. */
struct end {
    int dir, node; /* node 0: there is none */
    char name[MODEL_NAME];
    int dots;   /* 1: ".", 2: "..", 0: a name */
    bool slash; /* comes after it */
};

/* --- Nodes and entries --- */

static struct model_entry *find(struct model_side *m, int dir, const char *name)
{
    for (int i = 0; i < MODEL_ENTRIES; i++) {
        struct model_entry *entry = &m->nodes[dir].entries[i];
        if (entry->node && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static bool is_empty(const struct model_node *node)
{
    for (int i = 0; i < MODEL_ENTRIES; i++) {
        if (node->entries[i].node)
            return false;
    }
    return true;
}

static void add(struct model_side *m, int dir, const char *name, int node)
{
    struct model_entry *entry = m->nodes[dir].entries;
    while (entry->node) {
        entry++;
        assert_true(entry < m->nodes[dir].entries + MODEL_ENTRIES);
    }
    (void)str_copy(entry->name, MODEL_NAME, name);
    entry->node = node;
    if (m->nodes[node].kind == FS_DIRECTORY) {
        m->nodes[node].parent = dir;
        m->nodes[dir].links++;
    }
}

static int make(struct model_side *m, unsigned kind, unsigned mode)
{
    for (int i = MODEL_ROOT; i < MODEL_NODES; i++) {
        if (m->nodes[i].kind == 0) {
            m->nodes[i] = (struct model_node){
                .kind = kind, .mode = mode, .links = kind == FS_DIRECTORY ? 2 : 1};
            return i;
        }
    }
    fail_msg("the model is too small");
    return 0;
}

static void free_if_gone(struct model_node *node)
{
    if (node->links == 0 && node->opens == 0) {
        free(node->data);
        *node = (struct model_node){0};
    }
}

/* Takes the name away; what it stood for loses a link unless it only moves. */
static void take(struct model_side *m, int dir, const char *name, bool moves)
{
    struct model_entry *entry = find(m, dir, name);
    struct model_node *node = &m->nodes[entry->node];
    entry->node = 0;
    if (node->kind == FS_DIRECTORY)
        m->nodes[dir].links--;
    if (moves)
        return;
    node->links = node->kind == FS_DIRECTORY ? 0 : node->links - 1;
    free_if_gone(node);
}

/* --- Paths --- */

static int walk(struct model_side *m, int dir, const char *path, int follow, int *links,
                struct end *end);

/* Where the link at the end of @link leads, and @rest after it. */
static int walk_link(struct model_side *m, const struct end *link, const char *rest, int follow,
                     int *links, struct end *end)
{
    char text[2 * STEP_PATH];
    if (++*links > FS_LINKS_MAX)
        return ELOOP;
    (void)str_copy(text, sizeof(text), m->nodes[link->node].data);
    text_append(text, sizeof(text), rest);
    return walk(m, link->dir, text, follow, links, end);
}

/* @follow: 0 not a link at the end, 1 only one with '/' after it, 2 any, 3 any without '/'. */
static int walk(struct model_side *m, int dir, const char *path, int follow, int *links,
                struct end *end)
{
    if (*path == 0)
        return ENOENT;
    size_t n = strcspn(path, "/");
    const char *rest = path + n, *next = rest + strspn(rest, "/");
    *end = (struct end){.dir = dir, .slash = *rest == '/'};
    (void)snprintf(end->name, MODEL_NAME, "%.*s", (int)n, path);
    bool last = *next == 0;
    if (strcmp(end->name, ".") == 0)
        end->dots = 1;
    else if (strcmp(end->name, "..") == 0)
        end->dots = 2;
    if (m->nodes[dir].links == 0 && !end->dots)
        return ENOENT;
    const struct model_entry *entry = end->dots ? NULL : find(m, dir, end->name);
    end->node = end->dots == 1 ? dir : end->dots == 2 ? m->nodes[dir].parent : 0;
    if (entry)
        end->node = entry->node;
    if (entry && m->nodes[end->node].kind == FS_SYMLINK) {
        bool follows = end->slash ? follow == 1 || follow == 2 : follow >= 2;
        if (!last || follows) {
            struct end link = *end;
            return walk_link(m, &link, rest, follow, links, end);
        }
    }
    if (last)
        return 0;
    if (!end->node)
        return ENOENT;
    if (m->nodes[end->node].kind != FS_DIRECTORY)
        return ENOTDIR;
    return walk(m, end->node, next, follow, links, end);
}

static int to_end(struct model_side *m, const char *path, int follow, struct end *end)
{
    int links = 0;
    return walk(m, m->start, path, follow, &links, end);
}

/* What a path names. */
static int resolve(struct model_side *m, const char *path, bool follow, int *node)
{
    struct end end;
    int err = to_end(m, path, follow ? 2 : 1, &end);
    if (err)
        return err;
    *node = end.node;
    if (!end.node)
        return ENOENT;
    return end.slash && m->nodes[end.node].kind != FS_DIRECTORY ? ENOTDIR : 0;
}

static int to_new(struct model_side *m, const char *path, bool directory, struct end *end)
{
    int err = to_end(m, path, 0, end);
    if (err)
        return err;
    if (end->node)
        return EEXIST;
    return end->slash && !directory ? ENOENT : 0;
}

/* --- Data --- */

static void resize(struct model_node *node, size_t size)
{
    char *data = calloc(size + 1, 1);
    assert_non_null(data);
    if (node->data)
        memcpy(data, node->data, size < node->size ? size : node->size);
    free(node->data);
    node->data = data;
    node->size = size;
}

struct model_step {
    struct model_side *m;
    const struct step *step;
    struct outcome *out;
    int *node; /* of the slot */
    unsigned *flags;
};

static int run_open(struct model_step *s)
{
    struct model_side *m = s->m;
    unsigned flags = s->step->flags;
    bool exclusive = flags & FS_EXCLUSIVE;
    struct end end = {0};
    int node = 0, err;
    if (flags & FS_CREATE) {
        err = to_end(m, s->step->a, flags & (FS_EXCLUSIVE | FS_NO_FOLLOW) ? 0 : 3, &end);
        if (!err && (end.dots || end.slash))
            err = end.dots && exclusive ? EEXIST : EISDIR;
        else if (!err && end.node && exclusive)
            err = EEXIST;
        node = end.node;
    } else {
        err = resolve(m, s->step->a, !(flags & FS_NO_FOLLOW), &node);
    }
    if (err)
        return err;
    if (!node) {
        node = make(m, FS_REGULAR, s->step->mode);
        add(m, end.dir, end.name, node);
    }
    unsigned kind = m->nodes[node].kind;
    if (kind == FS_DIRECTORY && (flags & (FS_CREATE | FS_WRITE)))
        return EISDIR;
    if (kind != FS_DIRECTORY && (flags & FS_MUST_BE_DIRECTORY))
        return ENOTDIR;
    if (kind == FS_SYMLINK)
        return ELOOP;
    if (flags & FS_TRUNCATE)
        resize(&m->nodes[node], 0);
    m->nodes[node].opens++;
    *s->node = node;
    *s->flags = flags;
    return 0;
}

static int run_close(struct model_step *s)
{
    struct model_node *node = &s->m->nodes[*s->node];
    node->opens--;
    free_if_gone(node);
    return 0;
}

static int run_read(struct model_step *s)
{
    const struct model_node *node = &s->m->nodes[*s->node];
    uint64_t offset = s->step->offset;
    if (!(*s->flags & FS_READ))
        return EBADF;
    if (node->kind == FS_DIRECTORY)
        return EISDIR;
    if (offset < node->size) {
        s->out->len = node->size - offset < s->step->len ? node->size - offset : s->step->len;
        memcpy(s->out->data, node->data + offset, s->out->len);
    }
    return 0;
}

static int run_write(struct model_step *s)
{
    struct model_node *node = &s->m->nodes[*s->node];
    uint64_t offset = *s->flags & FS_APPEND ? node->size : s->step->offset;
    if (!(*s->flags & FS_WRITE))
        return EBADF;
    if (s->step->len > 0 && offset + s->step->len > node->size)
        resize(node, offset + s->step->len);
    if (s->step->len > 0)
        steps_bytes(s->step, node->data + offset);
    s->out->size = s->step->len;
    return 0;
}

static int run_resize(struct model_step *s)
{
    struct model_node *node = &s->m->nodes[*s->node];
    if (node->kind != FS_REGULAR || !(*s->flags & FS_WRITE))
        return EINVAL;
    resize(node, s->step->offset);
    return 0;
}

/* --- Attributes --- */

static int put_stat(struct model_step *s, int err, int number)
{
    if (err)
        return err;
    const struct model_node *node = &s->m->nodes[number];
    s->out->kind = node->kind;
    s->out->mode = node->mode;
    s->out->links = node->links;
    s->out->size = node->kind == FS_DIRECTORY ? 0 : node->size;
    s->out->ino = (uint64_t)number;
    return 0;
}

static int run_ask(struct model_step *s)
{
    return put_stat(s, 0, *s->node);
}

static int run_stat(struct model_step *s)
{
    int node = 0;
    int err = resolve(s->m, s->step->a, true, &node);
    return put_stat(s, err, node);
}

static int run_lstat(struct model_step *s)
{
    int node = 0;
    int err = resolve(s->m, s->step->a, false, &node);
    return put_stat(s, err, node);
}

static int run_truncate(struct model_step *s)
{
    int node = 0;
    int err = resolve(s->m, s->step->a, true, &node);
    if (err)
        return err;
    if (s->m->nodes[node].kind == FS_DIRECTORY)
        return EISDIR;
    resize(&s->m->nodes[node], s->step->offset);
    return 0;
}

static int run_chmod(struct model_step *s)
{
    int node = 0;
    int err = resolve(s->m, s->step->a, true, &node);
    if (!err)
        s->m->nodes[node].mode = s->step->mode;
    return err;
}

/* --- Names --- */

static int run_mkdir(struct model_step *s)
{
    struct end end;
    int err = to_new(s->m, s->step->a, true, &end);
    if (!err)
        add(s->m, end.dir, end.name, make(s->m, FS_DIRECTORY, s->step->mode));
    return err;
}

static int run_symlink(struct model_step *s)
{
    struct end end;
    int err = to_new(s->m, s->step->a, false, &end);
    if (err)
        return err;
    int node = make(s->m, FS_SYMLINK, 0777);
    resize(&s->m->nodes[node], strlen(s->step->b));
    memcpy(s->m->nodes[node].data, s->step->b, strlen(s->step->b));
    add(s->m, end.dir, end.name, node);
    return 0;
}

static int run_link(struct model_step *s)
{
    struct end end;
    int node = 0;
    int err = resolve(s->m, s->step->a, false, &node);
    if (!err)
        err = to_new(s->m, s->step->b, false, &end);
    if (err)
        return err;
    if (s->m->nodes[node].kind == FS_DIRECTORY)
        return EPERM;
    add(s->m, end.dir, end.name, node);
    s->m->nodes[node].links++;
    return 0;
}

static int run_readlink(struct model_step *s)
{
    int number = 0;
    int err = resolve(s->m, s->step->a, false, &number);
    if (err)
        return err;
    const struct model_node *node = &s->m->nodes[number];
    if (node->kind != FS_SYMLINK)
        return EINVAL;
    s->out->len = node->size;
    memcpy(s->out->data, node->data, node->size);
    return 0;
}

static int run_rmdir(struct model_step *s)
{
    struct end end;
    int err = to_end(s->m, s->step->a, 0, &end);
    if (err)
        return err;
    if (end.dots)
        return end.dots == 1 ? EINVAL : ENOTEMPTY;
    if (!end.node)
        return ENOENT;
    if (s->m->nodes[end.node].kind != FS_DIRECTORY)
        return ENOTDIR;
    if (!is_empty(&s->m->nodes[end.node]))
        return ENOTEMPTY;
    take(s->m, end.dir, end.name, false);
    return 0;
}

static int run_unlink(struct model_step *s)
{
    struct end end;
    int err = to_end(s->m, s->step->a, 0, &end);
    if (err)
        return err;
    if (end.dots)
        return EISDIR;
    if (!end.node)
        return ENOENT;
    if (s->m->nodes[end.node].kind == FS_DIRECTORY)
        return EISDIR;
    if (end.slash)
        return ENOTDIR;
    take(s->m, end.dir, end.name, false);
    return 0;
}

static bool is_inside(const struct model_side *m, int dir, int node)
{
    while (dir != node && dir != MODEL_ROOT)
        dir = m->nodes[dir].parent;
    return dir == node;
}

static int check_rename(struct model_side *m, const struct end *from, const struct end *to,
                        bool keep)
{
    if (from->dots)
        return EBUSY;
    if (to->dots)
        return keep ? EEXIST : EBUSY;
    if (!from->node)
        return ENOENT;
    if (to->node && keep)
        return EEXIST;
    bool directory = m->nodes[from->node].kind == FS_DIRECTORY;
    if (!directory && (from->slash || to->slash))
        return ENOTDIR;
    if (directory && from->node != to->node && is_inside(m, to->dir, from->node))
        return EINVAL;
    if (!to->node || to->node == from->node)
        return 0;
    if (is_inside(m, from->dir, to->node))
        return ENOTEMPTY;
    bool onto_directory = m->nodes[to->node].kind == FS_DIRECTORY;
    if (directory != onto_directory)
        return directory ? ENOTDIR : EISDIR;
    return directory && !is_empty(&m->nodes[to->node]) ? ENOTEMPTY : 0;
}

static int run_rename(struct model_step *s)
{
    struct end from, to;
    int err = to_end(s->m, s->step->a, 0, &from);
    if (!err)
        err = to_end(s->m, s->step->b, 0, &to);
    if (!err)
        err = check_rename(s->m, &from, &to, s->step->flags != 0);
    if (err || from.node == to.node)
        return err;
    if (to.node)
        take(s->m, to.dir, to.name, false);
    take(s->m, from.dir, from.name, true);
    add(s->m, to.dir, to.name, from.node);
    return 0;
}

static int run_list(struct model_step *s)
{
    int node = 0;
    int err = resolve(s->m, s->step->a, true, &node);
    if (err)
        return err;
    if (s->m->nodes[node].kind != FS_DIRECTORY)
        return ENOTDIR;
    steps_line(s->out, ".", FS_DIRECTORY);
    steps_line(s->out, "..", FS_DIRECTORY);
    for (int i = 0; i < MODEL_ENTRIES; i++) {
        const struct model_entry *entry = &s->m->nodes[node].entries[i];
        if (entry->node)
            steps_line(s->out, entry->name, s->m->nodes[entry->node].kind);
    }
    steps_sort(s->out);
    return 0;
}

static int (*const runs[STEP_KINDS])(struct model_step *s) = {
    run_open,   run_close, run_read,     run_write,    run_resize, run_ask,
    run_stat,   run_lstat, run_truncate, run_chmod,    run_mkdir,  run_rmdir,
    run_unlink, run_link,  run_symlink,  run_readlink, run_rename, run_list,
};

static void run(struct side *side, const struct step *step, struct outcome *out)
{
    struct model_side *m = (struct model_side *)side;
    struct model_step s = {m, step, out, &m->slots[step->slot].node, &m->slots[step->slot].flags};
    out->err = runs[step->kind](&s);
}

void model_init(struct model_side *self, const char *start)
{
    memset(self, 0, sizeof(*self));
    self->side = (struct side){"model", run};
    self->start = make(self, FS_DIRECTORY, 0755);
    self->nodes[self->start].parent = self->start;
    while (*start == '/') {
        char name[MODEL_NAME];
        size_t n = strcspn(++start, "/");
        int node = make(self, FS_DIRECTORY, 0755);
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, start);
        add(self, self->start, name, node);
        self->start = node;
        start += n;
    }
}

void model_clear(struct model_side *self)
{
    for (int i = 0; i < MODEL_NODES; i++)
        free(self->nodes[i].data);
}
