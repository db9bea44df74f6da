// SPDX-License-Identifier: BSD-2-Clause
//
// Starting the other cores, and talking to them.
#pragma once

#include <kernel/types.h>

/* smp_init - the boot core is online; interrupts between cores work. */
void smp_init(void);

/* smp_start - start all cores of the topology and wait for them; a core that does not come, or
 * lacks what the boot core has, is reported and left out. Returns how many are online. */
unsigned smp_start(void);
