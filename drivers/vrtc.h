/* SPDX-License-Identifier: MIT */
/*
 * Virtual MC146818 clock with 128 bytes of CMOS. Pure. Follows the host's wall clock; a guest that sets the clock gets
 * an offset, which outlives its reset like a battery-backed clock.
 */
#ifndef DRIVERS_VRTC_H
#define DRIVERS_VRTC_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VRTC_IRQ 8
#define VRTC_BYTES 128

struct vrtc {
	struct device device; /* first */
	struct device_timer timer;
	int64_t base;         /* guest's time (seconds since 1970) at base_ns */
	int64_t offset;       /* guest's time less the host's wall clock */
	uint64_t base_ns;     /* phase of the divider chain: seconds change every 1e9 from here */
	uint64_t checked_ns;  /* flags of register C are complete up to here */
	uint8_t index;        /* port 0x70 bits 6:0 */
	uint8_t nmi_masked;   /* port 0x70 bit 7: 1 masks NMI */
	uint8_t line;         /* IRQ8 as driven */
	uint8_t cmos[VRTC_BYTES];
};

void vrtc_init(struct vrtc *rtc, struct device_host *host);
bus_handler vrtc_io; /* 0x70-0x71 */
/* Fills in the memory size as firmware would (RAM from 0 up to `below_4g`, and from 4 GiB on), and the checksum. */
void vrtc_set_memory(struct vrtc *rtc, uint64_t below_4g, uint64_t above_4g);

#endif
