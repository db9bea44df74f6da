// SPDX-License-Identifier: BSD-2-Clause
//
// The replicated structure: shards of inodes, memory for operations, the life of a replica.
//
// Memory. All of it is deterministic (kernel/detmem.h), one account for each log. The demand of an
// operation is a bound for any state in which it may be applied:
//
//   a name      its entry, and what one insertion into a B-tree can need: a node for each level and
//               a new root. Nodes have at least 11 children but for those on the right edge, so a
//               tree of 2^40 entries has 12 levels; more entries than that fit no memory.
//   an inode    itself, and one insertion.
//   pages       up to FS_BATCH entries with neighbouring keys, in ascending order. They meet at
//   most
//               5 leaves, as all but the outer two have at least 10 keys out of these 32. Each of
//               them may be full and split, and then splits again after 15 insertions: 7 new
//               leaves. On each level above, the new nodes are children of at most two old ones: 2
//               more, and a root.

#include "state.h"

#include "fs_impl.h"

#define TREE_LEVELS  13
#define INSERT_NODES (TREE_LEVELS + 1)
#define BATCH_NODES  (7 + 2 * (TREE_LEVELS - 1) + 1)

enum { KIND_SMALL, KIND_INODE, KIND_LONG, KIND_NODE };

const struct detmem_kind fs_detmem_kinds[] = {
    [KIND_SMALL] = {64, 8},  /* entries with names of up to 46 bytes */
    [KIND_INODE] = {128, 8}, /* inodes; entries with names of up to 110 bytes */
    [KIND_LONG] = {288, 8},  /* entries with longer names */
    [KIND_NODE] = {512, 64}, /* of B-trees */
};
const unsigned fs_n_detmem_kinds = array_count(fs_detmem_kinds);

_Static_assert(sizeof(struct inode) <= 128, "an inode is an object of its kind");
_Static_assert(sizeof(struct btree_leaf) == 512 && sizeof(struct btree_inner) == 512,
               "a node is an object of its kind");
_Static_assert(offsetof(struct dir_entry, name) + FS_NAME_MAX <= 288, "so is a long entry");

/* --- Inodes --- */

static struct fs_shard *shard_of(struct fs_state *state, uint64_t ino)
{
    return &state->shards[fs_shard_of(ino, state->n_shards)];
}

struct inode *fs_inode(const struct fs_state *state, uint64_t ino)
{
    uint64_t value;
    const struct btree *inodes = &state->shards[fs_shard_of(ino, state->n_shards)].inodes;
    return btree_get(inodes, ino, &value) ? (struct inode *)value : NULL;
}

struct inode *fs_live_directory(const struct fs_state *state, uint64_t ino)
{
    struct inode *inode = fs_inode(state, ino);
    return inode && inode->kind == FS_DIRECTORY && inode->links > 0 ? inode : NULL;
}

struct allocator *fs_pool(const struct fs_state *state, uint64_t ino)
{
    return detmem_allocator(state->shards[fs_shard_of(ino, state->n_shards)].pool);
}

struct inode *fs_inode_add(struct fs_state *state, uint64_t ino)
{
    struct allocator *pool = fs_pool(state, ino);
    struct inode *inode = allocator_zalloc(pool, sizeof(*inode), _Alignof(struct inode));
    if (!inode)
        return NULL;
    inode->ino = ino;
    btree_init(&inode->tree, pool);
    if (btree_put(&shard_of(state, ino)->inodes, ino, (uint64_t)inode, NULL) == PUT_NO_MEMORY) {
        allocator_free(pool, inode, sizeof(*inode));
        return NULL;
    }
    return inode;
}

/* An entry of a directory is 0 where it could not be copied. */
static void inode_free(struct allocator *pool, struct inode *inode)
{
    if (inode->kind == FS_DIRECTORY) {
        fs_for_each (at, &inode->tree) {
            struct dir_entry *entry = fs_entry_at(at);
            if (entry)
                allocator_free(pool, entry, fs_dir_entry_size(entry->len));
        }
    }
    btree_clear(&inode->tree);
    allocator_free(pool, inode, sizeof(*inode));
}

void fs_inode_remove(struct fs_state *state, struct inode *inode)
{
    (void)btree_remove(&shard_of(state, inode->ino)->inodes, inode->ino, NULL);
    inode_free(fs_pool(state, inode->ino), inode);
}

/* --- Memory and logs of operations --- */

static unsigned kind_of_size(size_t size)
{
    unsigned kind = KIND_SMALL;
    while (fs_detmem_kinds[kind].size < size)
        kind++;
    return kind;
}

/* The name that an operation makes, or NULL. */
static const struct fs_new_name *name_made(const struct fs_op *op)
{
    if (op->kind == FS_OP_CREATE)
        return &op->create.name;
    if (op->kind == FS_OP_LINK)
        return &op->link;
    return op->kind == FS_OP_RENAME ? &op->rename.name : NULL;
}

static bool brings_pages(const struct fs_op_write *write)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < write->n; i++)
        any |= write->frames[i];
    return any != 0;
}

static void need(struct detmem_demand *demand, unsigned kind, unsigned n)
{
    demand->count[kind] = (uint16_t)(demand->count[kind] + n);
}

struct detmem_demand fs_op_demand(const struct fs_op *op, unsigned shard, unsigned n_shards)
{
    struct detmem_demand demand = {{0}};
    const struct fs_new_name *name = name_made(op);
    bool of_inode = fs_shard_of(op->ino, n_shards) == shard;
    if (name && fs_shard_of(name->dir, n_shards) == shard) {
        need(&demand, kind_of_size(fs_dir_entry_size(name->len)), 1);
        need(&demand, KIND_NODE, INSERT_NODES);
    }
    if (op->kind == FS_OP_CREATE && of_inode) {
        need(&demand, KIND_INODE, 1);
        need(&demand, KIND_NODE, INSERT_NODES + (op->create.frame != 0));
    }
    if (op->kind == FS_OP_WRITE && of_inode && brings_pages(&op->write))
        need(&demand, KIND_NODE, BATCH_NODES);
    return demand;
}

/* A directory that gets another parent concerns all inodes: whether it would come to lie below
 * itself depends on all directories in between. */
uint64_t fs_state_op_logs(const struct fs_op *op, unsigned n_shards)
{
    uint64_t logs = UINT64_C(1) << fs_shard_of(op->ino, n_shards);
    const struct fs_new_name *name = name_made(op);
    if (name)
        logs |= UINT64_C(1) << fs_shard_of(name->dir, n_shards);
    if (op->kind == FS_OP_UNLINK)
        logs |= UINT64_C(1) << fs_shard_of(op->unlink.dir, n_shards);
    if (op->kind != FS_OP_RENAME)
        return logs;
    if (op->inode_kind == FS_DIRECTORY && op->rename.old.dir != name->dir)
        return (UINT64_C(1) << n_shards) - 1;
    logs |= UINT64_C(1) << fs_shard_of(op->rename.old.dir, n_shards);
    if (op->rename.victim)
        logs |= UINT64_C(1) << fs_shard_of(op->rename.victim, n_shards);
    return logs;
}

/* --- A replica --- */

/* Under libnr's node affinity, if there is one (nr_port_affinity): the node of the new replica. */
static node_id_t current_node(struct slab *slab)
{
    node_id_t node = slab_set_affinity(slab, 0);
    (void)slab_set_affinity(slab, node);
    return node;
}

/* Makes empty shards whose pools are copies of those of @from, if that is not NULL. */
static int join(struct fs_state *state, const struct fs_state *from, struct fs *fs)
{
    node_id_t node = current_node(fs->config.slab);
    state->fs = fs;
    for (; state->n_shards < fs->config.logs; state->n_shards++) {
        unsigned i = state->n_shards;
        struct fs_shard *shard = &state->shards[i];
        if (detmem_join(fs->detmem[i], node, from ? from->shards[i].pool : NULL, &shard->pool)) {
            fs_state_fini(state);
            return NR_ENOMEM;
        }
        btree_init(&shard->inodes, detmem_allocator(shard->pool));
    }
    return NR_OK;
}

int fs_state_init(struct fs_state *state, void *arg)
{
    struct fs *fs = arg;
    int status = join(state, NULL, fs);
    if (status)
        return status;
    struct inode *root = fs_inode_add(state, FS_ROOT);
    if (!root) {
        fs_state_fini(state);
        return NR_ENOMEM;
    }
    root->anchor = fs->root;
    root->kind = FS_DIRECTORY;
    root->mode = 0755;
    root->links = 2;
    root->parent = FS_ROOT;
    root->atime = root->mtime = root->ctime = fs->config.now;
    return NR_OK;
}

void fs_state_fini(struct fs_state *state)
{
    while (state->n_shards > 0) {
        struct fs_shard *shard = &state->shards[--state->n_shards];
        struct allocator *pool = detmem_allocator(shard->pool);
        fs_for_each (at, &shard->inodes)
            inode_free(pool, fs_inode_at(at));
        btree_clear(&shard->inodes);
        detmem_leave(shard->pool);
    }
}

/* --- A copy of a replica --- */

static bool copy_entries(struct allocator *pool, struct inode *to, const struct inode *from)
{
    struct btree_cursor target = btree_first(&to->tree);
    fs_for_each (clear, &to->tree)
        *btree_cursor_value(clear) = 0;
    fs_for_each (source, &from->tree) {
        const struct dir_entry *entry = fs_entry_at(source);
        size_t size = fs_dir_entry_size(entry->len);
        void *copy = allocator_alloc(pool, size, 8);
        if (!copy)
            return false;
        *btree_cursor_value(target) = (uint64_t)memcpy(copy, entry, size);
        btree_cursor_next(&target);
    }
    return true;
}

static bool copy_inode(struct fs_state *state, const struct inode *from)
{
    struct inode *to = fs_inode_add(state, from->ino);
    if (!to)
        return false;
    struct btree empty = to->tree;
    *to = *from;
    to->tree = empty;
    if (!btree_clone(&to->tree, &from->tree, fs_pool(state, from->ino)))
        return false;
    return to->kind != FS_DIRECTORY || copy_entries(fs_pool(state, from->ino), to, from);
}

int fs_state_clone(struct fs_state *to, const struct fs_state *from, void *arg)
{
    int status = join(to, from, arg);
    if (status)
        return status;
    for (unsigned i = 0; i < to->n_shards; i++) {
        fs_for_each (at, &from->shards[i].inodes) {
            if (!copy_inode(to, fs_inode_at(at))) {
                fs_state_fini(to);
                return NR_ENOMEM;
            }
        }
    }
    return NR_OK;
}
