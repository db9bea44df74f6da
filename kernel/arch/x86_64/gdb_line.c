// SPDX-License-Identifier: BSD-2-Clause
//
// The second serial port: polled while the cores are stopped, an NMI for each byte while they run.

#include "gdb.h"

#include "apic.h"
#include "asm.h"

#include <kernel/arch.h>

#define COM2             0x2f8
#define COM2_IRQ         3
#define UART_DATA        (COM2 + 0) /* divisor low with DLAB */
#define UART_IRQ_ENABLE  (COM2 + 1)
#define UART_FIFO        (COM2 + 2) /* reading it says why there is an interrupt, and ends that */
#define UART_LINE        (COM2 + 3)
#define UART_MODEM       (COM2 + 4)
#define UART_LINE_STATUS (COM2 + 5)

#define LINE_DLAB       0x80
#define LINE_8N1        0x03
#define IRQ_RECEIVED    0x01
#define STATUS_RECEIVED 0x01
#define STATUS_TX_EMPTY 0x20

/* As for the console: a port that is not ready after that many reads of a register is none. */
#define TX_PATIENCE 1000000

bool gdb_line_init(void)
{
    outb(UART_IRQ_ENABLE, 0);
    outb(UART_LINE, LINE_DLAB);
    outb(UART_DATA, 1); /* 115200 baud */
    outb(UART_IRQ_ENABLE, 0);
    outb(UART_LINE, LINE_8N1);
    outb(UART_FIFO, 0x07);  /* enable, clear both; an interrupt for every byte */
    outb(UART_MODEM, 0x0b); /* DTR, RTS, OUT2 */
    return inb(UART_LINE_STATUS) != 0xff;
}

void gdb_line_send(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        for (unsigned patience = TX_PATIENCE; !(inb(UART_LINE_STATUS) & STATUS_TX_EMPTY);) {
            if (!--patience)
                return; /* gdb will notice, and ask again */
        }
        outb(UART_DATA, (uint8_t)data[i]);
    }
}

bool gdb_line_has_byte(void)
{
    return inb(UART_LINE_STATUS) & STATUS_RECEIVED;
}

uint8_t gdb_line_get(void)
{
    while (!gdb_line_has_byte())
        arch_relax();
    return inb(UART_DATA);
}

bool gdb_line_watch(uint32_t target)
{
    outb(UART_IRQ_ENABLE, IRQ_RECEIVED);
    return ioapic_route_isa(COM2_IRQ, ROUTE_AS_NMI, target);
}
