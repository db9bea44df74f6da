# SPDX-License-Identifier: BSD-2-Clause
"""clang-tidy over the files of the build tree

A file takes seconds, so a clean result is kept in the build tree under a digest of all it depends
on: the configuration and the preprocessed text.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import subprocess

from nrk.checks import Finding
from nrk.errors import Failure

MESSAGE = re.compile(r"^(?P<path>/[^:\n]+):(?P<line>\d+):\d+: (error|warning): (?P<text>.*)$", re.M)


def units(context):
    """The C files that the build compiles, relative to the root; not those it generates."""
    database = context.build_dir / "compile_commands.json"
    if not database.exists():
        raise Failure(f"{database} is missing: run ./nrk build --clang first")
    found = {}
    for entry in json.loads(database.read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        inside = path.is_relative_to(context.root) and not path.is_relative_to(
            context.root / "build"
        )
        if path.suffix == ".c" and inside:
            found[path.relative_to(context.root).as_posix()] = entry
    return sorted(found.items())


def stamp(context, entry):
    """The file that says that this very text was found clean; None: no text to be had."""
    words = shlex.split(entry["command"])
    if "-o" in words:
        at = words.index("-o")
        del words[at : at + 2]
    done = subprocess.run(
        [*words, "-E"], cwd=entry["directory"], capture_output=True, check=False
    )
    if done.returncode:
        return None
    digest = hashlib.sha256((context.root / ".clang-tidy").read_bytes() + done.stdout)
    return context.build_dir / "tidy" / digest.hexdigest()


def check_unit(context, program, path, entry):
    clean = stamp(context, entry)
    if clean and clean.exists():
        return set()
    done = subprocess.run(
        [
            program,
            "--quiet",
            "-p",
            context.build_dir,
            f"--header-filter=^{re.escape(str(context.root))}/",
            path,
        ],
        cwd=context.root,
        capture_output=True,
        text=True,
        check=False,
    )
    findings = set()
    for match in MESSAGE.finditer(done.stdout):
        where = pathlib.Path(match["path"])
        if where.is_relative_to(context.root):
            where = where.relative_to(context.root)
        findings.add(Finding(str(where), int(match["line"]), match["text"]))
    if done.returncode and not findings:
        findings.add(Finding(path, 1, f"clang-tidy failed:\n{done.stdout}{done.stderr}"))
    if clean and not findings:
        clean.parent.mkdir(exist_ok=True)
        clean.touch()
    return findings


def run(context):
    program = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if not program:
        raise Failure("clang-tidy is missing: install Debian's package clang-tidy")
    found = set()
    with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
        for findings in pool.map(lambda unit: check_unit(context, program, *unit), units(context)):
            found |= findings
    return sorted(found)
