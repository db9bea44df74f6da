# SPDX-License-Identifier: BSD-2-Clause
"""From the command line to a command: finds it, parses options, checks packages, runs it."""
import argparse
import sys

from nrk import commands, packages
from nrk.errors import Failure, UsageError, nearest


class Parser(argparse.ArgumentParser):
    """An argument parser that reports errors as UsageError and knows no abbreviations."""

    def __init__(self, command, module):
        super().__init__(
            prog=f"./nrk {command}",
            description=module.__doc__,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--yes", action="store_true", help="install missing Debian packages without asking"
        )
        module.configure(self)

    def error(self, message):
        raise UsageError(message)

    def parse(self, words):
        """Options may stand between positional words, unless the command passes a rest on."""
        if any(action.nargs == argparse.REMAINDER for action in self._actions):
            args, unknown = self.parse_known_args(words)
        else:
            args, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            word = unknown[0].split("=")[0]
            kind = "option" if word.startswith("-") else "argument"
            raise UsageError(f"unknown {kind} '{word}'{nearest(word, self._option_string_actions)}")
        return args


def split(words):
    """Separates the command from its words; --yes may stand anywhere, also among the options that
    the command passes on, except after `--`."""
    end = words.index("--") if "--" in words else len(words)
    ahead = ["--yes"] if "--yes" in words[:end] else []
    words = [word for word in words[:end] if word != "--yes"] + list(words[end:])
    if not words or words[0] in ("-h", "--help"):
        return "help", words[1:]
    if words[0].startswith("-"):
        raise UsageError(f"unknown option '{words[0]}' before the command")
    return words[0], ahead + words[1:]


def dispatch(words):
    command, rest = split(words)
    module = commands.load(command)
    args = Parser(command, module).parse(rest)
    rows = module.package_rows(args) if hasattr(module, "package_rows") else [command]
    packages.ensure(rows, args.yes)
    return module.run(args)


def main(words):
    try:
        return dispatch(words)
    except UsageError as error:
        print(
            f"nrk: {error}\nnrk: './nrk help' lists commands, './nrk help COMMAND' options",
            file=sys.stderr,
        )
        return 2
    except Failure as failure:
        print(f"nrk: {failure}", file=sys.stderr)
        return failure.status
    except BrokenPipeError:
        # The reader (`| head`) went away; leave without a traceback at interpreter exit.
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
