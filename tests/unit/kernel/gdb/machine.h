// SPDX-License-Identifier: BSD-2-Clause
//
// A machine of two cores, four registers and a page of memory for the debugger's protocol, and a
// line that records what the stub sends. For the unit test and the fuzzer.
#pragma once

#include <kernel/gdb.h>
#include <string.h>

#define MEMORY_BASE UINT64_C(0xfffffffffffff000) /* up to the end of the address space */
#define MEMORY_SIZE 4096
#define N_CORES     2
#define N_REGISTERS 4
#define FIXED       3 /* a register that cannot be written */

struct machine {
    struct gdb gdb;
    uint8_t memory[MEMORY_SIZE];
    uint8_t registers[N_CORES][N_REGISTERS][8];
    char sent[4 * GDB_MAX_PACKET];
    size_t n_sent;
};

static const uint8_t register_sizes[N_REGISTERS] = {8, 4, 8, 2};

static bool core_exists(void *ctx, core_id_t core)
{
    (void)ctx;
    return core < N_CORES;
}

static bool read_register(void *ctx, core_id_t core, unsigned number, uint8_t *value)
{
    struct machine *m = ctx;
    memcpy(value, m->registers[core][number], register_sizes[number]);
    return true;
}

static bool write_register(void *ctx, core_id_t core, unsigned number, const uint8_t *value)
{
    struct machine *m = ctx;
    if (number == FIXED)
        return false;
    memcpy(m->registers[core][number], value, register_sizes[number]);
    return true;
}

static uint8_t *at(struct machine *m, uint64_t address, size_t len)
{
    uint64_t offset = address - MEMORY_BASE;
    return offset < MEMORY_SIZE && len <= MEMORY_SIZE - offset ? m->memory + offset : NULL;
}

static bool read_memory(void *ctx, core_id_t core, uint64_t address, void *data, size_t len)
{
    (void)core;
    const uint8_t *memory = at(ctx, address, len);
    if (memory)
        memcpy(data, memory, len);
    return memory;
}

static bool write_memory(void *ctx, core_id_t core, uint64_t address, const void *data, size_t len)
{
    (void)core;
    uint8_t *memory = at(ctx, address, len);
    if (memory)
        memcpy(memory, data, len);
    return memory;
}

static bool can_watch(void *ctx, enum gdb_point_kind kind)
{
    (void)ctx;
    return kind != GDB_WATCH_READ;
}

static uint64_t image_base(void *ctx)
{
    (void)ctx;
    return 0xffff800000200000;
}

static void send(void *ctx, const char *data, size_t len)
{
    struct machine *m = ctx;
    size_t left = sizeof(m->sent) - 1 - m->n_sent;
    len = len < left ? len : left;
    memcpy(m->sent + m->n_sent, data, len);
    m->n_sent += len;
    m->sent[m->n_sent] = '\0';
}

static const struct gdb_target target = {
    .description = "<target>#$}*</target>",
    .register_sizes = register_sizes,
    .n_registers = N_REGISTERS,
    .program_counter = 2,
    .breakpoint = {0xcc, 0xcd},
    .breakpoint_size = 2,
    .n_slots = 4,
    .core_exists = core_exists,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .can_watch = can_watch,
    .image_base = image_base,
    .send = send,
};

/* Memory counts up, all registers are zero. */
static inline void machine_init(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    for (size_t i = 0; i < MEMORY_SIZE; i++)
        m->memory[i] = (uint8_t)i;
    gdb_init(&m->gdb, &target, m);
}

static inline void machine_stop(struct machine *m, core_id_t core)
{
    gdb_stopped(&m->gdb, &(struct gdb_event){.core = core, .signal = GDB_SIGTRAP});
}
