# SPDX-License-Identifier: BSD-2-Clause
"""Build the tree, or some targets of it

Each configuration has a build tree of its own, build/NAME. Options combine: `--clang --release`
builds build/clang-release. Without options: build/default, optimised with assertions.
"""
from nrk import tree


def configure(parser):
    tree.add_config_options(parser)
    parser.add_argument(
        "-j", dest="jobs", type=int, metavar="N", help="parallel jobs (default: CPUs)"
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="targets of CMake (default: all)"
    )


def package_rows(args):
    return ["build", *tree.choose(args).package_rows]


def run(args):
    tree.build(tree.choose(args), args.targets, args.jobs)
    return 0
