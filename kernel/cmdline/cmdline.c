// SPDX-License-Identifier: BSD-2-Clause
//
// A word is scanned once, from left to right, and written unquoted to the buffer as it is read.
// Output is never longer than input plus the three bytes of a record, and a malformed word is taken
// back by resetting the end of the buffer to where its record began.

#include <kernel/cmdline.h>

#include <base/string.h>

enum word_flags {
    WORD_HAS_VALUE = 1,
    WORD_CLAIMED = 2,
};

/* [core] Where reading and writing stand. */
struct scanner {
    const char *text;
    size_t at;
    size_t end;
    char *out;
    size_t out_size;
    size_t out_max;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool key_equals(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool at_end_of_word(const struct scanner *s)
{
    return s->at == s->end || is_blank(s->text[s->at]);
}

static bool emit(struct scanner *s, char c)
{
    if (s->out_size == s->out_max)
        return false;
    s->out[s->out_size++] = c;
    return true;
}

/* What went wrong in a word, and where; kind < 0: nothing. */
struct fault {
    int kind;
    size_t position;
};

static void set_fault(struct fault *fault, enum cmdline_problem_kind kind, size_t position)
{
    if (fault->kind < 0)
        *fault = (struct fault){(int)kind, position};
}

/* Reads from behind the opening quote to behind the closing one. False: the buffer is full. */
static bool scan_quoted(struct scanner *s, char quote, struct fault *fault)
{
    size_t opened = s->at - 1;
    while (s->at < s->end && s->text[s->at] != quote) {
        char c = s->text[s->at++];
        if (c == '\\' && quote == '"') {
            char escaped = s->at < s->end ? s->text[s->at] : '\0';
            if (escaped == '"' || escaped == '\\') {
                c = escaped;
                s->at++;
            } else {
                set_fault(fault, CMDLINE_BAD_ESCAPE, s->at - 1);
            }
        }
        if (!emit(s, c))
            return false;
    }
    if (s->at == s->end)
        set_fault(fault, CMDLINE_OPEN_QUOTE, opened);
    else
        s->at++;
    return true;
}

/* Reads plain and quoted characters up to the end of the word. False: the buffer is full. */
static bool scan_value(struct scanner *s, struct fault *fault)
{
    while (!at_end_of_word(s)) {
        char c = s->text[s->at++];
        if (c == '\'' || c == '"') {
            if (!scan_quoted(s, c, fault))
                return false;
            continue;
        }
        if (is_control(c))
            set_fault(fault, CMDLINE_BAD_CHARACTER, s->at - 1);
        if (!emit(s, c))
            return false;
    }
    return true;
}

/* Reads the key; the rest of a malformed one is read as if it were a value, to find its end. */
static bool scan_key(struct scanner *s, struct fault *fault)
{
    size_t start = s->at;
    while (!at_end_of_word(s) && is_key_char(s->text[s->at])) {
        if (!emit(s, s->text[s->at++]))
            return false;
    }
    bool ends_well = at_end_of_word(s) || s->text[s->at] == '=';
    if (s->at > start && ends_well)
        return true;
    set_fault(fault,
              !ends_well && is_control(s->text[s->at]) ? CMDLINE_BAD_CHARACTER : CMDLINE_BAD_KEY,
              s->at);
    return scan_value(s, fault);
}

static void add_problem(struct cmdline *line, enum cmdline_problem_kind kind, size_t position)
{
    if (line->n_problems < CMDLINE_MAX_PROBLEMS)
        line->problems[line->n_problems] = (struct cmdline_problem){kind, position};
    line->n_problems++;
}

static bool has_key(const struct cmdline *line, const char *key)
{
    struct cmdline_word word;
    for (size_t cursor = 0; cmdline_next(line, &cursor, &word);) {
        if (key_equals(word.key, key))
            return true;
    }
    return false;
}

/* Reads one word and appends its record. False: the buffer is full. */
static bool scan_word(struct scanner *s, struct cmdline *line)
{
    struct fault fault = {.kind = -1};
    size_t start = s->at;
    size_t record = s->out_size;
    if (!emit(s, 0) || !scan_key(s, &fault) || !emit(s, '\0'))
        return false;
    if (!at_end_of_word(s)) {
        s->at++; /* the '=' */
        s->out[record] = WORD_HAS_VALUE;
        if (!scan_value(s, &fault))
            return false;
    }
    if (!emit(s, '\0'))
        return false;
    if (fault.kind >= 0) {
        add_problem(line, (enum cmdline_problem_kind)fault.kind, fault.position);
        s->out_size = record;
        return true;
    }
    if (has_key(line, &s->out[record + 1]))
        add_problem(line, CMDLINE_DUPLICATE, start);
    line->size = s->out_size;
    return true;
}

/* Does a word "--" start here? */
static bool at_separator(const struct scanner *s)
{
    return s->end - s->at >= 2 && s->text[s->at] == '-' && s->text[s->at + 1] == '-' &&
           (s->end - s->at == 2 || is_blank(s->text[s->at + 2]));
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && is_blank(s->text[s->at]))
        s->at++;
}

/* Copies what follows "--", terminated. False: the buffer is full. */
static bool scan_rest(struct scanner *s, struct cmdline *line)
{
    s->at += 2;
    skip_blanks(s);
    size_t start = s->out_size;
    while (s->at < s->end) {
        if (!emit(s, s->text[s->at++]))
            return false;
    }
    if (!emit(s, '\0'))
        return false;
    line->rest = &s->out[start];
    return true;
}

kerr_t cmdline_parse(struct cmdline *line, const char *text, size_t len, char *buffer,
                     size_t buffer_size)
{
    struct scanner s = {.text = text, .out_max = buffer_size};
    s.out = buffer;
    while (s.end < len && text[s.end])
        s.end++;
    *line = (struct cmdline){.words = buffer};

    for (skip_blanks(&s); s.at < s.end; skip_blanks(&s)) {
        bool last = at_separator(&s);
        if (!(last ? scan_rest(&s, line) : scan_word(&s, line))) {
            *line = (struct cmdline){.words = buffer};
            return KERR_TOO_LONG;
        }
        if (last)
            break;
    }
    return KERR_OK;
}

bool cmdline_next(const struct cmdline *line, size_t *cursor, struct cmdline_word *word)
{
    if (*cursor >= line->size)
        return false;
    const char *at = &line->words[*cursor];
    word->has_value = (*at & WORD_HAS_VALUE) != 0;
    word->claimed = (*at & WORD_CLAIMED) != 0;
    word->key = ++at;
    while (*at)
        at++;
    word->value = ++at;
    while (*at)
        at++;
    *cursor = (size_t)(at + 1 - line->words);
    return true;
}

const char *cmdline_get(struct cmdline *line, const char *key)
{
    const char *value = NULL;
    struct cmdline_word word;
    for (size_t cursor = 0, record = 0; cmdline_next(line, &cursor, &word); record = cursor) {
        if (!key_equals(word.key, key))
            continue;
        line->words[record] |= WORD_CLAIMED;
        value = word.value;
    }
    return value;
}

bool cmdline_has(struct cmdline *line, const char *key)
{
    return cmdline_get(line, key) != NULL;
}

/* The value of a digit in @base, or -1. */
static int digit_value(char c, unsigned base)
{
    int value = -1;
    if (c >= '0' && c <= '9')
        value = c - '0';
    else if (c >= 'a' && c <= 'f')
        value = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
        value = c - 'A' + 10;
    return value < (int)base ? value : -1;
}

/* The power of two that a suffix stands for, or -1. */
static int suffix_shift(char c)
{
    switch (c) {
    case '\0':
        return 0;
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    case 'T':
    case 't':
        return 40;
    default:
        return -1;
    }
}

kerr_t cmdline_get_number(struct cmdline *line, const char *key, uint64_t *value)
{
    const char *at = cmdline_get(line, key);
    if (!at)
        return KERR_NOT_FOUND;
    unsigned base = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') ? 16 : 10;
    if (base == 16)
        at += 2;
    if (digit_value(*at, base) < 0)
        return KERR_INVALID;

    uint64_t number = 0;
    bool overflow = false;
    for (int digit; (digit = digit_value(*at, base)) >= 0; at++) {
        overflow |= __builtin_mul_overflow(number, (uint64_t)base, &number);
        overflow |= __builtin_add_overflow(number, (uint64_t)digit, &number);
    }
    int shift = suffix_shift(*at);
    if (shift < 0 || (*at && at[1]))
        return KERR_INVALID;
    overflow |= number << shift >> shift != number;
    if (overflow)
        return KERR_RANGE;
    *value = number << shift;
    return KERR_OK;
}

kerr_t cmdline_split(const char **text, char *word, size_t size)
{
    struct scanner s = {.text = *text, .out_max = size};
    s.out = word;
    while (s.text[s.end])
        s.end++;
    skip_blanks(&s);
    if (s.at == s.end) {
        *text += s.at;
        return KERR_NOT_FOUND;
    }
    struct fault fault = {.kind = -1};
    bool fits = scan_value(&s, &fault) && emit(&s, '\0');
    *text += fits ? s.at : s.end;
    if (!fits)
        return KERR_TOO_LONG;
    return fault.kind >= 0 ? KERR_MALFORMED : KERR_OK;
}

const char *cmdline_problem_text(enum cmdline_problem_kind kind)
{
    switch (kind) {
    case CMDLINE_BAD_KEY:
        return "no valid key";
    case CMDLINE_OPEN_QUOTE:
        return "quote is not closed";
    case CMDLINE_BAD_ESCAPE:
        return "bad escape in \"...\"";
    case CMDLINE_BAD_CHARACTER:
        return "control character";
    case CMDLINE_DUPLICATE:
        return "given twice, the last one counts";
    }
    return "unknown";
}
