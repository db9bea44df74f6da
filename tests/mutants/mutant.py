# SPDX-License-Identifier: BSD-2-Clause
"""What a seeded bug is, and the names that the lists of them use."""
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
