#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks a Promela model exhaustively with Spin.

    check.py MODEL.pml [-D NAME[=VALUE]]... [--live] [--expect PROPERTY] [--reached FILE]

Generates the verifier in a temporary directory, runs it, prints what it searched and fails unless the
search was complete and found nothing. With --live the model's ltl property is checked, weakly fair.
With --expect it is the other way round: the model has a seeded bug, and a violation of just this
property must be found. An assertion's property is named by the comment behind it, as in
`assert(head <= tail); /* bounds */`; that somebody waits for ever is `deadlock`, and with --live
`answered`. With --reached the file tells reached.py which statements the search executed.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

DEPTH = 4_000_000  # steps; a deeper search is reported as incomplete
MEMORY = 3000  # MiB of the verifier

# What the verifier prints when it did not search everything.
INCOMPLETE = (
    "max search depth too small",
    "reached -DMEMLIM bound",
    "out of memory",
    "Search not completed",
    "hash table too",
)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("-D", action="append", default=[], dest="defines", metavar="NAME[=VALUE]")
    parser.add_argument("--live", action="store_true", help="check the ltl property, weakly fair")
    parser.add_argument("--expect", metavar="PROPERTY", help="the bug must violate this one")
    parser.add_argument("--reached", type=pathlib.Path, metavar="FILE", help="for reached.py")
    args = parser.parse_args()
    args.model = args.model.resolve()
    text = args.model.read_text()
    for name in args.defines:
        if not re.search(rf"\b{re.escape(name.partition('=')[0])}\b", text):
            sys.exit(f"check.py: {args.model.name} knows no {name}")
    args.words = [f"-D{name}" for name in args.defines] + (["-DLIVE"] if args.live else [])
    return args


def run(words, where):
    done = subprocess.run(
        words, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def preprocess(args, where):
    """Leaves in `where` the model as Spin is to see it, each line where it is in the source.

    Spin's own preprocessing leaves line markers, and these it overlooks in the bodies of inlines.
    """
    status, text = run(["gcc", "-E", "-x", "c", "-undef", *args.words, str(args.model)], where)
    if status:
        sys.exit(f"check.py: {args.model} cannot be preprocessed:\n{text}")
    lines, wanted = [], False
    for line in text.splitlines():
        if marker := re.match(r'# (\d+) "(.*)"', line):
            wanted = marker[2] == str(args.model)
            if wanted:
                lines += [""] * (int(marker[1]) - 1 - len(lines))
        elif wanted:
            lines.append(line)
    (where / args.model.name).write_text("\n".join(lines) + "\n")


def build(args, where):
    """Compiles the verifier for the model in `where`."""
    preprocess(args, where)
    status, text = run(["spin", "-Pcat", "-a", args.model.name], where)
    if status or not (where / "pan.c").exists():
        sys.exit(f"check.py: spin cannot read {args.model}:\n{text}")
    kind = ["-DNFAIR=5"] if args.live else ["-DSAFETY"]
    speed = "-O0" if args.expect else "-O1"  # a bug is found before optimizing has paid
    flags = [speed, "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY}", *kind]
    status, text = run(["gcc", *flags, "-o", "pan", "pan.c"], where)
    if status:
        sys.exit(f"check.py: the verifier of {args.model} does not compile:\n{text}")


def search(args, where):
    """Runs the verifier; returns what it printed."""
    start = time.monotonic()
    _, text = run(["./pan", f"-m{DEPTH}", *(["-a", "-f"] if args.live else [])], where)
    states = re.search(r"(\d+) states, stored", text)
    depth = re.search(r"depth reached (\d+)", text)
    memory = re.search(r"([\d.]+)\s+total actual memory usage", text)
    if not (states and depth and memory):
        sys.exit(f"check.py: the verifier of {args.model} failed:\n{text}")
    print(
        f"{states[1]} states, depth {depth[1]},",
        f"{float(memory[1]):.0f} MiB, {time.monotonic() - start:.1f} s",
    )
    return text


def counterexample(args, where):
    """The steps to the violation, for people; the last ones name the statement."""
    return run(["spin", "-Pcat", "-t", "-p", "-g", args.model.name], where)[1]


def violated(args, text, steps):
    """The name of the violated property."""
    if "pan:1: invalid end state" in text:
        return "deadlock"
    if "pan:1: acceptance cycle" in text:
        return "answered"
    line = re.search(r":(\d+), Error: assertion violated", steps)
    source = args.model.read_text().splitlines()[int(line[1]) - 1] if line else ""
    name = re.search(r"assert\(.*/\* (\w+) \*/", source)
    return name[1] if name else f"unnamed: {source.strip()}"


def judge(args, where, text):
    """Exits unless the search went as it should."""
    if re.search(r"errors: 0\b", text):
        for words in INCOMPLETE:
            if words in text:
                sys.exit(f"check.py: the search is incomplete: {words}\n{text}")
        if args.expect:
            sys.exit(f"check.py: the seeded bug was not found:\n{text}")
        return
    steps = counterexample(args, where)
    found = violated(args, text, steps)
    if found != args.expect:
        sys.exit(f"check.py: violation: {found}\n{steps[-20000:]}\n{text}\nviolation: {found}")
    print(f"found as expected: {found}, {len(re.findall(r'(?m)^ *[0-9]+:', steps))} steps")


def states_by_line(where):
    """What makes a state of the verifier the same in each configuration: by process, then by number."""
    header, source = (where / "pan.h").read_text(), (where / "pan.c").read_text()
    states = {}
    for number, process in re.findall(r"#define _nstates(\d+)\s+\d+\s*/\* (\S+) \*/", header):
        table = re.search(rf"short src_ln{number} \[\] = {{(.*?)}}", source, re.S)
        lines = [int(line) for line in re.findall(r"\d+", table[1])] if table else []
        rank = {}
        states[process.strip(":")] = names = []
        for line in lines:
            rank[line] = rank.get(line, 0) + 1
            names.append((line, rank[line]))
    return states


def write_reached(args, where, text):
    """Writes which statements were executed, and which were not: [process, line, rank in it]."""
    states = states_by_line(where)
    reached, missed, process = set(), set(), None
    for line in text.splitlines():
        if begin := re.match(r"unreached in (?:proctype )?(\S+)$", line):  # not the claim of --live
            process = begin[1]
            reached |= {(process, *state) for state in states[process]}
        elif process and (state := re.search(r", state (\d+), ", line)):
            missed.add((process, *states[process][int(state[1])]))
        elif line.startswith("unreached in"):
            process = None
    reached -= missed
    what = {"reached": sorted(reached), "missed": sorted(missed)}
    args.reached.write_text(json.dumps(what))


def main():
    args = options()
    if not shutil.which("spin"):
        sys.exit("check.py: spin is missing: install Debian's package spin")
    with tempfile.TemporaryDirectory() as directory:
        where = pathlib.Path(directory)
        build(args, where)
        text = search(args, where)
        judge(args, where, text)
        if args.reached:
            write_reached(args, where, text)


if __name__ == "__main__":
    main()
