// SPDX-License-Identifier: BSD-2-Clause
//
// The wall clock: the battery-backed clock is read once, then time goes on by arch_time_ns().

#define LOG_SUBSYS "clock"

#include "arch.h"
#include "asm.h"
#include "clock.h"
#include "firmware.h"

#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/log.h>

enum {
    RTC_SECOND = 0,
    RTC_MINUTE = 2,
    RTC_HOUR = 4,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_STATUS_A = 10,
    RTC_STATUS_B = 11,
};

#define STATUS_A_UPDATING 0x80
#define STATUS_B_24_HOURS 0x02
#define STATUS_B_BINARY   0x04

struct date {
    unsigned second, minute, hour, day, month, year, century;
};

static uint64_t wall_start_ns; /* [const] after wall_init: wall time when arch_time_ns() was 0 */

static unsigned read_rtc(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static struct date read_raw(void)
{
    /* An update takes 2 ms at most; a clock that never ends one is read as it is. */
    for (unsigned i = 0; i < 100000 && read_rtc(RTC_STATUS_A) & STATUS_A_UPDATING; i++)
        arch_relax();
    return (struct date){
        .second = read_rtc(RTC_SECOND),
        .minute = read_rtc(RTC_MINUTE),
        .hour = read_rtc(RTC_HOUR),
        .day = read_rtc(RTC_DAY),
        .month = read_rtc(RTC_MONTH),
        .year = read_rtc(RTC_YEAR),
        .century = firmware.century ? read_rtc(firmware.century) : 0,
    };
}

static unsigned from_bcd(unsigned value)
{
    return (value >> 4) * 10 + (value & 15);
}

static struct date decode(struct date d)
{
    unsigned status = read_rtc(RTC_STATUS_B);
    bool afternoon = d.hour & 0x80;
    d.hour &= 0x7f;
    if (!(status & STATUS_B_BINARY)) {
        d = (struct date){from_bcd(d.second), from_bcd(d.minute), from_bcd(d.hour),
                          from_bcd(d.day),    from_bcd(d.month),  from_bcd(d.year),
                          from_bcd(d.century)};
    }
    if (!(status & STATUS_B_24_HOURS))
        d.hour = d.hour % 12 + (afternoon ? 12 : 0);
    d.year += (d.century >= 19 && d.century < 30 ? d.century : 20) * 100;
    return d;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, years counted from March on, so that
 * the leap day is a year's last. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    year -= month <= 2;
    unsigned from_march = month > 2 ? month - 3 : month + 9;
    uint64_t in_year = (153 * from_march + 2) / 5 + day - 1;
    uint64_t leap_days = year / 4 - year / 100 + year / 400;
    return (uint64_t)year * 365 + leap_days + in_year - 719468;
}

void wall_init(void)
{
    struct date d = read_raw(), again = read_raw();
    for (unsigned i = 0; i < 10 && memcmp(&d, &again, sizeof(d)) != 0;
         i++) { /* changed between reads */
        d = again;
        again = read_raw();
    }
    d = decode(d);
    uint64_t seconds = days_since_epoch(d.year, d.month, d.day) * 86400;
    seconds += d.hour * 3600 + d.minute * 60 + d.second;
    wall_start_ns = seconds * 1000000000 - arch_time_ns();
    log_info("it is %04u-%02u-%02u %02u:%02u:%02u UTC", d.year, d.month, d.day, d.hour, d.minute,
             d.second);
}

uint64_t arch_wall_ns(void)
{
    return wall_start_ns + arch_time_ns();
}
