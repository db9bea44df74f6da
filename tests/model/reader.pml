/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads: catching up with ctail, the readers-writer lock of a lane, and why reads linearize.
 * Modelled on: docs/libnr-internals.md sections 3 to 5, rule M1; nr_read_enter, nr_read_enter_slow,
 * nr_thread_catch_up, nr_writer_lock, nr_lane_drain, nr_lane_advance_with of lib/nr.
 *
 * Abstraction. The structure of a replica is the number of positions applied to it, held in two words
 * that a mutation changes one after the other (CONCURRENT: in one word that changes in one step). A read
 * returns that number, the length of a prefix of the log. The log does not wrap (log.pml does), a batch
 * comes from nowhere (combiner.pml), and its first entry is the caller's. No replica is solo or alone
 * (replicas.pml). Reserving, and advancing ctail, each a loop of compare-and-swap, are one step; all other
 * accesses to shared memory are steps.
 *
 * Bounds. Two replicas, HOME0 and HOME1 threads on them, OPS operations per thread, each freely a read or
 * a mutation (threads in the sets READERS and WRITERS do nothing else); batches of up to BATCH.
 *
 * Properties, by the names that the assertions bear.
 *   - whole: a read finds the structure whole, no writer is inside (not CONCURRENT).
 *   - once_in_order: every replica applies every position once, in order.
 *   - linearizable: a read contains every mutation that was answered, on any replica, before the read
 *     began, and everything that was in a read that returned, on any replica, before this one began. As
 *     answers hold a prefix of one order, and nothing is in an answer before it was submitted, this is
 *     linearizability.
 *   - deadlock: there is none. With LIVE, answered: under weak fairness every operation is answered.
 *
 * `seen` is the ghost that says this: the longest prefix in any answer so far.
 *
 * Spin explores sequentially consistent interleavings: that the reader's and the writer's flag are
 * seq_cst, as section 4 demands, is an assumption here.
 *
 * Seeded bugs: CTAIL_EARLY, CTAIL_AFTER_UNLOCK, READER_ORDER, NO_DRAIN; with CONCURRENT:
 * CTAIL_AFTER_APPLY.
 */
#ifndef HOME0
#define HOME0 2
#endif
#ifndef HOME1
#define HOME1 1
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef WRITERS
#define WRITERS 0
#endif
#define THREADS   (HOME0 + HOME1)
#define HOME(t)   ((t) >= HOME0)
#define POSITIONS (THREADS * OPS * BATCH)

byte tail, ctail;
bit alive[POSITIONS];

bit lane[2]; /* combiner locks */
bit writer[2];
byte ltail[2];
bit reading[THREADS];
byte data[2]; /* the structure */
#ifndef CONCURRENT
byte twin[2]; /* its second word */
#endif

byte seen; /* ghost */
byte finished;

#define trylock(l) atomic { (l) == 0 -> l = 1 }
#define raise(v, to) \
    if              \
    :: v < to -> v = to \
    :: else         \
    fi

inline writer_lock()
{
#ifndef CONCURRENT
    writer[r] = 1;
#ifndef NO_DRAIN
    i = 0;
    do
    :: i < THREADS -> (HOME(i) != r || !reading[i]); i++
    :: else -> break
    od;
    i = 0
#endif
#else
    skip
#endif
}

inline apply_one(pos)
{
    assert(data[r] == pos); /* once_in_order */
#ifndef CONCURRENT
    data[r] = pos + 1;
    twin[r] = pos + 1
#else
    data[r] = pos + 1
#endif
}

inline replay(upto)
{
    p = ltail[r];
    do
    :: p < upto ->
        alive[p];
        apply_one(p);
        p++
    :: else -> break
    od;
    p = 0
}

/* Stores ltail, then ctail, then lets readers in. */
inline complete(end)
{
    ltail[r] = end;
#if defined(CONCURRENT)
#ifdef CTAIL_AFTER_APPLY
    d_step { raise(ctail, end); }
#endif
#elif defined(CTAIL_AFTER_UNLOCK)
    writer[r] = 0;
    d_step { raise(ctail, end); }
#else
    d_step { raise(ctail, end); }
    writer[r] = 0
#endif
}

/* For a concurrent type, ctail comes first. */
inline complete_first(end)
{
#if defined(CONCURRENT) && !defined(CTAIL_AFTER_APPLY)
    d_step { raise(ctail, end); }
#else
    skip
#endif
}

inline mutate()
{
    trylock(lane[r]);
    atomic {
        if
        :: n = 1
        :: BATCH == 2 -> n = 2
        fi;
        first = tail;
        tail = tail + n;
        p = first;
    }
    do
    :: p < first + n -> atomic { alive[p] = 1; p++; }
    :: else -> break
    od;
    complete_first(first + n);
    writer_lock();
    replay(first);
    do
    :: p < n -> apply_one(first + p); p++
    :: else -> break
    od;
    p = 0;
    complete(first + n);
    /* `done` is stored: from here on the batch's threads return */
    d_step { raise(seen, first + n); }
    atomic { first = 0; n = 0; lane[r] = 0; }
}

/* nr_thread_catch_up */
inline catch_up()
{
    do
    :: ltail[r] >= c -> break
    :: else ->
        if
        :: trylock(lane[r]) ->
            if
            :: ltail[r] < c ->
                complete_first(c);
                writer_lock();
                replay(c);
                complete(c)
            :: else
            fi;
            lane[r] = 0
        :: lane[r] == 1 /* wait a step */
        fi
    od
}

inline read()
{
#ifdef CTAIL_EARLY
    c = ctail;
#endif
    lo = seen; /* the read begins */
enter:
#ifndef CTAIL_EARLY
    c = ctail;
#endif
    catch_up();
#ifndef CONCURRENT
#ifdef READER_ORDER
    if
    :: writer[r] -> goto enter
    :: else
    fi;
    reading[t] = 1;
#else
    reading[t] = 1;
    if
    :: writer[r] ->
        reading[t] = 0;
        !writer[r];
        goto enter
    :: else
    fi;
#endif
#endif
    p = data[r];
#ifndef CONCURRENT
    assert(twin[r] == p); /* whole */
    reading[t] = 0;
#endif
    d_step {
        assert(p >= lo); /* linearizable */
        raise(seen, p);
        p = 0; c = 0; lo = 0;
    }
}

proctype Thread(byte t, r)
{
    byte op, first, n, p, i, c, lo;

    do
    :: op < OPS && !(READERS & 1 << t) -> mutate(); op++
    :: op < OPS && !(WRITERS & 1 << t) -> read(); op++
    :: op == OPS -> break
    od;
    finished++
}

init
{
    atomic {
        byte i = 0;
        do
        :: i < THREADS -> run Thread(i, HOME(i)); i++
        :: else -> break
        od
    }
}

#ifdef LIVE
ltl answered { <> (finished == THREADS) }
#endif
