#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Seeds bugs in libnr, one at a time, and demands that the tests under the scheduler find each.

Works on a copy of lib and tests below the build directory. Only what depends on an edited file is
compiled again, with the commands of the build tree; the rest is linked from there.

    run_mutants.py --build BUILD [--jobs N] [NAME...]
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "test_lin_maps"
# Directories of object files that the program is made of.
TARGETS = (f"{PROGRAM}.dir", "nr_sched.dir")
ARCHIVES = ("tests/lin/libnr_sched.a", "tests/lin/liblin.a", "lib/base/libbase.a")
# How a found bug shows, most telling first.
SIGNS = ("not linearizable", "livelock", "deadlock", "access to freed memory", "after it was freed",
         "diverged", "differs from the first", "leaked", "outside of a run", "enters beside", "Segmentation", "freed ")
SECONDS = 100  # for one mutant's tests; they take 10 on a slow machine


class Broken(Exception):
    """The mutant could not be tested."""


def compile_commands(build):
    """The program's compilations: source path relative to the root -> (words, object file)."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        output = words[words.index("-o") + 1]
        if any(f"/{target}/" in output for target in TARGETS):
            source = Path(entry["file"]).resolve().relative_to(ROOT)
            commands[str(source)] = (words, build / output)
    if not commands:
        raise Broken(f"{build} does not build {PROGRAM}")
    return commands


def copy_tree(work):
    for name in ("lib", "tests/lin"):
        shutil.copytree(ROOT / name, work / name)


def apply_edits(mutant, work):
    for name, old, new in mutant.edits:
        path = work / name
        text = path.read_text()
        if text.count(old) != 1:
            raise Broken(f"{name} has the text to replace {text.count(old)} times, not once:\n{old}")
        path.write_text(text.replace(old, new))


def check_model(mutant):
    """The Spin model, where there is one, must know the bug by the name given."""
    if not mutant.model:
        return "-"
    name, macro = mutant.model
    path = ROOT / "tests/model" / name
    if path.exists() and not re.search(rf"\b{macro}\b", path.read_text()):
        raise Broken(f"tests/model/{name} does not know {macro}")
    return f"{name} {macro}"


def run(words, **kwargs):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **kwargs)


def rebuild(mutant, commands, build, work):
    """Compiles what depends on the edited files and links; returns the program."""
    edited = {name for name, _, _ in mutant.edits}
    headers = any(name.endswith(".h") for name in edited)
    own, library = [], []
    compiler = None
    for source, (words, original) in commands.items():
        compiler = words[0]
        is_own = f"/{PROGRAM}.dir/" in str(original)
        if not headers and source not in edited:
            if is_own:
                own.append(original)
            continue
        target = work / (source.replace("/", "_") + ".o")
        # -I and the source point into the copy; a mutant may leave something unused.
        words = [word.replace(str(ROOT) + "/", str(work) + "/") for word in words]
        words[words.index("-o") + 1] = str(target)
        for option in ("-MD", "-MT", "-MF"):
            if option in words:
                at = words.index(option)
                del words[at:at + (1 if option == "-MD" else 2)]
        result = run(words + ["-w", "-O1", "-g0"], cwd=work)
        if result.returncode != 0:
            raise Broken(f"{source} does not compile:\n{result.stdout}")
        (own if is_own else library).append(target)
    program = work / PROGRAM
    archives = [build / name for name in ARCHIVES]
    result = run([compiler, "-o", program, *own, *library, *archives, "-lcmocka", "-lpthread"])
    if result.returncode != 0:
        raise Broken(f"does not link:\n{result.stdout}")
    return program


def try_mutant(mutant, commands, build, area):
    """Returns (found, what was seen, Spin counterpart)."""
    work = area / mutant.name
    shutil.rmtree(work, ignore_errors=True)
    copy_tree(work)
    model = check_model(mutant)
    apply_edits(mutant, work)
    program = rebuild(mutant, commands, build, work)
    try:
        result = run([program], timeout=SECONDS, env={**os.environ, "NRK_TEST": mutant.test})
    except subprocess.TimeoutExpired as err:
        raise Broken(f"the tests took more than {SECONDS} s") from err
    (work / "output.txt").write_text(result.stdout)
    if result.returncode == 0:
        return False, "the tests pass", model
    sign = next((s for s in SIGNS if s in result.stdout), f"exit {result.returncode}")
    seed = re.search(r"(.*) failed; replay with .*(NRK_SEED=\d+)", result.stdout)
    where = f" ({seed.group(1)}, {seed.group(2)})" if seed else ""
    shutil.rmtree(work)
    return True, sign.strip() + where, model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="build tree with the tests built")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("names", nargs="*", help="only these mutants")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if not args.names or m.name in args.names]
    build = args.build.resolve()
    area = build / "mutants"
    commands = compile_commands(build)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        tries = [(m, pool.submit(try_mutant, m, commands, build, area)) for m in chosen]
        for mutant, future in tries:
            try:
                found, seen, model = future.result()
            except Broken as err:
                found, seen, model = False, f"BROKEN: {err}", "-"
            bad += not found
            print(f"{'found ' if found else 'MISSED'}  {mutant.name:28} {seen:78} {model}", flush=True)
            if not found:
                print(f"        {mutant.bug}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} bugs found")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
