// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/* What an instance of a ready-made structure consists of besides the replicas, and its creation. */
#include "accord.h"

struct shared {
    struct nr *nr;
    struct nr_options options; /* [const] */
    unsigned parts;            /* [const] partitions, = logs */
    size_t size;               /* [const] bytes of this */
    struct accord accords[];   /* one per partition */
};

/* The instance's init_arg is the struct shared. Errors: those of nr_create; NR_EINVAL where there
 * is no allocator. */
enum nr_status shared_create(const struct nr_type *type, const struct nr_config *config,
                             const struct nr_options *options, struct shared **out);

/* Brings all replicas to the same state and destroys them. NR_EBUSY while threads are registered.
 */
enum nr_status shared_destroy(struct shared *shared);

/* The options' elements that partition `part` has to make room for: an equal share, and a margin
 * for the unequal spread of the keys. */
uint64_t shared_reserve(const struct shared *shared);

/* The partition of a hash: by its upper half, so that the lower one is left to tables. */
static inline unsigned shared_part(uint64_t hash, unsigned parts)
{
    return (unsigned)((hash >> 32) * parts >> 32);
}
