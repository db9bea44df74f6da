// SPDX-License-Identifier: BSD-2-Clause
// Shows the operations called before the culprit returned, in order of calls: stamps renumbered
// from 1 within the partition, the place of each operation in the witness sequence, call and
// response. Operations long before the culprit are summed up in a line, unless some are still open
// in the part that is shown.
#include "lin_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lin_memo.h"

enum {
    ROWS_SHOWN = 40, /* fits a screen; a violation rarely reaches back further */
    TEXT = 96,
};

static void print_numbers(const struct lin_op *op, char *call, char *resp, size_t cap)
{
    snprintf(call, cap, "op%" PRIu32 "(%" PRIu64 ", %" PRIu64 ", %" PRIu64 ")", op->kind,
             op->arg[0], op->arg[1], op->arg[2]);
    snprintf(resp, cap, "= %" PRIu64 ", %" PRIu64, op->resp[0], op->resp[1]);
}

static void print_row(const struct lin_model *model, const struct lin_op *op, size_t place,
                      const char *mark, FILE *out)
{
    char call[TEXT], resp[TEXT], ret[24], lin[24];
    (model->print ? model->print : print_numbers)(op, call, resp, TEXT);
    if (op->ret == LIN_PENDING)
        snprintf(ret, sizeof(ret), "-");
    else
        snprintf(ret, sizeof(ret), "%" PRIu64, op->ret);
    if (place)
        snprintf(lin, sizeof(lin), "%zu", place);
    else
        snprintf(lin, sizeof(lin), "-");
    fprintf(out, "  %6" PRIu32 " %10" PRIu64 " %10s %8s  %-28s %s%s\n", op->thread, op->call, ret,
            lin, call, lin_op_answered(op) ? resp : "(no answer)", mark);
}

void lin_report(const struct lin_model *model, const struct lin_explanation *why, FILE *out)
{
    const struct lin_op *culprit = why->ops[why->culprit];
    size_t *place = lin_alloc(why->n, sizeof(*place));
    for (size_t i = 0; i < why->witness_len; i++)
        place[why->witness[i]] = i + 1;
    size_t end = 0;
    while (end < why->n && why->ops[end]->call < culprit->ret)
        end++;
    size_t start = end > ROWS_SHOWN ? end - ROWS_SHOWN : 0;

    fprintf(out, "%s: not linearizable", model->name);
    if (why->key != LIN_ALL_KEYS)
        fprintf(out, " (key %" PRIu64 ")", why->key);
    fprintf(out,
            ": %zu operations, the longest explanation takes %zu and ends at stamp %" PRIu64 "\n",
            why->n, why->witness_len, culprit->ret);
    fprintf(out, "  %6s %10s %10s %8s  %-28s %s\n", "thread", "call", "return", "place",
            "operation", "response");
    size_t hidden = 0;
    for (size_t i = 0; i < end; i++) {
        if (i < start && place[i] && i != why->culprit) {
            hidden++;
            continue;
        }
        if (hidden)
            fprintf(out, "  ... %zu operations, linearized\n", hidden);
        hidden = 0;
        print_row(model, why->ops[i], place[i],
                  i == why->culprit ? "   <-- no place before this returns" : "", out);
    }
    fprintf(out, "  (%zu later operations not shown)\n", why->n - end);
    free(place);
}
