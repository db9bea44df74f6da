// SPDX-License-Identifier: BSD-2-Clause
// A violation as a table that a person can follow.
#pragma once

#include "lincheck.h"

/* Why a partition has no sequential explanation. Indices are positions in ops. */
struct lin_explanation {
    uint64_t key;
    const struct lin_op *const *ops; /* in order of calls */
    size_t n;
    uint32_t culprit;        /* its return is the first event without explanation */
    const uint32_t *witness; /* sequence explaining everything that returned before */
    size_t witness_len;
};

/* Writes the table to out. */
void lin_report(const struct lin_model *model, const struct lin_explanation *why, FILE *out);
