# SPDX-License-Identifier: BSD-2-Clause
"""Links between documents lead somewhere, and the book's index names every chapter"""
import pathlib
import re

from nrk import sources
from nrk.checks import Finding

LINK = re.compile(r"\]\(([^)\s#]*)(#[^)\s]*)?\)")
INDEX = "docs/README.md"


def links(text):
    """Yields (line number, target) of the links to files; text indented as code has none."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("    "):
            continue
        for match in LINK.finditer(line):
            target = match.group(1)
            if target and not re.match(r"[a-z]+:", target):
                yield number, target


def run(context):
    findings = []
    indexed = set()
    pages = sources.files(context.root, ".md")
    for path in pages:
        for number, target in links((context.root / path).read_text()):
            where = (context.root / path).parent / target
            if not where.exists():
                findings.append(Finding(path, number, f"no {target} here"))
            elif path == INDEX:
                indexed.add(where.resolve())
    for path in pages:
        chapter = sources.inside(path, "docs") and path != INDEX
        if chapter and (context.root / path).resolve() not in indexed:
            findings.append(Finding(INDEX, 1, f"does not name {pathlib.PurePosixPath(path).name}"))
    return findings
