// SPDX-License-Identifier: BSD-2-Clause
//
// A hash map from frames to owners beyond the first, in shards with a lock each. Neighbouring
// frames, which are mostly counted together, are in different shards, so that a clone of a large
// space does not make one map grow while others stay small.

#include <kernel/frame_shares.h>

#include <base/hmap.h>
#include <kernel/panic.h>
#include <kernel/spinlock.h>

/* More than cores that count at the same time, as a rule; each costs two cache lines. */
#define SHARDS 64

struct shard {
    _Alignas(CACHE_APART) struct spinlock lock;
    struct hmap extra; /* [lock] number of a frame -> owners beyond the first, not 0 */
};

struct frame_shares {
    struct shard shards[SHARDS];
    struct slab *slab; /* [const] */
};

static uint64_t number_of(paddr_t frame)
{
    return frame.raw / FRAME_SIZE;
}

static struct shard *shard_of(struct frame_shares *shares, paddr_t frame)
{
    return &shares->shards[number_of(frame) % SHARDS];
}

/* Within a shard the low bits are all the same. */
static uint64_t key_of(paddr_t frame)
{
    return number_of(frame) / SHARDS;
}

kerr_t frame_shares_create(struct slab *slab, struct frame_shares **out)
{
    struct allocator *heap = slab_allocator(slab);
    struct frame_shares *shares =
        allocator_zalloc(heap, sizeof(*shares), _Alignof(struct frame_shares));
    if (!shares)
        return KERR_NO_MEMORY;
    shares->slab = slab;
    for (unsigned i = 0; i < SHARDS; i++)
        hmap_init(&shares->shards[i].extra, heap);
    *out = shares;
    return KERR_OK;
}

void frame_shares_destroy(struct frame_shares *shares)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        assert(hmap_count(&shares->shards[i].extra) == 0);
        hmap_fini(&shares->shards[i].extra);
    }
    allocator_free(slab_allocator(shares->slab), shares, sizeof(*shares));
}

static bool add_one(struct frame_shares *shares, paddr_t frame)
{
    struct shard *shard = shard_of(shares, frame);
    bool irqs = spin_lock(&shard->lock);
    uint64_t *extra = hmap_find(&shard->extra, key_of(frame));
    bool done = true;
    if (extra)
        ++*extra;
    else
        done = hmap_put(&shard->extra, key_of(frame), 1, NULL) == PUT_ADDED;
    spin_unlock(&shard->lock, irqs);
    return done;
}

bool frame_shares_drop(struct frame_shares *shares, paddr_t frame)
{
    struct shard *shard = shard_of(shares, frame);
    bool irqs = spin_lock(&shard->lock);
    uint64_t *extra = hmap_find(&shard->extra, key_of(frame));
    bool last = !extra;
    if (extra && --*extra == 0)
        hmap_remove(&shard->extra, key_of(frame), NULL);
    spin_unlock(&shard->lock, irqs);
    return last;
}

kerr_t frame_shares_add(struct frame_shares *shares, paddr_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (add_one(shares, paddr_add(first, i * FRAME_SIZE)))
            continue;
        /* The caller owns them, so none of these is the last. */
        while (i-- > 0)
            (void)frame_shares_drop(shares, paddr_add(first, i * FRAME_SIZE));
        return KERR_NO_MEMORY;
    }
    return KERR_OK;
}

uint64_t frame_shares_owners(struct frame_shares *shares, paddr_t frame)
{
    struct shard *shard = shard_of(shares, frame);
    uint64_t extra = 0;
    bool irqs = spin_lock(&shard->lock);
    hmap_get(&shard->extra, key_of(frame), &extra);
    spin_unlock(&shard->lock, irqs);
    return extra + 1;
}

uint64_t frame_shares_release(struct frame_shares *shares, struct frames *frames, paddr_t first,
                              uint64_t count)
{
    uint64_t freed = 0;
    for (uint64_t i = 0; i < count;) {
        /* As ranges, because a whole 2 MiB frame is worth more than its parts. */
        uint64_t run = i;
        while (run < count && frame_shares_drop(shares, paddr_add(first, run * FRAME_SIZE)))
            run++;
        if (run > i) {
            kerr_t err = frames_free_range(frames, paddr_add(first, i * FRAME_SIZE), run - i);
            assert(!err); /* who owns a frame got it from `frames` */
        }
        freed += run - i;
        i = run + 1; /* the frame at `run` has other owners, or there is none */
    }
    return freed;
}
