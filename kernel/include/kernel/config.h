// SPDX-License-Identifier: BSD-2-Clause
//
// Choices made when the kernel is built, as constants for plain `if`: both sides always compile.
#pragma once

#ifndef NRK_CHECKED
#define NRK_CHECKED 1
#endif

/* Does the kernel check itself: poison and red zones around objects, the owner of every frame,
 * injected failures? Costs memory and time; what it finds is a bug of the kernel, never bad input.
 */
enum { KERNEL_CHECKED = NRK_CHECKED };

/* More than this many NUMA nodes or cores are reported at boot and left unused. */
#define MAX_NODES 16
#define MAX_CORES 256
