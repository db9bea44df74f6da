# SPDX-License-Identifier: BSD-2-Clause
"""`./nrk run` and `./nrk gdb`: from options to command lines of QEMU, the kernel and gdb."""
import contextlib
import io
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))

from nrk import accel, cli, commands, guest_gdb  # noqa: E402 (after the path above)
from nrk.commands import gdb, run  # noqa: E402
from nrk.errors import Failure, UsageError  # noqa: E402


def parse(name, *words):
    return cli.Parser(name, commands.load(name)).parse(list(words))


def argv(*words):
    return run.machine(parse("run", *words), "nrk.elf", accel.TCG).argv()


def after(words, name):
    return [words[i + 1] for i, word in enumerate(words) if word == name]


class RunArguments(unittest.TestCase):
    def test_words_after_the_dashes_are_the_kernel_command_line(self):
        self.assertEqual(after(argv("--cores", "2", "--", "test=exit"), "-append"), ["test=exit"])
        self.assertEqual(after(argv(), "-append"), [])

    def test_words_without_dashes_are_refused(self):
        with self.assertRaises(UsageError):
            argv("test=exit")

    def test_words_of_the_shell_keep_their_blanks(self):
        self.assertEqual(run.kernel_word("initargs=a b"), "initargs='a b'")
        self.assertEqual(run.kernel_word("initargs=it's a \\"), 'initargs="it\'s a \\\\"')
        self.assertEqual(run.kernel_word("a b"), "'a b'")
        self.assertEqual(run.kernel_word("log=info,acpi=off"), "log=info,acpi=off")

    def test_log_levels_and_stub_are_words_for_the_kernel(self):
        line = after(argv("--log", "debug", "--gdb", "--", "--", "x"), "-append")[0]
        self.assertEqual(line, "log=debug gdb=localhost:1234 -- x")

    def test_the_stub_has_the_second_serial_port(self):
        serials = after(argv("--gdb", "--gdb-port", "4321"), "-serial")
        self.assertEqual(serials[0], "stdio")
        self.assertTrue(serials[1].startswith("tcp:127.0.0.1:4321,server=on"), serials)

    def test_qemus_own_stub_stops_the_machine_at_its_start(self):
        words = argv("--gdb=qemu")
        self.assertIn("-S", words)
        self.assertEqual(after(words, "-gdb"), ["tcp:127.0.0.1:1234"])
        self.assertEqual(after(words, "-append"), [])

    def test_network_card(self):
        self.assertEqual(after(argv(), "-netdev"), [])
        self.assertIn("virtio-net-pci,netdev=net0", argv("--nic", "virtio"))

    def test_arguments_for_qemu_are_split_like_a_shell_does(self):
        self.assertEqual(argv("--qemu-args=-D 'a b'", "--qemu-args=-s")[-3:], ["-D", "a b", "-s"])

    def test_impossible_options(self):
        for words in (["--qemu-args='"], ["--gdb", "--gdb-port", "0"], ["--cores", "0"]):
            with self.assertRaises(UsageError, msg=words):
                argv(*words)
        with self.assertRaises(UsageError):
            parse("run", "--gdb=lldb")

    def test_processor_model_of_the_user_wins(self):
        self.assertEqual(after(argv("--cpu", "qemu64"), "-cpu"), ["qemu64"])


class RunStatus(unittest.TestCase):
    def status(self, status):
        with contextlib.redirect_stderr(io.StringIO()):
            return run.exit_status(status)

    def test_exit_code_of_the_kernel_is_ours(self):
        self.assertEqual([self.status(s) for s in (1, 5, 13)], [0, 2, 6])

    def test_an_end_without_a_code_is_a_failure(self):
        self.assertEqual([self.status(s) for s in (0, -6)], [run.NO_CODE] * 2)

    def test_interrupt_ends_the_machine_and_waits_for_it(self):
        program = (
            "import signal, sys, os\n"
            "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "os.kill(os.getppid(), signal.SIGINT)\n"
            "signal.pause()\n"
        )
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with mock.patch.object(run, "END_S", 0):
            self.assertEqual(run.execute([sys.executable, "-c", program]), run.INTERRUPTED)

    def test_who_ends_the_launcher_ends_the_machine(self):
        program = "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\nsignal.pause()\n"
        with mock.patch.object(subprocess.Popen, "terminate", autospec=True) as terminate:
            terminate.side_effect = lambda process: process.kill()
            self.assertEqual(run.execute([sys.executable, "-c", program]), run.TERMINATED)
        self.assertEqual(terminate.call_count, 1)


class Accelerator(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.probe = pathlib.Path(directory.name, "probe.elf")
        self.probe.touch()
        self.boot_id = pathlib.Path(directory.name, "boot_id")

    def choose(self, wanted, rights=True, boot="first", device=True, **result):
        """What is chosen where the probe's QEMU ends with this status or exception."""
        self.boot_id.write_text(boot)
        with mock.patch.object(accel, "DEVICE", self.probe if device else "/there/is/none"):
            with mock.patch.object(accel, "BOOT_ID", self.boot_id), mock.patch(
                "os.access", return_value=rights
            ), mock.patch("subprocess.run", mock.Mock(**result)) as ran:
                found = accel.choose(wanted, self.probe)[0]
        self.n_runs = ran.call_count
        return found

    def ended(self, status):
        return {"return_value": mock.Mock(returncode=status)}

    def test_kvm_only_after_the_probe_has_succeeded(self):
        self.assertEqual(self.choose("auto", **self.ended(1)), accel.KVM)
        for status in (0, 3, -6, 2):
            found = self.choose("auto", boot=str(status), **self.ended(status))
            self.assertEqual(found, accel.TCG, status)

    def test_the_probe_runs_once_per_boot(self):
        self.assertEqual(self.choose("auto", **self.ended(1)), accel.KVM)
        self.assertEqual((self.choose("auto", **self.ended(0)), self.n_runs), (accel.KVM, 0))
        found = self.choose("auto", boot="second", **self.ended(0))
        self.assertEqual((found, self.n_runs), (accel.TCG, 1))

    def test_a_probe_that_hangs_means_no(self):
        hang = {"side_effect": subprocess.TimeoutExpired("qemu", 1)}
        self.assertEqual(self.choose("auto", **hang), accel.TCG)

    def test_without_device_or_rights(self):
        self.assertEqual(self.choose("auto", device=False), accel.TCG)
        self.assertEqual(self.choose("auto", rights=False), accel.TCG)

    def test_kvm_on_demand_fails_with_a_remedy(self):
        with self.assertRaisesRegex(Failure, "--accel tcg"):
            self.choose("kvm", **self.ended(0))

    def test_tcg_on_demand_does_not_probe(self):
        self.assertEqual(self.choose("tcg", side_effect=AssertionError), accel.TCG)


class Debugger(unittest.TestCase):
    def test_symbols_are_relocated_by_the_stub_or_by_hand(self):
        words = gdb.command(parse("gdb"), "nrk.elf")
        self.assertIn("file nrk.elf", words)
        words = gdb.command(parse("gdb", "--qemu", "--gdb-port", "5"), "nrk.elf")
        self.assertIn(f"symbol-file -o {guest_gdb.OFFSET:#x} nrk.elf", words)
        self.assertEqual(words[-1], "target remote localhost:5")

    def test_words_go_to_gdb(self):
        words = gdb.command(parse("gdb", "--", "-ex", "bt"), "nrk.elf")
        self.assertEqual(words[-2:], ["-ex", "bt"])


if __name__ == "__main__":
    unittest.main()
