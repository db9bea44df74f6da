// SPDX-License-Identifier: BSD-2-Clause
//
// Collecting what a boot loader says; the parsers of the protocols call these.

#include "arch.h"

#include <base/string.h>

void boot_set_cmdline(struct boot_info *boot, const char *text, size_t max)
{
    size_t len = str_len_max(text, max);
    if (len >= sizeof(boot->cmdline)) {
        len = sizeof(boot->cmdline) - 1;
        boot->n_dropped++;
    }
    memcpy(boot->cmdline, text, len);
    boot->cmdline[len] = '\0';
}

void boot_add_range(struct boot_info *boot, uint64_t base, uint64_t size, uint32_t kind)
{
    if (!size || base + size < base)
        return;
    if (boot->n_ranges == BOOT_MAX_RANGES) {
        boot->n_dropped++;
        return;
    }
    boot->ranges[boot->n_ranges++] = (struct boot_range){base, size, kind};
}

void boot_add_module(struct boot_info *boot, uint64_t base, uint64_t size, const char *name,
                     size_t max)
{
    if (boot->n_modules == BOOT_MAX_MODULES) {
        boot->n_dropped++;
        return;
    }
    struct boot_module *module = &boot->modules[boot->n_modules++];
    module->base = base;
    module->size = size;
    size_t len = str_len_max(name, max);
    len = len < sizeof(module->name) ? len : sizeof(module->name) - 1;
    memcpy(module->name, name, len);
    module->name[len] = '\0';
}
