/* SPDX-License-Identifier: MIT */
#include "kernel/pc.h"

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "kernel/partition.h"
#include "kernel/wall_clock.h"

#define FOUR_GIB 0x100000000ULL

static struct pc *pc_of(struct device_host *host)
{
	return (struct pc *)host;
}

/* --- struct device_host: what devices may ask --- */

static uint64_t now(struct device_host *host)
{
	return tsc_to_ns(rdtsc() - pc_of(host)->partition->start_tsc);
}

/* ISA interrupts reach both controllers; IRQ0 is wired to pin 2 of the I/O APIC, as the MADT says. */
static void set_line(struct device_host *host, unsigned gsi, bool level)
{
	struct pc *pc = pc_of(host);

	if (gsi < 16)
		vpic_set_line(&pc->pic, gsi, level);
	if (gsi != 2)
		vioapic_set_line(&pc->ioapic, gsi ? gsi : 2, level);
}

static uint64_t due_tsc(const struct pc *pc)
{
	uint64_t ns = timer_queue_earliest(&pc->timers);

	/* One tick more, so that the device's clock has surely reached it. */
	return ns == UINT64_MAX ? UINT64_MAX : pc->partition->start_tsc + ns_to_tsc(ns) + 1;
}

static void timer_changed(struct device_host *host, struct device_timer *timer)
{
	struct pc *pc = pc_of(host);
	uint64_t due;

	timer_queue_update(&pc->timers, timer);
	due = due_tsc(pc);
	if (atomic_exchange(&pc->due, due) > due)
		vcpu_todo(&pc->partition->vcpus[0], TODO_TIME);
}

static void power(struct device_host *host, enum power_request request, uint32_t status)
{
	static const enum partition_end ends[] = {
		[POWER_OFF] = END_POWER_OFF,
		[POWER_RESET] = END_RESET,
		[POWER_DEBUG_EXIT] = END_DEBUG_EXIT,
	};

	partition_end(pc_of(host)->partition, ends[request], status);
}

static void console_write(struct device_host *host, uint8_t byte)
{
	console_guest_write(&pc_of(host)->partition->console, byte);
}

/* Interrupt message, SDM 11.11. */
static void message(struct device_host *host, uint64_t address, uint32_t data)
{
	struct vlapic_ipi ipi = {
		.vector = (uint8_t)data,
		.mode = data >> 8 & 7,
		.level = data >> 15 & 1,
		.assert = true,
		.logical = address >> 2 & 1,
		.destination = (uint32_t)(address >> 12 & 0xff),
	};

	partition_message(pc_of(host)->partition, NULL, &ipi, false);
}

static void extint(struct device_host *host, bool level)
{
	struct pc *pc = pc_of(host);

	atomic_store(&pc->extint, level);
	if (level)
		vcpu_todo(&pc->partition->vcpus[0], TODO_INTERRUPT);
}

static int64_t wall_clock(struct device_host *host)
{
	(void)host;
	return wall_clock_seconds();
}

static const struct device_host services = {
	.now = now,
	.set_line = set_line,
	.timer_changed = timer_changed,
	.power = power,
	.console_write = console_write,
	.message = message,
	.extint = extint,
	.wall_clock = wall_clock,
};

/* --- assembly --- */

static int add_ports(struct partition *partition)
{
	struct pc *pc = partition->pc;
	const struct bus_range ports[] = {
		{ 0x20, 2, vpic_io, &pc->pic.device },
		{ 0xa0, 2, vpic_io, &pc->pic.device },
		{ 0x4d0, 2, vpic_elcr_io, &pc->pic.device },
		{ 0x40, 4, vpit_io, &pc->pit.device },
		{ 0x61, 1, vpit_61_io, &pc->pit.device },
		{ 0x70, 2, vrtc_io, &pc->rtc.device },
		{ 0x60, 1, vkbc_io, &pc->kbc.device },
		{ 0x64, 1, vkbc_io, &pc->kbc.device },
		{ VUART_COM1, VUART_PORTS, vuart_io, &pc->uart.device },
		{ VPCI_PORTS_BASE, VPCI_PORTS, vpci_io, &pc->pci.device },
		{ VPM_EVENT_BASE, 4, vpm_event_io, &pc->pm.device },
		{ VPM_CONTROL_BASE, 2, vpm_control_io, &pc->pm.device },
		{ VPM_TIMER_BASE, 4, vpm_timer_io, &pc->pm.device },
		{ 0x92, 1, vpm_92_io, &pc->pm.device },
	};
	unsigned i;
	int error = E_OK;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]) && !error; i++)
		error = bus_add(&partition->ports, ports[i].base, ports[i].size, ports[i].handler, ports[i].device);
	if (!error && partition->config->debug_exit)
		error = bus_add(&partition->ports, partition->config->debug_exit, VDEBUG_EXIT_PORTS, vdebug_exit_io,
		                &pc->debug_exit.device);
	return error;
}

static void add_device(struct pc *pc, struct device *device)
{
	pc->devices[pc->device_count++] = device;
}

static int build(struct partition *partition)
{
	struct pc *pc = partition->pc;
	int error;

	vpic_init(&pc->pic, &pc->host);
	vioapic_init(&pc->ioapic, &pc->host);
	vpit_init(&pc->pit, &pc->host);
	vrtc_init(&pc->rtc, &pc->host);
	vuart_init(&pc->uart, &pc->host, VUART_COM1_IRQ);
	vpm_init(&pc->pm, &pc->host);
	vkbc_init(&pc->kbc, &pc->host);
	vpci_init(&pc->pci, &pc->host, vpm_reset_io, &pc->pm.device);
	vdebug_exit_init(&pc->debug_exit, &pc->host);
	add_device(pc, &pc->pic.device);
	add_device(pc, &pc->ioapic.device);
	add_device(pc, &pc->pit.device);
	add_device(pc, &pc->rtc.device);
	add_device(pc, &pc->uart.device);
	add_device(pc, &pc->pm.device);
	add_device(pc, &pc->kbc.device);
	add_device(pc, &pc->pci.device);
	add_device(pc, &pc->debug_exit.device);
	timer_queue_add(&pc->timers, &pc->pit.timer);
	timer_queue_add(&pc->timers, &pc->rtc.timer);
	timer_queue_add(&pc->timers, &pc->pm.timer);
	error = add_ports(partition);
	if (!error)
		error = bus_add(&partition->mmio, VIOAPIC_BASE, PAGE_SIZE, vioapic_mmio, &pc->ioapic.device);
	if (!error)
		error = bus_add(&partition->mmio, VPCI_ECAM_BASE, VPCI_ECAM_SIZE, vpci_ecam, &pc->pci.device);
	return error;
}

int pc_create(struct partition *partition)
{
	struct pc *pc = mem_alloc(sizeof(*pc));
	int error;

	if (!pc)
		return E_NO_MEMORY;
	pc->host = services;
	pc->partition = partition;
	atomic_store(&pc->due, UINT64_MAX);
	partition->pc = pc;
	error = build(partition);
	if (error)
		pc_destroy(partition);
	return error;
}

int pc_add_function(struct partition *partition, struct device *device, struct vpci_function *function)
{
	struct pc *pc = partition->pc;
	int error = pc->device_count < PC_DEVICES ? vpci_add(&pc->pci, function) : E_FULL;

	if (!error)
		add_device(pc, device);
	return error;
}

bool pc_bar_access(struct partition *partition, struct bus_access *access)
{
	bool there;

	spin_lock(&partition->lock);
	there = vpci_bar_access(&partition->pc->pci, access);
	spin_unlock(&partition->lock);
	return there;
}

void pc_destroy(struct partition *partition)
{
	mem_free(partition->pc);
	partition->pc = NULL;
}

void pc_reset(struct partition *partition)
{
	struct pc *pc = partition->pc;
	uint64_t below = partition->memory.size, above = 0;
	unsigned i;

	for (i = 0; i < partition->memory.count; i++)
		if (partition->memory.ranges[i].gpa >= FOUR_GIB)
			above += partition->memory.ranges[i].size;
	spin_lock(&partition->lock);
	for (i = 0; i < pc->device_count; i++)
		pc->devices[i]->ops->reset(pc->devices[i]);
	vrtc_set_memory(&pc->rtc, below - above, above);
	atomic_store(&pc->due, due_tsc(pc));
	spin_unlock(&partition->lock);
}

/* --- from the vCPUs --- */

uint64_t pc_time(struct partition *partition, uint64_t tsc)
{
	struct pc *pc = partition->pc;

	if (tsc < atomic_load_explicit(&pc->due, memory_order_relaxed))
		return atomic_load_explicit(&pc->due, memory_order_relaxed);
	spin_lock(&partition->lock);
	timer_queue_expire(&pc->timers, tsc_to_ns(tsc - partition->start_tsc));
	atomic_store(&pc->due, due_tsc(pc));
	spin_unlock(&partition->lock);
	return atomic_load_explicit(&pc->due, memory_order_relaxed);
}

void pc_level_eoi(struct partition *partition, uint8_t vector)
{
	spin_lock(&partition->lock);
	vioapic_eoi(&partition->pc->ioapic, vector);
	spin_unlock(&partition->lock);
}

bool pc_extint(const struct partition *partition)
{
	return atomic_load_explicit(&partition->pc->extint, memory_order_relaxed);
}

uint8_t pc_acknowledge(struct partition *partition)
{
	uint8_t vector;

	spin_lock(&partition->lock);
	vector = vpic_acknowledge(&partition->pc->pic);
	spin_unlock(&partition->lock);
	return vector;
}

void pc_receive(void *context, const uint8_t *data, size_t size)
{
	struct partition *partition = context;

	spin_lock(&partition->lock);
	vuart_receive(&partition->pc->uart, data, size);
	spin_unlock(&partition->lock);
}
