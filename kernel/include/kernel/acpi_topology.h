// SPDX-License-Identifier: BSD-2-Clause
//
// Cores, NUMA nodes and interrupt controllers of the machine, as MADT, SRAT and SLIT tell. What
// they do not tell gets the value that a simple machine has: no MADT is one core, no SRAT one node,
// no SLIT equal distances.
#pragma once

#include <kernel/acpi.h>
#include <kernel/config.h>

/* Larger than any machine has that we can use; surplus is reported and left out. */
#define ACPI_MAX_MEMORY    256
#define ACPI_MAX_IOAPICS   32
#define ACPI_MAX_OVERRIDES 32
#define ACPI_MAX_NMIS      16

#define ACPI_NO_LINT 0xff

struct acpi_core {
    uint32_t apic_id;
    uint32_t acpi_uid;
    node_id_t node;
    uint32_t package;
    uint32_t core;    /* in its package */
    uint32_t thread;  /* in its core */
    uint8_t nmi_lint; /* local interrupt pin at which NMIs arrive, or ACPI_NO_LINT */
    uint16_t nmi_flags;
};

struct acpi_memory {
    uint64_t base;
    uint64_t size; /* not 0; base + size fits */
    node_id_t node;
    bool hotplug; /* addresses where memory may appear: there need not be any now */
    bool persistent;
};

struct acpi_ioapic {
    uint32_t id;
    uint64_t address;
    uint32_t gsi_base; /* global system interrupt of its first pin */
};

/* ISA interrupt @irq is global system interrupt @gsi; flags as MPS INTI (5.2.12.5). */
struct acpi_override {
    uint8_t irq;
    uint32_t gsi;
    uint16_t flags;
};

struct acpi_nmi {
    uint32_t gsi;
    uint16_t flags;
};

struct acpi_topology {
    unsigned n_cores;
    struct acpi_core cores[MAX_CORES]; /* the boot core first, then as in the MADT */
    unsigned n_nodes;
    uint32_t domains[MAX_NODES];              /* proximity domain of each node, ascending */
    uint8_t distances[MAX_NODES * MAX_NODES]; /* n_nodes rows of n_nodes; 10 is local */
    unsigned n_memory;
    struct acpi_memory memory[ACPI_MAX_MEMORY];
    uint64_t lapic_address;
    bool has_8259;
    unsigned n_ioapics;
    struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
    unsigned n_overrides;
    struct acpi_override overrides[ACPI_MAX_OVERRIDES];
    unsigned n_nmis;
    struct acpi_nmi nmis[ACPI_MAX_NMIS];
};

/* acpi_topology_build - fill in @topology; @boot_apic_id is that of the core we run on, which is
 * core 0 even if the MADT does not know it. Cannot fail; problems are reported through the hook of
 * @acpi.
 */
void acpi_topology_build(const struct acpi *acpi, uint32_t boot_apic_id,
                         struct acpi_topology *topology);

/* acpi_topology_split_ids - fill in package, core and thread: of an APIC id, the low @thread_bits
 * count threads, the bits up to @core_bits (which includes those) cores (CPUID leaf 0x1f or 0xb).
 */
void acpi_topology_split_ids(struct acpi_topology *topology, unsigned thread_bits,
                             unsigned core_bits);
