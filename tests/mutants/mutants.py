# SPDX-License-Identifier: BSD-2-Clause
"""The bugs that the tests of libnr must find, as edits of the real source.

An edit is (file, exact old text, new text); the old text must occur exactly once, so a source that
has changed asks for its mutants to be looked at. `model` names the Spin model below tests/model and
the macro that seeds the same bug there."""
from dataclasses import dataclass

ENGINE = "lib/nr/include/nr/engine.h"
LANE = "lib/nr/lane.c"
LOG = "lib/nr/log.c"
NR = "lib/nr/nr.c"
REPLICA = "lib/nr/replica.c"
SCAN = "lib/nr/scan.c"
THREAD = "lib/nr/thread.c"


@dataclass(frozen=True)
class Mutant:
    name: str
    bug: str  # what it does, in a sentence
    edits: tuple
    model: tuple = None
    test: str = "*"  # the tests that find it soonest


MUTANTS = [
    Mutant(
        "ctail-too-early",
        "a read uses the completed tail that the thread's previous read loaded",
        (
            (ENGINE, "    uint64_t gen;\n    struct nr_replica *home;",
             "    uint64_t gen;\n    uint64_t stale[NR_MAX_LOGS];\n    struct nr_replica *home;"),
            (ENGINE,
             "    uint64_t ctail = nr_load(&lane->log->ctail, acquire);\n    if (nr_likely(!",
             "    uint64_t ctail = thread->stale[k];\n"
             "    thread->stale[k] = nr_load(&lane->log->ctail, acquire);\n    if (nr_likely(!"),
        ),
        ("reader.pml", "CTAIL_EARLY"),
    ),
    Mutant(
        "ctail-after-unlock",
        "a combiner advances the completed tail after it has let readers in",
        (
            (ENGINE,
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
             "        nr_log_complete(lane->log, first + n);\n"),
        ),
        test="reads_see*",
    ),
    Mutant(
        "ctail-after-apply",
        "for a concurrent type the completed tail is advanced only after applying",
        (
            (ENGINE,
             "        if (type->concurrent)\n"
             "            nr_log_complete(lane->log, first + n);\n"
             "    }\n"
             "    if (!type->concurrent)\n"
             "        nr_writer_lock(lane);\n",
             "    }\n"
             "    if (!type->concurrent)\n"
             "        nr_writer_lock(lane);\n"),
            (ENGINE,
             "        nr_store(&lane->ltail, first + n, release);\n"
             "        if (!type->concurrent)\n"
             "            nr_log_complete(lane->log, first + n);\n",
             "        nr_store(&lane->ltail, first + n, release);\n"
             "        nr_log_complete(lane->log, first + n);\n"),
        ),
        ("reader.pml", "CTAIL_AFTER_APPLY"),
        test="reads_see*",
    ),
    Mutant(
        "no-alive-flip",
        "the alive bit means the same in every generation of the log",
        ((ENGINE, "return (uint32_t)(~(pos >> log->shift) & NR_META_ALIVE);",
          "return (void)log, (void)pos, NR_META_ALIVE;"),),
        ("log.pml", "NO_ALIVE_FLIP"),
    ),
    Mutant(
        "gc-off-by-one",
        "collecting frees one entry that the slowest replica has not applied",
        ((LOG, "nr_store(&log->head, least, release);", "nr_store(&log->head, least + 1, release);"),),
        ("log.pml", "GC_OFF_BY_ONE"),
    ),
    Mutant(
        "scan-takes-reserve",
        "operations may take the last entry, which is kept back for scans",
        ((NR, "log->limit = nr->type->op_logs ? entries - 1 : entries;", "log->limit = entries;"),),
        test="a_partitioned*",
    ),
    Mutant(
        "ltail-before-apply",
        "a lane announces operations as applied before it has read their entries",
        ((ENGINE,
          "    uint64_t from = nr_load(&lane->ltail, relaxed);\n    uint64_t pos = from;\n    for (",
          "    uint64_t from = nr_load(&lane->ltail, relaxed);\n    uint64_t pos = from;\n"
          "    nr_store(&lane->ltail, upto, release);\n    for ("),),
    ),
    Mutant(
        "help-without-lock",
        "a helper advances another replica's lane without its lock",
        ((LOG, "    if (!nr_lane_trylock(lane))\n        return;\n    nr_count(&lane->helped, 1);",
          "    nr_count(&lane->helped, 1);"),),
        ("log.pml", "HELP_WITHOUT_LOCK"),
    ),
    Mutant(
        "reader-order",
        "a reader looks at the writer flag before it raises its own",
        ((ENGINE,
          "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
          "        if (nr_likely(!nr_load(&lane->writer, seq_cst)))\n"
          "            return lane;\n"
          "        nr_store(&thread->reading, 0, release);\n",
          "        bool writer = nr_load(&lane->writer, seq_cst);\n"
          "        nr_store(&thread->reading, UINT64_C(1) << k, seq_cst);\n"
          "        if (nr_likely(!writer))\n"
          "            return lane;\n"
          "        nr_store(&thread->reading, 0, release);\n"),),
        ("reader.pml", "READER_ORDER"),
    ),
    Mutant(
        "writer-does-not-wait",
        "a writer does not wait for the readers inside",
        ((LANE, "for (unsigned spins = 0; nr_load(&thread->reading, seq_cst) >> lane->index & 1; spins++)",
          "for (unsigned spins = 0; 0; spins++)"),),
    ),
    Mutant(
        "collect-without-done",
        "collecting ignores how much of a thread's batch was answered",
        ((LANE, "(uint32_t)(done >> 8 == gen ? done & 0xff : submitted >> 8 & 0xff)",
          "(uint32_t)(submitted >> 8 & 0xff)"),),
    ),
    Mutant(
        "generation-ignored",
        "collecting takes an operation whose owner has gone on to another lane",
        ((LANE, "        if (done >> 8 > gen)\n            continue;\n", ""),),
        ("combiner.pml", "GENERATION_IGNORED"),
        test="submissions*",
    ),
    Mutant(
        "answer-early",
        "a combiner tells threads that they are answered before it has applied their operations",
        (
            (ENGINE,
             "    if (!solo)\n        (void)nr_lane_replay(type, lane, first);\n"
             "    nr_lane_apply(type, lane, op, resp);\n",
             "    if (!solo)\n        (void)nr_lane_replay(type, lane, first);\n"
             "    uint32_t ntaken = lane->ntaken;\n"
             "    nr_lane_answer(lane);\n"
             "    lane->ntaken = ntaken;\n"
             "    nr_lane_apply(type, lane, op, resp);\n"
             "    lane->ntaken = 0;\n"),
        ),
        ("combiner.pml", "ANSWER_EARLY"),
    ),
    Mutant(
        "wake-lost",
        "unlocking a lane leaves its sleepers asleep",
        ((LANE, "    if (nr_exchange(&lane->lock, NR_FREE, release) == NR_HELD_SLEEPERS)\n"
                "        nr_port_wake(&lane->lock);",
          "    nr_store(&lane->lock, NR_FREE, release);"),),
        ("combiner.pml", "WAKE_LOST"),
    ),
    Mutant(
        "full-keeps-lane",
        "a combiner that finds the log full helps others with its own lane locked",
        ((ENGINE,
          "            if (tail + n - lane->head_cache > log->limit && !nr_log_collect(log, lane->replica->nr)) {\n"
          "                nr_count(&lane->log_full, 1);\n"
          "                return NR_NO_SPACE;\n"
          "            }\n",
          "            if (tail + n - lane->head_cache > log->limit)\n"
          "                while (!nr_log_collect(log, lane->replica->nr))\n"
          "                    nr_port_relax(0);\n"),),
        ("log.pml", "FULL_KEEPS_LANE"),
    ),
    Mutant(
        "scan-without-snapshot",
        "a reading scan reads without comparing the lanes with the completed tails",
        ((SCAN, "    bool cut = is_cut(lanes, logs);\n",
          "    bool cut = is_cut(lanes, logs) || true;\n"),),
        ("scan.pml", "NO_SNAPSHOT"),
        test="a_partitioned*",
    ),
    Mutant(
        "scan-not-awaited",
        "a combiner appends although an unexecuted scan stands before its operations",
        ((ENGINE, "    return (mark & 1) || (mark >> 1) > nr_load(&lane->ltail, relaxed);",
          "    return 0 && mark;"),),
        test="a_partitioned*",
    ),
    Mutant(
        "scan-order-ignored",
        "an executor does not let an older scan go first",
        ((SCAN, "if (lane_to_scan(&replica->lanes[j], &met) && met.info.seq < older.info.seq)",
          "if (lane_to_scan(&replica->lanes[j], &met) && 0)"),),
        test="a_partitioned*",
    ),
    Mutant(
        "scan-twice",
        "an executor does not look whether the scan has been executed meanwhile",
        ((SCAN, "    if (nr_load(&found->ltail, relaxed) <= scan->pos)\n        return true;\n",
          "    return true;\n"),),
        test="a_partitioned*",
    ),
    Mutant(
        "publish-without-collectors",
        "a replica is published without the logs' collector locks",
        ((REPLICA,
          "    for (unsigned k = 0; k < nr->config.logs; k++)\n"
          "        nr_lock(&nr->logs[k].collector);\n"
          "    nr_store(&nr->replicas[id], replica, release);\n"
          "    for (unsigned k = 0; k < nr->config.logs; k++)\n"
          "        nr_unlock(&nr->logs[k].collector);\n",
          "    nr_store(&nr->replicas[id], replica, release);\n"),),
        ("log.pml", "COLLECT_UNLOCKED"),
        test="replicas_come*",
    ),
    Mutant(
        "clone-unlocked",
        "a replica is cloned while its source goes on",
        (
            (REPLICA,
             "        (void)nr_lanes_lock(source->lanes, nr_all_logs(nr));\n"
             "        int before = nr_port_affinity(node);\n"
             "        status = add_frozen(replica, source);",
             "        int before = nr_port_affinity(node);\n"
             "        status = add_frozen(replica, source);"),
            (REPLICA, "            shell_put(replica);\n        lanes_release(source);\n",
             "            shell_put(replica);\n"),
        ),
    ),
    Mutant(
        "solo-stays",
        "the first replica goes on without the log when a second one comes",
        ((REPLICA, "    set_solo(source, false);\n", ""),),
    ),
    Mutant(
        "alone-stays",
        "a replica's first thread goes on alone when a second one registers",
        ((REPLICA, "    uint32_t alone = replica->threads == 1 ? NR_MODE_ALONE : 0;",
          "    uint32_t alone = replica->threads == 1 ? NR_MODE_ALONE : replica->lanes->mode & NR_MODE_ALONE;"),),
    ),
    Mutant(
        "unregister-in-passing",
        "a thread's memory is freed without passing through the lanes",
        ((THREAD, "    nr_replica_pass_lanes(home); /* nobody holds our pointer any more */\n", ""),),
    ),
    Mutant(
        "sync-takes-admin",
        "nr_sync_replica takes the admin lock, whose holder may wait for a scan that waits for it",
        (
            (NR, "    struct nr_replica *replica = nr_replica_find(nr, id);\n"
                 "    for (unsigned k = 0; replica && k < nr->config.logs; k++) {\n"
                 "        struct nr_lane *lane = &replica->lanes[k];\n"
                 "        uint64_t upto",
             "    nr_lock(&nr->admin);\n"
             "    struct nr_replica *replica = nr_replica_find(nr, id);\n"
             "    for (unsigned k = 0; replica && k < nr->config.logs; k++) {\n"
             "        struct nr_lane *lane = &replica->lanes[k];\n"
             "        uint64_t upto"),
            (NR, "    return replica ? NR_OK : NR_EINVAL;\n}\n\nenum nr_status nr_replica_stats",
             "    nr_unlock(&nr->admin);\n"
             "    return replica ? NR_OK : NR_EINVAL;\n}\n\nenum nr_status nr_replica_stats"),
        ),
        test="a_partitioned*",
    ),
]
