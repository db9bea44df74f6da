# SPDX-License-Identifier: BSD-2-Clause
"""Topology, several cores."""
import re

import guest
from guest import test
from s01 import last_frame


@test(processors=2)
def s02_acpi_smoke(context):
    vm = context.boot("test=acpi-smoke", cores=2)
    vm.expect("ACPI Initialized", "test acpi-smoke passed")
    vm.finish()


@test(limit=600, processors=2)
def s02_acpi_topology(context):
    vm = context.boot("test=acpi-topology", cores=80, nodes=8, memory=8192)
    vm.expect("ACPI Initialized", "80 cores online", "test-acpi-topology done.")
    vm.finish()


@test(processors=2)
def s02_coreboot_smoke(context):
    vm = context.boot("test=coreboot-smoke", cores=2)
    vm.expect("ACPI Initialized", "Hello from the other side", "Core has started")
    vm.finish()


@test(processors=2)
def s02_coreboot_old_cpu(context):
    """On a processor that has nothing optional."""
    vm = context.boot("test=coreboot-smoke", cores=2, cpu="qemu64")
    vm.expect("Hello from the other side", "Core has started")
    vm.finish()


@test(processors=2)
def s02_missing_core(context):
    vm = context.boot("test=missing-core", cores=3)
    vm.expect("Core #1 initialized", "core 2 (APIC id 99) left out: it did not start")
    vm.expect("Core #3 initialized", "test missing-core passed")
    vm.finish()


@test(processors=2)
def s02_unfit_core(context):
    """A core that has less than the boot core is left out."""
    core = "max-x86_64-cpu,socket-id=1,core-id=0,thread-id=0,smep=off"
    extra = ("-smp", "1,sockets=2,maxcpus=2", "-device", core)
    vm = context.boot("test=exit", extra=extra)
    vm.expect("core 1 left out: it lacks features of the boot core", "1 cores online")
    vm.finish()


@test(processors=2)
def s02_nvdimm_discover(context):
    """1 GiB of persistent memory, half of it on each of two nodes."""
    extra = ("-machine", "nvdimm=on", "-m", "1024M,slots=2,maxmem=4G")
    for node in range(2):
        extra += ("-object", f"memory-backend-ram,id=pmem{node},size=512M")
        extra += ("-device", f"nvdimm,memdev=pmem{node},node={node}")
    vm = context.boot("test=exit", cores=2, nodes=2, extra=extra)
    vm.expect("NVDIMMs Discovered: 2")
    size = re.compile(r"NVDIMM at \S+: 512 MiB, node (\d)")
    if {vm.expect(size).group(1), vm.expect(size).group(1)} != {"0", "1"}:
        raise guest.GuestFailure("both modules are on the same node")
    vm.expect("test exit passed")
    vm.finish()


@test(processors=2)
def s02_node_memory(context):
    vm = context.boot("test=node-memory", cores=4, nodes=4)
    vm.expect("test node-memory passed")
    vm.finish()


@test(processors=2)
def s02_tls(context):
    vm = context.boot("test=thread-local", cores=2)
    vm.expect("test thread-local passed")
    vm.finish()


@test(processors=2)
def s02_interrupts(context):
    vm = context.boot("test=interrupts", cores=4)
    vm.expect("test interrupts passed")
    vm.finish()


@test(processors=2)
def s02_wake_hlt(context):
    vm = context.boot("test=wake idle=hlt", cores=2)
    vm.expect("by HLT", "test wake passed")
    vm.finish()


@test(processors=2)
def s02_wake_mwait(context):
    vm = context.boot("test=wake idle=mwait", cores=2)
    vm.expect("by MWAIT", "test wake passed")
    vm.finish()


@test(processors=2)
def s02_pfault_other_core(context):
    vm = context.boot("test=pfault-other-core", cores=2)
    vm.expect("[IRQ] Page Fault", "Core 1", "test_pfault", "run_job", "kernel_core_main")
    vm.expect(last_frame("ap_high"))
    vm.finish(guest.PAGE_FAULT)


@test(processors=2)
def s02_double_fault_other_core(context):
    vm = context.boot("test=double-fault-other-core", cores=2)
    vm.expect("[IRQ] Double Fault", "kernel stack overflow", "Core 1", "overflow_stack")
    vm.finish(guest.UNRECOVERABLE)


@test(processors=2)
def s02_panic_all(context):
    """Of cores that panic together, one reports."""
    vm = context.boot("test=panic-all", cores=4)
    vm.expect(re.compile("PANIC on core [1-3]: one of 4"), "panic_together")
    vm.finish(guest.PANIC)
    if vm.output.count("PANIC") != 1:
        raise guest.GuestFailure("more than one report")


@test(processors=2)
def s02_coreboot_nrlog(context):
    """Each core uses the log of a replicated object."""
    vm = context.boot("test=nr-log", cores=4, nodes=2)
    vm.expect("ACPI Initialized", *["Hello from the other side"] * 3, "Core has started")
    vm.expect("test nr-log passed")
    vm.finish()


@test(limit=300, processors=2)
def s02_nr_stress(context):
    vm = context.boot("test=nr-stress" + guest.seed(), cores=8, nodes=4)
    vm.expect("seed=", "test nr-stress passed")
    vm.finish()


@test(limit=300, processors=2)
def s02_nr_stress_mwait(context):
    """Idle cores that take interrupts as they do with HLT, and wake without."""
    vm = context.boot("test=nr-stress idle=mwait" + guest.seed(), cores=8, nodes=4)
    vm.expect("by MWAIT", "test nr-stress passed")
    vm.finish()


@test(processors=2)
def s02_nr_idle_node(context):
    vm = context.boot("test=nr-idle-node", cores=4, nodes=2)
    vm.expect("test nr-idle-node passed")
    vm.finish()


@test(processors=2)
def s02_nr_deaf_node(context):
    vm = context.boot("test=nr-deaf-node", cores=4, nodes=2)
    vm.expect("test nr-deaf-node passed")
    vm.finish()


@test(processors=2)
def s02_nr_objects(context):
    vm = context.boot("test=nr-objects", cores=4, nodes=2)
    vm.expect("test nr-objects passed")
    vm.finish()


@test(limit=300, processors=2)
def s02_fs_kernel(context):
    """The kernel's file system, used by all cores of several nodes at a time."""
    vm = context.boot("test=fs", cores=8, nodes=4)
    vm.expect("test fs passed")
    vm.finish()
