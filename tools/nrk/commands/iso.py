# SPDX-License-Identifier: BSD-2-Clause
"""Make a bootable ISO image of the kernel

The image boots from BIOS and from UEFI, as a disc or copied to a USB stick; this is the way to real
hardware. Its console is the first serial port.

  ./nrk iso -o nrk.iso -- test=exit     an image whose kernel command line is test=exit
"""
import argparse

from nrk import iso, tree


def configure(parser):
    tree.add_config_options(parser)
    parser.add_argument("-o", dest="output", default="nrk.iso", help="file to write (nrk.iso)")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="the kernel's command line")


def package_rows(args):
    return ["build", "iso", *tree.choose(args).package_rows]


def run(args):
    config = tree.choose(args)
    tree.build(config, ["kernel"])
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    iso.make(args.output, config.build_dir / "kernel" / "nrk.elf", " ".join(words))
    tree.say(f"wrote {args.output}")
    return 0
