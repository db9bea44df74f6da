#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Count the instructions of memory_cost.c's operations with callgrind.

    memory_cost.py PROGRAM...

Prints one line for each function: instructions for one alloc and free with each program.
"""

import re
import subprocess
import sys

PAIRS = 1000
ROUNDS = 2
FUNCTIONS = (
    "cost_frame cost_large_frame cost_remote_frame cost_frame_burst cost_range"
    " cost_object cost_remote_object cost_object_burst cost_reservation cost_malloc"
).split()


def count(program, function):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += ["--collect-atstart=no", f"--toggle-collect={function}", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1)) / (PAIRS * ROUNDS)


def main():
    for function in FUNCTIONS:
        costs = [f"{count(program, function):9.0f}" for program in sys.argv[1:]]
        print(f"{function:20}", *costs)


if __name__ == "__main__":
    main()
