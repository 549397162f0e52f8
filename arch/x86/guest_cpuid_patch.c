/* SPDX-License-Identifier: MIT */
/* The bits of CPUID that depend on the vCPU that asks. */
#include "arch/x86/guest_cpuid_features.h"
#include "arch/x86/guest_cpuid_parts.h"
#include "arch/x86/msr.h"

void guest_cpuid_patch(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t subleaf,
                       const struct guest_cpuid_state *state, struct cpuid *out)
{
	const struct cpuid *found = guest_cpuid_find(cpuid, leaf, subleaf);

	*out = *found;
	switch (((const struct guest_cpuid_leaf *)found)->dynamic) {
	case CPUID_FEATURES:
		out->ebx |= state->apic_id << 24;
		if (state->cr4 & CR4_OSXSAVE)
			out->ecx |= LEAF1_ECX_OSXSAVE;
		if (!state->apic_enabled)
			out->edx &= ~LEAF1_EDX_APIC;
		break;
	case CPUID_STRUCTURED:
		if (state->cr4 & CR4_PKE)
			out->ecx |= LEAF7_ECX_OSPKE;
		break;
	case CPUID_TOPOLOGY:
		out->ecx |= subleaf & 0xff;
		out->edx = state->apic_id;
		break;
	case CPUID_XSAVE_SIZE:
		out->ebx = guest_cpuid_xsave_size(cpuid, state->xcr0);
		break;
	case CPUID_XSAVE_COMPACTED:
		out->ebx = guest_cpuid_xsave_compacted(cpuid, state->xcr0);
		break;
	case CPUID_AMD_FEATURES:
		if (!state->apic_enabled)
			out->edx &= ~LEAF1_EDX_APIC;
		break;
	case CPUID_AMD_TOPOLOGY:
		out->eax = state->apic_id;
		out->ebx = state->apic_id & 0xff;
		break;
	}
}
