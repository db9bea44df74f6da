// SPDX-License-Identifier: BSD-2-Clause
//
// The allocators on a real machine; their own tests are hosted (tests/unit/kernel).

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/topology.h>

static void check_object(size_t size)
{
    uint8_t *object = slab_alloc(kernel_slab, size, 8);
    assert(object);
    memset(object, 0xa5, size);
    for (size_t i = 0; i < size; i++)
        assert(object[i] == 0xa5);
    slab_free(kernel_slab, object, size);
}

void test_alloc(void)
{
    for (size_t size = 1; size <= 8192; size += 7)
        check_object(size);
    log_info("small allocations work.");
    for (size_t size = 8192; size <= 8 << 20; size *= 2)
        check_object(size);
    log_info("large allocations work.");
}

static uint64_t free_frames(void)
{
    uint64_t n = 0;
    frames_drain(kernel_frames);
    for (node_id_t node = 0; node < topology->n_nodes; node++) {
        struct frame_node_stats stats;
        frames_node_stats(kernel_frames, node, &stats);
        n += stats.free;
    }
    return n;
}

/* Take every frame of the machine, writing its address to it; then see that each still has its own:
 * all are RAM, each exists once, and none is in use. Frames are kept in a list through themselves.
 */
void test_all_frames(void)
{
    uint64_t before = free_frames(), count = 0, last = 0;
    paddr_t frame;
    while (!frames_alloc(kernel_frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &frame)) {
        uint64_t *words = arch_phys_to_virt(frame);
        words[0] = last;
        words[FRAME_SIZE / 8 - 1] = frame.raw;
        last = frame.raw;
        count++;
    }
    log_info("%lu frames of %lu", count, before);
    assert(count >= before);
    for (; last; count--) {
        uint64_t *words = arch_phys_to_virt(paddr(last));
        assert(words[FRAME_SIZE / 8 - 1] == last);
        uint64_t next = words[0];
        assert(!frames_free(kernel_frames, paddr(last), FRAME_SMALL));
        last = next;
    }
    assert(count == 0 && free_frames() >= before);
}
