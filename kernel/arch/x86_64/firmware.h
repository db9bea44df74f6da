// SPDX-License-Identifier: BSD-2-Clause
//
// What the machine layer itself wants to know from ACPI's tables, and the topology.
#pragma once

#include <kernel/boot.h>
#include <kernel/topology.h>

/* [const] after firmware_init. Zero: the machine has none. */
struct firmware {
    uint64_t hpet;         /* physical address */
    uint16_t pm_timer;     /* port */
    uint64_t pm_mask;      /* the bits that it counts */
    uint16_t pm1a_control; /* ports of the power management control registers */
    uint16_t pm1b_control;
    bool can_power_off; /* the sleep types for "off" are known: */
    uint8_t s5_type_a, s5_type_b;
    uint8_t century; /* register of the real-time clock that counts centuries */
};

extern struct firmware firmware;

/* firmware_init - read the tables. A machine without (valid) ones is one core with one node. */
void firmware_init(const struct boot_info *boot);

/* The one topology, for those who build it. */
extern struct acpi_topology machine_topology;
