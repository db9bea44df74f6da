// SPDX-License-Identifier: BSD-2-Clause
//
// The line of the debugger: bytes as they are, and packets whose checksum is right, which only luck
// finds. Input: 0x00 ends a packet's payload, 0x01 stops the machine, 0x02 begins raw bytes.

#include "fuzz.h"
#include "machine.h"
#include <stdlib.h>

static struct machine m;

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void input(uint8_t byte)
{
    enum gdb_verdict verdict = gdb_input(&m.gdb, byte);
    check(verdict != GDB_INTERRUPT || m.gdb.running);
    check(verdict != GDB_RESUME || m.gdb.running);
    check(gdb_action(&m.gdb, 0) <= GDB_STEP);
    if (verdict == GDB_INTERRUPT)
        machine_stop(&m, 1);
}

static void packet(const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum = 0;
    if (m.gdb.running)
        machine_stop(&m, 0);
    m.n_sent = 0;
    input('$');
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + data[i]);
        input(data[i]);
    }
    input('#');
    input((uint8_t)digits[sum >> 4]);
    input((uint8_t)digits[sum & 15]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine_init(&m);
    for (size_t at = 0; at < size;) {
        size_t len = 0;
        while (at + len < size && data[at + len] > 2)
            len++;
        bool raw = at > 0 && data[at - 1] == 2;
        if (at > 0 && data[at - 1] == 1)
            machine_stop(&m, 0);
        for (size_t i = 0; raw && i < len; i++)
            input(data[at + i]);
        if (!raw)
            packet(data + at, len);
        at += len + 1;
    }
    /* However the debugger leaves, it takes its breakpoints with it. */
    packet((const uint8_t *)"D", 1);
    for (size_t i = 0; i < GDB_MAX_POINTS; i++)
        check(!m.gdb.points[i].used);
    return 0;
}
