/* SPDX-License-Identifier: MIT */
/* Who shares what: one package, one thread per core. L1 and L2 are a core's own, L3 is the package's. */
#include "arch/x86/guest_cpuid_features.h"
#include "arch/x86/guest_cpuid_parts.h"

#define CACHES 8 /* that are copied from the host at the most */

#define LEVEL_SMT  (1u << 8) /* leaf 0xb ECX 15:8 */
#define LEVEL_CORE (2u << 8)

/* Bits of the APIC ID that tell the cores apart. */
static unsigned id_bits(unsigned cpus)
{
	unsigned bits = 0;

	while (1u << bits < cpus)
		bits++;
	return bits;
}

/* SDM leaf 4, APM leaf 0x8000001d: the same format but for EAX 31:26, the package's core IDs, reserved on AMD. */
static void caches(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config, uint32_t leaf)
{
	uint32_t ids = (1u << id_bits(cpuid->cpus)) - 1, count = 0;
	struct guest_cpuid_leaf *sub;

	while (count < CACHES && guest_cpuid_host(config, leaf, count).eax & 0x1f)
		count++;
	if (!count)
		return;
	sub = guest_cpuid_add_subleaves(cpuid, leaf, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t level;

		sub[i].out = guest_cpuid_host(config, leaf, i);
		level = sub[i].out.eax >> 5 & 7;
		sub[i].out.eax &= 0x3fff;
		if (level >= 3)
			sub[i].out.eax |= (leaf == 4 ? ids : cpuid->cpus - 1) << 14;
		if (leaf == 4)
			sub[i].out.eax |= ids << 26;
	}
}

static void levels(struct guest_cpuid *cpuid, uint32_t leaf)
{
	struct guest_cpuid_leaf *sub = guest_cpuid_add_subleaves(cpuid, leaf, 3);

	sub[0].out = (struct cpuid){ .eax = 0, .ebx = 1, .ecx = LEVEL_SMT };
	sub[1].out = (struct cpuid){ .eax = id_bits(cpuid->cpus), .ebx = cpuid->cpus, .ecx = LEVEL_CORE };
	for (unsigned i = 0; i < 3; i++)
		sub[i].dynamic = CPUID_TOPOLOGY;
}

static void amd(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	uint32_t last = cpuid->extended[0].out.eax;

	if (cpuid->cpus > 1)
		cpuid->extended[1].out.ecx |= EXTENDED1_ECX_CMP_LEGACY;
	if (last >= 0x80000008)
		cpuid->extended[8].out.ecx = (cpuid->cpus - 1) | id_bits(cpuid->cpus) << 12;
	if (last < 0x8000001e || !(cpuid->extended[1].out.ecx & EXTENDED1_ECX_TOPOEXT)) {
		cpuid->extended[1].out.ecx &= ~EXTENDED1_ECX_TOPOEXT;
		return;
	}
	caches(cpuid, config, 0x8000001d);
	cpuid->extended[0x1e].dynamic = CPUID_AMD_TOPOLOGY; /* one thread per core, one node */
}

void guest_cpuid_build_topology(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	struct cpuid *one = &cpuid->basic[1].out;

	/* Intel counts addressable IDs, AMD processors (SDM and APM, leaf 1 EBX 23:16). */
	one->ebx |= (cpuid->amd ? cpuid->cpus : 1u << id_bits(cpuid->cpus)) << 16;
	if (cpuid->cpus > 1)
		one->edx |= LEAF1_EDX_HTT;
	levels(cpuid, 0xb);
	if (cpuid->basic[0].out.eax >= 0x1f)
		levels(cpuid, 0x1f);
	if (cpuid->amd) {
		amd(cpuid, config);
	} else {
		cpuid->extended[1].out.ecx &= ~EXTENDED1_ECX_TOPOEXT;
		caches(cpuid, config, 4);
	}
}
