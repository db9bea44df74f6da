// SPDX-License-Identifier: BSD-2-Clause
//
// Around the log
//
// 1. Before. Frames are allocated, filled and counted, then travel in the operation. Until its
//    answer says that they are used they belong to the caller.
//
// 2. After. First the flush, then the release of frames: a core that has not flushed may still
//    write to them. The next operation of this core tells all replicas that it has flushed
//    (vspace.h), so no function returns in between.
//
// 3. Races are settled by the log. Two cores fill the same page: the second answer says that there
//    is one, and its frame is freed. A frame to be copied is named in the operation, with the
//    generation of the space when it was seen: if anything happened to the page since, nothing is
//    done, and the fault comes again.
//
// 4. Copying on write. A frame of which this space is the only owner stays and only becomes
//    writable. That is safe because owners are added only by clones, and these change the
//    generation.

#include <kernel/vspace_user.h>

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>

/* Decode and execute, for operations that own no frames. */
static kerr_t operate(struct vspace_user *user, struct vspace_op *op, struct vspace_answer *answer)
{
    op->core = user->core;
    kerr_t err = vspace_decode(user->memory, op);
    if (err)
        return err;
    *answer = user->execute(user, op);
    return answer->err;
}

static void flush(struct vspace_user *user, const struct vspace_op *op,
                  const struct vspace_answer *answer)
{
    if (answer->flush)
        user->flush(user, op->va, answer->next, answer->leaves);
}

static void release(struct vspace_user *user, uint64_t pa, uint64_t pages)
{
    (void)frame_shares_release(user->shares, user->frames, paddr(pa), pages);
}

static void release_pieces(struct vspace_user *user, const struct vspace_answer *answer)
{
    for (unsigned i = 0; i < answer->n_pieces; i++) {
        const struct vspace_piece *piece = &answer->pieces[i];
        if (piece->kind != VSPACE_DEVICE)
            release(user, piece->pa, piece->pages);
    }
}

/* --- Ranges --- */

kerr_t vspace_map(struct vspace_user *user, const struct vspace_mapping *mapping)
{
    struct vspace_answer answer;
    struct vspace_op op = {
        .kind = VSPACE_MAP,
        .region = mapping->kind,
        .rights = mapping->rights,
        .allowed = mapping->allowed,
        .level = user->memory->top_level,
        .va = mapping->va,
        .size = mapping->size,
        .pa = mapping->pa,
        .object = mapping->object,
        .offset = mapping->offset,
    };
    return operate(user, &op, &answer);
}

kerr_t vspace_unmap(struct vspace_user *user, uint64_t va, uint64_t size, uint64_t *done)
{
    const uint64_t end = va + size;
    struct vspace_answer answer;
    struct vspace_op op = {.kind = VSPACE_UNMAP, .va = va, .size = size};
    do {
        *done = op.va;
        kerr_t err = operate(user, &op, &answer);
        if (err)
            return err;
        flush(user, &op, &answer);
        release_pieces(user, &answer);
        op.va = answer.next;
        op.size = end - op.va;
    } while (op.size > 0);
    *done = end;
    return KERR_OK;
}

kerr_t vspace_protect(struct vspace_user *user, uint64_t va, uint64_t size, unsigned rights,
                      uint64_t *done)
{
    const uint64_t end = va + size;
    struct vspace_answer answer;
    struct vspace_op op = {
        .kind = VSPACE_ADJUST, .rights = (uint8_t)rights, .va = va, .size = size};
    do {
        *done = op.va;
        kerr_t err = rights & ~VSPACE_ALL ? KERR_INVALID : operate(user, &op, &answer);
        if (err)
            return err;
        flush(user, &op, &answer);
        op.va = answer.next;
        op.size = end - op.va;
    } while (op.size > 0);
    *done = end;
    return KERR_OK;
}

kerr_t vspace_close(struct vspace_user *user)
{
    struct vspace_answer answer;
    struct vspace_op op = {.kind = VSPACE_CLOSE, .va = VSPACE_START};
    do {
        kerr_t err = operate(user, &op, &answer);
        if (err)
            return err;
        flush(user, &op, &answer);
        release_pieces(user, &answer);
        op.va = answer.next;
    } while (op.va < VSPACE_END);
    return KERR_OK;
}

/* --- Faults --- */

static kerr_t new_frame(struct vspace_user *user, paddr_t *frame)
{
    return frames_alloc(user->frames, user->node, FRAME_SMALL, FRAME_ANY_NODE, frame);
}

/* A new frame with what is in another one. */
static kerr_t new_copy(struct vspace_user *user, paddr_t from, paddr_t *frame)
{
    kerr_t err = new_frame(user, frame);
    if (!err)
        memcpy(arch_phys_to_virt(*frame), arch_phys_to_virt(from), FRAME_SIZE);
    return err;
}

/* The frame of a page of a file: the object's own, or, for a write that others must not see, a
 * copy. */
static kerr_t file_frame(struct vspace_user *user, struct vspace_op *op, unsigned access,
                         paddr_t *frame)
{
    paddr_t cached;
    kerr_t err = user->file_page(user, op->object, op->offset, &cached);
    if (err)
        return err;
    *frame = cached;
    if (op->region == VSPACE_FILE_SHARED)
        return KERR_OK;
    op->cow = !(access & VSPACE_WRITE);
    if (op->cow)
        return KERR_OK;
    err = new_copy(user, cached, frame);
    release(user, cached.raw, 1);
    return err;
}

static kerr_t fill(struct vspace_user *user, uint64_t va, unsigned access,
                   const struct vspace_region *region)
{
    struct vspace_op op = {.kind = VSPACE_FILL,
                           .core = user->core,
                           .region = region->kind,
                           .level = 1,
                           .va = va,
                           .size = PAGE_4K};
    paddr_t frame;
    kerr_t err;
    if (region->kind == VSPACE_ANONYMOUS) {
        err = new_frame(user, &frame);
        if (!err)
            memset(arch_phys_to_virt(frame), 0, FRAME_SIZE);
    } else {
        op.object = region->object;
        op.offset = region->offset + (va - region->start.raw);
        err = file_frame(user, &op, access, &frame);
    }
    if (err)
        return err;
    struct vspace_answer answer = {0};
    op.pa = frame.raw;
    err = operate(user, &op, &answer);
    if (!answer.used)
        release(user, frame.raw, 1);
    return err;
}

static kerr_t copy_page(struct vspace_user *user, uint64_t va, const struct vspace_result *seen)
{
    struct vspace_op op = {.kind = VSPACE_BREAK,
                           .core = user->core,
                           .va = va,
                           .size = PAGE_4K,
                           .expect = seen->pa,
                           .generation = seen->generation};
    paddr_t frame = {0};
    kerr_t err = KERR_OK;
    if (frame_shares_owners(user->shares, paddr(seen->pa)) > 1)
        err = new_copy(user, paddr(seen->pa), &frame);
    if (err)
        return err;
    struct vspace_answer answer = {0};
    op.pa = frame.raw;
    err = operate(user, &op, &answer);
    if (!err) {
        flush(user, &op, &answer);
        release_pieces(user, &answer);
    }
    if (frame.raw && !answer.used)
        release(user, frame.raw, 1);
    return err;
}

/* Once around: look, do what is to do. KERR_AGAIN: something came in between. */
static kerr_t try_fault(struct vspace_user *user, uint64_t va, unsigned access, bool *wait)
{
    const struct vspace_query query = {.question = VSPACE_RESOLVE, .access = access, .va = va};
    struct vspace_result seen = user->query(user, &query);
    *wait = seen.verdict == VSPACE_WAIT;
    switch (seen.verdict) {
    case VSPACE_THERE:
        return KERR_OK;
    case VSPACE_WAIT:
        return KERR_AGAIN;
    case VSPACE_EMPTY:
        return fill(user, va, access, &seen.region);
    case VSPACE_COPY:
        return copy_page(user, va, &seen);
    default:
        return KERR_BAD_ADDRESS;
    }
}

kerr_t vspace_fault(struct vspace_user *user, uint64_t va, unsigned access)
{
    bool wait;
    kerr_t err;
    do
        err = try_fault(user, align_down(va, PAGE_4K), access, &wait);
    while (err == KERR_AGAIN && !wait);
    return err == KERR_EXISTS ? KERR_OK : err; /* somebody else filled the page */
}

/* --- Clones --- */

/* All regions of the parent, without pages, in the child. The parent's tree stands still. */
static kerr_t clone_regions(struct vspace_user *parent, struct vspace_user *child)
{
    struct vspace_query query = {.question = VSPACE_REGION};
    for (;;) {
        struct vspace_result result = parent->query(parent, &query);
        const struct vspace_region *region = &result.region;
        if (result.err)
            return KERR_OK; /* that was the last one */
        query.va = region->end.raw;
        struct vspace_op op = {
            .kind = VSPACE_MAP,
            .region = region->kind,
            .rights = region->rights,
            .allowed = region->allowed,
            .bare = true,
            .va = region->start.raw,
            .size = region->end.raw - region->start.raw,
            .object = region->object,
            .offset = region->offset,
        };
        struct vspace_answer answer;
        kerr_t err = region->kind == VSPACE_DEVICE ? KERR_OK : operate(child, &op, &answer);
        if (err)
            return err;
    }
}

/* Makes the child an owner of the frames of a piece, and gives it the pages. */
static kerr_t clone_piece(struct vspace_user *child, const struct vspace_piece *piece,
                          const struct vspace_region *region)
{
    struct vspace_op op = {
        .kind = VSPACE_FILL,
        .region = piece->kind,
        .level = piece->level,
        .bare = true,
        .cow = piece->cow,
        .va = piece->va,
        .size = piece->pages * PAGE_4K,
        .pa = piece->pa,
        .object = region->object,
        .offset = region->offset + (piece->va - region->start.raw),
    };
    if (piece->kind != VSPACE_FILE_PRIVATE && piece->kind != VSPACE_FILE_SHARED)
        op.offset = 0;
    struct vspace_answer answer = {0};
    kerr_t err = frame_shares_add(child->shares, paddr(piece->pa), piece->pages);
    if (err)
        return err;
    err = operate(child, &op, &answer);
    if (!answer.used)
        release(child, piece->pa, piece->pages);
    return err;
}

static kerr_t clone_pieces(struct vspace_user *parent, struct vspace_user *child,
                           const struct vspace_answer *answer)
{
    kerr_t err = KERR_OK;
    for (unsigned i = 0; !err && i < answer->n_pieces; i++) {
        const struct vspace_piece *piece = &answer->pieces[i];
        const struct vspace_query query = {.question = VSPACE_REGION, .va = piece->va};
        struct vspace_result result = parent->query(parent, &query);
        err = clone_piece(child, piece, &result.region);
    }
    return err;
}

static kerr_t clone_pages(struct vspace_user *parent, struct vspace_user *child)
{
    struct vspace_answer answer;
    struct vspace_op op = {
        .kind = VSPACE_CLONE_STEP, .va = VSPACE_START, .size = VSPACE_END - VSPACE_START};
    while (op.size > 0) {
        kerr_t err = operate(parent, &op, &answer);
        if (err)
            return err;
        flush(parent, &op, &answer);
        err = clone_pieces(parent, child, &answer);
        if (err)
            return err;
        op.va = answer.next;
        op.size = VSPACE_END - op.va;
    }
    return KERR_OK;
}

kerr_t vspace_clone(struct vspace_user *parent, struct vspace_user *child)
{
    struct vspace_answer answer;
    struct vspace_op begin = {.kind = VSPACE_CLONE_BEGIN}, end = {.kind = VSPACE_CLONE_END};
    kerr_t err = operate(parent, &begin, &answer);
    if (err)
        return err;
    err = clone_regions(parent, child);
    if (!err)
        err = clone_pages(parent, child);
    /* Needs no memory, so it always succeeds. */
    kerr_t ended = operate(parent, &end, &answer);
    return err ? err : ended;
}
