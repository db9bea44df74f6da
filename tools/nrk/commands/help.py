# SPDX-License-Identifier: BSD-2-Clause
"""Show the commands, or the options of one"""
from nrk import cli, commands


def configure(parser):
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="the command to explain")


def run(args):
    if args.command:
        cli.Parser(args.command, commands.load(args.command)).print_help()
        return 0
    print("usage: ./nrk COMMAND [OPTION...]\n")
    for name in commands.names():
        print(f"  {name:8} {commands.summary(name)}")
    print("\n'./nrk help COMMAND' shows the options of a command.")
    return 0
