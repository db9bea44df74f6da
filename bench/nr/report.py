# SPDX-License-Identifier: BSD-2-Clause
"""The tables of the suite, for the terminal and for the page of results."""
import platform

import plots


def title_of(cell):
    names = {"map": "hash map", "vspace": "address space (B-tree)", "stack": "stack"}
    return f"{names[cell.workload]}, {cell.keys} keys, {cell.writes} % writes"


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def rates_table(results, cell, labels):
    """Header and rows: rate with extremes for each number of threads, ratios at two, COST."""
    counts = results.threads(cell)
    pair = 2 if 2 in counts else counts[-1]
    header = ["contestant", *(f"{n} thr" for n in counts)]
    header += [f"/bare(1)@{pair}", f"/mutex@{pair}", f"/brlock@{pair}", "COST"]
    rows = []
    for label in labels:
        row = [label]
        for threads in counts:
            rate = results.median(cell, label, threads)
            low, high = results.extremes(cell, label, threads) if rate is not None else (0, 0)
            row.append("-" if rate is None else f"{rate:.1f} ({low:.1f}-{high:.1f})")
        here = (label, 1 if label == "bare" else pair)
        row.append(number(results.ratio(cell, here, ("bare", 1))))
        for other in ("mutex", "brlock"):
            row.append(number(results.ratio(cell, here, (other, here[1]))))
        cost = results.cost(cell, label)
        row.append("" if label == "bare" else str(cost) if cost else f">{counts[-1]}")
        rows.append(row)
    return header, rows


def misses_table(results, cell, labels):
    counts = results.threads(cell)
    header = ["cache misses / op", *(f"{n} thr" for n in counts)]
    rows = []
    for label in labels:
        rows.append([label, *(number(results.misses(cell, label, n), 3) for n in counts)])
    return header, rows


def instructions_table(instructions):
    header = ["instructions beyond bare", "read", "write"]
    rows = [[label, f"{r:.1f}", f"{w:.1f}"] for label, (r, w) in instructions.items()]
    return header, rows


def targets_table(targets):
    words = {True: "met", False: "MISSED", None: "not measured"}
    rows = [[t.text, t.goal, number(t.found), words[t.met]] for t in targets]
    return ["target", "goal", "found", ""], rows


def text_table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        first, *rest = (cell.ljust(w) if i == 0 else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(row, widths)))
        lines.append("  ".join(["  " + first, *rest]))
    return "\n".join(lines)


def markdown_table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine():
    """The processor, how many of it, and the kernel; no names of hosts."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, Linux {platform.release().split('-')[0]}"


def draw_rates(results, labels_of, directory):
    """One picture for each workload and number of keys, a panel for each share of writes."""
    drawn = []
    for workload, keys in dict.fromkeys(cell[:2] for cell in results.cells()):
        panels = []
        for cell in results.cells():
            if cell[:2] != (workload, keys):
                continue
            curves = {}
            for label in labels_of(cell):
                points = [(n, results.median(cell, label, n)) for n in results.threads(cell)]
                points = [point for point in points if point[1] is not None]
                if points:
                    curves[label] = points
            panels.append((f"{cell.writes} % writes", curves))
        path = directory / f"nr-{workload}-{keys}.svg"
        if plots.draw(path, f"{workload}, {keys} keys", "threads", panels):
            drawn.append(path)
    return drawn
