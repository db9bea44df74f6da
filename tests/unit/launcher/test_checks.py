# SPDX-License-Identifier: BSD-2-Clause
"""The checks of `./nrk lint`: each finds what it is for, in a small tree made for it."""
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from nrk import checks, sources  # noqa: E402 (after the path above)
from nrk.checks import size  # noqa: E402

SPDX = "// SPDX-License-Identifier: BSD-2-Clause\n"
HEADER = SPDX + "#pragma once\n"


class Check(unittest.TestCase):
    """Runs a check on a tree given as path -> text; `found` is "path:line" of each finding."""

    def run_check(self, name, tree):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for path, text in tree.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            context = checks.Context(root, root / "build", False, 2)
            return sorted(checks.load(name).run(context))

    def assert_found(self, name, tree, *expected):
        found = [f"{finding.path}:{finding.line}" for finding in self.run_check(name, tree)]
        self.assertEqual(found, list(expected))

    def test_every_check_has_a_summary(self):
        for name in checks.names():
            self.assertRegex(checks.summary(name), r"^\w")


class Text(Check):
    def line(self, text, *expected, path="a.c"):
        first = SPDX if path.endswith((".c", ".h")) else "# " + SPDX[3:]
        self.assert_found("text", {path: first + text + "\n"}, *expected)

    def test_clean(self):
        self.line("int x;")

    def test_licence(self):
        self.assert_found("text", {"a.c": "int x;\n"}, "a.c:1")
        self.assert_found("text", {"tool": "#!/bin/sh\necho\n"}, "tool:2")
        self.assert_found("text", {"tool": "#!/bin/sh\n# " + SPDX[3:]})

    def test_white_space(self):
        self.line("int x; ", "a.c:2")
        self.line("\tint x;", "a.c:2")
        self.assert_found("text", {"a.md": "text"}, "a.md:1")
        self.assert_found("text", {"a.md": "text\n\n"}, "a.md:3")

    def test_marks_of_unfinished_work(self):
        for mark in ("TO" + "DO", "FIX" + "ME"):
            self.line(f"// {mark}: more", "a.c:2")
        self.line("// MASTODON")

    def test_machine_paths(self):
        self.line('#define P "/ho' + 'me/user/x"', "a.c:2")
        self.line('#define P "build/work/x"')

    def test_addresses_in_scripts_only(self):
        address = "https" + "://example.org"
        self.line(f"# {address}", "a.py:2", path="a.py")
        self.line(f"// see {address}")

    def test_goto(self):
        self.line("    goto again;", "a.c:2")
        self.line("    goto out_lock;")
        self.line("    goto err;")

    def test_width(self):
        self.line("# " + "x" * 119, "a.py:2", path="a.py")
        self.line("# " + "x" * 118, path="a.py")
        self.line("# " + "x" * 119, "a.cmake:2", path="a.cmake")
        self.line("# " + "x" * 118, path="a.cmake")

    def test_header_guard(self):
        self.assert_found("text", {"a.h": SPDX + "int x;\n"}, "a.h:1")


class Size(Check):
    def function(self, lines):
        return SPDX + "static int f(int a,\n             int b)\n{\n" + "    a++;\n" * lines + "}\n"

    def test_functions(self):
        self.assert_found("size", {"a.c": self.function(size.FUNCTION_LINES)})
        self.assert_found("size", {"a.c": self.function(size.FUNCTION_LINES + 1)}, "a.c:4")

    def test_tables_are_not_functions(self):
        table = "static const int t[] = {\n" + "    1,\n" * 100 + "};\n"
        self.assert_found(
            "size", {"a.c": SPDX + table + "struct s\n{\n" + "    int a;\n" * 99 + "};\n"}
        )

    def test_files(self):
        self.assert_found(
            "size", {"a.c": "int x;\n" * (size.FILE_LINES + 1)}, f"a.c:{size.FILE_LINES}"
        )

    def test_conditionals(self):
        few, many = size.CONDITIONALS_FREE, size.CONDITIONALS_FREE + 1
        self.assert_found("size", {"d/a.c": "#if A\n#endif\n" * few})
        self.assert_found("size", {"d/a.c": "#if A\n#endif\n" * many}, "d:1")


class Includes(Check):
    BASE = {"lib/base/include/base/list.h": HEADER}

    def test_allowed(self):
        tree = {**self.BASE, "lib/nr/nr.c": "#include <base/list.h>\n#include <stdint.h>\n"}
        self.assert_found("includes", tree)

    def test_layers(self):
        tree = {**self.BASE, "lib/kpi/kpi.c": "#include <base/list.h>\n"}
        self.assert_found("includes", tree, "lib/kpi/kpi.c:1")
        tree = {"kernel/fs/fs.h": HEADER, "drivers/nvme.c": '#include "kernel/fs/fs.h"\n'}
        self.assert_found("includes", tree, "drivers/nvme.c:1")

    def test_private_headers_of_an_architecture(self):
        tree = {"kernel/arch/x86_64/idt.h": HEADER}
        use = '#include "kernel/arch/x86_64/idt.h"\n'
        self.assert_found("includes", {**tree, "kernel/fs/fs.c": use}, "kernel/fs/fs.c:1")
        self.assert_found("includes", {**tree, "kernel/arch/x86_64/trap.c": '#include "idt.h"\n'})

    def test_foreign_headers(self):
        self.assert_found("includes", {"kernel/a.c": "#include <stdio.h>\n"}, "kernel/a.c:1")
        self.assert_found("includes", {"tests/a.c": "#include <stdio.h>\n"})
        self.assert_found("includes", {"tests/a.c": '#include "gone.h"\n'}, "tests/a.c:1")

    def test_names_of_standard_headers(self):
        """<string.h> is not our own string.h, and hosted programs may have it."""
        path = "lib/base/include/base/string.h"
        text = HEADER + "#if __STDC_HOSTED__\n#include <string.h>\n#else\n{}#endif\n"
        self.assert_found("includes", {path: text.format("")})
        self.assert_found("includes", {path: text.format("#include <string.h>\n")}, path + ":6")

    def test_cycles(self):
        tree = {
            "lib/base/a.h": HEADER + '#include "b.h"\n',
            "lib/base/b.h": HEADER + '#include "c.h"\n',
            "lib/base/c.h": HEADER + '#include "a.h"\n',
        }
        self.assert_found("includes", tree, "lib/base/c.h:3")

    def test_the_most_specific_layer_holds(self):
        self.assertEqual(sources.layer_of("kernel/arch/x86_64/idt.c"), "kernel/arch/x86_64")
        self.assertEqual(sources.layer_of("kernel/architecture.c"), "kernel")
        self.assertIsNone(sources.layer_of("library/x.c"))


class Links(Check):
    def test_links_lead_somewhere(self):
        page = "[one](docs/README.md), [two](gone.md)\n\n[web](" + "https" + "://example.org)\n"
        self.assert_found("links", {"README.md": page, "docs/README.md": "x\n"}, "README.md:1")
        self.assert_found("links", {"README.md": "    a[i](gone)\n[here](#part)\n"})

    def test_the_index_names_every_chapter(self):
        tree = {"docs/README.md": "[a](a.md)\n", "docs/a.md": "x\n", "docs/b.md": "x\n"}
        self.assert_found("links", tree, "docs/README.md:1")


class Compiled(Check):
    """Checks that run a tool; each is skipped where that is not installed."""

    def need(self, *programs):
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"no {program}")

    def test_headers_compile_alone(self):
        self.need("gcc")
        use = "size_t count(void);\n"
        self.assert_found("headers", {"lib/base/a.h": HEADER + "#include <stddef.h>\n" + use})
        self.assert_found("headers", {"lib/base/a.h": HEADER + use}, "lib/base/a.h:1")
        self.assert_found(
            "headers", {"lib/base/a.h": SPDX + "struct twice {int a;};\n"}, "lib/base/a.h:1"
        )

    def test_freestanding_code_needs_no_library(self):
        self.need("gcc", "clang")
        call = "void stop(void);\nvoid f(void);\nvoid f(void)\n{\n    stop();\n}\n"
        expected = ["lib/nr/a.c:1", "lib/nr/a.c:1"]
        self.assert_found("freestanding", {"lib/nr/a.c": call}, *expected)
        self.assert_found("freestanding", {"lib/nr/a.c": "#include <stdio.h>\n"}, *expected)
        port = {"lib/nr/include/nr/port.h": HEADER + "_Noreturn void stop(void);\n"}
        self.assert_found("freestanding", {"lib/nr/a.c": call, **port})

    def test_format(self):
        self.need("clang-format")
        style = (ROOT / ".clang-format").read_text()
        self.assert_found("format", {".clang-format": style, "a.c": "int   x;\n"}, "a.c:1")
        self.assert_found("format", {".clang-format": style, "a.c": "int x;\n"})

    def test_shell(self):
        self.need("shellcheck")
        first = "#!/bin/sh\n# " + SPDX[3:]
        self.assert_found("shell", {"tool": first + "rm $1\n"}, "tool:3")
        self.assert_found("shell", {"tool": first + 'rm "$1"\n'})

    def test_tidy(self):
        self.need("clang-tidy")
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory).resolve()
            (root / ".clang-tidy").write_text((ROOT / ".clang-tidy").read_text())
            (root / "a.c").write_text("int f(int x)\n{\n    int y = 0;\n    return x / y;\n}\n")
            (root / "compile_commands.json").write_text(
                f'[{{"directory": "{root}", "file": "a.c", "command": "gcc -c a.c"}}]'
            )
            found = checks.load("tidy").run(checks.Context(root, root, False, 1))
        self.assertEqual([(finding.path, finding.line) for finding in found], [("a.c", 4)])


if __name__ == "__main__":
    unittest.main()
