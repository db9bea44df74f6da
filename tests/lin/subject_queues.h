// SPDX-License-Identifier: BSD-2-Clause
// The ready-made queue, stack and priority queue.
#pragma once

#include "subject.h"

extern const struct subject subject_queue;
extern const struct subject subject_stack;
extern const struct subject subject_pqueue;
