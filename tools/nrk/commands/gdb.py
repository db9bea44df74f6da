# SPDX-License-Identifier: BSD-2-Clause
"""Debug a machine that `./nrk run --gdb` has started

Opens gdb, connected, with the kernel's symbols at the addresses where it runs. The configuration
must be the one that runs. What follows `--` goes to gdb.

  ./nrk run --gdb -- test=exit          in one terminal
  ./nrk gdb -- -ex 'break kernel_core_main'    in another
"""
import argparse
import os
import shutil

from nrk import guest_gdb, tree
from nrk.errors import Failure, UsageError


def configure(parser):
    tree.add_config_options(parser)
    parser.add_argument(
        "--qemu", action="store_true", help="the machine was started with --gdb=qemu"
    )
    parser.add_argument(
        "--gdb-port", type=int, default=guest_gdb.PORT, metavar="PORT", help=f"({guest_gdb.PORT})"
    )
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- WORDS", help="for gdb")


def package_rows(args):
    return ["gdb", *tree.choose(args).package_rows]


def command(args, kernel):
    if args.words and args.words[0] != "--":
        raise UsageError(f"'{args.words[0]}': words for gdb come after '--'")
    kind = guest_gdb.QEMU if args.qemu else guest_gdb.STUB
    return guest_gdb.debugger_arguments(kind, kernel, args.gdb_port) + args.words[1:]


def run(args):
    kernel = tree.choose(args).build_dir / "kernel" / "nrk.elf"
    argv = command(args, kernel)
    if not kernel.exists():
        raise Failure(f"there is no {kernel}; start a machine with './nrk run --gdb' first")
    if shutil.which(argv[0]) is None:
        raise Failure("there is no gdb; install the Debian package gdb")
    # In our place: Ctrl-C is gdb's, which passes it on to the machine.
    os.execvp(argv[0], argv)
