# SPDX-License-Identifier: BSD-2-Clause
"""Bootable images: GRUB with the kernel and its modules, for BIOS and UEFI, disc and USB stick."""
import pathlib
import shutil
import subprocess
import tempfile

from nrk.errors import Failure

# No menu: one thing to boot, at once.
SCRIPT = """\
serial --unit=0 --speed=115200
terminal_output console serial
multiboot2 /boot/nrk.elf {cmdline}
{modules}
boot
"""


def quote(text):
    """A word for GRUB's shell: in single quotes nothing but the quote itself is special."""
    return "'" + text.replace("'", "'\\''") + "'"


def script(cmdline, modules):
    """What GRUB is to do. `modules` are (file name, command line) pairs."""
    lines = [f"module2 /boot/{name} {quote(name)} {line}".rstrip() for name, line in modules]
    words = " ".join(quote(word) for word in cmdline.split(" ") if word)
    return SCRIPT.format(cmdline=words, modules="\n".join(lines))


def make(output, kernel, cmdline="", modules=()):
    """Writes an ISO image to `output` that boots `kernel`; `modules` are paths, or (path, command
    line) pairs, of files for it."""
    pairs = [m if isinstance(m, tuple) else (m, "") for m in modules]
    with tempfile.TemporaryDirectory() as directory:
        boot = pathlib.Path(directory, "boot")
        (boot / "grub").mkdir(parents=True)
        shutil.copy(kernel, boot / "nrk.elf")
        for path, _ in pairs:
            shutil.copy(path, boot / pathlib.Path(path).name)
        named = [(pathlib.Path(path).name, line) for path, line in pairs]
        (boot / "grub" / "grub.cfg").write_text(script(cmdline, named))
        # Only what the script needs: with all of GRUB's modules it takes much longer.
        modules = "multiboot2 serial terminal configfile normal iso9660 part_gpt"
        command = ["grub-mkrescue", "-o", str(output), directory, "--compress=no", "--fonts="]
        command += ["--locales=", "--themes=", f"--install-modules={modules}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"grub-mkrescue failed:\n{done.stderr}")
