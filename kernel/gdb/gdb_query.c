// SPDX-License-Identifier: BSD-2-Clause
//
// What gdb asks about the target and the stub.

#include "gdb_impl.h"

/* Our features, and which of gdb's we need to know. */
static void query_supported(struct gdb *gdb, struct bytes args)
{
    gdb->has_swbreak = gdb->has_hwbreak = false;
    while (args.len) {
        if (gdb_take(&args, "swbreak+"))
            gdb->has_swbreak = true;
        else if (gdb_take(&args, "hwbreak+"))
            gdb->has_hwbreak = true;
        else
            args = bytes_of((const uint8_t *)args.data + 1, args.len - 1);
    }
    strbuf_format(
        &gdb->reply, "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+%s%s",
        GDB_MAX_PACKET, gdb->has_swbreak ? ";swbreak+" : "", gdb->has_hwbreak ? ";hwbreak+" : "");
}

/* "target.xml:offset,length" */
static void query_description(struct gdb *gdb, struct bytes args)
{
    uint64_t offset, len;
    if (!gdb_take(&args, "target.xml:") || !gdb_take_number(&args, &offset) ||
        !gdb_take(&args, ",") || !gdb_take_number(&args, &len) || args.len) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return;
    }
    size_t size = str_len(gdb->target->description);
    offset = offset < size ? offset : size;
    size_t left = size - offset, max = GDB_MAX_PACKET / 2; /* each byte may need an escape */
    size_t n = len < max ? len : max;
    n = n < left ? n : left;
    gdb_reply_str(gdb, n == left ? "l" : "m");
    gdb_reply_binary(gdb, gdb->target->description + offset, n);
}

/* Some threads of the list from list_next on; "l" ends it. */
static void query_threads(struct gdb *gdb)
{
    const size_t longest = sizeof(",100");
    char separator = 'm';
    for (; gdb->list_next < MAX_CORES; gdb->list_next++) {
        if (!gdb->target->core_exists(gdb->ctx, gdb->list_next))
            continue;
        if (gdb->reply.len + longest > GDB_MAX_PACKET)
            return;
        strbuf_format(&gdb->reply, "%c%x", separator, (unsigned)gdb->list_next + 1);
        separator = ',';
    }
    if (separator == 'm')
        gdb_reply_str(gdb, "l");
}

static void query_thread_name(struct gdb *gdb, struct bytes args)
{
    core_id_t core;
    if (!gdb_take_core(gdb, &args, &core) || core == GDB_ALL_CORES || args.len) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return;
    }
    char text[32];
    struct strbuf name;
    strbuf_init(&name, text, sizeof(text));
    strbuf_format(&name, "core %u", (unsigned)core);
    gdb_reply_hex(gdb, (const uint8_t *)text, name.len);
}

/* Anything else has the empty reply: unknown. */
void gdb_query(struct gdb *gdb, struct bytes args)
{
    if (gdb_take(&args, "Supported")) {
        query_supported(gdb, args);
    } else if (gdb_take(&args, "Xfer:features:read:")) {
        query_description(gdb, args);
    } else if (gdb_take(&args, "fThreadInfo")) {
        gdb->list_next = 0;
        query_threads(gdb);
    } else if (gdb_take(&args, "sThreadInfo")) {
        query_threads(gdb);
    } else if (gdb_take(&args, "ThreadExtraInfo,")) {
        query_thread_name(gdb, args);
    } else if (gdb_take(&args, "Attached")) {
        gdb_reply_str(gdb, "1"); /* leaving means detach, not kill */
    } else if (gdb_take(&args, "Offsets")) {
        strbuf_format(&gdb->reply, "TextSeg=%lx", (unsigned long)gdb->target->image_base(gdb->ctx));
    } else if (bytes_equal(args, bytes_of_str("C"))) {
        strbuf_format(&gdb->reply, "QC%x", (unsigned)gdb->core + 1);
    }
}

void gdb_set(struct gdb *gdb, struct bytes args)
{
    if (gdb_take(&args, "StartNoAckMode")) {
        gdb->no_ack_next = true; /* the reply to this one is acknowledged, and dropped when idle */
        gdb_reply_ok(gdb);
    }
}
