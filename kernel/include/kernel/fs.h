// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS: the kernel's file system, in memory and node-replicated. docs/nrfs.md has the theory.
//
// Any number of cores call these functions at a time, each with its own token of the replicated
// object. They do not block; they take spin locks, wait for other cores inside libnr, and allocate.
// Every function but close can fail for want of memory (KERR_FS_FULL), and has changed nothing
// then.
#pragma once

#include <base/bytes.h>
#include <kernel/error.h>
#include <kernel/frames.h>
#include <kernel/slab.h>

struct fs;
struct fs_anchor;
struct nr;
struct nr_thread;
struct nr_type;

/* The number of the root directory. Numbers are never used again. */
#define FS_ROOT UINT64_C(1)

/* Lengths of a name and of a path or a link's target, without NUL: those of Linux. */
#define FS_NAME_MAX 255
#define FS_PATH_MAX 4095

/* Links followed in one path: as on Linux. */
#define FS_LINKS_MAX 40

/* Bytes that one fs_write() writes at most, because a file is locked meanwhile. */
#define FS_WRITE_MAX (UINT64_C(1) << 20)

/* Logs, and so shards of the structure, at most. */
#define FS_MAX_LOGS 32

enum fs_kind { FS_REGULAR = 1, FS_DIRECTORY, FS_SYMLINK };

/* --- The instance --- */

struct fs_config {
    struct frames *frames; /* file pages */
    struct slab *slab;     /* everything else */
    unsigned logs;         /* 1..FS_MAX_LOGS */
    uint64_t seed;         /* of the names' hash: a secret where strangers choose names */
    int64_t now;           /* the times of the root directory */
};

/* fs_create - what exists once. Then comes the replicated object: nr_create() or nodes_create() for
 * fs_type(), with as many logs and this instance as init_arg; then fs_attach(). KERR_INVALID: bad
 * number of logs; KERR_NO_MEMORY. */
MUST_CHECK kerr_t fs_create(const struct fs_config *config, struct fs **out);
const struct nr_type *fs_type(void);
void fs_attach(struct fs *fs, struct nr *nr);

/* fs_clear - free all that exists once, file pages above all. Nobody calls or has files open any
 * more; then the replicated object is to be destroyed, and then comes fs_destroy(). */
void fs_clear(struct fs *fs);
void fs_destroy(struct fs *fs);

/* --- Calls --- */

/* Who calls, and when: replicas cannot look at the clock, so time comes with the call. */
struct fs_call {
    struct fs *fs;
    struct nr_thread *thread; /* this core's */
    int64_t now;              /* nanoseconds since 1970 */
    uint32_t uid, gid;        /* of what is created */
};

/* A path that begins at the directory with number @dir, unless it begins with '/'. */
struct fs_path {
    uint64_t dir;
    struct bytes path;
};

/* Functions that take a path fail with KERR_NOT_FOUND, KERR_NOT_DIRECTORY, KERR_LOOP, KERR_TOO_LONG
 * or KERR_INVALID (a NUL in it), besides what they say themselves. What a path names, when links
 * are followed, and which of several errors comes first, is as on Linux. */

enum fs_open_flags {
    FS_READ = 1,
    FS_WRITE = 2,
    FS_APPEND = 4,     /* every write goes to the end */
    FS_CREATE = 8,     /* make a regular file if there is none */
    FS_EXCLUSIVE = 16, /* with FS_CREATE: KERR_EXISTS if there is one */
    FS_TRUNCATE = 32,
    FS_MUST_BE_DIRECTORY = 64,
    FS_NO_FOLLOW = 128,   /* KERR_LOOP if the last name is that of a link */
    FS_LINK_ITSELF = 256, /* with FS_NO_FOLLOW: open the link, to ask and to hold it only */
};

/* An open file; belongs to whoever opened it, may be used by several cores at a time. The inode
 * lives at least as long. */
struct fs_file {
    uint64_t ino;
    struct fs_anchor *anchor;
    uint32_t kind;  /* enum fs_kind */
    uint32_t flags; /* enum fs_open_flags */
};

struct fs_open_how {
    uint32_t flags;
    uint32_t mode; /* of a file that is made */
};

/* fs_open - open what a path names, or make it. KERR_IS_DIRECTORY: a directory, to write to or with
 * FS_CREATE. */
MUST_CHECK kerr_t fs_open(const struct fs_call *call, const struct fs_path *at,
                          struct fs_open_how how, struct fs_file *file);

/* fs_dup - one more fs_close() to come. */
void fs_dup(const struct fs_file *file);

/* fs_close - the last one frees a file that has no name any more. Never fails. */
void fs_close(const struct fs_call *call, const struct fs_file *file);

struct fs_io {
    void *data;
    uint64_t len;
    uint64_t offset;
};

/* fs_read - copy what is there, fewer bytes at the end. KERR_BAD_HANDLE: not opened to read;
 * KERR_IS_DIRECTORY; KERR_INVALID: beyond 2^63. */
MUST_CHECK kerr_t fs_read(const struct fs_call *call, const struct fs_file *file,
                          const struct fs_io *io, uint64_t *done);

/* fs_write - write at most FS_WRITE_MAX bytes, *done says how many; with FS_APPEND at the end,
 * which io->offset tells afterwards. Fewer than that if memory ran out in between, and KERR_FS_FULL
 * only if there was none for the first. KERR_BAD_HANDLE, KERR_INVALID as above. */
MUST_CHECK kerr_t fs_write(const struct fs_call *call, const struct fs_file *file, struct fs_io *io,
                           uint64_t *done);

/* fs_truncate - cut, or lengthen by zeros. KERR_INVALID: not opened to write, no regular file, or
 * beyond 2^63. */
MUST_CHECK kerr_t fs_truncate(const struct fs_call *call, const struct fs_file *file,
                              uint64_t size);

struct fs_stat {
    uint64_t ino, links;
    uint64_t size;  /* bytes; of a directory: entries */
    uint64_t pages; /* of 4 KiB, really there */
    uint32_t kind, mode, uid, gid;
    int64_t atime, mtime, ctime;
};

enum fs_follow { FS_LAST_LINK, FS_FOLLOW_LAST };

/* fs_stat, fs_stat_file - ask about what a path names, or an open file. */
MUST_CHECK kerr_t fs_stat(const struct fs_call *call, const struct fs_path *at,
                          enum fs_follow follow, struct fs_stat *stat);
MUST_CHECK kerr_t fs_stat_file(const struct fs_call *call, const struct fs_file *file,
                               struct fs_stat *stat);

enum fs_attribute {
    FS_SET_MODE = 1,
    FS_SET_UID = 2,
    FS_SET_GID = 4,
    FS_SET_ATIME = 8,
    FS_SET_MTIME = 16
};

struct fs_attributes {
    uint32_t set; /* enum fs_attribute: which of the others count */
    uint32_t mode, uid, gid;
    int64_t atime, mtime;
};

/* fs_set, fs_set_file - change attributes. */
MUST_CHECK kerr_t fs_set(const struct fs_call *call, const struct fs_path *at,
                         enum fs_follow follow, const struct fs_attributes *attributes);
MUST_CHECK kerr_t fs_set_file(const struct fs_call *call, const struct fs_file *file,
                              const struct fs_attributes *attributes);

/* --- Names --- */

/* fs_mkdir - KERR_EXISTS. */
MUST_CHECK kerr_t fs_mkdir(const struct fs_call *call, const struct fs_path *at, uint32_t mode);

/* fs_symlink - a link with the text @target. KERR_EXISTS; KERR_NOT_FOUND: empty target. */
MUST_CHECK kerr_t fs_symlink(const struct fs_call *call, struct bytes target,
                             const struct fs_path *at);

/* fs_read_link - copy as much of a link's target as io->len allows. KERR_INVALID: no link. */
MUST_CHECK kerr_t fs_read_link(const struct fs_call *call, const struct fs_path *at,
                               const struct fs_io *io, uint64_t *done);

/* fs_link - one more name, @to, for what @from names. KERR_EXISTS; KERR_NOT_PERMITTED: a
 * directory. */
MUST_CHECK kerr_t fs_link(const struct fs_call *call, const struct fs_path *from,
                          const struct fs_path *to);

/* fs_unlink - remove the name of a file or link. KERR_IS_DIRECTORY. */
MUST_CHECK kerr_t fs_unlink(const struct fs_call *call, const struct fs_path *at);

/* fs_rmdir - KERR_NOT_DIRECTORY, KERR_NOT_EMPTY; KERR_INVALID: "."; KERR_BUSY: the root. */
MUST_CHECK kerr_t fs_rmdir(const struct fs_call *call, const struct fs_path *at);

enum fs_rename_flags { FS_REPLACE, FS_NO_REPLACE };

/* fs_rename - @from becomes @to, in one step, in place of a file or an empty directory that has
 * this name unless @flags forbid it (KERR_EXISTS). KERR_IS_DIRECTORY, KERR_NOT_DIRECTORY,
 * KERR_NOT_EMPTY: cannot replace that; KERR_INVALID: a directory would get below itself; KERR_BUSY:
 * "." and "..". */
MUST_CHECK kerr_t fs_rename(const struct fs_call *call, const struct fs_path *from,
                            const struct fs_path *to, enum fs_rename_flags flags);

struct fs_entry {
    uint64_t ino;
    uint64_t next; /* position after this entry */
    uint8_t kind;
    uint8_t name_len;
    char name[FS_NAME_MAX + 1]; /* ends with NUL */
};

/* A position in a directory and room for entries. */
struct fs_listing {
    uint64_t position; /* 0 at the beginning; fs_entry.next goes on behind an entry */
    struct fs_entry *entries;
    uint32_t max;
    uint32_t count; /* result; 0 at the end */
};

/* fs_list - read entries, "." and ".." first. Positions stay valid for ever: what is in the
 * directory from the first call to the last is listed once, what comes or goes meanwhile at most
 * once. Advances listing->position. KERR_NOT_DIRECTORY; KERR_NOT_FOUND: it was removed. */
MUST_CHECK kerr_t fs_list(const struct fs_call *call, const struct fs_file *file,
                          struct fs_listing *listing);

/* fs_flush - free what waits for the replicas to be up to date. */
void fs_flush(struct fs *fs);

struct fs_counters {
    uint64_t inodes;  /* that exist, with those that wait to be freed */
    uint64_t retries; /* operations begun again because another core was faster */
    uint64_t refused; /* operations that found no memory */
};

/* fs_counters - exact while nobody calls. */
void fs_counters(struct fs *fs, struct fs_counters *counters);
