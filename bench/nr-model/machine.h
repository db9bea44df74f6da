// SPDX-License-Identifier: BSD-2-Clause
// The modelled machine: every number that the model has, in one table.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    MAX_SOCKETS = 8,
    MAX_CORES = 256, /* all sockets together */
};

/* Times in nanoseconds. */
struct machine {
    unsigned sockets;
    unsigned cores; /* of each socket */
    double load;    /* load of a line that the core has */
    double store;   /* store, into the store buffer */
    double rmw;     /* locked instruction on a line that the core owns, with the overlap it costs */
    double same;    /* transfer from another core of the socket */
    double cross;   /* from another socket, one hop */
    double cross2;  /* two hops: eight sockets with three links each are not all neighbours */
    double read_same;  /* a line that many read serves one reader each so often: within a socket */
    double read_cross; /* and across */
    double overlap;    /* no time: so many loads that miss are under way at once */
    double pause;      /* nr_port_relax with few spins */
    double yield;      /* and with many: a system call */
    double sleep;      /* futex wait, until it looks at the word */
    double wake;       /* futex wake that finds a sleeper, for the waker */
    double wake_none;  /* and one that finds none */
    double wakeup;     /* until the woken thread runs */
    double structure;  /* an operation of the bare structure, and of the loop that makes it */
};

/* The defaults, their sources in docs/benchmarks-nr.md. */
extern const struct machine machine_default;

/* Sets the parameter of that name; false: there is none. */
bool machine_set(struct machine *machine, const char *name, double value);

/* Prints the parameters as name=value lines. */
void machine_print(const struct machine *machine);

/* Number of links between two sockets, 0 to 2. */
unsigned machine_hops(const struct machine *machine, unsigned a, unsigned b);
