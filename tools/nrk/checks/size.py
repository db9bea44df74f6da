# SPDX-License-Identifier: BSD-2-Clause
"""Length of functions and files, density of conditional compilation"""
import re

from nrk import sources
from nrk.checks import Finding

FUNCTION_LINES = 80
FILE_LINES = 900
# Conditionals per thousand lines of a directory; a directory is allowed a few in any case.
CONDITIONALS_PER_THOUSAND = 3
CONDITIONALS_FREE = 4

# (file, function or None for the file as a whole) -> why it may be longer.
EXCEPTIONS = {}

OPENING = re.compile(r"^\{\s*$")
NAME = re.compile(r"(\w+)\s*\(")
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")


def functions(lines):
    """Yields (name, line number, length) of the functions in text as our formatter writes it: the
    brackets of a body stand alone in the first column. The length counts lines between them."""
    start = None
    header = ""
    for number, line in enumerate(lines, 1):
        if start is None:
            if OPENING.match(line):
                start = number
            elif line.strip() and not line.startswith((" ", "\t")):
                header = line
        elif line.startswith("}"):
            name = NAME.search(header)
            if name and line.strip() == "}":
                yield name.group(1), start, number - start - 1
            start = None


def conditionals(lines):
    return sum(1 for line in lines if CONDITIONAL.match(line))


def check_file(path, lines):
    if len(lines) > FILE_LINES and (path, None) not in EXCEPTIONS:
        yield Finding(path, FILE_LINES, f"file of {len(lines)} lines, at most {FILE_LINES}")
    if not path.endswith((".c", ".h")):
        return
    for name, line, length in functions(lines):
        if length > FUNCTION_LINES and (path, name) not in EXCEPTIONS:
            yield Finding(path, line, f"{name} has {length} lines, at most {FUNCTION_LINES}")


def run(context):
    findings = []
    density = {}
    for path in sources.files(context.root, ".py", *sources.C_SUFFIXES):
        lines = (context.root / path).read_text().splitlines()
        findings += check_file(path, lines)
        if path.endswith((".c", ".h")):
            directory = path.rpartition("/")[0] or "."
            count, total = density.get(directory, (0, 0))
            density[directory] = (count + conditionals(lines), total + len(lines))
    for directory, (count, total) in density.items():
        if count > CONDITIONALS_FREE and count * 1000 > CONDITIONALS_PER_THOUSAND * total:
            findings.append(
                Finding(
                    directory, 1, f"{count} preprocessor conditionals in {total} lines: make data"
                )
            )
    for path, _ in EXCEPTIONS:
        if not (context.root / path).exists():
            findings.append(Finding(path, 1, "exception for a file that is gone"))
    return findings
