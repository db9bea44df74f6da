// SPDX-License-Identifier: BSD-2-Clause

#include <kernel/arch.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <stdatomic.h>

#define NOBODY UINT32_MAX

static _Atomic core_id_t reporter = NOBODY; /* the core whose panic is reported */

bool panic_begin(void)
{
    arch_irq_save();
    core_id_t nobody = NOBODY;
    if (!atomic_compare_exchange_strong(&reporter, &nobody, arch_core_id())) {
        if (nobody == arch_core_id())
            return false;
        arch_halt_forever();
    }
    arch_stop_others();
    return true;
}

_Noreturn void panic(const char *format, ...)
{
    if (!panic_begin())
        arch_exit(EXIT_UNRECOVERABLE);
    va_list args;
    va_start(args, format);
    log_raw("\nPANIC on core %u: ", arch_core_id());
    log_raw_v(format, args);
    log_raw("\n");
    va_end(args);
    arch_backtrace();
    log_flush_panic();
    arch_exit(EXIT_PANIC);
}

/* Called by compiler-generated code when a function's canary has changed. */
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
    panic("stack smashed in the function called from %p", __builtin_return_address(0));
}
