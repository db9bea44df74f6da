// SPDX-License-Identifier: BSD-2-Clause
//
// A ring of messages
//
// Positions count slots for ever; position p is slot p mod n. The slot's sequence number tells its
// state:
//
//     p          free, to be written for position p
//     p + 1      written
//     p + n      flushed: free for the next lap
//
// A writer needs k slots in a row. It looks whether the last of them is free, which says that all
// are, as they are freed in order; takes them by a compare-and-swap of head; fills them; and sets
// their sequence numbers, the first slot's last (release). A writer that is interrupted in between
// by another one (an interrupt, an NMI, or another core where cores share a ring) leaves slots
// behind that are taken but not written: the flush stops there until it returns.
//
// One thread at a time flushes (log.c). It reads the message at tail if the first slot is written
// (acquire), then frees its slots in order (release) and advances tail.
//
// Writers never wait and never loop but for a lost compare-and-swap. Reference: the bounded queue
// of Dmitry Vyukov, here with messages of several slots.

#include "log_impl.h"

#include <base/bits.h>
#include <base/string.h>

static struct log_slot *slot_at(const struct log_ring *ring, uint64_t position)
{
    return &ring->slots[position & (ring->n_slots - 1)];
}

void log_ring_init(struct log_ring *ring, struct log_slot *slots, uint64_t n_slots)
{
    *ring = (struct log_ring){.slots = slots, .n_slots = n_slots};
    for (uint64_t i = 0; i < n_slots; i++)
        atomic_init(&slots[i].sequence, i);
}

/* Takes n slots in a row; false: the ring is full. */
static bool take_slots(struct log_ring *ring, uint64_t n, uint64_t *position)
{
    /* relaxed: the sequence numbers order everything. */
    uint64_t at = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        uint64_t last = at + n - 1;
        /* acquire: whoever flushed the slots has done with their text. */
        uint64_t sequence =
            atomic_load_explicit(&slot_at(ring, last)->sequence, memory_order_acquire);
        if (sequence < last)
            return false;
        /* A greater number: others took these slots, and head has moved on. */
        if (sequence > last) {
            at = atomic_load_explicit(&ring->head, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&ring->head, &at, at + n, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *position = at;
            return true;
        }
    }
}

void log_ring_write(struct log_ring *ring, const struct log_message *message)
{
    size_t len = min(message->len, (size_t)LOG_MAX_TEXT);
    uint64_t n = max(div_round_up(len, SLOT_TEXT), UINT64_C(1));
    uint64_t position;
    if (!take_slots(ring, n, &position)) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return;
    }
    struct log_slot *first = slot_at(ring, position);
    first->time_ns = message->time_ns;
    first->core = message->core;
    first->level = (uint8_t)message->level;
    first->subsys = message->subsys;
    first->len = (uint16_t)len;
    for (uint64_t i = n; i-- > 0;) {
        struct log_slot *slot = slot_at(ring, position + i);
        size_t from = i * SLOT_TEXT;
        memcpy(slot->text, message->text + from, min(len - from, (size_t)SLOT_TEXT));
        slot->n_slots = (uint8_t)(i == 0 ? n : 0);
        /* release: the text, and with the first slot all that follow it. */
        atomic_store_explicit(&slot->sequence, position + i + 1, memory_order_release);
    }
}

/* The slot at tail if that is written, else NULL. */
static struct log_slot *written(const struct log_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    struct log_slot *slot = slot_at(ring, tail);
    /* acquire: pairs with the release in log_ring_write(). */
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    return sequence == tail + 1 ? slot : NULL;
}

bool log_ring_ready(const struct log_ring *ring)
{
    return written(ring) != NULL;
}

/* The first slot of the oldest message if that is complete, else NULL. */
static struct log_slot *oldest(const struct log_ring *ring)
{
    struct log_slot *slot = written(ring);
    return slot && slot->n_slots ? slot : NULL;
}

bool log_ring_time(const struct log_ring *ring, uint64_t *time_ns)
{
    const struct log_slot *first = oldest(ring);
    if (first)
        *time_ns = first->time_ns;
    return first != NULL;
}

bool log_ring_peek(const struct log_ring *ring, struct log_message *message, char *text)
{
    const struct log_slot *first = oldest(ring);
    if (!first)
        return false;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (size_t from = 0; from < first->len; from += SLOT_TEXT)
        memcpy(text + from, slot_at(ring, tail + from / SLOT_TEXT)->text,
               min(first->len - from, (size_t)SLOT_TEXT));
    *message = (struct log_message){.time_ns = first->time_ns,
                                    .core = first->core,
                                    .level = (enum log_level)first->level,
                                    .subsys = first->subsys,
                                    .text = text,
                                    .len = first->len};
    return true;
}

static void free_slots(struct log_ring *ring, uint64_t n)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (uint64_t i = 0; i < n; i++) {
        /* release: our reads of the text come before the next writer's writes. */
        atomic_store_explicit(&slot_at(ring, tail + i)->sequence, tail + i + ring->n_slots,
                              memory_order_release);
    }
    atomic_store_explicit(&ring->tail, tail + n, memory_order_relaxed);
}

void log_ring_drop(struct log_ring *ring)
{
    free_slots(ring, oldest(ring)->n_slots);
}

bool log_ring_skip(struct log_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (oldest(ring) || tail == atomic_load_explicit(&ring->head, memory_order_relaxed))
        return false;
    free_slots(ring, 1);
    return true;
}
