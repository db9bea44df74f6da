# SPDX-License-Identifier: BSD-2-Clause
"""How a debugger reaches a guest: through the kernel's stub or through QEMU's."""
import pathlib

from nrk.errors import UsageError

PORT = 1234
STUB, QEMU = "stub", "qemu"
# The image's address at run time, less the one it is linked to, when QEMU has loaded it: KERNEL_BASE
# (kernel/arch/x86_64/layout.h). The kernel's stub tells gdb itself.
OFFSET = 0xFFFF800000000000
FUNCTIONS = pathlib.Path(__file__).resolve().parent.parent / "gdb_nrk.py"


def address(port):
    if not 1 <= port <= 65535:
        raise UsageError(f"port {port}: there can be 1 to 65535")
    return f"localhost:{port}"


def machine_arguments(kind, port):
    """Arguments of QEMU that open the port. The machine does not wait for the debugger on the
    kernel's stub, because that does; on QEMU's it stops at its first instruction."""
    address(port)
    if kind == QEMU:
        return ["-gdb", f"tcp:127.0.0.1:{port}", "-S"]
    return ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"]


def kernel_words(kind, port):
    return [f"gdb={address(port)}"] if kind == STUB else []


def debugger_arguments(kind, kernel, where):
    """The command line of a gdb that is connected and has the symbols of `kernel`. Where: a port, or
    what gdb's `target remote` takes."""
    where = address(where) if isinstance(where, int) else where
    argv = ["gdb", "-q", "-ex", "set pagination off", "-ex", f"source {FUNCTIONS}"]
    if kind == STUB:
        argv += ["-ex", f"file {kernel}"]
    else:
        argv += ["-ex", f"symbol-file -o {OFFSET:#x} {kernel}"]
    return argv + ["-ex", f"target remote {where}"]
