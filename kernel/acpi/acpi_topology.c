// SPDX-License-Identifier: BSD-2-Clause
//
// MADT (5.2.12), SRAT (5.2.16) and SLIT (5.2.17). Numbers are offsets of the specification. MADT
// and SRAT are read twice, because some of their entries are about others that may come later; the
// second time nothing is reported.

#include <kernel/acpi_topology.h>

#include <base/bits.h>
#include <base/string.h>

#define MADT_ENTRIES 44
#define SRAT_ENTRIES 48
#define SLIT_MATRIX  44

#define MADT_LAPIC         0
#define MADT_IOAPIC        1
#define MADT_OVERRIDE      2
#define MADT_NMI           3
#define MADT_LAPIC_NMI     4
#define MADT_LAPIC_ADDRESS 5
#define MADT_X2APIC        9
#define MADT_X2APIC_NMI    10

#define SRAT_LAPIC  0
#define SRAT_MEMORY 1
#define SRAT_X2APIC 2

/* Bits of the flags of cores and affinities; the last two of memory. */
#define ENABLED    1
#define HOTPLUG    2
#define PERSISTENT 4

#define DISTANCE_LOCAL  10
#define DISTANCE_REMOTE 20 /* where nothing is said */

#define DEFAULT_LAPIC 0xfee00000

/* What all functions here work on. */
struct build {
    const struct acpi *acpi;
    const struct acpi *reporter; /* the same, or NULL: do not report */
    const struct acpi_table *table;
    struct acpi_topology *topology;
};

typedef void (*entry_fn)(const struct build *b, const struct acpi_entry *entry);

static void for_each_entry(struct build *b, size_t first, bool quiet, entry_fn visit)
{
    struct acpi_entry entry;
    b->reporter = quiet ? NULL : b->acpi;
    for (size_t cursor = first; acpi_next_entry(b->reporter, b->table, &cursor, &entry);)
        visit(b, &entry);
    b->reporter = b->acpi;
}

static bool has(const struct build *b, const struct acpi_entry *entry, size_t len)
{
    return acpi_entry_has(b->reporter, b->table, entry, len);
}

/* Counts one more of something if there is room, else reports that there is none. */
static bool make_room(const struct build *b, unsigned *n, unsigned max, size_t offset)
{
    if (*n == max) {
        acpi_report(b->acpi, b->table, ACPI_TOO_MANY, offset);
        return false;
    }
    (*n)++;
    return true;
}

/* --- MADT --- */

static struct acpi_core *core_by_apic_id(struct acpi_topology *t, uint32_t apic_id)
{
    for (unsigned i = 0; i < t->n_cores; i++) {
        if (t->cores[i].apic_id == apic_id)
            return &t->cores[i];
    }
    return NULL;
}

/* Adds a core; the boot core is there already, and some firmware lists cores in both forms. */
static void add_core(const struct build *b, size_t offset, uint32_t apic_id, uint32_t acpi_uid)
{
    struct acpi_topology *t = b->topology;
    struct acpi_core *core = core_by_apic_id(t, apic_id);
    if (!core) {
        if (!make_room(b, &t->n_cores, MAX_CORES, offset))
            return;
        core = &t->cores[t->n_cores - 1];
    }
    *core = (struct acpi_core){.apic_id = apic_id, .acpi_uid = acpi_uid, .nmi_lint = ACPI_NO_LINT};
}

static void read_ioapic(const struct build *b, size_t at)
{
    struct acpi_topology *t = b->topology;
    if (!make_room(b, &t->n_ioapics, ACPI_MAX_IOAPICS, at))
        return;
    t->ioapics[t->n_ioapics - 1] = (struct acpi_ioapic){.id = acpi_u8(b->table, at + 2),
                                                        .address = acpi_u32(b->table, at + 4),
                                                        .gsi_base = acpi_u32(b->table, at + 8)};
}

static void read_override(const struct build *b, size_t at)
{
    struct acpi_topology *t = b->topology;
    if (!make_room(b, &t->n_overrides, ACPI_MAX_OVERRIDES, at))
        return;
    t->overrides[t->n_overrides - 1] = (struct acpi_override){.irq = acpi_u8(b->table, at + 3),
                                                              .gsi = acpi_u32(b->table, at + 4),
                                                              .flags = acpi_u16(b->table, at + 8)};
}

static void read_nmi(const struct build *b, size_t at)
{
    struct acpi_topology *t = b->topology;
    if (!make_room(b, &t->n_nmis, ACPI_MAX_NMIS, at))
        return;
    t->nmis[t->n_nmis - 1] =
        (struct acpi_nmi){.gsi = acpi_u32(b->table, at + 4), .flags = acpi_u16(b->table, at + 2)};
}

/* Entries that make cores and controllers. */
static void read_madt_entry(const struct build *b, const struct acpi_entry *entry)
{
    const struct acpi_table *t = b->table;
    size_t at = entry->offset;
    switch (entry->type) {
    case MADT_LAPIC:
        if (has(b, entry, 8) && acpi_u32(t, at + 4) & ENABLED)
            add_core(b, at, acpi_u8(t, at + 3), acpi_u8(t, at + 2));
        break;
    case MADT_X2APIC:
        if (has(b, entry, 16) && acpi_u32(t, at + 8) & ENABLED)
            add_core(b, at, acpi_u32(t, at + 4), acpi_u32(t, at + 12));
        break;
    case MADT_IOAPIC:
        if (has(b, entry, 12))
            read_ioapic(b, at);
        break;
    case MADT_OVERRIDE:
        if (has(b, entry, 10))
            read_override(b, at);
        break;
    case MADT_NMI:
        if (has(b, entry, 8))
            read_nmi(b, at);
        break;
    case MADT_LAPIC_ADDRESS:
        if (has(b, entry, 12))
            b->topology->lapic_address = acpi_u64(t, at + 4);
        break;
    case MADT_LAPIC_NMI:
        (void)has(b, entry, 6);
        break;
    case MADT_X2APIC_NMI:
        (void)has(b, entry, 12);
        break;
    default:
        break;
    }
}

/* NMIs arrive at this pin of one core, or of all. */
static void set_lint(const struct build *b, uint32_t uid, bool all, uint8_t lint, uint16_t flags)
{
    for (unsigned i = 0; i < b->topology->n_cores; i++) {
        struct acpi_core *core = &b->topology->cores[i];
        if (all || core->acpi_uid == uid) {
            core->nmi_lint = lint;
            core->nmi_flags = flags;
        }
    }
}

/* Entries about cores. */
static void read_madt_lint(const struct build *b, const struct acpi_entry *entry)
{
    const struct acpi_table *t = b->table;
    size_t at = entry->offset;
    if (entry->type == MADT_LAPIC_NMI && has(b, entry, 6))
        set_lint(b, acpi_u8(t, at + 2), acpi_u8(t, at + 2) == 0xff, acpi_u8(t, at + 5),
                 acpi_u16(t, at + 3));
    else if (entry->type == MADT_X2APIC_NMI && has(b, entry, 12))
        set_lint(b, acpi_u32(t, at + 4), acpi_u32(t, at + 4) == UINT32_MAX, acpi_u8(t, at + 8),
                 acpi_u16(t, at + 2));
}

static void read_madt(struct build *b)
{
    b->table = acpi_find(b->acpi, "APIC", 0);
    if (!b->table)
        return;
    if (b->table->len < MADT_ENTRIES) {
        acpi_report(b->acpi, b->table, ACPI_BAD_LENGTH, 4);
        return;
    }
    b->topology->lapic_address = acpi_u32(b->table, 36);
    b->topology->has_8259 = acpi_u32(b->table, 40) & 1;
    for_each_entry(b, MADT_ENTRIES, false, read_madt_entry);
    for_each_entry(b, MADT_ENTRIES, true, read_madt_lint);
}

/* --- SRAT --- */

/* An entry of the SRAT: a core or memory belongs to a proximity domain. */
struct affinity {
    uint32_t domain;
    bool is_memory;
    uint32_t apic_id;
    uint64_t base;
    uint64_t size;
    uint32_t flags;
};

/* Domains have 32 bits since revision 2 of the table; the upper ones of a core's were reserved
 * before. */
static uint32_t lapic_domain(const struct acpi_table *srat, size_t at)
{
    uint32_t high = acpi_u32(srat, at + 8) & 0xffffff00;
    return acpi_u8(srat, at + 2) | (srat->revision >= 2 ? high : 0);
}

/* Reads one entry; false: it says nothing for us. */
static bool read_affinity(const struct build *b, const struct acpi_entry *entry, struct affinity *a)
{
    const struct acpi_table *t = b->table;
    size_t at = entry->offset;
    switch (entry->type) {
    case SRAT_LAPIC:
        *a = (struct affinity){.domain = lapic_domain(t, at), .apic_id = acpi_u8(t, at + 3)};
        return has(b, entry, 16) && acpi_u32(t, at + 4) & ENABLED;
    case SRAT_X2APIC:
        *a = (struct affinity){.domain = acpi_u32(t, at + 4), .apic_id = acpi_u32(t, at + 8)};
        return has(b, entry, 24) && acpi_u32(t, at + 12) & ENABLED;
    case SRAT_MEMORY:
        *a = (struct affinity){.domain = acpi_u32(t, at + 2),
                               .is_memory = true,
                               .base = acpi_u64(t, at + 8),
                               .size = acpi_u64(t, at + 16),
                               .flags = acpi_u32(t, at + 28)};
        return has(b, entry, 40) && a->flags & ENABLED && a->size;
    default:
        return false;
    }
}

/* Puts the domain of an entry into the ascending list of nodes. */
static void read_domain(const struct build *b, const struct acpi_entry *entry)
{
    struct acpi_topology *t = b->topology;
    struct affinity a;
    unsigned at = 0;
    if (!read_affinity(b, entry, &a))
        return;
    while (at < t->n_nodes && t->domains[at] < a.domain)
        at++;
    if (at < t->n_nodes && t->domains[at] == a.domain)
        return;
    if (!make_room(b, &t->n_nodes, MAX_NODES, entry->offset))
        return;
    memmove(&t->domains[at + 1], &t->domains[at], (t->n_nodes - 1 - at) * sizeof(t->domains[0]));
    t->domains[at] = a.domain;
}

/* The node of a domain; node 0 for one that found no room. */
static node_id_t node_of(const struct acpi_topology *t, uint32_t domain)
{
    for (unsigned i = 0; i < t->n_nodes; i++) {
        if (t->domains[i] == domain)
            return i;
    }
    return 0;
}

/* Puts the core or memory of an entry to its node. */
static void place(const struct build *b, const struct acpi_entry *entry)
{
    struct acpi_topology *t = b->topology;
    struct affinity a;
    if (!read_affinity(b, entry, &a))
        return;
    node_id_t node = node_of(t, a.domain);
    if (!a.is_memory) {
        struct acpi_core *core = core_by_apic_id(t, a.apic_id);
        if (core)
            core->node = node;
        return;
    }
    if (a.size > UINT64_MAX - a.base) {
        acpi_report(b->acpi, b->table, ACPI_BAD_VALUE, entry->offset);
        return;
    }
    if (make_room(b, &t->n_memory, ACPI_MAX_MEMORY, entry->offset))
        t->memory[t->n_memory - 1] =
            (struct acpi_memory){.base = a.base,
                                 .size = a.size,
                                 .node = node,
                                 .hotplug = (a.flags & HOTPLUG) != 0,
                                 .persistent = (a.flags & PERSISTENT) != 0};
}

/* The nodes first, because their numbers follow from all domains together. */
static void read_srat(struct build *b)
{
    b->table = acpi_find(b->acpi, "SRAT", 0);
    if (b->table)
        for_each_entry(b, SRAT_ENTRIES, false, read_domain);
    if (b->table && b->topology->n_nodes)
        for_each_entry(b, SRAT_ENTRIES, true, place);
    else
        b->topology->n_nodes = 1;
}

/* --- SLIT --- */

/* The distance between two domains by the table, which has n of them, or by default. */
static uint8_t distance(const struct build *b, uint64_t n, uint32_t from, uint32_t to)
{
    uint8_t fallback = from == to ? DISTANCE_LOCAL : DISTANCE_REMOTE;
    if (from >= n || to >= n)
        return fallback;
    size_t at = SLIT_MATRIX + from * n + to;
    uint8_t value = acpi_u8(b->table, at);
    /* Below 10 is reserved; only a node itself is at 10. */
    if (from == to ? value == DISTANCE_LOCAL : value > DISTANCE_LOCAL)
        return value;
    acpi_report(b->acpi, b->table, ACPI_BAD_VALUE, at);
    return fallback;
}

static void read_slit(struct build *b)
{
    struct acpi_topology *t = b->topology;
    b->table = acpi_find(b->acpi, "SLIT", 0);
    uint64_t n = b->table ? acpi_u64(b->table, ACPI_HEADER) : 0;
    /* More than 65536 rows do not fit any table, and their square not this number. */
    if (b->table &&
        (b->table->len < SLIT_MATRIX || n > 65536 || n * n > b->table->len - SLIT_MATRIX)) {
        acpi_report(b->acpi, b->table, ACPI_BAD_LENGTH, ACPI_HEADER);
        n = 0;
    }
    for (unsigned i = 0; i < t->n_nodes; i++) {
        for (unsigned j = 0; j < t->n_nodes; j++)
            t->distances[i * t->n_nodes + j] = distance(b, n, t->domains[i], t->domains[j]);
    }
}

/* --- All of it --- */

void acpi_topology_build(const struct acpi *acpi, uint32_t boot_apic_id,
                         struct acpi_topology *topology)
{
    struct build b = {.acpi = acpi, .reporter = acpi, .topology = topology};
    memset(topology, 0, sizeof(*topology));
    topology->n_cores = 1;
    topology->cores[0] = (struct acpi_core){.apic_id = boot_apic_id, .nmi_lint = ACPI_NO_LINT};
    topology->lapic_address = DEFAULT_LAPIC;
    read_madt(&b);
    read_srat(&b);
    read_slit(&b);
    acpi_topology_split_ids(topology, 0, 0);
}

/* The low bits of an id; there may be as many as the id has. */
static uint32_t low_bits(uint32_t id, unsigned bits)
{
    return bits >= 32 ? id : id & ((1u << bits) - 1);
}

void acpi_topology_split_ids(struct acpi_topology *topology, unsigned thread_bits,
                             unsigned core_bits)
{
    for (unsigned i = 0; i < topology->n_cores; i++) {
        struct acpi_core *core = &topology->cores[i];
        core->thread = low_bits(core->apic_id, thread_bits);
        core->core = thread_bits >= 32 ? 0 : low_bits(core->apic_id, core_bits) >> thread_bits;
        core->package = core_bits >= 32 ? 0 : core->apic_id >> core_bits;
    }
}
