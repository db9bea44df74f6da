#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the build does with the kernel image beside linking it.

  kernel_image.py names NM FIRST OUTPUT.S    write the table of function names (struct ksyms in
                                             backtrace.c) of the image FIRST as an assembly file
  kernel_image.py finish NM FIRST IMAGE      check and finish IMAGE, linked with that file

The table lies behind all code, so that the second link moves no function; `finish` checks it. It
also makes the relocations look like plain data: GRUB refuses a file that has any, and these are the
image's own business (boot.S).
"""
import struct
import subprocess
import sys

SHT_PROGBITS, SHT_RELA = 1, 4


def functions(nm, image):
    """Returns [(address, size, name)] sorted by address, and the address of image_start."""
    found, base = {}, None
    for line in subprocess.check_output([nm, "-S", image], text=True).splitlines():
        fields = line.split()
        if fields[-1] == "image_start":
            base = int(fields[0], 16)
        if len(fields) == 4 and fields[2] in "tT":
            found.setdefault(int(fields[0], 16), (int(fields[1], 16), fields[3]))
    if base is None:
        sys.exit(f"{image}: no image_start")
    return [(a, size, name) for a, (size, name) in sorted(found.items())], base


def write_names(nm, first, output):
    table, base = functions(nm, first)
    lines = ['    .section .ksyms, "a"', "    .balign 8", f"    .long {len(table)}"]
    names, at = [], 0
    for address, size, name in table:
        lines.append(f"    .long {address - base:#x}, {size:#x}, {at}")
        names.append(f'    .asciz "{name}"')
        at += len(name) + 1
    lines += names + ['    .section .note.GNU-stack, "", @progbits', ""]
    with open(output, "w", encoding="ascii") as out:
        out.write("\n".join(lines))


def hide_relocations(image):
    """Turns the type of relocation sections of an ELF file (64 bits, little-endian) into data."""
    with open(image, "r+b") as file:
        header = file.read(64)
        (table,) = struct.unpack_from("<Q", header, 40)
        size, count = struct.unpack_from("<HH", header, 58)
        for i in range(count):
            at = table + i * size + 4
            file.seek(at)
            if struct.unpack("<I", file.read(4)) == (SHT_RELA,):
                file.seek(at)
                file.write(struct.pack("<I", SHT_PROGBITS))


def finish(nm, first, image):
    if functions(nm, first) != functions(nm, image):
        sys.exit(f"functions moved between {first} and {image}")
    hide_relocations(image)


if __name__ == "__main__":
    {"names": write_names, "finish": finish}[sys.argv[1]](*sys.argv[2:])
