/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on several logs: mutating scans, reading scans, and what the others do meanwhile.
 * Modelled on: docs/libnr-internals.md section 6 and rules L3, L4; lib/nr/scan.c, nr_help,
 * nr_log_reserve, nr_log_scan_ahead, nr_combine_with, nr_advance_with.
 *
 * Abstraction. LOGS logs, two replicas, which neither come nor go; a scan covers logs 0 and 1, or 1 and 2.
 * The structure of a replica keeps, for each log, the number of positions applied. Batches have one
 * operation, and a thread that wants a lane just waits for it (combiner.pml has the rest of flat combining);
 * collecting garbage is one step, and so is waiting for an entry, checking and applying it (log.pml has the
 * details of both); the reader flags of a lane's threads are one counter (reader.pml). Who helps advances
 * the first lane that holds the log back, and tries again. Taking a lock is joined with the access that
 * follows, releasing one with the access before: such steps commute with those of others. All other
 * accesses to shared memory are steps of their own.
 *
 * Bounds. Logs of SIZE entries; up to four threads with the programs T0, T2 on replica 0 and T1, T3 on
 * replica 1. A program is a number whose decimal digits, the last first, are operations:
 *   1, 2, 7  a mutation of log 0, 1, 2             4     a reading scan of logs 0 and 1
 *   3, 8     a mutating scan of logs 0 and 1,      5, 6  a read of log 0, of log 1
 *            of logs 1 and 2
 * A reading scan that fails TRIES times goes through the logs (TRIES 0: never).
 *
 * Properties, by the names that the assertions bear.
 *   - never_overwritten: no live entry is overwritten. as_written: who replays a position reads what was
 *     written for it. once_in_order: every replica applies every position once, in order.
 *   - no_scan_met: a combiner that has reserved never meets a scan. executed_once, in_front: every replica
 *     executes each scan once, with all lanes exactly in front of it.
 *   - The answers of scans are cuts: the lengths of a prefix of each log. fresh: a cut contains everything
 *     that was in an answer before the scan began. closed: if it contains a mutation, it contains
 *     everything that was in an answer before the mutation began, and it contains all parts of a mutating
 *     scan or none. nested: of two cuts one contains the other. agreed: with a read of one log that
 *     returned before or after it, a cut agrees on an order. (Together: there is one order of all
 *     operations that respects real time.)
 *   - deadlock: there is none, with logs as good as full. With LIVE, answered: under weak fairness
 *     everything is answered.
 *
 * Spin explores sequentially consistent interleavings: memory orders are not checked here.
 *
 * Seeded bugs: SCAN_NO_SNAPSHOT, SCAN_COMPARE_FIRST, SCAN_NO_LOCK, SCAN_NO_INTENT, SCAN_NO_MARK,
 * SCAN_NO_OLDER, SCAN_FOUND_FIRST, SCAN_NO_RECHECK, OVERDRAFT_TWICE, RESERVE_TAKEN.
 */
#ifndef LOGS
#define LOGS 2
#endif
#ifndef SIZE
#define SIZE 3
#endif
#ifndef TRIES
#define TRIES 1
#endif
#ifndef T0
#define T0 0
#endif
#ifndef T1
#define T1 0
#endif
#ifndef T2
#define T2 0
#endif
#ifndef T3
#define T3 0
#endif
#ifndef POSITIONS
#define POSITIONS 9 /* in each log */
#endif
#ifndef SCANS
#define SCANS 4
#endif
#define LOGGED 100 /* the stage in which a scan wants the scan lock */
#define LIMIT (SIZE - 1) /* one entry is kept back */
#ifdef RESERVE_TAKEN
#define LIMIT_OF_MUTATIONS SIZE
#else
#define LIMIT_OF_MUTATIONS LIMIT
#endif
#define NONE  255

#define ALIVE(p) (1 - ((p) / SIZE) % 2)
#define AT(k, p) ((k) * SIZE + (p) % SIZE)
#define L(q, k)  ((q) * LOGS + (k)) /* lane */

/* The logs. An entry is 8 * position + the scan's sequence number, 0 for a mutation of one log. */
byte tail[LOGS], head[LOGS], ctail[LOGS], mark[LOGS];
bit intent[LOGS];
bit alive[LOGS * SIZE];
byte entry[LOGS * SIZE];

/* The lanes */
bit lane[2 * LOGS]; /* combiner locks */
bit writer[2 * LOGS];
byte inside[2 * LOGS]; /* readers */
byte ltail[2 * LOGS];
byte data[2 * LOGS]; /* the structures */

/* Scans, by sequence number */
bit scan_lock;
byte seqs;
bit base[SCANS + 1]; /* the scan covers logs base and base + 1 */
byte home[SCANS + 1];
bit answered[SCANS + 1];
bit executed[2 * (SCANS + 1)]; /* ghost: per replica */

/* Ghosts for the checks of answers */
byte seen[LOGS];           /* longest prefix in any answer */
byte needs[2 * POSITIONS]; /* of log 1 (0), by whoever contains the position of log 0 (1) */
byte cuts;
byte cut0[SCANS], cut1[SCANS];
byte reads, read_log, read_x, read_lo, read_hi; /* the only read of one log in a program */

byte threads, finished;

#define trylock(l) (l) == 0 -> l = 1
#define raise(v, to)    \
    if                  \
    :: v < to -> v = to \
    :: else             \
    fi

/* The thread's operation is over: nothing of it stays in its variables. */
#define OVER op = 0; rk = 0; lo0 = 0; lo1 = 0; stage = 0

/* ---- Checks of answers --------------------------------------------------------------------------- */

#define LEQ(a0, a1, b0, b1) ((a0) <= (b0) && (a1) <= (b1))

/* A scan that began when seen was lo0, lo1 is answered with the cut x0, x1. */
inline check_cut(x0, x1)
{
    d_step {
        assert(x0 >= lo0 && x1 >= lo1); /* fresh */
        i = 0;
        do
        :: i < POSITIONS ->
            assert(i >= x0 || needs[i] <= x1);             /* closed */
            assert(i >= x1 || needs[POSITIONS + i] <= x0); /* closed */
            i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < cuts ->
            assert(LEQ(x0, x1, cut0[i], cut1[i]) || LEQ(cut0[i], cut1[i], x0, x1)); /* nested */
            i++
        :: else -> break
        od;
        i = 0;
        if
        :: reads && read_log == 0 ->
            assert(x0 <= read_x || x1 >= read_lo); /* agreed */
            assert(x0 >= read_x || x1 <= read_hi); /* agreed */
        :: reads && read_log == 1 ->
            assert(x1 <= read_x || x0 >= read_lo); /* agreed */
            assert(x1 >= read_x || x0 <= read_hi); /* agreed */
        :: else
        fi;
        cut0[cuts] = x0;
        cut1[cuts] = x1;
        cuts++;
        raise(seen[0], x0);
        raise(seen[1], x1);
    }
}

/* A read of log rk is answered with x. */
inline check_read(x)
{
    d_step {
        assert(x >= (rk -> lo1 : lo0)); /* fresh */
        do
        :: i < cuts && rk == 0 ->
            assert(cut0[i] <= x || cut1[i] >= lo1); /* agreed */
            i++
        :: i < cuts && rk == 1 ->
            assert(cut1[i] <= x || cut0[i] >= lo0); /* agreed */
            i++
        :: else -> break
        od;
        i = 0;
        raise(seen[rk], x);
        reads++;
        read_log = rk;
        read_x = x;
        read_lo = (rk -> lo0 : lo1);
        read_hi = tail[1 - rk];
    }
}

/* ---- Log and lanes ------------------------------------------------------------------------------- */

/* Puts an operation into position p of log k and makes it alive. */
inline fill(k, p, seq)
{
    d_step {
        assert(p < SIZE || (data[L(0, k)] > p - SIZE && data[L(1, k)] > p - SIZE)); /* never_overwritten */
        entry[AT(k, p)] = 8 * p + seq;
    }
    alive[AT(k, p)] = ALIVE(p)
}

inline writer_lock(q, k)
{
    writer[L(q, k)] = 1;
    inside[L(q, k)] == 0
}

/* nr_lane_advance_with: replays lane (q, k), which is locked, to `upto` or to a scan. */
inline advance(q, k, upto)
{
    p = ltail[L(q, k)];
    if
    :: p < upto ->
#ifdef CONCURRENT
        d_step { raise(ctail[k], upto); }
#else
        writer_lock(q, k);
#endif
        do
        :: p < upto ->
            atomic {
                alive[AT(k, p)] == ALIVE(p);
                assert(entry[AT(k, p)] / 8 == p); /* as_written */
                if
                :: entry[AT(k, p)] % 8 > 0 -> break
                :: else
                fi;
                assert(data[L(q, k)] == p); /* once_in_order */
                data[L(q, k)]++;
                p++;
            }
        :: else -> break
        od;
        ltail[L(q, k)] = p;
#ifndef CONCURRENT
        d_step {
            raise(ctail[k], p);
            writer[L(q, k)] = 0;
        }
#endif
    :: else
    fi
}

/* lane_to_scan: sets met to the number of the scan that now stands at ltail, 0 for none. */
inline to_scan(q, k)
{
    t = tail[k];
    advance(q, k, t);
    atomic {
        met = 0;
        p = ltail[L(q, k)];
        if
        :: p < t -> met = entry[AT(k, p)] % 8
        :: else
        fi;
        t = 0;
    }
}

/* ---- Executing scans ----------------------------------------------------------------------------- */

/* scan_execute: scan s on replica q, whose lanes are locked and stopped in front of it. */
inline execute(q)
{
#ifdef CONCURRENT
    d_step { raise(ctail[b], ltail[L(q, b)] + 1); }
#endif
    writer_lock(q, b);
#ifdef CONCURRENT
    d_step { raise(ctail[b + 1], ltail[L(q, b + 1)] + 1); }
#endif
    writer_lock(q, b + 1);
    d_step {
        assert(!executed[2 * s + q]);                                              /* executed_once */
        assert(entry[AT(b, ltail[L(q, b)])] == 8 * ltail[L(q, b)] + s);             /* in_front */
        assert(entry[AT(b + 1, ltail[L(q, b + 1)])] == 8 * ltail[L(q, b + 1)] + s); /* in_front */
        assert(data[L(q, b)] == ltail[L(q, b)]);                                    /* once_in_order */
        assert(data[L(q, b + 1)] == ltail[L(q, b + 1)]);                            /* once_in_order */
        executed[2 * s + q] = 1;
        data[L(q, b)]++;
        data[L(q, b + 1)]++;
    }
    ltail[L(q, b)] = data[L(q, b)];
    d_step { raise(ctail[b], data[L(q, b)]); }
    ltail[L(q, b + 1)] = data[L(q, b + 1)];
    d_step { raise(ctail[b + 1], data[L(q, b + 1)]); writer[L(q, b)] = 0; }
    writer[L(q, b + 1)] = 0;
    d_step {
        if
        :: home[s] == q -> answered[s] = 1
        :: else
        fi;
        lane[L(q, b)] = 0;
        lane[L(q, b + 1)] = 0
    }
}

/* nr_scan_run_next: executes the oldest scan that stops lane (q, k), if there is one. */
inline run_next(q, k)
{
    atomic { trylock(lane[L(q, k)]); }
    to_scan(q, k);
    d_step { s = met; sk = k; sp = p; p = 0; met = 0; lane[L(q, k)] = 0; }
    do
    :: s == 0 -> break
    :: else ->
        b = base[s];
        /* scan_lock_lanes, ascending; stops when the scan turns out to be executed */
        j = b;
#ifdef SCAN_FOUND_FIRST
        j = sk;
#endif
        i = 0;
        do
        :: i < 2 ->
            if
            :: atomic { trylock(lane[L(q, j)]); i++; j = 2 * b + 1 - j; }
            :: atomic { lane[L(q, j)] == 1 && ltail[L(q, sk)] > sp -> s = 0; break; }
            fi
        :: else -> break
        od;
        if
        :: s == 0 ->
            if
            :: i > 0 -> lane[L(q, 2 * b + 1 - j)] = 0
            :: else
            fi
        :: else ->
            if
#ifndef SCAN_NO_RECHECK
            :: ltail[L(q, sk)] > sp ->
                d_step { s = 0; lane[L(q, b)] = 0; lane[L(q, b + 1)] = 0; }
#endif
            :: else ->
                older = s;
                j = b;
                do
                :: j < b + 2 ->
                    to_scan(q, j);
                    d_step {
                        if
#ifndef SCAN_NO_OLDER
                        :: met > 0 && met < older -> older = met; sk = j; sp = p
#endif
                        :: else
                        fi;
                        j++;
                    }
                :: else -> break
                od;
                atomic { p = 0; met = 0; j = 0; }
                if
                :: older < s ->
                    d_step { s = older; lane[L(q, b)] = 0; lane[L(q, b + 1)] = 0; }
                :: else ->
                    execute(q);
                    s = 0
                fi;
                older = 0
            fi
        fi
    od;
    atomic { s = 0; sk = 0; sp = 0; i = 0; j = 0; b = 0; }
}

/* ---- Space --------------------------------------------------------------------------------------- */

inline collect(k)
{
    d_step {
        gained = 0;
        p = (ltail[L(0, k)] < ltail[L(1, k)] -> ltail[L(0, k)] : ltail[L(1, k)]);
        if
        :: p > head[k] -> head[k] = p; gained = 1
        :: else
        fi;
        p = 0;
    }
}

/* nr_help: advances the first lane that holds log k back; a scan that stops it is asked for in nq, nk. */
inline help(k)
{
    t = tail[k];
    j = 0;
    do
    :: j < 2 ->
        if
        :: ltail[L(j, k)] + SIZE / 2 < t ->
            if
            :: atomic { trylock(lane[L(j, k)]); t = tail[k]; }
                advance(j, k, t);
                d_step {
                    if
                    :: p < t -> nq = j; nk = k
                    :: else
                    fi;
                    p = 0;
                    lane[L(j, k)] = 0;
                }
                break
            :: else -> j++
            fi
        :: else -> j++
        fi
    :: else -> break
    od;
    atomic { t = 0; j = 0; }
}

/* ---- Operations: each inline is one attempt; `stage` says how far the operation has come ---------- */

/* Whoever contains the mutation at position p of log k contains what was seen before it began. */
inline note(k, p)
{
    if
    :: k == 0 -> needs[p] = lo1
    :: k == 1 -> needs[POSITIONS + p] = lo0
    :: else
    fi
}

/* nr_combine_with and what its caller does when it fails */
inline mutate(k)
{
    atomic { trylock(lane[L(r, k)]); t = tail[k]; }
    do
    ::  if
#ifndef SCAN_NO_MARK
        :: intent[k] || mark[k] > ltail[L(r, k)] ->
            d_step { nq = r; nk = k; lane[L(r, k)] = 0; }
            break
#endif
        :: else
        fi;
        if
        :: t + 1 - head[k] > LIMIT_OF_MUTATIONS ->
            collect(k);
            if
            :: gained -> t = tail[k]
            :: else ->
                lane[L(r, k)] = 0;
                help(k);
                break
            fi
        :: else ->
            if
            :: atomic { tail[k] == t -> tail[k] = t + 1; note(k, t); }
                fill(k, t, 0);
#ifdef CONCURRENT
                d_step { raise(ctail[k], t + 1); }
#else
                writer_lock(r, k);
#endif
                p = ltail[L(r, k)];
                do
                :: p < t ->
                    atomic {
                        alive[AT(k, p)] == ALIVE(p);
                        assert(entry[AT(k, p)] == 8 * p); /* no_scan_met */
                        assert(data[L(r, k)] == p);       /* once_in_order */
                        data[L(r, k)]++;
                        p++;
                    }
                :: else -> break
                od;
                atomic {
                    assert(data[L(r, k)] == t); /* once_in_order */
                    data[L(r, k)]++;
                    p = 0;
                }
                ltail[L(r, k)] = t + 1;
#ifndef CONCURRENT
                d_step { raise(ctail[k], t + 1); }
#endif
                d_step {
                    writer[L(r, k)] = 0;
                    raise(seen[k], t + 1);
                    lane[L(r, k)] = 0;
                    OVER;
                }
                break
            :: else -> t = tail[k]
            fi
        fi
    od;
    t = 0
}

inline append()
{
    d_step { seqs++; my = seqs; home[my] = r; base[my] = (op == 8); b = base[my]; }
#ifndef SCAN_NO_INTENT
    intent[b] = 1;
    intent[b + 1] = 1;
#endif
    d_step { my0 = tail[b]; tail[b]++; }
    d_step {
        my1 = tail[b + 1];
        tail[b + 1]++;
        if
        :: b == 0 -> needs[my0] = my1 + 1; needs[POSITIONS + my1] = my0 + 1
        :: else
        fi
    }
    fill(b, my0, my);
    fill(b + 1, my1, my);
    d_step { mark[b] = my0 + 1; intent[b] = 0; }
    d_step { mark[b + 1] = my1 + 1; intent[b + 1] = 0; scan_lock = 0; stage = LOGGED + 2; b = 0; }
}

/* scan_logged: before the scan lock, waiting for space, waiting for the answer */
inline scan_logged()
{
    if
    :: stage == LOGGED ->
#ifdef SCAN_NO_LOCK
        stage = LOGGED + 1
#else
        atomic { trylock(scan_lock); stage = LOGGED + 1; }
#endif
    :: stage == LOGGED + 1 ->
        nk = (op == 8);
        do
        :: nk < 2 + (op == 8) ->
#ifndef OVERDRAFT_TWICE
            if
            :: tail[nk] - head[nk] <= LIMIT -> nk++
            :: else ->
                collect(nk);
                if
                :: gained
                :: else -> help(nk); break
                fi
            fi
#else
            nk++
#endif
        :: else -> append(); break
        od;
        nk = (nq == NONE -> 0 : nk)
    :: stage == LOGGED + 2 ->
        if
        :: answered[my] ->
            if
            :: op == 8
            :: else -> check_cut(my0, my1)
            fi;
            d_step {
                if
                :: op == 3 -> raise(seen[0], my0 + 1); raise(seen[1], my1 + 1)
                :: op == 8 -> raise(seen[1], my0 + 1)
                :: else
                fi;
                my = 0; my0 = 0; my1 = 0; OVER;
            }
        :: else -> atomic { nq = r; nk = (op == 8); }
        fi
    fi
}

/* One step of nr_thread_catch_up on the own replica */
inline catch_up(k)
{
    t = ctail[k];
    if
    :: ltail[L(r, k)] < t ->
        if
        :: atomic { trylock(lane[L(r, k)]); }
            advance(r, k, t);
            d_step {
                if
                :: p < t -> nq = r; nk = k
                :: else
                fi;
                p = 0;
                lane[L(r, k)] = 0;
            }
        :: else
        fi
    :: else
    fi;
    t = 0
}

/* nr_read_scan */
inline read_scan()
{
    if
    :: stage >= LOGGED -> scan_logged()
    :: else ->
#ifdef SCAN_COMPARE_FIRST
        my0 = ctail[0];
        my1 = ctail[1];
#endif
#ifdef CONCURRENT
        atomic { trylock(lane[L(r, 0)]); }
        atomic { trylock(lane[L(r, 1)]); }
        gained = 1;
#else
        d_step { inside[L(r, 0)]++; inside[L(r, 1)]++; }
        gained = !writer[L(r, 0)];
        if
        :: gained -> gained = !writer[L(r, 1)]
        :: else
        fi;
#endif
#ifdef SCAN_COMPARE_FIRST
        if
        :: gained && ltail[L(r, 0)] < my0 -> gained = 0
        :: else
        fi;
        if
        :: gained && ltail[L(r, 1)] < my1 -> gained = 0
        :: else
        fi;
        d_step { my0 = 0; my1 = 0; }
#elif !defined(SCAN_NO_SNAPSHOT)
        if
        :: gained && ltail[L(r, 0)] < ctail[0] -> gained = 0
        :: else
        fi;
        if
        :: gained && ltail[L(r, 1)] < ctail[1] -> gained = 0
        :: else
        fi;
#endif
        if
        :: gained -> atomic { my0 = data[L(r, 0)]; my1 = data[L(r, 1)]; }
        :: else
        fi;
#ifdef CONCURRENT
        d_step { lane[L(r, 0)] = 0; lane[L(r, 1)] = 0; }
#else
        d_step { inside[L(r, 0)]--; inside[L(r, 1)]--; }
#endif
        if
        :: gained ->
            check_cut(my0, my1);
            d_step { my0 = 0; my1 = 0; OVER; }
        :: else ->
            stage = (TRIES > 0 -> stage + 1 : 0);
            if
            :: stage == TRIES && TRIES > 0 -> stage = LOGGED
            :: else ->
                catch_up(0);
                catch_up(1)
            fi
        fi
    fi
}

/* nr_read_enter, the read, and leaving */
inline read_one(k)
{
    t = ctail[k];
    if
    :: ltail[L(r, k)] >= t ->
        atomic { t = 0; inside[L(r, k)]++; }
        if
        :: writer[L(r, k)] ->
            inside[L(r, k)]--;
            !writer[L(r, k)]
        :: else ->
            t = data[L(r, k)];
            inside[L(r, k)]--;
            check_read(t);
            atomic { t = 0; OVER; }
        fi
    :: else -> catch_up(k)
    fi
}

proctype Thread(byte r; short program)
{
    byte op, stage;
    byte lo0, lo1;          /* seen when the operation began */
    byte my, my0, my1;      /* the scan, its positions */
    byte nq = NONE, nk = 0; /* a lane in front of a scan to be executed */
    byte s, sk, sp, older, met;
    byte t, p, i, j, b, rk;
    bit gained;

    do
    :: nq != NONE ->
        run_next(nq, nk);
        atomic { nq = NONE; nk = 0; }
    :: nq == NONE && op == 0 ->
        if
        :: program > 0 ->
            atomic {
                op = program % 10;
                program = program / 10;
                stage = (op == 3 || op == 8 -> LOGGED : 0);
                lo0 = seen[0];
                lo1 = seen[1];
                rk = (op == 7 -> 2 : (op == 2 || op == 6));
            }
        :: else -> break
        fi
    :: nq == NONE && (op == 1 || op == 2 || op == 7) -> mutate(rk)
    :: nq == NONE && (op == 3 || op == 8) -> scan_logged()
    :: nq == NONE && op == 4 -> read_scan()
    :: nq == NONE && (op == 5 || op == 6) -> read_one(rk)
    od;
    finished++
}

init
{
    atomic {
        if
        :: T0 > 0 -> run Thread(0, T0); threads++
        :: else
        fi;
        if
        :: T1 > 0 -> run Thread(1, T1); threads++
        :: else
        fi;
        if
        :: T2 > 0 -> run Thread(0, T2); threads++
        :: else
        fi;
        if
        :: T3 > 0 -> run Thread(1, T3); threads++
        :: else
        fi
    }
}

#ifdef LIVE
ltl answered { <> (threads > 0 && finished == threads) }
#endif
