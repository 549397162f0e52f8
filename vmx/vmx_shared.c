/* SPDX-License-Identifier: MIT */
/*
 * Guest registers that neither the VM entry nor the exit switches. The hypervisor uses none of them, so they stay in
 * the processor until another vCPU runs on the core. DR7 is a field of the VMCS: no breakpoint of the guest hits the
 * host.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "vmx/vmx.h"

static const uint32_t msrs[SHARED] = {
	[SHARED_STAR] = IA32_STAR,
	[SHARED_LSTAR] = IA32_LSTAR,
	[SHARED_CSTAR] = IA32_CSTAR,
	[SHARED_FMASK] = IA32_FMASK,
	[SHARED_KERNEL_GS_BASE] = IA32_KERNEL_GS_BASE,
	[SHARED_TSC_AUX] = IA32_TSC_AUX,
};

#define DR_WRITE(n, v) ({ __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v))); })

static uint64_t read(enum vmx_shared reg)
{
	uint64_t value = 0;

	switch (reg) {
	case SHARED_CR2: return CR_READ(2);
	case SHARED_DR0: return DR_READ(0);
	case SHARED_DR1: return DR_READ(1);
	case SHARED_DR2: return DR_READ(2);
	case SHARED_DR3: return DR_READ(3);
	case SHARED_DR6: return DR_READ(6);
	default:
		rdmsr_safe(msrs[reg], &value); /* not every processor has TSC_AUX */
		return value;
	}
}

static void write(enum vmx_shared reg, uint64_t value)
{
	switch (reg) {
	case SHARED_CR2: CR_WRITE(2, value); break;
	case SHARED_DR0: DR_WRITE(0, value); break;
	case SHARED_DR1: DR_WRITE(1, value); break;
	case SHARED_DR2: DR_WRITE(2, value); break;
	case SHARED_DR3: DR_WRITE(3, value); break;
	case SHARED_DR6: DR_WRITE(6, (uint32_t)value); break;
	default:         wrmsr_safe(msrs[reg], value); break;
	}
}

static bool in_processor(const struct vmx_vcpu *s)
{
	return s->cpu == this_cpu() && vmx_core()->current == s && !s->shared_stale;
}

uint64_t vmx_shared_read(struct vmx_vcpu *s, enum vmx_shared reg)
{
	return in_processor(s) ? read(reg) : s->shared[reg];
}

void vmx_shared_write(struct vmx_vcpu *s, enum vmx_shared reg, uint64_t value)
{
	if (in_processor(s))
		write(reg, value);
	else
		s->shared[reg] = value;
}

void vmx_shared_load(struct vmx_vcpu *s)
{
	for (unsigned i = 0; i < SHARED; i++)
		write((enum vmx_shared)i, s->shared[i]);
	s->shared_stale = false;
}

void vmx_shared_store(struct vmx_vcpu *s)
{
	if (s->shared_stale) /* reset meanwhile: the processor's are old */
		return;
	for (unsigned i = 0; i < SHARED; i++)
		s->shared[i] = read((enum vmx_shared)i);
	s->shared_stale = true;
	s->chores = true;
}
