# SPDX-License-Identifier: BSD-2-Clause
"""Bugs in scans, and where threads and replicas come and go."""
from mutant import ENGINE, MAP, PARTITIONED, REPLICA, RULES, SCAN, Edit, Mutant

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
