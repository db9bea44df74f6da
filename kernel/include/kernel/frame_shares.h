// SPDX-License-Identifier: BSD-2-Clause
//
// How many owners a frame has, where it has more than one: address spaces, handles, caches of
// files. Exists once, outside of node replication, because frames do.
//
// A frame that nobody counted has one owner. Only what is shared costs memory: about 32 bytes for
// each 4 KiB. All functions may be called on any core; they take short spin locks and do not
// block.
#pragma once

#include <kernel/slab.h>

struct frame_shares;

/* frame_shares_create - KERR_NO_MEMORY. Destroying it is for when no frame is shared any more. */
MUST_CHECK kerr_t frame_shares_create(struct slab *slab, struct frame_shares **out);
void frame_shares_destroy(struct frame_shares *shares);

/* frame_shares_add - one owner more for each of @count frames of 4 KiB from @first, made by one who
 * owns them meanwhile. KERR_NO_MEMORY, and nothing has changed. */
MUST_CHECK kerr_t frame_shares_add(struct frame_shares *shares, paddr_t first, uint64_t count);

/* frame_shares_drop - one owner less. True: that was the last, the frame is the caller's. */
bool frame_shares_drop(struct frame_shares *shares, paddr_t frame);

/* frame_shares_owners - at this moment. An owner who reads 1 knows that it stays so until he
 * himself shares the frame. */
uint64_t frame_shares_owners(struct frame_shares *shares, paddr_t frame);

/* frame_shares_release - drop @count frames of 4 KiB from @first, and free those that have no owner
 * left. Returns how many that were. */
uint64_t frame_shares_release(struct frame_shares *shares, struct frames *frames, paddr_t first,
                              uint64_t count);
