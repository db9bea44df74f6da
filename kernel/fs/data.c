// SPDX-License-Identifier: BSD-2-Clause
//
// The bytes of files: read, write, truncate.
//
// 1. Which frame holds which page, and the size, are replicated. The frames are not: they exist
// once.
//    So a read copies from a frame that its own replica names, within a query, under the lock that
//    keeps operations away from this replica.
//
// 2. Who changes data or size holds the lock of the file's anchor; so the two agree with each
// other.
//    Readers do not take it.
//
// 3. Bytes come first, then the operation that shows them: a write fills new frames, and existing
//    ones beyond the old end, before the size covers them. So appended bytes appear whole, each
//    operation of up to FS_BATCH pages at once, and a write for which there is no memory has
//    changed nothing.
//
// 4. Bytes of a page beyond the end of the file are 0. Truncation sees to it, when no reader has
// the
//    old size any more: it shortens the file, brings all replicas up to date, and only then clears
//    the rest of the last page and frees the others.
//
// 5. Frames enter a file by a write and leave it by truncation, or with the inode; no write
// replaces
//    one. A query of a write finds pages which stay as long as the lock is held.

#include "fs_impl.h"

#define MAX_OFFSET ((uint64_t)INT64_MAX)

static uint64_t page_of(uint64_t offset)
{
    return offset / FRAME_SIZE;
}

static kerr_t ask_pages(const struct fs_call *call, uint64_t ino, uint64_t first, uint64_t n,
                        struct fs_pages *pages)
{
    struct fs_query query = {
        .kind = FS_ASK_PAGES, .ino = ino, .offset = first, .len = n, .out = pages};
    return fs_ask(call, &query).err;
}

/* --- Reading --- */

static kerr_t check_io(const struct fs_file *file, const struct fs_io *io, uint32_t flag)
{
    if (!(file->flags & flag))
        return KERR_BAD_HANDLE;
    if (file->kind == FS_DIRECTORY)
        return KERR_IS_DIRECTORY;
    return io->offset > MAX_OFFSET || io->len > MAX_OFFSET - io->offset ? KERR_INVALID : KERR_OK;
}

kerr_t fs_read(const struct fs_call *call, const struct fs_file *file, const struct fs_io *io,
               uint64_t *done)
{
    kerr_t err = check_io(file, io, FS_READ);
    *done = 0;
    while (!err && *done < io->len) {
        uint64_t step = min(io->len - *done, FS_BATCH * FRAME_SIZE);
        struct fs_query query = {.kind = FS_ASK_DATA,
                                 .ino = file->ino,
                                 .offset = io->offset + *done,
                                 .len = step,
                                 .out = (char *)io->data + *done};
        struct fs_result result = fs_ask(call, &query);
        err = result.err;
        *done += result.value;
        if (result.value < step)
            break;
    }
    return err;
}

/* --- Writing --- */

/* What one operation writes. */
struct chunk {
    uint64_t offset, len;
    const char *data;
    uint64_t frames[FS_BATCH]; /* of its pages, new ones and old ones */
    bool shows, is_new;        /* in size or time; some page */
    struct fs_op op;
};

/* The part of page @i that the chunk writes. */
static size_t part_of(const struct chunk *chunk, uint32_t i, size_t *at)
{
    uint64_t page = (chunk->op.write.first + i) * FRAME_SIZE;
    uint64_t from = max(chunk->offset, page);
    *at = from - page;
    return min(chunk->offset + chunk->len, page + FRAME_SIZE) - from;
}

static void free_new_frames(struct fs *fs, const struct fs_op_write *write)
{
    for (uint32_t i = 0; i < write->n; i++) {
        if (write->frames[i])
            fs_page_free(fs, write->frames[i]);
    }
}

/* Gives frames to pages that have none; what the chunk does not write of them is 0. */
static kerr_t fill_holes(struct fs *fs, struct chunk *chunk)
{
    struct fs_op_write *write = &chunk->op.write;
    for (uint32_t i = 0; i < write->n; i++) {
        if (chunk->frames[i])
            continue;
        chunk->frames[i] = write->frames[i] = fs_page_new(fs);
        if (!write->frames[i]) {
            free_new_frames(fs, write);
            return KERR_FS_FULL;
        }
        size_t at;
        size_t n = part_of(chunk, i, &at);
        fs_page_clear(chunk->frames[i], 0, at);
        fs_page_clear(chunk->frames[i], at + n, FRAME_SIZE - at - n);
        chunk->is_new = true;
    }
    return KERR_OK;
}

/* Validates and allocates: afterwards the chunk can be written. */
static kerr_t write_decode(const struct fs_call *call, const struct fs_file *file,
                           struct chunk *chunk)
{
    struct fs_pages pages;
    struct fs_op_write *write = &chunk->op.write;
    chunk->op.kind = FS_OP_WRITE;
    chunk->op.ino = file->ino;
    chunk->op.now = call->now;
    write->first = page_of(chunk->offset);
    write->n = (uint32_t)(page_of(chunk->offset + chunk->len - 1) - write->first + 1);
    write->size = chunk->offset + chunk->len;
    kerr_t err = ask_pages(call, file->ino, write->first, write->n, &pages);
    if (err)
        return err;
    for (uint32_t i = 0; i < pages.n; i++)
        chunk->frames[pages.page[i].number - write->first] = pages.page[i].frame;
    chunk->shows = write->size > pages.size || pages.mtime != call->now || pages.ctime != call->now;
    err = fill_holes(call->fs, chunk);
    if (!err && chunk->is_new) {
        err = fs_reserve(call->fs, &chunk->op);
        if (err)
            free_new_frames(call->fs, write);
    }
    return err;
}

/* A write that changes neither pages nor size nor time, as time is coarse, needs no operation. */
static kerr_t write_chunk(const struct fs_call *call, const struct fs_file *file,
                          struct chunk *chunk)
{
    kerr_t err = write_decode(call, file, chunk);
    if (err)
        return err;
    const char *data = chunk->data;
    for (uint32_t i = 0; i < chunk->op.write.n; i++) {
        size_t at;
        size_t n = part_of(chunk, i, &at);
        fs_page_store(chunk->frames[i], at, data, n);
        data += n;
    }
    return chunk->is_new || chunk->shows ? fs_execute(call, &chunk->op).err : KERR_OK;
}

static kerr_t write_locked(const struct fs_call *call, const struct fs_file *file,
                           const struct fs_io *io, uint64_t *done)
{
    uint64_t len = min(io->len, FS_WRITE_MAX);
    kerr_t err = KERR_OK;
    while (!err && *done < len) {
        uint64_t offset = io->offset + *done;
        uint64_t room = FS_BATCH * FRAME_SIZE - offset % FRAME_SIZE;
        struct chunk chunk = {.offset = offset,
                              .len = min(len - *done, room),
                              .data = (const char *)io->data + *done};
        err = write_chunk(call, file, &chunk);
        if (!err)
            *done += chunk.len;
    }
    return *done ? KERR_OK : err;
}

kerr_t fs_write(const struct fs_call *call, const struct fs_file *file, struct fs_io *io,
                uint64_t *done)
{
    struct fs_pages pages;
    *done = 0;
    kerr_t err = check_io(file, io, FS_WRITE);
    if (err)
        return err;
    bool irqs = spin_lock(&file->anchor->lock);
    if (file->flags & FS_APPEND) {
        err = ask_pages(call, file->ino, 0, 0, &pages);
        io->offset = pages.size;
        if (!err)
            err = check_io(file, io, FS_WRITE);
    }
    if (!err)
        err = write_locked(call, file, io, done);
    spin_unlock(&file->anchor->lock, irqs);
    return err;
}

/* --- Truncating --- */

void fs_drop_pages(const struct fs_call *call, uint64_t ino, uint64_t first)
{
    struct fs_pages pages;
    while (ask_pages(call, ino, first, UINT64_MAX, &pages) == KERR_OK && pages.n > 0) {
        uint64_t last = pages.page[pages.n - 1].number;
        struct fs_op op = {.kind = FS_OP_DROP, .ino = ino, .drop = {first, last}};
        (void)fs_execute(call, &op);
        for (uint32_t i = 0; i < pages.n; i++)
            fs_page_free(call->fs, pages.page[i].frame);
        first = last + 1;
    }
}

/* The pages beyond the new end, and the rest of the page that it lies in. */
static void cut_tail(const struct fs_call *call, const struct fs_file *file, uint64_t size)
{
    struct fs_pages pages;
    size_t at = size % FRAME_SIZE;
    fs_sync(call->fs);
    fs_drop_pages(call, file->ino, page_of(size) + (at != 0));
    if (at && ask_pages(call, file->ino, page_of(size), 1, &pages) == KERR_OK && pages.n)
        fs_page_clear(pages.page[0].frame, at, FRAME_SIZE - at);
}

kerr_t fs_truncate(const struct fs_call *call, const struct fs_file *file, uint64_t size)
{
    struct fs_pages pages;
    if (file->kind != FS_REGULAR || !(file->flags & FS_WRITE) || size > MAX_OFFSET)
        return KERR_INVALID;
    struct fs_op op = {.kind = FS_OP_RESIZE, .ino = file->ino, .now = call->now, .size = size};
    bool irqs = spin_lock(&file->anchor->lock);
    kerr_t err = ask_pages(call, file->ino, 0, 0, &pages);
    if (!err)
        err = fs_execute(call, &op).err;
    if (!err && size < pages.size)
        cut_tail(call, file, size);
    spin_unlock(&file->anchor->lock, irqs);
    return err;
}
