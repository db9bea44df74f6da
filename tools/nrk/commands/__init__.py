# SPDX-License-Identifier: BSD-2-Clause
"""The commands of the launcher, one module each; a file put here is a command."""
import importlib
import pathlib

from nrk.errors import UsageError, nearest


def names():
    here = pathlib.Path(__file__).parent
    return sorted(path.stem for path in here.glob("*.py") if path.stem != "__init__")


def load(name):
    if name not in names():
        raise UsageError(f"there is no command '{name}'{nearest(name, names())}")
    return importlib.import_module(f"nrk.commands.{name}")


def summary(name):
    return load(name).__doc__.strip().splitlines()[0]
