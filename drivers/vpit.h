/* SPDX-License-Identifier: MIT */
/*
 * Virtual 8254 interval timer with port 0x61 (speaker, gate and output of channel 2, refresh toggle). Pure. Nothing
 * ticks: counts follow from the partition's clock; the timer is armed only while channel 0 has an interrupt to come.
 */
#ifndef DRIVERS_VPIT_H
#define DRIVERS_VPIT_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VPIT_HZ 1193182
#define VPIT_IRQ 0
#define VPIT_CHANNELS 3

struct vpit_channel {
	uint64_t start;        /* tick of the clock at which the present count was loaded */
	uint64_t paused;       /* ticks counted when the gate (or half a count in mode 0) stopped it */
	uint64_t switch_at;    /* tick at which `next` is loaded, while `next` is not 0 */
	uint32_t count;        /* 1..65536; 0: none loaded since the control word */
	uint32_t next;         /* written, waits for the end of a period or for a trigger; 0: none */
	uint16_t count_latch;
	uint8_t count_latched; /* bytes of count_latch that are still to be read */
	uint8_t status_latch;
	uint8_t status_latched;
	uint8_t mode;          /* 0..5 */
	uint8_t bcd;
	uint8_t access;        /* 1 low byte, 2 high byte, 3 low then high */
	uint8_t write_high;    /* the next write is the high byte */
	uint8_t read_high;
	uint8_t low;           /* low byte of a count half written */
	uint8_t gate;
	uint8_t running;       /* counting: loaded (modes 1, 5: triggered), gate not holding it */
};

struct vpit {
	struct device device; /* first */
	struct device_timer timer;
	struct vpit_channel channel[VPIT_CHANNELS];
	uint8_t control_61;   /* port 0x61 bits 3:0 */
};

void vpit_init(struct vpit *pit, struct device_host *host);
bus_handler vpit_io;    /* 0x40-0x43 */
bus_handler vpit_61_io; /* 0x61 */

#endif
