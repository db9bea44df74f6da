// SPDX-License-Identifier: BSD-2-Clause
//
// What the machine consists of. Core 0 is the boot core.
#pragma once

#include <kernel/acpi_topology.h>

/* [const] after arch_init_machine. */
extern const struct acpi_topology *const topology;
