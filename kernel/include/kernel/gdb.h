// SPDX-License-Identifier: BSD-2-Clause
//
// The far end of gdb's remote serial protocol (appendix E of gdb's manual), without the hardware: a
// machine that takes bytes, answers through struct gdb_target, and says when cores may run.
//
// Threads are cores: core n is thread n + 1. gdb works in all-stop mode: while one core is stopped
// all are, and everything here runs on the one core that talks to gdb. What to do with each core
// after that is in gdb_action(). Software breakpoints are instructions in memory, hardware ones and
// watchpoints have N slots of the target; both are in effect on all cores.
//
// Nothing here allocates, locks, logs or panics, whatever gdb or a noisy line may send: malformed
// packets are answered by an error or, with a wrong checksum, asked for once more.
#pragma once

#include <base/strbuf.h>
#include <kernel/config.h>
#include <kernel/types.h>

/* Payload of a packet in each direction. The largest packets hold all registers, in hexadecimal. */
#define GDB_MAX_PACKET 4096
#define GDB_MAX_POINTS 128 /* software breakpoints: more than anybody sets by hand */
#define GDB_MAX_SLOTS  8
#define GDB_MAX_OPCODE 4

/* In the protocol's numbers. */
enum gdb_point_kind {
    GDB_SOFTWARE_BREAK,
    GDB_HARDWARE_BREAK,
    GDB_WATCH_WRITE,
    GDB_WATCH_READ,
    GDB_WATCH_ACCESS,
};

/* gdb's numbers of signals, those that we use. */
enum gdb_signal {
    GDB_SIGINT = 2,
    GDB_SIGILL = 4,
    GDB_SIGTRAP = 5,
    GDB_SIGFPE = 8,
    GDB_SIGBUS = 10,
    GDB_SIGSEGV = 11,
};

/* Why a core stopped. */
struct gdb_event {
    core_id_t core;
    enum gdb_signal signal;
    enum {
        GDB_WHY_SIGNAL,
        GDB_WHY_SOFTWARE_BREAK,
        GDB_WHY_HARDWARE_BREAK,
        GDB_WHY_WATCH,
    } why;
    enum gdb_point_kind kind; /* of a watchpoint */
    uint64_t address;         /* watched */
};

/* What a core is to do when gdb lets the machine run. */
enum gdb_action { GDB_STAY, GDB_RUN, GDB_STEP };

/* The machine. All functions get @ctx; none may fault. */
struct gdb_target {
    const char *description;       /* target.xml: registers, their order is the protocol's */
    const uint8_t *register_sizes; /* bytes, of each */
    unsigned n_registers;
    unsigned program_counter; /* register */
    uint8_t breakpoint[GDB_MAX_OPCODE];
    size_t breakpoint_size;
    unsigned n_slots; /* for hardware breakpoints and watchpoints, at most GDB_MAX_SLOTS */

    bool (*core_exists)(void *ctx, core_id_t core);
    /* False: the register has no value now, or cannot be written. */
    bool (*read_register)(void *ctx, core_id_t core, unsigned number, uint8_t *value);
    bool (*write_register)(void *ctx, core_id_t core, unsigned number, const uint8_t *value);
    /* All of it or nothing, in the address space of @core; read-only memory can be written. */
    bool (*read_memory)(void *ctx, core_id_t core, uint64_t address, void *data, size_t len);
    bool (*write_memory)(void *ctx, core_id_t core, uint64_t address, const void *data, size_t len);
    /* Is there hardware for this kind? What gdb wants it to watch is in gdb_slot(), naturally
     * aligned words of 1 to 8 bytes, and to be set when cores run. */
    bool (*can_watch)(void *ctx, enum gdb_point_kind kind);
    /* Where the image's first segment is, for gdb to move the symbols. */
    uint64_t (*image_base)(void *ctx);
    void (*send)(void *ctx, const char *data, size_t len);
};

/* A slot of the hardware in use: one word of what gdb asked to watch. */
struct gdb_slot {
    bool used;
    enum gdb_point_kind kind;
    uint64_t address, len;
    uint64_t whole_address, whole_len;
};

struct gdb_soft_point {
    bool used;
    uint64_t address;
    uint8_t original[GDB_MAX_OPCODE];
};

/* Private to kernel/gdb but for its size. */
struct gdb {
    const struct gdb_target *target;
    void *ctx;

    enum { GDB_RX_IDLE, GDB_RX_DATA, GDB_RX_ESCAPE, GDB_RX_SUM_HIGH, GDB_RX_SUM_LOW } rx;
    uint8_t packet[GDB_MAX_PACKET];
    size_t packet_len; /* may exceed the buffer: then it was too long */
    uint8_t sum, sum_high;

    char frame[2 * GDB_MAX_PACKET]; /* the last reply, for those who ask again */
    size_t frame_len;
    struct strbuf reply; /* its payload, in there */
    bool silent;         /* the packet has no reply yet: the cores run */

    bool no_ack, no_ack_next;
    bool has_swbreak, has_hwbreak; /* gdb understands these reasons */
    bool attached, running;
    struct gdb_event last; /* why we stopped */
    core_id_t core;        /* that registers and memory are of */
    core_id_t resume_core; /* that old packets c and s are for, or GDB_ALL_CORES */
    core_id_t list_next;   /* in an enumeration of threads */
    enum gdb_action actions[MAX_CORES];

    struct gdb_soft_point points[GDB_MAX_POINTS];
    struct gdb_slot slots[GDB_MAX_SLOTS];
};

#define GDB_ALL_CORES UINT32_MAX

/* What the cores may do after a byte. */
enum gdb_verdict {
    GDB_WAIT,     /* as before */
    GDB_RESUME,   /* run, as gdb_action() says */
    GDB_INTERRUPT /* only while they run: stop, and call gdb_stopped() */
};

/* gdb_init - nobody is attached, all cores run. @target must live as long. */
void gdb_init(struct gdb *gdb, const struct gdb_target *target, void *ctx);

/* gdb_input - take one byte from the line. While cores run, everything that is neither an interrupt
 * nor the begin of a packet is dropped; both say GDB_INTERRUPT, the latter for a debugger that has
 * just been connected. */
enum gdb_verdict gdb_input(struct gdb *gdb, uint8_t byte);

/* gdb_stopped - all cores are stopped, @event is why; tells gdb if it waits for that. */
void gdb_stopped(struct gdb *gdb, const struct gdb_event *event);

/* gdb_attached - is there a debugger? */
static inline bool gdb_attached(const struct gdb *gdb)
{
    return gdb->attached;
}

/* gdb_action - what @core is to do now that the machine runs. */
enum gdb_action gdb_action(const struct gdb *gdb, core_id_t core);

/* gdb_slot - what hardware slot @slot is to watch. */
const struct gdb_slot *gdb_slot(const struct gdb *gdb, unsigned slot);

/* gdb_break_at - is there a software breakpoint at @address? */
bool gdb_break_at(const struct gdb *gdb, uint64_t address);

/* gdb_adjusts_pc - is it the target that moves the program counter back onto a software breakpoint?
 * An old gdb does that by itself. */
static inline bool gdb_adjusts_pc(const struct gdb *gdb)
{
    return gdb->has_swbreak;
}
