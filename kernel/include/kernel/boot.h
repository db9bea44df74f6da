// SPDX-License-Identifier: BSD-2-Clause
//
// What the boot loader told us, whichever it was.
#pragma once

#include <kernel/types.h>

#define BOOT_MAX_CMDLINE 4096
/* Firmware with fragmented memory reports well over 100 ranges; twice the worst seen. */
#define BOOT_MAX_RANGES  512
#define BOOT_MAX_MODULES 64

/* The values of the E820 memory map; what firmware reports beyond them counts as reserved. */
enum boot_range_kind {
    BOOT_RANGE_RAM = 1,
    BOOT_RANGE_RESERVED = 2,
    BOOT_RANGE_ACPI = 3,
    BOOT_RANGE_ACPI_NVS = 4,
    BOOT_RANGE_BAD = 5,
    BOOT_RANGE_PERSISTENT = 7,
};

struct boot_range {
    uint64_t base;
    uint64_t size;
    enum boot_range_kind kind;
};

/* A file that was loaded with the kernel. Its memory is never given to the frame allocator. */
struct boot_module {
    uint64_t base;
    uint64_t size;
    char name[64];
};

/* [const] once kernel_main runs. */
struct boot_info {
    const char *protocol;
    char cmdline[BOOT_MAX_CMDLINE];
    uint64_t rsdp; /* physical; 0: not given, to be searched for */
    size_t n_ranges;
    struct boot_range ranges[BOOT_MAX_RANGES];
    size_t n_modules;
    struct boot_module modules[BOOT_MAX_MODULES];
    uint64_t image_base; /* the kernel image, physical */
    uint64_t image_size;
    size_t n_dropped; /* ranges and modules that had no place above */
};
