// SPDX-License-Identifier: BSD-2-Clause
//
// The multiboot2 protocol, by which GRUB starts us from BIOS and from UEFI (there it leaves the
// boot services and enters us in 32-bit mode like on a BIOS).

#include "arch.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>

enum {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_RSDP_1 = 14,
    TAG_RSDP_2 = 15,
};

struct tag {
    uint32_t type;
    uint32_t size;
};

struct tag_module {
    struct tag tag;
    uint32_t start;
    uint32_t end;
    char cmdline[];
};

struct tag_memory_map {
    struct tag tag;
    uint32_t entry_size;
    uint32_t entry_version;
};

struct memory_map_entry {
    uint64_t base;
    uint64_t size;
    uint32_t type; /* as E820 */
    uint32_t reserved;
};

static void parse_memory_map(struct boot_info *boot, const struct tag_memory_map *map)
{
    if (map->entry_size < sizeof(struct memory_map_entry))
        return;
    for (uint32_t at = sizeof(*map); at + map->entry_size <= map->tag.size; at += map->entry_size) {
        struct memory_map_entry entry;
        memcpy(&entry, (const char *)map + at, sizeof(entry));
        boot_add_range(boot, entry.base, entry.size, entry.type);
    }
}

/* The RSDP comes as a copy in the tag, whose memory is not kept: copy it once more, into the image.
 */
static void copy_rsdp(struct boot_info *boot, const struct tag *tag)
{
    static char copy[36]; /* the size of the RSDP of ACPI 2 and later */
    size_t len = tag->size - sizeof(*tag);
    memcpy(copy, tag + 1, len < sizeof(copy) ? len : sizeof(copy));
    boot->rsdp = arch_virt_to_phys(copy).raw;
}

static void parse_tag(struct boot_info *boot, const struct tag *tag)
{
    const char *payload = (const char *)(tag + 1);
    switch (tag->type) {
    case TAG_CMDLINE:
        boot_set_cmdline(boot, payload, tag->size - sizeof(*tag));
        break;
    case TAG_MODULE: {
        const struct tag_module *module = (const struct tag_module *)tag;
        if (tag->size > sizeof(*module))
            boot_add_module(boot, module->start, module->end - module->start, module->cmdline,
                            tag->size - sizeof(*module));
        break;
    }
    case TAG_MEMORY_MAP:
        parse_memory_map(boot, (const struct tag_memory_map *)tag);
        break;
    case TAG_RSDP_1: /* the newer one, if both are given */
        if (!boot->rsdp)
            copy_rsdp(boot, tag);
        break;
    case TAG_RSDP_2:
        copy_rsdp(boot, tag);
        break;
    }
}

void multiboot2_parse(struct boot_info *boot, uint64_t info)
{
    const char *base = arch_phys_to_virt(paddr(info));
    uint32_t total = *(const uint32_t *)base;
    boot->protocol = "multiboot2";
    for (uint32_t at = 8; at + sizeof(struct tag) <= total;) {
        const struct tag *tag = (const struct tag *)(base + at);
        if (tag->type == TAG_END || tag->size < sizeof(*tag) || tag->size > total - at)
            break;
        parse_tag(boot, tag);
        at += (uint32_t)align_up(tag->size, 8);
    }
}
