/* SPDX-License-Identifier: MIT */
/*
 * What every virtual device is to the kernel, and all that a device may ask of its partition. Devices are pure: they
 * see their registers, the host services below, and nothing of vCPUs, VMCS or VMCB.
 *
 * Locking: the partition's device lock is held around every bus handler, timer callback, save and restore of a device,
 * except the local APIC, which belongs to its vCPU.
 */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/stream.h"

struct device;

struct device_ops {
	const char *name;
	void (*reset)(struct device *device);                        /* to the power-on state */
	void (*save)(const struct device *device, struct stream *out);
	void (*restore)(struct device *device, struct stream *in);   /* bad input: stream_fail() */
};

/* Calls `fire` when the partition's clock reaches `when`. Owned by a device, armed through its host. */
struct device_timer {
	uint64_t when; /* nanoseconds on device_host.now's clock; UINT64_MAX: not armed */
	void (*fire)(struct device *device, struct device_timer *timer, uint64_t now);
	struct device *device;
};

enum power_request { POWER_OFF, POWER_RESET, POWER_DEBUG_EXIT };

/* The partition, as its devices see it. */
struct device_host {
	/* Nanoseconds since the partition started; monotonic, runs while the guest is halted, stops while it is paused. */
	uint64_t (*now)(struct device_host *host);
	/* Drive an ISA/GSI interrupt line. Level: true = asserted. An edge is true then false. */
	void (*set_line)(struct device_host *host, unsigned gsi, bool level);
	/* The deadline of a registered timer changed. */
	void (*timer_changed)(struct device_host *host, struct device_timer *timer);
	/* The guest turned itself off or reset itself; `status` is the debug-exit value. */
	void (*power)(struct device_host *host, enum power_request request, uint32_t status);
	/* The UART's transmit side: a character for the console of this partition. */
	void (*console_write)(struct device_host *host, uint8_t byte);
	/*
	 * A fixed or lowest-priority interrupt message (I/O APIC, MSI) in the format of SDM 11.11. From any core, and
	 * without the device lock of this partition: MSIs come from peers as well.
	 */
	void (*message)(struct device_host *host, uint64_t address, uint32_t data);
	/* The 8259 pair's INTR output changed (goes to LINT0 of the local APICs). */
	void (*extint)(struct device_host *host, bool level);
	/* Wall clock for the RTC: seconds since 1970-01-01 UTC. */
	int64_t (*wall_clock)(struct device_host *host);
};

struct device {
	const struct device_ops *ops;
	struct device_host *host;
};

#endif
