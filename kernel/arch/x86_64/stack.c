// SPDX-License-Identifier: BSD-2-Clause

#include "stack.h"

#include "arch.h"
#include "paging.h"
#include "percore.h"

/* Offsets of the stacks from the start of a core's block: guard, main stack, then N_IST times guard
 * and IST stack. The boot core's block is in the image (boot.S), the others' are in the KSTACK
 * region. */
#define MAIN_START   PAGE_SIZE
#define IST_START    (MAIN_START + BOOT_STACK_SIZE)
#define IST_STRIDE   (PAGE_SIZE + IST_STACK_SIZE)
#define BLOCK_SIZE   (IST_START + N_IST * IST_STRIDE)
#define BLOCK_STRIDE UINT64_C(0x40000)
_Static_assert(BLOCK_SIZE + PAGE_SIZE <= BLOCK_STRIDE, "blocks lie apart");

static uint64_t block_of(core_id_t core)
{
    return core ? KSTACK_BASE + core * BLOCK_STRIDE : (uint64_t)boot_stack_guard;
}

/* Is offset @at of a block in a guard page? */
static bool is_guard(uint64_t at)
{
    return at < MAIN_START || (at >= IST_START && (at - IST_START) % IST_STRIDE < PAGE_SIZE);
}

bool stack_map(core_id_t core, uint64_t pa)
{
    uint64_t block = block_of(core);
    if (!paging_map(block + MAIN_START, pa, BOOT_STACK_SIZE, MAP_DATA))
        return false;
    pa += BOOT_STACK_SIZE;
    for (unsigned i = 0; i < N_IST; i++, pa += IST_STACK_SIZE) {
        uint64_t va = block + IST_START + i * IST_STRIDE + PAGE_SIZE;
        if (!paging_map(va, pa, IST_STACK_SIZE, MAP_DATA))
            return false;
    }
    return true;
}

struct stack_tops stack_tops_of(core_id_t core)
{
    uint64_t block = block_of(core);
    struct stack_tops tops = {.main = block + IST_START};
    for (unsigned i = 0; i < N_IST; i++)
        tops.ist[i] = block + IST_START + (i + 1) * IST_STRIDE;
    return tops;
}

bool stack_contains(uint64_t address, uint64_t len)
{
    uint64_t at = address - block_of(percore_head()->id);
    return at < BLOCK_SIZE && at + len <= BLOCK_SIZE && !is_guard(at) && !is_guard(at + len - 1);
}

bool stack_guard_hit(uint64_t address)
{
    uint64_t at = address - block_of(percore_head()->id);
    return at < BLOCK_SIZE && is_guard(at);
}
