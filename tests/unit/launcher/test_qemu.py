# SPDX-License-Identifier: BSD-2-Clause
"""Command lines of QEMU, and GRUB's script for ISO images."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))

from nrk import iso, qemu  # noqa: E402  (found by the line above)
from nrk.errors import UsageError  # noqa: E402


def option(argv, name):
    return [argv[i + 1] for i, word in enumerate(argv) if word == name]


class MachineTest(unittest.TestCase):
    def test_one_node_needs_no_numa_options(self):
        argv = qemu.Machine(kernel="nrk.elf", cmdline="test=exit").argv()
        self.assertEqual(option(argv, "-numa"), [])
        self.assertEqual(option(argv, "-append"), ["test=exit"])

    def test_nodes_are_sockets_and_share_all_memory(self):
        argv = qemu.Machine(cores=6, nodes=3, memory=1000).argv()
        self.assertEqual(option(argv, "-smp"), ["6,sockets=3,cores=2,threads=1"])
        sizes = [int(o.split("size=")[1][:-1]) for o in option(argv, "-object")]
        self.assertEqual(sum(sizes), 1000)
        self.assertIn("cpu,node-id=2,socket-id=2", option(argv, "-numa"))

    def test_cores_that_do_not_divide_are_sockets(self):
        argv = qemu.Machine(cores=5, nodes=2).argv()
        self.assertEqual(option(argv, "-smp"), ["5,sockets=5,cores=1,threads=1"])
        self.assertEqual(len([n for n in option(argv, "-numa") if "node-id=1" in n]), 2)

    def test_apic_ids_fit_eight_bits(self):
        argv = qemu.Machine(cores=255, nodes=15, memory=4096).argv()
        self.assertEqual(option(argv, "-smp"), ["255,sockets=255,cores=1,threads=1"])

    def test_impossible_machines_are_refused(self):
        for wrong in ({"cores": 0}, {"cores": 256}, {"nodes": 2}, {"cores": 4, "nodes": 17}):
            with self.assertRaises(UsageError):
                qemu.Machine(**wrong).argv()

    def test_exit_codes(self):
        self.assertEqual([qemu.exit_code(s) for s in (1, 13)], [0, 6])
        self.assertEqual([qemu.exit_code(s) for s in (0, 2, -9)], [None] * 3)


class ScriptTest(unittest.TestCase):
    def test_words_are_quoted_for_grub(self):
        text = iso.script("log=info it's;", [("a.bin", "x")])
        self.assertIn("multiboot2 /boot/nrk.elf 'log=info' 'it'\\''s;'\n", text)
        self.assertIn("module2 /boot/a.bin 'a.bin' x\n", text)


if __name__ == "__main__":
    unittest.main()
