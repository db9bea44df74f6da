#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Seeds bugs in libnr, one at a time, and demands that the test named for each finds it.

    run_mutants.py --build BUILD [--ninja NINJA] [--jobs N] [NAME...]

The bugs are the list in mutants.py. Works on copies of the sources below the build directory; that
of a mutant which was not found stays there, with the output of the test.
"""
import argparse
import concurrent.futures
import functools
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import rebuild
from mutants import MUTANTS
from rebuild import Broken

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("lib", "tests/lin", "tests/unit/nr")
MODELS = "tests/model/CMakeLists.txt"
SECONDS = 120  # for one program: many times what the slowest takes that finds nothing
PASSES = "the test passes"
# How a found bug shows, most telling first: the history, the scheduler, the program, cmocka.
SIGNS = (
    r"not linearizable", r"WARNING: ThreadSanitizer: (data race)", r"points: failed (.+)",
    r"livelock", r"deadlock", r"outside of a run",
    r"\d blocks leaked", r"written after it was freed", r"Segmentation fault",
    r"ERROR +\] --- (.+)",
)


@dataclass(frozen=True)
class Verdict:
    right: bool  # the mutant is caught, or the control passes
    how: str
    test: str = None  # that failed, or should have
    seconds: float = 0  # of the test alone


def stale(mutant):
    """Why the entry no longer fits the tree; None if it does."""
    for edit in mutant.edits:
        times = (ROOT / edit.file).read_text().count(edit.old)
        if times != 1:
            return (f"{edit.file} has this text {times} times, not once:\n{edit.old}"
                    "  Look what has become of it and seed the same bug there.")
    switch = (mutant.model or "").removeprefix("mutant_").upper()
    if switch and f"nrk_model_mutant({switch} " not in (ROOT / MODELS).read_text():
        return f"{MODELS} has no {mutant.model}.\n  Name the model that has the bug now, or none."
    return None


def seed_bug(mutant, work):
    shutil.rmtree(work, ignore_errors=True)
    for name in COPIED:
        shutil.copytree(ROOT / name, work / name)
    for edit in mutant.edits:
        path = work / edit.file
        path.write_text(path.read_text().replace(edit.old, edit.new))


def symptom(status, output):
    """How the bug showed, and where."""
    found = next((m for m in (re.search(sign, output) for sign in SIGNS) if m), None)
    sign = found.group(found.lastindex or 0)[:52] if found else f"exit status {status}"
    seed = re.search(r"failed; replay with .*NRK_SEED=(\d+)", output)
    return sign + (f", seed {seed.group(1)}" if seed else "")


def judge(mutant, status, output, seconds):
    """What the output of the mutant's program says of its test."""
    failed = re.findall(r"^\[  FAILED  \] (\w+)$", output, re.MULTILINE)
    if status and not failed:  # a sanitizer ends the program in the middle of a test
        failed = re.findall(r"^\[ RUN +\] (\w+)$", output, re.MULTILINE)[-1:]
    test = mutant.test[1] or next(iter(failed), None)
    if test in failed:
        return Verdict(True, symptom(status, output), test, seconds)
    if status:
        return Verdict(False, f"other tests fail: {symptom(status, output)}", test, seconds)
    passes = not test or re.search(rf"^\[ +OK \] {test}$", output, re.MULTILINE)
    return Verdict(False, PASSES if passes else "there is no such test", test, seconds)


@functools.cache
def launcher(sanitizer):
    """What stands in front of a program: ThreadSanitizer gives up where the kernel randomises more
    address bits than it knows."""
    words = ["setarch", "--addr-no-randomize"]
    works = sanitizer == "thread" and rebuild.run([*words, "true"]).returncode == 0
    return words if works else []


def run_test(mutant, program, work):
    start = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NRK_")}
    environment["TSAN_OPTIONS"] = "halt_on_error=1"
    if mutant.test[1]:
        environment["NRK_TEST"] = mutant.test[1]
    try:
        result = rebuild.run([*launcher(mutant.sanitize), program], timeout=SECONDS,
                             env=environment)
    except subprocess.TimeoutExpired:
        how = f"TIME-OUT after {SECONDS} s" + ("" if mutant.hangs else ", not expected")
        return Verdict(mutant.hangs, how, mutant.test[1], SECONDS)
    (work / "output.txt").write_text(result.stdout)
    return judge(mutant, result.returncode, result.stdout, time.monotonic() - start)


def try_mutant(mutant, tree, area):
    work = area / mutant.name
    try:
        seed_bug(mutant, work)
        program = tree.rebuild(mutant.test[0], {edit.file for edit in mutant.edits}, work,
                               mutant.sanitize)
        verdict = run_test(mutant, program, work)
    except Broken as err:
        return Verdict(False, f"broken: {err}")
    if not mutant.edits:
        verdict = replace(verdict, right=verdict.how == PASSES)
    if verdict.right:
        shutil.rmtree(work)
    return verdict


def print_row(*cells):
    print("{:6} | {:27} | {:4} | {:83} | {:>7} | {:62} | {}".format(*cells), flush=True)


def print_verdict(mutant, verdict):
    result = "caught" if mutant.edits else "passes"
    by = f"{mutant.test[0]} {verdict.test or mutant.test[1] or ''}"
    by += f", model_{mutant.model}" if mutant.model else ""
    print_row(result if verdict.right else "MISSED", mutant.name, mutant.rule, mutant.breaks,
              f"{verdict.seconds:.1f} s", verdict.how, by)


def check_entries(chosen):
    """Prints what is wrong with the list itself; the number of such entries."""
    bad = 0
    for mutant in chosen:
        reason = stale(mutant)
        if reason:
            print(f"STALE: {mutant.name} in tests/mutants: {reason}", flush=True)
            bad += 1
    return bad


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="build tree, up to date")
    parser.add_argument("--ninja", default="ninja", help="the program (default: ninja)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time (default: 2)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    args = parser.parse_args()
    unknown = set(args.names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    return args


def main():
    args = options()
    chosen = [m for m in MUTANTS if not args.names or m.name in args.names]
    if check_entries(chosen):
        return 1
    start = time.monotonic()
    build = args.build.resolve()
    tree = rebuild.BuildTree(ROOT, build, args.ninja)
    for name in sorted({mutant.test[0] for mutant in chosen}):
        tree.program(name)
    print_row("", "mutant", "rule", "what it breaks", "time", "how it showed", "caught by")
    right = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        tries = [(m, pool.submit(try_mutant, m, tree, build / "mutants")) for m in chosen]
        for mutant, future in tries:
            verdict = future.result()
            right += verdict.right
            print_verdict(mutant, verdict)
    print(f"{right} of {len(chosen)} as they must be, in {time.monotonic() - start:.0f} s")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
