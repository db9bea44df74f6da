# SPDX-License-Identifier: BSD-2-Clause
"""What nr_bench printed, and the statistics of it.

Rates of different contestants are compared within a round, where they were measured next to each
other; the median of these ratios is the result.
"""
import collections
import csv
import statistics

Cell = collections.namedtuple("Cell", "workload keys writes")

COLUMNS = (
    "workload keys_drawn keys writes threads label class replicas logs round ops mops preempted "
    "present misses_per_op instructions_per_op"
).split()


class Results:
    """Rows of nr_bench, found by (cell, label, threads)."""

    def __init__(self):
        self.rows = []
        self.notes = []
        self.rates = collections.defaultdict(dict)

    def add(self, text):
        """Takes the output of one run of nr_bench."""
        lines = text.splitlines()
        self.notes += [line[2:] for line in lines if line.startswith("# ")]
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            cell = Cell(row["workload"], int(row["keys"]), int(row["writes"]))
            key = (cell, row["label"], int(row["threads"]))
            self.rates[key][int(row["round"])] = float(row["mops"])
            self.rows.append(row)

    def cells(self):
        return list(dict.fromkeys(cell for cell, _, _ in self.rates))

    def threads(self, cell):
        return sorted({threads for c, _, threads in self.rates if c == cell})

    def median(self, cell, label, threads):
        """Median rate in millions of operations per second; None: not measured."""
        rounds = self.rates.get((cell, label, threads))
        return statistics.median(rounds.values()) if rounds else None

    def extremes(self, cell, label, threads):
        rounds = self.rates[cell, label, threads].values()
        return min(rounds), max(rounds)

    def ratio(self, cell, one, other):
        """Median over the rounds of rate(one) / rate(other); each is (label, threads)."""
        a, b = self.rates.get((cell, *one)), self.rates.get((cell, *other))
        if not a or not b:
            return None
        return statistics.median(a[i] / b[i] for i in sorted(a.keys() & b.keys()) if b[i] > 0)

    def cost(self, cell, label):
        """The least measured number of threads that beats one bare thread; None: more."""
        for threads in self.threads(cell):
            ratio = self.ratio(cell, (label, threads), ("bare", 1))
            if ratio is not None and ratio > 1:
                return threads
        return None

    def disturbed(self, processors):
        """(windows in which somebody else had a processor, windows that could tell)."""
        alone = [row for row in self.rows if int(row["threads"]) <= processors]
        bad = [
            row
            for row in alone
            if int(row["preempted"]) > int(row["threads"]) and float(row["present"]) < 0.97
        ]
        return len(bad), len(alone)

    def misses(self, cell, label, threads):
        """Median of last-level cache misses per operation, None without counters."""
        found = [
            float(row["misses_per_op"])
            for row in self.rows
            if row["misses_per_op"]
            and (row["workload"], int(row["keys"]), int(row["writes"])) == tuple(cell)
            and (row["label"], int(row["threads"])) == (label, threads)
        ]
        return statistics.median(found) if found else None

    def write_csv(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
