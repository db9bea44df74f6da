// SPDX-License-Identifier: BSD-2-Clause
//
// The registers in gdb's order, in one table for each of gdb's groups: R(name, bits, type, where,
// bytes). Description, sizes and places are made from them. gdb prescribes names and groups
// (appendix G of its manual, "i386 Features").

#include "gdb.h"

#include <base/string.h>

/* Places: in the trap frame, in struct gdb_state. */
#define FRAME(member) (PLACE_FRAME | (unsigned)offsetof(struct trap_frame, member))
#define STATE(member) (PLACE_STATE | (unsigned)offsetof(struct gdb_state, member))
#define FX(offset)    (STATE(fx) + (offset))
#define FIXED         PLACE_FIXED /* may be read only */

enum { PLACE_FRAME = 0, PLACE_STATE = 0x10000, PLACE_FIXED = 0x20000, PLACE_OFFSET = 0xffff };

#define CORE_REGISTERS(R)                          \
    R(rax, 64, "int64", FRAME(rax), 8)             \
    R(rbx, 64, "int64", FRAME(rbx), 8)             \
    R(rcx, 64, "int64", FRAME(rcx), 8)             \
    R(rdx, 64, "int64", FRAME(rdx), 8)             \
    R(rsi, 64, "int64", FRAME(rsi), 8)             \
    R(rdi, 64, "int64", FRAME(rdi), 8)             \
    R(rbp, 64, "data_ptr", FRAME(rbp), 8)          \
    R(rsp, 64, "data_ptr", FRAME(rsp), 8)          \
    R(r8, 64, "int64", FRAME(r8), 8)               \
    R(r9, 64, "int64", FRAME(r9), 8)               \
    R(r10, 64, "int64", FRAME(r10), 8)             \
    R(r11, 64, "int64", FRAME(r11), 8)             \
    R(r12, 64, "int64", FRAME(r12), 8)             \
    R(r13, 64, "int64", FRAME(r13), 8)             \
    R(r14, 64, "int64", FRAME(r14), 8)             \
    R(r15, 64, "int64", FRAME(r15), 8)             \
    R(rip, 64, "code_ptr", FRAME(rip), 8)          \
    R(eflags, 32, "i386_eflags", FRAME(rflags), 4) \
    R(cs, 32, "int32", FRAME(cs) | FIXED, 2)       \
    R(ss, 32, "int32", FRAME(ss) | FIXED, 2)       \
    R(ds, 32, "int32", STATE(ds) | FIXED, 2)       \
    R(es, 32, "int32", STATE(es) | FIXED, 2)       \
    R(fs, 32, "int32", STATE(fs) | FIXED, 2)       \
    R(gs, 32, "int32", STATE(gs) | FIXED, 2)       \
    R(st0, 80, "i387_ext", FX(32), 10)             \
    R(st1, 80, "i387_ext", FX(48), 10)             \
    R(st2, 80, "i387_ext", FX(64), 10)             \
    R(st3, 80, "i387_ext", FX(80), 10)             \
    R(st4, 80, "i387_ext", FX(96), 10)             \
    R(st5, 80, "i387_ext", FX(112), 10)            \
    R(st6, 80, "i387_ext", FX(128), 10)            \
    R(st7, 80, "i387_ext", FX(144), 10)            \
    R(fctrl, 32, "int", FX(0), 2)                  \
    R(fstat, 32, "int", FX(2), 2)                  \
    R(ftag, 32, "int", FX(4) | FIXED, 1)           \
    R(fiseg, 32, "int", FX(12), 4)                 \
    R(fioff, 32, "int", FX(8), 4)                  \
    R(foseg, 32, "int", FX(20), 4)                 \
    R(fooff, 32, "int", FX(16), 4)                 \
    R(fop, 32, "int", FX(6), 2)

#define XMM(R, n) R(xmm##n, 128, "vec128", FX(160 + 16 * (n)), 16)
#define SSE_REGISTERS(R) \
    XMM(R, 0)            \
    XMM(R, 1)            \
    XMM(R, 2)            \
    XMM(R, 3)            \
    XMM(R, 4)            \
    XMM(R, 5)            \
    XMM(R, 6)            \
    XMM(R, 7)            \
    XMM(R, 8)            \
    XMM(R, 9)            \
    XMM(R, 10)           \
    XMM(R, 11)           \
    XMM(R, 12)           \
    XMM(R, 13)           \
    XMM(R, 14)           \
    XMM(R, 15)           \
    R(mxcsr, 32, "int", FX(24) | FIXED, 4)

#define SEGMENT_REGISTERS(R)                   \
    R(fs_base, 64, "int64", STATE(fs_base), 8) \
    R(gs_base, 64, "int64", STATE(gs_base), 8)

#define ALL_REGISTERS(R) CORE_REGISTERS(R) SSE_REGISTERS(R) SEGMENT_REGISTERS(R)

#define AS_XML(name, bits, type, where, bytes) \
    "<reg name=\"" #name "\" bitsize=\"" #bits "\" type=\"" type "\"/>"
#define FLAG(name, bit) "<field name=\"" name "\" start=\"" #bit "\" end=\"" #bit "\"/>"

const char gdb_description[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
    "<architecture>i386:x86-64</architecture><osabi>none</osabi>"
    "<feature name=\"org.gnu.gdb.i386.core\"><flags id=\"i386_eflags\" size=\"4\">" FLAG("CF", 0)
        FLAG("PF", 2) FLAG("AF", 4) FLAG("ZF", 6) FLAG("SF", 7) FLAG("TF", 8) FLAG("IF", 9)
            FLAG("DF", 10) FLAG("OF", 11) FLAG("NT", 14) FLAG("RF", 16) FLAG("VM", 17)
                FLAG("AC", 18) FLAG("VIF", 19) FLAG("VIP", 20)
                    FLAG("ID", 21) "</flags>" CORE_REGISTERS(
                        AS_XML) "</feature><feature name=\"org.gnu.gdb.i386.sse\">"
                                "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                                "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                                "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                                "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                                "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
                                "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" "
                                "type=\"v16i8\"/>"
                                "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" "
                                "type=\"uint128\"/></union>" SSE_REGISTERS(
                                    AS_XML) "</feature><feature "
                                            "name=\"org.gnu.gdb.i386."
                                            "segments\">" SEGMENT_REGISTERS(AS_XML) "</feature></"
                                                                                    "target>";

struct reg {
    uint32_t place;
    uint8_t bytes; /* of it there; gdb's size may be larger, with zeroes */
};

#define AS_SIZE(name, bits, type, where, bytes)  (bits) / 8,
#define AS_ENUM(name, bits, type, where, bytes)  REGISTER_##name,
#define AS_PLACE(name, bits, type, where, bytes) {(where), (bytes)},

enum { ALL_REGISTERS(AS_ENUM) N_REGISTERS };
static const struct reg registers[] = {ALL_REGISTERS(AS_PLACE)};
const uint8_t gdb_register_sizes[] = {ALL_REGISTERS(AS_SIZE)};
const unsigned gdb_n_registers = N_REGISTERS;
const unsigned gdb_program_counter = REGISTER_rip;

static uint8_t *place_of(const struct gdb_state *state, const struct reg *reg)
{
    uint8_t *base =
        reg->place & PLACE_STATE ? (uint8_t *)(uintptr_t)state : (uint8_t *)state->frame;
    return base + (reg->place & PLACE_OFFSET);
}

/* FXSAVE keeps one bit for each register of the stack, "not empty"; gdb wants the two of old. */
static void expand_tags(uint8_t *value)
{
    unsigned tags = 0;
    for (unsigned i = 0; i < 8; i++)
        tags |= value[0] & 1u << i ? 0 : 3u << 2 * i;
    value[0] = (uint8_t)tags;
    value[1] = (uint8_t)(tags >> 8);
}

bool gdb_get_register(const struct gdb_state *state, unsigned number, uint8_t *value)
{
    const struct reg *reg = &registers[number];
    memset(value, 0, gdb_register_sizes[number]);
    memcpy(value, place_of(state, reg), reg->bytes);
    if (number == REGISTER_ftag)
        expand_tags(value);
    return true;
}

static bool is_canonical(const uint8_t *value)
{
    int64_t address;
    memcpy(&address, value, sizeof(address));
    return (int64_t)((uint64_t)address << 16) >> 16 == address;
}

/* Those that could make the return from the trap fail, or the loading of the state, are fixed;
 * of the flags only those of arithmetic, direction and interrupts can be changed. */
bool gdb_set_register(struct gdb_state *state, unsigned number, const uint8_t *value)
{
    const struct reg *reg = &registers[number];
    if (reg->place & PLACE_FIXED)
        return false;
    if (number == REGISTER_eflags) {
        const uint64_t writable = 0xed5;
        uint32_t flags;
        memcpy(&flags, value, sizeof(flags));
        state->frame->rflags = (state->frame->rflags & ~writable) | (flags & writable);
        return true;
    }
    if ((number == REGISTER_rip || number == REGISTER_fs_base || number == REGISTER_gs_base) &&
        !is_canonical(value))
        return false;
    memcpy(place_of(state, reg), value, reg->bytes);
    return true;
}
