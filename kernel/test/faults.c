// SPDX-License-Identifier: BSD-2-Clause
//
// Things that must not happen, to see that they are reported well.

#include "ktest_impl.h"

#include <kernel/panic.h>
#include <kernel/types.h>

/* Nothing is ever mapped there, in no stage of the boot. */
#define UNMAPPED ((volatile uint32_t *)0x4000deadbeef)

__attribute__((noinline)) void test_pfault(void)
{
    *UNMAPPED = 1;
}

__attribute__((noinline)) void test_gpfault(void)
{
    *(volatile uint32_t *)0xdeadbeefdeadbeef = 1; /* not canonical */
}

/* Recursion without end, as far as a stack goes; the volatile array keeps the compiler from making
 * a loop of it. */
__attribute__((noinline)) static uint64_t overflow_stack(uint64_t depth)
{
    volatile uint64_t frame[32] = {0};
    frame[depth % 32] = depth;
    if (depth == UINT64_MAX)
        return 0;
    return overflow_stack(depth + 1) + frame[(depth + 1) % 32];
}

void test_double_fault(void)
{
    overflow_stack(0);
}

void test_undefined(void)
{
    __builtin_trap();
}

__attribute__((noinline)) void test_panic(void)
{
    panic("this is a test of %s", "panic");
}

/* A fault while a fault is being reported: one line, no cascade. */
void test_fault_in_fault(void)
{
    panic_begin();
    test_pfault();
}

__attribute__((noinline)) static void write_beyond(volatile char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = 1;
}

void test_smash(void)
{
    char buf[16];
    write_beyond(buf, sizeof(buf) + 16);
}
