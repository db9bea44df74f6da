// SPDX-License-Identifier: BSD-2-Clause
//
// A processor's page walker, by the processor manual: raw bits, nothing shared with the code that
// makes the tables. It takes no lock and may run while tables change.
#pragma once

#include <kernel/arch.h>
#include <kernel/page_table.h>

struct walk {
    bool present;
    bool writable;
    bool executable;
    uint64_t pa; /* of the address itself */
    uint64_t size;
};

static inline struct walk hardware_walk(paddr_t root, uint64_t va)
{
    struct walk walk = {.writable = true, .executable = true};
    bool user = true;
    uint64_t table = root.raw;
    for (int shift = 39; shift >= 12; shift -= 9) {
        const struct pt_table *entries = arch_phys_to_virt(paddr(table));
        uint64_t entry =
            atomic_load_explicit(&entries->entries[va >> shift & 511], memory_order_acquire);
        if (!(entry & 1))
            return (struct walk){0};
        walk.writable &= (entry & 2) != 0;
        user &= (entry & 4) != 0;
        walk.executable &= !(entry >> 63);
        if (shift == 12 || (entry & 0x80)) {
            walk.present = user;
            walk.size = UINT64_C(1) << shift;
            walk.pa = (entry & UINT64_C(0x000ffffffffff000)) + (va & (walk.size - 1));
            return walk;
        }
        table = entry & UINT64_C(0x000ffffffffff000);
    }
    return walk;
}
