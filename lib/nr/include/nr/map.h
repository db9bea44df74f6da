// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated hash map from uint64_t to uint64_t; pointers can be stored in both.
 *
 * With `logs` in the configuration it is partitioned: each key belongs to one log, and mutations of
 * keys of different logs run in parallel. nr_map_len, nr_map_clear, nr_map_reserve and nr_map_visit
 * then work on all logs at once and are dearer.
 *
 * <nr/options.h> tells what all structures have in common.
 */
#include <nr/options.h>

struct nr_map;        /* the map */
struct nr_map_thread; /* a thread's access to it */

/* The mutations, for nr_map_execute and nr_map_submit; the functions below are their names for
 * daily use. */
enum nr_map_kind {
    NR_MAP_PUT,     /* sets the value, whether or not the key is there */
    NR_MAP_INSERT,  /* sets the value of a new key; NR_EEXIST */
    NR_MAP_REPLACE, /* sets the value of a key that is there; NR_ENOENT */
    NR_MAP_CAS,     /* sets the value if it is `expected`; NR_ENOENT, NR_EDIFFER */
    NR_MAP_ADD,     /* adds `value`, modulo 2^64; a new key counts as 0 */
    NR_MAP_REMOVE,  /* removes the key; NR_ENOENT */
    NR_MAP_CLEAR,   /* removes all keys */
    NR_MAP_RESERVE, /* makes room for `value` keys in total */
};

struct nr_map_op {
    uint64_t key;
    uint64_t value;
    uint64_t expected;
    enum nr_map_kind kind;
    uint32_t unused;
};

/* A mutation's answer. All but NR_MAP_ADD give the value that was there before; ADD the sum. */
struct nr_map_answer {
    uint64_t value;        /* 0 if not present */
    enum nr_status status; /* NR_OK, the errors above, and NR_ENOMEM where something is added */
    uint32_t present;      /* whether the key was there before: 0 or 1 */
};

/* Creates an empty map. config and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_map_create(const struct nr_config *config,
                                    const struct nr_options *options, struct nr_map **map);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_map_destroy(struct nr_map *map);

/* The instance behind the map. */
NR_API struct nr *nr_map_instance(struct nr_map *map);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_map_register(struct nr_map *map, unsigned replica,
                                      struct nr_map_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_map_unregister(struct nr_map_thread *thread);

/* Stores the key's value in *value. NR_ENOENT: no such key. */
NR_API enum nr_status nr_map_get(struct nr_map_thread *thread, uint64_t key, uint64_t *value);

/* The number of keys. */
NR_API uint64_t nr_map_len(struct nr_map_thread *thread);

/* Calls fn for each key, in no particular order, while nothing changes the thread's replica; fn
 * must not use the map and may run in another thread of the program while the caller waits. */
NR_API void nr_map_visit(struct nr_map_thread *thread,
                         void (*fn)(uint64_t key, uint64_t value, void *arg), void *arg);

/* Executes a mutation. */
NR_API struct nr_map_answer nr_map_execute(struct nr_map_thread *thread,
                                           const struct nr_map_op *op);

/* Hands in a mutation; contract of nr_submit: take effect in order, NR_EAGAIN if the batch is full.
 */
NR_API enum nr_status nr_map_submit(struct nr_map_thread *thread, const struct nr_map_op *op);

/* Stores the answer of the oldest submission. NR_EEMPTY: there is none. poll does not wait:
 * NR_EAGAIN. */
NR_API enum nr_status nr_map_collect(struct nr_map_thread *thread, struct nr_map_answer *answer);
NR_API enum nr_status nr_map_poll(struct nr_map_thread *thread, struct nr_map_answer *answer);

/* ---- The mutations by name
 * ----------------------------------------------------------------------- */

/* Sets the key's value; *was (NULL allowed) tells what was there before. NR_OK or NR_ENOMEM. */
static inline enum nr_status nr_map_put(struct nr_map_thread *thread, uint64_t key, uint64_t value,
                                        struct nr_map_answer *was)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_PUT};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (was)
        *was = answer;
    return answer.status;
}

/* Adds a new key. NR_EEXIST: it is there, its value in *found (NULL allowed). Or NR_ENOMEM. */
static inline enum nr_status nr_map_insert(struct nr_map_thread *thread, uint64_t key,
                                           uint64_t value, uint64_t *found)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_INSERT};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (found && answer.present)
        *found = answer.value;
    return answer.status;
}

/* Replaces the value of a key, the previous one in *old (NULL allowed). NR_ENOENT: no such key. */
static inline enum nr_status nr_map_replace(struct nr_map_thread *thread, uint64_t key,
                                            uint64_t value, uint64_t *old)
{
    struct nr_map_op op = {.key = key, .value = value, .kind = NR_MAP_REPLACE};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (old && answer.present)
        *old = answer.value;
    return answer.status;
}

/* Replaces the value if it is `expected`; *found (NULL allowed) gets the value before. NR_ENOENT:
 * no such key; NR_EDIFFER: it has another value, and keeps it. */
static inline enum nr_status nr_map_cas(struct nr_map_thread *thread, uint64_t key,
                                        uint64_t expected, uint64_t value, uint64_t *found)
{
    struct nr_map_op op = {.key = key, .value = value, .expected = expected, .kind = NR_MAP_CAS};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (found && answer.present)
        *found = answer.value;
    return answer.status;
}

/* Adds to the key's value, modulo 2^64; a new key counts as 0. The sum goes to *sum (NULL allowed).
 * NR_OK or NR_ENOMEM. */
static inline enum nr_status nr_map_add(struct nr_map_thread *thread, uint64_t key, uint64_t amount,
                                        uint64_t *sum)
{
    struct nr_map_op op = {.key = key, .value = amount, .kind = NR_MAP_ADD};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (sum && answer.status == NR_OK)
        *sum = answer.value;
    return answer.status;
}

/* Removes a key, its value in *old (NULL allowed). NR_ENOENT: no such key. Never needs memory. */
static inline enum nr_status nr_map_remove(struct nr_map_thread *thread, uint64_t key,
                                           uint64_t *old)
{
    struct nr_map_op op = {.key = key, .kind = NR_MAP_REMOVE};
    struct nr_map_answer answer = nr_map_execute(thread, &op);
    if (old && answer.present)
        *old = answer.value;
    return answer.status;
}

/* Removes all keys; the map keeps its memory. */
static inline void nr_map_clear(struct nr_map_thread *thread)
{
    struct nr_map_op op = {.kind = NR_MAP_CLEAR};
    (void)nr_map_execute(thread, &op);
}

/* Makes room for n keys in total. NR_OK or NR_ENOMEM (a part of the logs may have made room). */
static inline enum nr_status nr_map_reserve(struct nr_map_thread *thread, uint64_t n)
{
    struct nr_map_op op = {.value = n, .kind = NR_MAP_RESERVE};
    return nr_map_execute(thread, &op).status;
}
