// SPDX-License-Identifier: BSD-2-Clause
//
// libnr's surroundings in the kernel: the functions of <nr/port.h>.
//
// A core is in libnr only with interrupts off (nodes.h), so a combiner is never preempted, and a
// wait is as long as other cores need for their share of work. Nobody sleeps: instances of the
// kernel do not have NR_PARK.

#include <nr/options.h>
#include <nr/port.h>

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/topology.h>

/* Pauses of one step of a long wait. The first steps look again after each, because most waits end
 * within a fraction of a microsecond; later ones leave the cache line to those it is for. */
#define SHORT_WAIT  64
#define LONG_PAUSES 8

/* Only pauses. In particular a waiting core does not advance replicas for others here: it may hold
 * the very lane that it would wait for, or, with another instance, wait in a circle with a core
 * that does the same. What it was asked for it does when it leaves (nodes.c); who asked does not
 * depend on it. */
void nr_port_relax(unsigned spins)
{
    for (unsigned i = 0; i < (spins < SHORT_WAIT ? 1 : LONG_PAUSES); i++)
        arch_relax();
}

void nr_port_wait(_Atomic uint32_t *word, uint32_t expected)
{
    (void)word;
    (void)expected;
    arch_relax();
}

void nr_port_wake(_Atomic uint32_t *word)
{
    (void)word;
}

/* By the slab heap: from one object of 16 bytes to ranges of frames for logs. */
void *nr_port_alloc(size_t size, size_t align, int node)
{
    void *ptr = node == NR_ANY_NODE ? slab_alloc(kernel_slab, size, align)
                                    : slab_alloc_on(kernel_slab, (node_id_t)node, size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

void nr_port_free(void *ptr, size_t size)
{
    slab_free(kernel_slab, ptr, size);
}

int nr_port_affinity(int node)
{
    node_id_t own = topology->cores[arch_core_id()].node;
    return (int)slab_set_affinity(kernel_slab, node == NR_ANY_NODE ? own : (node_id_t)node);
}

_Noreturn void nr_port_fatal(const char *message)
{
    panic("%s", message);
}

static void *slab_of_node(struct nr_allocator *self, size_t size, size_t align, int node)
{
    (void)self;
    return node == NR_ANY_NODE ? slab_alloc(kernel_slab, size, align)
                               : slab_alloc_on(kernel_slab, (node_id_t)node, size, align);
}

static void slab_take_back(struct nr_allocator *self, void *ptr, size_t size)
{
    (void)self;
    slab_free(kernel_slab, ptr, size);
}

struct nr_allocator *nr_port_allocator(void)
{
    static struct nr_allocator allocator = {slab_of_node, slab_take_back};
    return &allocator;
}
