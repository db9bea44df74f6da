# SPDX-License-Identifier: BSD-2-Clause
"""Licence line, white space, width, marks of unfinished work, machine paths, goto labels"""
import pathlib
import re

from nrk import sources
from nrk.checks import Finding

LICENCE = "SPDX-License-Identifier: BSD-2-Clause"
SUFFIXES = sources.C_SUFFIXES + (".py", ".sh", ".cmake", ".pml", ".ld", ".tbl")
WIDTH = 100
WIDTH_OF_SCRIPTS = 120  # commands are long words; models say much in a line
# Prose and tables may be wider; the width of C is the formatter's business.
WIDE = (".md", ".def", ".tbl", ".json", ".c", ".h")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # lint: the words themselves
MACHINE_PATH = re.compile(r"(^|[^\w./$}-])/(work|farm|home|root|Users)/\w")
ADDRESS = re.compile(r"https?://")
GOTO = re.compile(r"^\s.*\bgoto\s+(\w+)\s*;")
LABEL = re.compile(r"^(out|err)(_\w+)?$")


def is_script(path, first):
    return first.startswith("#!") or path.endswith((".py", ".sh", ".cmake", "CMakeLists.txt"))


def check_line(path, number, line, script):
    """Yields what is wrong with one line."""
    code = "lint: the words themselves" not in line
    if line != line.rstrip():
        yield Finding(path, number, "trailing white space")
    if "\t" in line:
        yield Finding(path, number, "tab")
    width = WIDTH_OF_SCRIPTS if script or path.endswith(".pml") else WIDTH
    if len(line) > width and not path.endswith(WIDE):
        yield Finding(path, number, f"longer than {width} columns")
    if code and UNFINISHED.search(line):
        yield Finding(path, number, "mark of unfinished work: do it, or state the limit in docs/")
    if MACHINE_PATH.search(line):
        yield Finding(path, number, "path of some machine")
    if script and code and ADDRESS.search(line):
        yield Finding(path, number, "address in a script: packages are named, hosts are not")
    goto = GOTO.match(line) if path.endswith((".c", ".h")) else None
    if goto and not LABEL.match(goto.group(1)):
        yield Finding(path, number, f"goto {goto.group(1)}: goto only unwinds, to out_x or err_x")


def check_file(path, text):
    """Yields what is wrong with one file."""
    lines = text.split("\n")
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield Finding(path, len(lines), "the file must end with one newline")
    if "\r" in text:
        yield Finding(path, 1, "carriage return")
    script = is_script(path, lines[0])
    if not path.endswith(".md") and (path.endswith(SUFFIXES) or script):
        line = 2 if lines[0].startswith("#!") else 1
        if LICENCE not in (lines + [""])[line - 1]:
            yield Finding(path, line, f"no '{LICENCE}' here")
    if path.endswith(".h") and "#pragma once" not in lines:
        yield Finding(path, 1, "no '#pragma once'")
    for number, line in enumerate(lines, 1):
        yield from check_line(path, number, line, script)


def run(context):
    findings = []
    for path in sources.files(context.root):
        if sources.inside(path, "tests/fuzz") and not pathlib.PurePosixPath(path).suffix:
            continue  # a seed of a fuzzer: data
        try:
            text = (context.root / path).read_bytes().decode()
        except UnicodeDecodeError:
            if pathlib.PurePosixPath(path).suffix in SUFFIXES:
                findings.append(Finding(path, 1, "not UTF-8"))
            continue
        findings += check_file(path, text)
    return findings
