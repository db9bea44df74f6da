// SPDX-License-Identifier: BSD-2-Clause
// Measures those parameters of the model that a program can see: on the machine it runs on.
#pragma once

/* Prints NAME=NANOSECONDS lines: pause, yield, rmw, and transfer:A:B for processor A = 0 and each
 * other processor B that the program may use. */
void probe_print(void);
