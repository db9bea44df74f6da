// SPDX-License-Identifier: BSD-2-Clause
//
// Memory for the machine layer itself: page tables, stacks, per-core variables. At first it is cut
// out of what the boot loader reported as RAM, later it comes from the kernel's frames. Nothing is
// given back.
#pragma once

#include <kernel/boot.h>
#include <kernel/frames.h>

/* bootmem_init - learn what is RAM and what of it is taken: the first megabyte, the image, modules.
 * Until bootmem_hand_over there is one core and one thread of control. */
void bootmem_init(const struct boot_info *boot);

/* bootmem_alloc - @size bytes, rounded up to pages, of zeroed RAM that ends below @below. 0 if
 * there is none. The memory must be mapped: until paging_init that is below 4 GiB. */
uint64_t bootmem_alloc(uint64_t size, uint64_t below);

/* bootmem_alloc_on - the same from memory of @node if it has some, else from anywhere. After
 * topology_init. */
uint64_t bootmem_alloc_on(uint64_t size, node_id_t node);

/* bootmem_is_ram - did the boot loader say that all of [base, base + size) is RAM? */
bool bootmem_is_ram(uint64_t base, uint64_t size);
