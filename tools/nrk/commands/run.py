# SPDX-License-Identifier: BSD-2-Clause
"""Build the kernel and run it in QEMU

What follows `--` is the kernel's command line (docs/kernel-cmdline.md). The guest's first serial
port is this terminal. The exit status is the kernel's exit code (docs/boot.md), 125 if the machine
ended without one, 130 after Ctrl-C, 143 after SIGTERM.

  ./nrk run --cores 4 --nodes 2 -- test=exit
  ./nrk run --gdb                       stop at the start and wait for `./nrk gdb`
  ./nrk run --qemu-args='-d int -D trace' -- log=debug
"""
import argparse
import re
import shlex
import signal
import subprocess

from nrk import accel, guest_gdb, qemu, tree
from nrk.errors import UsageError

NO_CODE = 125  # what env(1) and others use for "it did not come to that"
INTERRUPTED = 130
TERMINATED = 143
# QEMU on our terminal gets the Ctrl-C itself; one that does not end by that is ended.
END_S = 5
NICS = {
    "none": [],
    "e1000": ["-device", "e1000,netdev=net0"],
    "virtio": ["-device", "virtio-net-pci,netdev=net0"],
    "vmxnet3": ["-device", "vmxnet3,netdev=net0"],
}
MONITOR_PORT = 55555


def configure(parser):
    tree.add_config_options(parser)
    group = parser.add_argument_group("machine")
    group.add_argument("--cores", type=int, default=1, metavar="N", help="processor cores (1)")
    group.add_argument("--nodes", type=int, default=1, metavar="N", help="NUMA nodes (1)")
    group.add_argument("--memory", type=int, default=1024, metavar="MIB", help="of all nodes (1024)")
    group.add_argument("--nic", choices=list(NICS), default="none", help="network card (none)")
    group.add_argument("--cpu", metavar="MODEL", help="processor model, as QEMU names them")
    group.add_argument(
        "--accel",
        choices=["auto", "kvm", "tcg"],
        default="auto",
        help="auto: KVM where a test guest shows that it works, else TCG",
    )
    group.add_argument("--qemu-args", action="append", default=[], metavar="ARGS", help="more of them")
    group = parser.add_argument_group("watching it")
    group.add_argument(
        "--gdb",
        nargs="?",
        choices=[guest_gdb.STUB, guest_gdb.QEMU],
        const=guest_gdb.STUB,
        help="wait for a debugger: on the kernel's stub (--gdb), or QEMU's (--gdb=qemu)",
    )
    group.add_argument(
        "--gdb-port", type=int, default=guest_gdb.PORT, metavar="PORT", help=f"({guest_gdb.PORT})"
    )
    group.add_argument(
        "--monitor",
        nargs="?",
        type=int,
        const=MONITOR_PORT,
        metavar="PORT",
        help=f"QEMU's monitor, for telnet to localhost (port {MONITOR_PORT})",
    )
    group.add_argument("--log", metavar="LEVELS", help="the kernel's log=LEVELS")
    group.add_argument("--dry-run", action="store_true", help="print QEMU's command line only")
    group.add_argument("--verbose", action="store_true", help="print QEMU's command line, run it")
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="-- WORDS", help="the kernel's command line"
    )


def package_rows(args):
    return ["build", "run", *tree.choose(args).package_rows]


def kernel_word(word):
    """A word of the shell's as a word of the kernel's command line, which has quotes of its own."""
    if not re.search(r"[\s'\"]", word):
        return word
    key, equals, value = word.partition("=") if "=" in word else ("", "", word)
    if "'" not in value:
        return f"{key}{equals}'{value}'"
    return f'{key}{equals}"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def kernel_cmdline(args):
    if args.words and args.words[0] != "--":
        raise UsageError(f"'{args.words[0]}': words for the kernel come after '--'")
    words = [f"log={args.log}"] if args.log else []
    words += guest_gdb.kernel_words(args.gdb, args.gdb_port)
    words += args.words[1:]
    # Behind a second `--` come the arguments of the first process, with the same quoting.
    return " ".join(kernel_word(word) for word in words)


def extra_arguments(args):
    extra = []
    if args.nic != "none":
        extra += ["-netdev", "user,id=net0", *NICS[args.nic]]
    if args.gdb:
        extra += guest_gdb.machine_arguments(args.gdb, args.gdb_port)
    if args.monitor is not None:
        extra += ["-monitor", f"telnet:127.0.0.1:{args.monitor},server=on,wait=off"]
    for text in args.qemu_args:
        try:
            extra += shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--qemu-args={text}: {error}") from None
    return tuple(extra)


def machine(args, kernel, chosen):
    return qemu.Machine(
        kernel=kernel,
        cmdline=kernel_cmdline(args),
        cores=args.cores,
        nodes=args.nodes,
        memory=args.memory,
        accel=chosen.accel,
        cpu=args.cpu or chosen.cpu,
        extra=extra_arguments(args),
    )


def exit_status(status):
    code = qemu.exit_code(status)
    if code is not None:
        return code
    if status == 0:
        tree.say("the machine ended without an exit code: by a reset, or switched off from outside")
    elif status < 0:
        tree.say(f"QEMU was ended by signal {-status}")
    return NO_CODE


class Terminated(BaseException):
    """Somebody has sent us SIGTERM."""


def on_terminate(_signal, _frame):
    raise Terminated


def execute(argv):
    """Runs QEMU on our terminal; Ctrl-C ends it, and leaves neither it nor a raw terminal behind.
    Nor does somebody who ends us leave QEMU."""
    before = signal.signal(signal.SIGTERM, on_terminate)
    try:
        with subprocess.Popen(argv) as process:
            return wait(process)
    finally:
        signal.signal(signal.SIGTERM, before)


def wait(process):
    try:
        return exit_status(process.wait())
    except KeyboardInterrupt:
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.terminate()
        process.wait()
        return INTERRUPTED
    except Terminated:
        process.terminate()
        process.wait()
        return TERMINATED


def run(args):
    config = tree.choose(args)
    machine(args, "nrk.elf", accel.TCG).check()  # complain before building
    tree.build(config, ["kernel", "accel_probe"])
    directory = config.build_dir / "kernel"
    chosen, reason = accel.choose(args.accel, directory / "accel_probe.elf")
    if reason and args.verbose:
        tree.say(f"no KVM: {reason}")
    argv = machine(args, directory / "nrk.elf", chosen).argv()
    if args.dry_run:
        print(shlex.join(argv))
        return 0
    if args.verbose:
        tree.say(shlex.join(argv))
    return execute(argv)
