// SPDX-License-Identifier: BSD-2-Clause
//
// All readers of ACPI tables, on memory as tests/unit/kernel/acpi/collect.py writes it; the first
// record is where the root pointer is. An even last byte asks for right checksums, so that contents
// get a chance.

#include "../unit/kernel/acpi/memory.h"
#include "../unit/kernel/random.h"
#include "fuzz.h"
#include <kernel/acpi_topology.h>

static struct memory memory;
static struct acpi acpi;
static struct acpi_topology topology;

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void read_all(uint64_t rsdp)
{
    struct acpi_access access = memory_access(&memory);
    struct acpi_fadt fadt;
    struct acpi_hpet hpet;
    struct acpi_pci_segment segments[8];
    struct acpi_pmem pmem[8];
    if (acpi_open(&acpi, &access, rsdp))
        check(acpi.n_tables == 0);
    acpi_topology_build(&acpi, 1, &topology);
    acpi_topology_split_ids(&topology, memory.n % 40, memory.n % 50);
    check(topology.n_cores >= 1 && topology.n_cores <= MAX_CORES);
    check(topology.n_nodes >= 1 && topology.n_nodes <= MAX_NODES);
    check(topology.cores[0].apic_id == 1);
    for (unsigned i = 0; i < topology.n_cores; i++)
        check(topology.cores[i].node < topology.n_nodes);
    for (unsigned i = 0; i < topology.n_memory; i++) {
        check(topology.memory[i].node < topology.n_nodes);
        check(topology.memory[i].base + topology.memory[i].size >= topology.memory[i].base);
    }
    for (unsigned i = 0; i < topology.n_nodes; i++)
        check(topology.distances[i * topology.n_nodes + i] == 10);
    check(acpi_read_mcfg(&acpi, segments, 8) <= 8);
    check(acpi_read_nfit(&acpi, pmem, 8) <= 8);
    for (unsigned n = 0; acpi_read_hpet(&acpi, n, &hpet) == KERR_OK; n++)
        check(hpet.address != 0);
    if (acpi_read_fadt(&acpi, &fadt))
        check(!acpi_find(&acpi, "FACP", 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_parse(&memory, data, size);
    if (memory.n == 0)
        return 0;
    for (unsigned i = 0; data[size - 1] % 2 == 0 && i < memory.n; i++)
        range_fix_sums(&memory.ranges[i]);
    read_all(memory.ranges[0].address);
    read_all(0);
    memory_free(&memory);
    return 0;
}

#define RECORD_HEAD 12

/* Finds a random record; returns its contents, or NULL if the input has none. */
static uint8_t *pick_record(struct random *random, uint8_t *data, size_t size, uint32_t *len)
{
    uint8_t *picked = NULL;
    unsigned n = 0;
    for (size_t at = 0; size - at >= RECORD_HEAD;) {
        uint32_t record_len;
        memcpy(&record_len, data + at + 8, 4);
        at += RECORD_HEAD;
        if (record_len > size - at)
            break;
        if (random_below(random, ++n) == 0) {
            picked = data + at;
            *len = record_len;
        }
        at += record_len;
    }
    return picked;
}

/* Cuts the end off a record, and says so in the table's own length. */
static size_t shorten(struct random *random, uint8_t *data, size_t size, uint8_t *record,
                      uint32_t len)
{
    uint32_t cut = (uint32_t)random_below(random, len < 64 ? len : 64);
    uint32_t rest = len - cut;
    memcpy(record - 4, &rest, 4);
    if (rest >= 8)
        memcpy(record + 4, &rest, 4);
    memmove(record + rest, record + len, size - (size_t)(record - data) - len);
    return size - cut;
}

/* Changes contents of records and leaves their order alone: a shifted input is no memory at all. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const uint32_t special[] = {0, 1, 2, 4, 0xff, 0xffff, 0x80000000, UINT32_MAX};
    struct random random = {seed};
    uint32_t len = 0;
    uint8_t *record = pick_record(&random, data, size, &len);
    uint64_t what = random_below(&random, 16);
    if (!record || len < 8 || what == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (what < 4)
        return shorten(&random, data, size, record, len);
    if (what == 4) {
        data[size - 1] ^= 1;
        return size;
    }
    uint8_t *at = record + random_below(&random, len - 4);
    uint32_t value = special[random_below(&random, sizeof(special) / sizeof(special[0]))];
    if (random_below(&random, 2))
        value = (uint32_t)random_next(&random);
    memcpy(at, &value, (size_t)1 << random_below(&random, 3));
    return size;
}
