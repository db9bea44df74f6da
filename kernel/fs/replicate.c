// SPDX-License-Identifier: BSD-2-Clause
//
// NrFS under libnr: several logs, one for each shard. An operation that touches several shards, and
// so goes to several logs, is what libnr calls a scan; queries go to one.

#include "fs_impl.h"

static uint64_t fs_state_query_logs(const struct fs_query *query, unsigned n_logs)
{
    return UINT64_C(1) << fs_shard_of(query->ino, n_logs);
}

NR_ADAPT_LOGS(fs_state, struct fs_op, struct fs_query)
NR_DEFINE(fs_state, struct fs_state, struct fs_op, struct fs_answer, struct fs_query,
          struct fs_result, .op_logs = fs_state_op_logs_adapted,
          .query_logs = fs_state_query_logs_adapted);

const struct nr_type *fs_type(void)
{
    return &fs_state_type;
}

static struct fs_state_thread *thread_of(const struct fs_call *call)
{
    return (struct fs_state_thread *)call->thread;
}

kerr_t fs_reserve(struct fs *fs, const struct fs_op *op)
{
    uint64_t logs = fs_state_op_logs(op, fs->config.logs);
    for (uint64_t left = logs; left; left &= left - 1) {
        unsigned log = bit_lowest(left);
        struct detmem_demand demand = fs_op_demand(op, log, fs->config.logs);
        if (detmem_reserve(fs->detmem[log], &demand) == KERR_OK)
            continue;
        for (uint64_t done = logs & ~left; done; done &= done - 1) {
            demand = fs_op_demand(op, bit_lowest(done), fs->config.logs);
            detmem_cancel(fs->detmem[bit_lowest(done)], &demand);
        }
        atomic_fetch_add_explicit(&fs->refused, 1, memory_order_relaxed);
        return KERR_FS_FULL;
    }
    return KERR_OK;
}

struct fs_answer fs_execute(const struct fs_call *call, const struct fs_op *op)
{
    struct fs_answer answer = fs_state_execute(thread_of(call), op);
    if (answer.err == KERR_AGAIN)
        atomic_fetch_add_explicit(&call->fs->retries, 1, memory_order_relaxed);
    return answer;
}

struct fs_result fs_ask(const struct fs_call *call, const struct fs_query *query)
{
    return fs_state_query(thread_of(call), query);
}
