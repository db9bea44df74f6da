// SPDX-License-Identifier: BSD-2-Clause
//
// The command line and the values that are parsed further: numbers, words, levels of the log.

#include "fuzz.h"
#include <base/string.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <stdlib.h>

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* No value is longer than the line, and every word has a key. */
static void check_words(struct cmdline *line, size_t size)
{
    struct cmdline_word word;
    for (size_t cursor = 0; cmdline_next(line, &cursor, &word);) {
        check(word.key[0] != '\0' && strlen(word.key) + strlen(word.value) <= size);
        check(cmdline_has(line, word.key));
    }
    for (size_t cursor = 0; cmdline_next(line, &cursor, &word);)
        check(word.claimed);
}

static void split(const char *text)
{
    char word[32];
    kerr_t err;
    while ((err = cmdline_split(&text, word, sizeof(word))) != KERR_NOT_FOUND)
        check(err == KERR_TOO_LONG || strlen(word) < sizeof(word));
    check(*text == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmdline line;
    size_t buffer_size = CMDLINE_BUFFER_SIZE(size);
    char *buffer = malloc(buffer_size);
    check(buffer != NULL);
    check(cmdline_parse(&line, (const char *)data, size, buffer, buffer_size) == KERR_OK);
    check_words(&line, size);
    for (size_t i = 0; i < line.n_problems && i < CMDLINE_MAX_PROBLEMS; i++)
        check(line.problems[i].position < size);
    if (line.rest)
        split(line.rest);
    uint64_t number = 0;
    kerr_t err = cmdline_get_number(&line, "n", &number);
    check(err != KERR_NOT_FOUND || !cmdline_has(&line, "n"));
    const char *init_args = cmdline_get(&line, "initargs");
    if (init_args)
        split(init_args);
    const char *log = cmdline_get(&line, "log");
    size_t position = 0;
    if (log && log_configure(log, &position))
        check(position < strlen(log));
    free(buffer);

    /* A buffer that is too small must be noticed at every point. */
    char small[16];
    err = cmdline_parse(&line, (const char *)data, size, small, size % sizeof(small));
    check(err == KERR_OK || (err == KERR_TOO_LONG && line.size == 0));
    return 0;
}
