// SPDX-License-Identifier: BSD-2-Clause
// Small maps made to exercise the protocol rather than to be used: keys 0 .. MAP_KEYS - 1.
#pragma once

#include "subject.h"

enum {
    MAP_KEYS = 7,
};

extern const struct subject subject_map;             /* one log */
extern const struct subject subject_map_many;        /* one log, apply_many */
extern const struct subject subject_map_partitioned; /* a log for each class of keys */
extern const struct subject subject_map_concurrent;  /* the same, its own atomic accesses */
