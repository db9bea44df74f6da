// SPDX-License-Identifier: BSD-2-Clause
//
// Operations on names: create, link, unlink, rename.
//
// Each looks at everything first and then changes everything. What an operation was decoded from
// may have changed before it is applied: then the answer is KERR_AGAIN, and its caller decodes
// anew. An entry keeps its inode alive, so an inode of an entry is always there.

#include "state.h"

static struct fs_answer answer(kerr_t err)
{
    return (struct fs_answer){.err = err};
}

static struct bytes name_of(const struct fs_new_name *name)
{
    return bytes_of(name->text, name->len);
}

static void touch(struct inode *dir, int64_t now)
{
    dir->mtime = now;
    dir->ctime = now;
}

/* The directory for a new name, and the key that the name gets there. */
static kerr_t place_for(const struct fs_state *state, const struct fs_new_name *name,
                        struct inode **dir, uint64_t *key)
{
    *dir = fs_live_directory(state, name->dir);
    if (!*dir)
        return KERR_AGAIN;
    if (fs_dir_find(*dir, name->key, name_of(name), NULL))
        return KERR_EXISTS;
    return fs_dir_slot(*dir, name->key, key) ? KERR_OK : KERR_NO_SPACE;
}

struct fs_answer fs_create_apply(struct fs_state *state, const struct fs_op *op)
{
    const struct fs_op_create *create = &op->create;
    struct inode *dir;
    uint64_t key;
    kerr_t err = place_for(state, &create->name, &dir, &key);
    if (err)
        return answer(err);
    struct inode *inode = fs_inode_add(state, op->ino);
    inode->anchor = create->anchor;
    inode->kind = op->inode_kind;
    inode->mode = create->mode;
    inode->uid = create->uid;
    inode->gid = create->gid;
    inode->atime = inode->mtime = inode->ctime = op->now;
    inode->links = 1;
    inode->size = create->size;
    if (create->frame)
        (void)btree_put(&inode->tree, 0, create->frame, NULL);
    if (op->inode_kind == FS_DIRECTORY) {
        inode->links = 2;
        inode->parent = dir->ino;
        dir->links++;
    }
    fs_dir_add(state, dir, &create->name, inode, key);
    touch(dir, op->now);
    return answer(KERR_OK);
}

struct fs_answer fs_link_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    struct inode *dir;
    uint64_t key;
    if (!inode || inode->links == 0)
        return answer(KERR_AGAIN);
    kerr_t err = place_for(state, &op->link, &dir, &key);
    if (err)
        return answer(err);
    inode->links++;
    inode->ctime = op->now;
    fs_dir_add(state, dir, &op->link, inode, key);
    touch(dir, op->now);
    return answer(KERR_OK);
}

/* One name of the inode went, an entry of @dir. Says in the answer whether it was the last. */
static struct fs_answer lose_name(struct inode *dir, struct inode *inode, int64_t now)
{
    struct fs_answer result = answer(KERR_OK);
    if (inode->kind == FS_DIRECTORY) {
        inode->links = 0;
        dir->links--;
    } else {
        inode->links--;
    }
    inode->ctime = now;
    if (inode->links == 0) {
        result.orphaned = 1;
        result.ino = inode->ino;
        result.anchor = inode->anchor;
    }
    return result;
}

struct fs_answer fs_unlink_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *dir = fs_live_directory(state, op->unlink.dir);
    if (!dir || !fs_dir_at(dir, &op->unlink))
        return answer(KERR_AGAIN);
    struct inode *inode = fs_inode(state, op->ino);
    if (inode->kind == FS_DIRECTORY && btree_count(&inode->tree))
        return answer(KERR_NOT_EMPTY);
    fs_dir_remove(state, dir, op->unlink.key);
    touch(dir, op->now);
    return lose_name(dir, inode, op->now);
}

/* --- Rename --- */

struct move {
    struct inode *inode;
    struct inode *from, *to; /* directories */
    struct inode *victim;    /* what the new name stood for, or NULL */
    uint64_t victim_key;
};

/* Is the directory @below inside of @inode, or the same? */
static bool is_inside(const struct fs_state *state, const struct inode *below,
                      const struct inode *inode)
{
    while (below != inode && below->ino != FS_ROOT)
        below = fs_inode(state, below->parent);
    return below == inode;
}

/* Finds what the operation was decoded from, or KERR_AGAIN. */
static kerr_t move_find(const struct fs_state *state, const struct fs_op *op, struct move *move)
{
    const struct fs_op_rename *rename = &op->rename;
    move->from = fs_live_directory(state, rename->old.dir);
    move->to = fs_live_directory(state, rename->name.dir);
    if (!move->from || !move->to || !fs_dir_at(move->from, &rename->old))
        return KERR_AGAIN;
    move->inode = fs_inode(state, op->ino);
    struct dir_entry *entry =
        fs_dir_find(move->to, rename->name.key, name_of(&rename->name), &move->victim_key);
    if ((entry ? entry->ino : 0) != rename->victim)
        return KERR_AGAIN;
    move->victim = entry ? fs_inode(state, entry->ino) : NULL;
    return KERR_OK;
}

/* May this happen? Only where a directory moves, and so all logs are locked, this looks at inodes
 * that the operation does not name. */
static kerr_t move_check(const struct fs_state *state, const struct move *move)
{
    bool directory = move->inode->kind == FS_DIRECTORY;
    if (directory && move->from != move->to && is_inside(state, move->to, move->inode))
        return KERR_INVALID;
    if (!move->victim)
        return KERR_OK;
    if (move->victim->kind != FS_DIRECTORY)
        return directory ? KERR_NOT_DIRECTORY : KERR_OK;
    if (!directory)
        return KERR_IS_DIRECTORY;
    return btree_count(&move->victim->tree) ? KERR_NOT_EMPTY : KERR_OK;
}

struct fs_answer fs_rename_apply(struct fs_state *state, const struct fs_op *op)
{
    struct move move;
    uint64_t key;
    kerr_t err = move_find(state, op, &move);
    if (!err && move.victim == move.inode)
        return answer(KERR_OK); /* two names of one file: nothing is to be done, says POSIX */
    if (!err)
        err = move_check(state, &move);
    if (!err && !move.victim && !fs_dir_slot(move.to, op->rename.name.key, &key))
        err = KERR_NO_SPACE;
    if (err)
        return answer(err);
    struct fs_answer result = answer(KERR_OK);
    if (move.victim) {
        key = move.victim_key;
        fs_dir_remove(state, move.to, key);
        result = lose_name(move.to, move.victim, op->now);
    }
    fs_dir_remove(state, move.from, op->rename.old.key);
    fs_dir_add(state, move.to, &op->rename.name, move.inode, key);
    if (move.inode->kind == FS_DIRECTORY && move.from != move.to) {
        move.from->links--;
        move.to->links++;
        move.inode->parent = move.to->ino;
    }
    touch(move.from, op->now);
    touch(move.to, op->now);
    move.inode->ctime = op->now;
    return result;
}
