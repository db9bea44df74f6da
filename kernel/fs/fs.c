// SPDX-License-Identifier: BSD-2-Clause
//
// What NrFS has once: numbers, anchors, and the end of inodes.
//
// 1. Anchors. Who holds an inode is not replicated state, or opening a file would be an operation
// of
//    all replicas. Each inode has an anchor that exists once; holds counts the files open. A file
//    is opened by a query: it finds the inode on the local replica, with a name, and counts there.
//
// 2. The end of an inode. When an operation takes the last name, its caller marks the anchor as
//    orphan. Whoever then finds the count at 0, the caller or the last to close, and is the first
//    to mark it dead, frees the pages and has all replicas forget the inode. Names never come back
//    to an orphan, a count never rises from dead: both are final, so this happens once.
//
// 3. Pages. A page is read only by those who hold the file. So a dead inode's pages are free at
// once;
//    those that truncation cuts off are when no replica has the old size any more (data.c).
//
// 4. Anchors outlive their inodes: a replica that lags may still have the inode with a name, and a
//    query there look at the anchor, and find it dead. So anchors wait among the graves until some
//    have gathered, then all replicas are brought up to date, and then they are freed.

#include "fs_impl.h"

/* Anchors of 64 bytes, so that waiting ones take no more than a frame. */
#define GRAVES_MAX 64

uint64_t fs_number(struct fs *fs)
{
    return atomic_fetch_add_explicit(&fs->next_number, 1, memory_order_relaxed);
}

/* --- Anchors --- */

struct fs_anchor *fs_anchor_new(struct fs *fs, uint64_t holds)
{
    struct fs_anchor *anchor =
        allocator_zalloc(slab_allocator(fs->config.slab), sizeof(*anchor), CACHE_APART / 2);
    if (!anchor)
        return NULL;
    atomic_init(&anchor->holds, holds);
    atomic_fetch_add_explicit(&fs->inodes, 1, memory_order_relaxed);
    return anchor;
}

void fs_anchor_free(struct fs *fs, struct fs_anchor *anchor)
{
    slab_free(fs->config.slab, anchor, sizeof(*anchor));
    atomic_fetch_sub_explicit(&fs->inodes, 1, memory_order_relaxed);
}

/* Acquire: who holds an inode sees what was done to it by those before. */
bool fs_anchor_hold(struct fs_anchor *anchor)
{
    uint64_t holds = atomic_load_explicit(&anchor->holds, memory_order_relaxed);
    do {
        if (holds & ANCHOR_DEAD)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&anchor->holds, &holds, holds + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    return true;
}

static void bury(struct fs *fs, struct fs_anchor *anchor)
{
    bool irqs = spin_lock(&fs->graves_lock);
    anchor->next = fs->graves;
    fs->graves = anchor;
    bool full = ++fs->n_graves >= GRAVES_MAX;
    spin_unlock(&fs->graves_lock, irqs);
    if (full)
        fs_flush(fs);
}

void fs_sync(struct fs *fs)
{
    for (unsigned id = 0; id < NR_MAX_REPLICAS; id++)
        (void)nr_sync_replica(fs->nr, id); /* NR_EINVAL: there is none with this number */
}

void fs_flush(struct fs *fs)
{
    bool irqs = spin_lock(&fs->graves_lock);
    struct fs_anchor *anchor = fs->graves;
    fs->graves = NULL;
    fs->n_graves = 0;
    spin_unlock(&fs->graves_lock, irqs);
    if (anchor)
        fs_sync(fs);
    while (anchor) {
        struct fs_anchor *next = anchor->next;
        fs_anchor_free(fs, anchor);
        anchor = next;
    }
}

/* Frees an orphan that nobody holds. */
static void bury_if_free(const struct fs_call *call, uint64_t ino, struct fs_anchor *anchor)
{
    uint64_t orphan = ANCHOR_ORPHAN;
    /* acq_rel: after what holders did, before what comes now. */
    if (!atomic_compare_exchange_strong_explicit(&anchor->holds, &orphan,
                                                 ANCHOR_ORPHAN | ANCHOR_DEAD, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return;
    fs_drop_pages(call, ino, 0);
    struct fs_op op = {.kind = FS_OP_FORGET, .ino = ino};
    (void)fs_execute(call, &op);
    bury(call->fs, anchor);
}

void fs_orphan(const struct fs_call *call, const struct fs_answer *answer)
{
    if (!answer->orphaned)
        return;
    atomic_fetch_or_explicit(&answer->anchor->holds, ANCHOR_ORPHAN, memory_order_relaxed);
    bury_if_free(call, answer->ino, answer->anchor);
}

void fs_dup(const struct fs_file *file)
{
    atomic_fetch_add_explicit(&file->anchor->holds, 1, memory_order_relaxed);
}

void fs_close(const struct fs_call *call, const struct fs_file *file)
{
    uint64_t before = atomic_fetch_sub_explicit(&file->anchor->holds, 1, memory_order_acq_rel);
    if (before == (ANCHOR_ORPHAN | 1))
        bury_if_free(call, file->ino, file->anchor);
}

/* --- The instance --- */

kerr_t fs_create(const struct fs_config *config, struct fs **out)
{
    struct allocator *heap = slab_allocator(config->slab);
    if (config->logs < 1 || config->logs > FS_MAX_LOGS)
        return KERR_INVALID;
    struct fs *fs = allocator_zalloc(heap, sizeof(*fs), _Alignof(struct fs));
    if (!fs)
        return KERR_NO_MEMORY;
    fs->config = *config;
    fs->next_number = FS_ROOT + 1;
    fs->root = fs_anchor_new(fs, 0);
    kerr_t err = fs->root ? KERR_OK : KERR_NO_MEMORY;
    for (unsigned i = 0; i < config->logs && !err; i++)
        err = detmem_create(config->slab, fs_detmem_kinds, fs_n_detmem_kinds, &fs->detmem[i]);
    if (err) {
        if (fs->root)
            fs_anchor_free(fs, fs->root);
        fs_destroy(fs);
        return err;
    }
    *out = fs;
    return KERR_OK;
}

void fs_attach(struct fs *fs, struct nr *nr)
{
    fs->nr = nr;
}

static void clear_inode(struct fs *fs, const struct inode *inode)
{
    if (inode->kind != FS_DIRECTORY) {
        fs_for_each (at, &inode->tree)
            fs_page_free(fs, *btree_cursor_value(at));
    }
    fs_anchor_free(fs, inode->anchor);
}

static void clear_state(const void *data, void *fs)
{
    const struct fs_state *state = data;
    for (unsigned i = 0; i < state->n_shards; i++) {
        fs_for_each (at, &state->shards[i].inodes)
            clear_inode(fs, fs_inode_at(at));
    }
}

/* Any replica will do: what exists once is the same in all. */
void fs_clear(struct fs *fs)
{
    fs_flush(fs);
    fs_sync(fs);
    for (unsigned id = 0; id < NR_MAX_REPLICAS; id++) {
        if (nr_inspect(fs->nr, id, clear_state, fs) == NR_OK)
            return;
    }
}

void fs_destroy(struct fs *fs)
{
    for (unsigned i = 0; i < fs->config.logs; i++) {
        if (fs->detmem[i])
            detmem_destroy(fs->detmem[i]);
    }
    slab_free(fs->config.slab, fs, sizeof(*fs));
}

void fs_counters(struct fs *fs, struct fs_counters *counters)
{
    counters->inodes = atomic_load_explicit(&fs->inodes, memory_order_relaxed);
    counters->retries = atomic_load_explicit(&fs->retries, memory_order_relaxed);
    counters->refused = atomic_load_explicit(&fs->refused, memory_order_relaxed);
}
