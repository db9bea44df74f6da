// SPDX-License-Identifier: BSD-2-Clause
//
// FADT, HPET, MCFG and NFIT. Numbers are offsets of the specification.

#include <kernel/acpi.h>

#include <base/bits.h>
#include <base/string.h>

/* A generic address structure (5.2.3.2). */
static struct acpi_register read_register(const struct acpi_table *table, size_t at)
{
    return (struct acpi_register){.space = acpi_u8(table, at),
                                  .bits = acpi_u8(table, at + 1),
                                  .address = acpi_u64(table, at + 4)};
}

/* A register that old tables give as a port and a length, new ones also, and then rather, as a
 * structure. */
static struct acpi_register pm_register(const struct acpi_table *fadt, size_t port_at,
                                        size_t len_at, size_t structure_at)
{
    struct acpi_register r = read_register(fadt, structure_at);
    if (r.address)
        return r;
    return (struct acpi_register){.space = 1,
                                  .bits = (uint8_t)(acpi_u8(fadt, len_at) * 8),
                                  .address = acpi_u32(fadt, port_at)};
}

kerr_t acpi_read_fadt(const struct acpi *acpi, struct acpi_fadt *fadt)
{
    const struct acpi_table *table = acpi_find(acpi, "FACP", 0);
    if (!table)
        return KERR_NOT_FOUND;
    /* Even revision 1 has so much; what is missing reads as 0. */
    if (table->len < 116)
        acpi_report(acpi, table, ACPI_BAD_LENGTH, 4);
    uint64_t dsdt = acpi_u64(table, 140);
    *fadt = (struct acpi_fadt){
        .dsdt = dsdt ? dsdt : acpi_u32(table, 40),
        .sci = acpi_u16(table, 46),
        .smi_command = acpi_u32(table, 48),
        .acpi_enable = acpi_u8(table, 52),
        .pm1a_control = pm_register(table, 64, 89, 172),
        .pm1b_control = pm_register(table, 68, 89, 184),
        .pm_timer = pm_register(table, 76, 91, 208),
        .reset = read_register(table, 116),
        .reset_value = acpi_u8(table, 128),
        .flags = acpi_u32(table, 112),
        .boot_flags = acpi_u16(table, 109),
    };
    return KERR_OK;
}

kerr_t acpi_read_hpet(const struct acpi *acpi, unsigned nth, struct acpi_hpet *hpet)
{
    const struct acpi_table *table = acpi_find(acpi, "HPET", nth);
    if (!table)
        return KERR_NOT_FOUND;
    struct acpi_register registers = read_register(table, 40);
    if (table->len < 56 || registers.space != 0 || registers.address == 0) {
        acpi_report(acpi, table, ACPI_BAD_VALUE, 40);
        return KERR_NOT_FOUND;
    }
    *hpet = (struct acpi_hpet){.address = registers.address,
                               .id = acpi_u32(table, 36),
                               .number = acpi_u8(table, 52),
                               .min_tick = acpi_u16(table, 53)};
    return KERR_OK;
}

size_t acpi_read_mcfg(const struct acpi *acpi, struct acpi_pci_segment *segments, size_t max)
{
    const struct acpi_table *table = acpi_find(acpi, "MCFG", 0);
    size_t n = 0;
    for (size_t at = 44; table && at < table->len; at += 16) {
        struct acpi_pci_segment s = {.address = acpi_u64(table, at),
                                     .segment = acpi_u16(table, at + 8),
                                     .first_bus = acpi_u8(table, at + 10),
                                     .last_bus = acpi_u8(table, at + 11)};
        if (table->len - at < 16) {
            acpi_report(acpi, table, ACPI_BAD_LENGTH, at);
            break;
        }
        if (s.first_bus > s.last_bus || s.address == 0 || s.address % (1 << 20)) {
            acpi_report(acpi, table, ACPI_BAD_VALUE, at);
            continue;
        }
        if (n == max) {
            acpi_report(acpi, table, ACPI_TOO_MANY, at);
            break;
        }
        segments[n++] = s;
    }
    return n;
}

/* 66F0D379-B4F3-4074-AC43-0D3318B78CDB: byte addressable persistent memory (5.2.25.2). */
static const uint8_t pmem_guid[16] = {0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40,
                                      0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb};

#define NFIT_SPA_RANGE     0
#define SPA_RANGE_LEN      56
#define SPA_DOMAIN_IS_GOOD 2

/* Reads an entry for a range of addresses; false: it is not for persistent memory, or not sound. */
static bool read_spa_range(const struct acpi *acpi, const struct acpi_table *nfit, size_t at,
                           struct acpi_pmem *pmem)
{
    if (memcmp(nfit->bytes + at + 16, pmem_guid, sizeof(pmem_guid)) != 0)
        return false;
    *pmem = (struct acpi_pmem){
        .base = acpi_u64(nfit, at + 32),
        .size = acpi_u64(nfit, at + 40),
        .has_domain = (acpi_u16(nfit, at + 6) & SPA_DOMAIN_IS_GOOD) != 0,
        .domain = acpi_u32(nfit, at + 12),
        .index = acpi_u16(nfit, at + 4),
    };
    if (pmem->size == 0 || pmem->size > UINT64_MAX - pmem->base) {
        acpi_report(acpi, nfit, ACPI_BAD_VALUE, at);
        return false;
    }
    return true;
}

size_t acpi_read_nfit(const struct acpi *acpi, struct acpi_pmem *ranges, size_t max)
{
    const struct acpi_table *table = acpi_find(acpi, "NFIT", 0);
    size_t n = 0;
    size_t len;
    for (size_t at = 40; table && at < table->len; at += len) {
        /* Unlike elsewhere, type and length are 16 bits wide. */
        len = acpi_u16(table, at + 2);
        bool is_range = acpi_u16(table, at) == NFIT_SPA_RANGE;
        if (len < 4 || len > table->len - at || (is_range && len < SPA_RANGE_LEN)) {
            acpi_report(acpi, table, ACPI_BAD_LENGTH, at);
            break;
        }
        struct acpi_pmem pmem;
        if (!is_range || !read_spa_range(acpi, table, at, &pmem))
            continue;
        if (n == max) {
            acpi_report(acpi, table, ACPI_TOO_MANY, at);
            break;
        }
        ranges[n++] = pmem;
    }
    return n;
}
