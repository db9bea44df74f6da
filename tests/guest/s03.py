# SPDX-License-Identifier: BSD-2-Clause
"""Many cores."""
from guest import test


@test(limit=300, processors=2)
def s03_coreboot(context):
    vm = context.boot("test=coreboot", cores=32, nodes=4, memory=4096)
    vm.expect(*(f"Core #{i} initialized" for i in range(1, 32)))
    vm.expect("32 cores online", "test coreboot passed")
    vm.finish()


@test(limit=600, processors=2)
def s03_coreboot_255(context):
    """As many cores as xAPIC can name."""
    vm = context.boot("test=coreboot", cores=255, nodes=15, memory=4096)
    vm.expect("255 cores online", "test coreboot passed")
    vm.finish()
