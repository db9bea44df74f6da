/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The circular log: reserving, filling, replaying, collecting garbage, helping.
 * Modelled on: docs/libnr-internals.md sections 2 and 3, rules L1 to L3 and M2; lib/nr/log.c and
 * nr_log_reserve, nr_lane_fill, nr_lane_replay of lib/nr/include/nr/engine.h.
 *
 * Abstraction. One thread per replica, always its combiner, with a batch of 1 to BATCH operations
 * chosen freely: how a batch comes about is combiner.pml's matter. Nobody leaves helping to the embedder,
 * which nr_help does a bounded number of times. An operation is the position that it was reserved for, so
 * that an entry shows which generation wrote it; applying one advances the counter `applied`, the replica's
 * structure. Every access to shared memory is a step of its own; advancing ctail (a load and a loop of
 * compare-and-swap) is one step, being a monotone maximum. Reads and the readers-writer lock are left out
 * (reader.pml), so are scans (scan.pml).
 *
 * Bounds. SIZE entries (at least 2 * BATCH: rule L3 needs room for a batch as soon as nobody is further
 * behind than half the log), REPLICAS replicas of which the last IDLE have no thread of their own, ROUNDS
 * batches per thread. Without idle replicas the positions wrap around at least twice.
 *
 * Properties, by the names that the assertions bear.
 *   - never_overwritten: whoever fills position p finds p - SIZE applied by every replica.
 *   - once_in_order: every replica applies every position once, in order. as_written: it reads what was
 *     written for this position.
 *   - bounds (rule L1): ctail <= tail <= head + SIZE; head and ltail never go back; a lane that is unlocked
 *     has ltail <= ctail.
 *   - deadlock: there is none, also with replicas that only move when they are helped. With LIVE,
 *     answered: under weak fairness every thread gets all its operations answered.
 *
 * Spin explores sequentially consistent interleavings: memory orders are not checked here.
 *
 * Seeded bugs: NO_ALIVE_FLIP, GC_OFF_BY_ONE, COLLECT_UNLOCKED, HELP_WITHOUT_LOCK, LTAIL_BEFORE_APPLY,
 * ALIVE_BEFORE_FILL; with LIVE: NO_HELP, FULL_KEEPS_LANE.
 */
#ifndef REPLICAS
#define REPLICAS 2
#endif
#ifndef SIZE
#define SIZE 4
#endif
#ifndef ROUNDS
#define ROUNDS 4
#endif
#ifndef IDLE
#define IDLE 0
#endif
#ifndef BATCH
#define BATCH 2
#endif
#define THREADS (REPLICAS - IDLE)

#ifdef NO_ALIVE_FLIP
#define ALIVE(p) 1
#else
#define ALIVE(p) (1 - ((p) / SIZE) % 2)
#endif

byte tail, head, ctail;
bit collector; /* lock */

bit alive[SIZE];
byte entry[SIZE]; /* the position that the operation was reserved for */

bit lane[REPLICAS]; /* combiner locks */
byte ltail[REPLICAS];
byte applied[REPLICAS]; /* the structure: positions below have been applied */

byte finished;

#define trylock(l) atomic { (l) == 0 -> l = 1 }

/* Applies positions ltail..upto-1 to replica q, whose lane is locked. */
inline replay(q, upto)
{
    pos = ltail[q];
#ifdef LTAIL_BEFORE_APPLY
    ltail[q] = upto;
#endif
    do
    :: pos < upto ->
        alive[pos % SIZE] == ALIVE(pos);
        atomic {
            assert(entry[pos % SIZE] == pos); /* as_written */
            assert(applied[q] == pos);        /* once_in_order */
            applied[q]++;
            pos++;
        }
    :: else -> break
    od
}

/* Stores ltail, advances ctail, unlocks. */
inline complete(q, end)
{
    d_step {
        assert(ltail[q] <= end && end <= tail); /* bounds */
        ltail[q] = end;
    }
    d_step {
        if
        :: ctail < end -> ctail = end
        :: else
        fi;
        assert(ctail <= tail); /* bounds */
    }
    d_step {
        assert(ltail[q] <= ctail); /* bounds */
        lane[q] = 0;
    }
}

/* nr_log_collect: sets gained. */
inline collect()
{
    gained = 0;
    if
#ifdef COLLECT_UNLOCKED
    :: true
#else
    :: trylock(collector)
#endif
        least = 255;
        h = head;
        j = 0;
        do
        :: j < REPLICAS ->
            d_step {
                if
                :: ltail[j] < least -> least = ltail[j]
                :: else
                fi;
                j++;
            }
        :: else -> break
        od;
        if
        :: least > h ->
            atomic {
#ifdef GC_OFF_BY_ONE
                least++;
#endif
                assert(least >= head); /* bounds */
                head = least;
                gained = 1;
            }
        :: else
        fi;
        collector = 0
#ifndef COLLECT_UNLOCKED
    :: else /* somebody else collects */
#endif
    fi;
    j = 0; least = 0; h = 0
}

/* nr_help: advances the lanes that hold the log back. */
inline help()
{
    h = tail;
    j = 0;
    do
    :: j < REPLICAS ->
        if
        :: ltail[j] + SIZE / 2 < h ->
            if
#ifdef HELP_WITHOUT_LOCK
            :: true ->
                lane[j] = 1;
#else
            :: trylock(lane[j]) ->
#endif
                t = tail;
                replay(j, t);
                complete(j, t)
#ifndef HELP_WITHOUT_LOCK
            :: else /* its holder advances it */
#endif
            fi
        :: else
        fi;
        j++
    :: else -> break
    od;
    j = 0; h = 0; t = 0; pos = 0
}

proctype Thread(byte r)
{
    byte round, n, t, first, cache, pos, j, h, least;
    bit gained;

    do
    :: round < ROUNDS ->
        if
        :: n = 1
        :: BATCH == 2 -> n = 2
        fi;
again:
        trylock(lane[r]);
reserve:
        t = tail;
        if
        :: t + n - cache > SIZE -> cache = head
        :: else
        fi;
        if
        :: t + n - cache > SIZE ->
            collect();
            if
            :: gained -> goto reserve
            :: else
            fi;
#ifdef FULL_KEEPS_LANE
            goto reserve;
#endif
            lane[r] = 0;
#ifndef NO_HELP
            help();
#endif
            goto again
        :: else
        fi;
        atomic {
            if
            :: tail == t -> tail = t + n
            :: else -> goto reserve
            fi;
            assert(tail <= head + SIZE); /* bounds */
            first = t;
        }
        /* fill */
        pos = first;
        do
        :: pos < first + n ->
#ifdef ALIVE_BEFORE_FILL
            alive[pos % SIZE] = ALIVE(pos);
#endif
            d_step {
                j = 0;
                do
                :: j < REPLICAS ->
                    assert(applied[j] + SIZE > pos); /* never_overwritten */
                    j++
                :: else -> break
                od;
                j = 0;
                entry[pos % SIZE] = pos;
            }
            d_step { alive[pos % SIZE] = ALIVE(pos); pos++; }
        :: else -> break
        od;
        replay(r, first);
        /* the own batch, not read from the log */
        pos = 0;
        do
        :: pos < n ->
            d_step {
                assert(applied[r] == first + pos); /* once_in_order */
                applied[r]++;
                pos++;
            }
        :: else -> break
        od;
        complete(r, first + n);
        d_step { pos = 0; t = 0; first = 0; n = 0; round++; }
    :: else -> break
    od;
    if
    :: tail > 2 * SIZE -> finished++ /* to be reached: the positions have wrapped around twice */
    :: else -> finished++
    fi
}

init
{
    atomic {
        byte i = 0;
        do
        :: i < THREADS -> run Thread(i); i++
        :: else -> break
        od
    }
}

#ifdef LIVE
ltl answered { <> (finished == THREADS) }
#endif
