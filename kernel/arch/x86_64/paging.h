// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's own half of the address space (docs/memory-map.md).
#pragma once

#include <kernel/boot.h>
#include <kernel/types.h>

/* Bits of page-table entries. */
#define PTE_PRESENT       (UINT64_C(1) << 0)
#define PTE_WRITE         (UINT64_C(1) << 1)
#define PTE_USER          (UINT64_C(1) << 2)
#define PTE_WRITE_THROUGH (UINT64_C(1) << 3)
#define PTE_NO_CACHE      (UINT64_C(1) << 4)
#define PTE_LARGE         (UINT64_C(1) << 7)
#define PTE_GLOBAL        (UINT64_C(1) << 8)
#define PTE_NO_EXECUTE    (UINT64_C(1) << 63)
#define PTE_ADDRESS       UINT64_C(0x000ffffffffff000)

/* The only ways in which the kernel maps anything. */
#define MAP_CODE   PTE_GLOBAL
#define MAP_RODATA (PTE_GLOBAL | PTE_NO_EXECUTE)
#define MAP_DATA   (PTE_GLOBAL | PTE_NO_EXECUTE | PTE_WRITE)
#define MAP_DEVICE (MAP_DATA | PTE_NO_CACHE | PTE_WRITE_THROUGH)

/* paging_init - build the final page tables and load them on the boot core. From here on W^X holds,
 * low addresses are not mapped, and all RAM is. Out of memory ends the machine with a message. */
void paging_init(const struct boot_info *boot);

/* paging_map - map [va, va + size), of the kernel's half, to physical memory from @pa; all three
 * are multiples of the page size. What is mapped already stays as it is. Thread-safe. False: no
 * memory for tables, with a part of it mapped. */
bool paging_map(uint64_t va, uint64_t pa, uint64_t size, uint64_t flags);

/* paging_entry - the entry that maps @va, 0 if none; *@size is the size of its page. */
uint64_t paging_entry(uint64_t va, uint64_t *size);

/* paging_root - physical address of the kernel's top-level table. */
uint64_t paging_root(void);
