// SPDX-License-Identifier: BSD-2-Clause

#include <hosted/hosted.h>

#include <base/bits.h>
#include <base/format.h>
#include <kernel/panic.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Thread_local core_id_t this_core;
static _Thread_local bool irqs_off;
/* Virtual addresses are aligned as physical ones are, up to this, as in a direct map. */
#define RAM_ALIGN (UINT64_C(2) << 20)

static char *ram;
static uint64_t ram_size;
static void *ram_area; /* what was mapped: up to RAM_ALIGN more */
static uint64_t fixed_time;
static hosted_console_fn console;
static hosted_panic_fn panic_handler;

void hosted_set_core(core_id_t core)
{
    this_core = core;
}

void hosted_ram_create(uint64_t size)
{
    void *area = mmap(NULL, size + RAM_ALIGN, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram || area == MAP_FAILED) {
        perror("hosted_ram_create");
        abort();
    }
    ram_area = area;
    ram = (char *)align_up((uintptr_t)area, RAM_ALIGN);
    ram_size = size;
}

void hosted_ram_destroy(void)
{
    munmap(ram_area, ram_size + RAM_ALIGN);
    ram = NULL;
    ram_size = 0;
}

void hosted_set_time(uint64_t ns)
{
    fixed_time = ns;
}

void hosted_set_console(hosted_console_fn write)
{
    console = write;
}

void hosted_set_panic(hosted_panic_fn handler)
{
    panic_handler = handler;
}

void arch_console_write(const char *text, size_t len)
{
    if (console) {
        console(text, len);
        return;
    }
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

_Noreturn void arch_exit(enum exit_code code)
{
    exit((int)code);
}

core_id_t arch_core_id(void)
{
    return this_core;
}

/* Yields: a thread waits here for another one, which may want this very processor. */
void arch_relax(void)
{
    sched_yield();
}

bool arch_irq_save(void)
{
    bool was_on = !irqs_off;
    irqs_off = true;
    return was_on;
}

void arch_irq_restore(bool was_on)
{
    irqs_off = !was_on;
}

bool arch_irqs_on(void)
{
    return !irqs_off;
}

uint64_t arch_time_ns(void)
{
    if (fixed_time)
        return fixed_time;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void *arch_phys_to_virt(paddr_t pa)
{
    if (pa.raw >= ram_size)
        panic("physical address %#llx is outside of the simulated memory",
              (unsigned long long)pa.raw);
    return ram + pa.raw;
}

paddr_t arch_virt_to_phys(const void *va)
{
    return paddr((uint64_t)((const char *)va - ram));
}

_Noreturn void panic(const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    format_v(message, sizeof(message), format, args);
    va_end(args);
    if (panic_handler)
        panic_handler(message);
    fprintf(stderr, "PANIC on core %u: %s\n", this_core, message);
    abort();
}
