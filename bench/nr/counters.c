// SPDX-License-Identifier: BSD-2-Clause
#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_event(uint64_t event, int group)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attr),
        .config = event,
        .disabled = group < 0,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, group, 0);
}

const char *counters_open(struct counters *counters)
{
    counters->misses = open_event(PERF_COUNT_HW_CACHE_MISSES, -1);
    int error = errno;
    counters->instructions = -1;
    if (counters->misses < 0)
        return strerror(error);
    counters->instructions = open_event(PERF_COUNT_HW_INSTRUCTIONS, counters->misses);
    if (counters->instructions >= 0)
        return NULL;
    error = errno;
    counters_close(counters);
    return strerror(error);
}

void counters_close(struct counters *counters)
{
    if (counters->instructions >= 0)
        close(counters->instructions);
    if (counters->misses >= 0)
        close(counters->misses);
    counters->misses = counters->instructions = -1;
}

void counters_start(const struct counters *counters)
{
    if (counters->misses < 0)
        return;
    ioctl(counters->misses, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
    ioctl(counters->misses, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

struct counts counters_stop(const struct counters *counters)
{
    struct counts counts = {0};
    if (counters->misses < 0)
        return counts;
    ioctl(counters->misses, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
    counts.valid =
        read(counters->misses, &counts.misses, sizeof(counts.misses)) == sizeof(counts.misses) &&
        read(counters->instructions, &counts.instructions, sizeof(counts.instructions)) ==
            sizeof(counts.instructions);
    return counts;
}
