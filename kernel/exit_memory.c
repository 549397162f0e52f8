/* SPDX-License-Identifier: MIT */
/* Guest-physical addresses that are not RAM: the local APIC, devices, or nothing. */
#include "arch/x86/msr.h"
#include "kernel/exit_handlers.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu_emulate.h"

#define APIC_BASE_ADDRESS 0xfee00000

static bool is_apic(const struct vcpu *vcpu, uint64_t gpa)
{
	uint64_t mode = vcpu->apic.base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	return gpa - APIC_BASE_ADDRESS < PAGE_SIZE && mode == APIC_BASE_ENABLE;
}

static void apic_access(struct vcpu *vcpu, struct bus_access *access)
{
	uint32_t offset = access->address & (PAGE_SIZE - 1), errors;

	/* The task-priority register is CR8 by another name: the processor's copy may be newer. */
	vcpu_apic_refresh(vcpu);
	errors = vcpu->apic.errors;
	if (!vlapic_mmio(&vcpu->apic, offset, access->size, access->write, &access->value) && !access->write)
		access->value = 0;
	if (access->write || vcpu->apic.errors != errors) /* what it must not read raises the error interrupt */
		vcpu_apic_changed(vcpu);
}

void vcpu_mmio(struct vcpu *vcpu, struct bus_access *access)
{
	struct partition *partition = vcpu->partition;
	const struct bus_range *range;

	if (is_apic(vcpu, access->address)) {
		apic_access(vcpu, access);
		return;
	}
	range = bus_find(&partition->mmio, access->address, access->size);
	if (!range && pc_bar_access(partition, access))
		return;
	if (!range) {
		/* Nobody answers on a real bus either: all ones, writes are lost. */
		if (!access->write)
			access->value = UINT64_MAX;
		if (partition->stray_accesses++ < 8)
			log_warning(partition->name, "vCPU %u %s guest-physical address %#llx: nothing is there", vcpu->index,
			            access->write ? "writes" : "reads", (unsigned long long)access->address);
		return;
	}
	access->offset = access->address - range->base;
	spin_lock(&partition->lock);
	range->handler(range->device, access);
	spin_unlock(&partition->lock);
}

enum verdict exit_memory(struct vcpu *vcpu, struct exit *exit)
{
	const char *who = vcpu->partition->name;
	unsigned long long gpa = exit->memory.gpa;

	if (exit->memory.fetch) {
		log_error(who, "vCPU %u executes at guest-physical address %#llx, where there is no memory", vcpu->index, gpa);
		return VERDICT_STOP;
	}
	if (exit->memory.page_walk) {
		log_error(who, "vCPU %u: a page table lies at guest-physical address %#llx, where there is no memory",
		          vcpu->index, gpa);
		return VERDICT_STOP;
	}
	if (exit->interrupted.valid) {
		log_error(who, "vCPU %u: delivery of vector %u touches guest-physical address %#llx, where there is no memory",
		          vcpu->index, exit->interrupted.vector, gpa);
		return VERDICT_STOP;
	}
	return vcpu_emulate(vcpu, exit);
}
