// SPDX-License-Identifier: BSD-2-Clause
//
// Operations on inodes, and the way from an operation or a query to the function for it.

#include "fs_impl.h"

static struct fs_answer set_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    const struct fs_attributes *set = &op->set;
    if (!inode)
        return (struct fs_answer){.err = KERR_AGAIN};
    if (set->set & FS_SET_MODE)
        inode->mode = set->mode;
    if (set->set & FS_SET_UID)
        inode->uid = set->uid;
    if (set->set & FS_SET_GID)
        inode->gid = set->gid;
    if (set->set & FS_SET_ATIME)
        inode->atime = set->atime;
    if (set->set & FS_SET_MTIME)
        inode->mtime = set->mtime;
    inode->ctime = op->now;
    return (struct fs_answer){.err = KERR_OK};
}

/* Data and size change only while somebody has the file open, so the inode is there; without it
 * these do nothing. */
static struct fs_answer write_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    const struct fs_op_write *write = &op->write;
    if (!inode)
        return (struct fs_answer){.err = KERR_NOT_FOUND};
    for (uint32_t i = 0; i < write->n; i++) {
        if (write->frames[i])
            (void)btree_put(&inode->tree, write->first + i, write->frames[i], NULL);
    }
    inode->size = max(inode->size, write->size);
    inode->mtime = inode->ctime = op->now;
    return (struct fs_answer){.err = KERR_OK};
}

static struct fs_answer resize_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    if (!inode)
        return (struct fs_answer){.err = KERR_NOT_FOUND};
    inode->size = op->size;
    inode->mtime = inode->ctime = op->now;
    return (struct fs_answer){.err = KERR_OK};
}

/* The caller gives a range with at most FS_BATCH pages in it. */
static struct fs_answer drop_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    if (!inode)
        return (struct fs_answer){.err = KERR_NOT_FOUND};
    for (;;) {
        struct btree_cursor at = btree_lower_bound(&inode->tree, op->drop.first);
        if (!btree_cursor_valid(at) || btree_cursor_key(at) > op->drop.last)
            return (struct fs_answer){.err = KERR_OK};
        (void)btree_remove(&inode->tree, btree_cursor_key(at), NULL);
    }
}

static struct fs_answer forget_apply(struct fs_state *state, const struct fs_op *op)
{
    struct inode *inode = fs_inode(state, op->ino);
    if (!inode)
        return (struct fs_answer){.err = KERR_NOT_FOUND};
    fs_inode_remove(state, inode);
    return (struct fs_answer){.err = KERR_OK};
}

typedef struct fs_answer apply_fn(struct fs_state *state, const struct fs_op *op);

static apply_fn *const appliers[] = {
    [FS_OP_CREATE] = fs_create_apply, [FS_OP_LINK] = fs_link_apply,
    [FS_OP_UNLINK] = fs_unlink_apply, [FS_OP_RENAME] = fs_rename_apply,
    [FS_OP_SET] = set_apply,          [FS_OP_WRITE] = write_apply,
    [FS_OP_RESIZE] = resize_apply,    [FS_OP_DROP] = drop_apply,
    [FS_OP_FORGET] = forget_apply,
};

struct fs_answer fs_state_apply(struct fs_state *state, const struct fs_op *op)
{
    if (op->kind >= array_count(appliers))
        return (struct fs_answer){.err = KERR_INVALID};
    uint64_t logs = fs_state_op_logs(op, state->n_shards);
    for (uint64_t left = logs; left; left &= left - 1) {
        struct detmem_demand demand = fs_op_demand(op, bit_lowest(left), state->n_shards);
        detmem_begin(state->shards[bit_lowest(left)].pool, &demand);
    }
    struct fs_answer answer = appliers[op->kind](state, op);
    for (uint64_t left = logs; left; left &= left - 1)
        detmem_end(state->shards[bit_lowest(left)].pool);
    return answer;
}

/* --- Queries --- */

static struct fs_result ask_name(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *dir = fs_inode(state, query->ino);
    if (!dir || dir->links == 0)
        return (struct fs_result){.err = KERR_AGAIN};
    if (dir->kind != FS_DIRECTORY)
        return (struct fs_result){.err = KERR_NOT_DIRECTORY};
    struct fs_found *found = query->out;
    const struct dir_entry *entry = fs_dir_find(dir, query->offset, query->name, &found->key);
    if (!entry)
        return (struct fs_result){.err = KERR_NOT_FOUND};
    found->ino = entry->ino;
    found->stamp = entry->stamp;
    found->kind = entry->kind;
    return (struct fs_result){.err = KERR_OK};
}

static struct fs_result ask_parent(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *dir = fs_inode(state, query->ino);
    if (!dir)
        return (struct fs_result){.err = KERR_NOT_FOUND};
    if (dir->kind != FS_DIRECTORY)
        return (struct fs_result){.err = KERR_NOT_DIRECTORY};
    return (struct fs_result){.value = dir->parent};
}

static struct fs_result ask_stat(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *inode = fs_inode(state, query->ino);
    if (!inode)
        return (struct fs_result){.err = KERR_AGAIN};
    uint64_t in_tree = btree_count(&inode->tree);
    bool directory = inode->kind == FS_DIRECTORY;
    *(struct fs_stat *)query->out = (struct fs_stat){
        .ino = inode->ino,
        .links = inode->links,
        .size = directory ? in_tree : inode->size,
        .pages = directory ? 0 : in_tree,
        .kind = inode->kind,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .atime = inode->atime,
        .mtime = inode->mtime,
        .ctime = inode->ctime,
    };
    return (struct fs_result){.err = KERR_OK};
}

/* A query with an effect, on what exists once: libnr runs a query of a single log exactly once. */
static struct fs_result ask_hold(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *inode = fs_inode(state, query->ino);
    if (!inode || inode->links == 0 || !fs_anchor_hold(inode->anchor))
        return (struct fs_result){.err = KERR_AGAIN};
    *(struct fs_file *)query->out =
        (struct fs_file){.ino = inode->ino, .anchor = inode->anchor, .kind = inode->kind};
    return (struct fs_result){.err = KERR_OK};
}

/* The caller holds the inode, so its pages stay at least until this replica has let go of them. */
static struct fs_result ask_data(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *inode = fs_inode(state, query->ino);
    if (!inode)
        return (struct fs_result){.err = KERR_NOT_FOUND};
    uint64_t offset = query->offset;
    uint64_t left = offset < inode->size ? min(query->len, inode->size - offset) : 0;
    struct fs_result result = {.value = left};
    char *out = query->out;
    while (left > 0) {
        size_t at = offset % FRAME_SIZE;
        size_t n = min(left, FRAME_SIZE - at);
        uint64_t frame;
        if (btree_get(&inode->tree, offset / FRAME_SIZE, &frame))
            fs_page_load(frame, at, out, n);
        else
            memset(out, 0, n);
        out += n;
        offset += n;
        left -= n;
    }
    return result;
}

static struct fs_result ask_pages(const struct fs_state *state, const struct fs_query *query)
{
    const struct inode *inode = fs_inode(state, query->ino);
    struct fs_pages *pages = query->out;
    if (!inode)
        return (struct fs_result){.err = KERR_NOT_FOUND};
    pages->size = inode->size;
    pages->mtime = inode->mtime;
    pages->ctime = inode->ctime;
    pages->n = 0;
    struct btree_cursor at = btree_lower_bound(&inode->tree, query->offset);
    for (; pages->n < FS_BATCH && btree_cursor_valid(at); btree_cursor_next(&at)) {
        uint64_t number = btree_cursor_key(at);
        if (number - query->offset >= query->len)
            break;
        pages->page[pages->n].number = number;
        pages->page[pages->n++].frame = *btree_cursor_value(at);
    }
    return (struct fs_result){.err = KERR_OK};
}

typedef struct fs_result ask_fn(const struct fs_state *state, const struct fs_query *query);

static ask_fn *const askers[] = {
    [FS_ASK_NAME] = ask_name,       [FS_ASK_PARENT] = ask_parent, [FS_ASK_STAT] = ask_stat,
    [FS_ASK_HOLD] = ask_hold,       [FS_ASK_DATA] = ask_data,     [FS_ASK_PAGES] = ask_pages,
    [FS_ASK_ENTRIES] = fs_dir_list,
};

struct fs_result fs_state_read(const struct fs_state *state, const struct fs_query *query)
{
    if (query->kind >= array_count(askers))
        return (struct fs_result){.err = KERR_INVALID};
    return askers[query->kind](state, query);
}
