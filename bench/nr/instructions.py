# SPDX-License-Identifier: BSD-2-Clause
"""Instructions per operation, counted by callgrind in the measuring loop of one thread.

The loop of the bare structure draws the same stream, so the difference is what the method adds.
"""
import os
import re
import shutil
import subprocess
import tempfile

LABELS = ("bare", "nr-r1", "nr-r1-keep", "nr-r2", "cnr-r1-l4", "cnr-r2-l4", "mutex", "brlock")
OPS = 20000


def count(program, label, writes):
    """Instructions per operation of one contestant, including those of the loop."""
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "callgrind.out")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command += ["--collect-atstart=no", "--toggle-collect=*_loop*", program]
        command += ["--workload", "map", "--contestants", label]
        command += ["--writes", str(writes), "--count", str(OPS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"callgrind: {done.stderr.strip()}")
        with open(out, encoding="utf-8") as file:
            total = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.MULTILINE)
    return int(total.group(1)) / OPS


def measure(program):
    """{label: (of a read, of a write)} beyond the bare structure, or None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counts = {label: [count(program, label, writes) for writes in (0, 100)] for label in LABELS}
    bare = counts.pop("bare")
    return {label: (read - bare[0], write - bare[1]) for label, (read, write) in counts.items()}
