#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the reference of libnr, a manual page and a Markdown page, from its public headers.

A header is a series of chunks between blank lines: an opening comment, section lines, and
declarations below the comment that is their contract. That is the layout our style asks for, so
there is no markup in them to parse.
"""
import argparse
import pathlib
import re

# In reading order; the engine and the atomics behind nr.h are no interface.
FIRST = ["nr.h", "typed.h"]
LAST = ["alloc.h", "port.h"]
PRIVATE = ["engine.h", "atomic.h"]

SECTION = re.compile(r"/\* -{4} (.*?) -+ \*/")


def comment_text(comment):
    """The words of a block comment without its frame, line by line."""
    lines = comment.strip().removeprefix("/*").removesuffix("*/").splitlines()
    words = [re.sub(r"^ ?\* ?", "", line.rstrip()) for line in lines]
    return "\n".join(words).strip("\n ").splitlines()


def chunks(source):
    """Yields ("section", title), ("text", lines) and ("code", contract lines, code lines)."""
    for chunk in re.split(r"\n\s*\n(?=\S)", source):
        chunk = chunk.strip("\n")
        section = SECTION.match(chunk)
        if section:
            yield "section", section.group(1), None
            continue
        match = re.match(r"/\*.*?\*/", chunk, re.S)
        contract = comment_text(match.group(0)) if match else []
        code = [line for line in (chunk[match.end():] if match else chunk).strip("\n").splitlines()
                if not line.startswith("#")]
        declares = any(line.rstrip().endswith((";", "{")) for line in code)
        if contract and not code:
            yield "text", contract, None
        elif declares and "\\" not in "".join(code):
            yield "code", contract, [line.replace("NR_API ", "") for line in code]


def headers(folder):
    names = sorted(path.name for path in folder.glob("*.h") if path.name not in PRIVATE)
    middle = [name for name in names if name not in FIRST + LAST]
    return [folder / name for name in FIRST + middle + LAST if name in names]


def source_of(path):
    source = path.read_text(encoding="utf-8")
    return source.split("#pragma once\n", 1)[1].replace("\n/*\n", "\n\n/*\n", 1)


def markdown(paths):
    out = ["# Reference of libnr", "",
           "Made from the headers by `tools/apidoc.py`. libnr.md is the guide.", ""]
    for path in paths:
        out += [f"## &lt;nr/{path.name}&gt;", ""]
        for kind, first, code in chunks(source_of(path)):
            if kind == "section":
                out += [f"### {first}", ""]
                continue
            fenced = ["    " + line if line else "" for line in first] if kind == "text" else first
            out += [*fenced, ""]
            if code:
                out += ["```c", *code, "```", ""]
    return "\n".join(out)


def roff(line):
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line.startswith((".", "'")) else line


def manual(paths, version):
    out = [f'.TH LIBNR 3 "" "libnr {version}" "Library Functions"', ".SH NAME",
           "libnr \\- node replication: sequential data structures made concurrent",
           ".SH LIBRARY", "Node replication (libnr, \\-lnr)"]
    for path in paths:
        out += [f'.SH "<NR/{path.name.upper()}>"', ".nf", f".B #include <nr/{path.name}>", ".fi"]
        for kind, first, code in chunks(source_of(path)):
            if kind == "section":
                out += [f'.SS "{first}"']
                continue
            out += [".PP", ".nf", *(roff(line) for line in first), ".fi"]
            if code:
                out += [".PP", ".RS 4", ".nf", *(roff(line) for line in code), ".fi", ".RE"]
    out += [".SH SEE ALSO",
            "The guide and the theory, libnr.md and libnr\\-internals.md, are installed with it."]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where the headers are")
    parser.add_argument("--version", required=True)
    parser.add_argument("--man", type=pathlib.Path, required=True)
    parser.add_argument("--markdown", type=pathlib.Path, required=True)
    args = parser.parse_args()
    paths = headers(args.folder)
    args.man.write_text(manual(paths, args.version), encoding="utf-8")
    args.markdown.write_text(markdown(paths), encoding="utf-8")


main()
