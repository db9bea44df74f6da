#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks a Promela model exhaustively with Spin.

    check.py MODEL.pml [-D NAME[=VALUE]]... [--live] [--expect-violation]

Generates the verifier in a temporary directory, runs it, prints what it searched and fails unless the search was
complete and found nothing. With --live the model's ltl property is checked under weak fairness. With
--expect-violation it is the other way round: the model has a seeded bug and the verifier must find it.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DEPTH = 4_000_000  # steps; a deeper search is reported as incomplete
MEMORY = 6000  # MiB of the verifier

# What the verifier prints when it did not search everything.
INCOMPLETE = ("max search depth too small", "out of memory", "Search not completed", "hash table too")


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("-D", action="append", default=[], dest="defines", metavar="NAME[=VALUE]")
    parser.add_argument("--live", action="store_true", help="check the ltl property, weakly fair")
    parser.add_argument("--expect-violation", action="store_true", help="the bug must be found")
    return parser.parse_args()


def run(words, where):
    done = subprocess.run(
        words, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def build(args, where):
    """Compiles the verifier for the model in `where`."""
    defines = [f"-D{name}" for name in args.defines] + (["-DLIVE"] if args.live else [])
    status, text = run(["spin", "-a", *defines, str(args.model.resolve())], where)
    if status:
        sys.exit(f"check.py: spin cannot read {args.model}:\n{text}")
    kind = ["-DNFAIR=5"] if args.live else ["-DSAFETY"]
    flags = ["-O2", "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY}", *kind]
    status, text = run(["gcc", *flags, "-o", "pan", "pan.c"], where)
    if status:
        sys.exit(f"check.py: the verifier of {args.model} does not compile:\n{text}")


def trail(args, where):
    """The steps of the counterexample, for people."""
    defines = [f"-D{name}" for name in args.defines] + (["-DLIVE"] if args.live else [])
    return run(["spin", "-t", "-p", "-g", *defines, str(args.model.resolve())], where)[1]


def copy_trail(args, where):
    """Spin looks for the trail beside the model's name in the current directory."""
    for path in where.glob("*.trail"):
        path.rename(where / f"{args.model.name}.trail")


def main():
    args = options()
    if not shutil.which("spin"):
        sys.exit("check.py: spin is missing: install Debian's package spin")
    with tempfile.TemporaryDirectory() as directory:
        where = pathlib.Path(directory)
        build(args, where)
        mode = ["-a", "-f"] if args.live else []
        _, text = run(["./pan", f"-m{DEPTH}", *mode], where)
        errors = re.search(r"errors: (\d+)", text)
        summary = [
            line.strip() for line in text.splitlines() if re.search(r"errors:|states, stored|memory usage", line)
        ]
        print("\n".join(summary))
        found = errors is not None and int(errors[1]) > 0
        if args.expect_violation:
            if not found:
                sys.exit(f"check.py: the seeded bug was not found:\n{text}")
            print(next((line for line in text.splitlines() if line.startswith("pan:1:")), "violation found"))
            return
        if found or errors is None:
            copy_trail(args, where)
            sys.exit(f"check.py: violation:\n{text}\n{trail(args, where)[-20000:]}")
        for words in INCOMPLETE:
            if words in text:
                sys.exit(f"check.py: the search is incomplete: {words}\n{text}")


if __name__ == "__main__":
    main()
