// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * The engine room of libnr: its objects and the inline hot paths. Included by <nr/nr.h>; nothing
 * here is part of the interface. docs/libnr-internals.md gives the protocol; "rule M1" and the like
 * refer to it.
 *
 * Everything called *_with takes the type as a parameter and is always inlined. NR_DEFINE calls
 * them with a constant type, so that apply and read become direct calls and sizes constants; the
 * library instantiates each once with the instance's type pointer for the untyped interface and for
 * its slow paths.
 */
#include <nr/atomic.h>
#include <nr/port.h>

/* Distance that keeps independently written data apart: two lines, because processors prefetch in
 * pairs. */
#define NR_APART       128
#define NR_INLINE      static inline __attribute__((always_inline))
#define nr_likely(x)   __builtin_expect(!!(x), 1)
#define nr_unlikely(x) __builtin_expect(!!(x), 0)

/* Positions of a lease (nr_lane_pace): long enough that its first transfer of the tail's line does
 * not matter. */
#define NR_LEASE 64

/* ---- Log ---- */

/* meta: bit 0 alive, bit 1 scan. Entries are nr_entry_stride() bytes apart. */
struct nr_entry {
    _Atomic uint32_t meta;
    _Atomic uint32_t digest; /* determinism guard: first answer's digest, 0 = none yet */
    unsigned char op[];      /* the operation */
};

enum { NR_META_ALIVE = 1, NR_META_SCAN = 2 };

/* What an entry with NR_META_SCAN has besides, in nr_log.scans: few entries do, and the others stay
 * small, as each is transferred between the caches. */
struct nr_scan_info {
    uint64_t seq;             /* scans are numbered from 1 in the order that all logs share */
    uint64_t logs;            /* the logs that hold it */
    uint64_t home;            /* nr_replica.epoch of the issuer's; the rest is touched only there */
    struct nr_thread *issuer; /* waits for the answer */
    const void *query;        /* not NULL: a reading scan, executed only at home */
    void *resp;               /* where the issuer wants the answer */
};

/* Advice for appenders, see nr_lane_pace: replica `grant & 0xff` (nr_lane.owner) may append
 * undisturbed until `grant >> 8` operations have been appended. */
struct nr_lease {
    _Atomic uint64_t grant;
    _Atomic uint64_t
        appended; /* with several logs: to all of them, roughly; else the log's tail says it */
};

struct nr_log {
    _Alignas(NR_APART) _Atomic uint64_t tail; /* next free position */
    struct nr_lease own_lease; /* of the only log: on the line that an append needs anyway */
    _Alignas(NR_APART) _Atomic uint64_t ctail; /* end of the prefix that some replica has applied */
    _Alignas(NR_APART) _Atomic uint64_t head;  /* positions below are applied everywhere */
    _Atomic uint64_t
        scan_mark; /* position after the last scan << 1, bit 0: a scan is being appended */
    _Atomic uint32_t collector; /* lock: recomputing head; changing the set of replicas (rule R1) */
    /* [const] from here */
    _Alignas(NR_APART) unsigned char *entries;
    struct nr_scan_info *scans; /* for each entry, if there are several logs */
    struct nr_lease *lease;     /* own_lease, or the instance's if it has several logs */
    uint64_t mask;              /* entries - 1 */
    uint64_t limit;             /* reservations keep tail - head at most this (rule L3) */
    uint32_t shift;             /* log2(entries) */
    uint32_t max_batch;         /* a combiner takes at most this many operations at once */
};

/* ---- Replica ---- */

enum nr_lock_state {
    NR_FREE,
    NR_HELD,
    NR_HELD_SLEEPERS, /* unlocking wakes (NR_PARK) */
    NR_GONE,          /* the replica was removed: follow nr_thread.home */
};

enum nr_lane_mode {
    NR_MODE_SOLO = 1,    /* only replica: the log is not used (rule M3) */
    NR_MODE_CAREFUL = 2, /* apply_many or the determinism guard: use the out-of-line path */
    NR_MODE_PARK = 4,    /* unlocking must look for sleepers */
    NR_MODE_ALONE = 8,   /* the replica has one thread (rule M4) */
};

/* nr_lane.elsewhere: a reader of the lane finds a writer inside whenever it looks. */
#define NR_READER_WAITS (~UINT32_C(0))

/* Operations that a combiner took from a thread: `count` of generation `gen`, from slot `first`. */
struct nr_taken {
    struct nr_thread *thread;
    uint64_t gen;
    uint32_t first;
    uint32_t count;
};

/*
 * All that a mutation changes in a lane is one cache line, because a lane that several cores mutate
 * costs a transfer per line. Readers share the line; a mutation takes it from them once.
 */
struct nr_lane {
    /* [global] */
    _Alignas(NR_APART) _Atomic uint32_t lock; /* combiner lock, enum nr_lock_state */
    _Atomic uint32_t writer;    /* [lock holder] writer flag of the readers-writer lock */
    _Atomic uint64_t ltail;     /* [lock holder] applied up to here */
    uint32_t mode;              /* [lock holder] enum nr_lane_mode */
    uint32_t index;             /* [const] log number */
    uint64_t head_cache;        /* [lock holder] a value that log->head had */
    _Atomic uint64_t combines;  /* [lock holder] statistics, like those below */
    struct nr_log *log;         /* [const] */
    void *data;                 /* [const] the structure, shared by the replica's lanes */
    struct nr_replica *replica; /* [const] */
    /* Second line: seldom written. [lock holder] */
    uint32_t ntaken;
    uint32_t turn;              /* slot at which collecting begins */
    uint16_t owner;             /* [const] 1 + replica id, for struct nr_lease */
    uint16_t pace_rest;         /* appends for which not to wait for other replicas' leases */
    _Atomic uint32_t elsewhere; /* hint: 1 + another lane for which a thread waits, or
                                   NR_READER_WAITS, or 0 */
    struct nr_taken *taken;     /* max_threads entries */
    void *scratch;              /* answers of foreign operations go here */
    _Atomic uint64_t batched, replayed, helped, log_full;
};

_Static_assert(offsetof(struct nr_lane, ntaken) == 64, "what a mutation changes is one line");

struct nr_replica {
    struct nr *nr; /* [const] */
    unsigned id;   /* [const] */
    int node;      /* [const] */
    uint64_t
        epoch;  /* [const] no two replicas of an instance share it, even if they share the shell */
    void *data; /* [all lane locks] NULL once removed */
    _Atomic uint32_t nslots;            /* slots ever used; the rest of the table is NULL */
    uint32_t threads;                   /* [admin] in the slots */
    uint32_t users;                     /* [admin] threads whose nr_thread.replica this is */
    _Atomic(struct nr_thread *) *slots; /* max_threads */
    struct nr_replica *next_dead;       /* [admin] */
    struct nr_lane *lanes;              /* [const] one per log */
};

/* ---- Thread ---- */

/*
 * A thread's mailbox. Slot 0 is for execute, slots 1..batch are for submissions. One generation is
 * a run of slots [first, end) offered together to one lane:
 *     submitted = gen << 24 | lane << 16 | first << 8 | end     (owner writes)
 *     done      = gen << 8 | end of the answered slots          (combiners of that lane write)
 * Everything of a generation is answered before the owner starts the next. So all that matters of a
 * generation's number is that it differs from the one before, and it may wrap around.
 */
#define NR_GEN_MASK ((UINT64_C(1) << 40) - 1)

enum nr_detour {
    NR_DETOUR_PENDING = 1, /* something submitted may be unanswered */
    NR_DETOUR_CROWDED = 2, /* the last mutation was answered by another thread: publish at once */
};

struct nr_thread {
    /* [owner] */
    struct nr *nr;
    struct nr_replica *replica;
    struct nr_lane *lanes; /* of replica */
    uint32_t detour;       /* enum nr_detour: reasons to leave the fast paths */
    uint32_t patience;     /* pauses to wait for a combiner before trying to become one */
    uint32_t next;         /* slot of the oldest submission not collected */
    uint32_t end;          /* slot after the newest submission; == next: none */
    uint32_t gen_lane;     /* the current generation: its lane and slots [gen_first, gen_end) */
    uint32_t gen_first;
    uint32_t gen_end;
    uint64_t gen;
    struct nr_replica
        *home;            /* [admin] where the thread is registered; != replica: it has to follow */
    uint32_t slot;        /* [admin] in home->slots */
    unsigned char *ops;   /* a slot is op_size bytes, rounded up to 8: nr_thread_op */
    unsigned char *resps; /* likewise: nr_thread_resp */
    struct nr_inbox *in;
    /* [global] written by the owner, polled by combiners and writers of the replica */
    _Alignas(NR_APART) _Atomic uint64_t reading; /* bit k: inside the reader side of lane k */
    _Atomic uint64_t submitted;
    /* the operations' slots begin here */
};

struct nr_inbox {
    /* [global] written by combiners, polled by the owner */
    _Alignas(NR_APART) _Atomic uint64_t done;
    _Atomic uint64_t scan_done; /* sequence number of the thread's last answered scan */
    /* the answers' slots begin here */
};

/* ---- Instance ---- */

struct nr {
    const struct nr_type *type; /* [const] from here */
    struct nr_config config;    /* with all defaults filled in */
    size_t inbox_offset;        /* from a struct nr_thread to its inbox */
    size_t thread_bytes;        /* of a thread with mailbox and inbox */
    struct nr_log *logs;
    _Alignas(NR_APART) struct nr_lease lease;
    _Alignas(NR_APART) _Atomic uint32_t admin; /* lock: threads and replicas come and go */
    _Atomic uint32_t scan_lock;                /* lock: appending a scan */
    uint64_t scan_seq;                         /* [scan_lock] number of the last scan */
    unsigned threads;                          /* [admin] */
    unsigned live;                             /* [admin] replicas not removed */
    uint64_t epochs;                           /* [admin] replicas ever made */
    _Atomic uint32_t solo; /* [admin + scan_lock] one replica, log unused: hint for scans */
    struct nr_replica
        *dead; /* [admin] removed; reused once without users, freed with the instance */
    _Atomic(struct nr_replica *)
        *replicas; /* max_replicas; written under admin and all collector locks */
};

/* ---- Out of line (lane.c, log.c, scan.c, thread.c)
 * ------------------------------------------------ */

/* How a lane operation ended; in every case the lane's lock has been released. */
enum nr_outcome {
    NR_DONE,
    NR_NO_SPACE,   /* the log is full: nr_help */
    NR_SCAN_AHEAD, /* an unexecuted scan stands in the way: nr_scan_run_next */
};

typedef enum nr_outcome nr_combine_fn(struct nr_lane *lane, const void *op, void *resp);
typedef enum nr_outcome nr_advance_fn(struct nr_lane *lane, uint64_t upto);

/* Takes what the replica's threads offer to this lane into lane->taken, at most `room` operations.
 */
NR_API uint32_t nr_lane_collect(struct nr_lane *lane, uint32_t room);
/* Lets another replica append for a moment, at most to the end of its lease: see lane.c. The caller
 * saw that `appended` operations had been appended. True if it waited. */
NR_API bool nr_lane_pace(struct nr_lane *lane, uint64_t appended, uint64_t lease_end);
/* Does what lane->elsewhere asks for: combines on the lane that collecting found threads waiting
 * for, if its lock is free, or leaves this one to a reader for a moment. No lock held. */
NR_API void nr_lane_serve(struct nr_lane *lane, nr_combine_fn *crowd);
/* Tells the threads in lane->taken that their operations are answered. */
NR_API void nr_lane_answer(struct nr_lane *lane);
/* Unlocks a lane in NR_MODE_PARK. */
NR_API void nr_lane_unlock_wake(struct nr_lane *lane);
/* Waits until no thread of the replica reads; the writer flag is set. */
NR_API void nr_lane_drain(struct nr_lane *lane);
/* Combining with apply_many or with the determinism guard; the lane is locked. */
NR_API enum nr_outcome nr_combine_crowd(struct nr_lane *lane, const void *op, void *resp);
NR_API enum nr_outcome nr_combine_careful(struct nr_lane *lane, const void *op, void *resp);
NR_API uint64_t nr_lane_advance_careful(struct nr_lane *lane, uint64_t upto);
/* Recomputes head; true if this gained space. */
NR_API bool nr_log_collect(struct nr_log *log, struct nr *nr);
/* Waits until the entry at pos is alive. */
NR_API uint32_t nr_log_wait_alive(struct nr_entry *entry, uint32_t alive);
NR_API void nr_execute_slow(struct nr_thread *thread, unsigned lane, const void *op, void *resp,
                            nr_combine_fn *combine);
NR_API void nr_execute_scan(struct nr_thread *thread, uint64_t logs, const void *op, void *resp);
NR_API struct nr_lane *nr_read_enter_slow(struct nr_thread *thread, unsigned lane,
                                          nr_advance_fn *advance);
NR_API void nr_read_scan(struct nr_thread *thread, uint64_t logs, const void *query, void *resp);

/* The untyped instances of nr_combine_with and nr_advance_with. */
NR_API enum nr_outcome nr_combine(struct nr_lane *lane, const void *op, void *resp);
NR_API enum nr_outcome nr_advance(struct nr_lane *lane, uint64_t upto);

/* Adds to a counter that only the caller writes. */
NR_INLINE void nr_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* ---- Lane lock ---- */

NR_INLINE bool nr_lane_trylock(struct nr_lane *lane)
{
    uint32_t free = NR_FREE;
    return nr_load(&lane->lock, relaxed) == NR_FREE && nr_cas(&lane->lock, &free, NR_HELD, acquire);
}

NR_INLINE void nr_lane_unlock(struct nr_lane *lane)
{
    if (nr_unlikely(lane->mode & NR_MODE_PARK))
        nr_lane_unlock_wake(lane);
    else
        nr_store(&lane->lock, NR_FREE, release);
}

/* The writer side of section 4. seq_cst: Dekker with the reader's flag and its load of `writer`. */
NR_INLINE void nr_writer_lock(struct nr_lane *lane)
{
    (void)nr_exchange(&lane->writer, 1, seq_cst);
    nr_lane_drain(lane);
}

NR_INLINE void nr_writer_unlock(struct nr_lane *lane)
{
    nr_store(&lane->writer, 0, release);
}

/* ---- Log access ---- */

/* Bytes from one entry to the next: a power of two up to a line, whole lines above. */
NR_INLINE uint32_t nr_entry_stride(const struct nr_type *type)
{
    size_t bytes = sizeof(struct nr_entry) + ((type->op_size + 7) & ~(size_t)7);
    if (bytes <= 16)
        return 16;
    if (bytes <= 32)
        return 32;
    return (uint32_t)((bytes + 63) & ~(size_t)63);
}

NR_INLINE struct nr_entry *nr_log_entry(const struct nr_type *type, const struct nr_log *log,
                                        uint64_t pos)
{
    return (struct nr_entry *)(log->entries + (pos & log->mask) * nr_entry_stride(type));
}

/* The alive bit's value for position pos: flips with each wrap, and is 1 in the first generation
 * because entries start zeroed. */
NR_INLINE uint32_t nr_log_alive(const struct nr_log *log, uint64_t pos)
{
    return (uint32_t)(~(pos >> log->shift) & NR_META_ALIVE);
}

NR_INLINE void nr_log_fill(const struct nr_type *type, struct nr_log *log, uint64_t pos,
                           const void *op)
{
    struct nr_entry *entry = nr_log_entry(type, log, pos);
    NR_TOUCH(entry->op, type->op_size, NR_ACCESS_STORE);
    __builtin_memcpy(entry->op, op, type->op_size);
    atomic_store_explicit(&entry->digest, 0, memory_order_relaxed);
    nr_store(&entry->meta, nr_log_alive(log, pos), release);
}

/* Loads the entry at pos, waiting until it is alive; acquire. Returns its meta word. */
NR_INLINE uint32_t nr_log_meta(const struct nr_log *log, struct nr_entry *entry, uint64_t pos)
{
    uint32_t alive = nr_log_alive(log, pos);
    uint32_t meta = nr_load(&entry->meta, acquire);
    if (nr_unlikely((meta & NR_META_ALIVE) != alive))
        meta = nr_log_wait_alive(entry, alive);
    return meta;
}

/* True if an unexecuted scan lies ahead of the lane's ltail, or is just being appended (section 6).
 * A caller that reserves must have loaded tail (acquire) before. */
NR_INLINE bool nr_log_scan_ahead(struct nr_lane *lane)
{
    uint64_t mark = nr_load(&lane->log->scan_mark, acquire);
    return (mark & 1) || (mark >> 1) > nr_load(&lane->ltail, relaxed);
}

/* Reserves n positions for the lane's combiner; on NR_DONE *first is the first. Does not unlock. */
NR_INLINE enum nr_outcome nr_log_reserve(const struct nr_type *type, struct nr_lane *lane,
                                         uint32_t n, uint64_t *first)
{
    struct nr_log *log = lane->log;
    bool paced = false;
    for (;;) {
        uint64_t tail = nr_load(&log->tail, acquire);
        if (type->op_logs && nr_unlikely(nr_log_scan_ahead(lane)))
            return NR_SCAN_AHEAD;
        if (nr_unlikely(tail + n - lane->head_cache > log->limit)) {
            lane->head_cache = nr_load(&log->head, acquire);
            if (tail + n - lane->head_cache > log->limit &&
                !nr_log_collect(log, lane->replica->nr)) {
                nr_count(&lane->log_full, 1);
                return NR_NO_SPACE;
            }
            continue;
        }
        uint64_t grant = nr_load(&log->lease->grant, relaxed);
        uint64_t appended = type->op_logs ? nr_load(&log->lease->appended, relaxed) : tail;
        bool leased = appended < grant >> 8;
        bool ours = (grant & 0xff) == lane->owner;
        if (leased && !ours && !paced) {
            paced = true;
            if (nr_lane_pace(lane, appended, grant >> 8))
                continue;
        }
        if (nr_likely(nr_cas(&log->tail, &tail, tail + n, acq_rel))) {
            *first = tail;
            if (!leased || !ours)
                nr_store(&log->lease->grant, (appended + NR_LEASE) << 8 | lane->owner, relaxed);
            if (type->op_logs)
                nr_store(&log->lease->appended, appended + n, relaxed);
            return NR_DONE;
        }
    }
}

/* The completed tail. seq_cst, as all accesses to ctail: rule M5. */
NR_INLINE uint64_t nr_log_ctail(const struct nr_log *log)
{
    return nr_load(&log->ctail, seq_cst);
}

/* Rule M1's half: moves ctail to at least `end`. A reader that sees it also sees the ltail and
 * alive entries that the caller has seen. */
NR_INLINE void nr_log_complete(struct nr_log *log, uint64_t end)
{
    uint64_t ctail = nr_log_ctail(log);
    while (ctail < end && !nr_cas(&log->ctail, &ctail, end, seq_cst))
        ctail = nr_log_ctail(log); /* the failure's own load was relaxed */
}

/* ---- Combining ---- */

NR_INLINE unsigned char *nr_thread_op(const struct nr_type *type, struct nr_thread *thread,
                                      uint32_t slot)
{
    return thread->ops + slot * ((type->op_size + 7) & ~(size_t)7);
}

NR_INLINE unsigned char *nr_thread_resp(const struct nr_type *type, struct nr_thread *thread,
                                        uint32_t slot)
{
    return thread->resps + slot * ((type->resp_size + 7) & ~(size_t)7);
}

/* Appends the combiner's own operation, if any, and what it took. Fills without waiting (rule L2).
 */
NR_INLINE void nr_lane_fill(const struct nr_type *type, struct nr_lane *lane, uint64_t pos,
                            const void *op)
{
    if (op)
        nr_log_fill(type, lane->log, pos++, op);
    for (uint32_t i = 0; i < lane->ntaken; i++) {
        const struct nr_taken *taken = &lane->taken[i];
        for (uint32_t j = 0; j < taken->count; j++)
            nr_log_fill(type, lane->log, pos++,
                        nr_thread_op(type, taken->thread, taken->first + j));
    }
}

/* Applies the combiner's batch and leaves the answers where they belong. */
NR_INLINE void nr_lane_apply(const struct nr_type *type, struct nr_lane *lane, const void *op,
                             void *resp)
{
    if (op)
        type->apply(lane->data, op, resp);
    for (uint32_t i = 0; i < lane->ntaken; i++) {
        const struct nr_taken *taken = &lane->taken[i];
        NR_TOUCH(nr_thread_resp(type, taken->thread, taken->first), type->resp_size,
                 NR_ACCESS_STORE);
        for (uint32_t j = 0; j < taken->count; j++)
            type->apply(lane->data, nr_thread_op(type, taken->thread, taken->first + j),
                        nr_thread_resp(type, taken->thread, taken->first + j));
    }
}

/* Applies the log from ltail to `upto`, or to the first scan; returns where it stopped. Writer lock
 * held. */
NR_INLINE uint64_t nr_lane_replay(const struct nr_type *type, struct nr_lane *lane, uint64_t upto)
{
    uint64_t from = nr_load(&lane->ltail, relaxed);
    uint64_t pos = from;
    for (; pos < upto; pos++) {
        struct nr_entry *entry = nr_log_entry(type, lane->log, pos);
        uint32_t meta = nr_log_meta(lane->log, entry, pos);
        if (type->op_logs && nr_unlikely(meta & NR_META_SCAN))
            break;
        NR_TOUCH(entry->op, type->op_size, NR_ACCESS_LOAD);
        type->apply(lane->data, entry->op, lane->scratch);
    }
    if (pos != from)
        nr_count(&lane->replayed, pos - from);
    return pos;
}

/* Section 3 for a replica with several threads, or for published operations. See nr_combine_with.
 */
NR_INLINE enum nr_outcome nr_combine_crowd_with(const struct nr_type *type, struct nr_lane *lane,
                                                const void *op, void *resp)
{
    bool solo = lane->mode & NR_MODE_SOLO;
    uint32_t n = op != NULL;
    uint64_t first = 0;
    n += nr_lane_collect(lane, lane->log->max_batch - n);
    enum nr_outcome outcome = n && !solo ? nr_log_reserve(type, lane, n, &first) : NR_DONE;
    if (nr_unlikely(!n || outcome != NR_DONE)) {
        if (lane->ntaken)
            lane->ntaken = 0; /* still offered by their threads */
        nr_lane_unlock(lane);
        return outcome;
    }
    if (!solo) {
        nr_lane_fill(type, lane, first, op);
        if (type->concurrent)
            nr_log_complete(lane->log, first + n);
    }
    if (!type->concurrent)
        nr_writer_lock(lane);
    if (!solo)
        (void)nr_lane_replay(type, lane, first);
    nr_lane_apply(type, lane, op, resp);
    if (!solo) {
        nr_store(&lane->ltail, first + n, release);
        if (!type->concurrent)
            nr_log_complete(lane->log, first + n);
    }
    if (!type->concurrent)
        nr_writer_unlock(lane);
    nr_count(&lane->combines, 1);
    nr_lane_answer(lane);
    nr_lane_unlock(lane);
    return NR_DONE;
}

/* Section 3 for the only thread of a replica: nothing to collect, and by rule M4 no reader to keep
 * out. */
NR_INLINE enum nr_outcome nr_combine_alone_with(const struct nr_type *type, struct nr_lane *lane,
                                                const void *op, void *resp)
{
    uint64_t first;
    enum nr_outcome outcome = nr_log_reserve(type, lane, 1, &first);
    if (nr_likely(outcome == NR_DONE)) {
        nr_log_fill(type, lane->log, first, op);
        if (type->concurrent)
            nr_log_complete(lane->log, first + 1);
        if (nr_load(&lane->ltail, relaxed) != first)
            (void)nr_lane_replay(type, lane, first);
        type->apply(lane->data, op, resp);
        nr_store(&lane->ltail, first + 1, release);
        if (!type->concurrent)
            nr_log_complete(lane->log, first + 1);
        nr_count(&lane->combines, 1);
    }
    nr_lane_unlock(lane);
    return outcome;
}

/*
 * Section 3. The lane is locked by the caller and unlocked on return. `op` is an operation of a
 * thread of the lane's replica, or NULL (the caller's own operation, if any, is published). On
 * anything but NR_DONE nothing has happened. `crowd` is an instance of nr_combine_crowd_with.
 */
NR_INLINE enum nr_outcome nr_combine_with(const struct nr_type *type, struct nr_lane *lane,
                                          const void *op, void *resp, nr_combine_fn *crowd)
{
    if (nr_unlikely(lane->mode & NR_MODE_CAREFUL))
        return nr_combine_careful(lane, op, resp);
    if (op && (lane->mode & (NR_MODE_ALONE | NR_MODE_SOLO)) == NR_MODE_ALONE)
        return nr_combine_alone_with(type, lane, op, resp);
    enum nr_outcome outcome = crowd(lane, op, resp);
    if (nr_unlikely(nr_load(&lane->elsewhere, relaxed)))
        nr_lane_serve(lane, crowd);
    return outcome;
}

/* Applies the log up to `upto` (at most tail), or to the first scan, to a locked lane; returns
 * where it stopped. */
NR_INLINE uint64_t nr_lane_advance_with(const struct nr_type *type, struct nr_lane *lane,
                                        uint64_t upto)
{
    if (nr_load(&lane->ltail, relaxed) >= upto || (lane->mode & NR_MODE_SOLO))
        return upto;
    if (nr_unlikely(lane->mode & NR_MODE_CAREFUL))
        return nr_lane_advance_careful(lane, upto);
    if (type->concurrent)
        nr_log_complete(lane->log, upto);
    else
        nr_writer_lock(lane);
    uint64_t pos = nr_lane_replay(type, lane, upto);
    nr_store(&lane->ltail, pos, release);
    if (!type->concurrent) {
        nr_log_complete(lane->log, pos);
        nr_writer_unlock(lane);
    }
    return pos;
}

/* The same, and unlocks the lane. */
NR_INLINE enum nr_outcome nr_advance_with(const struct nr_type *type, struct nr_lane *lane,
                                          uint64_t upto)
{
    uint64_t pos = nr_lane_advance_with(type, lane, upto);
    nr_lane_unlock(lane);
    return pos < upto ? NR_SCAN_AHEAD : NR_DONE;
}

/* ---- The two operations ---- */

NR_INLINE unsigned nr_first_log(uint64_t logs)
{
    return (unsigned)__builtin_ctzll(logs);
}

NR_INLINE void nr_execute_with(const struct nr_type *type, struct nr_thread *thread, const void *op,
                               void *resp, nr_combine_fn *combine)
{
    unsigned k = 0;
    if (type->op_logs) {
        uint64_t logs = type->op_logs(op, thread->nr->config.logs);
        if (nr_unlikely(logs & (logs - 1))) {
            nr_execute_scan(thread, logs, op, resp);
            return;
        }
        k = nr_first_log(logs);
    }
    struct nr_lane *lane = &thread->lanes[k];
    if (nr_likely(!thread->detour && nr_lane_trylock(lane))) {
        if (lane->mode == (NR_MODE_SOLO | NR_MODE_ALONE)) { /* rules M3 and M4: nobody to tell */
            type->apply(lane->data, op, resp);
            nr_count(&lane->combines, 1);
            nr_store(&lane->lock, NR_FREE, release);
            return;
        }
        if (nr_likely(combine(lane, op, resp) == NR_DONE))
            return;
    }
    nr_execute_slow(thread, k, op, resp, combine);
}

/* Section 5: returns the lane of `thread` for log k with its reader side locked, brought up to
 * date. */
NR_INLINE struct nr_lane *nr_read_enter(struct nr_thread *thread, unsigned k,
                                        nr_advance_fn *advance)
{
    struct nr_lane *lane = &thread->lanes[k];
    uint64_t ctail = nr_log_ctail(lane->log);
    if (nr_likely(!(thread->detour & NR_DETOUR_PENDING) &&
                  nr_load(&lane->ltail, acquire) >= ctail)) {
        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);
        if (nr_likely(!nr_load(&lane->writer, seq_cst)))
            return lane;
        nr_store(&thread->reading, 0, release);
    }
    return nr_read_enter_slow(thread, k, advance);
}

NR_INLINE void nr_read_with(const struct nr_type *type, struct nr_thread *thread, const void *query,
                            void *resp, nr_advance_fn *advance)
{
    unsigned k = 0;
    if (type->query_logs) {
        uint64_t logs = type->query_logs(query, thread->nr->config.logs);
        if (nr_unlikely(logs & (logs - 1))) {
            nr_read_scan(thread, logs, query, resp);
            return;
        }
        k = nr_first_log(logs);
    }
    struct nr_lane *lane = nr_read_enter(thread, k, advance);
    type->read(lane->data, query, resp);
    nr_store(&thread->reading, 0, release);
}
