// SPDX-License-Identifier: BSD-2-Clause
//
// Memory as gdb sees it: that of a core's address space. No access here can fault: the page tables
// are read first, by software, and they do not change because all cores are stopped. A table can
// hold anything after a bug, so its address is checked as well.

#include "gdb.h"

#include "arch.h"
#include "asm.h"
#include "paging.h"

#include <base/string.h>
#include <kernel/arch.h>

#define CR0_WRITE_PROTECT (1u << 16)

/* Is there memory for a page table? The direct map knows: it maps all RAM. */
static bool is_ram(uint64_t pa)
{
    uint64_t size;
    return pa < UINT64_C(1) << DIRECT_MAP_BITS && paging_entry(KERNEL_BASE + pa, &size);
}

/* Where the kernel can reach the byte at @address, and how many follow it in the same page; NULL if
 * there is nothing. */
static uint8_t *reach(uint64_t cr3, uint64_t address, uint64_t *left)
{
    uint64_t table = cr3 & PTE_ADDRESS;
    if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
        return NULL;
    for (unsigned level = 4; level; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        if (!is_ram(table))
            return NULL;
        const uint64_t *entries = arch_phys_to_virt(paddr(table));
        uint64_t entry = entries[address >> shift & 511];
        if (!(entry & PTE_PRESENT))
            return NULL;
        if (level > 1 && !(entry & PTE_LARGE)) {
            table = entry & PTE_ADDRESS;
            continue;
        }
        if (level > 3)
            return NULL;
        uint64_t size = level > 1 ? UINT64_C(1) << shift : PAGE_SIZE;
        *left = size - address % size;
        if (address >= KERNEL_BASE) /* as it is, so that device registers are not cached */
            return (uint8_t *)address;
        uint64_t pa = (entry & PTE_ADDRESS & ~(size - 1)) + address % size;
        return is_ram(pa) ? arch_phys_to_virt(paddr(pa)) : NULL;
    }
    return NULL;
}

/* Copy in either direction, page by page; all pages are looked at before the first byte. */
static bool copy(uint64_t cr3, uint64_t address, uint8_t *data, size_t len, bool write)
{
    uint64_t left;
    for (size_t done = 0; done < len; done += left) {
        if (!reach(cr3, address + done, &left))
            return false;
    }
    for (size_t done = 0; done < len; done += left) {
        uint8_t *memory = reach(cr3, address + done, &left);
        size_t n = left < len - done ? left : len - done;
        write ? memcpy(memory, data + done, n) : memcpy(data + done, memory, n);
    }
    return true;
}

bool gdb_get_memory(uint64_t cr3, uint64_t address, void *data, size_t len)
{
    return copy(cr3, address, data, len, false);
}

/* Breakpoints go into code, which is read-only for everybody but this function. */
bool gdb_set_memory(uint64_t cr3, uint64_t address, const void *data, size_t len)
{
    uint64_t cr0 = read_cr0();
    write_cr0(cr0 & ~(uint64_t)CR0_WRITE_PROTECT);
    bool ok = copy(cr3, address, (uint8_t *)(uintptr_t)data, len, true);
    write_cr0(cr0);
    return ok;
}
