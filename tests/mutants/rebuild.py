# SPDX-License-Identifier: BSD-2-Clause
"""Builds test programs from edited copies of their sources.

A Ninja build tree knows how each program is compiled and linked, and from which files. Only what
depends on an edited file is compiled again, with the tree's own commands but for the paths; the
rest is linked from the tree. With a sanitizer all of the program is."""
import functools
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path


class Broken(Exception):
    """A mutant could not be tested."""


@dataclass(frozen=True)
class Program:
    name: str
    compilations: dict  # object file -> words of its compilation
    link: list  # words


def run(words, **kwargs):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **kwargs)


def without_dependency_file(words):
    """A compilation that does not tell Ninja what it read."""
    words = list(words)
    for option, length in (("-MD", 1), ("-MT", 2), ("-MF", 2)):
        if option in words:
            at = words.index(option)
            del words[at:at + length]
    return words


class BuildTree:
    def __init__(self, root, build, ninja):
        self.root = root
        self.build = build
        self.ninja = ninja

    def ask(self, *words):
        result = run([self.ninja, "-C", self.build, "--quiet", *words])
        if result.returncode:
            raise Broken(f"ninja {' '.join(words)} fails in {self.build}:\n{result.stdout}")
        return result.stdout

    @functools.cached_property
    def read_files(self):
        """Object file -> the set of files that its compilation read."""
        files, current = {}, None
        for line in self.ask("-t", "deps").splitlines():
            head = re.match(r"(\S+): #deps", line)
            if head:
                current = files.setdefault(head.group(1), set())
            elif line.strip():
                current.add((self.build / line.strip()).resolve())
        return files

    @functools.cache
    def program(self, name):
        compilations, link = {}, None
        for line in self.ask("-t", "commands", name).splitlines():
            words = shlex.split(line.removeprefix(": && ").removesuffix(" && :"))
            if "-c" in words:
                compilations[words[words.index("-o") + 1]] = without_dependency_file(words)
            elif "-o" in words and Path(words[words.index("-o") + 1]).name == name:
                link = words
        if not link or not compilations:
            raise Broken(f"{self.build} does not build {name}")
        linked = self.linked_objects(link)
        used = {file: words for file, words in compilations.items() if Path(file).name in linked}
        return Program(name, used, link)

    def linked_objects(self, link):
        """Names of the object files that end up in a program, be it from libraries."""
        words = list(link)
        words[words.index("-o") + 1] = "/dev/null"
        result = run([*words, "-Wl,--trace,--trace"], cwd=self.build)
        if result.returncode:
            raise Broken(f"does not link:\n{result.stdout}")
        return set(re.findall(r"[^/()\s]+\.o\b", result.stdout))

    def compile(self, words, work, options):
        """Compiles the copy in `work`; returns the object file. A mutant may leave things unused,
        and little optimisation saves time."""
        words = [word.replace(f"{self.root}/", f"{work}/") for word in words]
        at = words.index("-o") + 1
        target = work / words[at].replace("/", "_")
        words[at] = str(target)
        result = run([*words, "-w", "-O1", "-g0", *options], cwd=self.build)
        if result.returncode:
            raise Broken(f"{words[-1]} does not compile:\n{result.stdout}")
        return target

    def rebuild(self, name, edited, work, sanitize=None):
        """The program `name`, with the files `edited` (relative to the root) taken from `work`."""
        program = self.program(name)
        options = [f"-fsanitize={sanitize}"] if sanitize else []
        edited = {self.root / file for file in edited}
        link = list(program.link)
        first_library = next(i for i, word in enumerate(link) if re.search(r"\.(a|so)$", word))
        for original, words in program.compilations.items():
            if not sanitize and not edited & self.read_files.get(original, set()):
                continue
            target = str(self.compile(words, work, options))
            if original in link:
                link[link.index(original)] = target
            else:  # of a library: an object file that stands before it makes it superfluous
                link.insert(first_library, target)
        target = work / name
        link[link.index("-o") + 1] = str(target)
        result = run([*link, *options], cwd=self.build)
        if result.returncode:
            raise Broken(f"{name} does not link:\n{result.stdout}")
        return target
