// SPDX-License-Identifier: BSD-2-Clause
//
// Injected failures: lets a test make the n-th allocation fail, for all n, and so walk every error
// path. Checked builds only; in others inject_fails() is the constant false.
#pragma once

#include <kernel/config.h>
#include <kernel/types.h>

/* inject_arm - let the @nth (from 1) of the allocations from now on fail, and, if @sticky, all
 * later ones too. 0 disarms. Counts on all cores together. */
void inject_arm(uint64_t nth, bool sticky);

/* inject_fired - has an allocation been failed since inject_arm()? */
bool inject_fired(void);

/* inject_next - count an allocation; true: it has to fail. Called through inject_fails(). */
bool inject_next(void);

/* inject_fails - to be asked by every allocator before it does anything. */
static inline bool inject_fails(void)
{
    return KERNEL_CHECKED && inject_next();
}
