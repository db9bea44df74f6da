// SPDX-License-Identifier: BSD-2-Clause
//
// The test functions, for the table in ktest.c.
#pragma once

#include <kernel/ktest.h>

/* faults.c */
void test_pfault(void);
void test_gpfault(void);
void test_double_fault(void);
void test_fault_in_fault(void);
void test_undefined(void);
void test_panic(void);
void test_smash(void);

/* memory.c */
void test_alloc(void);
void test_all_frames(void);

/* time.c */
void test_time(void);
void test_timer(void);
void test_timer_far(void);

/* debug.c */
void test_gdb(void);
void test_gdb_cores(void);

/* topology.c */
void test_acpi_smoke(void);
void test_acpi_topology(void);

/* cores.c */
void test_coreboot_smoke(void);
void test_tls(void);
void test_interrupts(void);
void test_wake(void);
void test_pfault_other_core(void);
void test_double_fault_other_core(void);
void test_panic_all(void);

/* nodes.c */
void test_nr_log(void);
void test_nr_stress(void);
void test_nr_idle_node(void);
void test_nr_deaf_node(void);
void test_nr_objects(void);

/* fs.c */
void test_fs(void);
