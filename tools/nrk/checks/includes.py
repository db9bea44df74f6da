# SPDX-License-Identifier: BSD-2-Clause
"""Includes: only what the architecture allows, only the compiler's headers, no cycles"""
import os.path
import re

from nrk import sources
from nrk.checks import Finding

HOSTED_ONLY = re.compile(r"^\s*#\s*if\s+__STDC_HOSTED__\s*$")
BRANCH_END = re.compile(r"^\s*#\s*(else|elif|endif)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')


def includes(text):
    """Yields (line number, quoted, name) of the include lines, but not those for hosted programs
    alone: the lines between `#if __STDC_HOSTED__` and the end of that branch."""
    hosted_only = False
    for number, line in enumerate(text.splitlines(), 1):
        hosted_only = bool(HOSTED_ONLY.match(line) or (hosted_only and not BRANCH_END.match(line)))
        match = INCLUDE.match(line)
        if match and not hosted_only:
            yield number, match.group(1) == '"', match.group(2)


class Tree:
    """The files of the tree and which file an include line means."""

    def __init__(self, texts):
        self.texts = texts
        self.public = {}
        for path in texts:
            where, mark, name = path.partition("/include/")
            if mark:
                self.public.setdefault(name, []).append(path)

    def resolve(self, path, quoted, name):
        """The files that `name` may mean in `path`: beside it and in its layer if quoted, from the
        root, in an include/."""
        if quoted:
            beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
            own = sources.layer_of(path)
            near = [p for p in self.texts if own and sources.inside(p, own)]
            near = [p for p in near if p.endswith("/" + name)]
            if beside in self.texts or near:
                return [beside] if beside in self.texts else near[:1]
        if name in self.texts:
            return [name]
        return self.public.get(name, [])

    def edges(self, path):
        """Yields (line, files) for the include lines of a file that mean files of ours."""
        for line, quoted, name in includes(self.texts[path]):
            targets = self.resolve(path, quoted, name)
            if targets:
                yield line, targets


def may_include(source, target):
    """Whether the layers allow that `source` includes `target`."""
    here, there = sources.layer_of(source), sources.layer_of(target)
    if here is None or here == there:
        return True
    if there is None:
        return False
    if there.startswith("kernel/arch/") and here not in ("tests", "bench"):
        return False
    return any(sources.inside(there, allowed) for allowed in sources.LAYERS[here])


def check_layers(tree):
    for path in sorted(tree.texts):
        for line, targets in tree.edges(path):
            if not any(may_include(path, target) for target in targets):
                layer = sources.layer_of(path)
                yield Finding(path, line, f"{layer} may not include {targets[0]}")


def check_foreign(tree):
    """Headers that are not ours: freestanding code may have the compiler's."""
    for path in sorted(tree.texts):
        for line, quoted, name in includes(tree.texts[path]):
            if tree.resolve(path, quoted, name):
                continue
            if quoted and not name.startswith("generated/"):
                yield Finding(path, line, f'no "{name}" in the tree')
            elif sources.freestanding(path) and name not in sources.COMPILER_HEADERS and not quoted:
                yield Finding(path, line, f"<{name}> is not there in freestanding code")


def check_cycles(tree):
    """Depth-first search; each cycle is reported once, where it closes."""
    state = {}

    def visit(path, trail):
        state[path] = "open"
        for line, targets in tree.edges(path):
            for target in targets:
                if state.get(target) == "open":
                    cycle = trail[trail.index(target) :] + [target]
                    yield Finding(path, line, "include cycle: " + " -> ".join(cycle))
                elif target not in state:
                    yield from visit(target, trail + [target])
        state[path] = "done"

    for path in sorted(tree.texts):
        if path not in state:
            yield from visit(path, [path])


def run(context):
    paths = sources.files(context.root, *sources.C_SUFFIXES)
    tree = Tree({path: (context.root / path).read_text() for path in paths})
    return [*check_layers(tree), *check_foreign(tree), *check_cycles(tree)]
