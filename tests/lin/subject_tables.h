// SPDX-License-Identifier: BSD-2-Clause
// The ready-made maps.
#pragma once

#include "subject.h"

extern const struct subject subject_hash_map;    /* of numbers, partitioned */
extern const struct subject subject_ordered_map; /* of numbers, with ranges */
extern const struct subject subject_bytes_map;   /* of byte strings, partitioned */

/* ---- What the three have in common --------------------------------------------------------------
 */

/* How they answer in the words of the model. */
void table_found(struct answer *answer, enum map_outcome outcome, uint64_t value);
void table_untold(struct answer *answer, enum map_outcome outcome);

/* Appends a pair to the answer of a scan; fails the run if the scan shows more than there can be.
 */
void table_pair(struct answer *answer, uint64_t key, uint64_t value);

/* Sorts the pairs of a scan that shows them in no particular order. */
void table_sort(struct answer *answer);

/* Operations that show the whole content. */
bool table_probe(uint32_t i, struct lin_op *op);

/* An operation of the kind answered what it must not. */
void table_fail(uint32_t kind, enum nr_status status) __attribute__((noreturn));
