// SPDX-License-Identifier: BSD-2-Clause
//
// Memory and the points at which cores stop. A software breakpoint is in memory from the moment gdb
// sets it, and memory looks to gdb as if it were not: reads put the original bytes back, writes go
// below it.

#include "gdb_impl.h"

#define CHUNK 1024

/* A point whose instruction overlaps [address, address + len); iterate with @from. */
static struct gdb_soft_point *next_overlap(struct gdb *gdb, size_t *from, uint64_t address,
                                           size_t len)
{
    size_t size = gdb->target->breakpoint_size;
    while (*from < GDB_MAX_POINTS) {
        struct gdb_soft_point *point = &gdb->points[(*from)++];
        /* As distances, which do not overflow at the end of the address space. */
        if (point->used && (point->address - address < len || address - point->address < size))
            return point;
    }
    return NULL;
}

static bool plant(struct gdb *gdb, struct gdb_soft_point *point)
{
    const struct gdb_target *t = gdb->target;
    size_t size = t->breakpoint_size;
    return t->read_memory(gdb->ctx, gdb->core, point->address, point->original, size) &&
           t->write_memory(gdb->ctx, gdb->core, point->address, t->breakpoint, size);
}

static bool unplant(struct gdb *gdb, const struct gdb_soft_point *point)
{
    const struct gdb_target *t = gdb->target;
    return t->write_memory(gdb->ctx, gdb->core, point->address, point->original,
                           t->breakpoint_size);
}

static bool read_below(struct gdb *gdb, uint64_t address, uint8_t *data, size_t len)
{
    if (!gdb->target->read_memory(gdb->ctx, gdb->core, address, data, len))
        return false;
    const struct gdb_soft_point *point;
    for (size_t from = 0; (point = next_overlap(gdb, &from, address, len)) != NULL;) {
        for (size_t i = 0; i < gdb->target->breakpoint_size; i++) {
            if (point->address + i - address < len)
                data[point->address + i - address] = point->original[i];
        }
    }
    return true;
}

static bool write_below(struct gdb *gdb, uint64_t address, const uint8_t *data, size_t len)
{
    struct gdb_soft_point *point;
    for (size_t from = 0; (point = next_overlap(gdb, &from, address, len)) != NULL;)
        unplant(gdb, point);
    bool ok = gdb->target->write_memory(gdb->ctx, gdb->core, address, data, len);
    for (size_t from = 0; (point = next_overlap(gdb, &from, address, len)) != NULL;)
        point->used = plant(gdb, point);
    return ok;
}

/* "address,length" */
static bool take_range(struct bytes *args, uint64_t *address, uint64_t *len)
{
    return gdb_take_number(args, address) && gdb_take(args, ",") && gdb_take_number(args, len);
}

/* As much as there is: a page behind the first may be missing. */
void gdb_read_memory(struct gdb *gdb, struct bytes args)
{
    uint64_t address, len;
    if (!take_range(&args, &address, &len) || args.len) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return;
    }
    uint8_t chunk[CHUNK];
    len = len < GDB_MAX_PACKET / 2 ? len : GDB_MAX_PACKET / 2;
    for (uint64_t done = 0; done < len;) {
        uint64_t n = CHUNK - (address + done) % CHUNK; /* no chunk spans two pages */
        n = n < len - done ? n : len - done;
        if (!read_below(gdb, address + done, chunk, n)) {
            if (!done)
                gdb_reply_error(gdb, GDB_E_MEMORY);
            return;
        }
        gdb_reply_hex(gdb, chunk, n);
        done += n;
    }
}

void gdb_write_memory(struct gdb *gdb, struct bytes args, bool binary)
{
    uint64_t address, len;
    uint8_t chunk[CHUNK];
    if (!take_range(&args, &address, &len) || !gdb_take(&args, ":") ||
        len != (binary ? args.len : args.len / 2)) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return;
    }
    for (uint64_t done = 0; done < len;) {
        size_t n = len - done < CHUNK ? len - done : CHUNK;
        const uint8_t *data = chunk;
        if (binary) {
            data = (const uint8_t *)args.data + done;
        } else if (!gdb_take_hex(&args, chunk, n)) {
            gdb_reply_error(gdb, GDB_E_MALFORMED);
            return;
        }
        if (!write_below(gdb, address + done, data, n)) {
            gdb_reply_error(gdb, GDB_E_MEMORY);
            return;
        }
        done += n;
    }
    gdb_reply_ok(gdb);
}

/* --- Points --- */

bool gdb_break_at(const struct gdb *gdb, uint64_t address)
{
    for (size_t i = 0; i < GDB_MAX_POINTS; i++) {
        if (gdb->points[i].used && gdb->points[i].address == address)
            return true;
    }
    return false;
}

const struct gdb_slot *gdb_slot(const struct gdb *gdb, unsigned slot)
{
    return &gdb->slots[slot];
}

static void set_soft(struct gdb *gdb, uint64_t address)
{
    struct gdb_soft_point *point = gdb->points, *end = point + GDB_MAX_POINTS;
    if (gdb_break_at(gdb, address)) { /* gdb repeats itself after a disturbed line */
        gdb_reply_ok(gdb);
        return;
    }
    while (point < end && point->used)
        point++;
    if (point == end) {
        gdb_reply_error(gdb, GDB_E_FULL);
        return;
    }
    point->address = address;
    point->used = plant(gdb, point);
    point->used ? gdb_reply_ok(gdb) : gdb_reply_error(gdb, GDB_E_MEMORY);
}

static void clear_soft(struct gdb *gdb, uint64_t address)
{
    for (size_t i = 0; i < GDB_MAX_POINTS; i++) {
        struct gdb_soft_point *point = &gdb->points[i];
        if (point->used && point->address == address) {
            point->used = false;
            if (!unplant(gdb, point)) {
                gdb_reply_error(gdb, GDB_E_MEMORY);
                return;
            }
        }
    }
    gdb_reply_ok(gdb);
}

static bool is_part(const struct gdb_slot *slot, const struct gdb_slot *whole)
{
    return slot->used && slot->kind == whole->kind && slot->whole_address == whole->whole_address &&
           slot->whole_len == whole->whole_len;
}

static void remove_parts(struct gdb *gdb, const struct gdb_slot *whole)
{
    for (unsigned i = 0; i < GDB_MAX_SLOTS; i++) {
        if (is_part(&gdb->slots[i], whole))
            gdb->slots[i].used = false;
    }
}

/* The largest naturally aligned word at the begin of a range. */
static uint64_t first_word(uint64_t address, uint64_t len)
{
    uint64_t word = 8;
    while (address % word || word > len)
        word /= 2;
    return word;
}

static bool add_parts(struct gdb *gdb, const struct gdb_slot *whole)
{
    struct gdb_slot part = *whole;
    uint64_t left = whole->whole_len;
    for (unsigned i = 0; i < gdb->target->n_slots && left; i++) {
        if (gdb->slots[i].used)
            continue;
        part.len = first_word(part.address, left);
        gdb->slots[i] = part;
        part.address += part.len;
        left -= part.len;
    }
    return !left;
}

static void set_hard(struct gdb *gdb, const struct gdb_slot *whole)
{
    if (!gdb->target->can_watch(gdb->ctx, whole->kind))
        return; /* the empty reply: gdb may try another kind */
    remove_parts(gdb, whole);
    if (add_parts(gdb, whole)) {
        gdb_reply_ok(gdb);
    } else {
        remove_parts(gdb, whole);
        gdb_reply_error(gdb, GDB_E_FULL);
    }
}

static void clear_hard(struct gdb *gdb, const struct gdb_slot *whole)
{
    remove_parts(gdb, whole);
    gdb_reply_ok(gdb);
}

/* "kind,address,length" */
static bool take_point(struct bytes args, struct gdb_slot *point)
{
    uint64_t kind;
    if (!gdb_take_number(&args, &kind) || kind > GDB_WATCH_ACCESS || !gdb_take(&args, ","))
        return false;
    *point = (struct gdb_slot){.used = true, .kind = (enum gdb_point_kind)kind};
    if (!take_range(&args, &point->whole_address, &point->whole_len) || args.len)
        return false;
    if (point->kind == GDB_HARDWARE_BREAK) /* gdb gives the length of the instruction */
        point->whole_len = 1;
    point->address = point->whole_address;
    return point->whole_len > 0;
}

void gdb_set_point(struct gdb *gdb, struct bytes args)
{
    struct gdb_slot point;
    if (!take_point(args, &point))
        gdb_reply_error(gdb, GDB_E_MALFORMED);
    else if (point.kind == GDB_SOFTWARE_BREAK)
        set_soft(gdb, point.address);
    else
        set_hard(gdb, &point);
}

void gdb_clear_point(struct gdb *gdb, struct bytes args)
{
    struct gdb_slot point;
    if (!take_point(args, &point))
        gdb_reply_error(gdb, GDB_E_MALFORMED);
    else if (point.kind == GDB_SOFTWARE_BREAK)
        clear_soft(gdb, point.address);
    else
        clear_hard(gdb, &point);
}

void gdb_clear_all_points(struct gdb *gdb)
{
    for (size_t i = 0; i < GDB_MAX_POINTS; i++) {
        if (gdb->points[i].used)
            unplant(gdb, &gdb->points[i]);
        gdb->points[i].used = false;
    }
    for (unsigned i = 0; i < GDB_MAX_SLOTS; i++)
        gdb->slots[i].used = false;
}
