// SPDX-License-Identifier: BSD-2-Clause
//
// The head of the per-core variables: what the machine layer, the assembler and the compiler reach
// directly through GS.
#pragma once

#include "layout.h"

#include <kernel/types.h>

/* [core] */
struct percore_head {
    struct percore_head *self;
    uint64_t user_rsp;     /* scratch of the system call entry */
    uint64_t kernel_stack; /* top of the stack for traps and calls from user space */
    core_id_t id;
    uint32_t apic_id;
    node_id_t node;
    uint32_t reserved;
    uint64_t canary; /* of the stack protector: %gs:40 */
};
_Static_assert(offsetof(struct percore_head, self) == PERCORE_SELF, "known to the assembler");
_Static_assert(offsetof(struct percore_head, user_rsp) == PERCORE_USER_RSP,
               "known to the assembler");
_Static_assert(offsetof(struct percore_head, kernel_stack) == PERCORE_STACK,
               "known to the assembler");
_Static_assert(offsetof(struct percore_head, canary) == PERCORE_CANARY, "known to the compiler");

/* percore_head - this core's head. */
static inline struct percore_head *percore_head(void)
{
    struct percore_head *head;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(head));
    return head;
}
