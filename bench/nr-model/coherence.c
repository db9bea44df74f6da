// SPDX-License-Identifier: BSD-2-Clause
#include "coherence.h"

#include <base/hmap.h>
#include <stdlib.h>
#include <string.h>

#include "../nr/heap.h"

enum {
    LINE_SHIFT = 6,
    WORDS = MAX_CORES / 64,
    MAX_PLACES = 4096,
};

struct line {
    uint64_t holders[WORDS];
    uint64_t busy;
};

struct place {
    uintptr_t start, end;
    unsigned socket;
};

struct coherence {
    const struct machine *machine;
    struct hmap index; /* line number -> place in lines */
    struct line *lines;
    size_t count, room;
    struct place places[MAX_PLACES];
    unsigned nplaces;
    struct transfers transfers;
};

static uint64_t picoseconds(double ns)
{
    return (uint64_t)(ns * 1000);
}

struct coherence *coherence_create(const struct machine *machine)
{
    struct coherence *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->machine = machine;
    hmap_init(&c->index, &bench_heap);
    return c;
}

void coherence_destroy(struct coherence *c)
{
    hmap_fini(&c->index);
    free(c->lines);
    free(c);
}

void coherence_place(struct coherence *c, const void *start, size_t size, unsigned socket)
{
    if (c->nplaces < MAX_PLACES)
        c->places[c->nplaces++] = (struct place){(uintptr_t)start, (uintptr_t)start + size, socket};
}

static void hold(struct line *line, unsigned core)
{
    line->holders[core / 64] |= UINT64_C(1) << core % 64;
}

static bool holds(const struct line *line, unsigned core)
{
    return line->holders[core / 64] >> core % 64 & 1;
}

static bool holds_alone(const struct line *line, unsigned core)
{
    for (unsigned i = 0; i < WORDS; i++) {
        if (line->holders[i] != (i == core / 64 ? UINT64_C(1) << core % 64 : 0))
            return false;
    }
    return true;
}

static void line_init(const struct coherence *c, struct line *line, uintptr_t address)
{
    unsigned first = 0, last = c->machine->sockets;
    for (unsigned i = 0; i < c->nplaces; i++) {
        const struct place *place = &c->places[i];
        if (address >= place->start && address < place->end) {
            first = place->socket;
            last = first + 1;
        }
    }
    *line = (struct line){0};
    for (unsigned core = first * c->machine->cores; core < last * c->machine->cores; core++)
        hold(line, core);
}

/* Lines are never forgotten; the program ends when there is no memory for another. */
static struct line *line_of(struct coherence *c, uintptr_t address)
{
    uint64_t key = (address >> LINE_SHIFT) + 1, at;
    if (hmap_get(&c->index, key, &at))
        return &c->lines[at];
    if (c->count == c->room) {
        c->room = c->room ? 2 * c->room : 4096;
        c->lines = realloc(c->lines, c->room * sizeof(*c->lines));
        if (!c->lines)
            abort();
    }
    if (hmap_put(&c->index, key, c->count, NULL) != PUT_ADDED)
        abort();
    line_init(c, &c->lines[c->count], address);
    return &c->lines[c->count++];
}

/* Hops to the nearest or the farthest other core that has the line. */
static unsigned distance(const struct coherence *c, const struct line *line,
                         const struct core *core, bool farthest)
{
    unsigned found = farthest ? 0 : 2;
    for (unsigned socket = 0; socket < c->machine->sockets; socket++) {
        unsigned hops = machine_hops(c->machine, core->socket, socket);
        if (farthest ? hops <= found : hops >= found)
            continue;
        for (unsigned i = socket * c->machine->cores; i < (socket + 1) * c->machine->cores; i++) {
            if (i != core->index && holds(line, i)) {
                found = hops;
                break;
            }
        }
    }
    return found;
}

static uint64_t latency(struct coherence *c, unsigned hops)
{
    const double times[] = {c->machine->same, c->machine->cross, c->machine->cross2};
    if (hops)
        c->transfers.cross++;
    else
        c->transfers.same++;
    return picoseconds(times[hops]);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void load(struct coherence *c, struct core *core, struct line *line)
{
    core->clock += picoseconds(c->machine->load);
    if (holds(line, core->index)) {
        c->transfers.hits++;
        return;
    }
    unsigned hops = distance(c, line, core, false);
    uint64_t start = later(core->clock, line->busy);
    line->busy = start + picoseconds(hops ? c->machine->read_cross : c->machine->read_same);
    core->clock = start + (uint64_t)((double)latency(c, hops) / c->machine->overlap);
    hold(line, core->index);
}

/* When the core, starting at `now`, has the line for itself. */
static uint64_t own(struct coherence *c, struct core *core, struct line *line, uint64_t now)
{
    if (holds_alone(line, core->index)) {
        c->transfers.hits++;
        return now;
    }
    uint64_t owned = later(now, line->busy) + latency(c, distance(c, line, core, true));
    memset(line->holders, 0, sizeof(line->holders));
    hold(line, core->index);
    return owned;
}

void coherence_access(struct coherence *c, struct core *core, uintptr_t address, enum access kind)
{
    struct line *line = line_of(c, address);
    if (kind == ACCESS_LOAD) {
        load(c, core, line);
    } else if (kind == ACCESS_STORE) {
        core->drain = later(core->drain, own(c, core, line, core->clock));
        line->busy = later(line->busy, core->drain);
        core->clock += picoseconds(c->machine->store);
    } else {
        uint64_t owned = own(c, core, line, later(core->clock, core->drain));
        core->clock = core->drain = line->busy = owned + picoseconds(c->machine->rmw);
    }
}

struct transfers coherence_transfers(const struct coherence *c)
{
    return c->transfers;
}
