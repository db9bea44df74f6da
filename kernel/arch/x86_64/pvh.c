// SPDX-License-Identifier: BSD-2-Clause
//
// The PVH boot protocol ("x86/HVM direct boot ABI" of Xen), by which QEMU's -kernel starts us.

#include "arch.h"

#include <kernel/arch.h>

struct hvm_start_info {
    uint32_t magic; /* boot.S used it as stack */
    uint32_t version;
    uint32_t flags;
    uint32_t nr_modules;
    uint64_t modlist_paddr;
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    /* Version 1 and later. */
    uint64_t memmap_paddr;
    uint32_t memmap_entries;
    uint32_t reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "given by the protocol");

struct hvm_module {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
};

struct hvm_memmap_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type; /* as E820 */
    uint32_t reserved;
};

void pvh_parse(struct boot_info *boot, uint64_t info)
{
    const struct hvm_start_info *start = arch_phys_to_virt(paddr(info));
    boot->protocol = "PVH";
    boot->rsdp = start->rsdp_paddr;
    if (start->cmdline_paddr)
        boot_set_cmdline(boot, arch_phys_to_virt(paddr(start->cmdline_paddr)), BOOT_MAX_CMDLINE);
    if (start->version >= 1 && start->memmap_paddr) {
        const struct hvm_memmap_entry *map = arch_phys_to_virt(paddr(start->memmap_paddr));
        for (uint32_t i = 0; i < start->memmap_entries; i++)
            boot_add_range(boot, map[i].addr, map[i].size, map[i].type);
    }
    const struct hvm_module *modules = arch_phys_to_virt(paddr(start->modlist_paddr));
    for (uint32_t i = 0; i < start->nr_modules; i++) {
        const char *name =
            modules[i].cmdline_paddr ? arch_phys_to_virt(paddr(modules[i].cmdline_paddr)) : "";
        boot_add_module(boot, modules[i].paddr, modules[i].size, name, BOOT_MAX_CMDLINE);
    }
}
