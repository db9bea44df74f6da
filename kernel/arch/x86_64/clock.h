// SPDX-License-Identifier: BSD-2-Clause
//
// Time: the time-stamp counter, calibrated against a timer of known rate.
#pragma once

#include <kernel/types.h>

/* clock_init - find the rates; once. arch_time_ns() counts from here. */
void clock_init(void);

/* clock_to_tsc - the value of the time-stamp counter at time @ns of arch_time_ns(). Only meaningful
 * while clock_uses_tsc(). */
uint64_t clock_to_tsc(uint64_t ns);
bool clock_uses_tsc(void);

/* clock_spin - busy-wait; for the few waits that hardware prescribes. */
void clock_spin(uint64_t ns);

/* wall_init - read the real-time clock. */
void wall_init(void);

/* timer_init - choose between TSC deadlines and counts, and measure the latter; once, on the boot
 * core after apic_init_core and clock_init. */
void timer_init(void);

/* timer_init_core - enable this core's timer. */
void timer_init_core(void);
