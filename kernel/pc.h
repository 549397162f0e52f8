/* SPDX-License-Identifier: MIT */
/* The virtual PC: one set of devices per partition, wired to each other, to the buses and to the vCPUs. */
#ifndef KERNEL_PC_H
#define KERNEL_PC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/vdebug_exit.h"
#include "drivers/vioapic.h"
#include "drivers/vkbc.h"
#include "drivers/vpci.h"
#include "drivers/vpic.h"
#include "drivers/vpit.h"
#include "drivers/vpm.h"
#include "drivers/vrtc.h"
#include "drivers/vuart.h"
#include "kernel/config.h"
#include "kernel/device.h"
#include "kernel/timer_queue.h"

struct partition;

#define PC_DEVICES (9 + CONFIG_CHANNELS)

struct pc {
	struct device_host host; /* first: devices know only this */
	struct partition *partition;
	struct vpic pic;
	struct vioapic ioapic;
	struct vpit pit;
	struct vrtc rtc;
	struct vuart uart;
	struct vpci pci;
	struct vpm pm;
	struct vkbc kbc;
	struct vdebug_exit debug_exit;
	struct device *devices[PC_DEVICES]; /* those that are there, in the order of reset, save and restore */
	unsigned device_count;
	struct timer_queue timers;
	_Atomic uint64_t due;    /* host TSC of the earliest timer */
	_Atomic bool extint;     /* INTR output of the 8259 pair */
};

/* E_NO_MEMORY, or a bus error when debug-exit's port is taken. */
int pc_create(struct partition *partition);
void pc_destroy(struct partition *partition);
void pc_reset(struct partition *partition);
/* Plugs a PCI device in, before the partition's first start. E_BUSY: its devfn is taken; E_FULL. */
int pc_add_function(struct partition *partition, struct device *device, struct vpci_function *function);
/* An access where the guest may have put a BAR; false: nothing is there. */
bool pc_bar_access(struct partition *partition, struct bus_access *access);

/* Fires device timers that are due at host TSC `now`; returns when the next is. On the core of vCPU 0. */
uint64_t pc_time(struct partition *partition, uint64_t now);
/* EOI of a level-triggered vector, from a local APIC. */
void pc_level_eoi(struct partition *partition, uint8_t vector);
/* Does the 8259 pair want to interrupt? If so, its vector. */
bool pc_extint(const struct partition *partition);
uint8_t pc_acknowledge(struct partition *partition);
/* Console input for the first UART; from any core. `context` is the partition. */
void pc_receive(void *context, const uint8_t *data, size_t size);

#endif
