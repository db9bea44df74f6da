# SPDX-License-Identifier: BSD-2-Clause
"""Command lines of QEMU for machines that nrk runs on."""
import dataclasses

from nrk.errors import UsageError

PROGRAM = "qemu-system-x86_64"
UEFI = "/usr/share/ovmf/OVMF.fd"  # of the package ovmf
DEBUG_EXIT_PORT = 0xF4
# By xAPIC, the only interrupt controller that every accelerator has.
MAX_CORES = 255
MAX_NODES = 16
# The least that a node can have: the first one holds the image, its modules and the firmware.
MIN_NODE_MIB = 16


@dataclasses.dataclass
class Machine:
    """A virtual machine; `argv` is how to start it.

    It boots `kernel` with `cmdline` and `module` directly, or what `cdrom` holds if there is no
    kernel. (QEMU passes one module at most; by GRUB there can be many.) Its first serial port is
    QEMU's standard input and output.
    """

    kernel: str = None
    cmdline: str = ""
    module: str = None
    cdrom: str = None
    firmware: str = None  # an image for -bios; QEMU's own (SeaBIOS) without
    cores: int = 1
    nodes: int = 1
    memory: int = 1024  # MiB
    cpu: str = "max"
    accel: str = "tcg,thread=multi"
    debug_exit: bool = True  # the device through which the kernel passes its exit code
    extra: tuple = ()  # further arguments of QEMU

    def check(self):
        """Raises UsageError for a machine that QEMU or nrk cannot have."""
        if not 1 <= self.cores <= MAX_CORES:
            raise UsageError(f"{self.cores} cores: there can be 1 to {MAX_CORES}")
        if not 1 <= self.nodes <= min(self.cores, MAX_NODES):
            raise UsageError(
                f"{self.nodes} nodes: there can be 1 to {MAX_NODES}, with a core each"
            )
        if self.memory < MIN_NODE_MIB * self.nodes:
            raise UsageError(f"{self.memory} MiB: each node needs {MIN_NODE_MIB} MiB")

    def _topology(self):
        """Sockets are nodes where the cores divide evenly, else each core is a socket. The latter
        also where APIC ids, in which a socket takes a power of two, would not fit 8 bits."""
        sockets = self.nodes
        size = self.cores // sockets
        highest = ((sockets - 1) << (size - 1).bit_length()) + size - 1
        if self.cores % self.nodes or highest >= MAX_CORES:
            sockets = self.cores
        argv = ["-smp", f"{self.cores},sockets={sockets},cores={self.cores // sockets},threads=1"]
        if self.nodes == 1:
            return argv
        share, rest = divmod(self.memory, self.nodes)
        for node in range(self.nodes):
            size = share + (rest if node == 0 else 0)
            argv += ["-object", f"memory-backend-ram,id=mem{node},size={size}M"]
            argv += ["-numa", f"node,nodeid={node},memdev=mem{node}"]
        for socket in range(sockets):
            argv += ["-numa", f"cpu,node-id={socket * self.nodes // sockets},socket-id={socket}"]
        return argv

    def _boot(self):
        argv = ["-bios", str(self.firmware)] if self.firmware else []
        if self.cdrom:
            argv += ["-cdrom", str(self.cdrom)]
        if not self.kernel:
            return argv
        argv += ["-kernel", str(self.kernel)]
        if self.cmdline:
            argv += ["-append", self.cmdline]
        return argv + (["-initrd", str(self.module)] if self.module else [])

    def _debug_exit(self):
        device = f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"
        return ["-device", device] if self.debug_exit else []

    def argv(self):
        self.check()
        return [
            PROGRAM,
            *("-accel", self.accel, "-machine", "q35", "-cpu", self.cpu, "-m", f"{self.memory}M"),
            *self._topology(),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-serial", "stdio"),
            *self._debug_exit(),
            *self._boot(),
            *self.extra,
        ]


def exit_code(status):
    """The kernel's exit code (kernel/exit.h) for the exit status of QEMU, or None if the machine
    ended in another way: by a reset, by QEMU itself, by a signal."""
    return status >> 1 if status > 0 and status & 1 else None
