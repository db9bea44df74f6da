// SPDX-License-Identifier: BSD-2-Clause
//
// From the root pointer to a list of sound tables.

#include <kernel/acpi.h>

#include <base/bits.h>
#include <base/string.h>

#define RSDP_LEN   20 /* of revision 0 */
#define RSDP_LEN_2 36 /* from revision 2 on */
#define BDA_EBDA   0x40e
#define BIOS_BASE  0xe0000
#define BIOS_SIZE  0x20000
/* A table longer than this is taken for a broken one: DSDTs of large machines have below 1 MiB. */
#define MAX_LENGTH (16u << 20)

const char *acpi_problem_text(enum acpi_problem_kind kind)
{
    switch (kind) {
    case ACPI_UNREADABLE:
        return "cannot be read";
    case ACPI_BAD_LENGTH:
        return "impossible length";
    case ACPI_BAD_CHECKSUM:
        return "wrong checksum";
    case ACPI_BAD_SIGNATURE:
        return "wrong signature";
    case ACPI_BAD_VALUE:
        return "impossible value";
    case ACPI_TOO_MANY:
        return "more than there is room for";
    }
    return "unknown";
}

void acpi_report(const struct acpi *acpi, const struct acpi_table *table,
                 enum acpi_problem_kind kind, size_t offset)
{
    if (!acpi)
        return;
    struct acpi_problem problem = {.kind = kind, .address = table->address, .offset = offset};
    memcpy(problem.signature, table->signature, sizeof(problem.signature));
    acpi->access.report(acpi->access.context, &problem);
}

/* The number of `size` bytes at an offset. */
static uint64_t read_number(const struct acpi_table *table, size_t offset, size_t size)
{
    uint64_t value = 0;
    if (offset > table->len || size > table->len - offset)
        return 0;
    memcpy(&value, table->bytes + offset, size);
    return value;
}

uint8_t acpi_u8(const struct acpi_table *table, size_t offset)
{
    return (uint8_t)read_number(table, offset, 1);
}

uint16_t acpi_u16(const struct acpi_table *table, size_t offset)
{
    return (uint16_t)read_number(table, offset, 2);
}

uint32_t acpi_u32(const struct acpi_table *table, size_t offset)
{
    return (uint32_t)read_number(table, offset, 4);
}

uint64_t acpi_u64(const struct acpi_table *table, size_t offset)
{
    return read_number(table, offset, 8);
}

static bool sums_to_zero(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* Maps `len` bytes as if they were a table, so that they can be read with bounds. */
static bool map(const struct acpi *acpi, uint64_t address, size_t len, struct acpi_table *table)
{
    table->address = address;
    table->len = len;
    table->bytes = acpi->access.map(acpi->access.context, address, len);
    return table->bytes != NULL;
}

/* --- The root pointer --- */

static const char rsdp_signature[] = "RSD PTR ";

static bool is_rsdp(const uint8_t *bytes)
{
    return !memcmp(bytes, rsdp_signature, 8) && sums_to_zero(bytes, RSDP_LEN);
}

/* Looks for the root pointer at multiples of 16; 0: it is not there. */
static uint64_t search(const struct acpi *acpi, uint64_t base, size_t size)
{
    struct acpi_table area;
    if (!map(acpi, base, size, &area))
        return 0;
    for (size_t at = 0; at + RSDP_LEN <= size; at += 16) {
        if (is_rsdp(area.bytes + at))
            return base + at;
    }
    return 0;
}

/* Where the firmware of a PC puts it (5.2.5.1). */
static uint64_t search_bios(const struct acpi *acpi)
{
    struct acpi_table bda;
    uint64_t found = 0;
    if (map(acpi, BDA_EBDA, 2, &bda) && acpi_u16(&bda, 0))
        found = search(acpi, (uint64_t)acpi_u16(&bda, 0) << 4, 1024);
    return found ? found : search(acpi, BIOS_BASE, BIOS_SIZE);
}

/* --- Tables --- */

/* Checks the table at an address. What is wrong with it is reported. */
static bool open_table(const struct acpi *acpi, uint64_t address, struct acpi_table *table)
{
    *table = (struct acpi_table){.signature = "????"};
    if (!map(acpi, address, ACPI_HEADER, table)) {
        acpi_report(acpi, table, ACPI_UNREADABLE, 0);
        return false;
    }
    memcpy(table->signature, table->bytes, 4);
    table->revision = acpi_u8(table, 8);
    uint32_t len = acpi_u32(table, 4);
    enum acpi_problem_kind kind;
    if (len < ACPI_HEADER || len > MAX_LENGTH)
        kind = ACPI_BAD_LENGTH;
    else if (!map(acpi, address, len, table))
        kind = ACPI_UNREADABLE;
    else if (!sums_to_zero(table->bytes, len))
        kind = ACPI_BAD_CHECKSUM;
    else
        return true;
    acpi_report(acpi, table, kind, 4);
    return false;
}

/* Opens a root table (RSDT or XSDT); false: it cannot be used. */
static bool open_root(const struct acpi *acpi, uint64_t address, const char *signature,
                      struct acpi_table *root)
{
    if (address == 0 || !open_table(acpi, address, root))
        return false;
    if (memcmp(root->signature, signature, 4) != 0) {
        acpi_report(acpi, root, ACPI_BAD_SIGNATURE, 0);
        return false;
    }
    return true;
}

/* Opens what a root table points to with numbers of `width` bytes. */
static void open_entries(struct acpi *acpi, const struct acpi_table *root, size_t width)
{
    if ((root->len - ACPI_HEADER) % width)
        acpi_report(acpi, root, ACPI_BAD_LENGTH, 4);
    for (size_t at = ACPI_HEADER; root->len - at >= width; at += width) {
        if (acpi->n_tables == ACPI_MAX_TABLES) {
            acpi_report(acpi, root, ACPI_TOO_MANY, at);
            return;
        }
        uint64_t address = read_number(root, at, width);
        if (address && open_table(acpi, address, &acpi->tables[acpi->n_tables]))
            acpi->n_tables++;
    }
}

/* The address of the XSDT, or 0 if the pointer is too old or broken. */
static uint64_t xsdt_address(const struct acpi *acpi, uint64_t rsdp)
{
    struct acpi_table pointer = {.signature = "RSDP"};
    if (!map(acpi, rsdp, RSDP_LEN_2, &pointer) || acpi_u8(&pointer, 15) < 2)
        return 0;
    uint32_t len = acpi_u32(&pointer, 20);
    if (len < RSDP_LEN_2 || len > 4096 || !map(acpi, rsdp, len, &pointer)) {
        acpi_report(acpi, &pointer, ACPI_BAD_LENGTH, 20);
        return 0;
    }
    if (!sums_to_zero(pointer.bytes, len)) {
        acpi_report(acpi, &pointer, ACPI_BAD_CHECKSUM, 32);
        return 0;
    }
    return acpi_u64(&pointer, 24);
}

kerr_t acpi_open(struct acpi *acpi, const struct acpi_access *access, uint64_t rsdp)
{
    struct acpi_table pointer = {.signature = "RSDP"};
    struct acpi_table root;
    acpi->access = *access;
    acpi->n_tables = 0;
    if (rsdp == 0)
        rsdp = search_bios(acpi);
    if (rsdp == 0)
        return KERR_NOT_FOUND;
    if (!map(acpi, rsdp, RSDP_LEN, &pointer) || !is_rsdp(pointer.bytes)) {
        acpi_report(acpi, &pointer, pointer.bytes ? ACPI_BAD_CHECKSUM : ACPI_UNREADABLE, 0);
        return KERR_NOT_FOUND;
    }
    if (open_root(acpi, xsdt_address(acpi, rsdp), "XSDT", &root))
        open_entries(acpi, &root, 8);
    else if (open_root(acpi, acpi_u32(&pointer, 16), "RSDT", &root))
        open_entries(acpi, &root, 4);
    else
        return KERR_NOT_FOUND;
    return KERR_OK;
}

const struct acpi_table *acpi_find(const struct acpi *acpi, const char *signature, unsigned nth)
{
    for (unsigned i = 0; i < acpi->n_tables; i++) {
        if (!memcmp(acpi->tables[i].signature, signature, 4) && nth-- == 0)
            return &acpi->tables[i];
    }
    return NULL;
}

/* --- Entries --- */

bool acpi_next_entry(const struct acpi *acpi, const struct acpi_table *table, size_t *cursor,
                     struct acpi_entry *entry)
{
    size_t at = *cursor;
    if (at >= table->len)
        return false;
    *entry = (struct acpi_entry){
        .offset = at, .type = acpi_u8(table, at), .len = acpi_u8(table, at + 1)};
    if (entry->len < 2 || entry->len > table->len - at) {
        acpi_report(acpi, table, ACPI_BAD_LENGTH, at);
        return false;
    }
    *cursor = at + entry->len;
    return true;
}

bool acpi_entry_has(const struct acpi *acpi, const struct acpi_table *table,
                    const struct acpi_entry *entry, size_t len)
{
    if (entry->len >= len)
        return true;
    acpi_report(acpi, table, ACPI_BAD_LENGTH, entry->offset);
    return false;
}
