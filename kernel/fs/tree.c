// SPDX-License-Identifier: BSD-2-Clause
//
// Making, removing and renaming what paths name.
//
// Each function walks the path, decodes an operation from what it found, and has it executed. When
// the operation finds something changed in between (KERR_AGAIN), all begins anew; some other core
// has made progress then. Errors come in the order in which Linux checks for them.

#include "fs_impl.h"

static void give_name(struct fs *fs, const struct fs_place *place, struct fs_new_name *name)
{
    name->dir = place->dir;
    name->key = fs_name_group(fs->config.seed, place->name);
    name->stamp = fs_number(fs);
    name->len = (uint32_t)place->name.len;
    memcpy(name->text, place->name.data, place->name.len);
}

static struct fs_old_name old_name(const struct fs_place *place)
{
    return (struct fs_old_name){
        .dir = place->dir, .key = place->found.key, .stamp = place->found.stamp};
}

/* --- Create --- */

static kerr_t create_decode(const struct fs_call *call, const struct fs_place *place,
                            const struct fs_new_inode *inode, struct fs_op *op)
{
    struct fs *fs = call->fs;
    *op = (struct fs_op){
        .kind = FS_OP_CREATE,
        .inode_kind = inode->kind,
        .ino = fs_number(fs),
        .now = call->now,
        .create = {.size = inode->size,
                   .frame = inode->frame,
                   .mode = inode->mode,
                   .uid = call->uid,
                   .gid = call->gid},
    };
    give_name(fs, place, &op->create.name);
    op->create.anchor = fs_anchor_new(fs, inode->holds);
    if (!op->create.anchor)
        return KERR_FS_FULL;
    kerr_t err = fs_reserve(fs, op);
    if (err)
        fs_anchor_free(fs, op->create.anchor);
    return err;
}

kerr_t fs_make(const struct fs_call *call, const struct fs_place *place,
               const struct fs_new_inode *inode, struct fs_file *made)
{
    struct fs_op op;
    kerr_t err = create_decode(call, place, inode, &op);
    if (err)
        return err;
    err = fs_execute(call, &op).err;
    if (err) {
        fs_anchor_free(call->fs, op.create.anchor);
        return err;
    }
    *made = (struct fs_file){.ino = op.ino, .anchor = op.create.anchor, .kind = inode->kind};
    return KERR_OK;
}

/* Is this a place for a new name? Only directories may have '/' after them. */
static kerr_t check_new(const struct fs_place *place, bool directory)
{
    if (place->last != LAST_NAME || place->is_there)
        return KERR_EXISTS;
    return place->slash && !directory ? KERR_NOT_FOUND : KERR_OK;
}

static kerr_t make_at(const struct fs_call *call, const struct fs_path *at,
                      const struct fs_new_inode *inode)
{
    struct fs_place place;
    struct fs_file made;
    kerr_t err;
    do {
        err = fs_walk(call, at, 0, &place);
        if (!err)
            err = check_new(&place, inode->kind == FS_DIRECTORY);
        if (!err)
            err = fs_make(call, &place, inode, &made);
        fs_walk_end(call->fs, &place);
    } while (err == KERR_AGAIN);
    return err;
}

kerr_t fs_mkdir(const struct fs_call *call, const struct fs_path *at, uint32_t mode)
{
    struct fs_new_inode inode = {.kind = FS_DIRECTORY, .mode = mode};
    return make_at(call, at, &inode);
}

kerr_t fs_symlink(const struct fs_call *call, struct bytes target, const struct fs_path *at)
{
    if (target.len == 0)
        return KERR_NOT_FOUND;
    if (target.len > FS_PATH_MAX)
        return KERR_TOO_LONG;
    struct fs_new_inode inode = {.kind = FS_SYMLINK, .mode = 0777, .size = target.len};
    inode.frame = fs_page_new(call->fs);
    if (!inode.frame)
        return KERR_FS_FULL;
    fs_page_store(inode.frame, 0, target.data, target.len);
    kerr_t err = make_at(call, at, &inode);
    if (err)
        fs_page_free(call->fs, inode.frame);
    return err;
}

kerr_t fs_read_link(const struct fs_call *call, const struct fs_path *at, const struct fs_io *io,
                    uint64_t *done)
{
    struct fs_found found;
    struct fs_file file;
    kerr_t err;
    do {
        err = fs_resolve(call, at, FS_LAST_LINK, &found);
        if (!err && found.kind != FS_SYMLINK)
            err = KERR_INVALID;
        if (!err)
            err = fs_hold(call, found.ino, FS_READ, &file);
    } while (err == KERR_AGAIN);
    if (err)
        return err;
    err = fs_read(call, &file, io, done);
    fs_close(call, &file);
    return err;
}

/* --- Link --- */

static kerr_t link_once(const struct fs_call *call, const struct fs_path *from,
                        const struct fs_path *to)
{
    struct fs_found found;
    struct fs_place place;
    kerr_t err = fs_resolve(call, from, FS_LAST_LINK, &found);
    if (err)
        return err;
    err = fs_walk(call, to, 0, &place);
    if (!err)
        err = check_new(&place, false);
    if (!err && found.kind == FS_DIRECTORY)
        err = KERR_NOT_PERMITTED;
    if (!err) {
        struct fs_op op = {
            .kind = FS_OP_LINK, .inode_kind = found.kind, .ino = found.ino, .now = call->now};
        give_name(call->fs, &place, &op.link);
        err = fs_reserve(call->fs, &op);
        if (!err)
            err = fs_execute(call, &op).err;
    }
    fs_walk_end(call->fs, &place);
    return err;
}

kerr_t fs_link(const struct fs_call *call, const struct fs_path *from, const struct fs_path *to)
{
    kerr_t err;
    do
        err = link_once(call, from, to);
    while (err == KERR_AGAIN);
    return err;
}

/* --- Remove --- */

static kerr_t check_unlink(const struct fs_place *place)
{
    if (place->last != LAST_NAME)
        return KERR_IS_DIRECTORY;
    if (!place->is_there)
        return KERR_NOT_FOUND;
    if (place->found.kind == FS_DIRECTORY)
        return KERR_IS_DIRECTORY;
    return place->slash ? KERR_NOT_DIRECTORY : KERR_OK;
}

static kerr_t check_rmdir(const struct fs_place *place)
{
    static const kerr_t errors[] = {
        [LAST_DOT] = KERR_INVALID, [LAST_DOTDOT] = KERR_NOT_EMPTY, [LAST_ROOT] = KERR_BUSY};
    if (place->last != LAST_NAME)
        return errors[place->last];
    if (!place->is_there)
        return KERR_NOT_FOUND;
    return place->found.kind == FS_DIRECTORY ? KERR_OK : KERR_NOT_DIRECTORY;
}

static kerr_t remove_at(const struct fs_call *call, const struct fs_path *at,
                        kerr_t (*check)(const struct fs_place *place))
{
    struct fs_place place;
    struct fs_answer answer;
    do {
        answer.err = fs_walk(call, at, 0, &place);
        if (!answer.err)
            answer.err = check(&place);
        if (!answer.err) {
            struct fs_op op = {.kind = FS_OP_UNLINK,
                               .inode_kind = place.found.kind,
                               .ino = place.found.ino,
                               .now = call->now,
                               .unlink = old_name(&place)};
            answer = fs_execute(call, &op);
        }
        fs_walk_end(call->fs, &place);
    } while (answer.err == KERR_AGAIN);
    if (!answer.err)
        fs_orphan(call, &answer);
    return answer.err;
}

kerr_t fs_unlink(const struct fs_call *call, const struct fs_path *at)
{
    return remove_at(call, at, check_unlink);
}

kerr_t fs_rmdir(const struct fs_call *call, const struct fs_path *at)
{
    return remove_at(call, at, check_rmdir);
}

/* --- Rename --- */

/* Is directory @dir inside of @ino, or the same? Goes up from query to query. */
static kerr_t is_inside(const struct fs_call *call, uint64_t dir, uint64_t ino, bool *inside)
{
    kerr_t err = KERR_OK;
    while (!err && dir != ino && dir != FS_ROOT)
        err = fs_parent(call, dir, &dir);
    *inside = dir == ino;
    return err;
}

/* What cannot be, whatever the directories are like by the time of the operation. A file that shall
 * replace a directory is told, as on Linux, if it lies in there. */
static kerr_t check_rename(const struct fs_call *call, const struct fs_place *from,
                           const struct fs_place *to, enum fs_rename_flags flags)
{
    bool inside = false;
    if (from->last != LAST_NAME)
        return KERR_BUSY;
    if (to->last != LAST_NAME)
        return flags == FS_NO_REPLACE ? KERR_EXISTS : KERR_BUSY;
    if (!from->is_there)
        return KERR_NOT_FOUND;
    if (to->is_there && flags == FS_NO_REPLACE)
        return KERR_EXISTS;
    if (from->found.kind == FS_DIRECTORY)
        return KERR_OK;
    if (from->slash || to->slash)
        return KERR_NOT_DIRECTORY;
    if (!to->is_there || to->found.kind != FS_DIRECTORY)
        return KERR_OK;
    kerr_t err = is_inside(call, from->dir, to->found.ino, &inside);
    if (err)
        return KERR_AGAIN;
    return inside ? KERR_NOT_EMPTY : KERR_IS_DIRECTORY;
}

static struct fs_answer rename_places(const struct fs_call *call, const struct fs_place *from,
                                      const struct fs_place *to, enum fs_rename_flags flags)
{
    struct fs_answer answer = {.err = check_rename(call, from, to, flags)};
    if (answer.err)
        return answer;
    struct fs_op op = {
        .kind = FS_OP_RENAME,
        .inode_kind = from->found.kind,
        .ino = from->found.ino,
        .now = call->now,
        .rename = {.old = old_name(from), .victim = to->is_there ? to->found.ino : 0},
    };
    give_name(call->fs, to, &op.rename.name);
    answer.err = fs_reserve(call->fs, &op);
    return answer.err ? answer : fs_execute(call, &op);
}

kerr_t fs_rename(const struct fs_call *call, const struct fs_path *from, const struct fs_path *to,
                 enum fs_rename_flags flags)
{
    struct fs_place source, target;
    struct fs_answer answer;
    do {
        answer.err = fs_walk(call, from, 0, &source);
        if (!answer.err) {
            answer.err = fs_walk(call, to, 0, &target);
            if (!answer.err)
                answer = rename_places(call, &source, &target, flags);
            fs_walk_end(call->fs, &target);
        }
        fs_walk_end(call->fs, &source);
    } while (answer.err == KERR_AGAIN);
    if (!answer.err)
        fs_orphan(call, &answer);
    return answer.err;
}

/* --- List --- */

kerr_t fs_list(const struct fs_call *call, const struct fs_file *file, struct fs_listing *listing)
{
    struct fs_query query = {.kind = FS_ASK_ENTRIES,
                             .ino = file->ino,
                             .offset = listing->position,
                             .len = listing->max,
                             .out = listing->entries};
    if (file->kind != FS_DIRECTORY)
        return KERR_NOT_DIRECTORY;
    struct fs_result result = fs_ask(call, &query);
    listing->count = (uint32_t)result.value;
    if (listing->count > 0)
        listing->position = listing->entries[listing->count - 1].next;
    return result.err;
}
