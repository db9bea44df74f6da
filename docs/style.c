// SPDX-License-Identifier: BSD-2-Clause
/*
 * A parking lot: the style of our C in a file that compiles. CONTRIBUTING.md is the text to it.
 *
 * 1. Concepts. A lot has a fixed number of spaces. A space is free, or holds the car with a plate.
 * 2. Invariant. `taken` is the number of spaces that are not free; cars fill the lowest ones first.
 * 3. Concurrency. None: a lot belongs to one core. What is shared between cores is built from such
 *    plain structures by node replication, so there are no locks and no atomics in here.
 * 4. Failure. Parking fails when the lot is full, creation when memory is short; nothing else does.
 */

/* Our headers first, the file's own on top; then standard ones. Every header compiles alone. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Constants carry the reason for their value: the street has no room for more. */
#define LOT_MAX_SPACES 64

/*
 * Opaque scalars are one-member structs: no plate is passed where a space number is meant. A
 * typedef is for these and for function types only.
 */
typedef struct {
    uint32_t number;
} plate_t;

/* Error codes are negative; 0 is success. Whoever ignores one is told by the compiler. */
enum lot_error {
    LOT_FULL = -1,
    LOT_NO_MEMORY = -2,
    LOT_NOT_HERE = -3,
};

struct space {
    plate_t car;
    bool taken;
};

/* Ownership of each member stands beside it. */
struct lot {
    size_t count;          /* [const] number of spaces */
    size_t taken;          /* [core] */
    struct space spaces[]; /* [core] `count` of them */
};

/* A function type documents its contract like a function: called once for each car. */
typedef void lot_visit_fn(plate_t car, size_t space, void *arg);

int lot_create(size_t count, struct lot **out);
void lot_destroy(struct lot *lot);
int lot_park(struct lot *lot, plate_t car, size_t *space_out) __attribute__((warn_unused_result));
int lot_leave(struct lot *lot, plate_t car) __attribute__((warn_unused_result));
void lot_visit(const struct lot *lot, lot_visit_fn *visit, void *arg);

static const size_t NO_SPACE = SIZE_MAX;

static bool plate_equal(plate_t a, plate_t b)
{
    return a.number == b.number;
}

static size_t lot_find(const struct lot *lot, plate_t car)
{
    for (size_t i = 0; i < lot->count; i++) {
        if (lot->spaces[i].taken && plate_equal(lot->spaces[i].car, car))
            return i;
    }
    return NO_SPACE;
}

/*
 * Creates a lot of `count` spaces (at most LOT_MAX_SPACES), all free; the caller owns it.
 * Returns 0, LOT_FULL for a count that the street has no room for, or LOT_NO_MEMORY. Allocates.
 */
int lot_create(size_t count, struct lot **out)
{
    if (count > LOT_MAX_SPACES)
        return LOT_FULL;
    struct lot *lot = calloc(1, sizeof *lot + count * sizeof lot->spaces[0]);
    if (!lot)
        return LOT_NO_MEMORY;
    lot->count = count;
    *out = lot;
    return 0;
}

/* Ends a lot and frees its memory, cars or not. The counterpart stands beside what it undoes. */
void lot_destroy(struct lot *lot)
{
    free(lot);
}

/* Parks `car` in the lowest free space and stores its number. Returns 0 or, changing nothing,
 * LOT_FULL. */
int lot_park(struct lot *lot, plate_t car, size_t *space_out)
{
    if (lot->taken == lot->count)
        return LOT_FULL;
    size_t i = 0;
    while (lot->spaces[i].taken)
        i++;
    lot->spaces[i] = (struct space){.car = car, .taken = true};
    lot->taken++;
    *space_out = i;
    return 0;
}

/* Frees the space of `car`. Returns 0, or LOT_NOT_HERE with no effect. */
int lot_leave(struct lot *lot, plate_t car)
{
    size_t i = lot_find(lot, car);
    if (i == NO_SPACE)
        return LOT_NOT_HERE;
    lot->spaces[i].taken = false;
    lot->taken--;
    return 0;
}

/* Calls `visit` for each parked car, lowest space first. `visit` must not change the lot. */
void lot_visit(const struct lot *lot, lot_visit_fn *visit, void *arg)
{
    for (size_t i = 0; i < lot->count; i++) {
        if (lot->spaces[i].taken)
            visit(lot->spaces[i].car, i, arg);
    }
}

static void count_car(plate_t car, size_t space, void *arg)
{
    (void)car;
    (void)space;
    size_t *count = arg;
    (*count)++;
}

/* goto has one use: to unwind what was acquired, in reverse order, from one exit. */
int main(void)
{
    int error;
    struct lot *day = NULL;
    struct lot *night = NULL;
    size_t space;
    size_t cars = 0;

    error = lot_create(2, &day);
    if (error)
        goto out;
    error = lot_create(0, &night);
    if (error)
        goto out_day;

    /* A refusal that we expect is not an error: the night lot has no space at all. */
    error = lot_park(night, (plate_t){7}, &space) == LOT_FULL ? 0 : LOT_NOT_HERE;
    if (error)
        goto out_night;
    error = lot_park(day, (plate_t){7}, &space);
    if (error)
        goto out_night;
    lot_visit(day, count_car, &cars);
    assert(cars == day->taken);
    error = lot_leave(day, (plate_t){7});

out_night:
    lot_destroy(night);
out_day:
    lot_destroy(day);
out:
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
