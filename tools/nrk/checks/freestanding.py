# SPDX-License-Identifier: BSD-2-Clause
"""lib/base and lib/nr compile for a kernel and need no symbol but their port's"""
import concurrent.futures
import pathlib
import re
import subprocess
import tempfile

from nrk import sources
from nrk.checks import Finding

# Layer -> header whose functions its embedder provides.
PORTS = {"lib/base": None, "lib/nr": "lib/nr/include/nr/port.h"}
# Compilers may call these for plain C, so every freestanding environment has them; the linker makes
# the last one.
ALWAYS = {"memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
PROTOTYPE = re.compile(r"\b(\w+)\s*\([^;{}]*\)\s*;")
KERNEL_FLAGS = (
    "-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -nostdinc -fPIE -mgeneral-regs-only "
    "-mno-red-zone -fno-stack-protector -fvisibility=hidden"
).split()


def compiler_includes(compiler):
    """Where the compiler keeps the headers that are its own."""
    command = [compiler, "-print-file-name=include"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compile_unit(context, compiler, path, output):
    directories = [f"-I{context.root / d}" for d in sources.include_directories(context.root, path)]
    system = ["-isystem", compiler_includes(compiler)]
    command = [compiler, *KERNEL_FLAGS, *system, *directories, "-c", path, "-o", output]
    done = subprocess.run(command, cwd=context.root, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def symbols(output, option):
    command = ["nm", option, "--format=posix", output]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in text.splitlines()}


def check(context, compiler, paths, directory):
    """Yields findings for all files by one compiler."""
    outputs = {p: pathlib.Path(directory, f"{compiler}-{p.replace('/', '-')}.o") for p in paths}
    with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
        results = pool.map(lambda p: compile_unit(context, compiler, p, outputs[p]), paths)
        failed = {path: text for path, text in zip(paths, results) if text}
    for path, text in failed.items():
        yield Finding(path, 1, f"{compiler} cannot compile it freestanding:\n{text.rstrip()}")
    if failed:
        return
    provided = set(ALWAYS)
    for port in filter(None, PORTS.values()):
        if (context.root / port).exists():
            provided |= set(PROTOTYPE.findall((context.root / port).read_text()))
    for path in paths:
        provided |= symbols(outputs[path], "--defined-only")
    for path in paths:
        for name in sorted(symbols(outputs[path], "--undefined-only") - provided):
            yield Finding(path, 1, f"needs {name}, which no port provides (by {compiler})")


def run(context):
    paths = [
        path
        for path in sources.files(context.root, ".c")
        if sources.layer_of(path) in PORTS and sources.freestanding(path)
    ]
    with tempfile.TemporaryDirectory() as directory:
        return [f for cc in ("gcc", "clang") for f in check(context, cc, paths, directory)]
