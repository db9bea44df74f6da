// SPDX-License-Identifier: BSD-2-Clause
//
// The way from the rings to the console.

#include "log_impl.h"

#include <base/bits.h>
#include <base/format.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/config.h>

/* The ring that is there from the start: enough for the messages of booting one core. */
#define BOOT_SLOTS 256

static struct log_slot boot_slots[BOOT_SLOTS];
static struct log_ring boot_ring;
static _Atomic(struct log_ring *) rings[MAX_CORES]; /* [0] is set by the first message */
static _Atomic uint32_t n_rings;                    /* up to here may rings be set */

static _Atomic(log_sink_fn) sink;
static _Atomic bool deferred;
static _Atomic bool flushing;

/* --- Rings --- */

static struct log_ring *load_ring(core_id_t core)
{
    /* acquire: the ring's contents. */
    return core < MAX_CORES ? atomic_load_explicit(&rings[core], memory_order_acquire) : NULL;
}

/* release: the ring's contents. */
static void publish_ring(core_id_t core, struct log_ring *ring)
{
    uint32_t n = atomic_load_explicit(&n_rings, memory_order_relaxed);
    atomic_store_explicit(&rings[core], ring, memory_order_release);
    while (n <= core && !atomic_compare_exchange_weak(&n_rings, &n, core + 1))
        ;
}

/* The ring of core 0. It is initialised by the boot core's first message, when nobody else runs. */
static struct log_ring *first_ring(void)
{
    struct log_ring *ring = load_ring(0);
    if (ring)
        return ring;
    log_ring_init(&boot_ring, boot_slots, BOOT_SLOTS);
    publish_ring(0, &boot_ring);
    return &boot_ring;
}

kerr_t log_add_ring(core_id_t core, void *memory, size_t size)
{
    if (core == 0 || core >= MAX_CORES || size < 4096)
        return KERR_INVALID;
    first_ring();
    if (load_ring(core))
        return KERR_EXISTS;
    struct log_ring *ring = memory;
    size_t head = align_up(sizeof(*ring), 64);
    uint64_t n_slots = UINT64_C(1) << log2_floor((size - head) / sizeof(struct log_slot));
    log_ring_init(ring, (struct log_slot *)((char *)memory + head), n_slots);
    publish_ring(core, ring);
    return KERR_OK;
}

uint64_t log_lost(void)
{
    uint64_t lost = 0;
    uint32_t n = atomic_load(&n_rings);
    for (uint32_t i = 0; i < n; i++) {
        struct log_ring *ring = load_ring(i);
        if (ring)
            lost += atomic_load_explicit(&ring->lost, memory_order_relaxed);
    }
    return lost;
}

void log_print(struct log_source *source, enum log_level level, const char *format, ...)
{
    if (level > log_source_level(source))
        return;
    char text[LOG_MAX_TEXT + 1];
    va_list args;
    va_start(args, format);
    size_t len = format_v(text, sizeof(text), format, args);
    va_end(args);
    core_id_t core = arch_core_id();
    struct log_ring *ring = load_ring(core);
    struct log_message message = {.time_ns = arch_time_ns(),
                                  .core = core,
                                  .level = level,
                                  .subsys = source->name,
                                  .text = text,
                                  .len = min(len, (size_t)LOG_MAX_TEXT)};
    log_ring_write(ring ? ring : first_ring(), &message);
    /* relaxed: a late change flushes a message sooner or later. */
    if (level <= LOG_WARN || !atomic_load_explicit(&deferred, memory_order_relaxed))
        log_flush();
}

/* --- Flushing --- */

static void print_line(const struct log_message *m)
{
    static const char *const marks[] = {"", "ERROR ", "WARN ", "", "", ""};
    char line[LOG_MAX_TEXT + 96];
    uint64_t us = m->time_ns / 1000;
    size_t len = format(line, sizeof(line), "[%5u.%06u %.24s] %s", (unsigned)(us / 1000000),
                        (unsigned)(us % 1000000), m->subsys, marks[m->level]);
    memcpy(line + len, m->text, m->len);
    len += m->len;
    line[len++] = '\n';
    arch_console_write(line, len);
}

static void emit(const struct log_message *message)
{
    /* acquire: what the sink needs. */
    log_sink_fn to = atomic_load_explicit(&sink, memory_order_acquire);
    if (to)
        to(message);
    else
        print_line(message);
}

/* Says how many messages of a ring were lost since it was last said. */
static void report_lost(struct log_ring *ring, core_id_t core)
{
    uint64_t lost = atomic_load_explicit(&ring->lost, memory_order_relaxed);
    if (lost == ring->lost_reported)
        return;
    char text[64];
    size_t len = format(text, sizeof(text), "%lu messages of core %u were lost",
                        (unsigned long)(lost - ring->lost_reported), core);
    ring->lost_reported = lost;
    struct log_message message = {.time_ns = arch_time_ns(),
                                  .core = core,
                                  .level = LOG_WARN,
                                  .subsys = "log",
                                  .text = text,
                                  .len = len};
    emit(&message);
}

/* The ring with the oldest message, or NULL. */
static struct log_ring *next_ring(void)
{
    struct log_ring *next = NULL;
    uint64_t oldest = 0;
    uint32_t n = atomic_load(&n_rings);
    for (uint32_t i = 0; i < n; i++) {
        struct log_ring *ring = load_ring(i);
        uint64_t time_ns;
        if (!ring || !log_ring_time(ring, &time_ns) || (next && time_ns >= oldest))
            continue;
        next = ring;
        oldest = time_ns;
    }
    return next;
}

static void drain(void)
{
    char text[LOG_MAX_TEXT];
    struct log_message message;
    for (struct log_ring *ring; (ring = next_ring()) != NULL;) {
        if (!log_ring_peek(ring, &message, text))
            break;
        log_ring_drop(ring);
        emit(&message);
    }
    uint32_t n = atomic_load(&n_rings);
    for (uint32_t i = 0; i < n; i++) {
        struct log_ring *ring = load_ring(i);
        if (ring)
            report_lost(ring, i);
    }
}

/* Asked without `flushing`: others may flush and write meanwhile. */
static bool something_written(void)
{
    uint32_t n = atomic_load(&n_rings);
    for (uint32_t i = 0; i < n; i++) {
        const struct log_ring *ring = load_ring(i);
        if (ring && log_ring_ready(ring))
            return true;
    }
    return false;
}

/*
 * Nobody waits for `flushing`. Who finds it set relies on its holder, who looks once more after it
 * has cleared it. The fences see to it that one of the two sees the other. Writer: message, fence,
 * read flag; holder: clear flag, fence, read messages.
 */
void log_flush(void)
{
    do {
        atomic_thread_fence(memory_order_seq_cst);
        if (atomic_exchange_explicit(&flushing, true, memory_order_acquire))
            return;
        drain();
        atomic_store_explicit(&flushing, false, memory_order_release);
        atomic_thread_fence(memory_order_seq_cst);
    } while (something_written());
}

void log_flush_panic(void)
{
    uint32_t n = atomic_load(&n_rings);
    bool skipped;
    do {
        drain();
        skipped = false;
        for (uint32_t i = 0; i < n; i++) {
            struct log_ring *ring = load_ring(i);
            if (ring)
                skipped |= log_ring_skip(ring);
        }
    } while (skipped);
    atomic_store_explicit(&flushing, false, memory_order_release);
}

void log_set_sink(log_sink_fn new_sink)
{
    /* release: what the sink needs. */
    atomic_store_explicit(&sink, new_sink, memory_order_release);
}

void log_set_deferred(bool defer)
{
    atomic_store_explicit(&deferred, defer, memory_order_relaxed);
}

/* --- Without rings --- */

void log_raw_v(const char *text_format, va_list args)
{
    char text[512];
    size_t len = format_v(text, sizeof(text), text_format, args);
    arch_console_write(text, min(len, sizeof(text) - 1));
}

void log_raw(const char *text_format, ...)
{
    va_list args;
    va_start(args, text_format);
    log_raw_v(text_format, args);
    va_end(args);
}
