// SPDX-License-Identifier: BSD-2-Clause
//
// Debugging by gdb over the second serial port.
#pragma once

#include "trap.h"

#include <kernel/gdb.h>

/* --- gdb.c --- */

/* gdb_trap - called first for every exception: stops here if gdb is to know. True: it was gdb's
 * business alone, and the interrupted code goes on. */
bool gdb_trap(struct trap_frame *frame);

/* gdb_init_core - let breakpoints that are set already be in effect on this core, which starts. */
void gdb_init_core(void);

/* What a stopped core has beside its trap frame. Written by the core when it stops, loaded when it
 * goes on; in between, it belongs to the core that talks to gdb. */
struct gdb_state {
    uint8_t fx[512] __attribute__((aligned(16))); /* FXSAVE's */
    struct trap_frame *frame;                     /* NULL: the core runs */
    uint64_t cr3;
    uint64_t fs_base, gs_base;
    uint16_t ds, es, fs, gs;
};

/* NULL: the core runs. */
struct gdb_state *gdb_state_of(core_id_t core);

/* --- gdb_debug.c: this core's debug registers --- */

#define GDB_DEBUG_SLOTS 4

/* A single step of a core: what the watched places held before. */
struct gdb_step {
    bool active;
    uint64_t before[GDB_DEBUG_SLOTS];
};

/* gdb_debug_off - no breakpoints, no watchpoints. */
void gdb_debug_off(void);

/* gdb_debug_load - those of @gdb, as far as they suit the @step. */
void gdb_debug_load(const struct gdb *gdb, const struct gdb_step *step);

/* gdb_debug_step - the core is about to go on, in the address space of @cr3: by a step, if
 * @active. */
void gdb_debug_step(const struct gdb *gdb, struct gdb_step *step, bool active, uint64_t cr3);

/* gdb_debug_explain - why the debug exception came. False: for nothing that is set up. */
bool gdb_debug_explain(const struct gdb *gdb, const struct gdb_step *step, struct gdb_event *event);

/* --- gdb_registers.c --- */

extern const char gdb_description[];
extern const uint8_t gdb_register_sizes[];
extern const unsigned gdb_n_registers, gdb_program_counter;
bool gdb_get_register(const struct gdb_state *state, unsigned number, uint8_t *value);
bool gdb_set_register(struct gdb_state *state, unsigned number, const uint8_t *value);

/* --- gdb_memory.c: through the page tables at @cr3, never faults --- */

bool gdb_get_memory(uint64_t cr3, uint64_t address, void *data, size_t len);
bool gdb_set_memory(uint64_t cr3, uint64_t address, const void *data, size_t len);

/* --- gdb_line.c: the serial port --- */

/* gdb_line_init - false: there is none. */
bool gdb_line_init(void);
void gdb_line_send(const char *data, size_t len);
bool gdb_line_has_byte(void);
uint8_t gdb_line_get(void);
/* gdb_line_watch - raise an NMI on the core with APIC id @target whenever a byte arrives. An NMI,
 * because it stops a core in whatever it does. False: no such line. */
bool gdb_line_watch(uint32_t target);
