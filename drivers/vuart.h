/* SPDX-License-Identifier: MIT */
/*
 * Virtual 16550A. Pure. Transmission takes no time; received bytes wait in a queue of which the guest sees the first 16
 * as its FIFO, so a fast sender (a person who pastes) loses nothing.
 */
#ifndef DRIVERS_VUART_H
#define DRIVERS_VUART_H

#include <stddef.h>

#include "kernel/bus.h"
#include "kernel/device.h"

#define VUART_COM1 0x3f8
#define VUART_COM1_IRQ 4
#define VUART_PORTS 8
#define VUART_QUEUE 1024 /* a power of two */

struct vuart {
	struct device device; /* first */
	uint32_t gsi;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t lsr_errors;   /* overrun, until LSR is read */
	uint8_t msr_delta;    /* until MSR is read */
	uint8_t thre_pending; /* transmitter-empty interrupt not yet seen */
	uint8_t line;         /* interrupt output as driven */
	uint16_t head, count; /* of the queue */
	uint8_t queue[VUART_QUEUE];
};

void vuart_init(struct vuart *uart, struct device_host *host, unsigned gsi);
bus_handler vuart_io; /* 8 ports from the base */
/* Bytes from the line; how many were taken (fewer when the queue is full). */
size_t vuart_receive(struct vuart *uart, const uint8_t *data, size_t size);
/* How many bytes vuart_receive() would take now. */
size_t vuart_space(const struct vuart *uart);

#endif
