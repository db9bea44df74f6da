// SPDX-License-Identifier: BSD-2-Clause
//
// ACPI's tables on this machine: how they are reached, what is taken from them, and what the
// processor says about itself in addition. kernel/acpi reads and checks them.

#define LOG_SUBSYS "acpi"

#include "firmware.h"

#include "asm.h"
#include "layout.h"
#include "paging.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/acpi.h>
#include <kernel/arch.h>
#include <kernel/log.h>

struct firmware firmware;
struct acpi_topology machine_topology;
const struct acpi_topology *const topology = &machine_topology;

/* Firmware has its tables in all kinds of memory: what is not mapped as RAM becomes readable here.
 */
static const void *map(void *context, uint64_t pa, size_t len)
{
    (void)context;
    uint64_t start = align_down(pa, PAGE_SIZE), end = align_up(pa + len, PAGE_SIZE);
    if (pa + len < pa || end <= start || end > UINT64_C(1) << DIRECT_MAP_BITS)
        return NULL;
    if (!paging_map(KERNEL_BASE + start, start, end - start, MAP_RODATA))
        return NULL;
    return arch_phys_to_virt(paddr(pa));
}

static void report(void *context, const struct acpi_problem *problem)
{
    (void)context;
    log_warn("table %s at %#lx, offset %zu: %s", problem->signature, problem->address,
             problem->offset, acpi_problem_text(problem->kind));
}

static uint32_t own_apic_id(void)
{
    struct cpuid extended = cpuid(0xb, 0);
    return extended.ebx ? extended.edx : cpuid(1, 0).ebx >> 24;
}

/* How many low bits of an APIC id number threads in a core, and threads in a package. */
static void id_widths(unsigned *thread_bits, unsigned *package_bits)
{
    *thread_bits = 0;
    *package_bits = 0;
    for (uint32_t level = 0; level < 8; level++) {
        struct cpuid r = cpuid(0xb, level);
        unsigned type = r.ecx >> 8 & 0xff;
        if (!type)
            break;
        if (type == 1)
            *thread_bits = r.eax & 31;
        *package_bits = r.eax & 31;
    }
    if (*package_bits || cpuid(0xb, 0).ebx)
        return;
    /* Processors without that leaf say how many ids a package takes, and how many cores it has. */
    struct cpuid basic = cpuid(1, 0);
    unsigned logical = basic.edx >> 28 & 1 ? max(basic.ebx >> 16 & 0xff, 1u) : 1;
    unsigned cores = (cpuid(4, 0).eax >> 26) + 1;
    if (cpuid(0x80000008, 0).ecx & 0xff) /* AMD */
        cores = (cpuid(0x80000008, 0).ecx & 0xff) + 1;
    *package_bits = log2_ceil(max(logical, cores));
    *thread_bits = *package_bits - min(log2_ceil(cores), *package_bits);
}

static unsigned count_packages(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < topology->n_cores; i++) {
        bool first = true;
        for (unsigned j = 0; j < i; j++)
            first &= topology->cores[j].package != topology->cores[i].package;
        n += first;
    }
    return n;
}

static void build_topology(const struct acpi *acpi)
{
    unsigned thread_bits, package_bits;
    id_widths(&thread_bits, &package_bits);
    acpi_topology_build(acpi, own_apic_id(), &machine_topology);
    acpi_topology_split_ids(&machine_topology, thread_bits, package_bits);
    log_info("ACPI Initialized: cores %u, packages %u, nodes %u, I/O APICs %u", topology->n_cores,
             count_packages(), topology->n_nodes, topology->n_ioapics);
}

/* A constant in a package of AML: ZeroOp, OneOp, or a byte behind BytePrefix. Returns what follows.
 */
static const uint8_t *read_constant(const uint8_t *p, uint8_t *value)
{
    *value = *p == 0x0a ? p[1] : *p;
    return p + (*p == 0x0a ? 2 : 1);
}

/* Find `Name (_S5, Package () { type a, type b, ...})` in the DSDT without interpreting it: NameOp
 * (8), the name, PackageOp (0x12), a length of one byte (no firmware needs more here), the number
 * of elements. */
static void read_dsdt(uint64_t pa)
{
    const uint8_t *base = pa ? map(NULL, pa, ACPI_HEADER) : NULL;
    uint32_t len = 0;
    if (base && !memcmp(base, "DSDT", 4))
        memcpy(&len, base + 4, sizeof(len));
    base = len ? map(NULL, pa, len) : NULL;
    for (size_t at = ACPI_HEADER; base && at + 13 <= len; at++) {
        bool rooted = !memcmp(base + at, "\x08\\_S5_\x12", 7);
        if (!rooted && memcmp(base + at, "\x08_S5_\x12", 6) != 0)
            continue;
        const uint8_t *p = read_constant(base + at + (rooted ? 9 : 8), &firmware.s5_type_a);
        read_constant(p, &firmware.s5_type_b);
        firmware.can_power_off = firmware.s5_type_a < 8 && firmware.s5_type_b < 8;
        return;
    }
}

static uint16_t port_of(struct acpi_register reg)
{
    return reg.space == 1 ? (uint16_t)reg.address : 0;
}

static void read_fadt(const struct acpi *acpi)
{
    const uint32_t pm_timer_has_32_bits = 1u << 8;
    struct acpi_fadt fadt;
    if (acpi_read_fadt(acpi, &fadt))
        return;
    firmware.pm_timer = port_of(fadt.pm_timer);
    firmware.pm_mask = fadt.flags & pm_timer_has_32_bits ? UINT32_MAX : 0xffffff;
    firmware.pm1a_control = port_of(fadt.pm1a_control);
    firmware.pm1b_control = port_of(fadt.pm1b_control);
    firmware.century = acpi_u8(acpi_find(acpi, "FACP", 0), 108);
    read_dsdt(fadt.dsdt);
}

/* The node of a range; 0 if firmware does not tell, or names a domain that has nothing else. */
static node_id_t node_of(const struct acpi_pmem *range)
{
    for (node_id_t node = 0; range->has_domain && node < topology->n_nodes; node++) {
        if (topology->domains[node] == range->domain)
            return node;
    }
    return 0;
}

/* Ranges of persistent memory that are reported: one for each module, or for each set of them. */
#define MAX_PMEM 32

static void report_pmem(const struct acpi *acpi)
{
    struct acpi_pmem ranges[MAX_PMEM];
    size_t n = acpi_read_nfit(acpi, ranges, array_count(ranges));
    if (!n)
        return;
    log_info("NVDIMMs Discovered: %zu", n);
    for (size_t i = 0; i < n; i++) {
        const struct acpi_pmem *range = &ranges[i];
        log_info("NVDIMM at %#lx: %lu MiB, node %u", range->base, range->size >> 20,
                 node_of(range));
    }
}

void firmware_init(const struct boot_info *boot)
{
    static struct acpi acpi; /* too large for the stack */
    const struct acpi_access access = {.map = map, .report = report};
    if (acpi_open(&acpi, &access, boot->rsdp))
        log_warn("no valid ACPI tables");
    build_topology(&acpi);
    read_fadt(&acpi);
    report_pmem(&acpi);
    struct acpi_hpet hpet;
    if (!acpi_read_hpet(&acpi, 0, &hpet))
        firmware.hpet = hpet.address;
}
