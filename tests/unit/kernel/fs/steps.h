// SPDX-License-Identifier: BSD-2-Clause
//
// Random sequences of file operations, run on two file systems that must agree: in every result,
// every errno, and now and then in the whole tree.
//
// Paths begin in a directory six levels below the root, contain at most two "..", and links at most
// one, in front; so they never leave the part of the tree that both file systems share.
#pragma once

#include "../random.h"
#include <base/string.h>
#include <stdbool.h>
#include <stddef.h>

#define STEP_PATH  128
#define STEP_DATA  65536
#define STEP_SLOTS 6

enum step_kind {
    STEP_OPEN,
    STEP_CLOSE,
    STEP_READ,
    STEP_WRITE,
    STEP_RESIZE, /* an open file */
    STEP_ASK,    /* about an open file */
    STEP_STAT,
    STEP_LSTAT,
    STEP_TRUNCATE,
    STEP_CHMOD,
    STEP_MKDIR,
    STEP_RMDIR,
    STEP_UNLINK,
    STEP_LINK,
    STEP_SYMLINK, /* at `a`, with target `b` */
    STEP_READLINK,
    STEP_RENAME,
    STEP_LIST,
    STEP_KINDS,
};

/* The flags of <kernel/fs.h>. */
struct step {
    enum step_kind kind;
    unsigned slot, flags, mode;
    uint64_t offset;
    size_t len;
    unsigned seed; /* of the bytes written */
    char a[STEP_PATH], b[STEP_PATH];
};

/* What came of it; all that does not apply is zero. */
struct outcome {
    int err; /* errno of Linux */
    uint64_t kind, mode, links, size;
    uint64_t ino; /* compared within one look at the whole tree only */
    size_t len;   /* bytes in data */
    char data[STEP_DATA];
};

struct side {
    const char *name;
    void (*run)(struct side *self, const struct step *step, struct outcome *outcome);
};

/* text_append - add to a text in a buffer of @size bytes. */
static inline void text_append(char *to, size_t size, const char *text)
{
    size_t len = str_len(to);
    if (str_copy(to + len, size - len, text) >= size - len)
        abort();
}

/* steps_bytes - the bytes that a step writes. */
void steps_bytes(const struct step *step, char *bytes);

/* steps_compare - run @n random steps on both sides; fails the test at the first difference. */
void steps_compare(struct side *one, struct side *other, struct random *random, size_t n);

/* steps_line - add an entry to a listing in outcome->data; steps_sort - the lines into order. */
void steps_line(struct outcome *outcome, const char *name, unsigned kind);
void steps_sort(struct outcome *outcome);
