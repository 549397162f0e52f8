/* SPDX-License-Identifier: MIT */
/* Builds a partition's CPUID table (SDM volume 2 CPUID, APM volume 3 appendix E). */
#include "arch/x86/guest_cpuid.h"

#include <string.h>

#include "arch/x86/guest_cpuid_features.h"
#include "arch/x86/guest_cpuid_parts.h"

#define SIGNATURE_AMD   0x68747541 /* "Auth"enticAMD */
#define SIGNATURE_HYGON 0x6f677948 /* "Hygo"nGenuine */

/* Highest leaves. Higher ones of newer processors describe what is not given to guests. */
#define INTEL_MAX_SHORT    0x16 /* so that the TSC's frequency is told even by a model that predates the leaf */
#define INTEL_MAX          0x1f
#define AMD_MAX            0x0d
#define INTEL_EXTENDED_MAX 0x80000008

#define PHYSICAL_BITS_DEFAULT 36 /* of a processor that does not say: SDM volume 3, 4.1.4 */
#define LINEAR_BITS           48 /* LA57 is not offered */

/* What passes from the host: leaf, and the bits that are kept. Everything not named here is zero or made below. */
static const struct {
	uint32_t leaf;
	struct cpuid keep;
} passed[] = {
	{ 0x1, { ~0u, LEAF1_EBX, LEAF1_ECX, LEAF1_EDX } },
	{ 0x80000001, { ~0u, ~0u, EXTENDED1_ECX, EXTENDED1_EDX } },
	{ 0x80000002, { ~0u, ~0u, ~0u, ~0u } }, /* name */
	{ 0x80000003, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000004, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000006, { ~0u, ~0u, ~0u, ~0u } }, /* L2 and L3 */
	{ 0x80000007, { 0, 0, 0, EXTENDED7_EDX_INVARIANT_TSC } },
	{ 0x80000008, { 0xffff, EXTENDED8_EBX, 0, 0 } },
};

static const struct {
	uint32_t leaf;
	struct cpuid keep;
} passed_amd[] = {
	{ 0x80000005, { ~0u, ~0u, ~0u, ~0u } }, /* L1 caches and TLBs */
	{ 0x80000019, { ~0u, ~0u, 0, 0 } },     /* TLBs of 1 GiB pages */
	{ 0x8000001a, { ~0u, 0, 0, 0 } },       /* how fast SSE is */
	{ 0x80000021, { EXTENDED21_EAX, 0, 0, 0 } },
};

static struct cpuid host(const struct guest_cpuid_config *config, uint32_t leaf, uint32_t subleaf)
{
	return config->host(config->context, leaf, subleaf);
}

struct cpuid guest_cpuid_host(const struct guest_cpuid_config *config, uint32_t leaf, uint32_t subleaf)
{
	/* A processor may answer a leaf beyond its range with another leaf's data. */
	if (leaf > host(config, leaf & 0x80000000, 0).eax)
		return (struct cpuid){ 0 };
	return host(config, leaf, subleaf);
}

struct guest_cpuid_leaf *guest_cpuid_leaf(struct guest_cpuid *cpuid, uint32_t leaf)
{
	return leaf & 0x80000000 ? &cpuid->extended[leaf - 0x80000000] : &cpuid->basic[leaf];
}

struct guest_cpuid_leaf *guest_cpuid_add_subleaves(struct guest_cpuid *cpuid, uint32_t leaf, unsigned count)
{
	struct guest_cpuid_leaf *of = guest_cpuid_leaf(cpuid, leaf);

	of->first = (uint8_t)cpuid->subleaves;
	of->last = (uint8_t)(count - 1);
	cpuid->subleaves += count;
	return &cpuid->subleaf[of->first];
}

static struct cpuid masked(struct cpuid value, const struct cpuid *keep)
{
	value.eax &= keep->eax;
	value.ebx &= keep->ebx;
	value.ecx &= keep->ecx;
	value.edx &= keep->edx;
	return value;
}

static void pass(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	unsigned i;

	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		guest_cpuid_leaf(cpuid, passed[i].leaf)->out =
			masked(guest_cpuid_host(config, passed[i].leaf, 0), &passed[i].keep);
	for (i = 0; cpuid->amd && i < sizeof(passed_amd) / sizeof(passed_amd[0]); i++)
		guest_cpuid_leaf(cpuid, passed_amd[i].leaf)->out =
			masked(guest_cpuid_host(config, passed_amd[i].leaf, 0), &passed_amd[i].keep);
	if (!cpuid->amd)
		cpuid->basic[2].out = guest_cpuid_host(config, 2, 0); /* caches and TLBs */
	cpuid->basic[6].out.eax = LEAF6_EAX_ARAT;
}

/* Leaf 7: the sub-leaves' features; sub-leaf 0 EAX is the number of the last one. */
static void structured(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	static const struct cpuid keep[] = {
		{ 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX },
		{ LEAF7_1_EAX, 0, 0, 0 },
	};
	struct guest_cpuid_leaf *sub = guest_cpuid_add_subleaves(cpuid, 7, 3);
	uint32_t last = guest_cpuid_host(config, 7, 0).eax;

	sub[0].out = masked(guest_cpuid_host(config, 7, 0), &keep[0]);
	if (last >= 1)
		sub[1].out = masked(guest_cpuid_host(config, 7, 1), &keep[1]);
	sub[0].out.eax = sub[1].out.eax != 0;
	sub[0].out.ebx |= LEAF7_EBX_TSC_ADJUST;
	sub[0].dynamic = CPUID_STRUCTURED;
}

/* Features that stand or fall with state components. */
static void need_components(struct guest_cpuid *cpuid)
{
	struct cpuid *one = &cpuid->basic[1].out, *seven = &cpuid->subleaf[cpuid->basic[7].first].out;
	struct cpuid *seven_1 = &cpuid->subleaf[cpuid->basic[7].first + 1].out;
	struct cpuid *extended = &cpuid->extended[1].out;

	if (!cpuid->xcr0)
		one->ecx &= ~LEAF1_ECX_XSAVE;
	if (!(cpuid->xcr0 & XCR0_MASK_AVX)) {
		one->ecx &= ~LEAF1_ECX_NEED_AVX;
		seven->ebx &= ~LEAF7_EBX_NEED_AVX;
		seven->ecx &= ~LEAF7_ECX_NEED_AVX;
		seven_1->eax &= ~LEAF7_1_EAX_NEED_AVX;
		extended->ecx &= ~EXTENDED1_ECX_NEED_AVX;
	}
	if ((cpuid->xcr0 & XCR0_MASK_AVX512) != XCR0_MASK_AVX512) {
		seven->ebx &= ~LEAF7_EBX_NEED_AVX512;
		seven->ecx &= ~LEAF7_ECX_NEED_AVX512;
		seven->edx &= ~LEAF7_EDX_NEED_AVX512;
		seven_1->eax &= ~LEAF7_1_EAX_NEED_AVX512;
	}
	if (!(cpuid->xcr0 & XCR0_MASK_PKRU))
		seven->ecx &= ~LEAF7_ECX_PKU;
}

static void features(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	struct cpuid *one = &cpuid->basic[1].out, *seven = &cpuid->subleaf[cpuid->basic[7].first].out;
	struct cpuid *extended = cpuid->extended[0].out.eax >= 0x80000008 ? &cpuid->extended[8].out : NULL;

	/* The local APIC is ours whatever the processor's own can do. */
	one->ecx |= LEAF1_ECX_X2APIC | LEAF1_ECX_TSC_DEADLINE | LEAF1_ECX_HYPERVISOR;
	one->edx |= LEAF1_EDX_APIC;
	cpuid->basic[1].dynamic = CPUID_FEATURES;
	if (cpuid->amd) {
		cpuid->extended[1].out.edx |= LEAF1_EDX_APIC;
		cpuid->extended[1].dynamic = CPUID_AMD_FEATURES;
	}
	if (!config->rdtscp) {
		cpuid->extended[1].out.edx &= ~EXTENDED1_EDX_RDTSCP;
		seven->ecx &= ~LEAF7_ECX_RDPID;
	}
	if (!config->invpcid)
		seven->ebx &= ~LEAF7_EBX_INVPCID;
	if (!config->spec_ctrl) {
		seven->edx &= ~LEAF7_EDX_SPEC_CTRL;
		if (extended)
			extended->ebx &= ~EXTENDED8_EBX_SPEC_CTRL;
	}
	seven->edx &= ~LEAF7_EDX_ARCH_CAPABILITIES;
	if (config->arch_capabilities)
		seven->edx |= LEAF7_EDX_ARCH_CAPABILITIES;
	if (config->tsc_stable && cpuid->extended[0].out.eax >= 0x80000007)
		cpuid->extended[7].out.edx |= EXTENDED7_EDX_INVARIANT_TSC;
}

static void address_sizes(struct guest_cpuid *cpuid)
{
	struct cpuid *sizes = &cpuid->extended[8].out;

	cpuid->physical_bits = sizes->eax & 0xff;
	if (cpuid->physical_bits < 32 || cpuid->physical_bits > 52)
		cpuid->physical_bits = PHYSICAL_BITS_DEFAULT;
	if ((sizes->eax >> 8 & 0xff) > LINEAR_BITS)
		sizes->eax = (sizes->eax & 0xff) | LINEAR_BITS << 8;
}

/* Leaf 0x40000101 EAX: port 0x80 need not be written for delays; MSRs 0x4b564d00 and 0x4b564d01; one clock for all. */
#define PV_NO_IO_DELAY  (1u << 1)
#define PV_CLOCK        (1u << 3)
#define PV_CLOCK_STABLE (1u << 24)

/* Frequencies. Linux takes the crystal of leaf 0x15 for the local APIC timer's clock, which it is here. */
static void clocks(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	uint32_t mhz = (uint32_t)((config->tsc_hz + 500000) / 1000000);

	if (!cpuid->amd && config->tsc_hz && config->apic_hz && config->apic_hz <= UINT32_MAX) {
		cpuid->basic[0x15].out = (struct cpuid){
			.eax = 1,
			.ebx = (uint32_t)((config->tsc_hz + config->apic_hz / 2) / config->apic_hz),
			.ecx = (uint32_t)config->apic_hz,
		};
		cpuid->basic[0x16].out = (struct cpuid){ .eax = mhz, .ebx = mhz, .ecx = 100 };
	}
	cpuid->hypervisor[0].out.eax = 0x40000000 + GUEST_CPUID_HYPERVISOR - 1;
	memcpy(&cpuid->hypervisor[0].out.ebx, "Bulk", 4);
	memcpy(&cpuid->hypervisor[0].out.ecx, "head", 4);
	memcpy(&cpuid->hypervisor[0].out.edx, "Bulk", 4);
	cpuid->hypervisor[0x10].out.eax = (uint32_t)(config->tsc_hz / 1000);
	cpuid->hypervisor[0x10].out.ebx = (uint32_t)(config->apic_hz / 1000);
	/* A second signature, 0x100 further, offers the clock of KVM's guest ABI and nothing else of it. */
	cpuid->paravirtual[0].out.eax = 0x40000101;
	memcpy(&cpuid->paravirtual[0].out.ebx, "KVMK", 4);
	memcpy(&cpuid->paravirtual[0].out.ecx, "VMKV", 4);
	memcpy(&cpuid->paravirtual[0].out.edx, "M\0\0", 4);
	cpuid->paravirtual[1].out.eax = PV_NO_IO_DELAY | PV_CLOCK | PV_CLOCK_STABLE;
}

/* Vendor and highest leaves. */
static void ranges(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	struct cpuid zero = host(config, 0, 0), extended = host(config, 0x80000000, 0);

	cpuid->amd = zero.ebx == SIGNATURE_AMD || zero.ebx == SIGNATURE_HYGON;
	cpuid->basic[0].out = zero;
	cpuid->basic[0].out.eax = cpuid->amd ? AMD_MAX : zero.eax < INTEL_MAX ? INTEL_MAX_SHORT : INTEL_MAX;
	if (!(extended.eax & 0x80000000)) /* it has none: SDM volume 2, CPUID, "Input EAX = 80000000h" */
		extended = (struct cpuid){ .eax = 0x80000000 };
	cpuid->extended[0].out = extended;
	if (!cpuid->amd && extended.eax > INTEL_EXTENDED_MAX)
		cpuid->extended[0].out.eax = INTEL_EXTENDED_MAX;
	else if (extended.eax >= 0x80000000 + GUEST_CPUID_EXTENDED)
		cpuid->extended[0].out.eax = 0x80000000 + GUEST_CPUID_EXTENDED - 1;
}

/* Beyond its range Intel answers with the highest basic leaf, AMD with zeros. */
static void close_ranges(struct guest_cpuid *cpuid)
{
	uint32_t i, basic = cpuid->basic[0].out.eax, extended = cpuid->extended[0].out.eax - 0x80000000;

	if (!cpuid->amd)
		cpuid->beyond = cpuid->basic[basic];
	for (i = basic + 1; i < GUEST_CPUID_BASIC; i++)
		cpuid->basic[i] = cpuid->beyond;
	for (i = extended + 1; i < GUEST_CPUID_EXTENDED; i++)
		cpuid->extended[i] = cpuid->beyond;
}

void guest_cpuid_build(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config)
{
	memset(cpuid, 0, sizeof(*cpuid));
	cpuid->cpus = config->cpus;
	cpuid->arch_capabilities = config->arch_capabilities;
	ranges(cpuid, config);
	pass(cpuid, config);
	structured(cpuid, config);
	guest_cpuid_build_xsave(cpuid, config);
	need_components(cpuid);
	features(cpuid, config);
	address_sizes(cpuid);
	guest_cpuid_build_topology(cpuid, config);
	clocks(cpuid, config);
	close_ranges(cpuid);
}

bool guest_cpuid_invariant_tsc(const struct guest_cpuid *cpuid)
{
	return cpuid->extended[0].out.eax >= 0x80000007 &&
	       (cpuid->extended[7].out.edx & EXTENDED7_EDX_INVARIANT_TSC) != 0;
}

bool guest_cpuid_xsaves(const struct guest_cpuid *cpuid)
{
	return guest_cpuid_find(cpuid, 0xd, 1)->eax & LEAFD_1_EAX_XSAVES;
}

static bool has_speculation(const struct guest_cpuid *cpuid, uint32_t seven_edx, uint32_t amd_ebx)
{
	return (guest_cpuid_find(cpuid, 7, 0)->edx & seven_edx) ||
	       (cpuid->amd && (guest_cpuid_find(cpuid, 0x80000008, 0)->ebx & amd_ebx));
}

bool guest_cpuid_spec_ctrl(const struct guest_cpuid *cpuid)
{
	return has_speculation(cpuid, LEAF7_EDX_IBRS | LEAF7_EDX_STIBP | LEAF7_EDX_SSBD,
	                       EXTENDED8_EBX_SPEC_CTRL & ~EXTENDED8_EBX_IBPB);
}

bool guest_cpuid_pred_cmd(const struct guest_cpuid *cpuid)
{
	return has_speculation(cpuid, LEAF7_EDX_IBRS, EXTENDED8_EBX_IBPB);
}
