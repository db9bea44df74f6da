// SPDX-License-Identifier: BSD-2-Clause
#include "nr_sched.h"

#include <inttypes.h>
#include <nr/options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lin_sched.h"

enum {
    FREED_BYTE = 0xdb, /* as a pointer not canonical, as a number large: misuse shows quickly */
    LINE_SHIFT = 6,    /* a line of the filter has 64 bytes */
    FILTER = 1 << 14,  /* bits: a run frees far less than so many lines */
};

/* In front of every block, at a distance that keeps the block aligned. */
struct block {
    struct block *next, *prev;
    void *base;
    size_t size;
    unsigned char *bytes;
};

static struct block live = {.next = &live, .prev = &live};
static struct block freed = {.next = &freed, .prev = &freed};
static size_t live_blocks;

/* A bit for each line of a freed block, by the line's number modulo FILTER: almost all accesses are
 * found innocent without a walk along the list. */
static uint64_t freed_lines[FILTER / 64];

static void block_insert(struct block *list, struct block *b)
{
    b->next = list->next;
    b->prev = list;
    b->next->prev = b->prev->next = b;
}

static void block_remove(struct block *b)
{
    b->next->prev = b->prev;
    b->prev->next = b->next;
}

static void filter_add(const struct block *b)
{
    uintptr_t first = (uintptr_t)b->bytes >> LINE_SHIFT;
    uintptr_t last = ((uintptr_t)b->bytes + b->size) >> LINE_SHIFT;
    for (uintptr_t line = first; line <= last; line++)
        freed_lines[line % FILTER / 64] |= UINT64_C(1) << line % 64;
}

static bool filter_has(uintptr_t at)
{
    uintptr_t line = at >> LINE_SHIFT;
    return freed_lines[line % FILTER / 64] >> line % 64 & 1;
}

/* ---- NR_SCHED ---- */

static void check_not_freed(const volatile void *addr)
{
    uintptr_t at = (uintptr_t)addr;
    if (!filter_has(at))
        return;
    for (struct block *b = freed.next; b != &freed; b = b->next) {
        if (at - (uintptr_t)b->bytes < b->size && sched_self() != UINT32_MAX)
            sched_fail("access to freed memory: byte %zu of a block of %zu",
                       (size_t)(at - (uintptr_t)b->bytes), b->size);
    }
}

void nr_sched_point(const volatile void *addr, unsigned size, enum nr_access kind)
{
    sched_point(addr, size, (enum sched_kind)kind, __builtin_return_address(0));
    check_not_freed(addr);
}

/* Where a plain access races, running another thread before it shows; where it does not, no harm.
 */
void nr_sched_touch(const volatile void *addr, unsigned size, enum nr_access kind)
{
    sched_point(addr, size, (enum sched_kind)kind, __builtin_return_address(0));
    check_not_freed(addr);
}

_Static_assert((int)SCHED_LOAD == (int)NR_ACCESS_LOAD && (int)SCHED_STORE == (int)NR_ACCESS_STORE &&
                   (int)SCHED_RMW == (int)NR_ACCESS_RMW,
               "libnr and the scheduler number the kinds of accesses alike");

/* ---- Port ---- */

void nr_port_relax(unsigned spins)
{
    (void)spins;
    sched_relax();
}

void nr_port_wait(_Atomic uint32_t *word, uint32_t expected)
{
    sched_wait((const volatile uint32_t *)word, expected);
}

void nr_port_wake(_Atomic uint32_t *word)
{
    sched_wake((const volatile uint32_t *)word, UINT32_MAX);
}

void *nr_port_alloc(size_t size, size_t align, int node)
{
    (void)node;
    size_t front = (sizeof(struct block) + align - 1) & ~(align - 1);
    void *base = NULL;
    if (posix_memalign(&base, align < sizeof(void *) ? sizeof(void *) : align, front + size))
        return NULL;
    unsigned char *bytes = (unsigned char *)base + front;
    memset(bytes, 0, size);
    struct block *b = (struct block *)(void *)bytes - 1;
    *b = (struct block){.base = base, .size = size, .bytes = bytes};
    block_insert(&live, b);
    live_blocks++;
    return bytes;
}

void nr_port_free(void *ptr, size_t size)
{
    struct block *b = (struct block *)ptr - 1;
    if (b->size != size || b->bytes != ptr) {
        fprintf(stderr, "freed %zu bytes of a block of %zu\n", size, b->size);
        abort();
    }
    memset(ptr, FREED_BYTE, size);
    block_remove(b);
    block_insert(&freed, b);
    filter_add(b);
    live_blocks--;
}

struct nr_allocator *nr_port_allocator(void)
{
    return NULL; /* tests bring their own */
}

int nr_port_affinity(int node)
{
    static int current = NR_ANY_NODE;
    int before = current;
    current = node;
    return before;
}

_Noreturn void nr_port_fatal(const char *message)
{
    sched_fail("%s", message);
}

/* ---- Watching ---- */

size_t nr_sched_live_blocks(void)
{
    return live_blocks;
}

static bool block_untouched(const struct block *b)
{
    for (size_t i = 0; i < b->size; i++) {
        if (b->bytes[i] == FREED_BYTE)
            continue;
        fprintf(stderr, "byte %zu of a block of %zu was written after it was freed\n", i, b->size);
        return false;
    }
    return true;
}

static void list_free(struct block *list)
{
    for (struct block *b = list->next, *next; b != list; b = next) {
        next = b->next;
        free(b->base);
    }
    *list = (struct block){.next = list, .prev = list};
}

static void freed_forget(void)
{
    list_free(&freed);
    memset(freed_lines, 0, sizeof(freed_lines));
}

bool nr_sched_sweep(void)
{
    bool ok = true;
    for (struct block *b = freed.next; b != &freed && ok; b = b->next)
        ok = block_untouched(b);
    freed_forget();
    return ok;
}

void nr_sched_forget(void)
{
    list_free(&live);
    freed_forget();
    live_blocks = 0;
}
