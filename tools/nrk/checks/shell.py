# SPDX-License-Identifier: BSD-2-Clause
"""shellcheck over the shell scripts"""
import re
import shutil
import subprocess

from nrk import sources
from nrk.checks import Finding
from nrk.errors import Failure

SHELL = re.compile(rb"^#!.*\b(sh|bash|dash)\b")
MESSAGE = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?P<text>.*)$", re.MULTILINE)


def is_script(path):
    with path.open("rb") as file:
        return path.suffix == ".sh" or bool(SHELL.match(file.readline()))


def scripts(root):
    return [path for path in sources.files(root) if is_script(root / path)]


def run(context):
    if not shutil.which("shellcheck"):
        raise Failure("shellcheck is missing: install Debian's package shellcheck")
    done = subprocess.run(
        ["shellcheck", "--format=gcc", *scripts(context.root)],
        cwd=context.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return [Finding(m["path"], int(m["line"]), m["text"]) for m in MESSAGE.finditer(done.stdout)]
