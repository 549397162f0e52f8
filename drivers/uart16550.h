/* SPDX-License-Identifier: MIT */
/* A physical 16550-compatible UART, 8 data bits, no parity. Not locked: the console does that. */
#ifndef DRIVERS_UART16550_H
#define DRIVERS_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uart16550 {
	/* Where it is, set before uart16550_init(): behind ports or in memory, `stride` bytes from register to register. */
	uint16_t port;
	volatile uint8_t *registers; /* NULL: behind ports */
	uint8_t stride;              /* 1: accessed bytewise; 4: by 32 bits */

	bool present; /* it answers */
	uint8_t fifo; /* bytes that may be written when the transmitter is empty: 16 or 1 */
	uint8_t ier;  /* as last written */
};

/* False when nothing answers there. `baud` 0: leave the speed as the firmware set it. Interrupts are off. */
bool uart16550_init(struct uart16550 *uart, uint32_t baud);
/* Waits for room, but not for ever: a UART that has vanished is not `present` afterwards. */
void uart16550_put(struct uart16550 *uart, uint8_t byte);
/* Waits, as patiently, until the last bit has left. */
void uart16550_flush(const struct uart16550 *uart);
/* Is the transmitter empty, so that `fifo` bytes may be written at once by uart16550_write()? */
bool uart16550_ready(const struct uart16550 *uart);
void uart16550_write(const struct uart16550 *uart, const uint8_t *data, size_t size);
/* One received byte, or -1. */
int uart16550_get(const struct uart16550 *uart);
/* Interrupts: reception, and transmitter empty while `transmit`. */
void uart16550_interrupts(struct uart16550 *uart, bool transmit);
/* Reads the interrupt's reason, which also ends a transmitter-empty interrupt. */
void uart16550_acknowledge(const struct uart16550 *uart);
/* At the end of a handler: what is still pending raises a new edge. */
void uart16550_rearm(const struct uart16550 *uart);

#endif
