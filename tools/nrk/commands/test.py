# SPDX-License-Identifier: BSD-2-Clause
"""Build, then run the tests by CTest

Labels: unit (programs on this machine, checks of the sources, builds of the other configurations),
guest (in QEMU), model (Spin), fuzz; `all`, the default, is all of them. Smaller sets: lint (checks
of the sources), build (the other configurations). The exit status is CTest's.

  ./nrk test                        everything
  ./nrk test --fast unit            without the builds of other configurations
  ./nrk test -R log --repeat 100    one test until it fails, at most 100 times
  ./nrk test --config asan unit     one configuration, as the test build_asan does it
"""
from nrk import tree
from nrk.errors import UsageError, nearest

LABELS = ("unit", "guest", "model", "fuzz", "lint", "build")


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def configure(parser):
    tree.add_config_options(parser)
    group = parser.add_argument_group("tests")
    group.add_argument("-R", dest="regex", metavar="REGEX", help="only tests whose name matches")
    group.add_argument("-E", dest="exclude", metavar="REGEX", help="no tests whose name matches")
    group.add_argument(
        "--fast", action="store_true", help="without the builds of other configurations"
    )
    group.add_argument(
        "--repeat", type=positive, metavar="N", help="each test until it fails, at most N times"
    )
    group.add_argument(
        "-j", dest="jobs", type=positive, metavar="N", help="parallel jobs (default: CPUs)"
    )
    parser.add_argument(
        "labels", nargs="*", metavar="LABEL", help="unit, guest, model, fuzz, all, lint, build"
    )


def select(labels):
    """The labels to run, or none for all of them."""
    for label in labels:
        if label not in LABELS + ("all",):
            raise UsageError(
                f"there are no tests labelled '{label}'{nearest(label, LABELS)}; there are "
                f"{', '.join(LABELS)} and all"
            )
    return [] if "all" in labels else list(dict.fromkeys(labels))


def package_rows(args):
    """What tests chosen by name need we cannot know: those then say it themselves."""
    config = tree.choose(args)
    rows = ["test", *config.package_rows]
    if config.name != "default" or args.regex:
        return rows
    labels = select(args.labels)
    if {"unit", "build", "lint"} & set(labels) or not labels:
        rows.append("test:fast" if args.fast else "test:unit")
    return rows + [
        f"test:{label}" for label in ("guest", "model", "fuzz") if label in labels or not labels
    ]


def ctest_command(args, config):
    """The ctest command line for the parsed options."""
    command = [
        "ctest",
        "--test-dir",
        str(config.build_dir),
        "--output-on-failure",
        "--no-tests=error",
        "-j",
        str(args.jobs or tree.jobs()),
    ]
    labels = select(args.labels)
    if labels:
        command += ["-L", f"^({'|'.join(labels)})$"]
    if args.fast:
        command += ["-LE", "^build$"]
    if args.regex:
        command += ["-R", args.regex]
    if args.exclude:
        command += ["-E", args.exclude]
    if args.repeat:
        command += ["--repeat", f"until-fail:{args.repeat}"]
    return command


def run(args):
    config = tree.choose(args)
    command = ctest_command(args, config)
    tree.build(config, parallel=args.jobs)
    tree.say("testing " + " ".join(command[1:]))
    return tree.execute(command)
