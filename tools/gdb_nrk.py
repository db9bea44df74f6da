# SPDX-License-Identifier: BSD-2-Clause
"""Read by gdb when `./nrk gdb` starts it: functions for expressions about the kernel."""
import gdb  # pylint: disable=import-error


class PerCore(gdb.Function):
    """$percore(NAME[, CORE]) - a per-core variable (percore.h), or a member of one

    Without a number it is the copy of the core that is selected."""

    def __init__(self):
        super().__init__("percore")

    def invoke(self, name, core=None):
        name = name.string()
        template = gdb.parse_and_eval(f"&{name}")
        start = int(gdb.parse_and_eval("(unsigned long)&percore_start"))
        copy = "$gs_base" if core is None else f"ap_slots[{int(core)}].percore"
        address = int(gdb.parse_and_eval(f"(unsigned long){copy}")) + int(template) - start
        return gdb.Value(address).cast(template.type).dereference()


PerCore()
