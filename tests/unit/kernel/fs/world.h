// SPDX-License-Identifier: BSD-2-Clause
//
// A file system on the simulated machine, for tests: replicas, logs, tokens; and calls by path that
// answer with Linux' errno.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Room for the tests with many files. Only what is used becomes real memory. */
#define MACHINE_NODE_SIZE (UINT64_C(256) << 20)

#include "../machine.h"
#include "../random.h"
#include "kernel/fs/state.h"
#include <kernel/fs.h>
#include <kernel/inject.h>
#include <nr/nr.h>
#include <string.h>

#define WORLD_MAX_THREADS 8
#define WORLD_SEED        7

struct world {
    struct frames *frames;
    struct slab *slab;
    struct fs *fs;
    struct nr *nr;
    unsigned replicas;
    uint64_t frames_before;
    struct fs_call calls[WORLD_MAX_THREADS]; /* thread t is on replica t % replicas */
    unsigned n_threads;
};

/* world_create - with NR's guard against replicas that differ. */
void world_create(struct world *world, unsigned replicas, unsigned logs);

/* world_destroy - and check that all memory is back. */
void world_destroy(struct world *world);

/* world_check_equal - are all replicas the same, byte for byte but for their own addresses? */
void world_check_equal(struct world *world);

/* world_digest - of the first replica, brought up to date. */
uint64_t world_digest(struct world *world);

/* world_check_state - is what one replica says of links, parents and sizes consistent? */
void world_check_state(const struct fs_state *state);

/* path_of - a path from the root. Lives as long as the text. */
static inline struct fs_path path_of(const char *text)
{
    return (struct fs_path){FS_ROOT, bytes_of_str(text)};
}

static inline int errno_of(kerr_t err)
{
    return kerr_to_linux(err);
}
