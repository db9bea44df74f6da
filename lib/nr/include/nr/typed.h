// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * The typed interface. Included by <nr/nr.h>.
 *
 *     NR_DEFINE(NAME, STRUCT, OP, RESP, QUERY, ANSWER [, members...])
 *
 * expects these functions of yours, static or not,
 *
 *     int    NAME_init(STRUCT *, void *arg);                 empty structure; NR_OK or an error
 *     void   NAME_fini(STRUCT *);
 *     int    NAME_clone(STRUCT *dst, const STRUCT *src, void *arg);       NR_ENOTSUP: impossible
 *     RESP   NAME_apply(STRUCT *, const OP *);               the mutations
 *     ANSWER NAME_read(const STRUCT *, const QUERY *);       the queries
 *
 * where NR_PLAIN(NAME, STRUCT) writes the first three if STRUCT has no pointers,
 * and defines the types `struct NAME_nr`, `struct NAME_thread` and
 *
 *     NAME_nr_create(config, &nr)   NAME_nr_destroy(nr)      NAME_nr_add_replica(nr, node, &id)
 *     NAME_register(nr, id, &th)    NAME_unregister(th)      NAME_nr_remove_replica(nr, id)
 *     NAME_execute(th, &op)         NAME_query(th, &query)   NAME_sync(th)
 *     NAME_submit(th, &op)          NAME_collect(th, &resp)  NAME_poll(th, &resp)
 *
 * with the contracts of the untyped functions of the same names (NAME_query is nr_read). apply and
 * read are called directly, so the compiler can inline them. NAME_untyped(nr) gives the struct nr
 * for the rest of the interface. OP, RESP, QUERY and ANSWER are aligned to at most 8 bytes, as all
 * that lies in logs and mailboxes.
 *
 * The optional rest initialises further members of struct nr_type, with adaptors from the
 * NR_ADAPT macros: NR_DEFINE(kv, ..., .op_logs = kv_op_logs_adapted, ...).
 */

/* uint64_t NAME_op_logs(const OP *, unsigned nlogs); uint64_t NAME_query_logs(const QUERY *,
 * unsigned nlogs) */
#define NR_ADAPT_LOGS(NAME, OP, QUERY)                                                  \
    static inline uint64_t NAME##_op_logs_adapted(const void *op, unsigned nlogs)       \
    {                                                                                   \
        return NAME##_op_logs((const OP *)op, nlogs);                                   \
    }                                                                                   \
    static inline uint64_t NAME##_query_logs_adapted(const void *query, unsigned nlogs) \
    {                                                                                   \
        return NAME##_query_logs((const QUERY *)query, nlogs);                          \
    }

/* void NAME_apply_many(STRUCT *, const OP *const ops[], RESP *const resps[], size_t n) */
#define NR_ADAPT_APPLY_MANY(NAME, STRUCT, OP, RESP)                                         \
    static inline void NAME##_apply_many_adapted(void *data, const void *const ops[],       \
                                                 void *const resps[], size_t n)             \
    {                                                                                       \
        NAME##_apply_many((STRUCT *)data, (const OP *const *)ops, (RESP *const *)resps, n); \
    }

/* void NAME_rebuild(const STRUCT *, nr_emit_fn *emit, void *ctx) */
#define NR_ADAPT_REBUILD(NAME, STRUCT)                                                      \
    static inline void NAME##_rebuild_adapted(const void *src, nr_emit_fn *emit, void *ctx) \
    {                                                                                       \
        NAME##_rebuild((const STRUCT *)src, emit, ctx);                                     \
    }

/* uint64_t NAME_digest(const RESP *) */
#define NR_ADAPT_DIGEST(NAME, RESP)                                \
    static inline uint64_t NAME##_digest_adapted(const void *resp) \
    {                                                              \
        return NAME##_digest((const RESP *)resp);                  \
    }

#define NR_UNUSED __attribute__((unused))

/* Defines init, fini and clone of a structure that is empty when zeroed and copied by assignment.
 */
#define NR_PLAIN(NAME, STRUCT)                                         \
    static int NAME##_init(STRUCT *data, void *arg)                    \
    {                                                                  \
        (void)data;                                                    \
        (void)arg;                                                     \
        return NR_OK;                                                  \
    }                                                                  \
    static void NAME##_fini(STRUCT *data)                              \
    {                                                                  \
        (void)data;                                                    \
    }                                                                  \
    static int NAME##_clone(STRUCT *dst, const STRUCT *src, void *arg) \
    {                                                                  \
        (void)arg;                                                     \
        *dst = *src;                                                   \
        return NR_OK;                                                  \
    }

/* clang-format off: one declaration per line reads better than what the formatter makes of it */
#define NR_DEFINE(NAME, STRUCT, OP, RESP, QUERY, ...) \
    NR_DEFINE_WITH(NAME, STRUCT, OP, RESP, QUERY, __VA_ARGS__, ) /* ISO C: ... is never nothing */

#define NR_DEFINE_WITH(NAME, STRUCT, OP, RESP, QUERY, ANSWER, ...)                              \
    struct NAME##_nr;                                                                           \
    struct NAME##_thread;                                                                       \
    NR_UNUSED static int NAME##_init_adapted(void *data, void *arg)                             \
    {                                                                                           \
        return NAME##_init((STRUCT *)data, arg);                                                \
    }                                                                                           \
    NR_UNUSED static void NAME##_fini_adapted(void *data)                                       \
    {                                                                                           \
        NAME##_fini((STRUCT *)data);                                                            \
    }                                                                                           \
    NR_UNUSED static int NAME##_clone_adapted(void *dst, const void *src, void *arg)            \
    {                                                                                           \
        return NAME##_clone((STRUCT *)dst, (const STRUCT *)src, arg);                           \
    }                                                                                           \
    static inline void NAME##_apply_adapted(void *data, const void *op, void *resp)             \
    {                                                                                           \
        *(RESP *)resp = NAME##_apply((STRUCT *)data, (const OP *)op);                           \
    }                                                                                           \
    static inline void NAME##_read_adapted(const void *data, const void *query, void *resp)     \
    {                                                                                           \
        *(ANSWER *)resp = NAME##_read((const STRUCT *)data, (const QUERY *)query);              \
    }                                                                                           \
    static const struct nr_type NAME##_type = {.name = #NAME,                                   \
                                               .size = sizeof(STRUCT),                          \
                                               .align = _Alignof(STRUCT),                       \
                                               .op_size = sizeof(OP),                           \
                                               .resp_size = sizeof(RESP),                       \
                                               .init = NAME##_init_adapted,                     \
                                               .fini = NAME##_fini_adapted,                     \
                                               .clone = NAME##_clone_adapted,                   \
                                               .apply = NAME##_apply_adapted,                   \
                                               .read = NAME##_read_adapted,                     \
                                               __VA_ARGS__};                                    \
    NR_UNUSED static struct nr *NAME##_untyped(struct NAME##_nr *nr)                            \
    {                                                                                           \
        return (struct nr *)nr;                                                                 \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_nr_create(const struct nr_config *config,            \
                                                     struct NAME##_nr **nr)                     \
    {                                                                                           \
        struct nr *untyped = NULL;                                                              \
        enum nr_status status = nr_create(&NAME##_type, config, &untyped);                      \
        *nr = (struct NAME##_nr *)untyped;                                                      \
        return status;                                                                          \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_nr_destroy(struct NAME##_nr *nr)                     \
    {                                                                                           \
        return nr_destroy((struct nr *)nr);                                                     \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_nr_add_replica(struct NAME##_nr *nr, int node,       \
                                                          unsigned *id)                         \
    {                                                                                           \
        return nr_add_replica((struct nr *)nr, node, id);                                       \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_nr_remove_replica(struct NAME##_nr *nr, unsigned id) \
    {                                                                                           \
        return nr_remove_replica((struct nr *)nr, id);                                          \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_register(struct NAME##_nr *nr, unsigned id,          \
                                                    struct NAME##_thread **th)                  \
    {                                                                                           \
        struct nr_thread *untyped = NULL;                                                       \
        enum nr_status status = nr_register((struct nr *)nr, id, &untyped);                     \
        *th = (struct NAME##_thread *)untyped;                                                  \
        return status;                                                                          \
    }                                                                                           \
    NR_UNUSED static void NAME##_unregister(struct NAME##_thread *th)                           \
    {                                                                                           \
        nr_unregister((struct nr_thread *)th);                                                  \
    }                                                                                           \
    NR_UNUSED static __attribute__((noinline)) enum nr_outcome NAME##_combine_crowd(            \
        struct nr_lane *lane, const void *op, void *resp)                                       \
    {                                                                                           \
        return nr_combine_crowd_with(&NAME##_type, lane, op, resp);                             \
    }                                                                                           \
    NR_UNUSED static enum nr_outcome NAME##_combine(struct nr_lane *lane, const void *op,       \
                                                    void *resp)                                 \
    {                                                                                           \
        return nr_combine_with(&NAME##_type, lane, op, resp, NAME##_combine_crowd);             \
    }                                                                                           \
    NR_UNUSED static enum nr_outcome NAME##_advance(struct nr_lane *lane, uint64_t upto)        \
    {                                                                                           \
        return nr_advance_with(&NAME##_type, lane, upto);                                       \
    }                                                                                           \
    NR_UNUSED static inline RESP NAME##_execute(struct NAME##_thread *th, const OP *op)         \
    {                                                                                           \
        RESP resp;                                                                              \
        nr_execute_with(&NAME##_type, (struct nr_thread *)th, op, &resp, NAME##_combine);       \
        return resp;                                                                            \
    }                                                                                           \
    NR_UNUSED static inline ANSWER NAME##_query(struct NAME##_thread *th, const QUERY *query)   \
    {                                                                                           \
        ANSWER answer;                                                                          \
        nr_read_with(&NAME##_type, (struct nr_thread *)th, query, &answer, NAME##_advance);     \
        return answer;                                                                          \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_submit(struct NAME##_thread *th, const OP *op)       \
    {                                                                                           \
        return nr_submit((struct nr_thread *)th, op);                                           \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_collect(struct NAME##_thread *th, RESP *resp)        \
    {                                                                                           \
        return nr_collect((struct nr_thread *)th, resp);                                        \
    }                                                                                           \
    NR_UNUSED static enum nr_status NAME##_poll(struct NAME##_thread *th, RESP *resp)           \
    {                                                                                           \
        return nr_poll((struct nr_thread *)th, resp);                                           \
    }                                                                                           \
    NR_UNUSED static void NAME##_sync(struct NAME##_thread *th)                                 \
    {                                                                                           \
        nr_sync((struct nr_thread *)th);                                                        \
    }                                                                                           \
    _Static_assert(sizeof(OP) > 0 && sizeof(RESP) > 0,                                          \
                   #NAME ": operations and answers have a size");                               \
    _Static_assert(_Alignof(OP) <= 8 && _Alignof(RESP) <= 8, #NAME ": logs align to 8 bytes")
/* clang-format on */
