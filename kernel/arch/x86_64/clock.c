// SPDX-License-Identifier: BSD-2-Clause
//
// The clock. Its rate comes from the hypervisor or the processor where they tell, else it is
// measured against the HPET, the ACPI timer or the old interval timer, whichever exists first in
// this order.
//
// The time-stamp counter is read in a few nanoseconds, but counts evenly, and alike on all cores,
// only where the processor says that it is invariant, or in a virtual machine, whose monitor sees
// to it. On other machines time is read from the HPET, a device: slower, and right. Without one we
// take the time-stamp counter and say so.

#define LOG_SUBSYS "clock"

#include "clock.h"

#include "arch.h"
#include "asm.h"
#include "cpu.h"
#include "firmware.h"
#include "layout.h"

#include <base/bits.h>
#include <kernel/arch.h>
#include <kernel/log.h>

#define NS_PER_S    UINT64_C(1000000000)
#define PM_TIMER_HZ 3579545
#define PIT_HZ      1193182

/* How long a measurement lasts: reading a timer takes at most some microseconds, so the error is
 * below one in a thousand even then, and a boot is not made longer noticeably. */
#define MEASURE_NS (20 * 1000 * 1000)

#define HPET_CAPABILITY    0x00
#define HPET_CONFIGURATION 0x10
#define HPET_COUNTER       0xf0

/* A counter that runs at a known rate. `mask` is its width. */
struct reference {
    const char *name;
    uint64_t (*read)(void);
    uint64_t hz;
    uint64_t mask;
};

/* ticks -> ns as (ticks * mult) >> 32. */
struct scale {
    uint64_t mult;
};

/* All [const] after clock_init. */
static volatile uint64_t *hpet;
static uint64_t hpet_hz;
static bool use_tsc;
static uint64_t tsc_hz, tsc_start, hpet_start;
static struct scale tsc_scale, hpet_scale;

static struct scale scale_of(uint64_t hz)
{
    return (struct scale){mul_div(NS_PER_S, UINT64_C(1) << 32, hz)};
}

static uint64_t to_ns(struct scale scale, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * scale.mult >> 32);
}

static uint64_t read_hpet(void)
{
    return hpet[HPET_COUNTER / 8];
}

static uint64_t read_pm_timer(void)
{
    return inl(firmware.pm_timer);
}

/* The interval timer counts down from 65536 again and again, in channel 2, which nobody else uses.
 */
static void start_pit(void)
{
    outb(0x61, (inb(0x61) & 0xfc) | 1); /* gate on, speaker off */
    outb(0x43, 0xb4);                   /* channel 2, low and high byte, rate generator */
    outb(0x42, 0);
    outb(0x42, 0);
}

static uint64_t read_pit(void)
{
    outb(0x43, 0x80); /* latch channel 2 */
    uint8_t low = inb(0x42);
    return (uint64_t)0x10000 - (low | inb(0x42) << 8);
}

static void init_hpet(void)
{
    if (!firmware.hpet || !(hpet = arch_map_device(paddr(firmware.hpet), 1024)))
        return;
    uint64_t capability = hpet[HPET_CAPABILITY / 8];
    uint64_t femtoseconds = capability >> 32;
    bool is_64_bits = capability >> 13 & 1;
    /* The specification's limit is 100 ns; a counter of 32 bits would wrap within minutes. */
    if (!femtoseconds || femtoseconds > 100000000 || !is_64_bits) {
        hpet = NULL;
        return;
    }
    hpet_hz = UINT64_C(1000000000000000) / femtoseconds;
    hpet_scale = scale_of(hpet_hz);
    hpet[HPET_CONFIGURATION / 8] |= 1;
}

static struct reference choose_reference(void)
{
    if (hpet)
        return (struct reference){"HPET", read_hpet, hpet_hz, UINT64_MAX};
    if (firmware.pm_timer)
        return (struct reference){"ACPI timer", read_pm_timer, PM_TIMER_HZ, firmware.pm_mask};
    start_pit();
    return (struct reference){"interval timer", read_pit, PIT_HZ, 0xffff};
}

/* Both counters at (nearly) one moment: of some tries the one that took least. */
static void read_both(const struct reference *ref, uint64_t *ref_value, uint64_t *tsc)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = rdtsc(), value = ref->read(), after = rdtsc();
        if (after - before < best) {
            best = after - before;
            *ref_value = value;
            *tsc = before + best / 2;
        }
    }
}

static uint64_t measure_tsc(const struct reference *ref)
{
    uint64_t ref_start, ref_end, start, end;
    uint64_t wanted = ref->hz * MEASURE_NS / NS_PER_S;
    read_both(ref, &ref_start, &start);
    while (((ref->read() - ref_start) & ref->mask) < wanted)
        arch_relax();
    read_both(ref, &ref_end, &end);
    uint64_t ref_ticks = (ref_end - ref_start) & ref->mask;
    return mul_div(end - start, ref->hz, ref_ticks);
}

/* What hypervisor or processor say about the rate; 0 if nothing. */
static uint64_t told_tsc_hz(const char **source)
{
    uint64_t khz = cpu.hypervisor ? cpuid(0x40000010, 0).eax : 0;
    if (khz) {
        *source = "hypervisor";
        return khz * 1000;
    }
    struct cpuid crystal = cpuid(0x15, 0); /* TSC rate = crystal's rate (ecx) * ebx / eax */
    if (crystal.eax && crystal.ebx && crystal.ecx) {
        *source = "processor";
        return (uint64_t)crystal.ecx * crystal.ebx / crystal.eax;
    }
    return 0;
}

void clock_init(void)
{
    init_hpet();
    const char *source;
    tsc_hz = told_tsc_hz(&source);
    if (!tsc_hz) {
        struct reference ref = choose_reference();
        tsc_hz = measure_tsc(&ref);
        source = ref.name;
    }
    tsc_scale = scale_of(tsc_hz);
    use_tsc = cpu.invariant_tsc || cpu.hypervisor || !hpet;
    tsc_start = rdtsc();
    hpet_start = hpet ? read_hpet() : 0;
    log_info("time-stamp counter at %lu kHz by %s; time is read from %s", tsc_hz / 1000, source,
             use_tsc ? "it" : "the HPET");
    if (use_tsc && !cpu.invariant_tsc && !cpu.hypervisor)
        log_warn("the time-stamp counter is not invariant, and there is no other clock");
}

uint64_t arch_time_ns(void)
{
    if (use_tsc)
        return to_ns(tsc_scale, rdtsc() - tsc_start);
    return hpet ? to_ns(hpet_scale, read_hpet() - hpet_start) : 0;
}

uint64_t clock_to_tsc(uint64_t ns)
{
    return tsc_start + mul_div(ns, tsc_hz, NS_PER_S);
}

bool clock_uses_tsc(void)
{
    return use_tsc;
}

void clock_spin(uint64_t ns)
{
    uint64_t end = arch_time_ns() + ns;
    while (arch_time_ns() < end)
        arch_relax();
}
