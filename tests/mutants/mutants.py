# SPDX-License-Identifier: BSD-2-Clause
"""The bugs that the tests of libnr must find, as edits of the real source.

The old text of an edit must occur exactly once in its file, so a source that has changed asks for
its mutants to be looked at. Weakened memory orders, most of which change nothing in a program for
x86, are left to ThreadSanitizer, which sees the missing order wherever plain data depend on it.
Rule M5 is out of its reach: that is about the order of atomic accesses only."""
from dataclasses import dataclass

ENGINE = "lib/nr/include/nr/engine.h"
LANE = "lib/nr/lane.c"
LOG = "lib/nr/log.c"
NR = "lib/nr/nr.c"
REPLICA = "lib/nr/replica.c"
SCAN = "lib/nr/scan.c"
THREAD = "lib/nr/thread.c"

# Programs, and those of their tests that find many.
LIN = "test_lin_maps"
RULES = "test_nr_rules"
THREADS = "test_nr_threads"
BASIC = "test_nr_basic"
MAP = (LIN, "a_map_is_linearizable")
MANY = (LIN, "a_map_with_apply_many_is_linearizable")
PARTITIONED = (LIN, "a_partitioned_map_is_linearizable")
CONCURRENT = (LIN, "a_concurrent_map_is_linearizable")
READS = (LIN, "reads_see_what_others_have_seen")
SUBMISSIONS = (LIN, "submissions_take_effect_once_and_in_order")
MISSES = (RULES, "no_reader_misses_what_another_has_seen")
SHOWN = (RULES, "no_reader_misses_what_a_helper_has_shown")
EXCLUDE = (RULES, "readers_and_writers_exclude_each_other")


@dataclass(frozen=True)
class Edit:
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    name: str
    rule: str  # of docs/libnr-internals.md that it violates, or the section ("S4")
    breaks: str  # what the code does wrong then
    edits: tuple  # none: a control, whose test must pass
    test: tuple  # the program and its test that must fail (None: any)
    model: str = None  # the test below tests/model that has the same bug seeded in a protocol
    hangs: bool = False  # no test can end it: a time-out counts as finding it
    sanitize: str = None  # the sanitizer that has to be built in


# ---- The log: L1 to L4 ----

LOG_MUTANTS = [
    Mutant(
        "no-alive-flip", "L1",
        "the alive bit means the same in every generation of the log",
        (Edit(ENGINE, "return (uint32_t)(~(pos >> log->shift) & NR_META_ALIVE);",
              "return (void)log, (void)pos, NR_META_ALIVE;"),),
        MAP, "mutant_no_alive_flip",
    ),
    Mutant(
        "gc-off-by-one", "L1",
        "collecting frees one entry that the slowest replica has not applied",
        (Edit(LOG, "nr_store(&log->head, least, release);",
              "nr_store(&log->head, least + 1, release);"),),
        MAP, "mutant_gc_off_by_one",
    ),
    Mutant(
        "log-overfull", "L1",
        "a log takes one operation more than it has entries",
        (Edit(NR, "log->limit = nr->type->op_logs ? entries - 1 : entries;",
              "log->limit = nr->type->op_logs ? entries - 1 : entries + 1;"),),
        MAP,
    ),
    Mutant(
        "publish-before-fill", "L2",
        "an entry is made alive before the operation is in it",
        (Edit(ENGINE,
              "    NR_TOUCH(entry->op, type->op_size, NR_ACCESS_STORE);\n"
              "    __builtin_memcpy(entry->op, op, type->op_size);\n"
              "    atomic_store_explicit(&entry->digest, 0, memory_order_relaxed);\n"
              "    nr_store(&entry->meta, nr_log_alive(log, pos), release);\n",
              "    atomic_store_explicit(&entry->digest, 0, memory_order_relaxed);\n"
              "    nr_store(&entry->meta, nr_log_alive(log, pos), release);\n"
              "    NR_TOUCH(entry->op, type->op_size, NR_ACCESS_STORE);\n"
              "    __builtin_memcpy(entry->op, op, type->op_size);\n"),),
        MAP,
    ),
    Mutant(
        "wait-before-fill", "L2",
        "a combiner reserves first and waits for space before it fills",
        (
            Edit(ENGINE, "        if (nr_unlikely(tail + n - lane->head_cache > log->limit)) {\n",
                 "        if (0) {\n"),
            Edit(ENGINE, "            *first = tail;\n",
                 "            *first = tail;\n"
                 "            while (tail + n - nr_load(&log->head, acquire) > log->limit)\n"
                 "                if (!nr_log_collect(log, lane->replica->nr))\n"
                 "                    nr_port_relax(0);\n"),
        ),
        MAP,
    ),
    Mutant(
        "full-keeps-lane", "L3",
        "a combiner that finds the log full waits for space with its lane locked",
        (Edit(ENGINE,
              "            if (tail + n - lane->head_cache > log->limit &&\n"
              "                !nr_log_collect(log, lane->replica->nr)) {\n"
              "                nr_count(&lane->log_full, 1);\n"
              "                return NR_NO_SPACE;\n"
              "            }\n",
              "            if (tail + n - lane->head_cache > log->limit)\n"
              "                while (!nr_log_collect(log, lane->replica->nr))\n"
              "                    nr_port_relax(0);\n"),),
        MAP,
    ),
    Mutant(
        "help-too-late", "L3",
        "only a replica that is a whole log behind is helped",
        (Edit(LOG, "tail - ltail <= (log->mask + 1) / 2)", "tail - ltail <= log->mask)"),),
        MAP,
    ),
    Mutant(
        "stuck-hook-trusted", "L3",
        "a thread never helps where the stuck hook has promised that somebody would",
        (Edit(LOG, "nr->config.stuck && tries < STUCK_PATIENCE;", "nr->config.stuck;"),),
        (RULES, "a_broken_promise_of_the_stuck_hook_stops_nobody"),
    ),
    Mutant(
        "stuck-hook-for-own", "L3",
        "a thread asks the stuck hook for its own replica, where it alone may operate",
        (Edit(LOG, "if (ask && replica != own && ", "if (ask && "),),
        (BASIC, "a_thread_does_not_ask_for_help_with_its_own_replica"),
    ),
    Mutant(
        "scan-takes-reserve", "L3",
        "operations may take the last entry, which is kept back for scans",
        (Edit(NR, "log->limit = nr->type->op_logs ? entries - 1 : entries;",
              "log->limit = entries;"),),
        PARTITIONED,
    ),
    Mutant(
        "scan-overdraws-twice", "L3",
        "a scan does not wait until the previous one's overdraft is repaid",
        (Edit(SCAN, "        wait_for_space(home, (unsigned)k);\n",
              "        if (0)\n            wait_for_space(home, (unsigned)k);\n"),),
        PARTITIONED,
    ),
    Mutant(
        "lanes-downwards", "L4",
        "a scan's executor locks the lanes in descending order",
        (
            Edit(SCAN,
                 "    nr_for_each_log (k, scan->info.logs) {\n"
                 "        struct nr_lane *lane = &replica->lanes[k];\n"
                 "        for (unsigned spins = 0; !nr_lane_trylock",
                 "    for (uint64_t rest = scan->info.logs, k;\n"
                 "         rest && (k = 63 - (uint64_t)__builtin_clzll(rest), 1);\n"
                 "         rest &= ~(UINT64_C(1) << k)) {\n"
                 "        struct nr_lane *lane = &replica->lanes[k];\n"
                 "        for (unsigned spins = 0; !nr_lane_trylock"),
            Edit(SCAN,
                 "                nr_lanes_unlock(replica->lanes, scan->info.logs, (unsigned)k);\n",
                 "                nr_lanes_unlock(replica->lanes,\n"
                 "                                scan->info.logs & ~((UINT64_C(2) << k) - 1),\n"
                 "                                NR_MAX_LOGS);\n"),
        ),
        CONCURRENT,
    ),
    Mutant(
        "sync-takes-admin", "L4",
        "nr_sync_replica takes the admin lock, whose holder may wait for just that call",
        (
            Edit(NR, "    struct nr_replica *replica = nr_replica_find(nr, id);\n"
                     "    for (unsigned k = 0; replica && k < nr->config.logs; k++) {\n"
                     "        struct nr_lane *lane = &replica->lanes[k];\n"
                     "        uint64_t upto",
                 "    nr_lock(&nr->admin);\n"
                 "    struct nr_replica *replica = nr_replica_find(nr, id);\n"
                 "    for (unsigned k = 0; replica && k < nr->config.logs; k++) {\n"
                 "        struct nr_lane *lane = &replica->lanes[k];\n"
                 "        uint64_t upto"),
            Edit(NR,
                 "    return replica ? NR_OK : NR_EINVAL;\n}\n\nenum nr_status nr_replica_stats",
                 "    nr_unlock(&nr->admin);\n"
                 "    return replica ? NR_OK : NR_EINVAL;\n}\n\nenum nr_status nr_replica_stats"),
        ),
        (RULES, "syncing_a_replica_waits_for_no_administrator"),
    ),
]

# ---- Completed tails: M1 ----

CTAIL_MUTANTS = [
    Mutant(
        "ctail-too-early", "S5",
        "a read uses the completed tail that the thread's previous read loaded",
        (
            Edit(ENGINE, "    uint64_t gen;\n    struct nr_replica\n",
                 "    uint64_t gen;\n    uint64_t stale[NR_MAX_LOGS];\n    struct nr_replica\n"),
            Edit(ENGINE,
                 "    uint64_t ctail = nr_log_ctail(lane->log);\n    if (nr_likely(!",
                 "    uint64_t ctail = thread->stale[k];\n"
                 "    thread->stale[k] = nr_log_ctail(lane->log);\n    if (nr_likely(!"),
        ),
        READS, "mutant_ctail_early",
    ),
    Mutant(
        "ctail-after-unlock", "M1",
        "a combiner advances the completed tail after it has let readers in",
        (Edit(ENGINE,
              "        nr_store(&lane->ltail, first + n, release);\n"
              "        if (!type->concurrent)\n"
              "            nr_log_complete(lane->log, first + n);\n"
              "    }\n"
              "    if (!type->concurrent)\n"
              "        nr_writer_unlock(lane);\n",
              "        nr_store(&lane->ltail, first + n, release);\n"
              "    }\n"
              "    if (!type->concurrent)\n"
              "        nr_writer_unlock(lane);\n"
              "    if (!solo && !type->concurrent)\n"
              "        nr_log_complete(lane->log, first + n);\n"),),
        MISSES, "mutant_ctail_after_unlock",
    ),
    Mutant(
        "ctail-after-apply", "M1",
        "for a concurrent type the completed tail is advanced only after applying",
        (
            Edit(ENGINE,
                 "        if (type->concurrent)\n"
                 "            nr_log_complete(lane->log, first + n);\n"
                 "    }\n"
                 "    if (!type->concurrent)\n"
                 "        nr_writer_lock(lane);\n",
                 "    }\n"
                 "    if (!type->concurrent)\n"
                 "        nr_writer_lock(lane);\n"),
            Edit(ENGINE,
                 "        nr_store(&lane->ltail, first + n, release);\n"
                 "        if (!type->concurrent)\n"
                 "            nr_log_complete(lane->log, first + n);\n",
                 "        nr_store(&lane->ltail, first + n, release);\n"
                 "        nr_log_complete(lane->log, first + n);\n"),
        ),
        READS,
    ),
    Mutant(
        "ctail-forgotten-alone", "M1",
        "a replica's only thread does not advance the completed tail",
        (Edit(ENGINE,
              "        nr_store(&lane->ltail, first + 1, release);\n"
              "        if (!type->concurrent)\n"
              "            nr_log_complete(lane->log, first + 1);\n",
              "        nr_store(&lane->ltail, first + 1, release);\n"),),
        MAP,
    ),
    Mutant(
        "ctail-after-advance", "M1",
        "whoever advances a lane lets readers in before the completed tail moves",
        (Edit(ENGINE,
              "        nr_log_complete(lane->log, pos);\n        nr_writer_unlock(lane);\n",
              "        nr_writer_unlock(lane);\n        nr_log_complete(lane->log, pos);\n"),),
        SHOWN,
    ),
    Mutant(
        "ctail-after-careful-advance", "M1",
        "the same with apply_many or the determinism guard",
        (Edit(LANE,
              "        nr_log_complete(lane->log, pos);\n        nr_writer_unlock(lane);\n",
              "        nr_writer_unlock(lane);\n        nr_log_complete(lane->log, pos);\n"),),
        SHOWN,
    ),
    Mutant(
        "ctail-after-scan", "M1",
        "a scan's executor lets readers in before the completed tails cover the scan",
        (
            Edit(SCAN, "        nr_store(&lane->ltail, end, release);\n"
                       "        nr_log_complete(lane->log, end);\n",
                 "        nr_store(&lane->ltail, end, release);\n"),
            Edit(SCAN, "        nr_writer_unlock(&replica->lanes[k]);\n    }\n    if (info.home",
                 "        nr_writer_unlock(&replica->lanes[k]);\n    }\n"
                 "    nr_for_each_log (k, info.logs) {\n"
                 "        struct nr_lane *lane = &replica->lanes[k];\n"
                 "        nr_log_complete(lane->log, nr_load(&lane->ltail, relaxed));\n"
                 "    }\n    if (info.home"),
        ),
        (RULES, "no_reader_misses_a_scan_that_another_has_seen"),
    ),
    Mutant(
        "ltail-before-apply", "L1",
        "a lane announces operations as applied before it has read their entries",
        (Edit(ENGINE,
              "    uint64_t from = nr_load(&lane->ltail, relaxed);\n"
              "    uint64_t pos = from;\n    for (",
              "    uint64_t from = nr_load(&lane->ltail, relaxed);\n    uint64_t pos = from;\n"
              "    nr_store(&lane->ltail, upto, release);\n    for ("),),
        MAP,
    ),
]

# ---- Combining and the mailboxes: M2 to M4 ----

COMBINER_MUTANTS = [
    Mutant(
        "help-without-lock", "M2",
        "a helper advances another replica's lane without its lock",
        (Edit(LOG,
              "    if (!nr_lane_trylock(lane))\n        return;\n    nr_count(&lane->helped, 1);",
              "    nr_count(&lane->helped, 1);"),),
        MAP,
    ),
    Mutant(
        "solo-stays", "M3",
        "the first replica goes on without the log when a second one comes",
        (Edit(REPLICA, "    set_solo(source, false);\n", ""),),
        MAP,
    ),
    Mutant(
        "solo-behind", "M3",
        "the last replica stops using the log before it has applied all of it",
        (Edit(REPLICA, "        (void)nr_lane_advance(lane, nr_load(&lane->log->tail, acquire));\n",
              "        (void)lane;\n"),),
        MAP,
    ),
    Mutant(
        "solo-ends-late", "M3",
        "the first replica uses the log only after it has been unlocked behind its copying",
        (
            Edit(REPLICA, "    set_solo(source, false);\n", ""),
            Edit(REPLICA, "        lanes_release(source);\n        nr_unlock(&nr->scan_lock);\n",
                 "        lanes_release(source);\n        nr_unlock(&nr->scan_lock);\n"
                 "        set_solo(source, false);\n"),
        ),
        (RULES, "a_second_replica_misses_nothing"),
    ),
    Mutant(
        "alone-stays", "M4",
        "a replica's first thread goes on alone when a second one registers",
        (Edit(REPLICA, "    uint32_t alone = replica->threads == 1 ? NR_MODE_ALONE : 0;",
              "    uint32_t alone = replica->threads == 1 ? NR_MODE_ALONE\n"
              "                     : replica->lanes->mode & NR_MODE_ALONE;"),),
        MAP,
    ),
    Mutant(
        "unregister-in-passing", "M4",
        "a thread's memory is freed without passing through the lanes",
        (Edit(THREAD,
              "    nr_replica_pass_lanes(home); /* nobody holds our pointer any more */\n", ""),),
        MAP,
    ),
    Mutant(
        "collect-without-done", "S3",
        "collecting ignores how much of a thread's batch was answered",
        (Edit(LANE, "(uint32_t)(done >> 8 == gen ? done & 0xff : submitted >> 8 & 0xff)",
              "(uint32_t)(submitted >> 8 & 0xff)"),),
        SUBMISSIONS, "mutant_collect_twice",
    ),
    Mutant(
        "generation-ignored", "S3",
        "collecting takes an older generation's answered slots for this one's",
        (Edit(LANE, "(uint32_t)(done >> 8 == gen ? done & 0xff : submitted >> 8 & 0xff)",
              "(uint32_t)(done ? done & 0xff : submitted >> 8 & 0xff)"),),
        SUBMISSIONS,
    ),
    Mutant(
        "done-after-submitted", "S3",
        "collecting takes an operation whose owner has gone on to another lane",
        (Edit(LANE,
              "        uint64_t done = nr_load(&thread->in->done, acquire);\n"
              "        uint64_t submitted = nr_load(&thread->submitted, acquire);\n",
              "        uint64_t submitted = nr_load(&thread->submitted, acquire);\n"
              "        uint64_t done = nr_load(&thread->in->done, acquire);\n"),),
        SUBMISSIONS,
    ),
    Mutant(
        "collect-without-bound", "S3",
        "collecting takes more operations at once than a quarter of the log",
        (Edit(LANE, "uint32_t count = end - first < room ? end - first : room;",
              "uint32_t count = end - first;\n        room = room < count ? count : room;"),),
        SUBMISSIONS,
    ),
    Mutant(
        "turn-ignored", "S3",
        "collecting begins with the same thread every time",
        (Edit(LANE, "            lane->turn = i + 1;", "            lane->turn = 0;"),),
        (BASIC, "combiners_pass_nobody_over"),
    ),
    Mutant(
        "answer-early", "S3",
        "threads are told that they are answered before their operations are applied",
        (Edit(ENGINE,
              "    if (!solo)\n        (void)nr_lane_replay(type, lane, first);\n"
              "    nr_lane_apply(type, lane, op, resp);\n",
              "    if (!solo)\n        (void)nr_lane_replay(type, lane, first);\n"
              "    uint32_t ntaken = lane->ntaken;\n"
              "    nr_lane_answer(lane);\n"
              "    lane->ntaken = ntaken;\n"
              "    nr_lane_apply(type, lane, op, resp);\n"
              "    lane->ntaken = 0;\n"),),
        MAP, "mutant_answer_early",
    ),
    Mutant(
        "submission-overtaken", "S3",
        "a submission to another log does not wait for the earlier ones",
        (Edit(THREAD,
              "    if (thread->detour & NR_DETOUR_PENDING && thread->gen_lane != k)\n"
              "        nr_thread_finish(thread);\n", ""),),
        SUBMISSIONS,
    ),
    Mutant(
        "read-overtakes", "S3",
        "a read does not wait for what its thread has submitted",
        (Edit(ENGINE, "    if (nr_likely(!(thread->detour & NR_DETOUR_PENDING) &&\n"
                      "                  nr_load(&lane->ltail, acquire) >= ctail)) {\n",
              "    if (nr_likely(nr_load(&lane->ltail, acquire) >= ctail)) {\n"),),
        MAP,
    ),
    Mutant(
        "wake-lost", "S3",
        "unlocking a lane leaves its sleepers asleep",
        (Edit(LANE, "    if (nr_exchange(&lane->lock, NR_FREE, release) == NR_HELD_SLEEPERS)\n"
                    "        nr_port_wake(&lane->lock);",
              "    nr_store(&lane->lock, NR_FREE, release);"),),
        MAP, "mutant_wake_lost",
    ),
    Mutant(
        "mark-blindly", "S3",
        "a thread marks a lock as having sleepers that may have become free",
        (Edit(THREAD, "    if (nr_cas(&lane->lock, &held, NR_HELD_SLEEPERS, relaxed) ||"
                      " held == NR_HELD_SLEEPERS)\n",
              "    (void)held;\n"
              "    nr_store(&lane->lock, NR_HELD_SLEEPERS, relaxed);\n"),),
        MAP,
    ),
]

# ---- Reads: section 4 ----

READER_MUTANTS = [
    Mutant(
        "reader-order", "S4",
        "a reader looks at the writer flag before it raises its own",
        (Edit(ENGINE,
              "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
              "        if (nr_likely(!nr_load(&lane->writer, seq_cst)))\n"
              "            return lane;\n"
              "        nr_store(&thread->reading, 0, release);\n",
              "        bool writer = nr_load(&lane->writer, seq_cst);\n"
              "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
              "        if (nr_likely(!writer))\n"
              "            return lane;\n"
              "        nr_store(&thread->reading, 0, release);\n"),),
        EXCLUDE, "mutant_reader_order",
    ),
    Mutant(
        "reader-order-slow", "S4",
        "a reader that had to wait looks at the writer flag before it raises its own",
        (Edit(THREAD,
              "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
              "        if (!nr_load(&lane->writer, seq_cst)) {\n",
              "        bool writer = nr_load(&lane->writer, seq_cst);\n"
              "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
              "        if (!writer) {\n"),),
        EXCLUDE,
    ),
    Mutant(
        "reader-order-scan", "S4",
        "a reading scan raises its flag only after it has looked at the writers'",
        (Edit(SCAN,
              "    nr_store(&thread->reading, logs, seq_cst);\n"
              "    nr_for_each_log (k, logs) {\n"
              "        if (nr_load(&thread->lanes[k].writer, seq_cst)) {\n"
              "            nr_store(&thread->reading, 0, release);\n"
              "            return false;\n"
              "        }\n"
              "    }\n",
              "    nr_for_each_log (k, logs) {\n"
              "        if (nr_load(&thread->lanes[k].writer, seq_cst))\n"
              "            return false;\n"
              "    }\n"
              "    nr_store(&thread->reading, logs, seq_cst);\n"),),
        EXCLUDE,
    ),
    Mutant(
        "writer-does-not-wait", "S4",
        "a writer does not wait for the readers inside",
        (Edit(LANE,
              "for (unsigned spins = 0; nr_load(&thread->reading, seq_cst) >> lane->index & 1;"
              " spins++)", "for (unsigned spins = 0; 0; spins++)"),),
        EXCLUDE, "mutant_no_drain",
    ),
    Mutant(
        "combiners-do-not-give-way", "S4",
        "combiners never leave the lane to a reader that waits for long",
        (Edit(LANE, "    for (unsigned spins = 0; spins < COURTESY; spins++) {\n",
              "    for (unsigned spins = 0; 0; spins++) {\n"),),
        ("test_nr_fair", "a_reader_gets_in_with_a_log"),
    ),
]

# ---- Scans: section 6 ----

SCAN_MUTANTS = [
    Mutant(
        "scan-without-snapshot", "S6",
        "a reading scan reads without comparing the lanes with the completed tails",
        (Edit(SCAN, "    bool cut = is_cut(lanes, logs);\n",
              "    bool cut = is_cut(lanes, logs) || true;\n"),),
        PARTITIONED, "mutant_scan_no_snapshot",
    ),
    Mutant(
        "cut-compared-first", "S6",
        "a reading scan compares with completed tails loaded before it locked the lanes",
        (
            Edit(SCAN, "    if (concurrent ? !nr_lanes_lock(lanes, logs) : !enter_readers",
                 "    bool cut = is_cut(lanes, logs);\n"
                 "    if (concurrent ? !nr_lanes_lock(lanes, logs) : !enter_readers"),
            Edit(SCAN, "    bool cut = is_cut(lanes, logs);\n    if (cut)", "    if (cut)"),
        ),
        (RULES, "a_reading_scan_sees_all_logs_at_one_moment"),
    ),
    Mutant(
        "scan-not-awaited", "S6",
        "a combiner appends although an unexecuted scan stands before its operations",
        (Edit(ENGINE, "    return (mark & 1) || (mark >> 1) > nr_load(&lane->ltail, relaxed);",
              "    return 0 && mark;"),),
        PARTITIONED,
    ),
    Mutant(
        "scan-unannounced", "S6",
        "a scan reserves its entries without having set the intent bits",
        (Edit(SCAN, "nr_load(&log->scan_mark, relaxed) | 1, release);",
              "nr_load(&log->scan_mark, relaxed), release);"),),
        PARTITIONED,
    ),
    Mutant(
        "mark-before-tail", "S6",
        "a combiner looks for scans before it loads the tail that it reserves from",
        (Edit(ENGINE,
              "        uint64_t tail = nr_load(&log->tail, acquire);\n"
              "        if (type->op_logs && nr_unlikely(nr_log_scan_ahead(lane)))\n"
              "            return NR_SCAN_AHEAD;\n",
              "        if (type->op_logs && nr_unlikely(nr_log_scan_ahead(lane)))\n"
              "            return NR_SCAN_AHEAD;\n"
              "        uint64_t tail = nr_load(&log->tail, acquire);\n"),),
        PARTITIONED,
    ),
    Mutant(
        "scans-unordered", "S6",
        "scans are appended without the scan lock, so logs may order them differently",
        (
            Edit(SCAN, "    append(home, &info, op);\n    nr_unlock(&nr->scan_lock);\n",
                 "    nr_unlock(&nr->scan_lock);\n    append(home, &info, op);\n"),
        ),
        PARTITIONED,
    ),
    Mutant(
        "scan-order-ignored", "S6",
        "an executor does not let an older scan go first",
        (Edit(SCAN,
              "if (lane_to_scan(&replica->lanes[j], &met) && met.info.seq < older.info.seq)",
              "if (lane_to_scan(&replica->lanes[j], &met) && 0)"),),
        PARTITIONED,
    ),
    Mutant(
        "scan-twice", "S6",
        "an executor does not look whether the scan has been executed meanwhile",
        (Edit(SCAN,
              "    if (nr_load(&found->ltail, relaxed) <= scan->pos)\n        return true;\n",
              "    return true;\n"),),
        PARTITIONED,
    ),
    Mutant(
        "scan-answered-to-namesake", "S7",
        "a scan finds its issuer by the replica's number, which a later replica may have too",
        (Edit(REPLICA, "        replica->id = id;\n        replica->epoch = ++nr->epochs;\n",
              "        replica->id = id;\n        replica->epoch = id + 1;\n"),),
        PARTITIONED,
    ),
]

# ---- Threads and replicas come and go: R1 and section 7 ----

REPLICA_MUTANTS = [
    Mutant(
        "publish-without-collectors", "R1",
        "a replica is published without the logs' collector locks",
        (Edit(REPLICA,
              "    for (unsigned k = 0; k < nr->config.logs; k++)\n"
              "        nr_lock(&nr->logs[k].collector);\n"
              "    nr_store(&nr->replicas[id], replica, release);\n"
              "    for (unsigned k = 0; k < nr->config.logs; k++)\n"
              "        nr_unlock(&nr->logs[k].collector);\n",
              "    nr_store(&nr->replicas[id], replica, release);\n"),),
        (RULES, "a_new_replica_keeps_what_it_has_to_apply"),
    ),
    Mutant(
        "clone-unlocked", "S7",
        "a replica is cloned while its source goes on",
        (
            Edit(REPLICA,
                 "        (void)nr_lanes_lock(source->lanes, nr_all_logs(nr));\n"
                 "        int before = nr_port_affinity(node);\n"
                 "        status = add_frozen(replica, source);",
                 "        int before = nr_port_affinity(node);\n"
                 "        status = add_frozen(replica, source);"),
            Edit(REPLICA, "            shell_put(replica);\n        lanes_release(source);\n",
                 "            shell_put(replica);\n"),
        ),
        MAP,
    ),
    Mutant(
        "clone-thought-current", "S7",
        "a new replica starts at the logs' tails, ahead of what it was copied from",
        (Edit(REPLICA, "source ? nr_load(&source->lanes[k].ltail, relaxed) : 0, release);",
              "source ? nr_load(&lane->log->tail, relaxed) : 0, release);"),),
        MAP,
    ),
    Mutant(
        "remove-leaves-scans", "S7",
        "a replica is removed before it has answered the scans of its threads",
        (Edit(REPLICA, "        run_scans(victim);\n        retire(victim);\n",
              "        retire(victim);\n"),),
        PARTITIONED,
    ),
    Mutant(
        "remove-beside-readers", "S7",
        "a replica is removed while readers are inside",
        (Edit(REPLICA, "        nr_writer_lock(&victim->lanes[k]);\n",
              "        nr_store(&victim->lanes[k].writer, 1, seq_cst);\n"),),
        MAP,
    ),
    Mutant(
        "remove-lets-readers-in", "S7",
        "the lanes of a removed replica are open to readers",
        (Edit(REPLICA, "        nr_writer_lock(&victim->lanes[k]);\n",
              "    {\n"
              "        nr_writer_lock(&victim->lanes[k]);\n"
              "        nr_writer_unlock(&victim->lanes[k]);\n"
              "    }\n"),),
        MAP,
    ),
    Mutant(
        "remove-wakes-nobody", "S7",
        "threads that sleep on a removed replica's locks are not woken",
        (Edit(REPLICA, "        nr_port_wake(&victim->lanes[k].lock);\n", "        ;\n"),),
        MAP,
    ),
    Mutant(
        "shell-reused-early", "S7",
        "a removed replica's shell is used again while threads have not left it",
        (Edit(REPLICA, "        if (replica->users)\n            continue;\n", ""),),
        MAP,
    ),
]

# ---- The determinism guard: section 8 ----

GUARD_MUTANTS = [
    Mutant(
        "guard-remembers", "S8",
        "an entry keeps its digest when the log wraps around",
        (Edit(ENGINE,
              "    atomic_store_explicit(&entry->digest, 0, memory_order_relaxed);\n", ""),),
        MAP,
    ),
    Mutant(
        "guard-blind", "S8",
        "the guard takes every answer for the first",
        (Edit(LANE, "!nr_cas(&entry->digest, &first, digest, relaxed) && first != digest)",
              "!nr_cas(&entry->digest, &first, digest, relaxed) && 0)"),),
        (BASIC, "the_guard_names_the_operation_on_which_a_replica_diverged"),
    ),
]

# ---- Memory orders ----


def weakened(name, rule, breaks, file, old, new):
    return Mutant(name, rule, breaks, (Edit(file, old, new),), (THREADS, None), sanitize="thread")


ORDER_MUTANTS = [
    Mutant("none", "-", "nothing: the sanitizer must not complain of the program without a bug", (),
           (THREADS, None), sanitize="thread"),
    weakened("publish-relaxed", "L2", "an entry may be seen alive before the operation is in it",
             ENGINE, "    nr_store(&entry->meta, nr_log_alive(log, pos), release);",
             "    nr_store(&entry->meta, nr_log_alive(log, pos), relaxed);"),
    weakened("alive-relaxed", "L2", "an entry may be read before it is seen alive",
             ENGINE, "    uint32_t meta = nr_load(&entry->meta, acquire);",
             "    uint32_t meta = nr_load(&entry->meta, relaxed);"),
    weakened("unlock-relaxed", "M2", "a lane may be seen free before its holder has left",
             ENGINE, "        nr_store(&lane->lock, NR_FREE, release);\n}",
             "        nr_store(&lane->lock, NR_FREE, relaxed);\n}"),
    weakened("submit-relaxed", "S3", "an operation may be collected before it is written",
             THREAD, "nr_store(&thread->submitted, thread->gen << 24 | (uint64_t)k << 16 |"
             " first << 8 | end, release);",
             "nr_store(&thread->submitted, thread->gen << 24 | (uint64_t)k << 16 |"
             " first << 8 | end, relaxed);"),
    weakened("answer-relaxed", "S3", "a thread may see that it is answered before the answer",
             LANE, "taken->gen << 8 | (taken->first + taken->count),\n"
             "                 release);",
             "taken->gen << 8 | (taken->first + taken->count),\n"
             "                 relaxed);"),
    weakened("leave-relaxed", "S4", "a reader may be seen gone before it has read",
             ENGINE, "    type->read(lane->data, query, resp);\n"
             "    nr_store(&thread->reading, 0, release);",
             "    type->read(lane->data, query, resp);\n"
             "    nr_store(&thread->reading, 0, relaxed);"),
    weakened("writer-relaxed", "S4", "a writer may be seen gone before it has written",
             ENGINE, "    nr_store(&lane->writer, 0, release);",
             "    nr_store(&lane->writer, 0, relaxed);"),
    weakened("reclaim-relaxed", "L1", "an entry may be reused before the slowest has read it",
             LOG, "        uint64_t ltail = nr_load(&replica->lanes[k].ltail, acquire);\n"
             "        least =",
             "        uint64_t ltail = nr_load(&replica->lanes[k].ltail, relaxed);\n"
             "        least ="),
]

MUTANTS = [
    *LOG_MUTANTS,
    *CTAIL_MUTANTS,
    *COMBINER_MUTANTS,
    *READER_MUTANTS,
    *SCAN_MUTANTS,
    *REPLICA_MUTANTS,
    *GUARD_MUTANTS,
    *ORDER_MUTANTS,
]
