// SPDX-License-Identifier: BSD-2-Clause
//
// Changing a page table while processors walk it
//
// 1. Invariants. A table other than the root has at least one entry that is not empty, and the
//    entry that leads to it counts them (`used`). So emptiness is noticed without a search, and
//    every table that a search enters has a leaf below it.
//
// 2. Walkers. Entries are stored with release and loaded, by whoever stands for a walker, with
//    acquire: a table is filled before the entry that leads to it. The processors' own loads are
//    ordered that way. Only the replica's writer stores, so it may load relaxed. Counts change in
//    entries that walkers read; to them the old and the new value are the same.
//
// 3. Accessed and dirty bits are set from the start. Nobody asks for them, replicas could not agree
//    on them, and with both set the processors have no reason ever to write into a table.
//
// 4. Unlinked tables. A walker that read the entry before it was emptied, or has it cached, may
//    still read the table. Its entries are empty; the link to the next retired table is aligned,
//    so as an entry it is not present, too.

#include <kernel/page_table.h>

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/panic.h>

static unsigned index_of(uint64_t va, unsigned level)
{
    return (unsigned)(va / page_table_span(level) % PT_ENTRIES);
}

static union pt_entry load(const struct pt_table *table, unsigned index)
{
    /* relaxed: only the replica's writer stores. */
    return (union pt_entry){atomic_load_explicit(&table->entries[index], memory_order_relaxed)};
}

static void store(struct pt_table *table, unsigned index, union pt_entry entry)
{
    /* release: what the entry leads to is complete. */
    atomic_store_explicit(&table->entries[index], entry.raw, memory_order_release);
}

static bool leads_to_table(union pt_entry entry, unsigned level)
{
    return level > 1 && entry.present && !entry.large;
}

static struct pt_table *table_of(union pt_entry entry)
{
    return arch_phys_to_virt(pt_entry_address(entry));
}

/* User pages have their rights in the leaves. */
static union pt_entry table_entry(const struct pt_table *table, unsigned used)
{
    union pt_entry entry = {
        .present = 1, .writable = 1, .user = 1, .accessed = 1, .used = used & 0x3ff};
    pt_entry_lead_to(&entry, arch_virt_to_phys(table));
    return entry;
}

static struct pt_table *new_table(struct allocator *alloc)
{
    return allocator_zalloc(alloc, sizeof(struct pt_table), sizeof(struct pt_table));
}

static void free_table(struct allocator *alloc, struct pt_table *table)
{
    allocator_free(alloc, table, sizeof(*table));
}

/* --- Life --- */

kerr_t page_table_init(struct page_table *pt, struct allocator *alloc,
                       const struct pt_table *upper_half)
{
    struct pt_table *root = new_table(alloc);
    if (!root)
        return KERR_NO_MEMORY;
    for (unsigned i = PT_USER_ENTRIES; upper_half && i < PT_ENTRIES; i++)
        store(root, i, load(upper_half, i));
    *pt = (struct page_table){.alloc = alloc, .root = root};
    return KERR_OK;
}

/* Frees the tables below the first @n entries of a table of @level. As deep as the table. */
static void free_below(struct allocator *alloc, const struct pt_table *table, unsigned level,
                       unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        union pt_entry entry = load(table, i);
        if (!leads_to_table(entry, level))
            continue;
        free_below(alloc, table_of(entry), level - 1, PT_ENTRIES);
        free_table(alloc, table_of(entry));
    }
}

void page_table_fini(struct page_table *pt)
{
    free_below(pt->alloc, pt->root, PT_LEVELS, PT_USER_ENTRIES);
    free_table(pt->alloc, pt->root);
    pt->root = NULL;
}

/* Copies the first @n entries of a table of @level with all below; false: no memory, and nothing
 * is left below @to. As deep as the table. */
static bool copy_below(struct allocator *alloc, struct pt_table *to, const struct pt_table *from,
                       unsigned level, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        union pt_entry entry = load(from, i);
        if (!leads_to_table(entry, level)) {
            store(to, i, entry);
            continue;
        }
        struct pt_table *table = new_table(alloc);
        if (!table || !copy_below(alloc, table, table_of(entry), level - 1, PT_ENTRIES)) {
            if (table)
                free_table(alloc, table);
            free_below(alloc, to, level, i);
            return false;
        }
        store(to, i, table_entry(table, entry.used));
    }
    return true;
}

kerr_t page_table_copy(struct page_table *copy, const struct page_table *from,
                       struct allocator *alloc)
{
    kerr_t err = page_table_init(copy, alloc, from->root);
    if (err)
        return err;
    if (copy_below(alloc, copy->root, from->root, PT_LEVELS, PT_USER_ENTRIES))
        return KERR_OK;
    free_table(alloc, copy->root);
    return KERR_NO_MEMORY;
}

paddr_t page_table_root(const struct page_table *pt)
{
    return arch_virt_to_phys(pt->root);
}

/* --- Walking --- */

/* The tables from the root down to the one that ends the walk for an address; [level] is the table
 * of that level. */
struct path {
    struct pt_table *tables[PT_LEVELS + 1];
    unsigned level;
};

/* Descends while entries lead to tables, but not below tables of level @to. */
static void descend(const struct page_table *pt, uint64_t va, unsigned to, struct path *path)
{
    path->level = PT_LEVELS;
    path->tables[PT_LEVELS] = pt->root;
    while (path->level > to) {
        struct pt_table *table = path->tables[path->level];
        union pt_entry entry = load(table, index_of(va, path->level));
        if (!leads_to_table(entry, path->level))
            break;
        path->tables[--path->level] = table_of(entry);
    }
}

static union pt_entry path_entry(const struct path *path, uint64_t va)
{
    return load(path->tables[path->level], index_of(va, path->level));
}

bool page_table_find(const struct page_table *pt, vaddr_t va, struct pt_leaf *leaf)
{
    struct path path;
    descend(pt, va.raw, 1, &path);
    *leaf = (struct pt_leaf){
        .va = vaddr(align_down(va.raw, page_table_span(path.level))),
        .level = path.level,
        .entry = path_entry(&path, va.raw),
    };
    return leaf->entry.raw != 0;
}

bool page_table_next(const struct page_table *pt, vaddr_t from, vaddr_t end, struct pt_leaf *leaf)
{
    uint64_t va = from.raw;
    while (va < end.raw) {
        if (page_table_find(pt, vaddr(va), leaf))
            return true;
        /* Within the table in which the walk ended, the search goes on without a new walk. */
        struct path path;
        descend(pt, va, leaf->level, &path);
        unsigned i = index_of(va, leaf->level);
        while (i < PT_ENTRIES && va < end.raw && load(path.tables[leaf->level], i).raw == 0) {
            va = align_down(va, page_table_span(leaf->level)) + page_table_span(leaf->level);
            i++;
        }
    }
    return false;
}

/* --- Changing --- */

/* Adds @n to the count of the entry that leads to the table of @level on the path. */
static void count_used(const struct path *path, uint64_t va, unsigned level, int n)
{
    if (level == PT_LEVELS)
        return;
    struct pt_table *above = path->tables[level + 1];
    union pt_entry entry = load(above, index_of(va, level + 1));
    entry.used = (uint64_t)((int)entry.used + n) & 0x3ff;
    store(above, index_of(va, level + 1), entry);
}

/* The chain of tables of levels @low..@high that leads to @leaf, linked among each other; NULL: no
 * memory. */
static struct pt_table *make_chain(struct allocator *alloc, const struct pt_leaf *leaf,
                                   unsigned high)
{
    union pt_entry entry = leaf->entry;
    struct pt_table *below = NULL;
    for (unsigned level = leaf->level; level <= high; level++) {
        struct pt_table *table = new_table(alloc);
        if (!table) {
            if (below) {
                free_below(alloc, below, level - 1, PT_ENTRIES);
                free_table(alloc, below);
            }
            return NULL;
        }
        store(table, index_of(leaf->va.raw, level), entry);
        entry = table_entry(table, 1);
        below = table;
    }
    return below;
}

kerr_t page_table_put(struct page_table *pt, const struct pt_leaf *leaf)
{
    struct path path;
    uint64_t va = leaf->va.raw;
    union pt_entry entry = leaf->entry;
    descend(pt, va, leaf->level, &path);
    assert(path_entry(&path, va).raw == 0);
    if (path.level > leaf->level) {
        struct pt_table *chain = make_chain(pt->alloc, leaf, path.level - 1);
        if (!chain)
            return KERR_NO_MEMORY;
        entry = table_entry(chain, 1);
    }
    store(path.tables[path.level], index_of(va, path.level), entry);
    count_used(&path, va, path.level, 1);
    return KERR_OK;
}

void page_table_replace(struct page_table *pt, const struct pt_leaf *leaf)
{
    struct path path;
    descend(pt, leaf->va.raw, leaf->level, &path);
    assert(path.level == leaf->level && path_entry(&path, leaf->va.raw).raw != 0);
    store(path.tables[path.level], index_of(leaf->va.raw, path.level), leaf->entry);
}

void page_table_retire(struct pt_retired *retired, struct pt_table *table)
{
    /* relaxed: no walker follows it. */
    atomic_store_explicit(&table->entries[0], (uintptr_t)retired->first, memory_order_relaxed);
    retired->first = table;
}

void page_table_remove(struct page_table *pt, vaddr_t va, struct pt_retired *retired)
{
    struct path path;
    descend(pt, va.raw, 1, &path);
    assert(path_entry(&path, va.raw).raw != 0);
    unsigned level = path.level;
    store(path.tables[level], index_of(va.raw, level), (union pt_entry){0});
    while (level < PT_LEVELS) {
        struct pt_table *above = path.tables[level + 1];
        if (load(above, index_of(va.raw, level + 1)).used > 1) {
            count_used(&path, va.raw, level, -1);
            return;
        }
        store(above, index_of(va.raw, level + 1), (union pt_entry){0});
        page_table_retire(retired, path.tables[level]);
        level++;
    }
}

struct pt_table *page_table_retired_next(const struct pt_table *table)
{
    return (struct pt_table *)(uintptr_t)load(table, 0).raw;
}

/* A table of leaves that mean the same as the leaf @entry of @level; NULL: no memory. */
static struct pt_table *shatter(struct allocator *alloc, union pt_entry entry, unsigned level)
{
    struct pt_table *table = new_table(alloc);
    for (unsigned i = 0; table && i < PT_ENTRIES; i++) {
        union pt_entry part = entry;
        pt_entry_lead_to(&part, paddr_add(pt_entry_address(entry), i * page_table_span(level - 1)));
        part.large = level - 1 > 1;
        store(table, i, part);
    }
    return table;
}

kerr_t page_table_split(struct page_table *pt, vaddr_t va)
{
    struct path path;
    descend(pt, va.raw, 1, &path);
    union pt_entry entry = path_entry(&path, va.raw);
    unsigned level = path.level;
    if (entry.raw == 0 || is_aligned(va.raw, page_table_span(level)))
        return KERR_OK;
    struct pt_table *upper = shatter(pt->alloc, entry, level);
    if (!upper)
        return KERR_NO_MEMORY;
    if (level == 3 && !is_aligned(va.raw, PAGE_2M)) {
        unsigned i = index_of(va.raw, 2);
        struct pt_table *lower = shatter(pt->alloc, load(upper, i), 2);
        if (!lower) {
            free_table(pt->alloc, upper);
            return KERR_NO_MEMORY;
        }
        store(upper, i, table_entry(lower, PT_ENTRIES));
    }
    store(path.tables[level], index_of(va.raw, level), table_entry(upper, PT_ENTRIES));
    return KERR_OK;
}

void page_table_free_retired(struct page_table *pt, struct pt_retired *retired)
{
    while (retired->first) {
        struct pt_table *table = retired->first;
        retired->first = page_table_retired_next(table);
        free_table(pt->alloc, table);
    }
}
