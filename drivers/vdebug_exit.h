/* SPDX-License-Identifier: MIT */
/* isa-debug-exit: a write ends the partition with that value. Pure. Reads give zero. */
#ifndef DRIVERS_VDEBUG_EXIT_H
#define DRIVERS_VDEBUG_EXIT_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VDEBUG_EXIT_PORTS 4

struct vdebug_exit {
	struct device device; /* first */
};

void vdebug_exit_init(struct vdebug_exit *debug_exit, struct device_host *host);
bus_handler vdebug_exit_io; /* VDEBUG_EXIT_PORTS from the configured port; sizes 1, 2 and 4 */

#endif
