// SPDX-License-Identifier: BSD-2-Clause
//
// Commands: registers, threads, and who runs.

#include "gdb_impl.h"

/* The largest register, of any processor that we might describe. */
#define MAX_REGISTER 64

void gdb_init(struct gdb *gdb, const struct gdb_target *target, void *ctx)
{
    memset(gdb, 0, sizeof(*gdb));
    gdb->target = target;
    gdb->ctx = ctx;
    gdb->running = true;
    gdb->resume_core = GDB_ALL_CORES;
    gdb->last.signal = GDB_SIGTRAP;
    gdb_reply_begin(gdb);
}

enum gdb_action gdb_action(const struct gdb *gdb, core_id_t core)
{
    if (!gdb->attached)
        return GDB_RUN;
    return core < MAX_CORES ? gdb->actions[core] : GDB_STAY;
}

/* --- Stopping --- */

static void reply_reason(struct gdb *gdb)
{
    static const char *const watches[] = {
        [GDB_WATCH_WRITE] = "watch", [GDB_WATCH_READ] = "rwatch", [GDB_WATCH_ACCESS] = "awatch"};
    const struct gdb_event *e = &gdb->last;
    if (e->why == GDB_WHY_WATCH)
        strbuf_format(&gdb->reply, "%s:%lx;", watches[e->kind], (unsigned long)e->address);
    else if (e->why == GDB_WHY_SOFTWARE_BREAK && gdb->has_swbreak)
        gdb_reply_str(gdb, "swbreak:;");
    else if (e->why == GDB_WHY_HARDWARE_BREAK && gdb->has_hwbreak)
        gdb_reply_str(gdb, "hwbreak:;");
}

void gdb_reply_stop(struct gdb *gdb)
{
    strbuf_format(&gdb->reply, "T%02xthread:%x;", (unsigned)gdb->last.signal,
                  (unsigned)gdb->last.core + 1);
    reply_reason(gdb);
}

void gdb_stopped(struct gdb *gdb, const struct gdb_event *event)
{
    gdb->last = *event;
    gdb->core = event->core;
    gdb->running = false;
    if (!gdb->attached)
        return;
    gdb_reply_begin(gdb);
    gdb_reply_stop(gdb);
    gdb_reply_send(gdb);
}

/* --- Registers --- */

static void reply_register(struct gdb *gdb, unsigned number)
{
    uint8_t value[MAX_REGISTER];
    bool known = gdb->target->read_register(gdb->ctx, gdb->core, number, value);
    gdb_reply_hex(gdb, known ? value : NULL, gdb->target->register_sizes[number]);
}

static void read_register(struct gdb *gdb, struct bytes args)
{
    uint64_t number;
    if (!gdb_take_number(&args, &number) || args.len || number >= gdb->target->n_registers)
        gdb_reply_error(gdb, GDB_E_MALFORMED);
    else
        reply_register(gdb, (unsigned)number);
}

static void read_registers(struct gdb *gdb)
{
    for (unsigned i = 0; i < gdb->target->n_registers; i++)
        reply_register(gdb, i);
}

static void write_register(struct gdb *gdb, struct bytes args)
{
    const struct gdb_target *t = gdb->target;
    uint64_t number;
    uint8_t value[MAX_REGISTER];
    if (!gdb_take_number(&args, &number) || !gdb_take(&args, "=") || number >= t->n_registers ||
        !gdb_take_hex(&args, value, t->register_sizes[number]) || args.len ||
        !t->write_register(gdb->ctx, gdb->core, (unsigned)number, value))
        gdb_reply_error(gdb, GDB_E_MALFORMED);
    else
        gdb_reply_ok(gdb);
}

/* "xx" for each byte: gdb does not know the register either. */
static bool take_unknown(struct bytes *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!gdb_take(text, "xx"))
            return false;
    }
    return true;
}

/* All of them; those that cannot be written stay as they are. Checked before the first is. */
static void write_registers(struct gdb *gdb, struct bytes args)
{
    const struct gdb_target *t = gdb->target;
    uint8_t value[MAX_REGISTER];
    for (int pass = 0; pass < 2; pass++) {
        struct bytes rest = args;
        for (unsigned i = 0; i < t->n_registers && rest.len; i++) {
            bool known = gdb_take_hex(&rest, value, t->register_sizes[i]);
            if (!known && !take_unknown(&rest, t->register_sizes[i])) {
                gdb_reply_error(gdb, GDB_E_MALFORMED);
                return;
            }
            if (known && pass == 1)
                (void)t->write_register(gdb->ctx, gdb->core, i, value);
        }
    }
    gdb_reply_ok(gdb);
}

/* --- Threads --- */

/* Hg: for registers and memory; Hc: for c and s. */
static void select_thread(struct gdb *gdb, struct bytes args)
{
    core_id_t core;
    bool for_memory = gdb_take(&args, "g");
    if ((!for_memory && !gdb_take(&args, "c")) || !gdb_take_core(gdb, &args, &core) || args.len) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return;
    }
    if (for_memory)
        gdb->core = core == GDB_ALL_CORES ? gdb->last.core : core;
    else
        gdb->resume_core = core;
    gdb_reply_ok(gdb);
}

static void is_thread_alive(struct gdb *gdb, struct bytes args)
{
    core_id_t core;
    if (!gdb_take_core(gdb, &args, &core) || args.len)
        gdb_reply_error(gdb, GDB_E_MALFORMED);
    else
        gdb_reply_ok(gdb);
}

/* --- Running --- */

static enum gdb_verdict resume(struct gdb *gdb)
{
    gdb->running = true;
    gdb->silent = true; /* the reply is the next stop */
    return GDB_RESUME;
}

static void set_all(struct gdb *gdb, enum gdb_action action)
{
    for (core_id_t core = 0; core < MAX_CORES; core++)
        gdb->actions[core] = action;
}

/* An action, with a signal or not: signals have no receiver here. */
static bool take_action(struct bytes *args, enum gdb_action *action)
{
    uint64_t signal;
    bool has_signal =
        args->len && (*(const char *)args->data == 'C' || *(const char *)args->data == 'S');
    if (gdb_take(args, "c") || gdb_take(args, "C"))
        *action = GDB_RUN;
    else if (gdb_take(args, "s") || gdb_take(args, "S"))
        *action = GDB_STEP;
    else
        return false;
    return !has_signal || gdb_take_number(args, &signal);
}

/* ";action[:thread]...": for each core, the first action that is for it counts. Cores without one
 * stay stopped. */
static enum gdb_verdict resume_by_list(struct gdb *gdb, struct bytes args)
{
    bool decided[MAX_CORES] = {false};
    bool any = false;
    set_all(gdb, GDB_STAY);
    while (gdb_take(&args, ";")) {
        enum gdb_action action;
        core_id_t core = GDB_ALL_CORES;
        if (!take_action(&args, &action) ||
            (gdb_take(&args, ":") && !gdb_take_core(gdb, &args, &core)))
            break;
        for (core_id_t i = 0; i < MAX_CORES; i++) {
            if ((core == i || core == GDB_ALL_CORES) && !decided[i]) {
                gdb->actions[i] = action;
                decided[i] = true;
            }
        }
        any = true;
    }
    if (any && !args.len)
        return resume(gdb);
    gdb_reply_error(gdb, GDB_E_MALFORMED);
    return GDB_WAIT;
}

/* "[address]", or for C and S "signal[;address]": where to go on. */
static bool set_program_counter(struct gdb *gdb, struct bytes args, bool has_signal)
{
    uint64_t number;
    if (has_signal && (!gdb_take_number(&args, &number) || (args.len && !gdb_take(&args, ";"))))
        return false;
    if (!args.len)
        return true;
    if (!gdb_take_number(&args, &number) || args.len)
        return false;
    const struct gdb_target *t = gdb->target;
    uint8_t value[MAX_REGISTER] = {0};
    for (size_t i = 0; i < sizeof(number); i++)
        value[i] = (uint8_t)(number >> 8 * i);
    return t->write_register(gdb->ctx, gdb->core, t->program_counter, value);
}

/* The packets of old: c, s, C, S. */
static enum gdb_verdict resume_one(struct gdb *gdb, enum gdb_action action, struct bytes args,
                                   bool has_signal)
{
    if (!set_program_counter(gdb, args, has_signal)) {
        gdb_reply_error(gdb, GDB_E_MALFORMED);
        return GDB_WAIT;
    }
    core_id_t core = gdb->resume_core == GDB_ALL_CORES ? gdb->core : gdb->resume_core;
    set_all(gdb, GDB_RUN);
    gdb->actions[core] = action;
    return resume(gdb);
}

/* gdb goes, whether it says so by D or by k: a machine cannot be killed by its debugger. */
static enum gdb_verdict detach(struct gdb *gdb)
{
    gdb_clear_all_points(gdb);
    gdb->attached = false;
    gdb->running = true;
    gdb->no_ack_next = false;
    gdb->resume_core = GDB_ALL_CORES;
    return GDB_RESUME;
}

static enum gdb_verdict long_packet(struct gdb *gdb, struct bytes args)
{
    if (gdb_take(&args, "Cont?"))
        gdb_reply_str(gdb, "vCont;c;C;s;S");
    else if (gdb_take(&args, "Cont"))
        return resume_by_list(gdb, args);
    else if (gdb_take(&args, "Kill")) {
        gdb_reply_ok(gdb);
        return detach(gdb);
    }
    return GDB_WAIT;
}

enum gdb_verdict gdb_packet(struct gdb *gdb, struct bytes packet)
{
    gdb->attached = true;
    if (!packet.len)
        return GDB_WAIT;
    char command = *(const char *)packet.data;
    struct bytes args = bytes_of((const uint8_t *)packet.data + 1, packet.len - 1);
    switch (command) {
    case '?':
        gdb_reply_stop(gdb);
        break;
    case 'g':
        read_registers(gdb);
        break;
    case 'G':
        write_registers(gdb, args);
        break;
    case 'p':
        read_register(gdb, args);
        break;
    case 'P':
        write_register(gdb, args);
        break;
    case 'm':
        gdb_read_memory(gdb, args);
        break;
    case 'M':
    case 'X':
        gdb_write_memory(gdb, args, command == 'X');
        break;
    case 'Z':
        gdb_set_point(gdb, args);
        break;
    case 'z':
        gdb_clear_point(gdb, args);
        break;
    case 'H':
        select_thread(gdb, args);
        break;
    case 'T':
        is_thread_alive(gdb, args);
        break;
    case 'q':
        gdb_query(gdb, args);
        break;
    case 'Q':
        gdb_set(gdb, args);
        break;
    case 'v':
        return long_packet(gdb, args);
    case 'c':
    case 'C':
        return resume_one(gdb, GDB_RUN, args, command == 'C');
    case 's':
    case 'S':
        return resume_one(gdb, GDB_STEP, args, command == 'S');
    case 'D':
        gdb_reply_ok(gdb);
        return detach(gdb);
    case 'k':
        gdb->silent = true;
        return detach(gdb);
    default:
        break; /* the empty reply: unknown */
    }
    return GDB_WAIT;
}
