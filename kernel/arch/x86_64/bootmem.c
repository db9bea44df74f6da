// SPDX-License-Identifier: BSD-2-Clause
//
// RAM is what firmware says, less the reservations; both are short unsorted lists, and every
// allocation searches all of them: there are some dozens.

#include "bootmem.h"

#include "layout.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/panic.h>
#include <kernel/topology.h>

/* Image, low memory, and what is allocated here; adjacent reservations are merged. */
#define MAX_RESERVED 64

struct extent {
    uint64_t start, end;
};

static const struct boot_info *info;
static struct frames *frames; /* once they exist, all memory is theirs */
static struct extent reserved[MAX_RESERVED];
static size_t n_reserved;

/* The pages that something touches. */
static struct extent pages_of(uint64_t base, uint64_t size)
{
    return (struct extent){align_down(base, PAGE_SIZE), align_up(base + size, PAGE_SIZE)};
}

/* [base, base + size) is not to be allocated. */
static void reserve(uint64_t base, uint64_t size)
{
    struct extent new = pages_of(base, size);
    for (size_t i = 0; i < n_reserved; i++) {
        if (new.start <= reserved[i].end &&new.end >= reserved[i].start) {
            reserved[i].start = min(new.start, reserved[i].start);
            reserved[i].end = max(new.end, reserved[i].end);
            return;
        }
    }
    assert(n_reserved < MAX_RESERVED);
    reserved[n_reserved++] = new;
}

void bootmem_init(const struct boot_info *boot)
{
    info = boot;
    reserve(0, 1 << 20);
    reserve(boot->image_base, boot->image_size);
}

static bool meets(uint64_t start, uint64_t size, struct extent other)
{
    return start < other.end && start + size > other.start;
}

/* Where something ends that [start, start + size) meets; 0 if it meets nothing. */
static uint64_t conflict(uint64_t start, uint64_t size)
{
    for (size_t i = 0; i < n_reserved; i++) {
        if (meets(start, size, reserved[i]))
            return reserved[i].end;
    }
    /* Firmware's word that something is not RAM outweighs that it is, where it says both. */
    for (size_t i = 0; i < info->n_ranges; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->kind != BOOT_RANGE_RAM && meets(start, size, pages_of(r->base, r->size)))
            return pages_of(r->base, r->size).end;
    }
    for (size_t i = 0; i < info->n_modules; i++) {
        const struct boot_module *m = &info->modules[i];
        if (meets(start, size, pages_of(m->base, m->size)))
            return pages_of(m->base, m->size).end;
    }
    return 0;
}

/* A place in [start, end), or 0. */
static uint64_t search(uint64_t start, uint64_t end, uint64_t size)
{
    uint64_t at = align_up(start, PAGE_SIZE);
    while (at >= start && at < end && end - at >= size) {
        uint64_t taken_to = conflict(at, size);
        if (!taken_to)
            return at;
        at = taken_to;
    }
    return 0;
}

/* [from, below), before there are frames. */
static uint64_t cut(uint64_t size, uint64_t from, uint64_t below)
{
    for (size_t i = 0; i < info->n_ranges; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->kind != BOOT_RANGE_RAM)
            continue;
        uint64_t at = search(max(r->base, from), min(r->base + r->size, below), size);
        if (at) {
            reserve(at, size);
            return at;
        }
    }
    return 0;
}

static uint64_t cut_on(uint64_t size, node_id_t node)
{
    for (unsigned i = 0; i < topology->n_memory; i++) {
        const struct acpi_memory *m = &topology->memory[i];
        if (m->node != node || m->hotplug || m->persistent)
            continue;
        uint64_t at = cut(size, m->base, m->base + m->size);
        if (at)
            return at;
    }
    return cut(size, 0, UINT64_C(1) << DIRECT_MAP_BITS);
}

static uint64_t from_frames(uint64_t size, uint64_t below, node_id_t node)
{
    struct frame_request request = {.count = size / PAGE_SIZE, .below = below, .node = node};
    paddr_t first;
    return frames_alloc_range(frames, &request, &first) ? 0 : first.raw;
}

static uint64_t zeroed(uint64_t at, uint64_t size)
{
    if (at)
        memset(arch_phys_to_virt(paddr(at)), 0, size);
    return at;
}

uint64_t bootmem_alloc(uint64_t size, uint64_t below)
{
    size = align_up(size, PAGE_SIZE);
    return zeroed(frames ? from_frames(size, below, 0) : cut(size, 0, below), size);
}

uint64_t bootmem_alloc_on(uint64_t size, node_id_t node)
{
    size = align_up(size, PAGE_SIZE);
    return zeroed(frames ? from_frames(size, 0, node) : cut_on(size, node), size);
}

void arch_memory_taken(struct frames *by)
{
    frames = by;
}

size_t arch_memory_ranges(struct memory_range *ranges, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < info->n_ranges && n < max; i++) {
        const struct boot_range *r = &info->ranges[i];
        bool ram = r->kind == BOOT_RANGE_RAM;
        ranges[n++] =
            (struct memory_range){r->base, r->size, ram ? MEMORY_USABLE : MEMORY_RESERVED};
    }
    for (size_t i = 0; i < n_reserved && n < max; i++)
        ranges[n++] = (struct memory_range){reserved[i].start, reserved[i].end - reserved[i].start,
                                            MEMORY_RESERVED};
    for (size_t i = 0; i < info->n_modules && n < max; i++)
        ranges[n++] =
            (struct memory_range){info->modules[i].base, info->modules[i].size, MEMORY_IN_USE};
    assert(n < max);
    return n;
}

bool bootmem_is_ram(uint64_t base, uint64_t size)
{
    bool ram = false;
    for (size_t i = 0; i < info->n_ranges; i++) {
        const struct boot_range *r = &info->ranges[i];
        bool inside = base >= r->base && base + size <= r->base + r->size;
        bool touches = base < r->base + r->size && base + size > r->base;
        if (r->kind == BOOT_RANGE_RAM)
            ram |= inside;
        else if (touches)
            return false;
    }
    return ram;
}
