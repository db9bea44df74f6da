// SPDX-License-Identifier: BSD-2-Clause
//
// Stopping all cores for gdb.
//
// A core that has something to tell (a breakpoint, a fault, a byte on gdb's line) becomes the
// *owner* by a compare-and-swap; there is one at most. It sends NMIs until all cores that are
// online are stopped, talks to gdb until that lets the machine run, and begins a new *round*. All
// other cores wait for that in the handler of whatever stopped them: the owner's NMI, or an event
// of their own that came second. Such an event stays pending; when gdb resumes that core, it is
// told instead of resuming, unless gdb has removed the breakpoint in the meantime.
//
//   owner:   NOBODY -> core        stop() of a core with an event
//            core -> NOBODY        after round was incremented
//   a core:  runs -> stopped in round n -> (round n+1) runs, or stays if gdb did not resume it
//
// Invariants: the owner speaks for a core (reads its state, writes to memory) only if stopped_in of
// that core is the current round, which the core itself sets after it has saved its state, and is
// the first to leave. in_stub says that the core is anywhere between its first and last instruction
// here: an NMI that arrives then is dropped, and the owner sends it again. A core whose NMI never
// arrives is given up; gdb then sees no registers of it.
//
// The debug registers are off while a core is here, so that watchpoints see only other code.
// Breakpoints in this file, in what it calls, and in the entry of traps do not work.

#define LOG_SUBSYS "gdb"

#include "gdb.h"

#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "percore.h"

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

#define NOBODY       UINT32_MAX
#define FLAG_TRAP    (UINT64_C(1) << 8)
#define MSR_FS_BASE  0xc0000100
#define MSR_OTHER_GS 0xc0000102
#define VECTOR_INT3  3
#define OPCODE_INT3  0xcc
/* An emulated core may have to wait for the processor that emulates it. */
#define RESEND_SPINS  100000
#define STOP_ATTEMPTS 1000

/* [core], but for what gdb_state and stopped_in say. */
struct gdb_core {
    struct gdb_state state;
    struct gdb_event pending;
    bool has_pending;
    struct gdb_step step;
    atomic_bool in_stub;
    _Atomic unsigned stopped_in; /* the round; 0: not stopped */
};

static PERCORE(struct gdb_core, gdb_core);

static atomic_bool active; /* gdb= was given; [const] then, with the line and the target */
static struct gdb gdb;     /* the owner's */
static _Atomic core_id_t owner = NOBODY;
static _Atomic unsigned round = 1;

/* --- The target, for kernel/gdb --- */

static bool is_stopped(core_id_t core)
{
    return atomic_load(&percore_of(core, gdb_core)->stopped_in) == atomic_load(&round);
}

struct gdb_state *gdb_state_of(core_id_t core)
{
    if (!arch_core_online(core) || !is_stopped(core))
        return NULL;
    return &percore_of(core, gdb_core)->state;
}

static bool core_exists(void *ctx, core_id_t core)
{
    (void)ctx;
    return arch_core_online(core);
}

static bool read_register(void *ctx, core_id_t core, unsigned number, uint8_t *value)
{
    (void)ctx;
    const struct gdb_state *state = gdb_state_of(core);
    return state && gdb_get_register(state, number, value);
}

static bool write_register(void *ctx, core_id_t core, unsigned number, const uint8_t *value)
{
    (void)ctx;
    struct gdb_state *state = gdb_state_of(core);
    return state && gdb_set_register(state, number, value);
}

static uint64_t root_of(core_id_t core)
{
    const struct gdb_state *state = gdb_state_of(core);
    return state ? state->cr3 : read_cr3();
}

static bool read_memory(void *ctx, core_id_t core, uint64_t address, void *data, size_t len)
{
    (void)ctx;
    return gdb_get_memory(root_of(core), address, data, len);
}

static bool write_memory(void *ctx, core_id_t core, uint64_t address, const void *data, size_t len)
{
    (void)ctx;
    return gdb_set_memory(root_of(core), address, data, len);
}

/* x86 watches writes, or reads and writes. */
static bool can_watch(void *ctx, enum gdb_point_kind kind)
{
    (void)ctx;
    return kind != GDB_WATCH_READ;
}

static uint64_t image_base(void *ctx)
{
    (void)ctx;
    return (uint64_t)image_start;
}

static void send(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    gdb_line_send(data, len);
}

/* --- A core's state --- */

static void save(struct gdb_state *state, struct trap_frame *frame)
{
    __asm__ volatile("fxsave64 %0" : "=m"(state->fx));
    __asm__ volatile("movw %%ds, %0; movw %%es, %1; movw %%fs, %2; movw %%gs, %3"
                     : "=m"(state->ds), "=m"(state->es), "=m"(state->fs), "=m"(state->gs));
    state->frame = frame;
    state->cr3 = read_cr3();
    state->fs_base = rdmsr(MSR_FS_BASE);
    state->gs_base = rdmsr(frame->cs & 3 ? MSR_OTHER_GS : MSR_GS_BASE);
}

static void restore(const struct gdb_state *state, struct trap_frame *frame, bool step)
{
    uint32_t gs = frame->cs & 3 ? MSR_OTHER_GS : MSR_GS_BASE;
    __asm__ volatile("fxrstor64 %0" : : "m"(state->fx));
    if (rdmsr(MSR_FS_BASE) != state->fs_base)
        wrmsr(MSR_FS_BASE, state->fs_base);
    if (rdmsr(gs) != state->gs_base)
        wrmsr(gs, state->gs_base);
    frame->rflags = step ? frame->rflags | FLAG_TRAP : frame->rflags & ~FLAG_TRAP;
}

/* --- Stopping --- */

/* One NMI to each core that is not stopped; true: there was none. */
static bool ask_to_stop(core_id_t self)
{
    bool all = true;
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        if (core != self && arch_core_online(core) && !is_stopped(core)) {
            apic_send_nmi(topology->cores[core].apic_id);
            all = false;
        }
    }
    return all;
}

static void stop_others(core_id_t self)
{
    for (unsigned attempt = 0; attempt < STOP_ATTEMPTS && !ask_to_stop(self); attempt++) {
        for (unsigned spin = 0; spin < RESEND_SPINS; spin++)
            arch_relax();
    }
}

/* An event of a core that gdb has just resumed, which it does not know of. */
static bool take_pending(struct gdb_event *event)
{
    for (core_id_t core = 0; core < topology->n_cores; core++) {
        if (!arch_core_online(core))
            continue;
        struct gdb_core *mine = percore_of(core, gdb_core);
        if (!mine->has_pending || !is_stopped(core) || gdb_action(&gdb, core) == GDB_STAY)
            continue;
        mine->has_pending = false;
        *event = mine->pending;
        uint64_t rip = mine->state.frame->rip;
        bool gone = event->why == GDB_WHY_SOFTWARE_BREAK && !gdb_break_at(&gdb, rip);
        if (!gone && gdb_attached(&gdb))
            return true;
    }
    return false;
}

/* The owner's: tell gdb, and do what it says until it lets the machine run. */
static void talk(core_id_t self, struct gdb_event event)
{
    stop_others(self);
    do {
        gdb_stopped(&gdb, &event);
        while (gdb_input(&gdb, gdb_line_get()) != GDB_RESUME)
            ;
    } while (take_pending(&event));
    atomic_fetch_add(&round, 1);
    atomic_store(&owner, NOBODY);
}

static bool become_owner(core_id_t self)
{
    core_id_t nobody = NOBODY;
    return atomic_compare_exchange_strong(&owner, &nobody, self);
}

/* Wait until gdb resumes this core. An event that came while the last owner was leaving has nobody
 * to tell it: then this core does. */
static enum gdb_action wait(core_id_t self, struct gdb_core *mine)
{
    for (;;) {
        unsigned now = atomic_load(&round);
        if (now != atomic_load(&mine->stopped_in)) {
            enum gdb_action action = gdb_action(&gdb, self);
            if (action != GDB_STAY)
                return action;
            atomic_store(&mine->stopped_in, now);
        }
        if (mine->has_pending && gdb_action(&gdb, self) != GDB_STAY && become_owner(self)) {
            mine->has_pending = false;
            talk(self, mine->pending);
        }
        arch_relax();
    }
}

/* Stop this core; @event: why, NULL for another core's sake. */
static void stop(struct trap_frame *frame, const struct gdb_event *event)
{
    core_id_t self = arch_core_id();
    struct gdb_core *mine = percore(gdb_core);
    mine->has_pending = false;
    frame->rflags &= ~FLAG_TRAP; /* of the last step; gdb shows the flags of the program */
    save(&mine->state, frame);
    atomic_store(&mine->stopped_in, atomic_load(&round));
    if (event && become_owner(self)) {
        atomic_store(&mine->stopped_in, atomic_load(&round));
        talk(self, *event);
    } else if (event) {
        mine->pending = *event;
        mine->has_pending = true;
    }
    enum gdb_action action = wait(self, mine);
    gdb_debug_step(&gdb, &mine->step, action == GDB_STEP, mine->state.cr3);
    restore(&mine->state, frame, action == GDB_STEP);
    atomic_store(&mine->stopped_in, 0);
}

/* --- Why --- */

static void explain_breakpoint(struct trap_frame *frame, struct gdb_event *event)
{
    if (!gdb_break_at(&gdb, frame->rip - 1))
        return; /* an instruction of the program itself */
    event->why = GDB_WHY_SOFTWARE_BREAK;
    if (gdb_adjusts_pc(&gdb))
        frame->rip--;
}

static enum gdb_signal signal_of(uint64_t vector)
{
    switch (vector) {
    case 0:
    case 16:
    case 19:
        return GDB_SIGFPE;
    case VECTOR_INVALID_OPCODE:
        return GDB_SIGILL;
    case 11:
    case 12:
    case 17:
        return GDB_SIGBUS;
    default:
        return GDB_SIGSEGV;
    }
}

/* An NMI: for another core's sake, or for a byte of gdb's. */
static void serve_nmi(struct trap_frame *frame)
{
    if (atomic_load(&owner) != NOBODY) {
        stop(frame, NULL);
        return;
    }
    /* The owner of this moment may be reading the line: whoever has it takes all bytes. */
    if (!gdb_line_has_byte() || !become_owner(arch_core_id()))
        return;
    enum gdb_verdict verdict = GDB_WAIT;
    while (verdict == GDB_WAIT && gdb_line_has_byte())
        verdict = gdb_input(&gdb, gdb_line_get());
    atomic_store(&owner, NOBODY);
    if (verdict == GDB_INTERRUPT)
        stop(frame, &(struct gdb_event){.core = arch_core_id(), .signal = GDB_SIGINT});
}

/* Returns whether the trap has been dealt with. */
static bool serve(struct trap_frame *frame)
{
    struct gdb_event event = {.core = arch_core_id(), .signal = GDB_SIGTRAP};
    switch (frame->vector) {
    case VECTOR_NMI:
        serve_nmi(frame);
        return true;
    case VECTOR_DEBUG:
        if (!gdb_debug_explain(&gdb, &percore(gdb_core)->step, &event))
            return true; /* gdb has removed what it was for */
        break;
    case VECTOR_INT3:
        explain_breakpoint(frame, &event);
        break;
    default:
        if (!gdb_attached(&gdb))
            return false;
        event.signal = signal_of(frame->vector);
        stop(frame, &event);
        return false;
    }
    stop(frame, &event);
    return true;
}

static void leave(struct gdb_core *mine)
{
    gdb_debug_load(&gdb, &mine->step);
    mine->in_stub = false;
}

bool gdb_trap(struct trap_frame *frame)
{
    if (!atomic_load_explicit(&active, memory_order_acquire))
        return false;
    struct gdb_core *mine = percore(gdb_core);
    if (mine->in_stub) /* what is not an NMI there is a bug of ours, to be reported */
        return frame->vector == VECTOR_NMI;
    mine->in_stub = true;
    gdb_debug_off();
    bool done = serve(frame);
    leave(mine);
    /* The NMI of a byte that has come since we last looked was dropped, if it was for this core. */
    while (gdb_line_has_byte() && atomic_load(&owner) == NOBODY) {
        mine->in_stub = true;
        gdb_debug_off();
        serve_nmi(frame);
        leave(mine);
    }
    return done;
}

void gdb_init_core(void)
{
    if (atomic_load_explicit(&active, memory_order_acquire))
        gdb_debug_load(&gdb, &percore(gdb_core)->step);
}

/* --- Start --- */

/* [const] after arch_debugger_init */
static struct gdb_target target = {
    .description = gdb_description,
    .register_sizes = gdb_register_sizes,
    .breakpoint = {OPCODE_INT3},
    .breakpoint_size = 1,
    .n_slots = GDB_DEBUG_SLOTS,
    .core_exists = core_exists,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .can_watch = can_watch,
    .image_base = image_base,
    .send = send,
};

void arch_debugger_init(struct cmdline *cmdline)
{
    const char *address = cmdline_get(cmdline, "gdb");
    if (!address)
        return;
    if (!gdb_line_init()) {
        log_error("no second serial port, so no debugger");
        return;
    }
    target.n_registers = gdb_n_registers;
    target.program_counter = gdb_program_counter;
    gdb_init(&gdb, &target, NULL);
    atomic_store_explicit(&active, true, memory_order_release);
    log_info("Use `target remote %s` in gdb to connect.", *address ? address : "localhost:1234");
    while (!gdb_line_has_byte())
        arch_relax();
    log_info("Debugger connected.");
    __asm__ volatile("int3"); /* before NMIs for its bytes, so that it is here where we stop */
    if (!gdb_line_watch(topology->cores[0].apic_id))
        log_warn("no interrupt for the line: Ctrl-C in gdb does nothing");
}
