# SPDX-License-Identifier: BSD-2-Clause
"""Bugs in the log and its tails."""
from mutant import (
    BASIC, CONCURRENT, ENGINE, LANE, LOG, MAP, MISSES, NR, PARTITIONED, READS, RULES, SCAN, SHOWN,
    Edit, Mutant,
)

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
