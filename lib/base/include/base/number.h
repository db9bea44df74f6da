// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/* Reading numbers from text, with every digit checked. */
#include <base/bytes.h>
#include <stdint.h>

enum number_status {
    NUMBER_OK = 0,
    NUMBER_MALFORMED = -1, /* no digit, or something that is no digit of the base */
    NUMBER_RANGE = -2,     /* too large (or too small) for the type */
};

/* Takes the digits of the base (2..36) off the front of *text. MALFORMED: there is none; RANGE: the
 * number is too large. On errors *text and *value are unchanged. */
enum number_status number_take(struct bytes *text, unsigned base, uint64_t *value);

/* All of the text is a number of the base (2..36); base 0: decimal, 0x hexadecimal, 0o octal or 0b
 * binary. On errors *value is unchanged. The signed one takes one + or - in front. */
enum number_status number_parse_u64(struct bytes text, unsigned base, uint64_t *value);
enum number_status number_parse_i64(struct bytes text, unsigned base, int64_t *value);

/* number_parse_u64 with base 0 and an optional suffix K, M, G or T, also in lower case: times 2^10,
 * 2^20, 2^30, 2^40. */
enum number_status number_parse_size(struct bytes text, uint64_t *value);
