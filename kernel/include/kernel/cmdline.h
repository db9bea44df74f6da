// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's command line. docs/kernel-cmdline.md describes the grammar and the keys for its
// users.
//
//     line  = [word] *(blanks word) [blanks "--" blanks rest]
//     word  = key ["=" value]          key = 1*(letter / digit / "_" / "-" / ".")
//     value = any mixture of plain characters, '...' (literal) and "..." (\" and \\ are escapes)
//
// `rest` is kept as it is: it becomes the arguments of the first process. Every word is kept, known
// or not, and whoever knows a key claims it, so that in the end the words that nobody claimed can
// be reported. A malformed word is left out, and its kind and position are recorded. Where a key
// comes more than once the last one counts.
//
// Nothing here allocates or blocks; the parsed line lives in the buffer of the caller.
#pragma once

#include <kernel/error.h>

enum cmdline_problem_kind {
    CMDLINE_BAD_KEY,       /* no key, or a character that keys do not have */
    CMDLINE_OPEN_QUOTE,    /* a quote that is not closed; the word reaches to the end of the line */
    CMDLINE_BAD_ESCAPE,    /* \ in "..." before something else than \ and " */
    CMDLINE_BAD_CHARACTER, /* a control character outside quotes */
    CMDLINE_DUPLICATE,     /* the key was given before: not malformed, this one counts */
};

struct cmdline_problem {
    enum cmdline_problem_kind kind;
    size_t position; /* offset in the text that was parsed */
};

/* Problems kept with their position; more are only counted. */
#define CMDLINE_MAX_PROBLEMS 16

/* A buffer of this size holds any line of `len` characters. The worst case is one-letter words: two
 * characters with the blank become a flag, the key, and the ends of key and value. */
#define CMDLINE_BUFFER_SIZE(len) (2 * (len) + 8)

struct cmdline {
    char *words;      /* records: flags, key, NUL, value, NUL */
    size_t size;      /* bytes in use there */
    const char *rest; /* what follows "--"; NULL without one */
    size_t n_problems;
    struct cmdline_problem problems[CMDLINE_MAX_PROBLEMS];
};

struct cmdline_word {
    const char *key;
    const char *value; /* "" if there is none */
    bool has_value;    /* was there a '='? */
    bool claimed;
};

/* cmdline_parse - read @text (@len characters, or up to a NUL) into @line; @buffer must live as
 * long. KERR_TOO_LONG: the buffer is too small, and @line is empty then. Malformed words are no
 * error. */
MUST_CHECK kerr_t cmdline_parse(struct cmdline *line, const char *text, size_t len, char *buffer,
                                size_t buffer_size);

/* cmdline_get - claim all words with @key and return the value of the last: "" for a bare word,
 * NULL if the key was not given. Owned by @line. */
const char *cmdline_get(struct cmdline *line, const char *key);

/* cmdline_has - claim @key; was it given? */
bool cmdline_has(struct cmdline *line, const char *key);

/* cmdline_get_number - claim @key and read its value: decimal or 0x hexadecimal, with an optional
 * suffix K, M, G or T (powers of 1024). KERR_NOT_FOUND: not given; KERR_INVALID: no number;
 * KERR_RANGE: more than 64 bits. @value is written on success only. */
MUST_CHECK kerr_t cmdline_get_number(struct cmdline *line, const char *key, uint64_t *value);

/* cmdline_next - iterate over all words in their order: start with @cursor 0; false at the end. */
bool cmdline_next(const struct cmdline *line, size_t *cursor, struct cmdline_word *word);

/* cmdline_split - take the next word off *@text, which is advanced, with the quoting rules above,
 * and put it to @word. For values that hold several words (initargs) and for `rest`.
 * KERR_NOT_FOUND: no more words; KERR_TOO_LONG: does not fit @size with its NUL, and the rest of
 * @text is given up; KERR_MALFORMED: open quote, bad escape. */
MUST_CHECK kerr_t cmdline_split(const char **text, char *word, size_t size);

/* cmdline_problem_text - a phrase for people. */
const char *cmdline_problem_text(enum cmdline_problem_kind kind);
