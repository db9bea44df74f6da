// SPDX-License-Identifier: BSD-2-Clause
//
// Working on an address space, from the core that wants it: before the log, the operation, and
// after it. What is below (libnr, interrupts to other cores, pages of files) comes as functions.
//
// All calls are outside of apply and may take long: they copy pages, wait for other cores, repeat.
#pragma once

#include <kernel/frame_shares.h>
#include <kernel/vspace.h>

/* How a core reaches one space. */
struct vspace_user {
    /* Apply an operation to the space, in the order of all others. */
    struct vspace_answer (*execute)(struct vspace_user *user, const struct vspace_op *op);
    /* Ask the replica of this core's node, brought up to date before. */
    struct vspace_result (*query)(struct vspace_user *user, const struct vspace_query *query);
    /* Returns once every core that runs the space has first advanced its replica and then forgotten
     * what it knew about [va, end), of which @pages pages are concerned, and about page tables. */
    void (*flush)(struct vspace_user *user, uint64_t va, uint64_t end, uint32_t pages);
    /* The frame with a page of an object, with one more owner (of frame_shares) for the caller; the
     * other owners write it, or count on its contents. */
    kerr_t (*file_page)(struct vspace_user *user, uint64_t object, uint64_t offset, paddr_t *frame);
    const struct vspace_memory *memory;
    struct frames *frames;
    struct frame_shares *shares;
    core_id_t core; /* this one */
    node_id_t node; /* where new frames come from */
};

/* What is to be mapped. */
struct vspace_mapping {
    uint64_t va;
    uint64_t size;
    uint8_t kind; /* enum vspace_kind */
    uint8_t rights;
    uint8_t allowed;
    uint64_t pa; /* FRAME, SHARED, DEVICE: contiguous, the space becomes an owner */
    uint64_t object;
    uint64_t offset;
};

/* vspace_map - KERR_EXISTS: something is there. Errors of vspace_decode(); on any of them the
 * frames are still the caller's. KERR_RANGE: too many pages at once, map a part of it. KERR_AGAIN:
 * a clone is being made. */
MUST_CHECK kerr_t vspace_map(struct vspace_user *user, const struct vspace_mapping *mapping);

/* vspace_unmap - whatever is in [va, va + size), flush, and release the frames. On an error, at
 * *@done, what is below has been unmapped. Others may use parts of the range meanwhile. */
MUST_CHECK kerr_t vspace_unmap(struct vspace_user *user, uint64_t va, uint64_t size,
                               uint64_t *done);

/* vspace_protect - give [va, va + size) these rights. On an error (KERR_BAD_ADDRESS: nothing is
 * mapped there; KERR_NOT_PERMITTED) at *@done, what is below has them. */
MUST_CHECK kerr_t vspace_protect(struct vspace_user *user, uint64_t va, uint64_t size,
                                 unsigned rights, uint64_t *done);

/* vspace_fault - an access (enum vspace_rights) of the process faulted at @va. KERR_OK: go on with
 * the instruction. KERR_BAD_ADDRESS: a true fault. KERR_AGAIN: a clone is being made, run something
 * else. KERR_NO_MEMORY; errors of file_page. */
MUST_CHECK kerr_t vspace_fault(struct vspace_user *user, uint64_t va, unsigned access);

/* vspace_clone - make @child, an empty space that nobody runs, a copy of the parent's. On an error
 * it has a part of it, to be closed; the parent is as before. KERR_AGAIN: another clone is being
 * made. */
MUST_CHECK kerr_t vspace_clone(struct vspace_user *parent, struct vspace_user *child);

/* vspace_close - unmap everything and let nobody map any more. Needs no memory. KERR_AGAIN: a clone
 * is being made, try again. */
MUST_CHECK kerr_t vspace_close(struct vspace_user *user);
