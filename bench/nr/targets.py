# SPDX-License-Identifier: BSD-2-Clause
"""What the suite expects of libnr: ratios of rates in one run, on the map with 10^4 keys.

They hold for two cores of one socket, where replication has little to win; on more, see nr-model.
"""
import collections

from results import Cell

Target = collections.namedtuple("Target", "text goal found met")


def at_least(text, goal, found):
    return Target(text, f">= {goal}", found, None if found is None else found >= goal)


def at_most(text, goal, found):
    return Target(text, f"<= {goal}", found, None if found is None else found <= goal)



def reads(results):
    cell = Cell("map", 10000, 0)
    for threads, label in ((1, "nr-r1"), (2, "nr-r1"), (2, "nr-r2")):
        ratio = results.ratio(cell, (label, threads), ("brlock", threads))
        yield at_least(f"0 % writes, {label}, {threads} threads / brlock", 0.8, ratio)
    for label in ("nr-r1", "nr-r2"):
        ratio = results.ratio(cell, (label, 2), (label, 1))
        yield at_least(f"0 % writes, {label}, 2 threads / 1 thread", 1.9, ratio)


def writes(results):
    cell = Cell("map", 10000, 10)
    for other, goal in (("brlock", 1.3), ("mutex", 3.0)):
        ratio = results.ratio(cell, ("nr-r2", 2), (other, 2))
        yield at_least(f"10 % writes, nr-r2, 2 threads / {other}", goal, ratio)
    for share in (50, 80, 100):
        for label in ("nr-r1", "nr-r2"):
            ratio = results.ratio(Cell("map", 10000, share), (label, 2), ("mutex", 2))
            yield at_least(f"{share} % writes, {label}, 2 threads / mutex", 1.0, ratio)
    ratio = results.ratio(Cell("map", 10000, 100), ("nr-r1", 1), ("mutex", 1))
    yield at_least("100 % writes, nr-r1, 1 thread / mutex", 0.5, ratio)


def logs(results):
    for share in (50, 80, 100):
        cell = Cell("map", 10000, share)
        ratio = results.ratio(cell, ("cnr-r2-l4", 2), ("nr-r2", 2))
        yield at_least(f"{share} % writes, cnr-r2-l4, 2 threads / nr-r2", 1.5, ratio)
    for replicas in (1, 2):
        worst = None
        for cell in results.cells():
            if cell[:2] != ("map", 10000):
                continue
            for count in (2, 4, 8):
                more = (f"cnr-r{replicas}-l{count}", 2)
                ratio = results.ratio(cell, more, (f"cnr-r{replicas}-l1", 2))
                if ratio is not None and (worst is None or ratio < worst[0]):
                    worst = (ratio, f"{cell.writes} % writes, {more[0]}")
        text = f"more logs, {replicas} replicas, 2 threads / one log; worst"
        yield at_least(f"{text}: {worst[1]}" if worst else text, 0.9, worst and worst[0])


def crowds(results, processors):
    if processors != 2:
        return
    for share in (0, 10, 50, 100):
        for label in ("nr-r1", "nr-r2"):
            ratio = results.ratio(Cell("map", 10000, share), (label, 4), (label, 2))
            text = f"{share} % writes, {label}, 4 threads on 2 cores / 2 threads"
            yield at_least(text, 0.7, ratio)


def counted(instructions):
    read, write = instructions.get("nr-r1", (None, None)) if instructions else (None, None)
    yield at_most("instructions over the bare map: read", 25, read)
    yield at_most("instructions over the bare map: write", 90, write)


def evaluate(results, instructions, processors):
    """All targets; met is None where the run did not measure it."""
    return [
        *reads(results),
        *writes(results),
        *counted(instructions),
        *logs(results),
        *crowds(results, processors),
    ]
