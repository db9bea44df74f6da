// SPDX-License-Identifier: BSD-2-Clause
//
// Along a path, name by name: each step is a query to the log of one directory.
//
// A path is not looked up in one moment, as nowhere; each step finds what was there when it was
// made. A directory that is gone when its turn comes was removed, or replaced, after it was found:
// then the walk begins anew (KERR_AGAIN), because another one may have its name. Only the directory
// where the path begins may stay gone.
//
// Links are followed in the text: the target takes the place of the link's name, in a new buffer.

#include "fs_impl.h"

/* A target, '/', and what was left of the path. Both may be long; together they may be too long. */
#define BUFFER_SIZE ((size_t)8192)

struct walk {
    const struct fs_call *call;
    uint64_t start, dir;
    struct bytes rest;
    unsigned links;
    char *buffer; /* where `rest` is after the first link */
};

static struct bytes tail_of(struct bytes text, size_t from)
{
    return bytes_of((const char *)text.data + from, text.len - from);
}

static size_t count_slashes(struct bytes text)
{
    const char *chars = text.data;
    size_t n = 0;
    while (n < text.len && chars[n] == '/')
        n++;
    return n;
}

/* Takes the next name from the path, with the slashes after it. */
static struct bytes next_name(struct bytes *rest, bool *slash)
{
    const char *chars = rest->data;
    size_t n = 0;
    while (n < rest->len && chars[n] != '/')
        n++;
    struct bytes name = bytes_of(chars, n);
    *rest = tail_of(*rest, n);
    *slash = rest->len > 0;
    *rest = tail_of(*rest, count_slashes(*rest));
    return name;
}

static void set_rest(struct walk *walk, struct bytes text)
{
    size_t slashes = count_slashes(text);
    if (slashes > 0)
        walk->dir = FS_ROOT;
    walk->rest = tail_of(text, slashes);
}

static enum fs_last class_of(struct bytes name)
{
    if (bytes_equal(name, bytes_of(".", 1)))
        return LAST_DOT;
    return bytes_equal(name, bytes_of("..", 2)) ? LAST_DOTDOT : LAST_NAME;
}

kerr_t fs_parent(const struct fs_call *call, uint64_t ino, uint64_t *parent)
{
    struct fs_query query = {.kind = FS_ASK_PARENT, .ino = ino};
    struct fs_result result = fs_ask(call, &query);
    *parent = result.value;
    return result.err;
}

static kerr_t look_up(struct walk *walk, struct bytes name, struct fs_found *found)
{
    if (name.len > FS_NAME_MAX)
        return KERR_TOO_LONG;
    struct fs_query query = {.kind = FS_ASK_NAME,
                             .ino = walk->dir,
                             .offset = fs_name_group(walk->call->fs->config.seed, name),
                             .name = name,
                             .out = found};
    return fs_ask(walk->call, &query).err;
}

/* Puts the target of link @ino in front of the rest of the path. */
static kerr_t follow(struct walk *walk, uint64_t ino, bool slash)
{
    struct slab *slab = walk->call->fs->config.slab;
    struct fs_file file;
    uint64_t len = 0;
    if (++walk->links > FS_LINKS_MAX)
        return KERR_LOOP;
    kerr_t err = fs_hold(walk->call, ino, FS_READ, &file);
    if (err)
        return err;
    char *buffer = slab_alloc(slab, BUFFER_SIZE, 1);
    struct fs_io io = {.data = buffer, .len = FS_PATH_MAX};
    err = buffer ? fs_read(walk->call, &file, &io, &len) : KERR_FS_FULL;
    fs_close(walk->call, &file);
    if (!err && len + 1 + walk->rest.len > BUFFER_SIZE)
        err = KERR_TOO_LONG;
    if (err) {
        if (buffer)
            slab_free(slab, buffer, BUFFER_SIZE);
        return err;
    }
    if (slash)
        buffer[len++] = '/';
    if (walk->rest.len > 0)
        memcpy(buffer + len, walk->rest.data, walk->rest.len);
    set_rest(walk, bytes_of(buffer, len + walk->rest.len));
    if (walk->buffer)
        slab_free(slab, walk->buffer, BUFFER_SIZE);
    walk->buffer = buffer;
    return KERR_OK;
}

/* One name. Sets place->last to LAST_NAME or another when the end is reached; until then it is
 * LAST_ROOT. */
static kerr_t step(struct walk *walk, unsigned flags, struct fs_place *place)
{
    struct fs_found found;
    bool slash;
    struct bytes name = next_name(&walk->rest, &slash);
    enum fs_last class = class_of(name);
    bool last = walk->rest.len == 0;
    kerr_t err = KERR_OK;
    if (class == LAST_NAME)
        err = look_up(walk, name, &found);
    if (err == KERR_AGAIN)
        return walk->dir == walk->start ? KERR_NOT_FOUND : KERR_AGAIN;
    if (err && !(last && err == KERR_NOT_FOUND))
        return err;
    bool link = class == LAST_NAME && !err && found.kind == FS_SYMLINK;
    if (link && (!last || (flags & (slash ? WALK_FOLLOW_SLASH : WALK_FOLLOW))))
        return follow(walk, found.ino, slash);
    if (last) {
        *place = (struct fs_place){.dir = walk->dir,
                                   .name = name,
                                   .last = class,
                                   .slash = slash,
                                   .is_there = class == LAST_NAME && !err};
        if (place->is_there)
            place->found = found;
        return KERR_OK;
    }
    if (class == LAST_DOTDOT)
        return fs_parent(walk->call, walk->dir, &walk->dir);
    if (class == LAST_NAME && found.kind != FS_DIRECTORY)
        return KERR_NOT_DIRECTORY;
    if (class == LAST_NAME)
        walk->dir = found.ino;
    return KERR_OK;
}

static kerr_t check_path(struct bytes path)
{
    const char *chars = path.data;
    if (path.len == 0)
        return KERR_NOT_FOUND;
    if (path.len > FS_PATH_MAX)
        return KERR_TOO_LONG;
    for (size_t i = 0; i < path.len; i++) {
        if (chars[i] == 0)
            return KERR_INVALID;
    }
    return KERR_OK;
}

kerr_t fs_walk(const struct fs_call *call, const struct fs_path *at, unsigned flags,
               struct fs_place *place)
{
    struct walk walk = {.call = call, .start = at->dir, .dir = at->dir};
    *place = (struct fs_place){.last = LAST_ROOT};
    kerr_t err = check_path(at->path);
    if (err)
        return err;
    set_rest(&walk, at->path);
    while (!err && place->last == LAST_ROOT && walk.rest.len > 0)
        err = step(&walk, flags, place);
    if (place->last == LAST_ROOT)
        place->dir = walk.dir;
    place->buffer = walk.buffer;
    return err;
}

void fs_walk_end(struct fs *fs, struct fs_place *place)
{
    if (place->buffer)
        slab_free(fs->config.slab, place->buffer, BUFFER_SIZE);
    place->buffer = NULL;
}

kerr_t fs_resolve(const struct fs_call *call, const struct fs_path *at, enum fs_follow follow,
                  struct fs_found *found)
{
    struct fs_place place;
    unsigned flags = WALK_FOLLOW_SLASH | (follow == FS_FOLLOW_LAST ? WALK_FOLLOW : 0);
    kerr_t err = fs_walk(call, at, flags, &place);
    *found = (struct fs_found){.ino = place.dir, .kind = FS_DIRECTORY};
    if (!err && place.last == LAST_NAME) {
        *found = place.found;
        if (!place.is_there)
            err = KERR_NOT_FOUND;
        else if (place.slash && found->kind != FS_DIRECTORY)
            err = KERR_NOT_DIRECTORY;
    } else if (!err && place.last == LAST_DOTDOT) {
        err = fs_parent(call, place.dir, &found->ino);
    }
    if (err)
        *found = (struct fs_found){.ino = 0};
    fs_walk_end(call->fs, &place);
    return err;
}
