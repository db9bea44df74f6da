// SPDX-License-Identifier: BSD-2-Clause
//
// Messages to the console. A file that logs says for which subsystem before it includes anything:
//
//     #define LOG_SUBSYS "acpi"
//     log_info("%u cores", n);          -> [    0.012345 acpi] 4 cores
//
// Logging works from the first instruction on and from any context, NMIs and fault handlers
// included: it takes no lock, allocates nothing and never waits. A message goes to the ring of its
// core; whoever flushes brings the messages of all rings to the console in the order of their time
// stamps. A message that finds its ring full is lost and counted, and the next flush says so.
#pragma once

#include <kernel/error.h>
#include <stdarg.h>
#include <stdatomic.h>

/* LOG_OFF is no level of messages: a subsystem at this level logs nothing. */
enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Characters in a message; more are cut off. */
#define LOG_MAX_TEXT 700

/* One for each file that logs. */
struct log_source {
    const char *name;
    struct log_source *next; /* in the list of those that have logged */
    _Atomic uint8_t level;   /* messages above it are dropped */
    _Atomic bool known;      /* in that list */
};

#ifdef LOG_SUBSYS
/* Its first message asks for the level; until then it lets everything pass. */
__attribute__((unused)) static struct log_source log_this_source = {.name = LOG_SUBSYS,
                                                                    .level = LOG_TRACE};
#endif

/* log_print - one message, without a newline. Called through log_error() and so on. */
__attribute__((format(printf, 3, 4))) void log_print(struct log_source *source,
                                                     enum log_level level, const char *format, ...);

/* relaxed: a changed level may come a message late. */
#define log_at(at, ...)                                                                 \
    do {                                                                                \
        if ((at) <= atomic_load_explicit(&log_this_source.level, memory_order_relaxed)) \
            log_print(&log_this_source, (at), __VA_ARGS__);                             \
    } while (0)

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_trace(...) log_at(LOG_TRACE, __VA_ARGS__)

/* --- What is logged --- */

/* log_configure - set levels by a text such as "info,memory=trace,acpi=off": a level alone is for
 * all subsystems that have none of their own. Levels: off error warn info debug trace. Replaces
 * what was set before; without this, all have `info`. Malformed parts are left out: KERR_INVALID,
 * KERR_TOO_LONG (name) or KERR_NO_SPACE, and *@position is where the first of them begins. */
MUST_CHECK kerr_t log_configure(const char *text, size_t *position);

/* log_level_name - "error", and "off". */
const char *log_level_name(enum log_level level);

/* --- Where it goes --- */

struct log_message {
    uint64_t time_ns;
    core_id_t core;
    enum log_level level;
    const char *subsys;
    const char *text; /* not terminated */
    size_t len;
};

typedef void (*log_sink_fn)(const struct log_message *message);

/* log_set_sink - messages go to @new_sink instead of, as lines, to arch_console_write(); NULL: back
 * to that. It is called by one core at a time, from any context; what it logs itself comes after.
 */
void log_set_sink(log_sink_fn new_sink);

/* log_set_deferred - with @defer, only errors and warnings are flushed by whoever logs them, all
 * others when somebody calls log_flush(). Off at start. */
void log_set_deferred(bool defer);

/* log_flush - bring all messages to the sink. Returns at once if another core, or what this one has
 * interrupted, is doing it already: that takes ours along. */
void log_flush(void);

/* log_flush_panic - the same for the only core that still runs: leaves out half-written messages
 * and whoever was flushing. */
void log_flush_panic(void);

/* log_add_ring - let @core write to a ring in @memory (aligned to 64, for good) of @size bytes;
 * until then it shares that of core 0, which exists from the start. KERR_INVALID: no core, or less
 * than 4 KiB; KERR_EXISTS. */
MUST_CHECK kerr_t log_add_ring(core_id_t core, void *memory, size_t size);

/* log_lost - messages lost so far on all cores. */
uint64_t log_lost(void);

/* --- Without rings --- */

/* log_raw - text as it is, at once to the console, from any context: for fault handlers and panics.
 */
__attribute__((format(printf, 1, 2))) void log_raw(const char *format, ...);
__attribute__((format(printf, 1, 0))) void log_raw_v(const char *format, va_list args);
