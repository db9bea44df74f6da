# SPDX-License-Identifier: BSD-2-Clause
"""Which Debian packages each command needs: the only place that names them."""
import os
import pathlib
import shutil
import subprocess

from nrk.errors import Failure

# A row is a command, or `command:part` where a part of it needs more; `+row` includes another row.
TABLE = {
    "help": "",
    "build": "gcc libc6-dev cmake ninja-build libcmocka-dev",
    "build:clang": "+build clang libclang-rt-dev",
    "build:aarch64": "+build gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
    "test": "+build",
    "test:fast": "+build +lint pkgconf",
    "test:unit": "+test:fast +build:clang +build:aarch64",
    "iso": "grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools",
    "run": "qemu-system-x86",
    "gdb": "gdb",
    "test:guest": "+build:clang +iso +run +gdb ovmf",
    "test:fuzz": "+build:clang",
    "test:model": "spin",
    "bench": "+build",
    "bench:nr": "+bench liburcu-dev libck-dev valgrind gnuplot-nox",
    "bench:nr-model": "+bench:nr",
    "bench:boot": "+bench +run",
    "lint": "+build:clang clang-format clang-tidy shellcheck",
}


def needed(rows):
    """The packages of the rows, each once, in order of first mention."""
    found = []
    for row in rows:
        for word in TABLE[row].split():
            names = needed([word[1:]]) if word.startswith("+") else [word]
            found += [name for name in names if name not in found]
    return found


def missing(names):
    """Those of the packages that dpkg does not have installed."""
    if not names:
        return []
    if shutil.which("dpkg-query") is None:
        raise Failure(
            "no dpkg-query: on a system other than Debian I cannot see whether what I need is "
            f"here: {' '.join(names)}\nnrk: set NRK_PACKAGES=skip to go ahead without looking"
        )
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    installed = {
        line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")
    }
    return [name for name in names if name not in installed]


def ensure(rows, yes):
    """Installs what is missing, as tools/install-packages allows."""
    if os.environ.get("NRK_PACKAGES") == "skip":
        return
    absent = missing(needed(rows))
    if not absent:
        return
    installer = pathlib.Path(__file__).parent.parent / "install-packages"
    if subprocess.run([installer, *(["--yes"] if yes else []), *absent], check=False).returncode:
        raise Failure("the packages above are needed first")
