#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the configurations of a model together execute each of its statements.

    reached.py MODEL.pml FILE...

The files are what check.py --reached wrote. A statement that no configuration is meant to execute has
`unreached:` and the reason in a comment on its line.
"""
import json
import pathlib
import sys


def main():
    model = pathlib.Path(sys.argv[1])
    reached, missed = set(), set()
    for name in sys.argv[2:]:
        what = json.loads(pathlib.Path(name).read_text())
        reached |= {tuple(state) for state in what["reached"]}
        missed |= {tuple(state) for state in what["missed"]}
    text = model.read_text().splitlines()
    excused = {number for number, line in enumerate(text, 1) if "unreached:" in line}
    lines = {(process, line) for process, line, _ in missed - reached}
    bad = 0
    for process, line in sorted(lines, key=lambda where: where[1]):
        if line not in excused:
            print(f"{model.name}:{line}: never executed by {process}: {text[line - 1].strip()}")
            bad = 1
    for line in sorted(excused - {line for _, line in lines}):
        print(f"{model.name}:{line}: executed, or no statement: {text[line - 1].strip()}")
        bad = 1
    if not bad:
        print(f"{model.name}: {len(reached)} states reached, {len(excused)} excused")
    return bad


if __name__ == "__main__":
    sys.exit(main())
