// SPDX-License-Identifier: BSD-2-Clause
/*
 * <nr/bytes_map.h>: a table of blobs (blobs.h) for each replica and partition.
 *
 * An operation brings a blob of its own, made by its issuer before it enters the log: key and
 * value, or the key alone for a removal. On every replica the blob ends up in the table or is
 * retired by the same operation; so does the blob that it takes the place of. Where the issuer
 * wants the old value the old blob has a second holder, who copies it to the caller's buffer and
 * releases it.
 */
#include <base/hash.h>
#include <nr/bytes_map.h>

#include "blobs.h"
#include "shared.h"

enum op_kind { PUT, INSERT, REPLACE, REMOVE, CLEAR };

struct op {
    uint64_t hash;
    struct blob *blob; /* NULL for CLEAR */
    uint32_t kind;     /* enum op_kind */
    uint32_t want_old; /* the answer holds the old blob */
};

struct answer {
    struct blob *old;
    enum nr_status status;
    uint32_t unused;
};

enum query_kind { GET, LEN, VISIT };

struct query {
    enum query_kind kind;
    uint64_t hash;
    struct nr_bytes key;
    struct nr_buffer *value;
    void (*fn)(struct nr_bytes key, struct nr_bytes value, void *arg);
    void *arg;
};

struct found {
    uint64_t n; /* keys */
};

/* Operations of different logs touch different lines. */
struct part {
    _Alignas(NR_APART) struct blobs table;
    struct party party;
};

/* ---- A partition
 * --------------------------------------------------------------------------------- */

static bool part_init(struct part *part, struct shared *shared, unsigned index)
{
    accord_join(&shared->accords[index], &part->party);
    blobs_init(&part->table, &part->party.base);
    uint64_t reserve = shared_reserve(shared);
    if (reserve && !blobs_reserve(&part->table, reserve)) {
        (void)accord_leave(&part->party);
        return false;
    }
    accord_begin(&part->party);
    return true;
}

/* Whoever leaves last has applied every operation: no blob is on its way. */
static void part_fini(struct part *part)
{
    struct nr_allocator *from = part->party.accord->from;
    struct blob *blob;
    size_t cursor = 0;
    bool last = accord_leave(&part->party);
    while (last && (blob = blobs_next(&part->table, &cursor)))
        accord_release(from, &blob->head);
    blobs_fini(&part->table);
}

static bool part_clone(struct part *dst, const struct part *src)
{
    if (!accord_join_as(&dst->party, &src->party))
        return false;
    if (!blobs_clone(&dst->table, &src->table, &dst->party.base)) {
        (void)accord_leave(&dst->party);
        return false;
    }
    accord_begin(&dst->party);
    return true;
}

/* Retires the blob that the operation has driven out of the table. */
NR_INLINE struct blob *drive_out(struct part *part, const struct op *op, struct blob *old)
{
    accord_retire(&part->party, &old->head, op->want_old);
    return op->want_old ? old : NULL;
}

static struct answer part_apply(struct part *part, const struct op *op)
{
    struct blob *blob = op->blob;
    struct blob_slot *slot = blobs_find(&part->table, op->hash, blob->bytes, blob->key_size);
    struct answer answer = {0};
    if (slot && (op->kind == PUT || op->kind == REPLACE)) {
        answer.old = drive_out(part, op, slot->blob);
        slot->blob = blob;
        return answer;
    }
    if (!slot && (op->kind == PUT || op->kind == INSERT)) {
        if (blobs_add(&part->table, op->hash, blob))
            return answer;
        answer.status = NR_ENOMEM;
    } else if (!slot) {
        answer.status = NR_ENOENT;
    } else if (op->kind == INSERT) {
        answer.status = NR_EEXIST;
    } else {
        answer.old = drive_out(part, op, slot->blob);
        blobs_remove(&part->table, slot);
    }
    accord_retire(&part->party, &blob->head, false);
    return answer;
}

/* CLEAR */
static struct answer parts_apply(struct part *parts, unsigned n, const struct op *op)
{
    (void)op;
    for (unsigned i = 0; i < n; i++) {
        struct blob *blob;
        size_t cursor = 0;
        while ((blob = blobs_next(&parts[i].table, &cursor)))
            accord_retire(&parts[i].party, &blob->head, false);
        blobs_clear(&parts[i].table);
    }
    return (struct answer){0};
}

static void fill(struct nr_buffer *buffer, const struct blob *blob)
{
    size_t n = min((size_t)blob->value_size, buffer->capacity);
    if (n)
        memcpy(buffer->data, blob_value(blob), n);
    buffer->size = blob->value_size;
}

NR_INLINE struct found part_read(const struct part *part, const struct query *query)
{
    const struct blob_slot *slot =
        blobs_find(&part->table, query->hash, query->key.data, query->key.size);
    if (slot && query->value)
        fill(query->value, slot->blob);
    return (struct found){slot != NULL};
}

static struct found parts_read(const struct part *parts, unsigned n, const struct query *query)
{
    struct found found = {0};
    for (unsigned i = 0; i < n; i++) {
        const struct blob *blob;
        size_t cursor = 0;
        found.n += parts[i].table.used;
        while (query->kind == VISIT && (blob = blobs_next(&parts[i].table, &cursor)))
            query->fn((struct nr_bytes){blob->bytes, blob->key_size},
                      (struct nr_bytes){blob_value(blob), blob->value_size}, query->arg);
    }
    return found;
}

NR_INLINE bool op_is_global(const struct op *op)
{
    return op->kind == CLEAR;
}

NR_INLINE uint64_t op_hash(const struct op *op)
{
    return op->hash;
}

NR_INLINE bool query_is_global(const struct query *query)
{
    return query->kind != GET;
}

NR_INLINE uint64_t query_hash(const struct query *query)
{
    return query->hash;
}

#define OP     struct op
#define ANSWER struct answer
#define QUERY  struct query
#define FOUND  struct found
#include "partitioned.inc"

/* ---- Instance and threads
 * ------------------------------------------------------------------------ */

static struct shared *shared_of(struct nr_bytes_map *map)
{
    return (struct shared *)map;
}

static struct nr_thread *thread_of(struct nr_bytes_map_thread *thread)
{
    return (struct nr_thread *)thread;
}

static const struct shared *thread_shared(struct nr_bytes_map_thread *thread)
{
    return thread_of(thread)->nr->config.init_arg;
}

enum nr_status nr_bytes_map_create(const struct nr_config *config, const struct nr_options *options,
                                   struct nr_bytes_map **map)
{
    struct shared *shared;
    enum nr_status status = shared_create(type_for(config), config, options, &shared);
    *map = (struct nr_bytes_map *)shared;
    return status;
}

enum nr_status nr_bytes_map_destroy(struct nr_bytes_map *map)
{
    return shared_destroy(shared_of(map));
}

struct nr *nr_bytes_map_instance(struct nr_bytes_map *map)
{
    return shared_of(map)->nr;
}

enum nr_status nr_bytes_map_register(struct nr_bytes_map *map, unsigned replica,
                                     struct nr_bytes_map_thread **thread)
{
    struct nr_thread *untyped;
    enum nr_status status = nr_register(shared_of(map)->nr, replica, &untyped);
    *thread = (struct nr_bytes_map_thread *)untyped;
    return status;
}

void nr_bytes_map_unregister(struct nr_bytes_map_thread *thread)
{
    nr_unregister(thread_of(thread));
}

/* ---- Queries
 * ------------------------------------------------------------------------------------- */

static uint64_t hash_of(struct nr_bytes_map_thread *thread, struct nr_bytes key)
{
    return hash_bytes(key.data, key.size, thread_shared(thread)->options.seed);
}

enum nr_status nr_bytes_map_get(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                struct nr_buffer *value)
{
    struct query query = {.kind = GET, .hash = hash_of(thread, key), .key = key, .value = value};
    return ask(thread_of(thread), &query).n ? NR_OK : NR_ENOENT;
}

uint64_t nr_bytes_map_len(struct nr_bytes_map_thread *thread)
{
    return ask(thread_of(thread), &(struct query){.kind = LEN}).n;
}

void nr_bytes_map_visit(struct nr_bytes_map_thread *thread,
                        void (*fn)(struct nr_bytes key, struct nr_bytes value, void *arg),
                        void *arg)
{
    (void)ask(thread_of(thread), &(struct query){.kind = VISIT, .fn = fn, .arg = arg});
}

/* ---- Mutations
 * ----------------------------------------------------------------------------------- */

/* Makes an operation with its blob. Errors: NR_EINVAL, NR_ENOMEM. */
static enum nr_status op_make(struct nr_bytes_map_thread *thread, enum op_kind kind,
                              struct nr_bytes key, struct nr_bytes value, struct op *op)
{
    struct nr_allocator *from = thread_shared(thread)->options.allocator;
    if (key.size > NR_BYTES_KEY_MAX || value.size > NR_BYTES_VALUE_MAX)
        return NR_EINVAL;
    size_t size = sizeof(struct blob) + key.size + value.size;
    struct blob *blob = from->alloc(from, size, _Alignof(struct blob), NR_ANY_NODE);
    if (!blob)
        return NR_ENOMEM;
    *blob = (struct blob){
        .head = {.size = size, .holders = 1},
        .key_size = (uint32_t)key.size,
        .value_size = (uint32_t)value.size,
    };
    if (key.size)
        memcpy(blob->bytes, key.data, key.size);
    if (value.size)
        memcpy(blob->bytes + key.size, value.data, value.size);
    *op = (struct op){.hash = hash_of(thread, key), .blob = blob, .kind = kind};
    return NR_OK;
}

static enum nr_status mutate(struct nr_bytes_map_thread *thread, enum op_kind kind,
                             struct nr_bytes key, struct nr_bytes value, struct nr_buffer *old)
{
    struct op op;
    if (old)
        old->size = 0;
    enum nr_status status = op_make(thread, kind, key, value, &op);
    if (status != NR_OK)
        return status;
    op.want_old = old != NULL;
    struct answer answer = execute(thread_of(thread), &op);
    if (old && answer.old) { /* there is none that was not asked for */
        fill(old, answer.old);
        accord_release(thread_shared(thread)->options.allocator, &answer.old->head);
    }
    return answer.status;
}

enum nr_status nr_bytes_map_put(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                struct nr_bytes value, struct nr_buffer *old)
{
    return mutate(thread, PUT, key, value, old);
}

enum nr_status nr_bytes_map_insert(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                   struct nr_bytes value)
{
    return mutate(thread, INSERT, key, value, NULL);
}

enum nr_status nr_bytes_map_replace(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                    struct nr_bytes value, struct nr_buffer *old)
{
    return mutate(thread, REPLACE, key, value, old);
}

enum nr_status nr_bytes_map_remove(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                   struct nr_buffer *old)
{
    return mutate(thread, REMOVE, key, (struct nr_bytes){0}, old);
}

void nr_bytes_map_clear(struct nr_bytes_map_thread *thread)
{
    (void)execute(thread_of(thread), &(struct op){.kind = CLEAR});
}

static enum nr_status submit(struct nr_bytes_map_thread *thread, enum op_kind kind,
                             struct nr_bytes key, struct nr_bytes value)
{
    struct op op;
    enum nr_status status = op_make(thread, kind, key, value, &op);
    if (status != NR_OK)
        return status;
    status = nr_submit(thread_of(thread), &op);
    if (status != NR_OK)
        accord_release(thread_shared(thread)->options.allocator, &op.blob->head);
    return status;
}

enum nr_status nr_bytes_map_submit_put(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                       struct nr_bytes value)
{
    return submit(thread, PUT, key, value);
}

enum nr_status nr_bytes_map_submit_insert(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                          struct nr_bytes value)
{
    return submit(thread, INSERT, key, value);
}

enum nr_status nr_bytes_map_submit_replace(struct nr_bytes_map_thread *thread, struct nr_bytes key,
                                           struct nr_bytes value)
{
    return submit(thread, REPLACE, key, value);
}

enum nr_status nr_bytes_map_submit_remove(struct nr_bytes_map_thread *thread, struct nr_bytes key)
{
    return submit(thread, REMOVE, key, (struct nr_bytes){0});
}

enum nr_status nr_bytes_map_collect(struct nr_bytes_map_thread *thread, enum nr_status *outcome)
{
    struct answer answer;
    enum nr_status status = nr_collect(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = answer.status;
    return status;
}

enum nr_status nr_bytes_map_poll(struct nr_bytes_map_thread *thread, enum nr_status *outcome)
{
    struct answer answer;
    enum nr_status status = nr_poll(thread_of(thread), &answer);
    if (status == NR_OK)
        *outcome = answer.status;
    return status;
}
