# SPDX-License-Identifier: BSD-2-Clause
"""The launcher as its user sees it: messages, exit statuses, what options select."""
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from nrk import cli, commands, tree  # noqa: E402 (after the path above)
from nrk.commands import bench, test  # noqa: E402
from nrk.errors import UsageError, nearest  # noqa: E402


def nrk(*words):
    """Runs the launcher in this process: exit status, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), mock.patch.dict(
        os.environ, {"NRK_PACKAGES": "skip"}
    ):
        status = cli.main(list(words))
    return status, out.getvalue(), err.getvalue()


def parse(name, *words):
    return cli.Parser(name, commands.load(name)).parse(list(words))


class Messages(unittest.TestCase):
    def test_unknown_command_names_the_nearest(self):
        status, out, err = nrk("biuld")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("no command 'biuld' (did you mean build?)", err)

    def test_unknown_option_names_the_nearest(self):
        status, _, err = nrk("test", "--repaet", "3")
        self.assertEqual(status, 2)
        self.assertIn("unknown option '--repaet' (did you mean --repeat?)", err)

    def test_unknown_option_with_value_names_only_the_option(self):
        self.assertIn(
            "unknown option '--sanitise' (did you mean --sanitize?)",
            nrk("test", "--sanitise=thread")[2],
        )

    def test_options_are_not_abbreviated(self):
        self.assertEqual(nrk("build", "--rel")[0], 2)

    def test_unknown_option_before_the_command(self):
        status, _, err = nrk("--frob", "build")
        self.assertEqual(status, 2)
        self.assertIn("--frob", err)

    def test_unknown_label(self):
        status, _, err = nrk("test", "unti")
        self.assertEqual(status, 2)
        self.assertIn("'unti' (did you mean unit?)", err)

    def test_unknown_configuration(self):
        status, _, err = nrk("build", "--config", "asam")
        self.assertEqual(status, 2)
        self.assertIn("'asam' (did you mean asan?)", err)

    def test_unknown_suite(self):
        status, _, err = nrk("bench", "no-such-suite")
        self.assertEqual(status, 2)
        self.assertIn("no-such-suite", err)

    def test_bad_number(self):
        for number in ("0", "-1", "many"):
            self.assertEqual(nrk("test", "--repeat", number)[0], 2, number)

    def test_nothing_near(self):
        self.assertEqual(nearest("zzz", ["build"]), "")

    def test_no_command_lists_commands(self):
        for words in ((), ("help",), ("--help",), ("-h",), ("--yes",)):
            status, out, _ = nrk(*words)
            self.assertEqual(status, 0, words)
            for name in commands.names():
                self.assertIn(commands.summary(name), out)

    def test_help_of_each_command(self):
        for name in commands.names():
            status, out, _ = nrk("help", name)
            self.assertEqual(status, 0)
            self.assertIn(f"usage: ./nrk {name}", out)

    def test_every_command_has_a_one_line_summary(self):
        for name in commands.names():
            lines = commands.load(name).__doc__.strip().splitlines()
            self.assertLessEqual(len(lines[0]), 80)
            self.assertTrue(len(lines) == 1 or lines[1] == "", name)


class Configurations(unittest.TestCase):
    def choose(self, *words):
        return tree.choose(parse("build", *words))

    def test_default(self):
        config = self.choose()
        self.assertEqual(config.name, "default")
        self.assertEqual(config.variables["CMAKE_BUILD_TYPE"], "RelWithDebInfo")
        self.assertEqual(config.build_dir, ROOT / "build" / "default")

    def test_options_name_presets(self):
        for words, name in (
            (["--release"], "release"),
            (["--debug"], "debug"),
            (["--clang"], "clang"),
            (["--sanitize=address,undefined"], "asan"),
            (["--sanitize", "undefined,address"], "asan"),
            (["--sanitize=thread"], "tsan"),
            (["--config", "aarch64"], "aarch64"),
        ):
            config = self.choose(*words)
            self.assertEqual(config.name, name)
            self.assertEqual(config.variables, tree.presets()[name])

    def test_options_combine(self):
        config = self.choose("--clang", "--release", "--sanitize=thread")
        self.assertEqual(config.name, "clang-release-tsan")
        self.assertEqual(
            config.variables,
            {
                "CMAKE_C_COMPILER": "clang",
                "CMAKE_BUILD_TYPE": "Release",
                "NRK_CHECKED": "OFF",
                "NRK_SANITIZE": "thread",
            },
        )

    def test_sanitizers_without_a_preset_get_their_own_tree(self):
        config = self.choose("--sanitize=undefined")
        self.assertEqual(
            (config.name, config.variables), ("undefined", {"NRK_SANITIZE": "undefined"})
        )

    def test_impossible_options(self):
        for words in (
            ["--release", "--debug"],
            ["--sanitize=thread,address"],
            ["--sanitize=memroy"],
        ):
            with self.assertRaises(UsageError, msg=words):
                self.choose(*words)

    def test_only_the_default_has_the_matrix(self):
        """Or the builds of the other configurations would build each other without end."""
        matrix = [name for name, variables in tree.presets().items() if "NRK_MATRIX" in variables]
        self.assertEqual(matrix, ["default"])

    def test_configurations_need_their_packages(self):
        self.assertEqual(
            commands.load("build").package_rows(parse("build", "--clang")), ["build", "build:clang"]
        )


class TestSelection(unittest.TestCase):
    def command(self, *words):
        args = parse("test", *words)
        return test.ctest_command(args, tree.choose(args))

    def test_all_is_the_default(self):
        self.assertEqual(self.command(), self.command("all"))
        self.assertEqual(self.command("unit", "all"), self.command())
        self.assertNotIn("-L", self.command())

    def test_labels_are_matched_whole(self):
        command = self.command("unit", "model", "unit")
        self.assertEqual(command[command.index("-L") + 1], "^(unit|model)$")

    def test_options_stand_anywhere(self):
        command = self.command("unit", "-j", "3", "-R", "log", "model", "--repeat", "7")
        self.assertEqual(command[command.index("-j") + 1], "3")
        self.assertEqual(command[command.index("-R") + 1], "log")
        self.assertEqual(command[command.index("--repeat") + 1], "until-fail:7")
        self.assertEqual(command[command.index("-L") + 1], "^(unit|model)$")

    def test_fast_leaves_out_the_builds(self):
        command = self.command("--fast")
        self.assertEqual(command[command.index("-LE") + 1], "^build$")

    def test_configuration_selects_the_build_tree(self):
        command = self.command("--config", "tsan", "unit")
        self.assertEqual(command[command.index("--test-dir") + 1], str(ROOT / "build" / "tsan"))

    def test_packages_follow_the_labels(self):
        def rows(*words):
            return test.package_rows(parse("test", *words))

        self.assertEqual(rows("model"), ["test", "test:model"])
        self.assertEqual(rows("unit"), ["test", "test:unit"])
        self.assertEqual(rows("--fast", "unit"), ["test", "test:fast"])
        self.assertEqual(rows(), rows("all"))
        self.assertEqual(
            set(rows()), {"test", "test:unit", "test:model", "test:guest", "test:fuzz"}
        )
        self.assertEqual(rows("--config", "clang", "unit"), ["test", "build:clang"])

    def test_status_of_ctest_is_ours(self):
        with mock.patch.object(tree, "build"), mock.patch.object(tree, "execute", return_value=8):
            self.assertEqual(nrk("test", "unit")[0], 8)

    def test_a_failed_build_runs_no_test(self):
        with mock.patch.object(tree, "configure"), mock.patch.object(
            tree, "execute", return_value=1
        ) as execute:
            status, _, err = nrk("test", "unit")
        self.assertEqual(status, 1)
        self.assertIn("building build/default failed", err)
        self.assertEqual(execute.call_count, 1)
        self.assertIs(execute.call_args.kwargs["stdout"], sys.__stderr__)


class Bench(unittest.TestCase):
    def arguments(self, *words):
        return bench.suite_arguments(parse("bench", *words), "build/x")

    def test_options_on_either_side_of_the_suite(self):
        self.assertEqual(self.arguments("--quick", "nr"), ["--build-dir", "build/x", "--quick"])
        self.assertEqual(self.arguments("nr", "--quick"), ["--build-dir", "build/x", "--quick"])
        self.assertEqual(
            self.arguments("--csv", "f", "nr", "--threads", "4"),
            ["--build-dir", "build/x", "--csv", "f", "--threads", "4"],
        )

    def test_yes_is_never_the_suites(self):
        command, words = cli.split(["bench", "nr", "--quick", "--yes", "--", "--yes"])
        self.assertEqual((command, words), ("bench", ["--yes", "nr", "--quick", "--", "--yes"]))

    def test_every_suite_has_a_summary(self):
        for name, program in bench.suites().items():
            self.assertTrue(bench.summary(program), name)


class Stub(unittest.TestCase):
    """The shell stub `./nrk` as a program."""

    def run_stub(self, path, *words):
        return subprocess.run([path, *words], capture_output=True, text=True, cwd="/", check=False)

    def test_runs_from_anywhere(self):
        done = self.run_stub(ROOT / "nrk", "help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("./nrk COMMAND", done.stdout)

    def test_exit_status_passes_through(self):
        self.assertEqual(self.run_stub(ROOT / "nrk", "frobnicate").returncode, 2)


if __name__ == "__main__":
    unittest.main()
