# SPDX-License-Identifier: BSD-2-Clause
"""The source files of the tree, and the layers that architecture sorts them into."""
import os
import pathlib
import re

C_SUFFIXES = (".c", ".h", ".S", ".def", ".inc")
SKIPPED = re.compile(r"^(build|build-.*|\.git|__pycache__)$")

# Directory -> directories whose headers it may include besides its own. The most specific entry
# holds. This is the dependency list of the architecture; what is not here has no layer.
LAYERS = {
    "lib/base": (),
    "lib/nr": ("lib/base",),
    "lib/kpi": (),
    "drivers": ("lib/base",),
    "kernel": ("lib/base", "lib/nr", "lib/kpi", "drivers"),
    "kernel/arch/x86_64": ("kernel", "lib/base", "lib/nr", "lib/kpi", "drivers"),
    "kernel/arch/hosted": ("kernel", "lib/base", "lib/nr", "lib/kpi", "drivers"),
    "user/lineup": ("lib/base", "lib/kpi"),
    "user/vibrio": ("lib/base", "lib/kpi", "drivers", "user/lineup"),
    "user/linux": ("lib/base", "lib/kpi", "user/lineup", "user/vibrio"),
    "user/apps": ("lib", "user"),
    "tests": ("lib", "drivers", "kernel", "user"),
    "bench": ("lib", "drivers", "kernel", "user", "tests"),
    "docs": ("lib",),
    "examples": ("lib",),
}

# Layers that have no C library below them may include nothing of it but what the compiler brings.
FREESTANDING = ("lib/base", "lib/nr", "lib/kpi", "drivers", "kernel", "user")
HOSTED_PARTS = ("kernel/arch/hosted", "lib/nr/port_linux.c", "lib/nr/examples")
COMPILER_HEADERS = frozenset(
    "stddef.h stdint.h stdbool.h stdarg.h stdatomic.h stdalign.h stdnoreturn.h limits.h float.h "
    "iso646.h cpuid.h immintrin.h x86intrin.h".split()
)


def inside(path, directory):
    return path == directory or path.startswith(directory + "/")


def layer_of(path):
    """The layer of a file, or None."""
    found = [layer for layer in LAYERS if inside(path, layer)]
    return max(found, key=len) if found else None


def freestanding(path):
    return any(inside(path, part) for part in FREESTANDING) and not any(
        inside(path, part) for part in HOSTED_PARTS
    )


def files(root, *suffixes):
    """Paths below the root with one of the suffixes (all files if there are none), sorted."""
    found = []
    for directory, names, leaves in os.walk(root):
        names[:] = sorted(name for name in names if not SKIPPED.match(name))
        for leaf in sorted(leaves):
            path = pathlib.Path(directory, leaf)
            if SKIPPED.match(leaf) or path.is_symlink() or not path.is_file():
                continue
            if not suffixes or path.suffix in suffixes:
                found.append(path.relative_to(root).as_posix())
    return found


def include_directories(root, path):
    """Where a file finds headers: the public ones of the layers it may use, its own, the root."""
    layer = layer_of(path)
    directories = []
    for directory, names, _ in os.walk(root):
        names[:] = sorted(name for name in names if not SKIPPED.match(name))
        where = pathlib.Path(directory).relative_to(root).as_posix()
        if where.split("/")[-1] == "include":
            directories.append(where)
            names[:] = []
    allowed = LAYERS[layer] + (layer,) if layer else ()
    near = [d for d in directories if any(inside(d, one) for one in allowed)]
    return near + [str(pathlib.PurePosixPath(path).parent), "."]
