// SPDX-License-Identifier: BSD-2-Clause
#include "shared.h"

enum nr_status shared_create(const struct nr_type *type, const struct nr_config *config,
                             const struct nr_options *options, struct shared **out)
{
    struct nr_config own = config ? *config : (struct nr_config){0};
    struct nr_options chosen = options ? *options : (struct nr_options){0};
    unsigned parts = own.logs ? own.logs : 1;
    *out = NULL;
    if (!chosen.allocator)
        chosen.allocator = nr_port_allocator();
    if (parts > NR_MAX_LOGS || !chosen.allocator)
        return NR_EINVAL;
    size_t size = sizeof(struct shared) + parts * sizeof(struct accord);
    struct shared *shared = nr_port_alloc(size, NR_APART, NR_ANY_NODE);
    if (!shared)
        return NR_ENOMEM;
    shared->options = chosen;
    shared->parts = parts;
    shared->size = size;
    for (unsigned i = 0; i < parts; i++)
        accord_init(&shared->accords[i], chosen.allocator);
    own.init_arg = shared;
    enum nr_status status = nr_create(type, &own, &shared->nr);
    if (status == NR_OK)
        *out = shared;
    else
        nr_port_free(shared, size);
    return status;
}

enum nr_status shared_destroy(struct shared *shared)
{
    /* Replicas that are behind would free shared blocks that the others have retired. */
    for (unsigned id = 0; id < NR_MAX_REPLICAS; id++)
        (void)nr_sync_replica(shared->nr, id);
    enum nr_status status = nr_destroy(shared->nr);
    if (status == NR_OK)
        nr_port_free(shared, shared->size);
    return status;
}

uint64_t shared_reserve(const struct shared *shared)
{
    uint64_t share = shared->options.reserve / shared->parts;
    return shared->parts == 1 ? share : share + share / 8 + 16;
}
