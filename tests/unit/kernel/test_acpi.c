// SPDX-License-Identifier: BSD-2-Clause
//
// ACPI tables as QEMU's firmware makes them (acpi/*.tables), tables built here, and broken ones.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acpi/memory.h"
#include "random.h"
#include <base/bits.h>
#include <kernel/acpi_topology.h>

static struct memory memory;
static struct acpi acpi;
static struct acpi_topology topology;

static int tear_down(void **state)
{
    (void)state;
    memory_free(&memory);
    return 0;
}

static void load(const char *name)
{
    char path[512];
    static uint8_t data[65536];
    snprintf(path, sizeof(path), "%s/%s.tables", ACPI_TABLES, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    memory_free(&memory);
    memory_parse(&memory, data, size);
}

/* Opens what is loaded; the root pointer is its first range. */
static kerr_t open_at(uint64_t rsdp)
{
    struct acpi_access access = memory_access(&memory);
    memory.n_problems = 0;
    return acpi_open(&acpi, &access, rsdp);
}

static void load_and_build(const char *name)
{
    load(name);
    assert_int_equal(open_at(memory.ranges[0].address), KERR_OK);
    acpi_topology_build(&acpi, 0, &topology);
    assert_int_equal(memory.n_problems, 0);
}

static uint64_t memory_of_node(node_id_t node)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < topology.n_memory; i++) {
        if (topology.memory[i].node == node)
            size += topology.memory[i].size;
    }
    return size;
}

static unsigned cores_of_node(node_id_t node)
{
    unsigned n = 0;
    for (unsigned i = 0; i < topology.n_cores; i++)
        n += topology.cores[i].node == node;
    return n;
}

/* --- Tables of QEMU --- */

static void a_pc_has_one_core_and_one_node(void **state)
{
    (void)state;
    struct acpi_fadt fadt;
    struct acpi_hpet hpet;
    load_and_build("pc-1");
    assert_int_equal(topology.n_cores, 1);
    assert_int_equal(topology.n_nodes, 1);
    assert_int_equal(topology.distances[0], 10);
    assert_int_equal(topology.n_memory, 0);
    assert_int_equal(topology.lapic_address, 0xfee00000);
    assert_true(topology.has_8259);
    assert_int_equal(topology.n_ioapics, 1);
    assert_int_equal(topology.ioapics[0].address, 0xfec00000);
    assert_int_equal(topology.ioapics[0].gsi_base, 0);
    assert_int_equal(topology.n_overrides, 5);
    assert_int_equal(topology.overrides[0].irq, 0);
    assert_int_equal(topology.overrides[0].gsi, 2);
    assert_int_equal(topology.overrides[1].irq, 5);
    assert_int_equal(topology.overrides[1].flags, 0xd);
    assert_int_equal(topology.cores[0].nmi_lint, 1);
    assert_int_equal(acpi_read_fadt(&acpi, &fadt), KERR_OK);
    assert_int_equal(fadt.sci, 9);
    assert_int_equal(fadt.pm1a_control.address, 0x604);
    assert_int_equal(fadt.pm1a_control.space, 1);
    assert_int_equal(fadt.pm_timer.address, 0x608);
    assert_int_equal(fadt.pm_timer.bits, 32);
    assert_int_equal(fadt.smi_command, 0xb2);
    assert_int_equal(acpi_read_hpet(&acpi, 0, &hpet), KERR_OK);
    assert_int_equal(hpet.address, 0xfed00000);
    assert_int_equal(acpi_read_hpet(&acpi, 1, &hpet), KERR_NOT_FOUND);
    assert_int_equal(acpi_read_mcfg(&acpi, NULL, 0), 0);
    assert_int_equal(acpi_read_nfit(&acpi, NULL, 0), 0);
    assert_int_equal(memory.n_problems, 0);
}

static void a_q35_has_pci_express_and_a_reset_register(void **state)
{
    (void)state;
    struct acpi_pci_segment segments[2];
    struct acpi_fadt fadt;
    load_and_build("q35-2");
    assert_int_equal(topology.n_cores, 2);
    assert_int_equal(topology.cores[1].apic_id, 1);
    assert_int_equal(acpi_read_mcfg(&acpi, segments, 2), 1);
    assert_int_equal(segments[0].address, 0xb0000000);
    assert_int_equal(segments[0].first_bus, 0);
    assert_int_equal(segments[0].last_bus, 255);
    assert_int_equal(acpi_read_fadt(&acpi, &fadt), KERR_OK);
    assert_true(fadt.flags & ACPI_FADT_RESET);
    assert_int_equal(fadt.reset.address, 0xcf9);
    assert_int_equal(fadt.reset.space, 1);
    assert_int_equal(fadt.reset_value, 0xf);
    assert_true(fadt.dsdt != 0);
    assert_int_equal(acpi_read_mcfg(&acpi, segments, 0), 0);
    assert_int_equal(memory.last.kind, ACPI_TOO_MANY);
}

static void the_root_pointer_is_found_in_the_bios(void **state)
{
    (void)state;
    static uint8_t bios[0x20000];
    load("q35-2");
    struct range *pointer = &memory.ranges[0];
    assert_int_equal(open_at(0), KERR_NOT_FOUND);
    memcpy(&bios[pointer->address - 0xe0000], pointer->bytes, pointer->len);
    memory_add(&memory, 0xe0000, bios, sizeof(bios));
    assert_int_equal(open_at(0), KERR_OK);
    assert_int_equal(acpi.n_tables, 5);
    /* What the extended BIOS data area has comes first: here a pointer to nothing. */
    static const char rsdp_signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    uint8_t ebda[1024] = {0};
    uint8_t segment[2] = {0x00, 0x9f};
    memcpy(ebda + 32, rsdp_signature, sizeof(rsdp_signature));
    fix_sum(ebda + 32, 20, 8);
    memory_add(&memory, 0x40e, segment, 2);
    memory_add(&memory, 0x9f000, ebda, 1024);
    assert_int_equal(open_at(0), KERR_NOT_FOUND);
}

static void two_nodes_have_their_cores_memory_and_distance(void **state)
{
    (void)state;
    load_and_build("q35-8-2nodes");
    assert_int_equal(topology.n_cores, 8);
    assert_int_equal(topology.n_nodes, 2);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(topology.cores[i].node, i / 4);
    /* The gap below 1 MiB belongs to nobody. */
    assert_int_equal(memory_of_node(0), (128 << 20) - (384 << 10));
    assert_int_equal(memory_of_node(1), 384 << 20);
    assert_memory_equal(topology.distances, ((uint8_t[]){10, 31, 31, 10}), 4);
    acpi_topology_split_ids(&topology, 1, 2);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(topology.cores[i].package, i / 4);
        assert_int_equal(topology.cores[i].core, i / 2 % 2);
        assert_int_equal(topology.cores[i].thread, i % 2);
    }
}

static void eighty_cores_on_eight_nodes_are_ten_on_each(void **state)
{
    (void)state;
    load_and_build("q35-80-8nodes");
    assert_int_equal(topology.n_cores, 80);
    assert_int_equal(topology.n_nodes, 8);
    for (node_id_t i = 0; i < 8; i++) {
        assert_int_equal(cores_of_node(i), 10);
        assert_true(memory_of_node(i) >= (128 << 20) - (384 << 10));
        for (node_id_t j = 0; j < 8; j++)
            assert_int_equal(topology.distances[i * 8 + j], i == j ? 10 : 20);
    }
}

static void the_largest_machine_fits(void **state)
{
    (void)state;
    load_and_build("q35-255-16nodes");
    assert_int_equal(topology.n_cores, 255);
    assert_int_equal(topology.n_nodes, 16);
    for (node_id_t i = 0; i < 16; i++)
        assert_int_equal(cores_of_node(i), i == 15 ? 15 : 16);
}

static void nvdimms_are_found(void **state)
{
    (void)state;
    struct acpi_pmem ranges[4];
    load_and_build("q35-nvdimm");
    assert_int_equal(acpi_read_nfit(&acpi, ranges, 4), 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ranges[i].size, 128 << 20);
        assert_true(ranges[i].has_domain);
        assert_int_equal(ranges[i].domain, 1 - i); /* QEMU lists the last first */
    }
    assert_true(ranges[0].base == ranges[1].base + (128 << 20));
    assert_int_equal(acpi_read_nfit(&acpi, ranges, 1), 1);
    assert_int_equal(memory.last.kind, ACPI_TOO_MANY);
}

static void the_boot_core_is_core_0(void **state)
{
    (void)state;
    load("q35-8-2nodes");
    assert_int_equal(open_at(memory.ranges[0].address), KERR_OK);
    acpi_topology_build(&acpi, 5, &topology);
    assert_int_equal(topology.n_cores, 8);
    assert_int_equal(topology.cores[0].apic_id, 5);
    assert_int_equal(topology.cores[0].node, 1);
    assert_int_equal(topology.cores[1].apic_id, 0);
    assert_int_equal(topology.cores[7].apic_id, 7);
    acpi_topology_build(&acpi, 77, &topology);
    assert_int_equal(topology.n_cores, 9);
    assert_int_equal(topology.cores[0].apic_id, 77);
}

/* --- Tables built here --- */

struct builder {
    uint8_t bytes[8192];
    uint32_t len;
};

static void put(struct builder *b, uint64_t value, unsigned size)
{
    memcpy(b->bytes + b->len, &value, size);
    b->len += size;
}

static struct builder begin(const char *signature, uint8_t revision, uint32_t header)
{
    struct builder b = {.len = header};
    memcpy(b.bytes, signature, 4);
    b.bytes[8] = revision;
    return b;
}

static uint64_t next_address;

static uint64_t finish(struct builder *b)
{
    uint64_t address = next_address;
    memcpy(b->bytes + 4, &b->len, 4);
    b->bytes[9] = 0;
    fix_sum(b->bytes, b->len, 9);
    memory_add(&memory, address, b->bytes, b->len);
    next_address += 65536;
    return address;
}

#define RSDP 0x1000

/* A root pointer of revision 2 with an XSDT for these tables. */
static void add_root(const uint64_t *tables, unsigned n)
{
    struct builder xsdt = begin("XSDT", 1, ACPI_HEADER);
    for (unsigned i = 0; i < n; i++)
        put(&xsdt, tables[i], 8);
    uint64_t address = finish(&xsdt);
    uint8_t pointer[36] = "RSD PTR ";
    pointer[15] = 2;
    pointer[20] = 36;
    memcpy(pointer + 24, &address, 8);
    fix_sum(pointer, 20, 8);
    fix_sum(pointer, 36, 32);
    memory_add(&memory, RSDP, pointer, 36);
}

static int set_up(void **state)
{
    (void)state;
    memory_free(&memory);
    next_address = UINT64_C(0x100000000); /* above what 32 bits can say */
    return 0;
}

static void build_from(struct builder **tables, unsigned n)
{
    uint64_t addresses[8];
    for (unsigned i = 0; i < n; i++)
        addresses[i] = finish(tables[i]);
    add_root(addresses, n);
    assert_int_equal(open_at(RSDP), KERR_OK);
    assert_int_equal(acpi.n_tables, n);
    acpi_topology_build(&acpi, 0, &topology);
}

static struct builder begin_madt(void)
{
    struct builder b = begin("APIC", 4, ACPI_HEADER);
    put(&b, 0xfee00000, 4);
    put(&b, 0, 4);
    return b;
}

static void put_lapic(struct builder *b, uint8_t uid, uint8_t apic_id, uint32_t flags)
{
    put(b, 0x0800, 2);
    put(b, uid, 1);
    put(b, apic_id, 1);
    put(b, flags, 4);
}

static void put_x2apic(struct builder *b, uint32_t uid, uint32_t apic_id, uint32_t flags)
{
    put(b, 0x1009, 4);
    put(b, apic_id, 4);
    put(b, flags, 4);
    put(b, uid, 4);
}

static void all_kinds_of_madt_entries_are_read(void **state)
{
    (void)state;
    struct builder madt = begin_madt();
    put_lapic(&madt, 1, 0, 1);
    put_lapic(&madt, 2, 4, 0); /* disabled */
    put_lapic(&madt, 3, 6, 1);
    put_x2apic(&madt, 3, 6, 1); /* the same core once more */
    put_x2apic(&madt, 900, 0x12345, 1);
    put(&madt, 0x0c05, 4); /* where the LAPICs are */
    put(&madt, UINT64_C(0x123fee00000), 8);
    put(&madt, 0x7f, 1); /* unknown */
    put(&madt, 3, 1);
    put(&madt, 0, 1);
    put(&madt, 0x0803, 2); /* an NMI */
    put(&madt, 5, 2);
    put(&madt, 23, 4);
    put(&madt, 0x0604, 2); /* NMIs at pin 1 of all */
    put(&madt, 0xff, 1);
    put(&madt, 5, 2);
    put(&madt, 1, 1);
    put(&madt, 0x0c0a, 2); /* but at pin 0 of this */
    put(&madt, 0xd, 2);
    put(&madt, 900, 4);
    put(&madt, 0, 4);
    put(&madt, 0x0c01, 2); /* a second IOAPIC */
    put(&madt, 9, 2);
    put(&madt, 0xfec10000, 4);
    put(&madt, 24, 4);
    struct builder *tables[] = {&madt};
    build_from(tables, 1);
    assert_int_equal(memory.n_problems, 0);
    assert_int_equal(topology.n_cores, 3);
    assert_int_equal(topology.cores[1].apic_id, 6);
    assert_int_equal(topology.cores[1].nmi_lint, 1);
    assert_int_equal(topology.cores[1].nmi_flags, 5);
    assert_int_equal(topology.cores[2].apic_id, 0x12345);
    assert_int_equal(topology.cores[2].nmi_lint, 0);
    assert_int_equal(topology.cores[2].nmi_flags, 0xd);
    assert_true(topology.lapic_address == UINT64_C(0x123fee00000));
    assert_false(topology.has_8259);
    assert_int_equal(topology.n_nmis, 1);
    assert_int_equal(topology.nmis[0].gsi, 23);
    assert_int_equal(topology.n_ioapics, 1);
    assert_int_equal(topology.ioapics[0].gsi_base, 24);
    assert_int_equal(topology.ioapics[0].id, 9);
}

static void put_memory(struct builder *b, uint32_t domain, uint64_t base, uint64_t size,
                       uint32_t flags)
{
    put(b, 0x2801, 2);
    put(b, domain, 4);
    put(b, 0, 2);
    put(b, base, 8);
    put(b, size, 8);
    put(b, 0, 4);
    put(b, flags, 4);
    put(b, 0, 8);
}

static void put_core_affinity(struct builder *b, uint32_t domain, uint8_t apic_id)
{
    put(b, 0x1000, 2);
    put(b, domain & 0xff, 1);
    put(b, apic_id, 1);
    put(b, 1, 4);
    put(b, 0, 1);
    put(b, domain >> 8, 3);
    put(b, 0, 4);
}

static void sparse_domains_become_dense_nodes(void **state)
{
    (void)state;
    for (uint8_t revision = 1; revision <= 3; revision++) {
        memory_free(&memory);
        struct builder madt = begin_madt();
        for (uint8_t i = 0; i < 3; i++)
            put_lapic(&madt, i, i, 1);
        struct builder srat = begin("SRAT", revision, 48);
        put_core_affinity(&srat, 0x30007, 0);
        put_memory(&srat, 2, 0x100000, 0x1000, 7);
        put_memory(&srat, 5, 0x200000, 0x1000, 0); /* disabled */
        put_core_affinity(&srat, 2, 1);
        put(&srat, 0x1802, 4); /* an x2APIC */
        put(&srat, 9, 4);
        put(&srat, 2, 4);
        put(&srat, 1, 4);
        put(&srat, 0, 8);
        put_memory(&srat, 9, 0x300000, 0, 1); /* empty */
        struct builder *tables[] = {&madt, &srat};
        build_from(tables, 2);
        assert_int_equal(memory.n_problems, 0);
        assert_int_equal(topology.n_nodes, 3);
        assert_int_equal(topology.domains[0], 2);
        uint32_t large = revision == 1 ? 7 : 0x30007;
        node_id_t node = revision == 1 ? 1 : 2;
        assert_int_equal(topology.domains[node], large);
        assert_int_equal(topology.cores[0].node, node);
        assert_int_equal(topology.cores[1].node, 0);
        assert_int_equal(topology.cores[2].node, 3 - node);
        assert_int_equal(topology.n_memory, 1);
        assert_int_equal(topology.memory[0].node, 0);
        assert_true(topology.memory[0].hotplug && topology.memory[0].persistent);
    }
}

static void distances_of_missing_or_bad_rows_have_defaults(void **state)
{
    (void)state;
    struct builder srat = begin("SRAT", 3, 48);
    static const uint32_t domains[] = {0, 1, 3};
    for (unsigned i = 0; i < 3; i++)
        put_memory(&srat, domains[i], i << 20, 1 << 20, 1);
    struct builder slit = begin("SLIT", 1, ACPI_HEADER);
    put(&slit, 2, 8);
    put(&slit, 0x0a21050a, 4); /* rows 10 5, 33 10: 5 is reserved */
    struct builder *tables[] = {&srat, &slit};
    build_from(tables, 2);
    assert_memory_equal(topology.distances, ((uint8_t[]){10, 20, 20, 33, 10, 20, 20, 20, 10}), 9);
    assert_int_equal(memory.n_problems, 1);
    assert_int_equal(memory.last.kind, ACPI_BAD_VALUE);
    assert_int_equal(memory.last.offset, 45);
    assert_string_equal(memory.last.signature, "SLIT");
}

static void a_slit_that_claims_too_much_is_left_out(void **state)
{
    (void)state;
    static const uint64_t rows[] = {3, 65536, UINT64_C(1) << 32, UINT64_MAX};
    for (unsigned i = 0; i < array_count(rows); i++) {
        memory_free(&memory);
        struct builder slit = begin("SLIT", 1, ACPI_HEADER);
        put(&slit, rows[i], 8);
        put(&slit, 0x14141414, 4);
        struct builder *tables[] = {&slit};
        build_from(tables, 1);
        assert_int_equal(memory.n_problems, 1);
        assert_int_equal(memory.last.kind, ACPI_BAD_LENGTH);
        assert_int_equal(topology.distances[0], 10);
    }
}

static void bad_entries_end_or_skip(void **state)
{
    (void)state;
    struct builder madt = begin_madt();
    put_lapic(&madt, 0, 0, 1);
    put(&madt, 0x0400, 2); /* a core's entry that is too short */
    put(&madt, 0, 2);
    put_lapic(&madt, 1, 1, 1);
    put(&madt, 0x0000, 2); /* length 0 */
    put_lapic(&madt, 2, 2, 1);
    struct builder *tables[] = {&madt};
    build_from(tables, 1);
    assert_int_equal(topology.n_cores, 2);
    assert_int_equal(memory.n_problems, 2);
    assert_int_equal(memory.last.kind, ACPI_BAD_LENGTH);
    assert_int_equal(memory.last.offset, 44 + 8 + 4 + 8);
}

static void surplus_is_left_out_and_reported(void **state)
{
    (void)state;
    struct builder madt = begin_madt();
    for (unsigned i = 0; i < 300; i++)
        put_x2apic(&madt, i, i, 1);
    struct builder srat = begin("SRAT", 3, 48);
    for (unsigned i = 0; i < 20; i++)
        put_memory(&srat, i, i << 20, 1 << 20, 1);
    struct builder *tables[] = {&madt, &srat};
    build_from(tables, 2);
    assert_int_equal(topology.n_cores, MAX_CORES);
    assert_int_equal(topology.n_nodes, MAX_NODES);
    assert_int_equal(topology.n_memory, 20);
    assert_false(topology.memory[0].hotplug || topology.memory[0].persistent);
    assert_int_equal(topology.memory[19].node, 0);
    assert_int_equal(memory.n_problems, 300 - MAX_CORES + 20 - MAX_NODES);
}

static void bad_nfit_entries_are_left_out(void **state)
{
    (void)state;
    static const uint8_t guid[] = {0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40,
                                   0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb};
    static const struct {
        uint64_t base;
        uint64_t size;
    } spans[] = {{1 << 30, 1 << 20}, {1 << 30, 0}, {UINT64_MAX, 2}, {3 << 20, 5}};
    struct acpi_pmem ranges[8];
    struct builder nfit = begin("NFIT", 1, 40);
    for (unsigned i = 0; i < array_count(spans); i++) {
        put(&nfit, 56 << 16, 4);
        put(&nfit, i, 2);
        put(&nfit, i == 3 ? 0 : 2, 2);
        put(&nfit, 0, 4);
        put(&nfit, 7, 4);
        for (unsigned j = 0; j < 16; j++)
            put(&nfit, guid[j], 1);
        put(&nfit, spans[i].base, 8);
        put(&nfit, spans[i].size, 8);
        put(&nfit, 8, 8);
    }
    put(&nfit, 20 << 16, 4); /* too short */
    put(&nfit, 0, 8);
    put(&nfit, 0, 8);
    struct builder *tables[] = {&nfit};
    build_from(tables, 1);
    assert_int_equal(acpi_read_nfit(&acpi, ranges, 8), 2);
    assert_int_equal(ranges[0].domain, 7);
    assert_true(ranges[0].has_domain);
    assert_false(ranges[1].has_domain);
    assert_int_equal(ranges[1].index, 3);
    assert_int_equal(memory.n_problems, 3);
}

static void no_tables_are_a_simple_machine(void **state)
{
    (void)state;
    assert_int_equal(open_at(0), KERR_NOT_FOUND);
    assert_int_equal(open_at(0x5000), KERR_NOT_FOUND);
    assert_int_equal(memory.last.kind, ACPI_UNREADABLE);
    acpi_topology_build(&acpi, 3, &topology);
    assert_int_equal(topology.n_cores, 1);
    assert_int_equal(topology.cores[0].apic_id, 3);
    assert_int_equal(topology.n_nodes, 1);
    assert_int_equal(topology.lapic_address, 0xfee00000);
}

static void a_broken_xsdt_falls_back_to_the_rsdt(void **state)
{
    (void)state;
    next_address = 0x200000;
    struct builder hpet = begin("HPET", 1, 56);
    hpet.bytes[44] = 1;
    uint32_t table = (uint32_t)finish(&hpet);
    struct builder rsdt = begin("RSDT", 1, ACPI_HEADER);
    put(&rsdt, table, 4);
    uint32_t rsdt_address = (uint32_t)finish(&rsdt);
    add_root(NULL, 0);
    struct range *xsdt = &memory.ranges[memory.n - 2];
    struct range *pointer = &memory.ranges[memory.n - 1];
    memcpy(pointer->bytes + 16, &rsdt_address, 4);
    range_fix_sums(pointer);
    assert_int_equal(open_at(RSDP), KERR_OK);
    assert_int_equal(acpi.n_tables, 0);
    xsdt->bytes[10] ^= 1;
    assert_int_equal(open_at(RSDP), KERR_OK);
    assert_int_equal(acpi.n_tables, 1);
    assert_int_equal(memory.n_problems, 1);
    assert_string_equal(memory.last.signature, "XSDT");
    xsdt->bytes[0] = 'Y';
    range_fix_sums(xsdt);
    assert_int_equal(open_at(RSDP), KERR_OK);
    assert_int_equal(memory.last.kind, ACPI_BAD_SIGNATURE);
    assert_int_equal(acpi.n_tables, 1);
    pointer->bytes[20] = 35;
    assert_int_equal(open_at(RSDP), KERR_OK);
    assert_int_equal(memory.last.kind, ACPI_BAD_LENGTH);
    assert_int_equal(acpi.n_tables, 1);
}

/* --- Broken tables --- */

static const char *const machines[] = {"pc-1",          "q35-2",           "q35-8-2nodes",
                                       "q35-80-8nodes", "q35-255-16nodes", "q35-nvdimm"};

static void each_changed_byte_is_noticed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        load(machines[i]);
        for (unsigned r = 0; r < memory.n; r++) {
            for (uint32_t at = 0; at < memory.ranges[r].len; at++) {
                memory.ranges[r].bytes[at] ^= 0x40;
                kerr_t err = open_at(memory.ranges[0].address);
                assert_true(err || memory.n_problems);
                memory.ranges[r].bytes[at] ^= 0x40;
            }
        }
        assert_int_equal(open_at(memory.ranges[0].address), KERR_OK);
        assert_int_equal(memory.n_problems, 0);
    }
}

static void read_all(void)
{
    struct acpi_fadt fadt;
    struct acpi_hpet hpet;
    struct acpi_pci_segment segments[4];
    struct acpi_pmem pmem[4];
    if (open_at(memory.ranges[0].address))
        assert_int_equal(acpi.n_tables, 0);
    acpi_topology_build(&acpi, 0, &topology);
    assert_in_range(topology.n_cores, 1, MAX_CORES);
    assert_in_range(topology.n_nodes, 1, MAX_NODES);
    for (unsigned i = 0; i < topology.n_cores; i++)
        assert_true(topology.cores[i].node < topology.n_nodes);
    for (unsigned i = 0; i < topology.n_memory; i++)
        assert_true(topology.memory[i].node < topology.n_nodes);
    assert_in_range(acpi_read_mcfg(&acpi, segments, 4), 0, 4);
    assert_in_range(acpi_read_nfit(&acpi, pmem, 4), 0, 4);
    kerr_t err = acpi_read_fadt(&acpi, &fadt);
    assert_true(err == KERR_OK || err == KERR_NOT_FOUND);
    err = acpi_read_hpet(&acpi, 0, &hpet);
    assert_true(err == KERR_OK || err == KERR_NOT_FOUND);
}

static void truncated_tables_are_left_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < array_count(machines); i++) {
        load(machines[i]);
        for (unsigned r = 0; r < memory.n; r++) {
            struct range whole = memory.ranges[r];
            for (uint32_t len = 0; len < whole.len; len += 1 + len / 64) {
                struct range *range = &memory.ranges[r];
                *range = (struct range){whole.address, len, malloc(len ? len : 1)};
                assert_non_null(range->bytes);
                memcpy(range->bytes, whole.bytes, len);
                read_all();
                assert_true(memory.n_problems > 0 || acpi.n_tables == 0);
                free(range->bytes);
            }
            memory.ranges[r] = whole;
        }
    }
}

/* With right checksums, so that the contents are believed. */
static void random_changes_are_survived(void **state)
{
    (void)state;
    struct random random = {random_seed("random_changes_are_survived")};
    for (int round = 0; round < 20000; round++) {
        if (round % 50 == 0)
            load(machines[random_below(&random, array_count(machines))]);
        struct range *range = &memory.ranges[random_below(&random, memory.n)];
        for (uint64_t n = random_below(&random, 4) + 1; n > 0; n--)
            range->bytes[random_below(&random, range->len)] = (uint8_t)random_next(&random);
        range_fix_sums(range);
        read_all();
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_pc_has_one_core_and_one_node),
        CASE(a_q35_has_pci_express_and_a_reset_register),
        CASE(the_root_pointer_is_found_in_the_bios),
        CASE(two_nodes_have_their_cores_memory_and_distance),
        CASE(eighty_cores_on_eight_nodes_are_ten_on_each),
        CASE(the_largest_machine_fits),
        CASE(nvdimms_are_found),
        CASE(the_boot_core_is_core_0),
        CASE(all_kinds_of_madt_entries_are_read),
        CASE(sparse_domains_become_dense_nodes),
        CASE(distances_of_missing_or_bad_rows_have_defaults),
        CASE(a_slit_that_claims_too_much_is_left_out),
        CASE(bad_entries_end_or_skip),
        CASE(surplus_is_left_out_and_reported),
        CASE(bad_nfit_entries_are_left_out),
        CASE(no_tables_are_a_simple_machine),
        CASE(a_broken_xsdt_falls_back_to_the_rsdt),
        CASE(each_changed_byte_is_noticed),
        CASE(truncated_tables_are_left_out),
        CASE(random_changes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
