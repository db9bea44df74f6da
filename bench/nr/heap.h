// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <base/alloc.h>

/* malloc as an allocator for lib/base's structures. */
extern struct allocator bench_heap;
