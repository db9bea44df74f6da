// SPDX-License-Identifier: BSD-2-Clause
// Workload vspace: the address space of a process as the kernel keeps it, a B-tree from page to
// frame, with map, unmap and resolve of 4 KiB pages. All pages are mapped at first; maps and unmaps
// of random pages balance, so after the warm-up half of them are.
//
// A B-tree node is split, merged and allocated inside the mutation: longer and less even than the
// hash map's, and replicas do it each for itself.
#include <base/btree.h>
#include <nr/nr.h>
#include <stdlib.h>

#include "heap.h"
#include "locks.h"
#include "replicated.h"

struct vspace {
    struct btree mappings; /* page number -> frame */
};

/* Where a process has its mappings: page numbers with high bits, not small integers. */
static const uint64_t BASE_PAGE = UINT64_C(0x7f0000000);

static int vspace_init(struct vspace *vspace, void *arg)
{
    (void)arg;
    btree_init(&vspace->mappings, &bench_heap);
    return NR_OK;
}

static void vspace_fini(struct vspace *vspace)
{
    btree_clear(&vspace->mappings);
}

static int vspace_clone(struct vspace *dst, const struct vspace *src, void *arg)
{
    (void)arg;
    return btree_clone(&dst->mappings, &src->mappings, &bench_heap) ? NR_OK : NR_ENOMEM;
}

/* Unmaps and returns the frame, 0 if the page is not mapped; or maps and returns 0, the frame
 * itself where the page is mapped or memory is short. */
static inline uint64_t vspace_apply(struct vspace *vspace, const struct bench_op *op)
{
    uint64_t page = BASE_PAGE + op->key, frame = 0;
    if (bench_op_removes(op)) {
        (void)btree_remove(&vspace->mappings, page, &frame);
        return frame;
    }
    if (btree_find(&vspace->mappings, page))
        return op->value;
    return btree_put(&vspace->mappings, page, op->value, NULL) == PUT_ADDED ? 0 : op->value;
}

/* Returns the frame, or 0. */
static inline uint64_t vspace_read(const struct vspace *vspace, const struct bench_query *query)
{
    uint64_t frame = 0;
    (void)btree_get(&vspace->mappings, BASE_PAGE + query->key, &frame);
    return frame;
}

BENCH_LOCKED(vspace, bare, true);
BENCH_LOCKED(vspace, mutex, true);
BENCH_LOCKED(vspace, rwlock, true);
BENCH_LOCKED(vspace, brlock, true);

NR_DEFINE(vspace, struct vspace, struct bench_op, uint64_t, struct bench_query, uint64_t);
BENCH_REPLICATED(vspace, "vspace", "nr", true);
