/* SPDX-License-Identifier: MIT */
/* The life of a partition: start, end, what comes next. partition_create.c builds it. */
#include "kernel/partition.h"

#include <string.h>

#include "arch/x86/interrupts.h"
#include "boot/bootinfo.h"
#include "drivers/vlapic_registers.h"
#include "kernel/boot_files.h"
#include "kernel/channel.h"
#include "kernel/core.h"
#include "kernel/errno.h"
#include "kernel/load.h"
#include "kernel/log.h"

#define BACK_OFF_MAX_SECONDS 64

struct partition *partitions;
unsigned partition_count;

static _Atomic unsigned running; /* partitions that run or will run again */
static _Atomic unsigned failed;  /* of those that are off: by a failure, for good */
static _Atomic unsigned stopped; /* of those that are off: by the operator */

const char *partition_name(const struct partition *partition)
{
	return partition ? partition->name : "";
}

static void set_state(struct partition *partition, enum partition_state state)
{
	atomic_store(&partition->state, (int)state);
}

/*
 * The last partition has ended: an orderly end turns the machine off, a failure leaves it for the operator to see. So
 * does one that the operator has stopped (`held`), to be started again perhaps.
 */
static void all_ended(bool held)
{
	unsigned n = atomic_load(&failed);

	if (held) {
		log_info(NULL, "all partitions are off: start one in the monitor, or turn the machine off there");
		return;
	}
	if (!n) {
		log_info(NULL, "all partitions are off: power off");
		console_flush();
		machine_power_off();
	}
	log_error(NULL, "no partition is running, %u failed: see above; reset the machine to start again", n);
}

static _Atomic unsigned *const off_counts[] = { [OFF_FAILED] = &failed, [OFF_STOPPED] = &stopped };

static void count_off(enum partition_off how, unsigned change)
{
	if (how != OFF_ORDERLY)
		atomic_fetch_add(off_counts[how], change);
}

static void off(struct partition *partition, enum partition_off how)
{
	bool held, last;

	partition->off = how;
	count_off(how, 1);
	/* In this order, and before it can be started again: see partition_turn_on(). */
	held = atomic_load(&stopped);
	last = atomic_fetch_sub(&running, 1) == 1;
	set_state(partition, PARTITION_OFF);
	if (last)
		all_ended(held);
}

static void zero_all(struct partition *partition)
{
	const struct guest_memory *memory = &partition->memory;
	unsigned i;

	partition->loaded = false;
	partition->copies = (struct load_copies){ 0 };
	for (i = 0; i < memory->count; i++)
		load_copy_add(&partition->copies, memory, memory->ranges[i].gpa, NULL, memory->ranges[i].size);
}

static void start_again(struct partition *partition, uint64_t seconds)
{
	partition->restart_at = rdtsc() + seconds * tsc_hz;
	if (!partition->first_start)
		partition->first_start = partition->restart_at;
	zero_all(partition);
	set_state(partition, PARTITION_STARTING);
	core_notify(&partition->vcpus[0]);
}

static void failure(struct partition *partition)
{
	uint64_t seconds;

	if (partition->config->restart == RESTART_NEVER) {
		log_error(partition->name, "stopped");
		off(partition, OFF_FAILED);
		return;
	}
	seconds = partition->failures < 6 ? 1u << partition->failures : BACK_OFF_MAX_SECONDS;
	partition->failures++;
	log_warning(partition->name, "failed %u times; starting again in %llu s", partition->failures, (unsigned long long)seconds);
	start_again(partition, seconds);
}

static void orderly_end(struct partition *partition, const char *how)
{
	partition->failures = 0;
	if (partition->config->restart == RESTART_ALWAYS) {
		log_info(partition->name, "%s; starting again", how);
		start_again(partition, 1);
		return;
	}
	log_info(partition->name, "%s", how);
	off(partition, OFF_ORDERLY);
}

void partition_not_started(struct partition *partition)
{
	log_info(partition->name, "stopped by the operator");
	off(partition, OFF_STOPPED);
}

static void ended(struct partition *partition)
{
	console_end_line(&partition->console);
	channels_quiet(partition);
	if (atomic_load(&partition->stopping)) {
		partition_not_started(partition);
		return;
	}
	switch ((enum partition_end)atomic_load(&partition->end)) {
	case END_RESET:
		log_info(partition->name, "reset by the guest");
		start_again(partition, 0);
		break;
	case END_RESTARTED:
		log_info(partition->name, "reset by the operator");
		start_again(partition, 0);
		break;
	case END_POWER_OFF:
		orderly_end(partition, "powered off by the guest");
		break;
	case END_DEBUG_EXIT:
		log_info(partition->name, "debug exit with status %u", partition->end_status);
		if (partition->end_status)
			failure(partition);
		else
			orderly_end(partition, "stopped");
		break;
	default:
		failure(partition);
		break;
	}
}

void partition_parked(struct partition *partition)
{
	if (atomic_fetch_sub(&partition->active, 1) == 1)
		ended(partition);
}

void partition_end(struct partition *partition, enum partition_end end, uint32_t status)
{
	int none = END_NONE;
	unsigned i;

	if (!atomic_compare_exchange_strong(&partition->end, &none, (int)end))
		return;
	partition->end_status = status;
	set_state(partition, PARTITION_ENDING);
	for (i = 0; i < partition->vcpu_count; i++)
		vcpu_summon(&partition->vcpus[i], TODO_STOP);
}

static void apply(struct vcpu *vcpu, const struct load_state *state)
{
	unsigned i;

	for (i = 0; i < GPRS; i++)
		vcpu_set_gpr(vcpu, i, state->gpr[i]);
	for (i = 0; i < VCPU_SEGMENTS; i++)
		vcpu_ops->write_segment(vcpu, (enum vcpu_segment)i, &state->segments[i]);
	vcpu_ops->write(vcpu, VCPU_EFER, state->efer);
	vcpu_ops->write(vcpu, VCPU_CR4, state->cr4);
	vcpu_ops->write(vcpu, VCPU_CR3, state->cr3);
	vcpu_ops->write(vcpu, VCPU_CR0, state->cr0);
	vcpu_ops->write(vcpu, VCPU_RFLAGS, state->rflags);
	vcpu_ops->write(vcpu, VCPU_RIP, state->rip);
}

/*
 * No firmware has run in the partition: its boot processor's local APIC is left in virtual wire mode, as firmware leaves
 * it, so that the 8259 pair interrupts before anybody programs the APIC (MP specification 1.4, 3.6.2.2).
 */
static void virtual_wire(struct vcpu *vcpu)
{
	static const struct {
		uint16_t reg;
		uint32_t value;
	} writes[] = {
		{ LAPIC_SVR, SVR_ENABLE | 0x0f },
		{ LAPIC_LVT_LINT0, LVT_MODE_EXTINT },
		{ LAPIC_LVT_LINT1, LVT_MODE_NMI },
	};
	unsigned i;

	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		uint64_t value = writes[i].value;

		vlapic_mmio(&vcpu->apic, writes[i].reg, sizeof(uint32_t), true, &value);
	}
}

static void announce(struct partition *partition)
{
	static _Atomic bool first = true;
	uint64_t ticks = rdtsc() - boot_info()->entry_tsc - boot_info()->file_tsc;

	log_info(partition->name, "started: %u vCPU%s, %llu MiB, %s", partition->vcpu_count,
	         partition->vcpu_count == 1 ? "" : "s", (unsigned long long)(partition->memory.size >> 20),
	         partition->config->kernel);
	if (atomic_exchange(&first, false))
		log_info(NULL, "first guest after %llu ticks of the TSC (%llu ms), without file reading",
		         (unsigned long long)ticks, (unsigned long long)(tsc_to_ns(ticks) / 1000000));
}

/* Its memory holds what it starts with. */
static void set_running(struct partition *partition)
{
	unsigned i;

	partition->start_tsc = rdtsc();
	partition->starts++;
	pc_reset(partition);
	for (i = 0; i < partition->vcpu_count; i++)
		vcpu_reset(&partition->vcpus[i]);
	apply(&partition->vcpus[0], &partition->load_state);
	virtual_wire(&partition->vcpus[0]);
	atomic_store(&partition->active, partition->vcpu_count);
	atomic_store(&partition->end, END_NONE);
	announce(partition);
	set_state(partition, PARTITION_RUNNING);
	for (i = 1; i < partition->vcpu_count; i++)
		core_notify(&partition->vcpus[i]);
}

bool partition_start_step(struct partition *partition)
{
	char why[192];

	if (!load_copy_step(&partition->copies, &partition->memory))
		return false;
	if (partition->loaded) {
		set_running(partition);
		return true;
	}
	partition->loaded = true;
	partition->copies = (struct load_copies){ 0 };
	partition->load_state = (struct load_state){ 0 };
	if (!partition_load(partition, &partition->load_state, why, sizeof(why)))
		return false;
	log_error(partition->name, "not started: %s", why);
	off(partition, OFF_FAILED);
	return true;
}

int partition_turn_on(struct partition *partition)
{
	if (atomic_load(&partition->state) != PARTITION_OFF)
		return E_INVALID;
	/* Whoever sees one stopped partition less, sees one running partition more. */
	atomic_fetch_add(&running, 1);
	count_off(partition->off, -1u);
	partition->off = OFF_ORDERLY;
	partition->failures = 0;
	atomic_store(&partition->stopping, false);
	start_again(partition, 0);
	return E_OK;
}

void partitions_start(void)
{
	unsigned i, n = 0, startable = 0;

	for (i = 0; i < partition_count; i++) {
		startable += atomic_load(&partitions[i].state) == PARTITION_OFF;
		n += atomic_load(&partitions[i].state) == PARTITION_OFF && partitions[i].config->autostart;
	}
	atomic_store(&running, n);
	if (!n && startable)
		log_info(NULL, "no partition starts by itself: start one in the monitor");
	else if (!n)
		log_error(NULL, "no partition is running: mend %s and reset the machine", boot_info()->config_name);
	for (i = 0; i < partition_count; i++)
		if (atomic_load(&partitions[i].state) == PARTITION_OFF && partitions[i].config->autostart)
			start_again(&partitions[i], 0);
}
