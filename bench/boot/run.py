#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot: time from QEMU's start to the first line, all cores, the end; the least memory

Method and columns: docs/benchmarks-boot.md.
"""
import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))

from nrk import accel, qemu  # noqa: E402  (found by the line above)
from nrk.errors import Failure  # noqa: E402

# (cores, runs): large machines take long on small hosts, and vary less.
FULL = ((1, 21), (2, 21), (8, 11), (64, 5), (255, 3))
QUICK = ((1, 2), (2, 2))
# With more of them the least memory is not looked for: on a small host, hundreds of cores that find
# none at the same time need minutes to find that out.
MEMORY_CORES = 64
# The end is QEMU's.
FIRST, CORES, SHUTDOWN, END = "first line", "cores online", "shutdown", "end"
EVENTS = {"floor": (FIRST, END), "nrk": (FIRST, CORES, SHUTDOWN, END)}
# MiB: enough for all these machines; and too little, as the image is loaded at 2 MiB.
ENOUGH, TOO_LITTLE = 256, 2
COLUMNS = "guest cores least_mib runs event median_ms min_ms max_ms".split()


class SmallMachine(qemu.Machine):
    """One that may have too little memory: to find out how much that is."""

    def check(self):
        pass


def watch(machine):
    """Runs a machine; returns its exit code, and event -> seconds since QEMU was started."""
    marks = {FIRST: "\n", CORES: f" {machine.cores} cores online", SHUTDOWN: "[shutdown-request] 0"}
    seen, times = "", {}
    start = time.monotonic()
    with subprocess.Popen(
        machine.argv(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        while data := os.read(process.stdout.fileno(), 65536):
            now = time.monotonic() - start
            seen += data.decode("utf-8", "replace")
            for event, mark in marks.items():
                if event not in times and mark in seen:
                    times[event] = now
        status = process.wait()
    times[END] = time.monotonic() - start
    return qemu.exit_code(status), times


def boot(machine, events):
    """Runs a machine that has to come through its boot, and returns the times of the events."""
    code, times = watch(machine)
    if code != 0 or set(times) != set(events):
        raise Failure(f"only {sorted(times)}, exit code {code}: {' '.join(machine.argv())}")
    return times


def guests(args, cores):
    """Guest -> machine; both have the same hardware."""
    kernel, _ = accel.choose(args.accel, args.build_dir / "kernel" / "accel_probe.elf")
    common = {"cores": cores, "memory": args.memory, "accel": kernel.accel, "cpu": kernel.cpu}
    return {
        "floor": qemu.Machine(kernel=args.build_dir / "bench/boot/boot_floor.elf", **common),
        "nrk": qemu.Machine(
            kernel=args.build_dir / "kernel/nrk.elf", cmdline="test=exit", **common
        ),
    }


def measure(args, cores, runs):
    """Guest -> event -> list of seconds. The guests take turns, so that both see the same host; the
    first turn brings files into memory and is not counted."""
    machines = guests(args, cores)
    found = {guest: {} for guest in machines}
    for turn in range(runs + 1):
        for guest, machine in machines.items():
            times = boot(machine, EVENTS[guest])
            for event, seconds in times.items() if turn else ():
                found[guest].setdefault(event, []).append(seconds)
    return found


def rows_of(cores, found, least):
    """One for each guest and event; `least_mib` is nrk's, of all runs."""
    for guest, events in found.items():
        for event, seconds in events.items():
            figures = (statistics.median(seconds), min(seconds), max(seconds))
            texts = [f"{figure * 1000:.1f}" for figure in figures]
            yield dict(zip(COLUMNS, [guest, cores, least, len(seconds), event, *texts]))


def show(cores, found, least):
    """One line of the table: QEMU's own times, and what the kernel adds to them."""
    median = {
        guest: {event: statistics.median(seconds) * 1000 for event, seconds in events.items()}
        for guest, events in found.items()
    }
    floor, nrk = median["floor"], median["nrk"]
    figures = [floor[FIRST], nrk[FIRST] - floor[FIRST], nrk[CORES] - nrk[FIRST]]
    figures += [nrk[SHUTDOWN] - nrk[CORES], nrk[END] - nrk[SHUTDOWN], nrk[END]]
    print(f"{cores:5}", *(f"{figure:12.1f}" for figure in figures), f"{least:9}", flush=True)


def boots_with(args, cores, memory):
    """Does the kernel get all its cores to run with so many MiB?"""
    machine = guests(args, cores)["nrk"]
    code, times = watch(SmallMachine(**{**machine.__dict__, "memory": memory}))
    return code == 0 and CORES in times


def least_memory(args, cores):
    """By halving: what is enough stays enough with more."""
    enough, too_little = ENOUGH, TOO_LITTLE
    if not boots_with(args, cores, enough):
        raise Failure(f"{cores} cores do not boot with {enough} MiB")
    while enough - too_little > 1:
        middle = (enough + too_little) // 2
        if boots_with(args, cores, middle):
            enough = middle
        else:
            too_little = middle
    return enough


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--build-dir", metavar="DIR", type=pathlib.Path, required=True, help="a build tree")
    add("--quick", action="store_true", help="two runs of one and of two cores")
    add("--csv", metavar="FILE", help="write the figures to FILE")
    add("--accel", choices=["auto", "kvm", "tcg"], default="auto", help="of QEMU (auto)")
    add("--memory", type=int, default=1024, metavar="MIB", help="of the machines (1024)")
    return parser.parse_args(argv)


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(argv):
    args = parse(argv)
    rows = []
    heads = ("QEMU's start", "first line", "all cores", "shutdown", "QEMU's end", "total")
    print("cores", *(f"{head:>12}" for head in heads), "least MiB")
    for cores, runs in QUICK if args.quick else FULL:
        found = measure(args, cores, runs)
        least = least_memory(args, cores) if cores <= MEMORY_CORES else ""
        rows += rows_of(cores, found, least)
        show(cores, found, least)
    if args.csv:
        write_csv(args.csv, rows)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(f"boot: {failure}")
