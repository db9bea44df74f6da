// SPDX-License-Identifier: BSD-2-Clause
/* The port of libnr to Linux user space: see <nr/port.h>. */
#include <nr/options.h>
#include <nr/port.h>

#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Pauses before the first yield: some microseconds, the time of a long batch. A waiter that yields
 * earlier gives its core away although the combiner is running. */
#define SPINS_BEFORE_YIELD 100

void nr_port_relax(unsigned spins)
{
    if (spins >= SPINS_BEFORE_YIELD) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::
                         : "memory"); /* closer to x86's pause than yield, a no-op on most cores */
#endif
}

void nr_port_wait(_Atomic uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void nr_port_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* Fresh memory is placed by the first touch, here, under the policy of `node`. */
void *nr_port_alloc(size_t size, size_t align, int node)
{
    size = (size + align - 1) / align * align;
    int before = nr_port_affinity(node);
    void *ptr = aligned_alloc(align, size);
    if (ptr)
        memset(ptr, 0, size);
    (void)nr_port_affinity(before);
    return ptr;
}

void nr_port_free(void *ptr, size_t size)
{
    (void)size;
    free(ptr);
}

/* ---- NUMA nodes
 * ---------------------------------------------------------------------------------- */

/* A set of nodes as the kernel takes it. */
struct node_mask {
    unsigned long words[16];
};

enum { NODE_BITS = 8 * sizeof(unsigned long), MASK_BITS = 8 * sizeof(struct node_mask) };

static bool node_mask_of(int node, struct node_mask *mask)
{
    *mask = (struct node_mask){0};
    if (node < 0 || node >= MASK_BITS)
        return false;
    mask->words[node / NODE_BITS] = 1ul << node % NODE_BITS;
    return true;
}

static _Thread_local int current_node = NR_ANY_NODE;

/* Best effort: kernels without NUMA refuse the call, and then there is nothing to choose. */
int nr_port_affinity(int node)
{
    int before = current_node;
    if (node == before)
        return before;
    current_node = node;
    struct node_mask mask;
    if (node_mask_of(node, &mask))
        syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask.words, MASK_BITS);
    else
        syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
    return before;
}

_Noreturn void nr_port_fatal(const char *message)
{
    fprintf(stderr, "%s\n", message);
    abort();
}

/* ---- The structures' allocator ---- */

/* From this size on a block is a mapping of its own: placed on its node page by page, and large
 * enough that the system calls do not matter beside filling it. Smaller ones are where malloc's
 * memory lies, mostly with the thread that asked. */
#define MAPPING_MIN ((size_t)256 * 1024)

static void *linux_alloc(struct nr_allocator *self, size_t size, size_t align, int node)
{
    (void)self;
    if (size < MAPPING_MIN)
        return align <= _Alignof(max_align_t)
                   ? malloc(size)
                   : aligned_alloc(align, (size + align - 1) / align * align);
    void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct node_mask mask;
    if (ptr == MAP_FAILED)
        return NULL;
    /* Best effort, as for nr_port_affinity. */
    if (node_mask_of(node, &mask))
        syscall(SYS_mbind, ptr, size, MPOL_PREFERRED, mask.words, MASK_BITS, 0);
    return ptr;
}

static void linux_free(struct nr_allocator *self, void *ptr, size_t size)
{
    (void)self;
    if (size < MAPPING_MIN)
        free(ptr);
    else
        munmap(ptr, size);
}

struct nr_allocator *nr_port_allocator(void)
{
    static struct nr_allocator allocator = {linux_alloc, linux_free};
    return &allocator;
}
