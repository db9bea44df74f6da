// SPDX-License-Identifier: BSD-2-Clause
//
// The errors of kernel functions; errors.def is the one list of them.
#pragma once

#include <kernel/types.h>

/* 0 or one of KERR_*, which are negative. Functions that return it are declared MUST_CHECK. */
typedef int32_t kerr_t;

enum {
    KERR_OK = 0,
#define KERR(name, number, text, linux_errno) KERR_##name = -(number),
#include <kernel/errors.def>
#undef KERR
};

/* kerr_name - "NO_MEMORY"; "OK" for 0 and "UNKNOWN" for what is no error. Never NULL. */
const char *kerr_name(kerr_t err);

/* kerr_text - a phrase for people, "out of memory". Never NULL. */
const char *kerr_text(kerr_t err);

/* kerr_to_linux - the errno (positive) of x86-64 Linux; 0 for 0, EIO for what is no error. */
int kerr_to_linux(kerr_t err);
