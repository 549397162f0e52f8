/* SPDX-License-Identifier: MIT */
/*
 * Virtual 8042 keyboard controller with nothing plugged in: self-tests pass, keyboard and mouse time out, and the
 * processor's reset line works. The FADT tells guests not to look for it. Pure.
 */
#ifndef DRIVERS_VKBC_H
#define DRIVERS_VKBC_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VKBC_KEYBOARD_IRQ 1
#define VKBC_MOUSE_IRQ 12
#define VKBC_RAM 32

struct vkbc {
	struct device device; /* first */
	uint8_t status;       /* port 0x64 */
	uint8_t output;       /* output buffer, port 0x60 */
	uint8_t output_port;  /* bit 0: reset (active low), bit 1: A20 */
	uint8_t command;      /* waits for its data byte at port 0x60; 0: none */
	uint8_t ram[VKBC_RAM]; /* byte 0 is the command byte */
	uint8_t lines;        /* bit 0 keyboard, bit 1 mouse, as driven */
};

void vkbc_init(struct vkbc *kbc, struct device_host *host);
bus_handler vkbc_io; /* 0x60 and 0x64, one range each */

#endif
