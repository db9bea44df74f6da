// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * A replicated hash map from byte strings to byte strings.
 *
 * Key and value are copied once, into a block that all replicas share and that never changes; what
 * is replicated is the table of blocks. So an operation in the log has 24 bytes whatever it
 * carries, putting copies the value once however many replicas there are, and a mutation that finds
 * no memory for its block has not happened. The price: a value lies on the NUMA node of the thread
 * that put it, and is in the caches of the others once read.
 *
 * A block is freed when the last replica has dropped it, some dozens of removals later. A replica
 * nobody uses can hold back as many blocks as the log has entries, and with nr_bytes_map_clear a
 * map's worth; nr_sync_replica lets them go.
 *
 * With `logs` in the configuration the map is partitioned by key, as <nr/map.h>. <nr/options.h>
 * tells what all structures have in common; `seed` there is for maps whose keys strangers choose.
 */
#include <nr/options.h>

#define NR_BYTES_KEY_MAX   UINT32_C(0xffff)     /* bytes of a key; a key may be empty */
#define NR_BYTES_VALUE_MAX UINT32_C(0x40000000) /* bytes of a value */

struct nr_bytes_map;        /* the map */
struct nr_bytes_map_thread; /* a thread's access to it */

/* A string of bytes; data may be NULL if size is 0. */
struct nr_bytes {
    const void *data;
    size_t size;
};

/* A caller's buffer that gets a value: at most `capacity` bytes are stored; `size` is set to the
 * size of the whole value, so a value was cut off if it is larger than capacity. */
struct nr_buffer {
    void *data;
    size_t capacity;
    size_t size;
};

/* Creates an empty map. config and options may be NULL. Errors: as nr_create. */
NR_API enum nr_status nr_bytes_map_create(const struct nr_config *config,
                                          const struct nr_options *options,
                                          struct nr_bytes_map **map);

/* Destroys it. NR_EBUSY (and nothing done) while threads are registered. */
NR_API enum nr_status nr_bytes_map_destroy(struct nr_bytes_map *map);

/* The instance behind the map. */
NR_API struct nr *nr_bytes_map_instance(struct nr_bytes_map *map);

/* Gives the calling thread access through a replica (or NR_ANY_REPLICA). Errors: as nr_register. */
NR_API enum nr_status nr_bytes_map_register(struct nr_bytes_map *map, unsigned replica,
                                            struct nr_bytes_map_thread **thread);

/* Ends the access. What was submitted is completed. */
NR_API void nr_bytes_map_unregister(struct nr_bytes_map_thread *thread);

/* Copies the key's value to *value (NULL: only asks whether the key is there). NR_ENOENT: no such
 * key. */
NR_API enum nr_status nr_bytes_map_get(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                       struct nr_buffer *value);

/* The number of keys. */
NR_API uint64_t nr_bytes_map_len(struct nr_bytes_map_thread *thread);

/* Calls fn for each key, in no particular order, while nothing changes the thread's replica; fn
 * must not use the map and may run in another thread of the program while the caller waits. */
NR_API void nr_bytes_map_visit(struct nr_bytes_map_thread *thread,
                               void (*fn)(struct nr_bytes key, struct nr_bytes value, void *arg),
                               void *arg);

/* Sets the key's value. *old (NULL allowed) gets a copy of the value before, size 0 if the key is
 * new. NR_OK (also where the key was there), NR_ENOMEM, NR_EINVAL (too long). */
NR_API enum nr_status nr_bytes_map_put(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                       struct nr_bytes value, struct nr_buffer *old);

/* Adds a new key. NR_EEXIST: it is there, and keeps its value. Or NR_ENOMEM, NR_EINVAL (too long).
 */
NR_API enum nr_status nr_bytes_map_insert(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                          struct nr_bytes value);

/* Replaces the value of a key, a copy of the one before in *old (NULL allowed). NR_ENOENT: no such
 * key. Or NR_ENOMEM, NR_EINVAL (too long). */
NR_API enum nr_status nr_bytes_map_replace(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                           struct nr_bytes value, struct nr_buffer *old);

/* Removes a key, a copy of its value in *old (NULL allowed). NR_ENOENT: no such key. NR_ENOMEM: the
 * key itself has to travel to the replicas. */
NR_API enum nr_status nr_bytes_map_remove(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                          struct nr_buffer *old);

/* Removes all keys; the map keeps the memory of its table. */
NR_API void nr_bytes_map_clear(struct nr_bytes_map_thread *thread);

/* ---- Without waiting
 * ----------------------------------------------------------------------------- */

/* Hand in a mutation, copying what they are given; contract of nr_submit: they take effect in
 * order. NR_EAGAIN: the batch is full; NR_ENOMEM, NR_EINVAL: nothing was handed in. */
NR_API enum nr_status nr_bytes_map_submit_put(struct nr_bytes_map_thread *thread,
                                              struct nr_bytes key, struct nr_bytes value);
NR_API enum nr_status nr_bytes_map_submit_insert(struct nr_bytes_map_thread *thread,
                                                 struct nr_bytes key, struct nr_bytes value);
NR_API enum nr_status nr_bytes_map_submit_replace(struct nr_bytes_map_thread *thread,
                                                  struct nr_bytes key, struct nr_bytes value);
NR_API enum nr_status nr_bytes_map_submit_remove(struct nr_bytes_map_thread *thread,
                                                 struct nr_bytes key);

/* Stores what the oldest submission came to: NR_OK, NR_EEXIST, NR_ENOENT, NR_ENOMEM. The call
 * itself answers NR_EEMPTY if there is none, and poll, which does not wait, NR_EAGAIN. */
NR_API enum nr_status nr_bytes_map_collect(struct nr_bytes_map_thread *thread,
                                           enum nr_status *outcome);
NR_API enum nr_status nr_bytes_map_poll(struct nr_bytes_map_thread *thread,
                                        enum nr_status *outcome);
