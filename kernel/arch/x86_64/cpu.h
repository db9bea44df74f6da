// SPDX-License-Identifier: BSD-2-Clause
//
// What this processor can do.
#pragma once

#include <kernel/types.h>

/* [const] after cpu_detect; the boot core's, and every other core must have at least these.
 * Everything here is optional: nrk uses it where present. What it cannot do without is in cpu.c. */
struct cpu_features {
    bool hypervisor;
    bool smep, smap, umip, fsgsbase, pge, xsave, mce;
    bool x2apic, tsc_deadline, invariant_tsc;
    bool gib_pages;
    bool monitor;
    bool rdrand, rdtscp, arat;
    bool pku;
    uint64_t xstate; /* XCR0: the registers that XSAVE saves; 0 without XSAVE, then FXSAVE does */
    unsigned physical_bits;
    char vendor[13];
    char model[49];
};

extern struct cpu_features cpu;

/* cpu_detect - fill @cpu, or end the machine with a message that names what nrk misses. */
void cpu_detect(void);

/* cpu_has_boot_features - does this core have everything that cpu_detect found on the boot core? */
bool cpu_has_boot_features(void);

/* cpu_setup - switch on, on this core, what cpu_detect found. */
void cpu_setup(void);

/* cpu_random - 64 unpredictable bits where there is RDRAND, else bits of the time-stamp counter. */
uint64_t cpu_random(void);
