// SPDX-License-Identifier: BSD-2-Clause
#include <base/number.h>

/* The value of a digit in bases up to 36; at least 36 for what is none. */
static unsigned digit_value(char c)
{
    if (char_is_digit(c))
        return (unsigned)(c - '0');
    if (char_is_alpha(c))
        return (unsigned)((c | 0x20) - 'a') + 10;
    return UINT8_MAX;
}

static struct bytes bytes_from(struct bytes text, size_t start)
{
    return bytes_of((const char *)text.data + start, text.len - start);
}

enum number_status number_take(struct bytes *text, unsigned base, uint64_t *value)
{
    const char *chars = text->data;
    uint64_t number = 0;
    bool overflow = false;
    size_t i = 0;
    for (; i < text->len && digit_value(chars[i]) < base; i++) {
        overflow |= __builtin_mul_overflow(number, base, &number);
        overflow |= __builtin_add_overflow(number, digit_value(chars[i]), &number);
    }
    if (i == 0)
        return NUMBER_MALFORMED;
    if (overflow)
        return NUMBER_RANGE;
    *text = bytes_from(*text, i);
    *value = number;
    return NUMBER_OK;
}

/* Takes the prefix of a base off the front. */
static unsigned take_base(struct bytes *text)
{
    const char *chars = text->data;
    if (text->len < 2 || chars[0] != '0')
        return 10;
    char letter = (char)(chars[1] | 0x20);
    unsigned base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10)
        *text = bytes_from(*text, 2);
    return base;
}

/* MALFORMED before RANGE: garbage behind a number that is too large is garbage first of all. */
static bool is_number(struct bytes text, unsigned base)
{
    const char *chars = text.data;
    size_t i = 0;
    while (i < text.len && digit_value(chars[i]) < base)
        i++;
    return i == text.len && i > 0;
}

enum number_status number_parse_u64(struct bytes text, unsigned base, uint64_t *value)
{
    if (base == 0)
        base = take_base(&text);
    if (!is_number(text, base))
        return NUMBER_MALFORMED;
    return number_take(&text, base, value);
}

enum number_status number_parse_i64(struct bytes text, unsigned base, int64_t *value)
{
    char sign = text.len ? *(const char *)text.data : '\0';
    if (sign == '+' || sign == '-')
        text = bytes_from(text, 1);
    uint64_t magnitude;
    enum number_status status = number_parse_u64(text, base, &magnitude);
    if (status != NUMBER_OK)
        return status;
    if (magnitude > (uint64_t)INT64_MAX + (sign == '-'))
        return NUMBER_RANGE;
    *value = (int64_t)(sign == '-' ? -magnitude : magnitude);
    return NUMBER_OK;
}

enum number_status number_parse_size(struct bytes text, uint64_t *value)
{
    static const char suffixes[] = "kmgt";
    unsigned shift = 0;
    if (text.len) {
        char last = (char)(((const char *)text.data)[text.len - 1] | 0x20);
        const char *suffix = str_find(suffixes, last);
        if (suffix) {
            shift = 10 * (unsigned)(suffix - suffixes + 1);
            text.len--;
        }
    }
    uint64_t number;
    enum number_status status = number_parse_u64(text, 0, &number);
    if (status != NUMBER_OK)
        return status;
    if (number << shift >> shift != number)
        return NUMBER_RANGE;
    *value = number << shift;
    return NUMBER_OK;
}
