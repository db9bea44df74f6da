#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check.py and reached.py, on models of a few lines: what counts as proved, as found, as reached."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

import check
import reached

COUNTER = """
byte n;
active [2] proctype Thread()
{
    byte t;
#ifdef UNLOCKED
    t = n;
    n = t + 1;
#else
    n++;
#endif
    n == 2;
    assert(n == 2); /* complete */
}
"""
ASSERTION = "byte n; active proctype P() { n++; assert(n == 0); /* zero */ }\n"
FOREVER = """
byte n;
active proctype P() { do :: n = 1 - n :: n == 0 -> break od; n = 2 }
ltl answered { <> (n == 2) }
"""
DEAD_CODE = """
byte n = 1;
active proctype P()
{
    if
    :: n == 1
    :: n == LIMIT -> MARK
    fi
}
"""


class Check(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        self.addCleanup(setattr, check, "DEPTH", check.DEPTH)
        check.DEPTH = 10_000
        self.addCleanup(setattr, sys, "argv", sys.argv)

    def run_script(self, script, text, *words):
        """Returns (passed, what was printed)."""
        model = self.directory / "model.pml"
        model.write_text(text)
        sys.argv = [script.__name__, str(model), *words]
        output = io.StringIO()
        try:
            with contextlib.redirect_stdout(output):
                status = script.main()
        except SystemExit as err:
            status = err.code
        return not status, f"{output.getvalue()}\n{status}"

    def passes(self, text, *words, saying=""):
        passed, output = self.run_script(check, text, *words)
        self.assertTrue(passed, output)
        self.assertIn(saying, output)

    def fails(self, text, *words, saying):
        passed, output = self.run_script(check, text, *words)
        self.assertFalse(passed, output)
        self.assertIn(saying, output)

    def test_a_model_without_errors_is_proved(self):
        self.passes(COUNTER, saying="states")

    def test_a_violation_is_named_by_the_comment_behind_the_assertion(self):
        self.fails(ASSERTION, saying="violation: zero")
        self.passes(ASSERTION, "--expect", "zero", saying="found as expected: zero")

    def test_a_deadlock_is_a_violation(self):
        self.fails(COUNTER, "-D", "UNLOCKED", saying="violation: deadlock")
        self.passes(COUNTER, "-D", "UNLOCKED", "--expect", "deadlock")

    def test_an_unanswered_operation_is_a_violation(self):
        self.fails(FOREVER, "--live", saying="violation: answered")
        self.passes(FOREVER, "--live", "--expect", "answered")

    def test_another_violation_than_the_expected_one_does_not_count(self):
        self.fails(COUNTER, "-D", "UNLOCKED", "--expect", "complete", saying="violation: deadlock")

    def test_a_bug_that_is_not_found_does_not_count(self):
        self.fails(COUNTER, "--expect", "complete", saying="was not found")

    def test_a_model_that_is_no_promela_does_not_count(self):
        self.fails("byte n\nactive proctype P( { }\n", "--expect", "deadlock", saying="cannot read")

    def test_an_unknown_switch_is_refused(self):
        self.fails(COUNTER, "-D", "UNLOKED", saying="knows no UNLOKED")

    def test_a_search_that_is_cut_short_proves_and_finds_nothing(self):
        check.DEPTH = 2
        self.fails(COUNTER, saying="incomplete")
        self.fails(COUNTER, "-D", "UNLOCKED", "--expect", "deadlock", saying="incomplete")

    def reached(self, mark, *limits):
        files = []
        for limit in limits:
            files.append(self.directory / f"{limit}.json")
            text = DEAD_CODE.replace("MARK", mark)
            self.run_script(check, text, "-D", f"LIMIT={limit}", "--reached", str(files[-1]))
        return self.run_script(reached, text, *map(str, files))

    def test_a_statement_that_no_configuration_executes_is_reported(self):
        passed, output = self.reached("n = 3", 2)
        self.assertFalse(passed)
        self.assertIn("model.pml:7: never executed by P", output)
        self.assertTrue(self.reached("n = 3", 2, 1)[0])

    def test_an_excuse_counts_as_long_as_it_is_needed(self):
        self.assertTrue(self.reached("n = 3 /* unreached: n is 1 */", 2)[0])
        passed, output = self.reached("n = 3 /* unreached: n is 1 */", 2, 1)
        self.assertFalse(passed)
        self.assertIn("executed, or no statement", output)


if __name__ == "__main__":
    unittest.main()
