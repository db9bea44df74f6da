// SPDX-License-Identifier: BSD-2-Clause
//
// The ring below the log, driven slot by slot.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../kernel/log/log_impl.h"
#include <string.h>

static struct log_slot slots[16];
static struct log_ring ring;

static void write_text(const char *text, size_t len)
{
    struct log_message message = {.subsys = "x", .text = text, .len = len};
    log_ring_write(&ring, &message);
}

static void messages_keep_their_text_over_many_laps(void **state)
{
    (void)state;
    char text[LOG_MAX_TEXT], got[LOG_MAX_TEXT];
    struct log_message message;
    log_ring_init(&ring, slots, 16);
    for (size_t i = 0; i < 5000; i++) {
        size_t len = (i * 31) % (LOG_MAX_TEXT + 1);
        for (size_t j = 0; j < len; j++)
            text[j] = (char)(i + j);
        write_text(text, len);
        assert_true(log_ring_peek(&ring, &message, got));
        assert_int_equal(message.len, len);
        assert_memory_equal(got, text, len);
        log_ring_drop(&ring);
        assert_false(log_ring_peek(&ring, &message, got));
    }
    assert_int_equal(ring.lost, 0);
}

static void a_message_that_does_not_fit_is_lost_whole(void **state)
{
    (void)state;
    char text[LOG_MAX_TEXT] = {0};
    struct log_message message;
    log_ring_init(&ring, slots, 16);
    write_text(text, 7 * SLOT_TEXT);
    write_text(text, 7 * SLOT_TEXT);
    write_text(text, 3 * SLOT_TEXT);
    assert_int_equal(ring.lost, 1);
    write_text(text, 2 * SLOT_TEXT);
    assert_int_equal(ring.lost, 1);
    write_text(text, 0);
    assert_int_equal(ring.lost, 2);
    static const size_t lengths[] = {7 * SLOT_TEXT, 7 * SLOT_TEXT, 2 * SLOT_TEXT};
    for (int i = 0; i < 3; i++) {
        assert_true(log_ring_peek(&ring, &message, text));
        assert_int_equal(message.len, lengths[i]);
        log_ring_drop(&ring);
    }
}

/* A writer that was stopped after it took its slots, or half-way through them. */
static void an_unfinished_message_holds_up_the_flush_but_not_a_panic(void **state)
{
    (void)state;
    char text[LOG_MAX_TEXT] = "abc";
    struct log_message message;
    for (unsigned written = 0; written < 3; written++) {
        log_ring_init(&ring, slots, 16);
        ring.head = 3;
        for (unsigned i = 3 - written; i < 3; i++) {
            slots[i].n_slots = 0;
            slots[i].sequence = i + 1;
        }
        write_text(text, 3);
        assert_false(log_ring_peek(&ring, &message, text));
        unsigned skipped = 0;
        while (log_ring_skip(&ring))
            skipped++;
        assert_int_equal(skipped, 3);
        assert_true(log_ring_peek(&ring, &message, text));
        assert_int_equal(message.len, 3);
        log_ring_drop(&ring);
        assert_false(log_ring_skip(&ring));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_keep_their_text_over_many_laps),
        cmocka_unit_test(a_message_that_does_not_fit_is_lost_whole),
        cmocka_unit_test(an_unfinished_message_holds_up_the_flush_but_not_a_panic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
