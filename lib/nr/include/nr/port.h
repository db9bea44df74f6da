// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * What libnr needs from its surroundings: eight functions, provided at link time. The installed
 * library brings them for Linux (port_linux.c); a kernel or another system provides its own.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct nr_allocator;

/* No particular NUMA node. */
#define NR_ANY_NODE (-1)

/* One step of a waiting loop; `spins` counts the steps of this wait, from 0. Pauses the processor
 * at first and later lets other threads run. Must return. */
void nr_port_relax(unsigned spins);

/* Sleeps until woken as long as *word == expected; may return for no reason. Only called for
 * instances created with NR_PARK. */
void nr_port_wait(_Atomic uint32_t *word, uint32_t expected);

/* Wakes every thread that sleeps on `word`. Only called for instances created with NR_PARK. */
void nr_port_wake(_Atomic uint32_t *word);

/* Returns zeroed memory of `size` bytes aligned to `align` (a power of two), preferably on NUMA
 * node `node`, or NULL. Never called on the path of an operation. */
void *nr_port_alloc(size_t size, size_t align, int node);

/* Returns memory of nr_port_alloc with the same size. */
void nr_port_free(void *ptr, size_t size);

/* From now on the calling thread's allocations should come from `node` (NR_ANY_NODE: its default).
 * Returns the previous setting, for the call that restores it. Called around work on a replica that
 * is not the calling thread's own: creation, cloning, helping. */
int nr_port_affinity(int node);

/* A replica diverged and the embedder gave no `diverged` hook, or an invariant is broken. Must not
 * return. */
_Noreturn void nr_port_fatal(const char *message);

/* The allocator of ready-made structures that are given none (<nr/options.h>); NULL: there is no
 * such default. Only they call it. For Linux: malloc, and for large blocks pages of the node. */
struct nr_allocator *nr_port_allocator(void);
