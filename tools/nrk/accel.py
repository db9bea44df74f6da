# SPDX-License-Identifier: BSD-2-Clause
"""Which accelerator of QEMU to use.

That /dev/kvm exists does not say that KVM works: there are machines where it is an emulation that
fails on ordinary kernels. So a tiny guest (kernel/arch/x86_64/accel_probe.S) is run on it first. What
it finds is remembered beside the probe for as long as this machine is not booted anew.
"""
import dataclasses
import os
import pathlib
import subprocess

from nrk import qemu
from nrk.errors import Failure

DEVICE = "/dev/kvm"
BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")
# The probe needs a fraction of a second; one that fails may hang instead of ending.
LIMIT_S = 5


@dataclasses.dataclass
class Accel:
    """An accelerator and the processor model that goes with it, as arguments of QEMU."""

    name: str
    accel: str
    cpu: str


TCG = Accel("tcg", "tcg,thread=multi", "max")
# The time-stamp counter's rate is known to be constant only on a machine that is never migrated.
KVM = Accel("kvm", "kvm", "host,migratable=no,+invtsc")


def works(probe):
    """Runs the probe."""
    machine = qemu.Machine(kernel=probe, memory=64, accel=KVM.accel, cpu=KVM.cpu)
    try:
        done = subprocess.run(
            machine.argv(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return qemu.exit_code(done.returncode) == 0


def works_cached(probe):
    """The same, at most once per boot of this machine and build of the probe."""
    memory = pathlib.Path(probe).with_suffix(".found")
    now = f"{BOOT_ID.read_text().strip()} {os.stat(probe).st_mtime_ns}"
    if memory.exists() and (words := memory.read_text().rsplit(" ", 1))[0] == now:
        return words[1] == "yes"
    found = works(probe)
    memory.write_text(f"{now} {'yes' if found else 'no'}")
    return found


def why_not_kvm(probe):
    """What speaks against KVM on this machine, or None."""
    if not os.path.exists(DEVICE):
        return f"there is no {DEVICE}; enable virtualization in the firmware, load kvm_intel or kvm_amd"
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} cannot be opened; become a member of its group (usually kvm)"
    if not works_cached(probe):
        return f"{DEVICE} is there, but does not run a guest correctly"
    return None


def choose(wanted, probe):
    """The accelerator for `auto`, `kvm` or `tcg`, and why it is not KVM (or None)."""
    if wanted == "tcg":
        return TCG, None
    reason = why_not_kvm(probe)
    if reason is None:
        return KVM, None
    if wanted == "kvm":
        raise Failure(f"no KVM: {reason}; or use --accel tcg")
    return TCG, reason
