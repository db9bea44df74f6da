# SPDX-License-Identifier: BSD-2-Clause
"""The bugs that the tests of libnr must find, as edits of the real source.

The old text of an edit must occur exactly once in its file, so a source that has changed asks for
its mutants to be looked at. Weakened memory orders, most of which change nothing in a program for
x86, are left to ThreadSanitizer, which sees the missing order wherever plain data depend on it.
Rule M5 is out of its reach: that is about the order of atomic accesses only."""
from bugs_checks import GUARD_MUTANTS, ORDER_MUTANTS
from bugs_lanes import COMBINER_MUTANTS, READER_MUTANTS
from bugs_logs import CTAIL_MUTANTS, LOG_MUTANTS
from bugs_replicas import REPLICA_MUTANTS, SCAN_MUTANTS

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
