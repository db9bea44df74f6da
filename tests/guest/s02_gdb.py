# SPDX-License-Identifier: BSD-2-Clause
"""Debugging the kernel by gdb over the second serial port."""
import re
import selectors
import signal
import subprocess
import tempfile
import time

import guest
from guest import test
from nrk import guest_gdb

PROMPT = "(gdb) "


class Debugger(guest.Guest):
    """A gdb that is connected to a machine; what it prints is expected like a machine's output."""

    # pylint: disable-next=super-init-not-called
    def __init__(self, kernel, address, limit):
        self.output = ""
        self.position = 0
        self.end = time.monotonic() + limit
        self.argv = ["gdb", "-nx", "-q", "-ex", "set confirm off", "-ex", "set width 0"]
        self.argv += guest_gdb.debugger_arguments(guest_gdb.STUB, kernel, address)[2:]
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def start(self, command):
        """Gives a command without waiting for its end."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def do(self, command, *patterns):
        """Gives a command, expects its output and the next prompt; returns the last match."""
        self.start(command)
        match = self.expect(*patterns)
        self.expect(PROMPT)
        return match

    def text_of(self, command):
        """Gives a command and returns all that it prints."""
        begin = self.position
        self.do(command)
        return self.output[begin : self.position]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        self.process.stdin.close()
        super().kill()


def debug(context, name, **options):
    """Boots a machine that waits for a debugger, and connects one."""
    # Not in the scratch directory: the path of a socket has to be short.
    directory = tempfile.mkdtemp()
    socket = f"{directory}/gdb"
    vm = context.boot(
        f"test={name} gdb={socket}",
        extra=("-serial", f"unix:{socket},server=on,wait=off"),
        **options,
    )
    vm.expect(f"Use `target remote {socket}` in gdb to connect.")
    gdb = Debugger(context.kernel, socket, context.limit)
    context.guests.append(gdb)
    gdb.expect("Remote debugging using", "arch_debugger_init", PROMPT)
    vm.expect("Debugger connected.")
    return vm, gdb


def check_backtrace(gdb, command, *functions):
    """All frames of a backtrace are calls, down to the first function that the core ran; gdb tells
    where it has lost its way."""
    text = gdb.text_of(command)
    found = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(<signal handler called>|\S+)", text, re.M)
    names = iter(found)
    if not all(name in names for name in functions) or found[-1] != functions[-1]:
        raise guest.GuestFailure(f"a backtrace of {found} instead of {functions}")
    if "Backtrace stopped" in text:
        raise guest.GuestFailure("a backtrace without an end")


def step_to_change(gdb, variable, value):
    """Steps through a few instructions, until the variable has grown by one."""
    for _ in range(8):
        gdb.do("stepi")
        found = int(gdb.do(f"print {variable}", re.compile(r"\$\d+ = (\d+)\n")).group(1))
        if found != value:
            break
    if found != value + 1:
        raise guest.GuestFailure(f"{variable} went from {value} to {found}")


@test()
def s02_gdb(context):
    vm, gdb = debug(context, "gdb")
    gdb.do("print cmdline_words", "gdb")
    gdb.do("hbreak debug_write", "Hardware assisted breakpoint 1")
    gdb.do("continue", "Breakpoint 1, debug_write")
    gdb.do("watch -l debug_watched", "Hardware watchpoint 2")
    gdb.do("continue", "Old value = 0", "New value = 3735928559")
    gdb.do("delete")
    for _ in range(15):
        gdb.do("step", re.compile(r"\n?\d+\t"))
    counter = gdb.do("print debug_counter", re.compile(r"\$\d+ = (\d+)\n")).group(1)
    if int(counter) < 10:
        raise guest.GuestFailure(f"after 15 steps the counter is {counter}")
    gdb.start("continue")
    # gdb says "Continuing." before it lets the kernel go: what the kernel says is the sign of that.
    vm.expect("waiting for the debugger")
    gdb.interrupt()
    gdb.expect("Program received signal SIGINT", PROMPT)
    # It waits in what debug_wait calls as often as in debug_wait itself.
    check_backtrace(gdb, "backtrace", "test_gdb", "kernel_main", "start64")
    gdb.do("set var debug_counter = 4711")
    gdb.do("set var debug_go_on = 1")
    gdb.start("continue")
    vm.expect("the debugger let us go, counter is 4711")
    vm.finish()
    gdb.expect("Remote connection closed")


@test()
def s02_gdb_step_watch(context):
    """A step of the very instruction that writes to a watched place ends behind that."""
    vm, gdb = debug(context, "gdb")
    gdb.do("break debug_write", "Breakpoint 1 at")
    gdb.do("continue", "Breakpoint 1, debug_write")
    for _ in range(8):
        if "<debug_watched>" in gdb.text_of("x/i $pc"):
            break
        gdb.do("stepi")
    gdb.do("watch -l debug_watched", "Hardware watchpoint 2")
    gdb.do("stepi", "Old value = 0", "New value = 3735928559")
    check_backtrace(gdb, "backtrace", "debug_write", "test_gdb", "start64")
    gdb.do("stepi", re.compile(r"\n?(0x[0-9a-f]+\t)?2\d\t"))
    gdb.do("delete")
    gdb.do("set var debug_go_on = 1")
    gdb.do("detach", "detached")
    vm.finish()


@test()
def s02_gdb_detach(context):
    """Software breakpoints, changed registers, leaving and coming back."""
    vm, gdb = debug(context, "gdb")
    gdb.do("break debug_write", "Breakpoint 1 at")
    gdb.do("continue", "Breakpoint 1, debug_write")
    if "int3" in gdb.text_of("x/i debug_write"):
        raise guest.GuestFailure("gdb sees the breakpoint in the code")
    # It is a caller's: it gets its value back.
    r15 = gdb.do("print/x $r15", re.compile(r"= (0x[0-9a-f]+)")).group(1)
    gdb.do("print $r15 = 0x123456789abcdef")
    gdb.do("maintenance flush register-cache")
    gdb.do("print/x $r15", "0x123456789abcdef")
    gdb.do(f"print $r15 = {r15}")
    gdb.do("print $xmm15.uint128 = 42", "= 42")
    gdb.do("print *(int *)0", "Cannot access memory at address 0x0")
    gdb.do("print *(int *)0xffff7fffffffffff", "Cannot access memory")
    gdb.do("stepi 5", re.compile(r"\n?(0x[0-9a-f]+\t)?2\d\t"))
    gdb.do("detach", "detached")
    vm.expect("waiting for the debugger")
    address = gdb.argv[-1].split()[-1]
    gdb.do(f"target remote {address}", "Remote debugging using")
    gdb.do("backtrace", "test_gdb", "kernel_main")
    gdb.do("set var debug_go_on = 1")
    gdb.do("detach", "detached")
    vm.expect("the debugger let us go, counter is 190")
    vm.finish()


@test()
def s02_gdb_fault(context):
    """A fault stops for the debugger; after that it is reported as ever."""
    vm, gdb = debug(context, "pfault")
    gdb.do("continue", "Program received signal SIGSEGV", "test_pfault")
    gdb.start("continue")
    vm.expect("[IRQ] Page Fault")
    vm.finish(guest.PAGE_FAULT)


@test(processors=2)
def s02_gdb_cores(context):
    """Threads are cores; all stop, each can be looked at and stepped, and no event is lost."""
    vm, gdb = debug(context, "gdb-cores", cores=4)
    gdb.do("break debug_core", "Breakpoint 1 at")
    stopped = set()
    for _ in range(3):
        gdb.do("continue", "debug_core")
        match = gdb.do("thread", re.compile(r"Current thread is \d+ \(Thread (\d+)\)"))
        stopped.add(match.group(1))
        # Variables of this core, and of another.
        core = int(match.group(1)) - 1
        gdb.do('print $percore("head.id")', f"= {core}\n")
        gdb.do('print $percore("head.id", 0)', "= 0\n")
        # Through the interrupt, to what the core was doing.
        check_backtrace(gdb, "backtrace", "debug_core", "kernel_core_main", "ap_high")
        if sorted(re.findall(r"\(core (\d)\)", gdb.text_of("info threads"))) != list("0123"):
            raise guest.GuestFailure("the threads are not the four cores")
        # One core steps, the others stay where they are.
        gdb.do("set scheduler-locking step")
        step_to_change(gdb, "debug_arrived", len(stopped) - 1)
        gdb.do("set scheduler-locking replay")
    if len(stopped) != 3:
        raise guest.GuestFailure(f"the breakpoint was hit by threads {stopped} only")
    gdb.start("continue")
    vm.expect("waiting for the debugger")
    gdb.interrupt()
    gdb.expect("received signal SIGINT", PROMPT)
    text = gdb.text_of("thread apply all backtrace")
    if "ktest_run" not in text or text.count("kernel_core_main") != 3:
        raise guest.GuestFailure("the cores are not where they should be")
    gdb.do("set var debug_go_on = 1")
    gdb.do("detach", "detached")
    vm.expect("test gdb-cores passed")
    vm.finish()
