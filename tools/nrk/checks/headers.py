# SPDX-License-Identifier: BSD-2-Clause
"""Each header compiles alone"""
import concurrent.futures
import subprocess

from nrk import sources
from nrk.checks import Finding

# Headers that complete another one, which includes them, and are no interface of their own.
PARTS = {
    "lib/nr/include/nr/engine.h": "lib/nr/include/nr/nr.h",
    "lib/nr/include/nr/typed.h": "lib/nr/include/nr/nr.h",
}

FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-fsyntax-only", "-x", "c")


def check_header(context, path):
    """Compiles a file that includes nothing but the header (or what it is part of), twice."""
    directories = [f"-I{context.root / d}" for d in sources.include_directories(context.root, path)]
    mode = ["-ffreestanding"] if sources.freestanding(path) else []
    text = f'#include "{PARTS.get(path, path)}"\n#include "{path}"\n'
    done = subprocess.run(
        ["gcc", *FLAGS, *mode, *directories, "-"],
        input=text,
        capture_output=True,
        text=True,
        cwd=context.root,
        check=False,
    )
    if done.returncode == 0 and not done.stderr:
        return []
    return [Finding(path, 1, "does not compile alone:\n" + done.stderr.rstrip())]


def run(context):
    headers = sources.files(context.root, ".h")
    with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
        results = pool.map(lambda path: check_header(context, path), headers)
        return [finding for result in results for finding in result]
