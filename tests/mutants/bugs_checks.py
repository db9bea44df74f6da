# SPDX-License-Identifier: BSD-2-Clause
"""Bugs in the determinism guard, and weakened memory orders."""
from mutant import BASIC, ENGINE, LANE, LOG, MAP, THREAD, THREADS, Edit, Mutant

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
