// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's half of the address space is built once, shared by all address spaces, and only
// grows: by device registers and kernel stacks. All third-level tables it can ever need are there
// from the start, so a process copies the upper half of the top-level table once and never looks at
// it again. Since nothing is ever unmapped or made stricter, there is nothing to flush on other
// cores.
//
// Each frame of the image is mapped once, with the rights of its segment, in the direct map: there
// is no second, writable way to the code.

#include "paging.h"

#include "arch.h"
#include "asm.h"
#include "bootmem.h"
#include "cpu.h"
#include "layout.h"
#include "stack.h"

#include <base/bits.h>
#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/spinlock.h>

#define ENTRIES 512
#define LEVELS  4

static struct spinlock lock; /* of everything below */
static uint64_t root;        /* [const] after paging_init */

/* Bytes that one entry of a table of @level (1 is the lowest) maps. */
static uint64_t span(unsigned level)
{
    return UINT64_C(1) << (12 + 9 * (level - 1));
}

static uint64_t *entry_of(uint64_t table, unsigned level, uint64_t va)
{
    uint64_t *entries = arch_phys_to_virt(paddr(table & PTE_ADDRESS));
    return &entries[va / span(level) % ENTRIES];
}

static bool can_be_leaf(unsigned level, uint64_t va, uint64_t pa, uint64_t size)
{
    bool exists = level <= 2 || (level == 3 && cpu.gib_pages);
    return exists && size >= span(level) && is_aligned(va | pa, span(level));
}

/* Descend one level through @entry, making a table if there is none. */
static bool make_table(uint64_t *entry)
{
    if (*entry & PTE_PRESENT)
        return true;
    uint64_t table = bootmem_alloc(PAGE_SIZE, UINT64_C(1) << 32);
    if (!table)
        return false;
    *entry = table | PTE_PRESENT | PTE_WRITE;
    return true;
}

/* Map one page at @va, as large as @size and what is there allow, and return its size; 0: no
 * memory. */
static uint64_t map_one(uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
    uint64_t table = root;
    for (unsigned level = LEVELS;; level--) {
        uint64_t *entry = entry_of(table, level, va);
        bool is_table = level > 1 && (*entry & PTE_PRESENT) && !(*entry & PTE_LARGE);
        if ((*entry & PTE_PRESENT) && !is_table) /* mapped already: step over it */
            return min(size, span(level) - va % span(level));
        if (!is_table && can_be_leaf(level, va, pa, size)) {
            uint64_t global = cpu.pge ? 0 : PTE_GLOBAL;
            *entry = pa | (flags & ~global) | PTE_PRESENT | (level > 1 ? PTE_LARGE : 0);
            return span(level);
        }
        if (!make_table(entry))
            return 0;
        table = *entry;
    }
}

static bool map_locked(uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
    while (size) {
        uint64_t done = map_one(va, pa, size, flags);
        if (!done)
            return false;
        va += done;
        pa += done;
        size -= done;
    }
    return true;
}

bool paging_map(uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
    assert(is_aligned(va | pa | size, PAGE_SIZE) && va >= KERNEL_BASE);
    bool irqs = spin_lock(&lock);
    bool ok = map_locked(va, pa, size, flags);
    spin_unlock(&lock, irqs);
    return ok;
}

volatile void *arch_map_device(paddr_t pa, uint64_t size)
{
    uint64_t start = align_down(pa.raw, PAGE_SIZE), end = align_up(pa.raw + size, PAGE_SIZE);
    if (end <= start || end > UINT64_C(1) << DIRECT_MAP_BITS)
        return NULL;
    if (!paging_map(KERNEL_BASE + start, start, end - start, MAP_DEVICE))
        return NULL;
    return arch_phys_to_virt(pa);
}

uint64_t paging_entry(uint64_t va, uint64_t *size)
{
    uint64_t table = root;
    for (unsigned level = LEVELS; level; level--) {
        uint64_t entry = *entry_of(table, level, va);
        *size = span(level);
        if (!(entry & PTE_PRESENT))
            return 0;
        if (level == 1 || (entry & PTE_LARGE))
            return entry;
        table = entry;
    }
    return 0;
}

uint64_t paging_root(void)
{
    return root;
}

static void require(bool ok)
{
    if (ok)
        return;
    log_raw("nrk needs more memory than this machine has: no room for its page tables\n");
    arch_exit(EXIT_OUT_OF_MEMORY);
}

static void make_top_level(void)
{
    root = bootmem_alloc(PAGE_SIZE, UINT64_C(1) << 32);
    require(root);
    unsigned bits = min(cpu.physical_bits, (unsigned)DIRECT_MAP_BITS);
    for (uint64_t pa = 0; pa < UINT64_C(1) << bits; pa += span(LEVELS))
        require(make_table(entry_of(root, LEVELS, KERNEL_BASE + pa)));
    require(make_table(entry_of(root, LEVELS, KSTACK_BASE)));
    require(make_table(entry_of(root, LEVELS, KVIRTUAL_BASE)));
}

/* The part of the image from @start to @end, without guard pages. */
static void map_image_part(const char *start, const char *end, uint64_t flags)
{
    for (uint64_t va = (uint64_t)start; va < (uint64_t)end; va += PAGE_SIZE) {
        if (!stack_guard_hit(va))
            require(map_locked(va, arch_virt_to_phys((void *)va).raw, PAGE_SIZE, flags));
    }
}

static void map_ram(uint64_t start, uint64_t end)
{
    end = min(end, UINT64_C(1) << DIRECT_MAP_BITS);
    if (start < end)
        require(map_locked(KERNEL_BASE + start, start, end - start, MAP_DATA));
}

/* The image comes with its own rights. Frames that are RAM only in part are not mapped as RAM;
 * those that hold firmware's tables in part are. */
static void map_range(const struct boot_info *boot, const struct boot_range *r)
{
    bool ram = r->kind == BOOT_RANGE_RAM;
    uint64_t start = ram ? align_up(r->base, PAGE_SIZE) : align_down(r->base, PAGE_SIZE);
    uint64_t end = r->base + r->size;
    end = ram ? align_down(end, PAGE_SIZE) : align_up(end, PAGE_SIZE);
    map_ram(start, min(end, boot->image_base));
    map_ram(max(start, boot->image_base + boot->image_size), end);
}

void paging_init(const struct boot_info *boot)
{
    make_top_level();
    map_image_part(image_start, text_end, MAP_CODE);
    map_image_part(text_end, rodata_end, MAP_RODATA);
    map_image_part(rodata_end, image_end, MAP_DATA);
    for (size_t i = 0; i < boot->n_ranges; i++) {
        if (boot->ranges[i].kind == BOOT_RANGE_RAM)
            map_range(boot, &boot->ranges[i]);
    }
    for (size_t i = 0; i < boot->n_ranges; i++) {
        if (boot->ranges[i].kind == BOOT_RANGE_ACPI || boot->ranges[i].kind == BOOT_RANGE_ACPI_NVS)
            map_range(boot, &boot->ranges[i]);
    }
    write_cr3(root);
}
