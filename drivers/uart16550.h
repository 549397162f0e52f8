/* SPDX-License-Identifier: MIT */
/* A physical 16550-compatible UART behind I/O ports, 8 data bits, no parity. Not locked: the console does that. */
#ifndef DRIVERS_UART16550_H
#define DRIVERS_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uart16550 {
	uint16_t port;    /* 0: none */
	uint8_t fifo;     /* bytes that may be written when the transmitter is empty: 16 or 1 */
	uint8_t ier;      /* as last written */
};

/* False when nothing answers at `port`. `baud` 0: leave the speed as the firmware set it. Interrupts are off. */
bool uart16550_init(struct uart16550 *uart, uint16_t port, uint32_t baud);
/* Waits for room, but not for ever: a UART that has vanished swallows the byte. */
void uart16550_put(struct uart16550 *uart, uint8_t byte);
/* Is the transmitter empty, so that `fifo` bytes may be written at once by uart16550_write()? */
bool uart16550_ready(const struct uart16550 *uart);
void uart16550_write(struct uart16550 *uart, const uint8_t *data, size_t size);
/* One received byte, or -1. */
int uart16550_get(const struct uart16550 *uart);
/* Interrupts: reception, and transmitter empty while `transmit`. */
void uart16550_interrupts(struct uart16550 *uart, bool transmit);
/* Reads the interrupt's reason, which also ends a transmitter-empty interrupt. */
void uart16550_acknowledge(const struct uart16550 *uart);

#endif
