// SPDX-License-Identifier: BSD-2-Clause
#include "fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define asan_start_switch  __sanitizer_start_switch_fiber
#define asan_finish_switch __sanitizer_finish_switch_fiber
#define asan_unpoison      __asan_unpoison_memory_region
#else
#define asan_start_switch(save, bottom, size)  ((void)(save), (void)(bottom), (void)(size))
#define asan_finish_switch(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#define asan_unpoison(start, size)             ((void)(start), (void)(size))
#endif

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define tsan_current   __tsan_get_current_fiber
#define tsan_create    __tsan_create_fiber
#define tsan_destroy   __tsan_destroy_fiber
#define tsan_switch_to __tsan_switch_to_fiber
#else
#define tsan_current()             NULL
#define tsan_create(flags)         NULL
#define tsan_destroy(fiber)        ((void)(fiber))
#define tsan_switch_to(fiber, how) ((void)(fiber))
#endif

enum {
    /* A logical thread runs library and test code, no deep recursion; sanitizers use more. */
    STACK_SIZE = 256 << 10,
};

/* Saves the preserved registers on the stack, its pointer in *save, and resumes the stack to. */
void fiber_swap_stacks(void **save, void *to);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl fiber_swap_stacks\n"
        ".hidden fiber_swap_stacks\n"
        ".type fiber_swap_stacks, @function\n"
        "fiber_swap_stacks:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_swap_stacks, . - fiber_swap_stacks\n");

/* Six registers, the address to return to, and a return address for entry, which it never uses. */
static void *stack_prepare(uintptr_t *top, void (*entry)(void))
{
    top[-1] = 0;
    top[-2] = (uintptr_t)entry;
    memset(top - 8, 0, 6 * sizeof(*top));
    return top - 8;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl fiber_swap_stacks\n"
        ".hidden fiber_swap_stacks\n"
        ".type fiber_swap_stacks, %function\n"
        "fiber_swap_stacks:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size fiber_swap_stacks, . - fiber_swap_stacks\n");

/* Ten preserved registers, frame pointer and return address, eight floating-point registers. */
static void *stack_prepare(uintptr_t *top, void (*entry)(void))
{
    memset(top - 20, 0, 20 * sizeof(*top));
    top[-20 + 11] = (uintptr_t)entry;
    return top - 20;
}
#else
#error "fiber: no context switch for this processor"
#endif

void fiber_adopt(struct fiber *f)
{
    *f = (struct fiber){.tsan = tsan_current()};
}

/*
 * Stacks are kept for the next fiber: a test program makes hundreds of thousands of fibers. The
 * link lies in the stack's lowest word.
 */
static char *spare_stacks;

static char *stack_take(void)
{
    char *stack = spare_stacks;
    if (stack) {
        memcpy(&spare_stacks, stack, sizeof(spare_stacks));
        return stack;
    }
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *p =
        mmap(NULL, guard + STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    mprotect(p, guard, PROT_NONE);
    return p + guard;
}

bool fiber_init(struct fiber *f, void (*entry)(void))
{
    char *stack = stack_take();
    if (!stack)
        return false;
    *f = (struct fiber){.stack = stack, .size = STACK_SIZE, .tsan = tsan_create(0)};
    f->sp = stack_prepare((uintptr_t *)(void *)(f->stack + f->size), entry);
    return true;
}

void fiber_fini(struct fiber *f)
{
    if (!f->stack)
        return;
    tsan_destroy(f->tsan);
    asan_unpoison(f->stack, f->size); /* it may have been left inside functions */
    memcpy(f->stack, &spare_stacks, sizeof(spare_stacks));
    spare_stacks = f->stack;
    f->stack = NULL;
}

/* Where AddressSanitizer found the kernel thread's own stack, learnt at the first switch from it.
 */
static const void *main_stack;
static size_t main_size;

void fiber_entered(struct fiber *from)
{
    const void *bottom = NULL;
    size_t size = 0;
    asan_finish_switch(NULL, &bottom, &size);
    if (!from->stack) {
        main_stack = bottom;
        main_size = size;
    }
}

void fiber_switch(struct fiber *from, struct fiber *to, bool ends)
{
    const void *bottom = to->stack ? to->stack : main_stack;
    size_t size = to->stack ? to->size : main_size;
    asan_start_switch(ends ? NULL : &from->asan_stack, bottom, size);
    tsan_switch_to(to->tsan, 0);
    fiber_swap_stacks(&from->sp, to->sp);
    asan_finish_switch(from->asan_stack, NULL, NULL);
}
