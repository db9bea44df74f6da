// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * libnr: node replication for C programs.
 *
 * Give it a plain sequential data structure - no locks, no atomics - and get a linearizable
 * concurrent one: a replica per NUMA node, an operation log that orders all mutations, flat
 * combining within a node, reads that run in parallel on the local replica. With several logs
 * (concurrent node replication, CNR) mutations that commute no longer wait for each other.
 *
 * Reading order: the typed interface (NR_DEFINE, end of this file) is what programs use;
 * struct nr_type and struct nr_config describe what is replicated and how; the untyped functions in
 * between are what the typed ones are made of. docs/libnr.md is the guide, docs/libnr-internals.md
 * the theory.
 *
 * Sources: Calciu et al., "Black-box Concurrent Data Structures for NUMA Architectures", ASPLOS
 * 2017; Bhardwaj et al., "NrOS: Effective Replication and Sharing in an Operating System", OSDI
 * 2021.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NR_API __attribute__((visibility("default")))

/* What a call can answer. Everything but NR_OK is negative. */
enum nr_status {
    NR_OK = 0,
    NR_ENOMEM = -1,  /* no memory; nothing has changed */
    NR_EINVAL = -2,  /* an argument or configuration value is out of range */
    NR_EBUSY = -3,   /* still in use: registered threads, or the last replica */
    NR_ENOTSUP = -4, /* the type lacks the function that this needs */
    NR_EAGAIN = -5,  /* not now: batch full, or answer not there yet */
    NR_ELIMIT = -6,  /* max_threads or max_replicas reached */
    NR_EEMPTY = -7,  /* nothing was submitted; the queue, stack or heap holds nothing */
    /* The rest are answers of the ready-made structures. */
    NR_ENOENT = -8,   /* no such key */
    NR_EEXIST = -9,   /* the key exists already */
    NR_EDIFFER = -10, /* the value is not the expected one */
};

/* Returns a constant one-line description of a status. */
NR_API const char *nr_status_text(enum nr_status status);

enum {
    NR_MAX_LOGS = 64, /* a set of logs is the bits of a 64-bit word */
    NR_MAX_REPLICAS =
        64,            /* table in the instance; beyond it replication costs more than it gives */
    NR_MAX_BATCH = 63, /* outstanding operations of a thread; indices travel in 8 bits */
};

/* For nr_register: the replica with the fewest threads. */
#define NR_ANY_REPLICA (~0u)

/* ---- What is replicated ---- */

/* Receives an operation from nr_type.rebuild; `op` is only read during the call. */
typedef void nr_emit_fn(void *ctx, const void *op);

/*
 * A sequential structure. NR_DEFINE writes one from typed functions; fill one by hand only for
 * languages or generators on top of the untyped interface.
 *
 * apply must be deterministic: its answer and the new state depend on state and operation alone,
 * not on time, addresses, random numbers or allocation luck (structures that allocate treat failure
 * like any outcome that replicas must share; see docs/libnr.md). It is called once per replica and
 * operation, never concurrently with read or apply of the same log. Neither may call libnr.
 */
struct nr_type {
    const char *name;
    size_t size;    /* bytes of the structure; libnr allocates them zeroed on the replica's node */
    size_t align;   /* of the structure; power of two */
    size_t op_size; /* bytes of a mutation; copied into the log */
    size_t resp_size; /* bytes of a mutation's answer */

    int (*init)(void *data, void *arg); /* makes an empty structure; NR_OK or an error */
    void (*fini)(void *data);           /* releases what it owns */
    void (*apply)(void *data, const void *op, void *resp);
    void (*read)(const void *data, const void *query, void *resp);

    /* How add_replica fills the new structure; either or none. clone copies src into dst (dst is
     * zeroed, not initialised). rebuild emits operations that recreate src from an empty structure,
     * in order. */
    int (*clone)(void *dst, const void *src, void *arg);
    void (*rebuild)(const void *src, nr_emit_fn *emit, void *ctx);

    /* Optional: applies n operations at once, as if one after the other; same rules as apply.
     * Several resps may be the same address, where nobody wants the answers: write them, never read
     * them. */
    void (*apply_many)(void *data, const void *const ops[], void *const resps[], size_t n);

    /* CNR: the logs that an operation belongs to, as a non-empty set of bits below nlogs.
     * Operations without a common log must commute, and (unless concurrent) touch disjoint memory.
     * Several bits make a scan. Both NULL: plain NR. */
    uint64_t (*op_logs)(const void *op, unsigned nlogs);
    uint64_t (*query_logs)(const void *query, unsigned nlogs);

    /* Optional: digest of an answer for the determinism guard; default: a hash of its bytes. Needed
     * where answers hold addresses or padding. */
    uint64_t (*digest)(const void *resp);

    /* CNR: the structure does its own locking; read runs concurrently with apply, and applies of
     * different logs run concurrently. */
    bool concurrent;
};

/* ---- How it is replicated ---- */

enum nr_flags {
    NR_CHECK = 1,    /* determinism guard on: compare the replicas' answers */
    NR_KEEP_LOG = 2, /* use the log even with a single replica (tests, measurements) */
    NR_PARK = 4, /* waiting threads sleep (nr_port_wait) once pausing and yielding did not help */
};

/* What the determinism guard saw; valid during the call of the hook. */
struct nr_divergence {
    const char *type; /* nr_type.name */
    unsigned replica; /* whose answer differs from the first replica's answer */
    unsigned log;     /* log and position of the operation */
    uint64_t position;
    const void *op;    /* the operation itself */
    uint64_t expected; /* digest of the first answer (32 bits) */
    uint64_t found;    /* digest of this replica's answer */
};

/* Every zero means the default. */
struct nr_config {
    unsigned replicas;     /* replicas to start with; default 1 */
    unsigned max_replicas; /* bound for nr_add_replica; default 16, at least `replicas` */
    unsigned logs; /* 1..NR_MAX_LOGS; default 1; more than one needs op_logs and query_logs */
    unsigned log_entries; /* of each log; rounded up to a power of two; default 4096, at least 4 */
    unsigned max_threads; /* registered at one replica at a time; default 256 */
    unsigned batch;       /* outstanding submissions per thread, 1..NR_MAX_BATCH; default 32 */
    unsigned flags;       /* enum nr_flags */
    const int *nodes;     /* NUMA node of each of `replicas`; default: any node */
    void *init_arg;       /* second argument of init and clone */

    void *hook_arg; /* first argument of the hooks */
    /* `replica` holds back log `log`, which is full. Return true after having woken a thread that
     * will call into the instance on that replica (a core got an interrupt, say); false: libnr
     * advances the replica itself, in the calling thread. After true it asks again as long as it
     * has to wait, and in the end helps itself. Of the instance the hook may call nr_sync_replica
     * only. */
    bool (*stuck)(void *hook_arg, unsigned replica, unsigned log);
    /* The determinism guard found a difference. Default: nr_port_fatal. Locks are held: the hook
     * must not call into the instance. */
    void (*diverged)(void *hook_arg, const struct nr_divergence *what);
};

struct nr;        /* an instance: one replicated structure */
struct nr_thread; /* a registered thread; used by one thread of the program at a time */

/* Creates an instance and stores it in *nr. *type stays in use as long as the instance lives,
 * *config does not. Errors: NR_EINVAL, NR_ENOMEM, or what init returned. Allocates; does not wait.
 */
NR_API enum nr_status nr_create(const struct nr_type *type, const struct nr_config *config,
                                struct nr **nr);

/* Destroys the instance with its replicas. NR_EBUSY (and nothing done) while threads are
 * registered. */
NR_API enum nr_status nr_destroy(struct nr *nr);

/* Registers the calling thread's operations at `replica` (or NR_ANY_REPLICA) and stores the token
 * in *thread. Allocates; waits for other administrative calls. Errors: NR_EINVAL (no such replica),
 * NR_ELIMIT, NR_ENOMEM. */
NR_API enum nr_status nr_register(struct nr *nr, unsigned replica, struct nr_thread **thread);

/* Completes what the thread submitted (answers not collected are dropped) and ends its
 * registration. */
NR_API void nr_unregister(struct nr_thread *thread);

/* The replica at which the thread now operates; changes when that replica is removed. */
NR_API unsigned nr_thread_replica(const struct nr_thread *thread);

/* Adds a replica on NUMA node `node` (NR_ANY_NODE: any), a copy of an existing one, and stores its
 * number in *replica. Others go on operating, except on the copied replica. Errors: NR_ENOTSUP
 * (type without clone and rebuild), NR_ELIMIT, NR_ENOMEM, or what clone or init returned. */
NR_API enum nr_status nr_add_replica(struct nr *nr, int node, unsigned *replica);

/* Removes a replica; its threads go on at another one. Others go on operating. Errors: NR_EINVAL
 * (no such replica), NR_EBUSY (the last one), NR_ELIMIT (no room for its threads elsewhere). */
NR_API enum nr_status nr_remove_replica(struct nr *nr, unsigned replica);

/* Applies a mutation and stores its answer. Waits for other threads of the replica, and helps them.
 */
NR_API void nr_execute(struct nr_thread *thread, const void *op, void *resp);

/* Runs a query on the local replica, brought up to date before. */
NR_API void nr_read(struct nr_thread *thread, const void *query, void *resp);

/* Hands in a mutation without waiting for its answer. Operations of one thread take effect in the
 * order of submission; execute, read and a submission to another log first complete what was
 * submitted. A scan (several logs) is completed before the call returns; its answer is collected
 * all the same. NR_EAGAIN: the batch is full, collect all answers first. */
NR_API enum nr_status nr_submit(struct nr_thread *thread, const void *op);

/* Stores the answer of the oldest submission not yet collected. nr_collect waits for it; nr_poll
 * tries to complete it once and returns NR_EAGAIN otherwise. NR_EEMPTY: there is none. */
NR_API enum nr_status nr_collect(struct nr_thread *thread, void *resp);
NR_API enum nr_status nr_poll(struct nr_thread *thread, void *resp);

/* Brings the thread's replica up to date with every operation completed before the call. */
NR_API void nr_sync(struct nr_thread *thread);

/* Brings `replica` up to date, whether it has threads or not (idle loops, timers, shutdown
 * handlers). May be called by any thread, registered or not, but not by a handler that interrupted
 * a call into the instance: that may hold the lock waited for. NR_EINVAL: no such replica. */
NR_API enum nr_status nr_sync_replica(struct nr *nr, unsigned replica);

/* Counters of one replica, summed over its logs; each exact, not one snapshot. */
struct nr_stats {
    uint64_t combines; /* times a combiner ran */
    uint64_t batched;  /* operations that a combiner executed for other threads */
    uint64_t replayed; /* operations of other replicas applied here */
    uint64_t helped;   /* times another replica's thread advanced this one */
    uint64_t log_full; /* times a combiner found the log full */
    uint64_t lag;      /* operations in the logs that this replica has not applied */
    unsigned threads;  /* registered here */
};
NR_API enum nr_status nr_replica_stats(struct nr *nr, unsigned replica, struct nr_stats *stats);

/* Calls fn with the structure of a replica while nothing changes it (all its locks are held):
 * tests, statistics, dumps. fn must not call libnr. The replica may lag; sync it first if that
 * matters. */
NR_API enum nr_status nr_inspect(struct nr *nr, unsigned replica,
                                 void (*fn)(const void *data, void *arg), void *arg);

#include <nr/engine.h>
#include <nr/typed.h>
