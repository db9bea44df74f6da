#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Cost model of libnr: predicted scaling over 1 to 8 sockets; --check compares it with this machine

Assumptions, sources of the parameters and what the model cannot show: docs/benchmarks-nr.md.
"""
import argparse
import collections
import csv
import itertools
import math
import multiprocessing.pool
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "nr"))

import plots  # noqa: E402
import report  # noqa: E402
from results import Cell, Results  # noqa: E402

METHODS = ("nr", "cnr-l4", "nr-r1", "brlock", "mutex", "sharded")
SHARES = (0, 10, 50, 100)
COLUMNS = "method sockets cores threads writes mops same cross hits".split()

Point = collections.namedtuple("Point", "method sockets cores writes")
Predicted = collections.namedtuple("Predicted", "mops same cross")
Topology = collections.namedtuple("Topology", "sockets")  # lists of processors, one of each core


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--build-dir", metavar="DIR", type=pathlib.Path, required=True, help="a build tree")
    add("--quick", action="store_true", help="fewer points")
    add("--check", action="store_true", help="measure here and compare with the prediction")
    add("--csv", metavar="FILE", help="write the figures to FILE")
    add("--report", metavar="FILE", type=pathlib.Path, help="write a page of results to FILE")
    add("--plots", metavar="DIR", type=pathlib.Path, help="where plots go (beside the page)")
    add("--set", metavar="NAME=NS", action="append", default=[], help="a parameter of the machine")
    add("--launcher", metavar="COMMAND", default="", help="put in front of measuring programs")
    return parser.parse_args(argv)


def plots_directory(args):
    return args.plots or (args.report.parent if args.report else args.build_dir) / "plots"


class Model:
    """Runs nr_model and remembers what it said."""

    def __init__(self, program, settings):
        self.program = program
        self.settings = list(settings)
        self.found = {}
        self.rows = []

    def with_settings(self, settings):
        return Model(self.program, self.settings + settings)

    def run(self, point):
        command = [self.program, "--method", point.method, "--sockets", str(point.sockets)]
        command += ["--cores", str(point.cores), "--writes", str(point.writes)]
        for setting in self.settings:
            command += ["--set", setting]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"nr-model: {point}: {done.stderr.strip()}")
        return dict(zip(COLUMNS, done.stdout.strip().split(",")))

    def predict(self, points):
        """Fills found; as many at a time as there are processors."""
        points = [point for point in points if point not in self.found]
        with multiprocessing.pool.ThreadPool(len(os.sched_getaffinity(0))) as pool:
            for point, row in zip(points, pool.imap(self.run, points)):
                self.rows.append(row)
                self.found[point] = Predicted(*(float(row[name]) for name in Predicted._fields))

    def parameters(self):
        command = [self.program]
        for setting in self.settings:
            command += ["--set", setting]
        command.append("--parameters")
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split("=") for line in printed.splitlines()]


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


# ---- Curves --------------------------------------------------------------------------------------


def grid(quick):
    sockets = (1, 2, 4) if quick else (1, 2, 4, 8)
    cores = (1, 4, 12) if quick else (1, 2, 4, 8, 12, 16, 24)
    return sockets, cores


def show_curves(out, model, sockets, cores):
    for writes in SHARES:
        what = f"{writes} % writes, {cores[-1]} threads on each socket"
        out.heading(f"{what}: million operations / s")
        header = ["method", *(f"{n} sockets" for n in sockets), f"{sockets[-1]} / 1"]
        rows = []
        for method in METHODS:
            rates = [model.found[Point(method, n, cores[-1], writes)].mops for n in sockets]
            rows.append([method, *(f"{rate:.1f}" for rate in rates), f"{rates[-1] / rates[0]:.2f}"])
        out.table(header, rows)
    out.heading("Cache line transfers for each operation, within a socket + across")
    shape = (2, cores[-1])
    header = [f"{shape[0]} sockets x {shape[1]}", *(f"{writes} % writes" for writes in SHARES)]
    rows = []
    for method in METHODS:
        found = [model.found[Point(method, *shape, writes)] for writes in SHARES]
        rows.append([method, *(f"{one.same:.2f} + {one.cross:.2f}" for one in found)])
    out.table(header, rows)


def show_sensitivity(out, model, quick):
    """The assumption that matters most: whether a core waits for one missing load at a time."""
    shape = (2, 12)
    out.heading(f"If loads that miss overlap: {shape[0]} sockets x {shape[1]} threads")
    overlaps = (1, 4) if quick else (1, 2, 4)
    found = {}
    for overlap in overlaps:
        other = model.with_settings([f"overlap={overlap}"])
        other.predict([Point(method, *shape, writes) for method in METHODS for writes in (10, 100)])
        found[overlap] = other.found
    pairs = list(itertools.product((10, 100), overlaps))
    rows = []
    for method in METHODS:
        rates = [found[overlap][Point(method, *shape, writes)].mops for writes, overlap in pairs]
        rows.append([method, *(f"{rate:.1f}" for rate in rates)])
    out.table(["method", *(f"{writes} %, overlap {overlap}" for writes, overlap in pairs)], rows)


def draw_curves(model, sockets, cores, directory):
    drawn = []
    for n in sockets:
        panels = []
        for writes in SHARES:
            curves = {}
            for method in METHODS:
                rates = [(c, model.found[Point(method, n, c, writes)].mops) for c in cores]
                curves[method] = [(n * c, rate) for c, rate in rates]
            panels.append((f"{writes} % writes", curves))
        path = directory / f"nr-model-{n}-sockets.svg"
        if plots.draw(path, f"predicted: {n} sockets", "threads", panels):
            drawn.append(path)
    return drawn


# ---- Check against the machine at hand -----------------------------------------------------------


def read_topology():
    """One processor of each core that we may use, by socket."""
    sockets = collections.defaultdict(dict)
    for cpu in sorted(os.sched_getaffinity(0)):
        base = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        package = int((base / "physical_package_id").read_text())
        siblings = (base / "thread_siblings_list").read_text().strip()
        sockets[package].setdefault(siblings, cpu)
    return Topology([list(cores.values()) for _, cores in sorted(sockets.items())])


def probe(args, program, topology):
    """Parameters of this machine, as settings."""
    command = [*args.launcher.split(), program, "--probe"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    values = dict(line.split("=") for line in lines)
    settings = [f"{name}={values[name]}" for name in ("pause", "yield")]
    first = topology.sockets[0][0]
    away = {False: [], True: []}
    for number, cores in enumerate(topology.sockets):
        for cpu in cores:
            time = values.get(f"transfer:{first}:{cpu}")
            if time:
                away[number > 0].append(float(time))
    if away[False]:
        settings.append(f"same={statistics.median(away[False]):.1f}")
    if away[True]:
        settings.append(f"cross={statistics.median(away[True]):.1f}")
        settings.append(f"cross2={max(away[True]):.1f}")
    return settings


def shapes(topology):
    """(sockets, cores) to measure: 1, 2, 4, ... and all cores, on 1, 2, ... sockets."""
    found = []
    for sockets in range(1, len(topology.sockets) + 1):
        most = min(min(len(cores) for cores in topology.sockets), 256 // sockets)
        counts = [n for n in (1, 2, 4, 8, 16, 32) if n < most] + [most]
        found += [(sockets, cores) for cores in counts]
    return found


def label_of(method, sockets):
    return {"nr": f"nr-r{sockets}", "cnr-l4": f"cnr-r{sockets}-l4"}.get(method, method)


def measure(args, program, topology, shape, writes):
    """Rates of all methods in million operations / s."""
    sockets, cores = shape
    cpus = [topology.sockets[s][c] for c in range(cores) for s in range(sockets)]
    labels = {method: label_of(method, sockets) for method in METHODS}
    contestants = list(dict.fromkeys(["bare", *labels.values()]))
    command = [*args.launcher.split(), program, "--workload", "map", "--writes", str(writes)]
    command += ["--threads", str(len(cpus)), "--cpus", ",".join(map(str, cpus))]
    command += ["--rounds", "5", "--window", "15" if args.quick else "40"]
    done = subprocess.run(
        [*command, "--contestants", ",".join(contestants)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    )
    results = Results()
    results.add(done.stdout)
    cell = Cell("map", 10000, writes)
    rates = {method: results.median(cell, label, len(cpus)) for method, label in labels.items()}
    return rates | {"bare": results.median(cell, "bare", 1)}


def check(args, out, model, bench, topology):
    """Fits two parameters to one thread, predicts the rest, and compares."""
    counts = "+".join(str(len(cores)) for cores in topology.sockets)
    out.heading(f"Check on {report.machine()}, cores by socket: {counts}")
    measured = {}
    for shape in shapes(topology):
        for writes in SHARES:
            measured[shape, writes] = measure(args, bench, topology, shape, writes)
    alone = [measured[(1, 1), writes] for writes in SHARES]
    structure = statistics.median(1000 / one["bare"] for one in alone)
    rmw = 1000 / alone[0]["brlock"] - 1000 / alone[0]["bare"]
    fitted = [f"structure={structure:.1f}", f"rmw={max(rmw, 1):.1f}"]
    here = model.with_settings(probe(args, model.program, topology) + fitted)
    out.say("Parameters measured here: " + ", ".join(here.settings[len(model.settings) :]))
    points = [(m, *shape, writes) for (shape, writes), m in itertools.product(measured, METHODS)]
    here.predict([Point(*point) for point in points])
    rows, errors = [], []
    for (shape, writes), rates in measured.items():
        for method in METHODS:
            predicted = here.found[Point(method, *shape, writes)].mops
            ratio = predicted / rates[method] if rates[method] else math.nan
            if rates[method] and shape != (1, 1):
                errors.append(abs(math.log(ratio)))
            rows.append([method, f"{shape[0]} x {shape[1]}", str(writes), f"{rates[method]:.1f}",
                         f"{predicted:.1f}", f"{ratio:.2f}"])
    out.table(["method", "sockets x cores", "writes %", "measured", "predicted", "ratio"], rows)
    if errors:
        typical = math.exp(statistics.median(errors))
        out.say(f"Beyond one thread, predictions are typically off by a factor of {typical:.2f}.")
    return [dict(zip(("method", "shape", "writes", "measured", "predicted", "ratio"), row))
            for row in rows]


# ---- Main ----------------------------------------------------------------------------------------


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def write_page(path, out, drawn):
    names = [(file.stem, os.path.relpath(file, path.parent)) for file in drawn]
    pictures = "".join(f"\n![{name}]({where})\n" for name, where in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    intro = "# Predictions of the cost model of libnr\n\nWritten by `./nrk bench nr-model --report "
    intro += "FILE`; [what it assumes](../benchmarks-nr.md#the-cost-model).\n\n"
    path.write_text(intro + "\n".join(out.page) + pictures, encoding="utf-8")


def predict_curves(args, out, model):
    sockets, cores = grid(args.quick)
    points = itertools.product(METHODS, sockets, cores, SHARES)
    model.predict([Point(*point) for point in points])
    show_curves(out, model, sockets, cores)
    show_sensitivity(out, model, args.quick)
    return draw_curves(model, sockets, cores, plots_directory(args))


def main(argv):
    args = parse(argv)
    build = args.build_dir.resolve() / "bench"
    model, out = Model(build / "nr-model" / "nr_model", args.set), Output()
    out.say("Parameters (ns): " + ", ".join("=".join(pair) for pair in model.parameters()))
    if args.check:
        drawn = []
        rows = check(args, out, model, build / "nr" / "nr_bench", read_topology())
    else:
        drawn = predict_curves(args, out, model)
        rows = model.rows
    for path in drawn:
        print(f"plot: {path}")
    if args.csv:
        write_csv(args.csv, rows)
    if args.report:
        write_page(args.report, out, drawn)


if __name__ == "__main__":
    main(sys.argv[1:])
