/* SPDX-License-Identifier: MIT */
/*
 * Virtual ACPI fixed hardware (ACPI 6.4, 4.8.3): PM1a event and control blocks, the 32-bit PM timer, S5, and the PC's
 * reset ports 0xcf9 and 0x92. Pure. There is no SMI and no legacy mode: SCI_EN is always set.
 */
#ifndef DRIVERS_VPM_H
#define DRIVERS_VPM_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VPM_HZ 3579545
#define VPM_SCI 9
#define VPM_EVENT_BASE 0x600   /* PM1_STS, PM1_EN: 4 ports */
#define VPM_CONTROL_BASE 0x604 /* PM1_CNT: 2 ports */
#define VPM_TIMER_BASE 0x608   /* PM_TMR: 4 ports */
#define VPM_SLP_TYP_S5 5
#define VPM_RESET_PORT 0xcf9
#define VPM_RESET_VALUE 6

struct vpm {
	struct device device; /* first */
	struct device_timer timer;
	uint64_t status_ns;   /* TMR_STS is known up to here */
	uint16_t status, enable, control;
	uint8_t reset_control; /* 0xcf9 */
	uint8_t port_92;
	uint8_t line;          /* SCI as driven */
};

void vpm_init(struct vpm *pm, struct device_host *host);
bus_handler vpm_event_io;   /* 4 ports at VPM_EVENT_BASE */
bus_handler vpm_control_io; /* 2 ports at VPM_CONTROL_BASE */
bus_handler vpm_timer_io;   /* 4 ports at VPM_TIMER_BASE */
bus_handler vpm_reset_io;   /* 0xcf9: given to vpci_init() */
bus_handler vpm_92_io;      /* 0x92 */

#endif
