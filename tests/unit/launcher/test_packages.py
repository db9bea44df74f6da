# SPDX-License-Identifier: BSD-2-Clause
"""The package table, and tools/install-packages against an apt-get and a sudo of our own."""
import contextlib
import os
import pathlib
import pty
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from nrk import commands, packages  # noqa: E402 (after the path above)
from nrk.errors import Failure  # noqa: E402


class Table(unittest.TestCase):
    def test_every_command_has_a_row(self):
        for name in commands.names():
            self.assertIn(name, packages.TABLE)

    def test_rows_belong_to_commands_and_includes_to_rows(self):
        for row, words in packages.TABLE.items():
            self.assertIn(row.split(":")[0], commands.names())
            for word in words.split():
                if word.startswith("+"):
                    self.assertIn(word[1:], packages.TABLE, row)

    def test_includes_expand_without_duplicates(self):
        with mock.patch.dict(
            packages.TABLE, {"a": "x y", "b": "+a z", "c": "+b y w +a"}, clear=True
        ):
            self.assertEqual(packages.needed(["c"]), ["x", "y", "z", "w"])
            self.assertEqual(packages.needed(["a", "b"]), ["x", "y", "z"])
            self.assertEqual(packages.needed([]), [])


class Missing(unittest.TestCase):
    def dpkg(self, stdout):
        done = subprocess.CompletedProcess([], 1, stdout=stdout)
        return mock.patch.object(subprocess, "run", return_value=done)

    def test_absent_removed_and_half_installed_packages_are_missing(self):
        with self.dpkg("a installed\nb config-files\nc half-installed\n"), mock.patch(
            "shutil.which", return_value="dpkg-query"
        ):
            self.assertEqual(packages.missing(["a", "b", "c", "d"]), ["b", "c", "d"])

    def test_one_query_for_all(self):
        with self.dpkg("") as run, mock.patch("shutil.which", return_value="dpkg-query"):
            packages.missing(["a", "b"])
            self.assertEqual(run.call_count, 1)
            packages.missing([])
            self.assertEqual(run.call_count, 1)

    def test_other_distributions_are_told_what_is_needed(self):
        with mock.patch("shutil.which", return_value=None), self.assertRaises(Failure) as caught:
            packages.missing(["ninja-build"])
        self.assertIn("ninja-build", str(caught.exception))
        self.assertIn("NRK_PACKAGES=skip", str(caught.exception))

    def test_skip_looks_at_nothing(self):
        with mock.patch.dict(os.environ, {"NRK_PACKAGES": "skip"}), mock.patch.object(
            packages, "missing"
        ) as missing:
            packages.ensure(["build"], yes=False)
        missing.assert_not_called()


class Installer(unittest.TestCase):
    """tools/install-packages with programs of ours first in PATH, which log what they are told."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.log = pathlib.Path(self.directory.name) / "log"
        self.program("apt-get", f'echo "apt-get $*" >>{self.log}')
        options = 'while [ "${1#-}" != "$1" ]; do shift; done'
        self.program("sudo", f'echo "sudo $*" >>{self.log}; {options}; "$@"')

    def program(self, name, text):
        path = pathlib.Path(self.directory.name) / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def install(self, *words, uid=1000, answer=None):
        """Runs the installer as `uid`; with an answer, on a terminal where somebody types it."""
        self.program("id", f"echo {uid}")
        environment = {**os.environ, "PATH": f"{self.directory.name}:/usr/bin:/bin"}
        command = [ROOT / "tools" / "install-packages", *words]
        if answer is None:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            return done.returncode, done.stdout
        master, terminal = pty.openpty()
        os.write(master, answer.encode())
        done = subprocess.run(
            command, env=environment, stdin=terminal, stderr=terminal, check=False
        )
        os.close(terminal)
        return done.returncode, self.drain(master)

    def drain(self, master):
        """What was shown on the terminal, whose other end is closed."""
        output = b""
        with contextlib.suppress(OSError), open(master, "rb", buffering=0) as terminal:
            while chunk := terminal.read(4096):
                output += chunk
        return output.decode()

    def asked(self):
        return self.log.read_text() if self.log.exists() else ""

    def test_root_installs_without_asking(self):
        status, _ = self.install("spin", "gcc", uid=0)
        self.assertEqual(status, 0)
        self.assertRegex(self.asked(), "apt-get .*install --no-install-recommends spin gcc")
        self.assertNotIn("sudo", self.asked())

    def test_without_terminal_the_command_is_named(self):
        status, output = self.install("spin", "gcc")
        self.assertEqual(status, 1)
        self.assertIn("sudo apt-get install --no-install-recommends spin gcc", output)
        self.assertEqual(self.asked(), "")

    def test_yes_uses_sudo_without_asking(self):
        status, _ = self.install("--yes", "spin")
        self.assertEqual(status, 0)
        self.assertRegex(self.asked(), "sudo -n .*install --no-install-recommends spin")

    def test_on_a_terminal_it_asks(self):
        for answer in ("\n", "y\n", "Yes\n"):
            status, output = self.install("spin", answer=answer)
            self.assertEqual(status, 0)
            self.assertIn("[Y/n]", output)
        self.assertIn("sudo", self.asked())

    def test_no_means_no(self):
        status, output = self.install("spin", answer="n\n")
        self.assertEqual(status, 1)
        self.assertEqual(self.asked(), "")
        self.assertIn("apt-get install", output)

    def test_a_failing_update_does_not_stop_the_installation(self):
        failing = 'case "$*" in *update*) exit 100;; esac'
        self.program("apt-get", f'echo "apt-get $*" >>{self.log}; {failing}')
        self.assertEqual(self.install("spin", uid=0)[0], 0)
        self.assertIn("install", self.asked())

    def test_a_failing_installation_fails(self):
        self.program("apt-get", 'case "$*" in *install*) exit 100;; esac')
        status, output = self.install("spin", uid=0)
        self.assertEqual(status, 1)
        self.assertIn("could not install: spin", output)

    def test_nothing_to_install(self):
        self.assertEqual(self.install(uid=1000)[0], 0)


if __name__ == "__main__":
    unittest.main()
