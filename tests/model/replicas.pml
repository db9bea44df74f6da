/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replicas and threads come and go while others operate.
 * Modelled on: docs/libnr-internals.md section 7, rules R1, M3 and M4; lib/nr/replica.c, nr_register,
 * nr_unregister, nr_thread_follow, nr_log_collect, nr_help, nr_combine_with, nr_read_enter.
 *
 * Abstraction. One log. Operation n of thread t is the pair (t, n); the structure keeps the last n of
 * every thread, so that a lost, doubled or reordered operation shows. A shell and its id are one thing;
 * a removed shell is used again once no thread points to it. The threads of a removed replica all go to
 * the live one with the least id. Applying one entry is a step (log.pml has the details), waiting for a
 * lock is blocking (combiner.pml has the sleepers; here those who sleep are woken by whoever unlocks, and
 * the wake-up of a removed replica is the change of its lock to GONE). Taking a lock is joined with the
 * access that follows, releasing one with the access before: such steps commute with those of others.
 * All other accesses to shared memory are steps of their own.
 *
 * Bounds. SHELLS shells, of which the set START is live at first; threads 0..THREADS-1 with OPS operations
 * each, mutations, or reads for the threads in the set READERS; thread t starts on replica AT0, AT1, AT2,
 * or (NONE) waits to be registered. One more process executes PLAN, a number whose decimal digits, the
 * last first, are steps:
 *   1..3  remove replica 0..2      8  register the waiting thread with the newest replica
 *   9     add a replica
 *
 * Properties, by the names that the assertions bear.
 *   - once_in_order: every operation is applied once to every replica, in the order of its thread; with
 *     the copying of structures, every replica always holds a prefix of one order of all operations.
 *   - nobody_inside: nobody mutates a structure while somebody reads it.
 *   - complete: when everybody is done and every replica has replayed the log, all structures hold all
 *     operations.
 *   - never_overwritten: no entry that a live replica has not applied is overwritten.
 *   - structure_exists, thread_exists: nobody touches a structure that was destroyed or a thread that has
 *     unregistered.
 *   - linearizable: a read contains everything that was in an answer before it began.
 *   - really_answered: who finds its operation answered got this operation's answer.
 *   - deadlock: there is none. With LIVE, answered: under weak fairness everything is answered and the
 *     plan is carried out.
 *
 * Spin explores sequentially consistent interleavings: memory orders are not checked here.
 *
 * Seeded bugs: PUBLISH_UNLOCKED, CLONE_UNLOCKED, REMOVE_UNLOCKED, KEEP_WRITER_OPEN, SOLO_BEHIND,
 * STAY_SOLO, ALONE_STAYS, SHELL_REUSED_EARLY, UNREGISTER_NO_PASS; with LIVE: NO_FOLLOW.
 */
#define NONE 255
#ifndef SHELLS
#define SHELLS 2
#endif
#ifndef START
#define START 3
#endif
#ifndef THREADS
#define THREADS 2
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef AT0
#define AT0 0
#endif
#ifndef AT1
#define AT1 1
#endif
#ifndef AT2
#define AT2 NONE
#endif
#ifndef PLAN
#define PLAN 1
#endif
#ifndef SIZE
#define SIZE 4
#endif

#define ALIVE(p) (1 - ((p) / SIZE) % 2)
#define SLOT(q, t) ((q) * THREADS + (t))
#define trylock(l) (l) == FREE -> l = HELD
#define raise(v, to)    \
    if                  \
    :: v < to -> v = to \
    :: else             \
    fi

#define FREE 0
#define HELD 1
#define GONE 2

/* The log. An entry is 8 * thread + number. */
byte tail, head, ctail;
byte collector = FREE;
bit alive[SIZE];
byte entry[SIZE];

/* The replicas */
bit live[SHELLS]; /* the instance's table */
byte lane[SHELLS] = GONE;
bit solo[SHELLS];
bit alone[SHELLS];
byte ltail[SHELLS];
bit writer[SHELLS] = 1;
bit slot[SHELLS * THREADS];
bit exists[SHELLS];          /* ghost: the structure does */
byte data[SHELLS * THREADS]; /* the structures */

/* The threads */
byte admin = FREE;
byte at[THREADS] = NONE;   /* nr_thread.replica */
byte home[THREADS] = NONE; /* where it is registered */
byte submitted[THREADS], done[THREADS];
bit reading[THREADS];
byte inside[THREADS] = NONE; /* ghost: the replica whose structure the thread is reading */
bit freed[THREADS];          /* ghost: unregistered, and its memory gone */
byte seen[THREADS];          /* ghost: the last number in any answer */

byte newest; /* the replica added last */
byte finished;

#if THREADS > 2
#define nobody_inside(q) (inside[0] != q && inside[1] != q && inside[2] != q)
#else
#define nobody_inside(q) (inside[0] != q && inside[1] != q)
#endif

/* ---- Log and lanes ------------------------------------------------------------------------------- */

inline apply(q, t2, n2)
{
    assert(exists[q]);                   /* structure_exists */
    assert(nobody_inside(q));            /* nobody_inside */
    assert(data[SLOT(q, t2)] + 1 == n2); /* once_in_order */
    data[SLOT(q, t2)] = n2
}

/* Replays replica q, whose lane is locked and whose readers are locked out, to `upto`. */
inline replay(q, upto)
{
    p = ltail[q];
    do
    :: p < upto ->
        atomic {
            alive[p % SIZE] == ALIVE(p);
            apply(q, entry[p % SIZE] / 8, entry[p % SIZE] % 8);
            p++;
        }
    :: else -> break
    od;
    p = 0
}

inline writer_lock(q)
{
    writer[q] = 1;
#if READERS
    j = 0;
    do
    :: j < THREADS -> (!slot[SLOT(q, j)] || !reading[j]); j++
    :: else -> break
    od;
    j = 0
#endif
}

/* Stores ltail and ctail; readers may enter. */
inline complete(q, end)
{
    ltail[q] = end;
    d_step { raise(ctail, end); writer[q] = 0; }
}

/* nr_lane_advance_with */
inline advance(q, upto)
{
    if
    :: ltail[q] < upto && !solo[q] ->
        writer_lock(q);
        replay(q, upto);
        complete(q, upto)
    :: else
    fi
}

/* nr_log_collect */
inline collect_garbage()
{
    gained = 0;
    if
    :: atomic { trylock(collector); least = NONE; i = 0; }
        do
        :: i < SHELLS ->
            /* the table's entry, then the replica's ltail */
            if
            :: live[i] ->
                d_step {
                    if
                    :: ltail[i] < least -> least = ltail[i]
                    :: else
                    fi;
                    i++;
                }
            :: else -> i++
            fi
        :: else -> break
        od;
        atomic {
            if
            :: least > head -> head = least; gained = 1
            :: else
            fi;
            collector = FREE;
            least = 0;
            i = 0;
        }
    :: else
    fi
}

/* nr_help */
inline help()
{
    c = tail;
    i = 0;
    do
    :: i < SHELLS ->
        if
        :: live[i] ->
            if
            :: ltail[i] + SIZE / 2 < c ->
                if
                :: atomic { trylock(lane[i]); first = tail; }
                    advance(i, first);
                    lane[i] = FREE
                :: else
                fi
            :: else
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    atomic { i = 0; first = 0; c = 0; }
}

inline fill(n2)
{
    d_step {
        j = 0;
        do
        :: j < SHELLS ->
            assert(!live[j] || ltail[j] + SIZE > p); /* never_overwritten */
            j++
        :: else -> break
        od;
        j = 0;
        entry[p % SIZE] = n2;
    }
    d_step { alive[p % SIZE] = ALIVE(p); p++; }
}

/* Fills, replays, applies the batch, answers, unlocks. Rule M4: the only thread has no reader to keep out. */
inline execute(q)
{
    if
    :: solo[q]
    :: else ->
        p = first;
        if
        :: own > 0 -> fill(8 * t + own)
        :: else
        fi;
        do
        :: i < THREADS ->
            if
            :: taken & 1 << i -> fill(8 * i + submitted[i])
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    fi;
    if
    :: alone[q] && own > 0
    :: else -> writer_lock(q)
    fi;
    if
    :: solo[q]
    :: else -> replay(q, first)
    fi;
    d_step {
        if
        :: own > 0 -> apply(q, t, own)
        :: else
        fi;
        i = 0;
        do
        :: i < THREADS ->
            if
            :: taken & 1 << i -> apply(q, i, submitted[i])
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
    if
    :: solo[q] -> writer[q] = 0
    :: else -> complete(q, first + n)
    fi;
    do
    :: i < THREADS ->
        d_step {
            if
            :: taken & 1 << i ->
                assert(!freed[i]); /* thread_exists */
                done[i] = submitted[i];
                seen[i] = submitted[i]
            :: else
            fi;
            i++;
        }
    :: else -> break
    od;
    i = 0;
    d_step {
        if
        :: own > 0 -> seen[t] = own
        :: else
        fi;
        n = 0; taken = 0; first = 0; p = 0;
        lane[q] = FREE
    }
}

/* nr_combine_with on replica q, whose lane is locked; own is the caller's operation, or 0. Sets ok. */
inline combine(q)
{
    n = (own > 0);
    i = (own > 0 && alone[q] -> THREADS : 0); /* rule M4: nothing to collect */
    do
    :: i < THREADS ->
        if
        :: slot[SLOT(q, i)] ->
            atomic {
                assert(!freed[i]); /* thread_exists */
                if
                :: submitted[i] > done[i] -> taken = taken | 1 << i; n++
                :: else
                fi;
                i++;
            }
        :: else -> i++
        fi
    :: else -> break
    od;
    i = 0;
    if
    :: n == 0 ->
        lane[q] = FREE;
        ok = 1
    :: else ->
        first = 0;
        ok = 1;
        do
        :: solo[q] -> break
        :: else ->
            first = tail;
            if
            :: first + n - head > SIZE ->
                collect_garbage();
                if
                :: gained
                :: else -> atomic { ok = 0; lane[q] = FREE; break; }
                fi
            :: else ->
                if
                :: atomic { tail == first -> tail = first + n; break; }
                :: else
                fi
            fi
        od;
        if
        :: ok -> execute(q)
        :: else -> atomic { n = 0; taken = 0; first = 0; }
        fi
    fi
}

/* ---- Operations ---------------------------------------------------------------------------------- */

/* nr_thread_follow */
inline follow()
{
#ifdef NO_FOLLOW
    skip
#else
    atomic { trylock(admin); at[t] = home[t]; }
    admin = FREE
#endif
}

/* nr_execute_with, nr_execute_slow */
inline mutate()
{
    seq++;
    q = at[t];
    own = seq;
    do
    :: own == 0 && done[t] == seq -> break
    :: else ->
        if
        :: atomic { trylock(lane[q]); }
            combine(q);
            if
            :: ok && own > 0 -> break
            :: !ok && own == 0 -> help()
            :: else
            fi
        :: own > 0 && lane[q] != FREE
        :: own == 0 && lane[q] == GONE -> follow(); q = at[t]
        :: own == 0 && done[t] == seq /* while waiting for the lane */
        fi;
        if
        :: own > 0 -> atomic { own = 0; submitted[t] = seq; }
        :: else
        fi
    od;
    assert(seen[t] == seq); /* really_answered */
    atomic { ok = 0; q = 0; own = 0; }
}

/* nr_read_enter, the read, and leaving */
inline read()
{
    atomic {
        j = 0;
        do
        :: j < THREADS -> lo[j] = seen[j]; j++
        :: else -> break
        od;
        j = 0;
    }
    q = at[t];
    c = ctail;
    if
    :: ltail[q] >= c -> goto lock /* whether the replica is gone, its writer flag says */
    :: else
    fi;
enter:
    c = ctail;
    do
    :: lane[q] == GONE -> follow(); q = at[t]
    :: lane[q] != GONE && ltail[q] >= c -> break
    :: atomic { ltail[q] < c && trylock(lane[q]); }
        advance(q, c);
        lane[q] = FREE
    od;
lock:
    reading[t] = 1;
    if
    :: writer[q] ->
        reading[t] = 0;
        !writer[q] || lane[q] == GONE;
        goto enter
    :: else
    fi;
    inside[t] = q;
    d_step {
        assert(exists[q]); /* structure_exists */
        j = 0;
        do
        :: j < THREADS ->
            assert(data[SLOT(q, j)] >= lo[j]); /* linearizable */
            raise(seen[j], data[SLOT(q, j)]);
            j++
        :: else -> break
        od;
        j = 0
    }
    d_step { reading[t] = 0; inside[t] = NONE; q = 0; c = 0; seq++; }
}

/* nr_replica_pass_lanes: locks the lane, sets its mode, unlocks it. */
inline pass(q)
{
    atomic {
        lane[q] == FREE;
        j = 0;
        i = 0;
        do
        :: i < THREADS -> j = j + (home[i] == q); i++
        :: else -> break
        od;
#ifdef ALONE_STAYS
        alone[q] = alone[q] || j == 1;
#else
        alone[q] = (j == 1);
#endif
        j = 0;
        i = 0;
    }
}

/* nr_unregister */
inline unregister()
{
    atomic { trylock(admin); q = home[t]; }
    d_step { slot[SLOT(q, t)] = 0; home[t] = NONE; }
#ifndef UNREGISTER_NO_PASS
    pass(q);
#endif
    d_step { at[t] = NONE; freed[t] = 1; finished++; q = 0; admin = FREE; }
}

proctype Thread(byte t)
{
    byte seq, own, q, n, taken, first, least, p, c, i, j;
    byte lo[THREADS];
    bit ok, gained;

    at[t] != NONE;
    do
    :: seq < OPS && !(READERS & 1 << t) -> mutate()
    :: seq < OPS && (READERS & 1 << t) -> read()
    :: seq == OPS -> break
    od;
    unregister()
}

/* ---- Coming and going ---------------------------------------------------------------------------- */

/* Rule R1: the set of replicas changes only under the collector lock. */
inline publish(q, is_live)
{
#ifdef PUBLISH_UNLOCKED
    live[q] = is_live
#else
    atomic { trylock(collector); live[q] = is_live; }
    collector = FREE
#endif
}

/* nr_add_replica */
inline add()
{
    atomic {
        trylock(admin);
        q = 0;
        do
        :: q < SHELLS ->
            users = 0;
            i = 0;
            do
#ifndef SHELL_REUSED_EARLY
            :: i < THREADS -> users = users + (at[i] == q); i++
#endif
            :: i >= THREADS -> break
#ifdef SHELL_REUSED_EARLY
            :: else -> break
#endif
            od;
            if
            :: !live[q] && users == 0 -> break
            :: else -> q++
            fi
        :: else -> break
        od;
        i = 0; users = 0;
        source = 0;
        do
        :: !live[source] -> source++
        :: else -> break
        od;
        assert(q < SHELLS); /* bound_of_the_model */
    }
#ifndef CLONE_UNLOCKED
    atomic { trylock(lane[source]); }
#endif
    d_step {
        do
        :: i < THREADS -> data[SLOT(q, i)] = data[SLOT(source, i)]; i++
        :: else -> break
        od;
        i = 0;
        exists[q] = 1
    }
#ifdef CLONE_UNLOCKED
    atomic { trylock(lane[source]); }
#endif
    ltail[q] = ltail[source];
    writer[q] = 0;
    lane[q] = HELD;
    d_step { solo[q] = 0; alone[q] = 0; }
#ifndef STAY_SOLO
    solo[source] = 0;
#endif
    publish(q, 1);
    lane[q] = FREE;
    lane[source] = FREE;
    atomic { newest = q; q = 0; source = 0; admin = FREE; }
}

inline go_solo()
{
    atomic { trylock(lane[source]); first = tail; }
#ifndef SOLO_BEHIND
    advance(source, first);
#endif
    solo[source] = 1;
    first = 0;
    lane[source] = FREE
}

/* retire and nr_remove_replica */
inline remove(v)
{
    atomic {
        trylock(admin);
        assert(live[v]); /* bound_of_the_model */
    }
#ifndef REMOVE_UNLOCKED
    atomic { trylock(lane[v]); }
#endif
#ifndef KEEP_WRITER_OPEN
    writer_lock(v);
#endif
    publish(v, 0);
    d_step {
        do
        :: !live[source] -> source++
        :: else -> break
        od;
        i = 0
    }
    /* move_threads */
    do
    :: n < THREADS ->
        if
        :: slot[SLOT(v, n)] ->
            slot[SLOT(v, n)] = 0;
            d_step { home[n] = source; slot[SLOT(source, n)] = 1; }
            pass(source)
        :: else
        fi;
        n++
    :: else -> break
    od;
    n = 0;
    lane[v] = GONE;
    d_step {
        assert(nobody_inside(v)); /* nobody_inside */
        exists[v] = 0;
    }
    j = 0;
    d_step {
        do
        :: i < SHELLS -> j = j + live[i]; i++
        :: else -> break
        od;
        i = 0
    }
    if
    :: j == 1 -> go_solo()
    :: else
    fi;
    atomic { source = 0; j = 0; admin = FREE; }
}

proctype Admin(short plan)
{
    byte q, source, users, first, p, i, j, n;

    do
    :: plan % 10 == 9 -> add(); plan = plan / 10
    :: plan % 10 == 8 ->
        /* nr_register */
        atomic { trylock(admin); home[THREADS - 1] = newest; slot[SLOT(newest, THREADS - 1)] = 1; }
        pass(newest);
        d_step { at[THREADS - 1] = newest; admin = FREE; plan = plan / 10; }
    :: plan % 10 > 0 && plan % 10 < 8 -> remove(plan % 10 - 1); plan = plan / 10
    :: plan == 0 -> break
    od;
    finished++;
    finished == THREADS + 1;
    d_step {
        do
        :: q < SHELLS ->
            p = ltail[q];
            do
            :: live[q] && !solo[q] && p < tail ->
                data[SLOT(q, entry[p % SIZE] / 8)] = entry[p % SIZE] % 8; p++
            :: else -> break
            od;
            i = 0;
            do
            :: i < THREADS ->
                assert(!live[q] || data[SLOT(q, i)] == (READERS & 1 << i -> 0 : OPS)); /* complete */
                i++
            :: else -> break
            od;
            q++
        :: else -> break
        od;
        i = 0
    }
}

init
{
    byte i = 0, count[SHELLS];

    atomic {
        do
        :: i < SHELLS ->
            if
            :: START & 1 << i ->
                live[i] = 1; exists[i] = 1; lane[i] = FREE; writer[i] = 0;
                solo[i] = (START == 1 << i)
            :: else
            fi;
            i++
        :: else -> break
        od;
        at[0] = AT0;
        at[1] = AT1;
#if THREADS > 2
        at[2] = AT2;
#endif
        i = 0;
        do
        :: i < THREADS ->
            home[i] = at[i];
            if
            :: at[i] != NONE -> slot[SLOT(at[i], i)] = 1; count[at[i]]++; alone[at[i]] = (count[at[i]] == 1)
            :: else
            fi;
            run Thread(i);
            i++
        :: else -> break
        od;
        run Admin(PLAN)
    }
}

#ifdef LIVE
ltl answered { <> (finished == THREADS + 1) }
#endif
