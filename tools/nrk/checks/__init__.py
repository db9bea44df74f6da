# SPDX-License-Identifier: BSD-2-Clause
"""The checks of `./nrk lint`, one module each: `run(context)` returns the findings."""
import dataclasses
import importlib
import pathlib


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Context:
    """What a check looks at: the root of the tree, a configured build tree, files it may mend."""

    root: pathlib.Path
    build_dir: pathlib.Path
    fix: bool
    jobs: int


def names():
    here = pathlib.Path(__file__).parent
    return sorted(path.stem for path in here.glob("*.py") if path.stem != "__init__")


def load(name):
    return importlib.import_module(f"nrk.checks.{name}")


def summary(name):
    return load(name).__doc__.strip().splitlines()[0]
