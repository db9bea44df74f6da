# SPDX-License-Identifier: BSD-2-Clause
"""Run a benchmark suite; without a name, list the suites

A suite is a directory bench/SUITE with a program run.py, whose docstring's first line is its
summary. It is run on the release build with --build-dir DIR, --quick and --csv FILE as given, and
what follows on the command line; it prints its results and writes the same figures to FILE.
"""
import argparse
import ast
import sys

from nrk import packages, tree
from nrk.errors import UsageError, nearest


def configure(parser):
    parser.add_argument("--quick", action="store_true", help="a short run that shows that it works")
    parser.add_argument("--csv", metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("suite", nargs="?", metavar="SUITE", help="the suite (default: list them)")
    parser.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="options of this command, then options of the suite",
    )


def suites():
    """Suite name -> its program."""
    return {path.parent.name: path for path in sorted(tree.ROOT.glob("bench/*/run.py"))}


def summary(program):
    text = ast.get_docstring(ast.parse(program.read_text()))
    return text.splitlines()[0] if text else ""


def package_rows(args):
    rows = ["bench"] if args.suite else ["help"]
    return rows + [row for row in [f"bench:{args.suite}"] if row in packages.TABLE]


def suite_arguments(args, build_dir):
    """The suite's command line; --quick and --csv may stand on either side of its name."""
    command = ["--build-dir", str(build_dir)]
    if args.quick:
        command.append("--quick")
    if args.csv:
        command += ["--csv", args.csv]
    return command + args.rest


def run(args):
    known = suites()
    if args.suite is None:
        for name, program in known.items():
            print(f"  {name:12} {summary(program)}")
        if not known:
            print("there are no benchmark suites")
        return 0
    if args.suite not in known:
        raise UsageError(f"there is no benchmark suite '{args.suite}'{nearest(args.suite, known)}")
    config = tree.Config("release", tree.presets()["release"], ())
    tree.build(config)
    tree.say(f"benchmark {args.suite}")
    return tree.execute(
        [sys.executable, known[args.suite], *suite_arguments(args, config.build_dir)]
    )
