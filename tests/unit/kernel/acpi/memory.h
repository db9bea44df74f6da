// SPDX-License-Identifier: BSD-2-Clause
//
// Physical memory that consists of a few ranges, as collect.py writes them: for tests and fuzzing.
// Each range is an allocation of its own, so that sanitizers see reads beyond it.
#pragma once

#include <kernel/acpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 300

struct range {
    uint64_t address;
    uint32_t len;
    uint8_t *bytes;
};

struct memory {
    unsigned n;
    struct range ranges[MAX_RANGES];
    unsigned n_problems;
    struct acpi_problem last;
};

static inline void memory_add(struct memory *memory, uint64_t address, const void *bytes,
                              uint32_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (memory->n == MAX_RANGES || !copy)
        abort();
    memcpy(copy, bytes, len);
    memory->ranges[memory->n++] = (struct range){address, len, copy};
}

/* Takes records of address (8 bytes), length (4 bytes) and contents; a cut-off last one is
 * shortened. */
static inline void memory_parse(struct memory *memory, const uint8_t *data, size_t size)
{
    memset(memory, 0, sizeof(*memory));
    while (size >= 12 && memory->n < MAX_RANGES) {
        uint64_t address;
        uint32_t len;
        memcpy(&address, data, 8);
        memcpy(&len, data + 8, 4);
        data += 12;
        size -= 12;
        if (len > size)
            len = (uint32_t)size;
        memory_add(memory, address, data, len);
        data += len;
        size -= len;
    }
}

static inline void memory_free(struct memory *memory)
{
    while (memory->n)
        free(memory->ranges[--memory->n].bytes);
}

static inline const void *memory_map(void *context, uint64_t address, size_t len)
{
    const struct memory *memory = context;
    for (unsigned i = 0; i < memory->n; i++) {
        const struct range *r = &memory->ranges[i];
        if (address >= r->address && address - r->address <= r->len &&
            len <= r->len - (address - r->address))
            return r->bytes + (address - r->address);
    }
    return NULL;
}

static inline void memory_report(void *context, const struct acpi_problem *problem)
{
    struct memory *memory = context;
    memory->n_problems++;
    memory->last = *problem;
}

static inline struct acpi_access memory_access(struct memory *memory)
{
    return (struct acpi_access){memory_map, memory_report, memory};
}

/* Makes bytes add up to zero by changing the one at `at`. */
static inline void fix_sum(uint8_t *bytes, size_t len, size_t at)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)(bytes[at] - sum);
}

/* Gives a range that is a root pointer or a table the right checksums. */
static inline void range_fix_sums(struct range *range)
{
    if (range->len >= 20 && !memcmp(range->bytes, "RSD PTR ", 8)) {
        fix_sum(range->bytes, 20, 8);
        if (range->len >= 36)
            fix_sum(range->bytes, range->len, 32);
    } else if (range->len >= 36) {
        uint32_t len;
        memcpy(&len, range->bytes + 4, 4);
        fix_sum(range->bytes, len < range->len ? len : range->len, 9);
    }
}
