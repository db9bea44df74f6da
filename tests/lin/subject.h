// SPDX-License-Identifier: BSD-2-Clause
// A replicated structure under test: how recorded operations become operations of libnr and back.
#pragma once

#include <nr/options.h>

#include "models.h"
#include "rng.h"

enum {
    ANSWER_WORDS = 128,
};

/* What an operation answered, in the form of struct lin_op. */
struct answer {
    uint64_t resp[2];
    size_t n;     /* words used: the answer of a scan */
    bool refused; /* possibly not even handed in, so beside the order of the thread's operations */
    uint64_t words[ANSWER_WORDS];
};

/* What kind of operations to draw. */
struct mood {
    uint64_t tag;     /* unique, for values that should be */
    uint32_t keys;    /* only about so many different keys */
    uint32_t queries; /* percent that are queries */
    uint32_t several; /* percent kept of what would concern several keys */
};

struct subject {
    const char *name;
    const struct lin_model *model;
    unsigned max_logs; /* 1: plain NR */
    bool entangled;    /* every operation's answer depends on the order of all before: the checker
                          copes with short histories only */

    /* The structure, and a thread's access to it, as in the headers of libnr's structures. */
    enum nr_status (*create)(const struct nr_config *config, const struct nr_options *options,
                             void **structure);
    enum nr_status (*destroy)(void *structure);
    struct nr *(*instance)(void *structure);
    enum nr_status (*enroll)(void *structure, unsigned replica, void **thread);
    void (*leave)(void *thread);

    /* Draws kind and arguments of an operation in that mood. */
    void (*draw)(struct rng *r, const struct mood *mood, struct lin_op *op);

    /* Whether operations of this kind cannot be submitted. */
    bool (*is_query)(uint32_t kind);

    /* Executes the operation or query. */
    void (*run)(void *thread, const struct lin_op *op, struct answer *answer);

    /* Submits the mutation; takes the answer of the oldest submission, op, waiting or not. */
    enum nr_status (*submit)(void *thread, const struct lin_op *op);
    enum nr_status (*take)(void *thread, bool wait, const struct lin_op *op, struct answer *answer);

    /* What a submission answers that was refused for lack of memory. NULL: none ever is. */
    void (*refuse)(struct answer *answer);

    /* Operations that show the whole content: op number i of them; false when there are no more. */
    bool (*probe)(uint32_t i, struct lin_op *op);

    /* Writes the content of a replica in a canonical form. NULL: the probes must do. */
    void (*dump)(const void *data, struct lin_state *out);
};

/*
 * Defines the functions of a subject called NAME that NR_DEFINE was used for: NAME_subject_create
 * and so on. ENCODE(const struct lin_op *) gives the OP, DECODE(const RESP *, struct answer *)
 * takes the answer.
 */
#define SUBJECT_ADAPT(NAME, OP, RESP, ENCODE, DECODE)                                              \
    static enum nr_status NAME##_subject_create(                                                   \
        const struct nr_config *config, const struct nr_options *options, void **structure)        \
    {                                                                                              \
        struct NAME##_nr *nr;                                                                      \
        (void)options;                                                                             \
        enum nr_status status = NAME##_nr_create(config, &nr);                                     \
        *structure = nr;                                                                           \
        return status;                                                                             \
    }                                                                                              \
    static enum nr_status NAME##_subject_destroy(void *structure)                                  \
    {                                                                                              \
        return NAME##_nr_destroy(structure);                                                       \
    }                                                                                              \
    static struct nr *NAME##_subject_instance(void *structure)                                     \
    {                                                                                              \
        return NAME##_untyped(structure);                                                          \
    }                                                                                              \
    static enum nr_status NAME##_subject_enroll(void *structure, unsigned replica, void **thread)  \
    {                                                                                              \
        struct NAME##_thread *t;                                                                   \
        enum nr_status status = NAME##_register(structure, replica, &t);                           \
        *thread = t;                                                                               \
        return status;                                                                             \
    }                                                                                              \
    static void NAME##_subject_leave(void *thread)                                                 \
    {                                                                                              \
        NAME##_unregister(thread);                                                                 \
    }                                                                                              \
    static enum nr_status NAME##_subject_submit(void *thread, const struct lin_op *op)             \
    {                                                                                              \
        OP encoded = ENCODE(op);                                                                   \
        return NAME##_submit(thread, &encoded);                                                    \
    }                                                                                              \
    static enum nr_status NAME##_subject_take(void *thread, bool wait, const struct lin_op *op,    \
                                              struct answer *answer)                               \
    {                                                                                              \
        RESP resp;                                                                                 \
        (void)op;                                                                                  \
        enum nr_status status = wait ? NAME##_collect(thread, &resp) : NAME##_poll(thread, &resp); \
        if (status == NR_OK)                                                                       \
            DECODE(&resp, answer);                                                                 \
        return status;                                                                             \
    }

/* The members that SUBJECT_ADAPT defined. */
#define SUBJECT_ADAPTED(NAME)                                             \
    .create = NAME##_subject_create, .destroy = NAME##_subject_destroy,   \
    .instance = NAME##_subject_instance, .enroll = NAME##_subject_enroll, \
    .leave = NAME##_subject_leave, .submit = NAME##_subject_submit, .take = NAME##_subject_take

/*
 * Defines the functions of a subject called NAME for the ready-made structure LIB (nr_queue, say):
 * those that create and destroy it and that give access to threads.
 */
#define SUBJECT_READY(NAME, LIB)                                                                  \
    static enum nr_status NAME##_subject_create(                                                  \
        const struct nr_config *config, const struct nr_options *options, void **structure)       \
    {                                                                                             \
        struct LIB *created;                                                                      \
        enum nr_status status = LIB##_create(config, options, &created);                          \
        *structure = created;                                                                     \
        return status;                                                                            \
    }                                                                                             \
    static enum nr_status NAME##_subject_destroy(void *structure)                                 \
    {                                                                                             \
        return LIB##_destroy(structure);                                                          \
    }                                                                                             \
    static struct nr *NAME##_subject_instance(void *structure)                                    \
    {                                                                                             \
        return LIB##_instance(structure);                                                         \
    }                                                                                             \
    static enum nr_status NAME##_subject_enroll(void *structure, unsigned replica, void **thread) \
    {                                                                                             \
        struct LIB##_thread *t;                                                                   \
        enum nr_status status = LIB##_register(structure, replica, &t);                           \
        *thread = t;                                                                              \
        return status;                                                                            \
    }                                                                                             \
    static void NAME##_subject_leave(void *thread)                                                \
    {                                                                                             \
        LIB##_unregister(thread);                                                                 \
    }

/* The members that SUBJECT_READY defined. */
#define SUBJECT_IS_READY(NAME)                                            \
    .create = NAME##_subject_create, .destroy = NAME##_subject_destroy,   \
    .instance = NAME##_subject_instance, .enroll = NAME##_subject_enroll, \
    .leave = NAME##_subject_leave
