// SPDX-License-Identifier: BSD-2-Clause

#define LOG_SUBSYS "test"

#include "ktest_impl.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/log.h>

uint64_t ktest_seed;

static void test_exit(void)
{
}

static const struct ktest tests[] = {
    {"exit", KTEST_FULL, test_exit},
    {"pfault-early", KTEST_EARLY, test_pfault},
    {"gpfault-early", KTEST_EARLY, test_gpfault},
    {"pfault", KTEST_FULL, test_pfault},
    {"gpfault", KTEST_FULL, test_gpfault},
    {"double-fault", KTEST_FULL, test_double_fault},
    {"fault-in-fault", KTEST_FULL, test_fault_in_fault},
    {"undefined", KTEST_FULL, test_undefined},
    {"panic", KTEST_FULL, test_panic},
    {"smash", KTEST_FULL, test_smash},
    {"alloc", KTEST_FULL, test_alloc},
    {"all-frames", KTEST_FULL, test_all_frames},
    {"time", KTEST_FULL, test_time},
    {"timer", KTEST_FULL, test_timer},
    {"timer-far", KTEST_FULL, test_timer_far},
    {"gdb", KTEST_FULL, test_gdb},
    {"gdb-cores", KTEST_FULL, test_gdb_cores},
    {"acpi-smoke", KTEST_FULL, test_acpi_smoke},
    {"acpi-topology", KTEST_FULL, test_acpi_topology},
    {"coreboot", KTEST_FULL, test_exit},
    {"coreboot-smoke", KTEST_FULL, test_coreboot_smoke},
    {"thread-local", KTEST_FULL, test_tls},
    {"interrupts", KTEST_FULL, test_interrupts},
    {"wake", KTEST_FULL, test_wake},
    {"pfault-other-core", KTEST_FULL, test_pfault_other_core},
    {"double-fault-other-core", KTEST_FULL, test_double_fault_other_core},
    {"panic-all", KTEST_FULL, test_panic_all},
    {"nr-log", KTEST_FULL, test_nr_log},
    {"nr-stress", KTEST_FULL, test_nr_stress},
    {"nr-idle-node", KTEST_FULL, test_nr_idle_node},
    {"nr-deaf-node", KTEST_FULL, test_nr_deaf_node},
    {"nr-objects", KTEST_FULL, test_nr_objects},
    {"fs", KTEST_FULL, test_fs},
    {0},
};

static const struct ktest *find(const struct ktest *table, const char *name)
{
    for (; table->name; table++) {
        if (str_equal(table->name, name))
            return table;
    }
    return NULL;
}

void ktest_run(const char *name, enum ktest_stage stage)
{
    if (!name)
        return;
    const struct ktest *test = find(tests, name);
    if (!test)
        test = find(arch_ktests, name);
    if (!test || test->stage != stage)
        return;
    test->fn();
    log_info("test %s passed", name);
    arch_exit(EXIT_OK);
}
