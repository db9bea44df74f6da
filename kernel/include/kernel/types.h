// SPDX-License-Identifier: BSD-2-Clause
//
// Types that the whole kernel uses.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A physical address. A struct, so that it is not taken for a pointer or a virtual address. */
typedef struct {
    uint64_t raw;
} paddr_t;

/* A virtual address of the address space of a process: never dereferenced by the kernel as it is.
 */
typedef struct {
    uint64_t raw;
} vaddr_t;

/* Numbers of cores and NUMA nodes, both dense from 0; the boot core is core 0. */
typedef uint32_t core_id_t;
typedef uint32_t node_id_t;

/* The compiler complains when the result of the function is dropped. */
#define MUST_CHECK __attribute__((warn_unused_result))

static inline paddr_t paddr(uint64_t raw)
{
    return (paddr_t){raw};
}

/* paddr_add - @bytes above @pa; wraps silently, like integers do. */
static inline paddr_t paddr_add(paddr_t pa, uint64_t bytes)
{
    return (paddr_t){pa.raw + bytes};
}

static inline bool paddr_is_aligned(paddr_t pa, uint64_t align)
{
    return (pa.raw & (align - 1)) == 0;
}

static inline vaddr_t vaddr(uint64_t raw)
{
    return (vaddr_t){raw};
}

static inline vaddr_t vaddr_add(vaddr_t va, uint64_t bytes)
{
    return (vaddr_t){va.raw + bytes};
}

static inline bool vaddr_is_aligned(vaddr_t va, uint64_t align)
{
    return (va.raw & (align - 1)) == 0;
}
