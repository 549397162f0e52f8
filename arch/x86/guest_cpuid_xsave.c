/* SPDX-License-Identifier: MIT */
/* Leaf 0xd: the XSAVE area (SDM volume 1, 13.2 and 13.4). */
#include "arch/x86/guest_cpuid_features.h"
#include "arch/x86/guest_cpuid_parts.h"

#define LEGACY_AND_HEADER 576
#define COMPONENT_ALIGN   F(1) /* sub-leaf ECX: 64-byte aligned in the compacted format */

void guest_cpuid_build_xsave(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	struct guest_cpuid_leaf *sub = guest_cpuid_add_subleaves(cpuid, 0xd, GUEST_CPUID_COMPONENTS + 1);
	struct cpuid zero = guest_cpuid_host(config, 0xd, 0), one = guest_cpuid_host(config, 0xd, 1);
	const uint64_t known = XCR0_MASK_X87_SSE | XCR0_MASK_AVX | XCR0_MASK_AVX512 | XCR0_MASK_PKRU;

	cpuid->xcr0 = config->xcr0 & known & (zero.eax | (uint64_t)zero.edx << 32);
	if (!(cpuid->basic[1].out.ecx & LEAF1_ECX_XSAVE) || (cpuid->xcr0 & XCR0_MASK_X87_SSE) != XCR0_MASK_X87_SSE) {
		cpuid->xcr0 = 0;
		return;
	}
	for (unsigned i = 2; i < GUEST_CPUID_COMPONENTS; i++) {
		struct cpuid part = guest_cpuid_host(config, 0xd, i);

		if (!(cpuid->xcr0 >> i & 1))
			continue;
		cpuid->component[i].size = part.eax;
		cpuid->component[i].offset = part.ebx;
		cpuid->component[i].align = part.ecx & COMPONENT_ALIGN;
		sub[i].out = (struct cpuid){ part.eax, part.ebx, part.ecx & COMPONENT_ALIGN, 0 };
	}
	sub[0].out.eax = (uint32_t)cpuid->xcr0;
	sub[0].out.ebx = LEGACY_AND_HEADER;
	sub[0].out.ecx = guest_cpuid_xsave_size(cpuid, cpuid->xcr0);
	sub[0].dynamic = CPUID_XSAVE_SIZE;
	sub[1].out.eax = one.eax & LEAFD_1_EAX;
	if (!config->xsaves)
		sub[1].out.eax &= ~LEAFD_1_EAX_XSAVES;
	if (sub[1].out.eax & (LEAFD_1_EAX_XSAVEC | LEAFD_1_EAX_XSAVES))
		sub[1].dynamic = CPUID_XSAVE_COMPACTED;
}

uint32_t guest_cpuid_xsave_size(const struct guest_cpuid *cpuid, uint64_t xcr0)
{
	uint32_t size = LEGACY_AND_HEADER;

	for (unsigned i = 2; i < GUEST_CPUID_COMPONENTS; i++) {
		uint32_t end = cpuid->component[i].offset + cpuid->component[i].size;

		if (xcr0 >> i & 1 && end > size)
			size = end;
	}
	return size;
}

uint32_t guest_cpuid_xsave_compacted(const struct guest_cpuid *cpuid, uint64_t xcr0)
{
	uint32_t size = LEGACY_AND_HEADER;

	for (unsigned i = 2; i < GUEST_CPUID_COMPONENTS; i++) {
		if (!(xcr0 >> i & 1))
			continue;
		if (cpuid->component[i].align)
			size = (size + 63) & ~63u;
		size += cpuid->component[i].size;
	}
	return size;
}
