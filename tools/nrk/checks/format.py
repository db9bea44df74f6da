# SPDX-License-Identifier: BSD-2-Clause
"""Formatting, as clang-format 14 writes it"""
import re
import shutil
import subprocess

from nrk import sources
from nrk.checks import Finding
from nrk.errors import Failure

VERSION = 14
MESSAGE = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: error: (?P<text>.*)$", re.MULTILINE)


def program():
    """The formatter; another version formats otherwise, so it has to be this one."""
    found = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    if not found:
        raise Failure("clang-format is missing: install Debian's package clang-format")
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=True
    ).stdout
    if f"version {VERSION}." not in version:
        raise Failure(f"formatting is checked by clang-format {VERSION}; here is {version.strip()}")
    return found


def run(context):
    paths = sources.files(context.root, ".c", ".h")
    if not paths:
        return []
    if context.fix:
        subprocess.run([program(), "-i", *paths], cwd=context.root, check=True)
        return []
    done = subprocess.run(
        [program(), "--dry-run", "-Werror", *paths],
        cwd=context.root,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = {(m["path"], int(m["line"])): m["text"] for m in MESSAGE.finditer(done.stderr)}
    findings = [
        Finding(path, line, "not formatted (./nrk lint --fix format)") for path, line in lines
    ]
    if done.returncode and not findings:
        raise Failure(f"clang-format failed:\n{done.stderr}")
    return findings
