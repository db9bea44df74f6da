// SPDX-License-Identifier: BSD-2-Clause
//
// The end of a run: see <kernel/exit.h> for the contract.

#include "arch.h"
#include "asm.h"
#include "firmware.h"

#include <kernel/arch.h>
#include <kernel/log.h>

/* QEMU's isa-debug-exit device; on other machines nothing answers there. */
#define DEBUG_EXIT_PORT 0xf4

_Noreturn void arch_halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

_Noreturn void exit_at_once(enum exit_code code)
{
    outl(DEBUG_EXIT_PORT, code);
    arch_halt_forever();
}

/* ACPI: sleep type and "enable" into the control registers. */
static void power_off(void)
{
    const uint16_t enable = 1 << 13;
    if (!firmware.pm1a_control || !firmware.can_power_off)
        return;
    outw(firmware.pm1a_control, (uint16_t)(firmware.s5_type_a << 10 | enable));
    if (firmware.pm1b_control)
        outw(firmware.pm1b_control, (uint16_t)(firmware.s5_type_b << 10 | enable));
}

_Noreturn void arch_exit(enum exit_code code)
{
    log_raw("\n[shutdown-request] %u\n", (unsigned)code);
    if (code == EXIT_OK) {
        outl(DEBUG_EXIT_PORT, code);
        power_off();
    }
    exit_at_once(code);
}
