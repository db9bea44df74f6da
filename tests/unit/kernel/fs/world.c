// SPDX-License-Identifier: BSD-2-Clause

#include "world.h"

/* Short logs, so that they wrap. */
#define LOG_ENTRIES 64

void world_create(struct world *world, unsigned replicas, unsigned logs)
{
    *world = (struct world){.replicas = replicas, .n_threads = 2 * replicas};
    world->frames = machine_create();
    world->frames_before = machine_free_frames(world->frames, MACHINE_NODES);
    assert_int_equal(slab_create(world->frames, &world->slab), KERR_OK);
    frames_set_reclaim(world->frames, slab_reclaim, world->slab);
    struct fs_config config = {
        .frames = world->frames, .slab = world->slab, .logs = logs, .seed = WORLD_SEED, .now = 1};
    assert_int_equal(fs_create(&config, &world->fs), KERR_OK);
    struct nr_config nr_config = {.replicas = replicas,
                                  .max_replicas = replicas + 1,
                                  .logs = logs,
                                  .log_entries = LOG_ENTRIES,
                                  .flags = NR_CHECK | NR_KEEP_LOG,
                                  .init_arg = world->fs};
    assert_int_equal(nr_create(fs_type(), &nr_config, &world->nr), NR_OK);
    fs_attach(world->fs, world->nr);
    for (unsigned i = 0; i < world->n_threads; i++) {
        world->calls[i] = (struct fs_call){.fs = world->fs, .now = 2};
        assert_int_equal(nr_register(world->nr, i % replicas, &world->calls[i].thread), NR_OK);
    }
}

void world_destroy(struct world *world)
{
    struct slab_stats stats;
    for (unsigned i = 0; i < world->n_threads; i++)
        nr_unregister(world->calls[i].thread);
    fs_clear(world->fs);
    struct fs_counters counters;
    fs_counters(world->fs, &counters);
    assert_int_equal(counters.inodes, 0);
    assert_int_equal(nr_destroy(world->nr), NR_OK);
    fs_destroy(world->fs);
    slab_stats(world->slab, &stats);
    assert_int_equal(stats.objects, 0);
    assert_int_equal(stats.large_frames, 0);
    slab_destroy(world->slab);
    assert_int_equal(machine_free_frames(world->frames, MACHINE_NODES), world->frames_before);
    machine_destroy();
}

/* --- Digest of a replica --- */

struct digest {
    bool taken;
    uint64_t sum, inodes;
};

static void mix(struct digest *digest, uint64_t word)
{
    digest->sum = hash_combine(digest->sum, word);
}

static void digest_inode(struct digest *digest, const struct inode *inode)
{
    mix(digest, hash_bytes(inode, offsetof(struct inode, tree), 0));
    fs_for_each (at, &inode->tree) {
        mix(digest, btree_cursor_key(at));
        if (inode->kind != FS_DIRECTORY) {
            mix(digest, *btree_cursor_value(at));
            continue;
        }
        const struct dir_entry *entry = fs_entry_at(at);
        mix(digest, entry->ino);
        mix(digest, entry->stamp);
        mix(digest, entry->kind);
        mix(digest, hash_bytes(entry->name, entry->len, 0));
    }
    digest->inodes++;
}

static void digest_state(const void *data, void *arg)
{
    const struct fs_state *state = data;
    struct digest *digest = arg;
    world_check_state(state);
    for (unsigned i = 0; i < state->n_shards; i++) {
        fs_for_each (at, &state->shards[i].inodes)
            digest_inode(digest, fs_inode_at(at));
    }
    digest->taken = true;
}

uint64_t world_digest(struct world *world)
{
    struct digest digest = {0};
    assert_int_equal(nr_sync_replica(world->nr, 0), NR_OK);
    assert_int_equal(nr_inspect(world->nr, 0, digest_state, &digest), NR_OK);
    return digest.sum;
}

void world_check_equal(struct world *world)
{
    struct digest first = {0};
    for (unsigned id = 0; id < NR_MAX_REPLICAS; id++) {
        struct digest digest = {0};
        if (nr_sync_replica(world->nr, id) != NR_OK)
            continue;
        assert_int_equal(nr_inspect(world->nr, id, digest_state, &digest), NR_OK);
        if (!first.taken)
            first = digest;
        assert_int_equal(digest.inodes, first.inodes);
        assert_true(digest.sum == first.sum);
    }
}

/* --- Consistency of a replica --- */

/* The numbers of entries for files, and of directories in this one. */
struct census {
    uint64_t files, below;
};

static void check_directory(const struct fs_state *state, const struct inode *dir,
                            struct census *census)
{
    census->below = 0;
    fs_for_each (at, &dir->tree) {
        const struct dir_entry *entry = fs_entry_at(at);
        const struct inode *inode = fs_inode(state, entry->ino);
        uint64_t group = fs_name_group(WORLD_SEED, bytes_of(entry->name, entry->len));
        assert_in_range(btree_cursor_key(at), group, group + (1 << GROUP_BITS) - 1);
        assert_non_null(inode);
        assert_int_equal(inode->kind, entry->kind);
        assert_true(inode->links > 0);
        if (inode->kind != FS_DIRECTORY) {
            census->files++;
            continue;
        }
        assert_int_equal(inode->parent, dir->ino);
        census->below++;
    }
    assert_int_equal(dir->links, btree_count(&dir->tree) || dir->links ? 2 + census->below : 0);
}

/* Every entry leads to an inode of its kind; the links of files are as many as entries for files;
 * directories know their parents, and how many directories are in them. */
void world_check_state(const struct fs_state *state)
{
    struct census census = {0};
    uint64_t links = 0;
    for (unsigned i = 0; i < state->n_shards; i++) {
        fs_for_each (at, &state->shards[i].inodes) {
            const struct inode *inode = fs_inode_at(at);
            assert_int_equal(inode->ino, btree_cursor_key(at));
            assert_int_equal(fs_shard_of(inode->ino, state->n_shards), i);
            if (inode->kind == FS_DIRECTORY)
                check_directory(state, inode, &census);
            else
                links += inode->links;
        }
    }
    assert_int_equal(census.files, links);
}
