// SPDX-License-Identifier: BSD-2-Clause

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include <stdio.h>

static struct machine m;

static enum gdb_verdict feed(const char *bytes, size_t len)
{
    enum gdb_verdict verdict = GDB_WAIT;
    for (size_t i = 0; i < len; i++)
        verdict = gdb_input(&m.gdb, (uint8_t)bytes[i]);
    return verdict;
}

/* A packet with its checksum; what came before is forgotten. */
static enum gdb_verdict packet_of(const char *payload, size_t len)
{
    char end[4];
    unsigned sum = 0;
    m.n_sent = 0;
    m.sent[0] = '\0';
    for (size_t i = 0; i < len; i++)
        sum += (uint8_t)payload[i];
    snprintf(end, sizeof(end), "#%02x", sum & 255);
    feed("$", 1);
    feed(payload, len);
    return feed(end, 3);
}

static enum gdb_verdict packet(const char *payload)
{
    return packet_of(payload, strlen(payload));
}

/* Checks the acknowledgement, the checksum and the payload of what was sent. */
static void assert_reply(const char *expected)
{
    unsigned sum = 0;
    for (const char *c = expected; *c; c++)
        sum += (uint8_t)*c;
    char frame[2 * GDB_MAX_PACKET + 8];
    snprintf(frame, sizeof(frame), "%s$%s#%02x", m.gdb.no_ack ? "" : "+", expected, sum & 255);
    assert_string_equal(m.sent, frame);
}

static void assert_answer(const char *question, const char *answer)
{
    assert_int_equal(packet(question), GDB_WAIT);
    assert_reply(answer);
}

/* Every test begins with a debugger that has just been connected. */
static int setup(void **state)
{
    (void)state;
    machine_init(&m);
    assert_int_equal(feed("+$", 2), GDB_INTERRUPT);
    machine_stop(&m, 0);
    assert_int_equal(m.n_sent, 0); /* it has not asked yet */
    feed("?#3f", 4);
    assert_reply("T05thread:1;");
    return 0;
}

static void features_are_agreed_upon(void **state)
{
    (void)state;
    assert_answer("qSupported:multiprocess+;swbreak+;hwbreak+;x",
                  "PacketSize=1000;qXfer:features:read+;QStartNoAckMode+;vContSupported+;"
                  "swbreak+;hwbreak+");
    assert_true(gdb_adjusts_pc(&m.gdb));
    assert_answer("qSupported", "PacketSize=1000;qXfer:features:read+;QStartNoAckMode+;"
                                "vContSupported+");
    assert_false(gdb_adjusts_pc(&m.gdb));
    assert_answer("qOffsets", "TextSeg=ffff800000200000");
    assert_answer("vMustReplyEmpty", "");
    assert_answer("!", "");
}

static void description_is_escaped_and_comes_in_parts(void **state)
{
    (void)state;
    assert_answer("qXfer:features:read:target.xml:0,fff", "l<target>}\x03}\x04}]}\n</target>");
    assert_answer("qXfer:features:read:target.xml:0,8", "m<target>");
    assert_answer("qXfer:features:read:target.xml:fffffffffffffff0,8", "l");
    assert_answer("qXfer:features:read:other.xml:0,8", "E01");
}

static void acknowledgements_can_be_switched_off(void **state)
{
    (void)state;
    packet("QStartNoAckMode");
    assert_string_equal(m.sent, "+$OK#9a");
    feed("+", 1);
    assert_answer("qC", "QC1");
    m.n_sent = 0;
    m.sent[0] = '\0';
    feed("$qC#00", 6);
    assert_string_equal(m.sent, "");
    /* The next debugger has not agreed to that. */
    packet("qSupported");
    assert_int_equal(m.sent[0], '+');
}

static void disturbed_packets_are_asked_for_again(void **state)
{
    (void)state;
    static const char *const bad[] = {"$qC#00", "$qC#g4", "$qC#4g", "$qC#\x01\x02"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        m.n_sent = 0;
        feed(bad[i], 6);
        assert_string_equal(m.sent, "-");
    }
    m.n_sent = 0;
    feed("garbage$lost$qC#b4", 18);
    assert_reply("QC1");
    m.n_sent = 0;
    feed("-", 1);
    assert_string_equal(m.sent, "$QC1#c5");
}

static void too_long_packets_are_refused(void **state)
{
    (void)state;
    static char payload[3 * GDB_MAX_PACKET];
    memset(payload, 'm', sizeof(payload));
    packet_of(payload, sizeof(payload));
    assert_reply("E24");
    assert_answer("qC", "QC1");
}

static void registers_of_each_core(void **state)
{
    (void)state;
    m.registers[0][1][0] = 0xab;
    assert_answer("g", "0000000000000000ab00000000000000000000000000");
    assert_answer("p1", "ab000000");
    assert_answer("Hg2", "OK");
    assert_answer("p1", "00000000");
    assert_answer("P0=1122334455667788", "OK");
    assert_int_equal(m.registers[1][0][7], 0x88);
    assert_answer("P3=1122", "E01");
    static const char *const wrong[] = {"p4",
                                        "p",
                                        "p0,",
                                        "P0=11",
                                        "P0=112233445566778899",
                                        "P0=1122334455667g88",
                                        "P9=00",
                                        "G1",
                                        "Gxxyy",
                                        "p10000000000000000"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_answer(wrong[i], "E01");
}

static void all_registers_or_none_are_written(void **state)
{
    (void)state;
    assert_answer("G0101010101010101xxxxxxxx0202020202020202ffff", "OK");
    assert_answer("g", "01010101010101010000000002020202020202020000");
    assert_answer("G0303030303030303000000000z", "E01");
    assert_answer("g", "01010101010101010000000002020202020202020000");
}

static void memory_is_read_and_written(void **state)
{
    (void)state;
    assert_answer("mfffffffffffff010,4", "10111213");
    assert_answer("mffffffffffffffff,10", "ff"); /* what there is */
    assert_answer("m1000,4", "E0e");
    assert_answer("Mfffffffffffff000,2:abcd", "OK");
    assert_int_equal(m.memory[0], 0xab);
    packet_of("Xfffffffffffff002,2:}\x03}]", 24);
    assert_reply("OK");
    assert_memory_equal(m.memory + 2, "#}", 2);
    assert_answer("Xfffffffffffff002,0:", "OK");
    assert_answer("Mffffffffffffffff,2:0102", "E0e");
    assert_int_equal(m.memory[MEMORY_SIZE - 1], 0xff);
    static const char *const wrong[] = {"m",      "m10",      "m10,",  "mx,1",
                                        "m10,1,", "M10,2:00", "M10,1", "Mfffffffffffff000,1:g0",
                                        "X10,2:a"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_answer(wrong[i], "E01");
}

static void software_breakpoints_are_invisible(void **state)
{
    (void)state;
    assert_answer("Z0,fffffffffffff010,1", "OK");
    assert_answer("Z0,fffffffffffff010,1", "OK");
    assert_answer("Z0,1000,1", "E0e");
    assert_true(gdb_break_at(&m.gdb, MEMORY_BASE + 0x10));
    assert_false(gdb_break_at(&m.gdb, MEMORY_BASE + 0x11));
    assert_memory_equal(m.memory + 0x10, "\xcc\xcd", 2);
    assert_answer("mfffffffffffff00f,4", "0f101112");
    assert_answer("mfffffffffffff011,1", "11");
    /* Written memory is what comes back when the breakpoint goes. */
    assert_answer("Mfffffffffffff011,2:aabb", "OK");
    assert_memory_equal(m.memory + 0x10, "\xcc\xcd\xbb", 3);
    assert_answer("z0,fffffffffffff010,1", "OK");
    assert_memory_equal(m.memory + 0x10, "\x10\xaa\xbb", 3);
    assert_answer("z0,fffffffffffff010,1", "OK");
}

static void breakpoints_can_run_out(void **state)
{
    (void)state;
    char text[64];
    for (unsigned i = 0; i <= GDB_MAX_POINTS; i++) {
        snprintf(text, sizeof(text), "Z0,%lx,1", (unsigned long)(MEMORY_BASE + 2 * i));
        assert_answer(text, i < GDB_MAX_POINTS ? "OK" : "E1c");
    }
    assert_int_equal(packet("D"), GDB_RESUME);
    for (size_t i = 0; i < MEMORY_SIZE; i++)
        assert_int_equal(m.memory[i], (uint8_t)i);
}

static unsigned slots_in_use(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 4; i++)
        n += gdb_slot(&m.gdb, i)->used;
    return n;
}

static void watchpoints_are_split_into_words(void **state)
{
    (void)state;
    assert_answer("Z3,1000,8", ""); /* the target has no such thing */
    assert_answer("Z2,1002,8", "OK");
    assert_int_equal(slots_in_use(), 3);
    static const uint64_t words[3][2] = {{0x1002, 2}, {0x1004, 4}, {0x1008, 2}};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(gdb_slot(&m.gdb, i)->address, words[i][0]);
        assert_int_equal(gdb_slot(&m.gdb, i)->len, words[i][1]);
    }
    assert_answer("Z2,1002,8", "OK");
    assert_int_equal(slots_in_use(), 3);
    assert_answer("Z4,2000,10", "E1c");
    assert_int_equal(slots_in_use(), 3);
    assert_answer("Z1,3000,5", "OK");
    assert_int_equal(gdb_slot(&m.gdb, 3)->len, 1);
    assert_answer("z2,1002,8", "OK");
    assert_int_equal(slots_in_use(), 1);
    assert_answer("z1,3000,5", "OK");
    assert_int_equal(slots_in_use(), 0);
    static const char *const wrong[] = {"Z2,1000,0", "Z5,1000,1", "Z",         "Z1",
                                        "z9,1,1",    "Z2,1000",   "Z2,1000,8;"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_answer(wrong[i], "E01");
}

static void threads_are_cores(void **state)
{
    (void)state;
    assert_answer("qfThreadInfo", "m1,2");
    assert_answer("qsThreadInfo", "l");
    assert_answer("T2", "OK");
    assert_answer("T3", "E01");
    assert_answer("Hg3", "E01");
    assert_answer("Hcffffffffffff", "E01");
    assert_answer("Hx1", "E01");
    assert_answer("qThreadExtraInfo,2", "636f72652031");
    assert_answer("Hg-1", "OK");
    assert_answer("Hg0", "OK");
}

static void first_matching_action_counts(void **state)
{
    (void)state;
    assert_answer("vCont?", "vCont;c;C;s;S");
    assert_int_equal(packet("vCont;s:2;c"), GDB_RESUME);
    assert_string_equal(m.sent, "+");
    assert_int_equal(gdb_action(&m.gdb, 0), GDB_RUN);
    assert_int_equal(gdb_action(&m.gdb, 1), GDB_STEP);
    machine_stop(&m, 1);
    assert_string_equal(m.sent, "+$T05thread:2;#d8");
    assert_int_equal(packet("vCont;S05:1"), GDB_RESUME);
    assert_int_equal(gdb_action(&m.gdb, 0), GDB_STEP);
    assert_int_equal(gdb_action(&m.gdb, 1), GDB_STAY);
    machine_stop(&m, 0);
    static const char *const wrong[] = {"vCont",    "vCont;",    "vCont;x", "vCont;c:9",
                                        "vCont;c:", "vCont;C:1", "vCont;c,"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_answer(wrong[i], "E01");
}

static void old_packets_resume_too(void **state)
{
    (void)state;
    assert_answer("Hc2", "OK");
    assert_int_equal(packet("s1234"), GDB_RESUME);
    assert_int_equal(gdb_action(&m.gdb, 1), GDB_STEP);
    assert_int_equal(gdb_action(&m.gdb, 0), GDB_RUN);
    assert_memory_equal(m.registers[0][2], "\x34\x12\0\0\0\0\0\0", 8);
    machine_stop(&m, 0);
    assert_answer("c!", "E01");
    assert_answer("C5!", "E01");
    assert_int_equal(packet("C5;10"), GDB_RESUME);
    assert_int_equal(gdb_action(&m.gdb, 1), GDB_RUN);
}

static void reasons_are_told_to_those_who_know_them(void **state)
{
    (void)state;
    struct gdb_event event = {.core = 1,
                              .signal = GDB_SIGTRAP,
                              .why = GDB_WHY_SOFTWARE_BREAK,
                              .kind = GDB_WATCH_ACCESS,
                              .address = 0xabc};
    gdb_stopped(&m.gdb, &event);
    assert_answer("?", "T05thread:2;");
    packet("qSupported:swbreak+;hwbreak+");
    assert_answer("?", "T05thread:2;swbreak:;");
    event.why = GDB_WHY_HARDWARE_BREAK;
    gdb_stopped(&m.gdb, &event);
    assert_answer("?", "T05thread:2;hwbreak:;");
    event.why = GDB_WHY_WATCH;
    gdb_stopped(&m.gdb, &event);
    assert_answer("?", "T05thread:2;awatch:abc;");
    assert_answer("qC", "QC2");
}

static void running_machines_listen_for_interrupts_only(void **state)
{
    (void)state;
    assert_int_equal(feed("\x03", 1), GDB_WAIT); /* it is stopped */
    packet("c");
    assert_int_equal(feed("x+-", 3), GDB_WAIT);
    assert_int_equal(feed("\x03", 1), GDB_INTERRUPT);
}

static void after_detaching_everything_runs(void **state)
{
    (void)state;
    packet("vCont;c:1");
    machine_stop(&m, 0);
    assert_answer("Z1,1000,1", "OK");
    assert_int_equal(packet("D"), GDB_RESUME);
    assert_reply("OK");
    assert_false(gdb_attached(&m.gdb));
    assert_int_equal(gdb_action(&m.gdb, 1), GDB_RUN);
    assert_int_equal(slots_in_use(), 0);
    m.n_sent = 0;
    machine_stop(&m, 0);
    assert_int_equal(m.n_sent, 0); /* nobody listens */
    assert_int_equal(packet("k"), GDB_RESUME);
    assert_string_equal(m.sent, "+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(features_are_agreed_upon, setup),
        cmocka_unit_test_setup(description_is_escaped_and_comes_in_parts, setup),
        cmocka_unit_test_setup(acknowledgements_can_be_switched_off, setup),
        cmocka_unit_test_setup(disturbed_packets_are_asked_for_again, setup),
        cmocka_unit_test_setup(too_long_packets_are_refused, setup),
        cmocka_unit_test_setup(registers_of_each_core, setup),
        cmocka_unit_test_setup(all_registers_or_none_are_written, setup),
        cmocka_unit_test_setup(memory_is_read_and_written, setup),
        cmocka_unit_test_setup(software_breakpoints_are_invisible, setup),
        cmocka_unit_test_setup(breakpoints_can_run_out, setup),
        cmocka_unit_test_setup(watchpoints_are_split_into_words, setup),
        cmocka_unit_test_setup(threads_are_cores, setup),
        cmocka_unit_test_setup(first_matching_action_counts, setup),
        cmocka_unit_test_setup(old_packets_resume_too, setup),
        cmocka_unit_test_setup(reasons_are_told_to_those_who_know_them, setup),
        cmocka_unit_test_setup(running_machines_listen_for_interrupts_only, setup),
        cmocka_unit_test_setup(after_detaching_everything_runs, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
