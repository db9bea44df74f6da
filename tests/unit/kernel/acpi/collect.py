#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Collect the ACPI tables that QEMU's firmware makes, for test_acpi.c and the fuzzer's corpus.

    collect.py OUTPUT.tables QEMU-OPTION...

Runs QEMU until the firmware has put the tables into memory, follows the root pointer and writes
all ranges that it leads to as records: address (8 bytes), length (4 bytes), contents;
little-endian. The files beside this script were made by Debian 12's QEMU 7.2, with the options
listed in MACHINES below; without arguments, the script makes all of them again.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

MACHINES = {
    "pc-1": "-M pc -smp 1 -m 64",
    "q35-2": "-M q35 -smp 2 -m 256",
    "q35-8-2nodes": "-M q35 -smp 8,sockets=2,cores=2,threads=2 -m 512"
    " -numa node,nodeid=0,cpus=0-3,memdev=a -object memory-backend-ram,id=a,size=128M"
    " -numa node,nodeid=1,cpus=4-7,memdev=b -object memory-backend-ram,id=b,size=384M"
    " -numa dist,src=0,dst=1,val=31",
    "q35-80-8nodes": "-M q35 -smp 80,sockets=8,cores=10 -m 1024 "
    + " ".join(
        f"-numa node,nodeid={i},cpus={10 * i}-{10 * i + 9},memdev=m{i}"
        f" -object memory-backend-ram,id=m{i},size=128M"
        for i in range(8)
    ),
    "q35-255-16nodes": "-M q35 -smp 255 -m 1024 "
    + " ".join(
        f"-numa node,nodeid={i},cpus={16 * i}-{min(16 * i + 15, 254)},memdev=m{i}"
        f" -object memory-backend-ram,id=m{i},size=64M"
        for i in range(16)
    ),
    "q35-nvdimm": "-M q35,nvdimm=on -smp 2 -m 256,slots=4,maxmem=4G"
    " -numa node,nodeid=0,cpus=0,memdev=a -object memory-backend-ram,id=a,size=128M"
    " -numa node,nodeid=1,cpus=1,memdev=b -object memory-backend-ram,id=b,size=128M"
    " -object memory-backend-ram,id=n0,size=128M -device nvdimm,memdev=n0,node=0"
    " -object memory-backend-ram,id=n1,size=128M -device nvdimm,memdev=n1,node=1",
}


class Machine:
    """A running QEMU whose physical memory can be read."""

    def __init__(self, options, folder):
        self.folder = folder
        path = os.path.join(folder, "qmp")
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-nodefaults"]
            + ["-no-user-config", "-qmp", f"unix:{path},server=on,wait=off", *options]
        )
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        json.dump({"execute": name, "arguments": arguments}, self.stream)
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def read(self, address, size):
        path = os.path.join(self.folder, "memory")
        self.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.socket.close()


def find_rsdp(machine):
    for _ in range(600):
        area = machine.read(0xE0000, 0x20000)
        for at in range(0, len(area), 16):
            if area[at : at + 8] == b"RSD PTR " and sum(area[at : at + 20]) % 256 == 0:
                return 0xE0000 + at
        time.sleep(0.1)
    sys.exit("the firmware did not put a root pointer into memory")


def read_table(machine, address):
    length = struct.unpack("<I", machine.read(address + 4, 4))[0]
    return machine.read(address, length)


def collect(machine):
    """The root pointer and all tables: a list of (address, contents)."""
    rsdp = find_rsdp(machine)
    pointer = machine.read(rsdp, 36)
    revision, rsdt = pointer[15], struct.unpack("<I", pointer[16:20])[0]
    ranges = [(rsdp, pointer if revision >= 2 else pointer[:20])]
    roots = [(rsdt, "<I")]
    if revision >= 2:
        roots.append((struct.unpack("<Q", pointer[24:32])[0], "<Q"))
    addresses = set()
    for address, form in roots:
        if address:
            root = read_table(machine, address)
            ranges.append((address, root))
            addresses.update(entry for (entry,) in struct.iter_unpack(form, root[36:]))
    ranges += [(address, read_table(machine, address)) for address in sorted(addresses)]
    return ranges


def make(output, options):
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options, folder)
        try:
            ranges = collect(machine)
        finally:
            machine.stop()
    with open(output, "wb") as file:
        for address, contents in ranges:
            file.write(struct.pack("<QI", address, len(contents)) + contents)
    print(f"{output}: {len(ranges)} ranges, {sum(len(c) for _, c in ranges)} bytes")


def main():
    if len(sys.argv) > 2:
        make(sys.argv[1], sys.argv[2:])
        return
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, options in MACHINES.items():
        make(os.path.join(folder, name + ".tables"), options.split())


if __name__ == "__main__":
    main()
