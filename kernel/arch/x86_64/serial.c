// SPDX-License-Identifier: BSD-2-Clause
//
// The first serial port as console: polled output, usable from the first instruction of C on and
// from any context.

#include "arch.h"
#include "asm.h"

#include <kernel/arch.h>

#define COM1             0x3f8
#define UART_DATA        (COM1 + 0) /* divisor low with DLAB */
#define UART_IRQ_ENABLE  (COM1 + 1) /* divisor high with DLAB */
#define UART_FIFO        (COM1 + 2)
#define UART_LINE        (COM1 + 3)
#define UART_MODEM       (COM1 + 4)
#define UART_LINE_STATUS (COM1 + 5)

#define LINE_DLAB       0x80
#define LINE_8N1        0x03
#define STATUS_TX_EMPTY 0x20

/* At 115200 baud a character leaves in 90 us; a port that is not ready after a million reads of a
 * register (each about 1 us) does not exist, and must not hang the kernel. */
#define TX_PATIENCE 1000000

static bool absent; /* a port that does not answer is not asked again */

void serial_init(void)
{
    outb(UART_IRQ_ENABLE, 0);
    outb(UART_LINE, LINE_DLAB);
    outb(UART_DATA, 1); /* 115200 baud */
    outb(UART_IRQ_ENABLE, 0);
    outb(UART_LINE, LINE_8N1);
    outb(UART_FIFO, 0x07);  /* enable, clear both */
    outb(UART_MODEM, 0x0b); /* DTR, RTS, OUT2 */
    absent = inb(UART_LINE_STATUS) == 0xff;
}

static void put(char c)
{
    for (unsigned patience = TX_PATIENCE; !(inb(UART_LINE_STATUS) & STATUS_TX_EMPTY); patience--) {
        if (!patience) {
            absent = true;
            return;
        }
    }
    outb(UART_DATA, (uint8_t)c);
}

void arch_console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len && !absent; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
}
