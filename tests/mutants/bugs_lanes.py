# SPDX-License-Identifier: BSD-2-Clause
"""Bugs in combining, mailboxes, and the readers-writer lock."""
from mutant import (
    BASIC, ENGINE, EXCLUDE, LANE, LOG, MAP, REPLICA, RULES, SCAN, SUBMISSIONS, THREAD, Edit,
    Mutant,
)

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
