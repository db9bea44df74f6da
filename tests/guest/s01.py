# SPDX-License-Identifier: BSD-2-Clause
"""Low-level services of the kernel on one core."""
import re

import guest
from guest import test

SYMBOL = r" +- 0x[0-9a-f]+ %s\+0x[0-9a-f]+\n"


def frame(number, function):
    return re.compile(rf"frame #{number}" + SYMBOL % function)


def last_frame(function):
    """Nothing comes behind it, as whatever lies on the stack there is nobody's return address."""
    return re.compile(r"frame #\d+" + SYMBOL % function + r"\n?\[shutdown-request\]")


@test()
def s01_pfault(context):
    vm = context.boot("test=pfault")
    vm.expect("[IRQ] Page Fault", "Faulting address: 0x4000deadbeef")
    vm.expect("page not present by a kernel write", "RIP 0008:", "Backtrace:")
    vm.expect(frame(0, "test_pfault"), frame(1, "ktest_run"), frame(2, "kernel_main"))
    vm.expect(last_frame("start64"))
    vm.finish(guest.PAGE_FAULT)


@test()
def s01_gpfault(context):
    vm = context.boot("test=gpfault")
    vm.expect("[IRQ] GENERAL PROTECTION FAULT")
    vm.expect(re.compile(r"frame #1  - 0x[0-9a-fA-F]+"))
    vm.finish(guest.GENERAL_PROTECTION_FAULT)


@test()
def s01_double_fault(context):
    """A stack overflow: the page fault finds no stack, the double fault has its own."""
    vm = context.boot("test=double-fault")
    vm.expect("[IRQ] Double Fault", "kernel stack overflow", "overflow_stack")
    vm.finish(guest.UNRECOVERABLE)


@test()
def s01_nmi(context):
    """The stack pointer is in a guard page: the report has a stack of its own."""
    vm = context.boot("test=nmi")
    vm.expect("[IRQ] Non-Maskable Interrupt", "test_nmi", "RIP 0008:")
    vm.finish(guest.UNRECOVERABLE)


@test()
def s01_machine_check(context):
    vm = context.boot("test=machine-check")
    vm.expect("[IRQ] Machine Check", "test_machine_check", "RIP 0008:")
    vm.finish(guest.UNRECOVERABLE)


@test()
def s01_debug_exception(context):
    vm = context.boot("test=debug-exception")
    vm.expect("[IRQ] Debug", "test_debug_exception", "RIP 0008:")
    vm.finish(guest.UNHANDLED_INTERRUPT)


@test()
def s01_wx(context):
    """No page of the kernel is both writable and executable."""
    vm = context.boot("test=wx")
    vm.expect(re.compile(r"W\^X holds for [1-9]\d* code and [1-9]\d* data pages"))
    vm.finish()


@test()
def s01_write_code(context):
    vm = context.boot("test=write-code")
    vm.expect("[IRQ] Page Fault", "access not permitted by a kernel write", "test_write_code")
    vm.finish(guest.PAGE_FAULT)


@test()
def s01_write_rodata(context):
    vm = context.boot("test=write-rodata")
    vm.expect("[IRQ] Page Fault", "access not permitted by a kernel write", "test_write_rodata")
    vm.finish(guest.PAGE_FAULT)


@test()
def s01_execute_data(context):
    vm = context.boot("test=execute-data")
    vm.expect("[IRQ] Page Fault", "access not permitted by a kernel instruction fetch")
    vm.finish(guest.PAGE_FAULT)


@test()
def s01_fault_in_fault(context):
    """A fault in a fault's report ends the machine with one more line, not with a cascade."""
    vm = context.boot("test=fault-in-fault")
    vm.expect("[IRQ] exception 14 at")
    vm.finish(guest.UNRECOVERABLE)
    if vm.output.count("[IRQ]") != 1:
        raise guest.GuestFailure("more than one line")


@test()
def s01_undefined(context):
    vm = context.boot("test=undefined")
    vm.expect("[IRQ] Invalid Opcode", frame(0, "test_undefined"))
    vm.finish(guest.UNHANDLED_INTERRUPT)


@test()
def s01_panic(context):
    vm = context.boot("test=panic")
    vm.expect("PANIC on core 0: this is a test of panic", frame(1, "test_panic"))
    vm.expect(last_frame("start64"))
    vm.finish(guest.PANIC)


@test()
def s01_stack_smash(context):
    vm = context.boot("test=smash")
    vm.expect("PANIC on core 0: stack smashed", "test_smash")
    vm.finish(guest.PANIC)


@test()
def s01_alloc(context):
    vm = context.boot("test=alloc")
    vm.expect("small allocations work.", "large allocations work.")
    vm.finish()


@test()
def s01_all_frames(context):
    """Every frame of the machine is RAM, and free memory is really free."""
    vm = context.boot("test=all-frames", memory=300, nodes=3, cores=3)
    vm.expect("node 2:", "test all-frames passed")
    vm.finish()


@test()
def s01_all_frames_high(context):
    """Memory above 4 GiB."""
    vm = context.boot("test=all-frames", memory=5000)
    vm.expect("test all-frames passed")
    vm.finish()


@test()
def s01_sse(context):
    vm = context.boot("test=sse")
    vm.expect("division = 4.566210045662101", "division by zero = inf")
    vm.finish()


@test()
def s01_vectors(context):
    vm = context.boot("test=vectors")
    vm.expect("extended state 0x207", "test vectors passed")  # x87, SSE, AVX, protection keys
    vm.finish()


@test()
def s01_vectors_old_cpu(context):
    vm = context.boot("test=vectors", cpu="qemu64")
    vm.expect("extended state 0\n", "test vectors passed")
    vm.finish()


@test()
def s01_time(context):
    vm = context.boot("test=time")
    vm.expect("test time passed")
    vm.finish()


@test()
def s01_time_without_hpet(context):
    vm = context.boot("test=time", extra=("-no-hpet",))
    vm.expect("by ACPI timer", "test time passed")
    vm.finish()


@test()
def s01_timer(context):
    vm = context.boot("test=timer")
    vm.expect("Setting the timer", "Got a timer interrupt")
    vm.finish()


@test()
def s01_timer_far(context):
    vm = context.boot("test=timer-far")
    vm.expect("test timer-far passed")
    vm.finish()


@test()
def s01_ioapic(context):
    vm = context.boot("test=ioapic")
    vm.expect("test ioapic passed")
    vm.finish()
