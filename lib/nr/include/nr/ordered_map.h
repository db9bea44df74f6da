// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated ordered map from uint64_t to uint64_t: a B+-tree with range queries. It has one log.
 *
 * Mutations are those of <nr/map.h>, with the same operations and answers, except NR_MAP_RESERVE
 * (NR_ENOTSUP): make room with nr_options.reserve. Memory of removed keys is kept for new ones.
 *
 * <nr/options.h> tells what all structures have in common.
 */
#include <nr/map.h>

struct nr_ordered_map;        /* the map */
struct nr_ordered_map_thread; /* a thread's access to it */

struct nr_pair {
    uint64_t key;
    uint64_t value;
};

/* Creates an empty map. config and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_ordered_map_create(const struct nr_config *config,
                                            const struct nr_options *options,
                                            struct nr_ordered_map **map);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_ordered_map_destroy(struct nr_ordered_map *map);

/* The instance behind the map. */
NR_API struct nr *nr_ordered_map_instance(struct nr_ordered_map *map);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_ordered_map_register(struct nr_ordered_map *map, unsigned replica,
                                              struct nr_ordered_map_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_ordered_map_unregister(struct nr_ordered_map_thread *thread);

/* Stores the key's value in *value. NR_ENOENT: no such key. */
NR_API enum nr_status nr_ordered_map_get(struct nr_ordered_map_thread *thread, uint64_t key,
                                         uint64_t *value);

/* Store in *pair the smallest and the largest key, the largest one <= key, and the smallest one >=
 * key, with its value. NR_ENOENT: there is none. */
NR_API enum nr_status nr_ordered_map_first(struct nr_ordered_map_thread *thread,
                                           struct nr_pair *pair);
NR_API enum nr_status nr_ordered_map_last(struct nr_ordered_map_thread *thread,
                                          struct nr_pair *pair);
NR_API enum nr_status nr_ordered_map_floor(struct nr_ordered_map_thread *thread, uint64_t key,
                                           struct nr_pair *pair);
NR_API enum nr_status nr_ordered_map_ceiling(struct nr_ordered_map_thread *thread, uint64_t key,
                                             struct nr_pair *pair);

/* Stores the keys from <= key <= to, at most `capacity` of them, in ascending order in pairs[] and
 * returns how many: all at one moment. To go on, ask again from the last key + 1. */
NR_API size_t nr_ordered_map_range(struct nr_ordered_map_thread *thread, uint64_t from, uint64_t to,
                                   struct nr_pair *pairs, size_t capacity);

/* The number of keys. */
NR_API uint64_t nr_ordered_map_len(struct nr_ordered_map_thread *thread);

/* Executes a mutation. */
NR_API struct nr_map_answer nr_ordered_map_execute(struct nr_ordered_map_thread *thread,
                                                   const struct nr_map_op *op);

/* Hands in a mutation; contract of nr_submit: take effect in order, NR_EAGAIN if the batch is full.
 */
NR_API enum nr_status nr_ordered_map_submit(struct nr_ordered_map_thread *thread,
                                            const struct nr_map_op *op);

/* Stores the answer of the oldest submission. NR_EEMPTY: there is none. poll does not wait:
 * NR_EAGAIN. */
NR_API enum nr_status nr_ordered_map_collect(struct nr_ordered_map_thread *thread,
                                             struct nr_map_answer *answer);
NR_API enum nr_status nr_ordered_map_poll(struct nr_ordered_map_thread *thread,
                                          struct nr_map_answer *answer);

/* ---- The mutations by name
 * ----------------------------------------------------------------------- */

/* Sets the key's value; *was (NULL allowed) tells what was there before. NR_OK or NR_ENOMEM. */
static inline enum nr_status nr_ordered_map_put(struct nr_ordered_map_thread *thread, uint64_t key,
                                                uint64_t value, struct nr_map_answer *was)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_PUT};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (was)
        *was = answer;
    return answer.status;
}

/* Adds a new key. NR_EEXIST: it is there, its value in *found (NULL allowed). Or NR_ENOMEM. */
static inline enum nr_status nr_ordered_map_insert(struct nr_ordered_map_thread *thread,
                                                   uint64_t key, uint64_t value, uint64_t *found)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_INSERT};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (found && answer.present)
        *found = answer.value;
    return answer.status;
}

/* Replaces the value of a key, the previous one in *old (NULL allowed). NR_ENOENT: no such key. */
static inline enum nr_status nr_ordered_map_replace(struct nr_ordered_map_thread *thread,
                                                    uint64_t key, uint64_t value, uint64_t *old)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_REPLACE};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (old && answer.present)
        *old = answer.value;
    return answer.status;
}

/* Replaces the value if it is `expected`; *found (NULL allowed) gets the value before. NR_ENOENT:
 * no such key; NR_EDIFFER: it has another value, and keeps it. */
static inline enum nr_status nr_ordered_map_cas(struct nr_ordered_map_thread *thread, uint64_t key,
                                                uint64_t expected, uint64_t value, uint64_t *found)
{
    struct nr_map_op op = {.key = key, .value = value, .expected = expected, .kind = NR_MAP_CAS};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (found && answer.present)
        *found = answer.value;
    return answer.status;
}

/* Adds to the key's value, modulo 2^64; a new key counts as 0. The sum goes to *sum (NULL allowed).
 * NR_OK or NR_ENOMEM. */
static inline enum nr_status nr_ordered_map_add(struct nr_ordered_map_thread *thread, uint64_t key,
                                                uint64_t amount, uint64_t *sum)
{
    struct nr_map_op op = {.key = key, .value = amount, .kind = NR_MAP_ADD};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (sum && answer.status == NR_OK)
        *sum = answer.value;
    return answer.status;
}

/* Removes a key, its value in *old (NULL allowed). NR_ENOENT: no such key. Never needs memory. */
static inline enum nr_status nr_ordered_map_remove(struct nr_ordered_map_thread *thread,
                                                   uint64_t key, uint64_t *old)
{
    struct nr_map_op op = {.key = key, .kind = NR_MAP_REMOVE};
    struct nr_map_answer answer = nr_ordered_map_execute(thread, &op);
    if (old && answer.present)
        *old = answer.value;
    return answer.status;
}

/* Removes all keys. */
static inline void nr_ordered_map_clear(struct nr_ordered_map_thread *thread)
{
    struct nr_map_op op = {.kind = NR_MAP_CLEAR};
    (void)nr_ordered_map_execute(thread, &op);
}
