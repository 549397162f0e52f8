/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR: the local APIC's, those that live in the backend, and the policy for the rest. */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "kernel/exit_handlers.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/pvclock.h"

#define X2APIC_EOI      0x80b
#define X2APIC_ICR      0x830
#define X2APIC_SELF_IPI 0x83f
#define UNKNOWN_LOGGED  16 /* accesses to unknown MSRs that a partition may log */

static bool is_apic(uint32_t msr)
{
	return msr - IA32_X2APIC_BASE < 0x100 || msr == IA32_TSC_DEADLINE || msr == IA32_APIC_BASE;
}

/* MSRs that are registers of the vCPU. On AMD-V most never exit. */
static const struct {
	uint32_t msr;
	enum vcpu_register reg;
} registers[] = {
	{ IA32_EFER, VCPU_EFER },
	{ IA32_PAT, VCPU_PAT },
	{ IA32_STAR, VCPU_STAR },
	{ IA32_LSTAR, VCPU_LSTAR },
	{ IA32_CSTAR, VCPU_CSTAR },
	{ IA32_FMASK, VCPU_FMASK },
	{ IA32_KERNEL_GS_BASE, VCPU_KERNEL_GS_BASE },
	{ IA32_SYSENTER_CS, VCPU_SYSENTER_CS },
	{ IA32_SYSENTER_ESP, VCPU_SYSENTER_ESP },
	{ IA32_SYSENTER_EIP, VCPU_SYSENTER_EIP },
};

static int find_register(uint32_t msr)
{
	unsigned i;

	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (registers[i].msr == msr)
			return (int)registers[i].reg;
	return -1;
}

static enum verdict refuse(struct vcpu *vcpu, const char *what, uint32_t msr, bool unknown)
{
	if (unknown && vcpu->partition->unknown_msrs++ < UNKNOWN_LOGGED)
		log_debug(vcpu->partition->name, "vCPU %u %s unknown MSR %#x: #GP", vcpu->index, what, msr);
	vcpu_exception_error(vcpu, VECTOR_GP, 0);
	return VERDICT_RETRY;
}

/* Which bits of EFER the guest's CPUID offers. */
static uint64_t efer_bits(const struct guest_cpuid *cpuid)
{
	uint32_t edx = guest_cpuid_find(cpuid, 0x80000001, 0)->edx;

	return (edx & 1u << 11 ? EFER_SCE : 0) | (edx & 1u << 20 ? EFER_NXE : 0) |
	       (edx & 1u << 25 ? EFER_FFXSR : 0) | (edx & 1u << 29 ? EFER_LME | EFER_LMA : 0);
}

/* LMA is the processor's: kept whatever is written. LME cannot change while paging is on (SDM 2.2.1). */
static bool write_efer(struct vcpu *vcpu, uint64_t value)
{
	uint64_t old = vcpu_ops->read(vcpu, VCPU_EFER);

	if (value & ~efer_bits(&vcpu->partition->cpuid))
		return false;
	if ((old ^ value) & EFER_LME && vcpu_ops->read(vcpu, VCPU_CR0) & CR0_PG)
		return false;
	vcpu_ops->write(vcpu, VCPU_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
	return true;
}

/* Eight memory types, each UC, WC, WT, WP, WB or UC- (SDM 12.12.2). */
static bool pat_valid(uint64_t value)
{
	unsigned i;

	for (i = 0; i < 64; i += 8) {
		uint8_t type = (uint8_t)(value >> i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static bool canonical(uint64_t value)
{
	return (uint64_t)((int64_t)(value << 16) >> 16) == value;
}

static bool write_register(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value)
{
	switch (reg) {
	case VCPU_EFER:
		return write_efer(vcpu, value);
	case VCPU_PAT:
		if (!pat_valid(value))
			return false;
		break;
	case VCPU_LSTAR:
	case VCPU_CSTAR:
	case VCPU_KERNEL_GS_BASE:
	case VCPU_SYSENTER_ESP:
	case VCPU_SYSENTER_EIP:
		if (!canonical(value))
			return false;
		break;
	default:
		break;
	}
	vcpu_ops->write(vcpu, reg, value);
	return true;
}

enum verdict exit_rdmsr(struct vcpu *vcpu, struct exit *exit)
{
	uint32_t msr = exit->msr;
	enum msr_result result = MSR_OK;
	uint64_t value = 0;
	int reg;

	if (is_apic(msr)) {
		vcpu_apic_refresh(vcpu);
		if (!vlapic_rdmsr(&vcpu->apic, msr, &value))
			result = MSR_GP;
	} else if ((reg = find_register(msr)) >= 0) {
		value = vcpu_ops->read(vcpu, (enum vcpu_register)reg);
	} else if (pvclock_is(msr)) {
		value = pvclock_rdmsr(vcpu, msr);
	} else {
		result = guest_msr_read(&vcpu->msrs, msr, &value);
	}
	if (result != MSR_OK)
		return refuse(vcpu, "reads", msr, result == MSR_UNKNOWN);
	vcpu->gpr[RAX] = (uint32_t)value;
	vcpu->gpr[RDX] = value >> 32;
	return VERDICT_NEXT;
}

/* Those that change more than what is pending: the priority, a timer's mode, the APIC's own mode. */
static __attribute__((noinline)) enum verdict write_apic_other(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	vcpu_apic_refresh(vcpu);
	if (!vlapic_wrmsr(&vcpu->apic, msr, value))
		return refuse(vcpu, "writes", msr, false);
	vcpu_apic_changed(vcpu);
	return VERDICT_NEXT;
}

static enum verdict write_apic(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	uint32_t todo = 0;

	if (msr != X2APIC_EOI && msr != X2APIC_ICR && msr != X2APIC_SELF_IPI && msr != IA32_TSC_DEADLINE)
		return write_apic_other(vcpu, msr, value);
	if (!vlapic_wrmsr(&vcpu->apic, msr, value))
		return refuse(vcpu, "writes", msr, false);
	if (msr == IA32_TSC_DEADLINE)
		todo = TODO_TIME;
	else if (vcpu->apic.irr_top >= 0 || vcpu->apic.by_processor)
		todo = TODO_INTERRUPT;
	if (todo)
		atomic_fetch_or_explicit(&vcpu->todo, todo, memory_order_relaxed);
	return VERDICT_NEXT;
}

static __attribute__((noinline)) enum verdict write_other(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	enum msr_result result = MSR_OK;
	int reg = find_register(msr);

	if (reg >= 0)
		result = write_register(vcpu, (enum vcpu_register)reg, value) ? MSR_OK : MSR_GP;
	else if (pvclock_is(msr))
		result = pvclock_wrmsr(vcpu, msr, value) ? MSR_OK : MSR_GP;
	else
		result = guest_msr_write(&vcpu->msrs, msr, value);
	if (result != MSR_OK)
		return refuse(vcpu, "writes", msr, result == MSR_UNKNOWN);
	return VERDICT_NEXT;
}

enum verdict exit_wrmsr(struct vcpu *vcpu, struct exit *exit)
{
	uint64_t value = (uint32_t)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;

	return is_apic(exit->msr) ? write_apic(vcpu, exit->msr, value) : write_other(vcpu, exit->msr, value);
}
