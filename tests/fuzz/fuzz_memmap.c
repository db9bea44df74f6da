// SPDX-License-Identifier: BSD-2-Clause
//
// Memory maps as firmware may give them, and the frame allocator on what comes out. The input is a
// list of ranges of 8 bytes: start and length in units of 1 KiB (16 bits each), kind, node, and
// which list.

#include "fuzz.h"
#include <base/bits.h>
#include <base/string.h>
#include <hosted/hosted.h>
#include <kernel/frames.h>
#include <stdlib.h>

#define MAX_RANGES 24
#define RAM_SIZE   (UINT64_C(128) << 20)

static void check(bool condition)
{
    if (!condition)
        abort();
}

struct walk {
    uint64_t end;
    uint64_t frames;
};

static void visit(void *context, const struct memory_piece *piece)
{
    struct walk *walk = context;
    check(piece->base >= walk->end && piece->base < piece->end);
    check(piece->base % FRAME_SIZE == 0 && piece->end % FRAME_SIZE == 0);
    walk->end = piece->end;
    walk->frames += (piece->end - piece->base) / FRAME_SIZE;
}

/* Takes all frames and gives them back. */
static void exhaust(struct frames *frames, uint64_t n_frames)
{
    static paddr_t all[RAM_SIZE / FRAME_SIZE];
    struct frame_node_stats stats;
    uint64_t total = 0, n_free = 0, n = 0;
    for (node_id_t node = 0; node < frames_n_nodes(frames); node++) {
        frames_node_stats(frames, node, &stats);
        total += stats.total + stats.state;
        n_free += stats.free;
    }
    check(total == n_frames);
    while (frames_alloc(frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &all[n]) == KERR_OK)
        n++;
    check(n == n_free);
    while (n > 0)
        check(frames_free(frames, all[--n], FRAME_SMALL) == KERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const node_id_t core_nodes[] = {0, 2};
    struct memory_range ranges[MAX_RANGES];
    struct memory_affinity affinities[MAX_RANGES];
    struct frames_config config = {
        .map = {.ranges = ranges, .affinities = affinities},
        .n_nodes = 4,
        .n_cores = 2,
        .core_nodes = core_nodes,
    };
    for (; size >= 8; data += 8, size -= 8) {
        uint16_t base, len;
        memcpy(&base, data, 2);
        memcpy(&len, data + 2, 2);
        uint64_t low_bits = data[7]; /* borders that are not those of frames, now and then */
        if (data[6] % 2 && config.map.n_ranges < MAX_RANGES)
            ranges[config.map.n_ranges++] = (struct memory_range){
                base * 1024 + low_bits, len * 1024, (enum memory_kind)(data[4] % 3)};
        else if (config.map.n_affinities < MAX_RANGES)
            affinities[config.map.n_affinities++] =
                (struct memory_affinity){base * 1024, len * 1024 + low_bits, data[5] % 4};
    }
    struct walk walk = {0};
    memmap_walk(&config.map, visit, &walk);
    struct frames *frames;
    hosted_ram_create(RAM_SIZE + (1 << 20));
    if (frames_create(&config, &frames) == KERR_OK)
        exhaust(frames, walk.frames);
    hosted_ram_destroy();
    return 0;
}
