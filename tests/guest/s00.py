# SPDX-License-Identifier: BSD-2-Clause
"""Boot, end, and faults before anything is initialised."""
import struct

import guest
from guest import test
from nrk import iso, qemu


@test()
def s00_exit(context):
    vm = context.boot("test=exit")
    vm.expect("Started", "test exit passed")
    vm.finish()


@test()
def s00_exit_old_cpu(context):
    """The least processor that nrk supports, and little memory."""
    vm = context.boot("test=exit", cpu="qemu64", memory=64)
    vm.expect("Started", "test exit passed")
    vm.finish()


@test()
def s00_power_off(context):
    """Without the debug-exit device the machine is switched off by ACPI, and QEMU ends."""
    vm = context.boot("test=exit", debug_exit=False)
    vm.expect("test exit passed", "[shutdown-request] 0")
    vm.finish_without_code()


@test()
def s00_no_long_mode(context):
    vm = context.boot("test=exit", cpu="max,lm=off")
    vm.expect("this one has no long mode")
    vm.finish(guest.EXCEPTION_DURING_INIT)


@test()
def s00_missing_feature(context):
    vm = context.boot("test=exit", cpu="max,nx=off")
    vm.expect("nrk cannot run on this processor: it has no NX")
    vm.finish(guest.EXCEPTION_DURING_INIT)


@test()
def s00_unknown_test(context):
    vm = context.boot("test=there-is-no-such-test")
    vm.expect("there is no test named there-is-no-such-test")
    vm.finish(guest.PANIC)


@test()
def s00_pfault_early(context):
    vm = context.boot("test=pfault-early")
    vm.expect("[IRQ] Early Page Fault", "Faulting address: 0x4000deadbeef")
    vm.finish(guest.EXCEPTION_DURING_INIT)


@test()
def s00_gpfault_early(context):
    vm = context.boot("test=gpfault-early")
    vm.expect("[IRQ] Early General Protection Fault")
    vm.finish(guest.EXCEPTION_DURING_INIT)


def boot_disc(context, name, **options):
    """Boots a disc made by `./nrk iso`, with two modules."""
    image = context.scratch / f"{name}.iso"
    modules = [context.scratch / f"{name}-{letter}" for letter in "ab"]
    for number, module in enumerate(modules):
        module.write_bytes(b"x" * (1000 + number))
    iso.make(image, context.kernel, "test=exit", modules)
    vm = context.start(qemu.Machine(cdrom=image, **options))
    vm.expect("Started nrk by multiboot2")
    vm.expect(f"module {name}-a, 1000 bytes", f"module {name}-b, 1001 bytes")
    vm.expect("test exit passed")
    vm.finish()


@test()
def s00_exit_iso_bios(context):
    boot_disc(context, "bios")


@test(limit=300)
def s00_exit_iso_uefi(context):
    boot_disc(context, "uefi", firmware=qemu.UEFI)


@test()
def s00_module(context):
    module = context.scratch / "module"
    module.write_bytes(b"x" * 12345)
    vm = context.boot("test=exit", module=module)
    vm.expect("Started nrk by PVH", ", 12345 bytes", "test exit passed")
    vm.finish()


def move_image(image, distance):
    """The kernel image with all physical addresses, and its PVH entry, moved up."""
    image = bytearray(image)
    (headers,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for at in range(headers, headers + size * count, size):
        (kind,) = struct.unpack_from("<I", image, at)
        offset, _, address = struct.unpack_from("<QQQ", image, at + 8)
        struct.pack_into("<Q", image, at + 24, address + distance)
        if kind == 4:  # PT_NOTE: 12 bytes of header and "Xen" come first
            (entry,) = struct.unpack_from("<Q", image, offset + 16)
            struct.pack_into("<Q", image, offset + 16, entry + distance)
    return image


@test()
def s00_exit_relocated(context):
    """The image runs wherever it is loaded."""
    moved = context.scratch / "moved.elf"
    with open(context.kernel, "rb") as kernel:
        moved.write_bytes(move_image(kernel.read(), 0x1800000))
    vm = context.start(qemu.Machine(kernel=moved, cmdline="test=wx"))
    vm.expect("image at 0x1a00000", "test wx passed")
    vm.finish()


@test()
def s00_cmdline(context):
    """What is wrong with a command line is said, and boot goes on."""
    vm = context.boot("test=exit tset=typo log=acpi=off,clock=nonsense 'open")
    vm.expect("command line, character", "log=acpi=off,clock=nonsense, character")
    vm.expect("nothing here knows 'tset'", "test exit passed")
    vm.finish()
    vm.absent("ACPI Initialized")
