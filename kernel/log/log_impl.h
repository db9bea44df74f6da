// SPDX-License-Identifier: BSD-2-Clause
//
// The ring of a core: see the theory in log_ring.c.
#pragma once

#include <kernel/log.h>

/* A message takes as many slots of 128 bytes as its text needs. */
#define SLOT_TEXT 96

struct log_slot {
    _Atomic uint64_t sequence;
    uint64_t time_ns;
    const char *subsys;
    uint16_t len; /* of the whole message */
    uint8_t level;
    uint8_t n_slots; /* of the message; 0: not its first slot, and then only the text is valid */
    uint32_t core;
    char text[SLOT_TEXT];
};

_Static_assert(sizeof(struct log_slot) == 128, "slots fill two cache lines");

struct log_ring {
    struct log_slot *slots; /* [const] */
    uint64_t n_slots;       /* [const] a power of two */
    _Atomic uint64_t head;  /* next free position */
    _Atomic uint64_t tail;  /* next position to be flushed; written by whoever flushes */
    _Atomic uint64_t lost;
    uint64_t lost_reported; /* [global: flushing] */
};

/* log_ring_init - an empty ring of @n_slots (a power of two). */
void log_ring_init(struct log_ring *ring, struct log_slot *slots, uint64_t n_slots);

/* log_ring_write - append a message of up to LOG_MAX_TEXT characters, or count it as lost. Any
 * context. */
void log_ring_write(struct log_ring *ring, const struct log_message *message);

/* log_ring_peek - the oldest message; its text is copied to @text. False: none that is complete. */
bool log_ring_peek(const struct log_ring *ring, struct log_message *message, char *text);

/* log_ring_time - the time stamp of the oldest message, without copying it; false: none. */
bool log_ring_time(const struct log_ring *ring, uint64_t *time_ns);

/* log_ring_ready - whether there is a message. Also for a thread that does not flush: by the time
 * it looks another one may have taken that. */
bool log_ring_ready(const struct log_ring *ring);

/* log_ring_drop - remove the oldest message, which is complete. */
void log_ring_drop(struct log_ring *ring);

/* log_ring_skip - step over a slot of an incomplete message that will stay so; false: there is
 * none. */
bool log_ring_skip(struct log_ring *ring);

/* log_source_level - the level of a source, which becomes known if it was not. */
uint8_t log_source_level(struct log_source *source);
