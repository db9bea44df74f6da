#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the tests that boot nrk in a virtual machine.

  guest.py --list                       names, processors and time limits, one test per line
  guest.py --kernel nrk.elf NAME...     run tests; exit status 0 if all pass

A test is a function in one of the files s*.py here, with the decorator @test. It boots a machine,
says what the machine must print, in order, and how it must end. The time limit is a safety net,
never part of what a test asserts.
"""
import argparse
import importlib
import os
import pathlib
import re
import selectors
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))

from nrk import qemu  # noqa: E402  (found by the line above)

TESTS = {}

OK = 0
PANIC = 2
UNHANDLED_INTERRUPT = 4
GENERAL_PROTECTION_FAULT = 5
PAGE_FAULT = 6
EXCEPTION_DURING_INIT = 8
UNRECOVERABLE = 9


class GuestFailure(Exception):
    """The machine did something else than it should."""


def test(limit=120, processors=1):
    """Marks a test. limit: seconds until it is given up; processors: how many it keeps busy."""

    def mark(function):
        TESTS[function.__name__] = (function, limit, processors)
        return function

    return mark


def seed():
    """For the command line of random tests, which print the seed that they take without it."""
    value = os.environ.get("NRK_SEED")
    return f" seed={value}" if value else ""


class Guest:
    """A running machine and what it has printed so far."""

    def __init__(self, machine, limit):
        self.output = ""
        self.position = 0  # everything before has been matched
        self.end = time.monotonic() + limit
        self.argv = machine.argv()
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def _read(self):
        """Reads what there is; False at the end of the output."""
        if not self.selector.select(max(0, self.end - time.monotonic())):
            raise GuestFailure("the time limit is over")
        data = os.read(self.process.stdout.fileno(), 65536)
        self.output += data.decode("utf-8", "backslashreplace").replace("\r", "")
        return bool(data)

    def expect(self, *patterns):
        """Waits for each of the texts (or compiled regular expressions), in this order, and returns
        the last match."""
        match = None
        for pattern in patterns:
            regex = re.compile(re.escape(pattern)) if isinstance(pattern, str) else pattern
            while not (match := regex.search(self.output, self.position)):
                if not self._read():
                    raise GuestFailure(f"it ended without printing {regex.pattern!r}")
            self.position = match.end()
        return match

    def finish(self, code=OK):
        """Waits for the end of the machine, which must be this exit code, by both protocols."""
        while self._read():
            pass
        status = self.process.wait(max(1, self.end - time.monotonic()))
        found = qemu.exit_code(status)
        if found is None:
            raise GuestFailure(f"it ended without an exit code; QEMU's status is {status}")
        if found != code:
            raise GuestFailure(f"exit code {found} instead of {code}")
        if f"\n[shutdown-request] {code}\n" not in self.output:
            raise GuestFailure("no [shutdown-request] line with the exit code")

    def absent(self, text):
        """The machine has not printed this text so far."""
        if text in self.output:
            raise GuestFailure(f"it printed {text!r}")

    def finish_without_code(self):
        """Waits for the end of a machine that has no debug-exit device."""
        while self._read():
            pass
        status = self.process.wait(max(1, self.end - time.monotonic()))
        if status:
            raise GuestFailure(f"QEMU's status is {status}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.selector.close()


class Context:
    """What a test gets: ways to boot machines, and the files it may use."""

    def __init__(self, args, limit):
        self.kernel = args.kernel
        self.scratch = pathlib.Path(args.scratch)
        self.limit = limit
        self.guests = []

    def start(self, machine):
        guest = Guest(machine, self.limit)
        self.guests.append(guest)
        return guest

    def boot(self, cmdline="", **options):
        """Boots the kernel with a command line; options are members of qemu.Machine."""
        return self.start(qemu.Machine(kernel=self.kernel, cmdline=cmdline, **options))


def load():
    sys.path.insert(0, str(HERE))
    # The files import this one by name: they must find this very module, not load it once more.
    sys.modules["guest"] = sys.modules[__name__]
    for path in sorted(HERE.glob("s*.py")):
        importlib.import_module(path.stem)


def run(name, args):
    """Runs one test; True if it passes. Prints the machines' output if it does not."""
    function, limit, _ = TESTS[name]
    context = Context(args, limit * args.slowdown)
    try:
        function(context)
        print(f"{name}: ok", flush=True)
        return True
    except (GuestFailure, subprocess.TimeoutExpired) as failure:
        for guest in context.guests:
            print(f"--- {' '.join(guest.argv)}\n{guest.output}\n---")
        print(f"{name}: FAILED: {failure}", flush=True)
        return False
    finally:
        for guest in context.guests:
            guest.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print what tests there are")
    parser.add_argument("--kernel", help="the kernel image, nrk.elf")
    parser.add_argument("--scratch", default=".", help="directory for images that tests make")
    parser.add_argument("--slowdown", type=int, default=1, help="factor on the time limits")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    load()
    if args.list:
        for name, (_, limit, processors) in sorted(TESTS.items()):
            print(name, processors, limit)
        return 0
    unknown = [name for name in args.names if name not in TESTS]
    if unknown:
        parser.error(f"no such test: {' '.join(unknown)}")
    return 0 if all([run(name, args) for name in args.names]) else 1


if __name__ == "__main__":
    sys.exit(main())
