// SPDX-License-Identifier: BSD-2-Clause
//
// Names for addresses, and walks over the chain of frame pointers. Everything here is used by fault
// reports: it reads only stack memory that is known to be mapped, and locks nothing.

#include "arch.h"
#include "layout.h"
#include "percore.h"
#include "stack.h"

#include <kernel/arch.h>
#include <kernel/log.h>

#define MAX_FRAMES 48

/* What tools/kernel_image.py puts into the image. */
struct ksym {
    uint32_t start; /* offset of the function in the image */
    uint32_t size;
    uint32_t name; /* offset in the strings that follow the last entry */
};

struct ksyms {
    uint32_t count;
    struct ksym syms[]; /* sorted by start */
};

extern const char ksyms_start[], ksyms_end[];

/* The function that @address is in; NULL outside of the kernel's code. */
static const struct ksym *find(uint64_t address)
{
    uint64_t offset = address - (uint64_t)image_start;
    const struct ksyms *table = (const struct ksyms *)ksyms_start;
    /* The first of the two links has no names yet. */
    if (&ksyms_start[0] == &ksyms_end[0] || offset >= (uint64_t)(text_end - image_start))
        return NULL;
    uint32_t low = 0, high = table->count;
    while (low < high) { /* find the first that starts beyond */
        uint32_t middle = low + (high - low) / 2;
        if (table->syms[middle].start <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    const struct ksym *sym = &table->syms[low - 1];
    return offset < sym->start + (uint64_t)sym->size ? sym : NULL;
}

void ksyms_print(uint64_t address)
{
    const struct ksym *sym = find(address);
    if (!sym)
        return;
    const struct ksyms *table = (const struct ksyms *)ksyms_start;
    const char *names = (const char *)&table->syms[table->count];
    log_raw(" %s+0x%x", names + sym->name,
            (unsigned)(address - (uint64_t)image_start - sym->start));
}

/* Is the pair at @frame, a saved frame pointer and a return address, on a kernel stack? */
static bool frame_is_readable(uint64_t frame)
{
    return frame % 8 == 0 && stack_contains(frame, 16);
}

static void print_frame(unsigned n, uint64_t rip)
{
    log_raw("frame #%-2u - %#lx", n, rip);
    /* A return address belongs to the call before it, which may be the last instruction. */
    ksyms_print(n ? rip - 1 : rip);
    log_raw("\n");
}

static void walk(unsigned n, uint64_t rip, uint64_t frame)
{
    for (; n < MAX_FRAMES; n++) {
        print_frame(n, rip);
        if (!frame_is_readable(frame))
            return;
        const uint64_t *pair = (const uint64_t *)frame;
        frame = pair[0];
        rip = pair[1];
        if (!rip)
            return;
    }
    log_raw("... and more\n");
}

/* Compilers give small functions that call nothing no frame, and at the first instructions of the
 * others it is not there yet. If @rip is at such a place, the return address is still on top of the
 * stack; 0 otherwise. All other functions start with push %rbp (-fno-shrink-wrap). */
static uint64_t frameless_caller(uint64_t rip, uint64_t rsp)
{
    const uint8_t push_rbp = 0x55;
    const struct ksym *sym = find(rip);
    if (!sym || !stack_contains(rsp, 16))
        return 0;
    const uint64_t *top = (const uint64_t *)rsp;
    uint64_t at = rip - (uint64_t)image_start - sym->start;
    bool has_frame = image_start[sym->start] == push_rbp;
    uint64_t caller = !has_frame || at == 0 ? top[0] : at == 1 ? top[1] : 0;
    return find(caller) ? caller : 0;
}

void backtrace_of_fault(uint64_t rip, uint64_t rsp, uint64_t frame)
{
    log_raw("Backtrace:\n");
    uint64_t caller = frameless_caller(rip, rsp);
    if (caller) {
        print_frame(0, rip);
        walk(1, caller, frame);
    } else {
        walk(0, rip, frame);
    }
}

__attribute__((noinline)) void arch_backtrace(void)
{
    log_raw("Backtrace:\n");
    walk(0, (uint64_t)__builtin_return_address(0), *(uint64_t *)__builtin_frame_address(0));
}
