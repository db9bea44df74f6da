// SPDX-License-Identifier: BSD-2-Clause
// Who has which cache line, and how long it takes to get it: MESI over the cores of several
// sockets.
//
// 1. A line is with a set of cores. A load by one of them, and a store by the only one of them, is
// a
//    hit; everything else is a transfer, from the nearest core that has the line for a load, and as
//    far as the farthest core that must give it up for a store. Exclusive and modified are one
//    state.
// 2. A line serves one transfer at a time (`busy`): contended lines queue. Loads of a shared line
// overlap,
//    but for a short time of service each.
// 3. Stores go to a store buffer: the core goes on at once, the store takes effect when the line
// has come, and
//    stores take effect in order. A read-modify-write waits until the buffer is empty. A load of a
//    line with a store on its way waits for that.
// 4. Loads that miss one after the other may overlap (`overlap`); at 1, each is waited for.
// 5. Caches have no capacity: only sharing is modelled. The line size is 64 bytes.
// 6. Memory that is placed on a socket (coherence_place) starts out with all its cores, other
// memory with all
//    cores: the state in which a structure is after having been read for a while.
#pragma once

#include <stdint.h>

#include "machine.h"

enum access {
    ACCESS_LOAD,
    ACCESS_STORE,
    ACCESS_RMW,
};

/* Times in picoseconds from here. */
struct core {
    unsigned index;
    unsigned socket;
    uint64_t clock;
    uint64_t drain; /* when its store buffer will be empty */
};

struct transfers {
    uint64_t hits, same, cross;
};

struct coherence;

/* NULL: no memory. */
struct coherence *coherence_create(const struct machine *machine);
void coherence_destroy(struct coherence *coherence);

/* The range is the socket's from the start; before the first access to it. */
void coherence_place(struct coherence *coherence, const void *start, size_t size, unsigned socket);

/* Performs an access to one line and moves the core's clock to the time when it goes on. */
void coherence_access(struct coherence *coherence, struct core *core, uintptr_t address,
                      enum access kind);

struct transfers coherence_transfers(const struct coherence *coherence);
