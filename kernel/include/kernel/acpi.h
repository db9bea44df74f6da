// SPDX-License-Identifier: BSD-2-Clause
//
// The ACPI tables that describe a machine: finding them, checking them, and reading the fixed ones.
// (What CPUs, nodes and interrupt controllers there are is in acpi_topology.h; the language AML is
// not spoken here.)
//
// Firmware is input: every length is checked before anything is read, every table's checksum before
// it is believed. A table or entry that is not sound is reported and left out. Memory is read
// through a hook, so that tests can bring their own tables. Nothing here allocates; references are
// to ACPI 6.5.
#pragma once

#include <kernel/error.h>

enum acpi_problem_kind {
    ACPI_UNREADABLE, /* the address cannot be read */
    ACPI_BAD_LENGTH, /* a length that cannot be, or reaches beyond what contains it */
    ACPI_BAD_CHECKSUM,
    ACPI_BAD_SIGNATURE, /* something else is where a table should be */
    ACPI_BAD_VALUE,     /* a value that cannot be, or contradicts another one */
    ACPI_TOO_MANY,      /* more than there is room for; the surplus is left out */
};

struct acpi_problem {
    enum acpi_problem_kind kind;
    char signature[5]; /* of the table, as far as known */
    uint64_t address;  /* of the table */
    size_t offset;     /* in it */
};

/* Returns @len readable bytes at physical address @address, for good, or NULL. */
typedef const void *(*acpi_map_fn)(void *context, uint64_t address, size_t len);

typedef void (*acpi_report_fn)(void *context, const struct acpi_problem *problem);

struct acpi_access {
    acpi_map_fn map;
    acpi_report_fn report;
    void *context;
};

/* Real machines have up to about 60, most of them SSDTs. */
#define ACPI_MAX_TABLES 128

/* A table whose length and checksum are right. Tables begin with 36 bytes of header. */
struct acpi_table {
    const uint8_t *bytes;
    size_t len;
    uint64_t address;
    char signature[5];
    uint8_t revision;
};

#define ACPI_HEADER 36

struct acpi {
    struct acpi_access access;
    unsigned n_tables;
    struct acpi_table tables[ACPI_MAX_TABLES];
};

/* acpi_open - find all tables, from the root pointer at @rsdp, or, if that is 0, from where the
 * firmware of a PC puts it. Problems are reported, and the rest is used. KERR_NOT_FOUND: there is
 * no sound root; @acpi is without tables then, but can be used. */
MUST_CHECK kerr_t acpi_open(struct acpi *acpi, const struct acpi_access *access, uint64_t rsdp);

/* acpi_find - the @nth (from 0) table with @signature; NULL: there is none. */
const struct acpi_table *acpi_find(const struct acpi *acpi, const char *signature, unsigned nth);

/* acpi_report - tell the hook of a problem at @offset in @table; with @acpi NULL, nobody. */
void acpi_report(const struct acpi *acpi, const struct acpi_table *table,
                 enum acpi_problem_kind kind, size_t offset);

/* acpi_problem_text - a phrase for people. */
const char *acpi_problem_text(enum acpi_problem_kind kind);

/* acpi_u8 .. acpi_u64 - the little-endian number at an offset; 0 if it is not all within the table.
 */
uint8_t acpi_u8(const struct acpi_table *table, size_t offset);
uint16_t acpi_u16(const struct acpi_table *table, size_t offset);
uint32_t acpi_u32(const struct acpi_table *table, size_t offset);
uint64_t acpi_u64(const struct acpi_table *table, size_t offset);

/* --- Fixed tables --- */

/* Address of a register (5.2.3.2); space 0 is memory, 1 are ports. address 0: there is no such
 * register. */
struct acpi_register {
    uint8_t space;
    uint8_t bits;
    uint64_t address;
};

struct acpi_fadt {
    uint64_t dsdt;
    uint16_t sci;
    uint32_t smi_command; /* port; 0: always in ACPI mode */
    uint8_t acpi_enable;  /* value for it */
    struct acpi_register pm1a_control;
    struct acpi_register pm1b_control;
    struct acpi_register pm_timer;
    struct acpi_register reset;
    uint8_t reset_value;
    uint32_t flags;
    uint16_t boot_flags; /* IAPC_BOOT_ARCH */
};

#define ACPI_FADT_RESET      (1u << 10) /* flags: the reset register works */
#define ACPI_FADT_HW_REDUCED (1u << 20) /* flags: there are no PM registers */
#define ACPI_BOOT_8042       (1u << 1)  /* boot_flags: there is a keyboard controller */

/* acpi_read_fadt - KERR_NOT_FOUND: there is none. */
MUST_CHECK kerr_t acpi_read_fadt(const struct acpi *acpi, struct acpi_fadt *fadt);

struct acpi_hpet {
    uint64_t address; /* of the registers, in memory */
    uint32_t id;      /* event timer block id */
    uint8_t number;
    uint16_t min_tick;
};

/* acpi_read_hpet - the @nth timer block. KERR_NOT_FOUND. */
MUST_CHECK kerr_t acpi_read_hpet(const struct acpi *acpi, unsigned nth, struct acpi_hpet *hpet);

/* PCI configuration space in memory (PCI firmware specification 4.1.2). */
struct acpi_pci_segment {
    uint64_t address; /* of bus 0, even if the first bus is another */
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
};

/* acpi_read_mcfg - up to @max segments to @segments; returns how many. Surplus is reported. */
size_t acpi_read_mcfg(const struct acpi *acpi, struct acpi_pci_segment *segments, size_t max);

/* Persistent memory: a range of system physical addresses (NFIT, 5.2.25.2). */
struct acpi_pmem {
    uint64_t base;
    uint64_t size;
    bool has_domain;
    uint32_t domain; /* proximity domain */
    uint16_t index;
};

/* acpi_read_nfit - up to @max ranges of persistent memory; returns how many. Surplus is reported.
 */
size_t acpi_read_nfit(const struct acpi *acpi, struct acpi_pmem *ranges, size_t max);

/* --- Entries --- */

struct acpi_entry {
    size_t offset; /* in the table */
    size_t len;
    unsigned type;
};

/* acpi_next_entry - iterate over entries that begin with type and length, 8 bits each; start with
 * *@cursor at the first. An entry of impossible length is reported and ends the iteration. */
bool acpi_next_entry(const struct acpi *acpi, const struct acpi_table *table, size_t *cursor,
                     struct acpi_entry *entry);

/* acpi_entry_has - is the entry at least @len long? If not, that is reported. */
bool acpi_entry_has(const struct acpi *acpi, const struct acpi_table *table,
                    const struct acpi_entry *entry, size_t len);
