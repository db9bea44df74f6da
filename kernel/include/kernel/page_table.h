// SPDX-License-Identifier: BSD-2-Clause
//
// The page table of an address space: 4 levels of x86-64, the lower half.
//
// A page table belongs to a replica: one operation at a time changes it. The processors' walkers
// read it at any time, without asking. Therefore each entry changes by one store, a table is
// complete before it is linked, and a table that was unlinked keeps being a table of empty entries
// until the caller says that no walker can hold on to it any more (page_table_free_retired).
//
// "Leaf" is an entry for a page, whether hardware may use it (present) or not; an entry is empty
// if it is all zeroes. docs/address-spaces.md has the theory.
#pragma once

#include <base/alloc.h>
#include <kernel/error.h>
#include <stdatomic.h>

#define PAGE_4K UINT64_C(0x1000)
#define PAGE_2M UINT64_C(0x200000)
#define PAGE_1G UINT64_C(0x40000000)

enum {
    PT_ENTRIES = 512,
    PT_LEVELS = 4, /* the root is a table of level 4; 4 KiB pages are in tables of level 1 */
    PT_USER_ENTRIES = 256, /* of the root: the lower half */
};

/*
 * An entry. For hardware the members from `held` to `cow` and `used` do not exist; so it is with
 * all others if `present` is clear. `used` is of entries that lead to a table: how many of the
 * table's entries are not empty.
 */
union pt_entry {
    uint64_t raw;
    struct {
        uint64_t present : 1;
        uint64_t writable : 1;
        uint64_t user : 1;
        uint64_t write_through : 1;
        uint64_t no_cache : 1;
        uint64_t accessed : 1;
        uint64_t dirty : 1;
        uint64_t large : 1; /* a page, in a table of level 2 or 3 */
        uint64_t global : 1;
        uint64_t held : 1;       /* of every leaf: the entry is not empty, whatever else it says */
        uint64_t cow : 1;        /* the frame may have other owners: copy it before writing */
        uint64_t unused_low : 1; /* with a name, because initialisers clear only what has one */
        uint64_t frame : 40;     /* physical address / 4096 */
        uint64_t used : 10;
        uint64_t unused_high : 1;
        uint64_t no_execute : 1;
    };
};
_Static_assert(sizeof(union pt_entry) == 8, "an entry is what hardware reads at once");

struct pt_table {
    _Atomic uint64_t entries[PT_ENTRIES];
};
_Static_assert(sizeof(struct pt_table) == PAGE_4K, "a table is a frame");

struct page_table { /* [replica] */
    struct allocator *alloc;
    struct pt_table *root;
};

/* A leaf and where it is. */
struct pt_leaf {
    vaddr_t va;
    unsigned level; /* 1: 4 KiB, 2: 2 MiB, 3: 1 GiB */
    union pt_entry entry;
};

/* Tables that were unlinked, connected by their first entries. */
struct pt_retired {
    struct pt_table *first;
};

/* page_table_span - bytes that an entry in a table of @level covers. */
static inline uint64_t page_table_span(unsigned level)
{
    return UINT64_C(1) << (12 + 9 * (level - 1));
}

static inline paddr_t pt_entry_address(union pt_entry entry)
{
    return paddr((uint64_t)entry.frame << 12);
}

/* pt_entry_lead_to - let @entry lead to @pa, below 2^52 and a multiple of 4096. */
static inline void pt_entry_lead_to(union pt_entry *entry, paddr_t pa)
{
    entry->frame = (pa.raw >> 12) & 0xffffffffff;
}

/* page_table_init - an empty table; the upper half of the root has the entries of @upper_half, a
 * root of the kernel, or none if NULL. @alloc gives tables: 4 KiB, aligned to that, in memory that
 * arch_virt_to_phys() knows. KERR_NO_MEMORY. */
MUST_CHECK kerr_t page_table_init(struct page_table *pt, struct allocator *alloc,
                                  const struct pt_table *upper_half);

/* page_table_fini - free all tables. No processor uses them; what they mapped is the caller's. */
void page_table_fini(struct page_table *pt);

/* page_table_copy - make @copy (uninitialised) map what @from maps, with tables from @alloc.
 * KERR_NO_MEMORY, and nothing is kept. */
MUST_CHECK kerr_t page_table_copy(struct page_table *copy, const struct page_table *from,
                                  struct allocator *alloc);

/* page_table_root - what CR3 takes. */
paddr_t page_table_root(const struct page_table *pt);

/* page_table_put - make @leaf. There is nothing at its addresses. KERR_NO_MEMORY, and nothing has
 * changed, if one of at most 3 tables cannot be had. */
MUST_CHECK kerr_t page_table_put(struct page_table *pt, const struct pt_leaf *leaf);

/* page_table_replace - put another entry in the place of a leaf. */
void page_table_replace(struct page_table *pt, const struct pt_leaf *leaf);

/* page_table_remove - empty the leaf at @va; tables that are empty then are unlinked and added to
 * @retired. */
void page_table_remove(struct page_table *pt, vaddr_t va, struct pt_retired *retired);

/* page_table_split - make smaller leaves, which mean the same, of one that has @va inside.
 * KERR_NO_MEMORY, and nothing has changed, if one of at most 2 tables cannot be had. */
MUST_CHECK kerr_t page_table_split(struct page_table *pt, vaddr_t va);

/* page_table_find - the leaf that covers @va. False: none. */
bool page_table_find(const struct page_table *pt, vaddr_t va, struct pt_leaf *leaf);

/* page_table_next - the first leaf that covers an address in [from, end). False: none. Looks at
 * seven tables at most, however long the range: up to the root and down to the leaf. */
bool page_table_next(const struct page_table *pt, vaddr_t from, vaddr_t end, struct pt_leaf *leaf);

/* page_table_retire - add a table to @retired; page_table_retired_next - the one after @table. */
void page_table_retire(struct pt_retired *retired, struct pt_table *table);
struct pt_table *page_table_retired_next(const struct pt_table *table);

/* page_table_free_retired - no walker can know these tables any more: give them back. */
void page_table_free_retired(struct page_table *pt, struct pt_retired *retired);
