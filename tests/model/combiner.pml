/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flat combining on the lanes of one replica: publish, try the lock, collect, answer; sleeping on the
 * lock word; serving the other lane.
 * Modelled on: docs/libnr-internals.md section 3, steps 1 to 3 and 8; nr_execute_with, nr_combine_with,
 * nr_lane_collect, nr_lane_answer, nr_lane_serve, nr_lane_unlock_wake, nr_execute_slow, nr_submit,
 * nr_collect, wait_step of lib/nr.
 *
 * Abstraction. The log is a choice: a batch is either executed, or (at most FULL times) finds no space,
 * and then the lane is unlocked with everything still pending (log.pml has what follows). The replica is
 * neither solo nor alone (replicas.pml). An operation is its number within its thread, and goes to the lane
 * that this number says; the structure keeps the number of the last operation of each thread. `submitted`
 * and `done` are one word each: their parts are loaded and stored in one step. How long a thread spins
 * before it sleeps is a free choice, so is whether it tries the lock before it publishes. A futex wait
 * compares the word and falls asleep in one step; a wake-up wakes all.
 *
 * Bounds. LANES lanes; SYNC threads that execute OPS operations one after another, ASYNC threads that
 * submit two operations to lane 0, execute a third or not, then collect the two; a helper that takes and
 * releases the lock of lane 0 HELPS times without collecting (a thread of another replica); ROOM operations
 * to a batch.
 *
 * Properties, by the names that the assertions bear.
 *   - once_in_order: every operation is executed once, and a thread's operations in the order of their
 *     submission.
 *   - right_answer: whoever finds its operation answered finds the answer to this operation, which has been
 *     executed.
 *   - deadlock: there is none, and no lost wake-up: nobody sleeps forever.
 *   - With LIVE, answered: under weak fairness every thread gets all its operations answered.
 *
 * Spin explores sequentially consistent interleavings: memory orders are not checked here.
 *
 * Seeded bugs: COLLECT_TWICE, WAKE_LOST, MARK_BLINDLY, ANSWER_EARLY; with LIVE: GENERATION_IGNORED; with
 * two lanes: DONE_AFTER_SUBMITTED.
 */
#ifndef LANES
#define LANES 1
#endif
#ifndef SYNC
#define SYNC 2
#endif
#ifndef ASYNC
#define ASYNC 1
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef HELPS
#define HELPS 1
#endif
#ifndef FULL
#define FULL 1
#endif
#ifndef ROOM
#define ROOM 2
#endif
#define THREADS (SYNC + ASYNC)
#define NOWHERE 255
#define LANE(n) ((n) % LANES) /* of a thread's operation n */
#define SLOTS   3 /* 0 for execute, the others for submissions */

#define FREE     0
#define HELD     1
#define SLEEPERS 2 /* held, and somebody sleeps or is about to */

byte lock[LANES] = FREE;
byte asleep[THREADS] = NOWHERE; /* the lane on whose lock the thread sleeps */
byte turn[LANES];               /* [lock holder] where collecting starts */
byte elsewhere[LANES];          /* 1 + a lane for which an operation was seen */

/* The mailboxes. Generations count from 1; `gen` is the owner's private copy. */
typedef mailbox {
    byte gen, lane, lo, hi;  /* submitted: slots lo..hi-1 of generation gen are offered to lane */
    byte done_gen, done_hi;  /* done: slots below done_hi of generation done_gen are answered */
    byte op[SLOTS], resp[SLOTS];
};
mailbox box[THREADS];

/* [lock holder] what it took, by lane and thread */
typedef piece {
    byte gen, lo, hi;
};
piece taken[LANES * THREADS];

byte executed[THREADS]; /* the structure */
byte no_space = FULL;
byte finished;

#define TAKEN(i)   taken[k * THREADS + (i)]
#define trylock(k) atomic { lock[k] == FREE -> lock[k] = HELD }

inline unlock(k)
{
#ifdef WAKE_LOST
    old = lock[k];
    lock[k] = FREE;
#else
    d_step { old = lock[k]; lock[k] = FREE; }
#endif
    if
    :: old == SLEEPERS ->
        d_step {
            i = 0;
            do
            :: i < THREADS && asleep[i] == k -> asleep[i] = NOWHERE; i++
            :: i < THREADS && asleep[i] != k -> i++
            :: else -> break
            od;
            i = 0
        }
    :: else
    fi;
    old = 0
}

inline apply(t, seq)
{
    assert(seq == executed[t] + 1); /* once_in_order */
    executed[t] = seq
}

#ifdef DONE_AFTER_SUBMITTED
#define FIRST_LOAD  gen = box[i].gen; lane = box[i].lane; lo = box[i].lo; hi = box[i].hi
#define SECOND_LOAD done_gen = box[i].done_gen; done_hi = box[i].done_hi
#else
#define FIRST_LOAD  done_gen = box[i].done_gen; done_hi = box[i].done_hi
#define SECOND_LOAD gen = box[i].gen; lane = box[i].lane; lo = box[i].lo; hi = box[i].hi
#endif

/* nr_lane_collect, on lane k */
inline collect()
{
    room = ROOM - (own > 0);
    i = turn[k];
    seen = 0;
    do
    :: seen < THREADS && room > 0 ->
        d_step { FIRST_LOAD; }
        d_step {
            SECOND_LOAD;
            if
#ifdef GENERATION_IGNORED
            :: done_hi > lo -> lo = done_hi
#else
            :: done_gen == gen -> lo = done_hi
#endif
            :: else
            fi;
            if
            :: lo < hi && lane == k ->
                if
                :: hi - lo > room -> hi = lo + room
                :: else
                fi;
                room = room - (hi - lo);
                TAKEN(i).gen = gen;
                TAKEN(i).lo = lo;
                TAKEN(i).hi = hi;
                turn[k] = (room == 0 -> (i + 1) % THREADS : turn[k])
            :: lo < hi && lane != k -> elsewhere[k] = 1 + lane
            :: else
            fi;
            i = (i + 1) % THREADS;
            seen++;
            gen = 0; lane = 0; lo = 0; hi = 0; done_gen = 0; done_hi = 0;
        }
    :: else -> break
    od;
    atomic { i = 0; room = 0; seen = 0; }
}

inline forget_taken()
{
    i = 0;
    d_step {
        do
        :: i < THREADS -> TAKEN(i).gen = 0; TAKEN(i).lo = 0; TAKEN(i).hi = 0; i++
        :: else -> break
        od;
        i = 0
    }
}

inline answer()
{
    do
    :: i < THREADS ->
        if
        :: TAKEN(i).lo < TAKEN(i).hi ->
            d_step { box[i].done_gen = TAKEN(i).gen; box[i].done_hi = TAKEN(i).hi; }
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/*
 * nr_combine_with on lane k, which is locked: nr_combine_crowd_with, then for once nr_lane_serve. own: the
 * caller's operation, or 0. Sets ok, and own to 0.
 */
inline combine()
{
    ok = 0;
    served = 0;
    do
    ::  collect();
        if
        :: atomic { no_space > 0 -> no_space--; }
            forget_taken();
            own = 0;
            unlock(k)
        :: true ->
#ifdef ANSWER_EARLY
            answer();
#endif
            if
            :: own > 0 -> atomic { apply(t, own); own = 0; } /* unreached: by who waits, being published */
            :: else
            fi;
            do
            :: i < THREADS ->
                lo = TAKEN(i).lo;
                do
                :: lo < TAKEN(i).hi ->
                    atomic { apply(i, box[i].op[lo]); box[i].resp[lo] = box[i].op[lo]; lo++; }
                :: else -> break
                od;
                atomic { lo = 0; i++; }
            :: else -> break
            od;
            i = 0;
#if defined(ANSWER_EARLY)
            forget_taken();
            unlock(k);
#elif defined(COLLECT_TWICE)
            unlock(k);
            answer();
            forget_taken();
#else
            answer();
            forget_taken();
            unlock(k);
#endif
            ok = (ok || !served)
        fi;
        if
        :: served -> break
        :: else ->
            d_step { lane = elsewhere[k]; elsewhere[k] = 0; served = 1; }
            if
            :: lane > 0 ->
                if
                :: trylock(lane - 1) -> atomic { k = lane - 1; lane = 0; }
                :: else -> break
                fi
            :: else -> break
            fi
        fi
    od;
    atomic { lane = 0; served = 0; }
}

/* is_answered(end): as a condition of the owner's */
#define ANSWERED(t, end) \
    ((end) <= first || (box[t].done_gen == mygen && box[t].done_hi >= (end)))

/* drive and wait_step on lane k until slots below `end` are answered */
inline await(end)
{
    do
    :: ANSWERED(t, end) -> break
    :: else ->
        k = box[t].lane;
        if
        :: trylock(k) -> combine()
        :: else ->
            if
            :: true /* spin */
            :: true ->
#ifdef MARK_BLINDLY
                lock[k] = SLEEPERS;
                mark = 1;
#else
                d_step {
                    if
                    :: lock[k] == HELD -> lock[k] = SLEEPERS
                    :: else
                    fi;
                    mark = (lock[k] == SLEEPERS)
                }
#endif
                if
                :: mark ->
                    d_step {
                        if
                        :: lock[k] == SLEEPERS -> asleep[t] = k
                        :: else /* the futex wait returns at once */
                        fi;
                        mark = 0
                    }
                    asleep[t] == NOWHERE
                :: else
                fi
            fi
        fi
    od;
    atomic { ok = 0; k = 0; }
}

/* Offers slots a..b-1 as a new generation to lane j. */
inline offer(j, a, b)
{
    d_step {
        mygen++;
        first = a;
        last = b;
        box[t].gen = mygen; box[t].lane = j; box[t].lo = a; box[t].hi = b
    }
}

/* nr_execute_slow without nr_thread_finish */
inline execute_slow()
{
    box[t].op[0] = seq;
    offer(LANE(seq), 0, 1);
    await(1);
    assert(box[t].resp[0] == seq && executed[t] >= seq) /* right_answer */
}

proctype Sync(byte t)
{
    byte seq, first, last, mygen;
    byte k, own, i, old, gen, lane, lo, hi, done_gen, done_hi, room, seen;
    bit ok, mark, served;

    do
    :: seq < OPS ->
        seq++;
        ok = 0;
        k = LANE(seq);
        if
        :: trylock(k) ->
            own = seq;
            combine()
        :: true /* taken, or patience: straight to the mailbox */
        fi;
        if
        :: ok ->
            assert(executed[t] >= seq) /* right_answer */
        :: else -> execute_slow()
        fi
    :: else -> break
    od;
    finished++
}

/* nr_submit twice, nr_execute, nr_collect twice */
proctype Async(byte t)
{
    byte seq, first, last, mygen;
    byte k, own, i, old, gen, lane, lo, hi, done_gen, done_hi, room, seen;
    bit ok, mark, served;

    box[t].op[1] = 1;
    offer(0, 1, 2);
    box[t].op[2] = 2;
    if
    :: ANSWERED(t, last) -> offer(0, 2, 3)
    :: else -> d_step { last = 3; box[t].hi = 3; } /* the generation grows */
    fi;
    if
    :: true -> /* nr_execute: something is pending, so it is finished first */
        await(last);
        seq = 3;
        execute_slow();
        d_step { first = 3; last = 3; }
    :: true
    fi;
    await(2);
    assert(box[t].resp[1] == 1); /* right_answer */
    await(3);
    assert(box[t].resp[2] == 2 && executed[t] == (seq == 3 -> 3 : 2)); /* right_answer */
    finished++
}

proctype Helper()
{
    byte n, i, old;

    do
    :: n < HELPS ->
        n++;
        if
        :: trylock(0) -> unlock(0)
        :: else
        fi
    :: else -> break
    od
}

init
{
    atomic {
        byte i = 0;
        do
        :: i < SYNC -> run Sync(i); i++
        :: i >= SYNC && i < THREADS -> run Async(i); i++
        :: i == THREADS -> break
        od;
        run Helper()
    }
}

#ifdef LIVE
ltl answered { <> (finished == THREADS) }
#endif
