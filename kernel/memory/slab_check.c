// SPDX-License-Identifier: BSD-2-Clause
//
// What checked builds keep in and behind objects. The place of an object of a class is
//
//     | object: size bytes | red zone: RED ... | trailer: state, size |
//
// The state is a constant mixed with the address, so that neither a copy of an object nor stray
// data passes for it. A freed place is filled with FREED bytes up to the trailer, but for its first
// word, which links objects on their way to another node.

#include "slab_impl.h"

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/panic.h>

#define FREED 0x6b /* in freed places */
#define FRESH 0x5a /* in new objects, so that nobody counts on zeroes */
#define RED   0xbb

#define STATE_FREED     UINT64_C(0xf4eedf4eedf4eed1)
#define STATE_ALLOCATED UINT64_C(0xa110ca7eda110ca7)

#define LINK_BYTES sizeof(struct remote_object)

struct trailer {
    uint64_t state;
    uint64_t size;
};

_Static_assert(!KERNEL_CHECKED || sizeof(struct trailer) == SLAB_TRAILER, "one size");

static struct trailer *trailer_of(void *object, unsigned class)
{
    return (struct trailer *)((char *)object + slab_classes[class].size - sizeof(struct trailer));
}

static uint64_t state_of(const void *object, uint64_t constant)
{
    return constant ^ (uintptr_t)object;
}

/* The first byte in [from, to) that is not `byte`, or `to`. */
static size_t first_other(const void *object, size_t from, size_t to, uint8_t byte)
{
    const uint8_t *bytes = object;
    while (from < to && bytes[from] == byte)
        from++;
    return from;
}

/* The class of an object, after a look at whether it is one. */
static unsigned check_span(const void *object)
{
    const struct slab_span *span = slab_span_of(object);
    uintptr_t offset = (uintptr_t)object - (uintptr_t)span;
    if (span->magic != SPAN_MAGIC || span->class >= N_CLASSES ||
        offset < slab_classes[span->class].first ||
        (offset - slab_classes[span->class].first) % slab_classes[span->class].size)
        panic("slab: %p was freed on core %u, but is no object", object, arch_core_id());
    return span->class;
}

void slab_check_new(void *object, unsigned class)
{
    struct trailer *trailer = trailer_of(object, class);
    memset(object, FREED, slab_classes[class].size - sizeof(*trailer));
    trailer->state = state_of(object, STATE_FREED);
    trailer->size = 0;
}

void slab_check_alloc(void *object, unsigned class, size_t size)
{
    struct trailer *trailer = trailer_of(object, class);
    size_t end = slab_classes[class].size - sizeof(*trailer);
    size_t bad = first_other(object, LINK_BYTES, end, FREED);
    if (bad != end || trailer->state != state_of(object, STATE_FREED))
        panic("slab: %p of class %u was written to after it was freed, at offset %lu", object,
              slab_classes[class].size, (unsigned long)bad);
    memset(object, FRESH, size);
    memset((char *)object + size, RED, end - size);
    trailer->state = state_of(object, STATE_ALLOCATED);
    trailer->size = size;
}

void slab_check_free(void *object, size_t size)
{
    unsigned class = check_span(object);
    struct trailer *trailer = trailer_of(object, class);
    if (trailer->state == state_of(object, STATE_FREED))
        panic("slab: %p of class %u was freed twice, now on core %u", object,
              slab_classes[class].size, arch_core_id());
    if (trailer->state != state_of(object, STATE_ALLOCATED))
        panic("slab: the end of %p of class %u was overwritten", object, slab_classes[class].size);
    if (trailer->size != size)
        panic("slab: %p was allocated with %lu bytes and freed with %lu", object,
              (unsigned long)trailer->size, (unsigned long)size);
    size_t end = slab_classes[class].size - sizeof(*trailer);
    size_t bad = first_other(object, size, end, RED);
    if (bad != end)
        panic("slab: %p of %lu bytes was written to beyond its end, at offset %lu", object,
              (unsigned long)size, (unsigned long)bad);
    slab_check_new(object, class);
}
