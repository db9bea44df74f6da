// SPDX-License-Identifier: BSD-2-Clause
//
// Opening files, and asking about them.

#include "fs_impl.h"

kerr_t fs_hold(const struct fs_call *call, uint64_t ino, uint32_t flags, struct fs_file *file)
{
    struct fs_query query = {.kind = FS_ASK_HOLD, .ino = ino, .out = file};
    kerr_t err = fs_ask(call, &query).err;
    file->flags = flags;
    return err;
}

/* Can an inode of this kind be opened so? */
static kerr_t check_kind(uint32_t kind, uint32_t flags)
{
    if (kind == FS_DIRECTORY)
        return flags & (FS_WRITE | FS_TRUNCATE | FS_CREATE) ? KERR_IS_DIRECTORY : KERR_OK;
    if (flags & FS_MUST_BE_DIRECTORY)
        return KERR_NOT_DIRECTORY;
    return kind == FS_SYMLINK && !(flags & FS_LINK_ITSELF) ? KERR_LOOP : KERR_OK;
}

/* The inode that the path names. KERR_AGAIN also when it went in the meantime: the name may stand
 * for another one now. */
static kerr_t open_existing(const struct fs_call *call, const struct fs_path *at, uint32_t flags,
                            struct fs_file *file)
{
    struct fs_found found;
    kerr_t err = fs_resolve(call, at, flags & FS_NO_FOLLOW ? FS_LAST_LINK : FS_FOLLOW_LAST, &found);
    if (!err)
        err = check_kind(found.kind, flags);
    return err ? err : fs_hold(call, found.ino, flags, file);
}

static kerr_t open_place(const struct fs_call *call, const struct fs_place *place,
                         struct fs_open_how how, struct fs_file *file)
{
    bool exclusive = how.flags & FS_EXCLUSIVE;
    if (place->last != LAST_NAME)
        return exclusive ? KERR_EXISTS : KERR_IS_DIRECTORY;
    if (place->slash)
        return KERR_IS_DIRECTORY;
    if (place->is_there) {
        kerr_t err = exclusive ? KERR_EXISTS : check_kind(place->found.kind, how.flags);
        return err ? err : fs_hold(call, place->found.ino, how.flags, file);
    }
    struct fs_new_inode inode = {.kind = FS_REGULAR, .mode = how.mode, .holds = 1};
    kerr_t err = fs_make(call, place, &inode, file);
    file->flags = how.flags;
    /* Another core was faster. That does not matter unless this one must be the maker. */
    return err == KERR_EXISTS && !exclusive ? KERR_AGAIN : err;
}

static kerr_t open_or_create(const struct fs_call *call, const struct fs_path *at,
                             struct fs_open_how how, struct fs_file *file)
{
    struct fs_place place;
    unsigned flags = how.flags & (FS_EXCLUSIVE | FS_NO_FOLLOW) ? 0 : WALK_FOLLOW;
    kerr_t err = fs_walk(call, at, flags, &place);
    if (!err)
        err = open_place(call, &place, how, file);
    fs_walk_end(call->fs, &place);
    return err;
}

kerr_t fs_open(const struct fs_call *call, const struct fs_path *at, struct fs_open_how how,
               struct fs_file *file)
{
    kerr_t err;
    if ((how.flags & FS_CREATE) && (how.flags & FS_MUST_BE_DIRECTORY))
        return KERR_INVALID;
    do {
        err = how.flags & FS_CREATE ? open_or_create(call, at, how, file)
                                    : open_existing(call, at, how.flags, file);
    } while (err == KERR_AGAIN);
    if (err || !(how.flags & FS_TRUNCATE) || file->kind != FS_REGULAR)
        return err;
    struct fs_file writable = *file;
    writable.flags |= FS_WRITE;
    err = fs_truncate(call, &writable, 0);
    if (err)
        fs_close(call, file);
    return err;
}

/* --- Attributes --- */

static kerr_t stat_inode(const struct fs_call *call, uint64_t ino, struct fs_stat *stat)
{
    struct fs_query query = {.kind = FS_ASK_STAT, .ino = ino, .out = stat};
    return fs_ask(call, &query).err;
}

kerr_t fs_stat_file(const struct fs_call *call, const struct fs_file *file, struct fs_stat *stat)
{
    return stat_inode(call, file->ino, stat);
}

kerr_t fs_stat(const struct fs_call *call, const struct fs_path *at, enum fs_follow follow,
               struct fs_stat *stat)
{
    struct fs_found found;
    kerr_t err;
    do {
        err = fs_resolve(call, at, follow, &found);
        if (!err)
            err = stat_inode(call, found.ino, stat);
    } while (err == KERR_AGAIN && found.ino != at->dir);
    return err == KERR_AGAIN ? KERR_NOT_FOUND : err;
}

static kerr_t set_inode(const struct fs_call *call, uint64_t ino,
                        const struct fs_attributes *attributes)
{
    struct fs_op op = {.kind = FS_OP_SET, .ino = ino, .now = call->now, .set = *attributes};
    return fs_execute(call, &op).err;
}

kerr_t fs_set_file(const struct fs_call *call, const struct fs_file *file,
                   const struct fs_attributes *attributes)
{
    return set_inode(call, file->ino, attributes);
}

kerr_t fs_set(const struct fs_call *call, const struct fs_path *at, enum fs_follow follow,
              const struct fs_attributes *attributes)
{
    struct fs_found found;
    kerr_t err;
    do {
        err = fs_resolve(call, at, follow, &found);
        if (!err)
            err = set_inode(call, found.ino, attributes);
    } while (err == KERR_AGAIN && found.ino != at->dir);
    return err == KERR_AGAIN ? KERR_NOT_FOUND : err;
}
