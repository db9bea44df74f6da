// SPDX-License-Identifier: BSD-2-Clause
//
// Packets on the line: $payload#xx, xx being the sum of the payload's bytes. In the payload } and
// the byte after it, xored with 0x20, stand for one that has a meaning of its own. Until both agree
// to do without (QStartNoAckMode), + and - acknowledge a packet and ask for it once more.

#include "gdb_impl.h"

#include <base/number.h>

#define ESCAPE     '}'
#define ESCAPE_XOR 0x20
#define INTERRUPT  0x03

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char hex_digit(unsigned value)
{
    return "0123456789abcdef"[value & 15];
}

/* --- Replies --- */

/* The payload lies behind the '$'; room for "#xx" is left at the end. */
void gdb_reply_begin(struct gdb *gdb)
{
    gdb->frame[0] = '$';
    strbuf_init(&gdb->reply, gdb->frame + 1, sizeof(gdb->frame) - 4);
}

void gdb_reply_str(struct gdb *gdb, const char *text)
{
    strbuf_add_str(&gdb->reply, text);
}

void gdb_reply_error(struct gdb *gdb, enum gdb_error error)
{
    gdb_reply_begin(gdb);
    strbuf_format(&gdb->reply, "E%02x", (unsigned)error);
}

void gdb_reply_ok(struct gdb *gdb)
{
    gdb_reply_str(gdb, "OK");
}

void gdb_reply_hex(struct gdb *gdb, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        strbuf_add_char(&gdb->reply, data ? hex_digit(data[i] >> 4) : 'x');
        strbuf_add_char(&gdb->reply, data ? hex_digit(data[i]) : 'x');
    }
}

void gdb_reply_binary(struct gdb *gdb, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (c == '#' || c == '$' || c == '*' || c == ESCAPE) {
            strbuf_add_char(&gdb->reply, ESCAPE);
            c ^= ESCAPE_XOR;
        }
        strbuf_add_char(&gdb->reply, c);
    }
}

void gdb_reply_send(struct gdb *gdb)
{
    uint8_t sum = 0;
    size_t len = gdb->reply.len;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + (uint8_t)gdb->frame[1 + i]);
    gdb->frame[1 + len] = '#';
    gdb->frame[2 + len] = hex_digit(sum >> 4);
    gdb->frame[3 + len] = hex_digit(sum);
    gdb->frame_len = len + 4;
    gdb->target->send(gdb->ctx, gdb->frame, gdb->frame_len);
}

/* --- Reading packets --- */

static void skip(struct bytes *text, size_t n)
{
    text->data = (const uint8_t *)text->data + n;
    text->len -= n;
}

bool gdb_take(struct bytes *text, const char *prefix)
{
    size_t len = str_len(prefix);
    if (text->len < len || memcmp(text->data, prefix, len) != 0)
        return false;
    skip(text, len);
    return true;
}

bool gdb_take_number(struct bytes *text, uint64_t *value)
{
    return text->len && number_take(text, 16, value) == NUMBER_OK;
}

bool gdb_take_hex(struct bytes *text, uint8_t *data, size_t len)
{
    const uint8_t *digits = text->data;
    if (text->len / 2 < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(digits[2 * i]), low = digit_value(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    skip(text, 2 * len);
    return true;
}

bool gdb_take_core(struct gdb *gdb, struct bytes *text, core_id_t *core)
{
    uint64_t id;
    if (gdb_take(text, "-1")) {
        *core = GDB_ALL_CORES;
        return true;
    }
    if (!gdb_take_number(text, &id) || id > MAX_CORES)
        return false;
    *core = id ? (core_id_t)id - 1 : gdb->last.core;
    return gdb->target->core_exists(gdb->ctx, *core);
}

/* --- The line --- */

static void store(struct gdb *gdb, uint8_t byte)
{
    if (gdb->packet_len < sizeof(gdb->packet))
        gdb->packet[gdb->packet_len] = byte;
    gdb->packet_len++;
}

static void begin_packet(struct gdb *gdb)
{
    gdb->rx = GDB_RX_DATA;
    gdb->packet_len = 0;
    gdb->sum = 0;
}

/* The first packet of every debugger. What the last one left, if it did not detach, is void. */
static void greet(struct gdb *gdb)
{
    static const char hello[] = "qSupported";
    if (gdb->packet_len < sizeof(hello) - 1 || memcmp(gdb->packet, hello, sizeof(hello) - 1) != 0)
        return;
    gdb->no_ack = gdb->no_ack_next = false;
    gdb->resume_core = GDB_ALL_CORES;
    gdb_clear_all_points(gdb);
}

static enum gdb_verdict end_packet(struct gdb *gdb, bool good)
{
    if (good)
        greet(gdb);
    if (!gdb->no_ack)
        gdb->target->send(gdb->ctx, good ? "+" : "-", 1);
    if (!good)
        return GDB_WAIT;
    gdb->silent = false;
    gdb_reply_begin(gdb);
    enum gdb_verdict verdict = GDB_WAIT;
    if (gdb->packet_len > sizeof(gdb->packet))
        gdb_reply_error(gdb, GDB_E_TOO_LONG);
    else
        verdict = gdb_packet(gdb, bytes_of(gdb->packet, gdb->packet_len));
    if (!gdb->silent)
        gdb_reply_send(gdb);
    gdb->no_ack = gdb->no_ack_next;
    return verdict;
}

static enum gdb_verdict between_packets(struct gdb *gdb, uint8_t byte)
{
    if (byte == '$') {
        begin_packet(gdb);
        if (!gdb->running)
            return GDB_WAIT;
        gdb->attached = false; /* while cores run a debugger is silent: this is another one */
        return GDB_INTERRUPT;
    }
    if (byte == INTERRUPT && gdb->running)
        return GDB_INTERRUPT;
    if (byte == '-' && !gdb->running && gdb->frame_len)
        gdb->target->send(gdb->ctx, gdb->frame, gdb->frame_len);
    return GDB_WAIT;
}

static void in_packet(struct gdb *gdb, uint8_t byte)
{
    if (byte == '$') { /* the end of the last one was lost */
        begin_packet(gdb);
        return;
    }
    if (byte == '#') {
        gdb->rx = GDB_RX_SUM_HIGH;
        return;
    }
    gdb->sum = (uint8_t)(gdb->sum + byte);
    if (gdb->rx == GDB_RX_ESCAPE) {
        store(gdb, byte ^ ESCAPE_XOR);
        gdb->rx = GDB_RX_DATA;
    } else if (byte == ESCAPE) {
        gdb->rx = GDB_RX_ESCAPE;
    } else {
        store(gdb, byte);
    }
}

enum gdb_verdict gdb_input(struct gdb *gdb, uint8_t byte)
{
    switch (gdb->rx) {
    case GDB_RX_IDLE:
        return between_packets(gdb, byte);
    case GDB_RX_DATA:
    case GDB_RX_ESCAPE:
        in_packet(gdb, byte);
        return GDB_WAIT;
    case GDB_RX_SUM_HIGH:
        gdb->sum_high = byte;
        gdb->rx = GDB_RX_SUM_LOW;
        return GDB_WAIT;
    case GDB_RX_SUM_LOW:
        gdb->rx = GDB_RX_IDLE;
        int high = digit_value(gdb->sum_high), low = digit_value(byte);
        return end_packet(gdb, high >= 0 && low >= 0 && (high << 4 | low) == gdb->sum);
    }
    return GDB_WAIT;
}
