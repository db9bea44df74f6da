// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"

#include <stdarg.h>

#include "lin_sched.h"
#include "nr_sched.h"

const enum hist_mode run_hist_mode = HIST_SCHED;
const uint32_t run_ops_max = 20; /* what tiny logs need to wrap around a few times */
const uint32_t run_entangled_max = 40;
const uint64_t run_count = 30000 * LIN_SCHEDULES_PERCENT / 100;

bool run_parallel(uint64_t seed, const struct run_thread *threads, uint32_t n)
{
    struct sched_config config = sched_config_draw(seed);
    struct sched *s = sched_create(&config);
    for (uint32_t i = 0; i < n; i++)
        sched_spawn(s, threads[i].name, threads[i].fn, threads[i].arg);
    bool ok = sched_run(s) == SCHED_OK;
    if (!ok) {
        sched_report(s, stderr);
        nr_sched_forget();
    }
    sched_destroy(s);
    return ok;
}

void run_fail(const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    sched_fail("%s", why);
}

void run_yield(void)
{
    sched_relax();
}

void run_jitter(struct rng *r)
{
    (void)r;
}

bool run_memory_ok(void)
{
    bool ok = nr_sched_sweep();
    if (nr_sched_live_blocks() > 0) {
        fprintf(stderr, "%zu blocks leaked\n", nr_sched_live_blocks());
        ok = false;
    }
    nr_sched_forget();
    return ok;
}
