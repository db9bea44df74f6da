// SPDX-License-Identifier: BSD-2-Clause
//
// The local APIC of each core, as xAPIC (registers in memory) or x2APIC (MSRs) where there is one.
#pragma once

#include "trap.h"

#include <kernel/types.h>

/* apic_init - choose the mode, map the registers; once. */
void apic_init(void);

/* apic_init_core - enable this core's APIC, everything masked. */
void apic_init_core(void);

/* apic_id - of this core. */
uint32_t apic_id(void);

/* apic_max_id - the highest id that can be addressed in the chosen mode. */
uint32_t apic_max_id(void);

/* apic_eoi - the interrupt being served is done. */
void apic_eoi(void);

/* apic_send - interrupt the core with @target as APIC id. */
void apic_send(uint32_t target, unsigned vector);

/* apic_send_nmi_to_others - to all cores but this one. */
void apic_send_nmi_to_others(void);

/* apic_send_nmi - to the core with @target as APIC id; also from within NMIs. */
void apic_send_nmi(uint32_t target);

/* apic_send_init, apic_send_startup - the messages that start a core; @page: number of the 4 KiB
 * page below 1 MiB where it begins. */
void apic_send_init(uint32_t target);
void apic_send_startup(uint32_t target, uint8_t page);

/* apic_timer_* - the one-shot timer, which raises VECTOR_TIMER. In deadline mode (where the
 * processor has it) the argument is a value of the time-stamp counter, else a count at the rate
 * that timer.c measures. */
void apic_timer_enable(bool deadline_mode);
void apic_timer_set_deadline(uint64_t tsc);
void apic_timer_set_count(uint32_t count);
uint32_t apic_timer_count(void);

/* ioapic_init - map all of them and mask all their inputs. Also silences the old interrupt
 * controller. */
void ioapic_init(void);

/* Instead of a vector: the interrupt is an NMI. */
#define ROUTE_AS_NMI 0x400

/* ioapic_route - let global interrupt @gsi raise @vector on the core with APIC id @target. False:
 * there is no such input, or the id does not fit. */
bool ioapic_route(uint32_t gsi, unsigned vector, uint32_t target, bool low, bool level);

/* ioapic_route_isa - the same for an interrupt of the ISA bus, which firmware may have rewired. */
bool ioapic_route_isa(uint8_t irq, unsigned vector, uint32_t target);

/* ioapic_mask - undo ioapic_route. */
void ioapic_mask(uint32_t gsi);
