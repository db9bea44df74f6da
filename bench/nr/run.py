#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""libnr against locks and concurrent hash tables: rates, instructions, COST

Method and reading: docs/benchmarks-nr.md. Each (workload, keys, writes) is one run of nr_bench, in
which all contestants take turns; ratios are taken within a round of turns.
"""
import argparse
import os
import pathlib
import subprocess
import sys

import instructions
import report
import targets
from results import Cell, Results

LOCKS = ["bare", "mutex", "rwlock", "brlock"]
REPLICATED = ["nr-r1", "nr-r1-keep", "nr-r2"]
LOGS = [f"cnr-r{replicas}-l{logs}" for replicas in (1, 2) for logs in (1, 2, 4, 8)]
OTHERS = ["sharded", "lfht", "ck_ht"]
LABELS = {
    "map": LOCKS + REPLICATED + LOGS + OTHERS,
    "vspace": LOCKS + REPLICATED,
    "stack": LOCKS + REPLICATED,
}
SHARES = (0, 10, 50, 80, 100)
FULL = (
    [Cell("map", keys, writes) for keys in (10**4, 10**6) for writes in SHARES]
    + [Cell("vspace", 10**5, writes) for writes in (0, 10, 50, 100)]
    + [Cell("stack", 10**3, writes) for writes in (10, 100)]
)
QUICK = (
    [Cell("map", 10**4, writes) for writes in SHARES]
    + [Cell("vspace", 10**4, 10)]
    + [Cell("stack", 10**3, 100)]
)
# Share of disturbed windows up to which the medians hold.
TOLERABLE = 0.1
# Large tables lie in huge pages for everybody, not by the luck of their size.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--build-dir", metavar="DIR", type=pathlib.Path, required=True, help="a build tree")
    add("--quick", action="store_true", help="fewer cells, shorter windows")
    add("--csv", metavar="FILE", help="write every window's figures to FILE")
    add("--report", metavar="FILE", type=pathlib.Path, help="write the page of results to FILE")
    add("--plots", metavar="DIR", type=pathlib.Path, help="where plots go (beside the page)")
    add("--only", metavar="WORD", help="a workload, or WORKLOAD:KEYS, or WORKLOAD:KEYS:WRITES")
    add("--threads", metavar="N,..", default="1,2,4,8", help="numbers of threads (1,2,4,8)")
    add("--rounds", metavar="N", type=int, help="rounds of turns (7; quick: 5)")
    add("--window", metavar="MS", type=int, help="length of a window (50; quick: 15)")
    add("--zipf", metavar="THETA", default="0", help="skew of the keys (0: uniform)")
    add("--no-instructions", action="store_true", help="do not count instructions")
    add(
        "--launcher",
        metavar="COMMAND",
        default="",
        help="put in front of each measuring program: 'numactl -m 0', 'nice -n -15'",
    )
    return parser.parse_args(argv)


def plots_directory(args):
    return args.plots or (args.report.parent if args.report else args.build_dir) / "plots"


def chosen_cells(args):
    cells = QUICK if args.quick else FULL
    if not args.only:
        return list(cells)
    parts = args.only.split(":")
    matching = [cell for cell in FULL if [str(word) for word in cell[: len(parts)]] == parts]
    return [cell for cell in matching if cell in cells] or matching


def available(program):
    """(workload, class) of each contestant that was built."""
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    return {tuple(line.split()) for line in listed.stdout.splitlines()}


def measure_cell(args, program, cell, labels, results):
    command = [*args.launcher.split(), program, "--workload", cell.workload]
    command += ["--keys", str(cell.keys), "--writes", str(cell.writes)]
    command += ["--threads", args.threads, "--zipf", args.zipf, "--contestants", ",".join(labels)]
    command += ["--rounds", str(args.rounds or (5 if args.quick else 7))]
    command += ["--window", str(args.window or (15 if args.quick else 50))]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, env=os.environ | HUGE_PAGES
    )
    if done.returncode:
        sys.exit(f"nr: {report.title_of(cell)}: failed")
    results.add(done.stdout)


class Output:
    """What goes to the terminal goes to the page too."""

    def __init__(self):
        self.page = []

    def heading(self, text):
        print(f"\n{text}")
        self.page.append(f"\n## {text}\n")

    def table(self, header, rows):
        print(report.text_table(header, rows), flush=True)
        self.page.append(report.markdown_table(header, rows) + "\n")

    def say(self, text):
        print(text, flush=True)
        self.page.append(text + "\n")


def show_cell(out, results, cell, labels):
    out.heading(report.title_of(cell) + ", million operations / s: median (min-max)")
    out.table(*report.rates_table(results, cell, labels))
    if any(row["misses_per_op"] for row in results.rows):
        out.table(*report.misses_table(results, cell, labels))


def show_quality(out, results, processors):
    for note in dict.fromkeys(results.notes):
        out.say(f"{note}; cache misses are not counted.")
    bad, total = results.disturbed(processors)
    out.say(f"{bad} of {total} windows with a processor for each thread were disturbed by others.")
    if bad > total * TOLERABLE:
        out.say("That is too much: the figures above say nothing. Repeat it on a quiet machine.")


def write_page(path, out, drawn):
    names = [(file.stem, os.path.relpath(file, path.parent)) for file in drawn]
    pictures = "".join(f"\n![{name}]({where})\n" for name, where in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    intro = "# Results of the suite nr\n\nWritten by `./nrk bench nr --report FILE`; "
    intro += "[how it is measured and how to read it](../benchmarks-nr.md).\n\n"
    path.write_text(intro + "\n".join(out.page) + pictures, encoding="utf-8")


def show_instructions(args, out, program):
    counts = None if args.no_instructions else instructions.measure(program)
    out.heading("Instructions per operation beyond the bare map, one thread")
    if counts:
        out.table(*report.instructions_table(counts))
    else:
        out.say("not counted" if args.no_instructions else "valgrind is not installed")
    return counts


def main(argv):
    args = parse(argv)
    program = args.build_dir.resolve() / "bench" / "nr" / "nr_bench"
    built = available(program)
    processors = len(os.sched_getaffinity(0))
    results, out = Results(), Output()
    out.say(f"{report.machine()}; {processors} processors.")

    def labels_of(cell):
        return [one for one in LABELS[cell.workload] if (cell.workload, one.split("-")[0]) in built]

    for cell in chosen_cells(args):
        measure_cell(args, program, cell, labels_of(cell), results)
        show_cell(out, results, cell, labels_of(cell))
    counts = show_instructions(args, out, program)
    drawn = report.draw_rates(results, labels_of, plots_directory(args))
    out.heading("Targets")
    found = targets.evaluate(results, counts, processors)
    out.table(*report.targets_table(found))
    show_quality(out, results, processors)
    for path in drawn:
        print(f"plot: {path}")
    if args.csv:
        results.write_csv(args.csv)
    if args.report:
        write_page(args.report, out, drawn)


if __name__ == "__main__":
    main(sys.argv[1:])
