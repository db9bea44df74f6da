// SPDX-License-Identifier: BSD-2-Clause
#include "machine.h"

#include <stdio.h>
#include <string.h>

const struct machine machine_default = {
    .sockets = 1,
    .cores = 24,
    .load = 0.5,
    .store = 0.5,
    .rmw = 8,
    .same = 50,
    .cross = 130,
    .cross2 = 190,
    .read_same = 10,
    .read_cross = 30,
    .overlap = 1,
    .pause = 45,
    .yield = 400,
    .sleep = 400,
    .wake = 1000,
    .wake_none = 100,
    .wakeup = 2500,
    .structure = 22,
};

static const struct parameter {
    const char *name;
    size_t offset;
} parameters[] = {
    {"load", offsetof(struct machine, load)},
    {"store", offsetof(struct machine, store)},
    {"rmw", offsetof(struct machine, rmw)},
    {"same", offsetof(struct machine, same)},
    {"cross", offsetof(struct machine, cross)},
    {"cross2", offsetof(struct machine, cross2)},
    {"read_same", offsetof(struct machine, read_same)},
    {"read_cross", offsetof(struct machine, read_cross)},
    {"overlap", offsetof(struct machine, overlap)},
    {"pause", offsetof(struct machine, pause)},
    {"yield", offsetof(struct machine, yield)},
    {"sleep", offsetof(struct machine, sleep)},
    {"wake", offsetof(struct machine, wake)},
    {"wake_none", offsetof(struct machine, wake_none)},
    {"wakeup", offsetof(struct machine, wakeup)},
    {"structure", offsetof(struct machine, structure)},
};

enum {
    PARAMETERS = sizeof(parameters) / sizeof(parameters[0]),
};

bool machine_set(struct machine *machine, const char *name, double value)
{
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (strcmp(parameters[i].name, name) == 0) {
            memcpy((char *)machine + parameters[i].offset, &value, sizeof(value));
            return true;
        }
    }
    return false;
}

void machine_print(const struct machine *machine)
{
    for (size_t i = 0; i < PARAMETERS; i++) {
        double value;
        memcpy(&value, (const char *)machine + parameters[i].offset, sizeof(value));
        printf("%s=%g\n", parameters[i].name, value);
    }
}

unsigned machine_hops(const struct machine *machine, unsigned a, unsigned b)
{
    if (a == b)
        return 0;
    if (machine->sockets <= 4)
        return 1;
    return __builtin_popcount(a ^ b) == 1 ? 1 : 2; /* a cube */
}
