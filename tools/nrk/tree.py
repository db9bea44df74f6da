# SPDX-License-Identifier: BSD-2-Clause
"""The source tree and its build trees: the configurations, how they are configured and built."""
import collections
import json
import os
import pathlib
import subprocess
import sys

from nrk.errors import Failure, UsageError, nearest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SANITIZERS = ("address", "undefined", "thread", "leak")


class Config(collections.namedtuple("Config", "name variables package_rows")):
    """A build configuration: build tree, CMake cache variables, rows of the package table."""

    @property
    def build_dir(self):
        return ROOT / "build" / self.name


def presets():
    """Name -> cache variables of each visible preset; CMakePresets.json is their one list."""
    listed = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    return {
        preset["name"]: {
            name: value.replace("${sourceDir}", str(ROOT))
            for name, value in preset["cacheVariables"].items()
        }
        for preset in listed
        if not preset.get("hidden")
    }


def sanitizers(text):
    """Parses the argument of --sanitize into a canonical comma-separated list."""
    names = sorted(set(text.split(",")))
    for name in names:
        if name not in SANITIZERS:
            raise UsageError(
                f"unknown sanitizer '{name}'{nearest(name, SANITIZERS)}; there are "
                f"{', '.join(SANITIZERS)}"
            )
    if "thread" in names and ("address" in names or "leak" in names):
        raise UsageError("the thread sanitizer cannot be combined with address or leak")
    return ",".join(names)


def add_config_options(parser):
    group = parser.add_argument_group("configuration")
    group.add_argument("--config", metavar="NAME", help="a preset: " + ", ".join(presets()))
    kind = group.add_mutually_exclusive_group()
    kind.add_argument("--release", action="store_true", help="optimised, without assertions")
    kind.add_argument("--debug", action="store_true", help="not optimised")
    group.add_argument("--clang", action="store_true", help="compile with clang")
    group.add_argument(
        "--sanitize",
        metavar="LIST",
        type=sanitizers,
        help="sanitizers for hosted code, such as address,undefined or thread",
    )


def choose(args):
    """The configuration that the options name: a preset, or several presets merged."""
    known = presets()
    parts = [args.config] if args.config else []
    parts += [name for name in ("clang", "debug", "release") if getattr(args, name)]
    if args.config and args.config not in known:
        raise UsageError(f"there is no configuration '{args.config}'{nearest(args.config, known)}")
    extra = {}
    if args.sanitize:
        same = [name for name in known if known[name].get("NRK_SANITIZE") == args.sanitize]
        extra = {"NRK_SANITIZE": args.sanitize}
        parts.append(same[0] if same else args.sanitize.replace(",", "-"))
    if not parts:
        parts = ["default"]
    variables = {}
    for part in parts:
        variables.update(known.get(part, extra))
    rows = [f"build:{part}" for part in ("clang", "aarch64") if part in parts]
    return Config("-".join(dict.fromkeys(parts)), variables, tuple(rows))


def say(message):
    """Progress goes to stderr, ahead of the output of the program that it announces."""
    print(f"nrk: {message}", file=sys.stderr, flush=True)


def execute(command, **options):
    """Runs a program with our terminal and returns its exit status."""
    sys.stdout.flush()
    return subprocess.run(command, check=False, **options).returncode


def jobs():
    return len(os.sched_getaffinity(0))


def configure(config):
    """Configures the build tree unless it is there and newer than the presets."""
    ready = config.build_dir / "build.ninja"
    if ready.exists() and ready.stat().st_mtime > (ROOT / "CMakePresets.json").stat().st_mtime:
        return
    say(f"configuring build/{config.name}")
    definitions = [f"-D{name}={value}" for name, value in sorted(config.variables.items())]
    status = execute(
        [
            "cmake",
            "--log-level=NOTICE",
            "-G",
            "Ninja",
            "-S",
            ROOT,
            "-B",
            config.build_dir,
            *definitions,
        ],
        stdout=sys.__stderr__,
    )
    if status:
        raise Failure(f"configuring build/{config.name} failed")


def build(config, targets=(), parallel=None):
    configure(config)
    say(f"building build/{config.name}" + (f": {' '.join(targets)}" if targets else ""))
    command = ["cmake", "--build", config.build_dir, "-j", str(parallel or jobs())]
    # Also the build tool's progress is no output of ours: `./nrk run --dry-run | sh` is a use.
    if execute(command + (["--target", *targets] if targets else []), stdout=sys.__stderr__):
        raise Failure(f"building build/{config.name} failed")
