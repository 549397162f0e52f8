/* SPDX-License-Identifier: MIT */
/* Virtual 8259A pair with ELCR. Pure. Ports 0x20-0x21, 0xa0-0xa1, 0x4d0-0x4d1. */
#ifndef DRIVERS_VPIC_H
#define DRIVERS_VPIC_H

#include "kernel/bus.h"
#include "kernel/device.h"

struct vpic_chip {
	uint8_t irr, isr, imr, lines, elcr;
	uint8_t vector_base, icw3, icw4, init_state, priority_add;
	bool read_isr, poll, special_mask, auto_eoi, rotate_on_auto_eoi, special_fully_nested, single;
	bool wants_icw4;        /* ICW1 announced it */
};

struct vpic {
	struct device device; /* first */
	struct vpic_chip chip[2]; /* master, slave */
	bool intr;            /* output to the processor */
};

void vpic_init(struct vpic *pic, struct device_host *host);
bus_handler vpic_io;       /* 0x20, 0x21, 0xa0, 0xa1 */
bus_handler vpic_elcr_io;  /* 0x4d0, 0x4d1 */
void vpic_set_line(struct vpic *pic, unsigned irq, bool level);
/* INTA cycle: the vector, ISR set (or auto-EOI); spurious 7 or 15 when nothing is pending. */
uint8_t vpic_acknowledge(struct vpic *pic);

#endif
