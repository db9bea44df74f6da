// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * What the replicas of a structure have to agree on beyond the log: memory.
 *
 * 1. Concepts. An accord belongs to one partition of a structure (one log), and has a *party* for
 * each replica. All parties replay the same operations in the same order, so they make the same
 * sequence of *requests* for memory and *retire* the same sequence of shared blocks; they only do
 * so at different times.
 *
 * 2. Requests. The party that first reaches request number n decides it: it allocates a block for
 * every party, on the party's node, or for none. The others find their block waiting when they get
 * there, or find nothing, which is the decision that request n failed. Waiting blocks hold their
 * own list links, so that deciding needs no further memory. Hence apply's answers are the same on
 * all replicas.
 *
 * 3. Retiring. A block that all replicas share (an immutable key and value) is retired by each
 * replica when it drops it. The first one appends the block to the accord's list; it is freed once
 * every party has retired that many blocks: by then every replica has replayed the operation that
 * brought the block and the one that dropped it. A block with a holder (the thread which gets the
 * old value as its answer) is freed by the later of the two.
 *
 * 4. Coming and going. A replica that is cloned starts where its source stands, with copies of the
 * blocks that wait for the source. The blocks that wait for a leaving party are freed. While a
 * structure is being made or cloned its party is *direct*: requests go to the allocator and may
 * fail, as the whole replica may.
 *
 * 5. Locking. One spin lock, held while a decision is made. It is taken by combiners, who wait for
 * nothing but the allocator while they hold it, so rule L4 of docs/libnr-internals.md keeps its
 * point.
 */
#include <base/alloc.h>
#include <nr/options.h>

struct waiting;

/* Head of a block that replicas share. Whoever makes one fills in size and sets holders to 1. */
struct retirable {
    struct retirable *next;   /* [accord] once retired */
    size_t size;              /* [const] of the whole block */
    _Atomic uint32_t holders; /* 1, and 1 more for a thread that reads it after its end */
};

struct accord {
    _Alignas(NR_APART) _Atomic uint32_t lock;
    struct nr_allocator *from; /* [const] */
    struct party *parties;     /* [lock] */
    uint64_t decided;          /* [lock] requests decided */
    _Atomic uint64_t retired;  /* [lock, read by all] blocks ever appended to the list */
    uint64_t freed;            /* [lock] of these, no longer in it */
    struct retirable *first;   /* [lock] the list, oldest first */
    struct retirable *last;
    unsigned unseen;     /* [lock] blocks appended since the list was looked through */
    size_t unseen_bytes; /* [lock] of these */
};

struct party {
    struct allocator base;    /* the allocator of the replica's part of the structure */
    struct accord *accord;    /* [const] */
    int node;                 /* [const] */
    bool direct;              /* [replica] */
    uint64_t requests;        /* [replica] made so far */
    _Atomic uint64_t retired; /* [replica, read by all] blocks retired so far */
    struct waiting *first; /* [accord lock] blocks that wait for this party, in order of requests */
    struct waiting *last;
    struct party *next; /* [accord lock] */
};

void accord_init(struct accord *accord, struct nr_allocator *from);

/* Adds a party in direct mode, for a replica which begins empty before the first operation. */
void accord_join(struct accord *accord, struct party *party);

/* Adds a party in direct mode for a clone of source's replica, whose lane is locked. False: no
 * memory. */
bool accord_join_as(struct party *party, const struct party *source);

/* Ends direct mode. */
void accord_begin(struct party *party);

/* Removes a party; what it allocated stays. True if it was the last one: the caller frees the
 * shared blocks that its replica has, the retired ones are freed here. */
bool accord_leave(struct party *party);

/* Drops a shared block from the party's replica. held: it has a second holder, on all replicas
 * alike. */
void accord_retire(struct party *party, struct retirable *block, bool held);

/* Ends one holder's use of a block and frees it after the last. */
void accord_release(struct nr_allocator *from, struct retirable *block);
