# SPDX-License-Identifier: BSD-2-Clause
"""Check the sources

Without names: all checks. Each is also a test, lint_NAME. With --fix a check mends what it can.
"""
from nrk import checks, tree
from nrk.errors import UsageError, nearest


def configure(parser):
    parser.add_argument("--fix", action="store_true", help="mend what can be mended (format)")
    known = ", ".join(checks.names())
    parser.add_argument("names", nargs="*", metavar="CHECK", help=known)


def run(args):
    for name in args.names:
        if name not in checks.names():
            raise UsageError(f"there is no check '{name}'{nearest(name, checks.names())}")
    # clang-tidy is clang, so it takes the compiler options of the build by clang.
    config = tree.Config("clang", tree.presets()["clang"], ())
    context = checks.Context(tree.ROOT, config.build_dir, args.fix, tree.jobs())
    selected = args.names or checks.names()
    if "tidy" in selected:
        tree.build(config)
    total = 0
    for name in selected:
        tree.say(f"lint {name}: {checks.summary(name)}")
        findings = checks.load(name).run(context)
        for finding in sorted(findings):
            print(finding)
        total += len(findings)
    tree.say(f"{total} findings")
    return 1 if total else 0
