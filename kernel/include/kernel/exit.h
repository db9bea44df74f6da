// SPDX-License-Identifier: BSD-2-Clause
//
// How a run of the kernel ends: the contract with whoever started the machine. The code is written
// to the debug-exit device (QEMU's exit status is then 2 * code + 1) and, as "[shutdown-request]
// code", to the serial line.
#pragma once

enum exit_code {
    EXIT_OK = 0,
    EXIT_RETURNED_FROM_MAIN = 1,
    EXIT_PANIC = 2,
    EXIT_OUT_OF_MEMORY = 3,
    EXIT_UNHANDLED_INTERRUPT = 4,
    EXIT_GENERAL_PROTECTION_FAULT = 5,
    EXIT_PAGE_FAULT = 6,
    EXIT_USER_ERROR = 7,
    EXIT_EXCEPTION_DURING_INIT = 8,
    EXIT_UNRECOVERABLE = 9,
};
