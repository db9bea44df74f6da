// SPDX-License-Identifier: BSD-2-Clause
//
// Between the files of kernel/gdb.
#pragma once

#include <base/bytes.h>
#include <kernel/gdb.h>

/* Numbers in replies: gdb shows them, and acts on none. */
enum gdb_error {
    GDB_E_MALFORMED = 0x01,
    GDB_E_MEMORY = 0x0e,
    GDB_E_FULL = 0x1c,
    GDB_E_TOO_LONG = 0x24,
};

/* --- gdb_link.c: replies --- */

void gdb_reply_begin(struct gdb *gdb);
void gdb_reply_str(struct gdb *gdb, const char *text);
void gdb_reply_error(struct gdb *gdb, enum gdb_error error);
void gdb_reply_ok(struct gdb *gdb);
/* Bytes as two hexadecimal digits each; NULL: as "xx", no value. */
void gdb_reply_hex(struct gdb *gdb, const uint8_t *data, size_t len);
/* Bytes as they are, those escaped that mean something to the line. */
void gdb_reply_binary(struct gdb *gdb, const char *data, size_t len);
void gdb_reply_send(struct gdb *gdb);

/* --- gdb_link.c: reading packets. All take what they read off the front of @text. --- */

bool gdb_take(struct bytes *text, const char *prefix);
bool gdb_take_number(struct bytes *text, uint64_t *value);
/* @len bytes in hexadecimal. */
bool gdb_take_hex(struct bytes *text, uint8_t *data, size_t len);
/* A thread id: a core that exists, or GDB_ALL_CORES; 0, "any", is the current one. */
bool gdb_take_core(struct gdb *gdb, struct bytes *text, core_id_t *core);

/* --- Packets --- */

/* gdb.c: the payload of a good packet; replies. */
enum gdb_verdict gdb_packet(struct gdb *gdb, struct bytes packet);
/* gdb.c: the reply to "why did we stop?" */
void gdb_reply_stop(struct gdb *gdb);

/* gdb_memory.c */
void gdb_read_memory(struct gdb *gdb, struct bytes args);
void gdb_write_memory(struct gdb *gdb, struct bytes args, bool binary);
void gdb_set_point(struct gdb *gdb, struct bytes args);
void gdb_clear_point(struct gdb *gdb, struct bytes args);
void gdb_clear_all_points(struct gdb *gdb);

/* gdb_query.c: q and Q packets, without that letter. */
void gdb_query(struct gdb *gdb, struct bytes args);
void gdb_set(struct gdb *gdb, struct bytes args);
