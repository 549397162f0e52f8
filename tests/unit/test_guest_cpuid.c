/* SPDX-License-Identifier: MIT */
/* arch/x86/guest_cpuid*.c: what is hidden, what is made up, and that the model fits together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/guest_cpuid.h"
#include "arch/x86/msr.h"

#define BIT(n) (1u << (n))

struct leaf {
	uint32_t leaf, subleaf;
	struct cpuid out;
};

#define AMD_VENDOR                                                                                                     \
	{                                                                                                              \
		0, 0,                                                                                                  \
		{                                                                                                      \
			0xd, 0x68747541, 0x444d4163, 0x69746e65                                                        \
		}                                                                                                      \
	}
#define INTEL_VENDOR(max)                                                                                              \
	{                                                                                                              \
		0, 0,                                                                                                  \
		{                                                                                                      \
			(max), 0x756e6547, 0x6c65746e, 0x49656e69                                                      \
		}                                                                                                      \
	}

/* What matters of a server of each vendor; every feature bit that a host could have is set. */
static const struct leaf amd[] = {
	AMD_VENDOR,
	{ 1, 0, { 0x00a20f10, 0x55200800, ~0u, ~0u } },
	{ 7, 0, { 1, ~0u, ~0u, ~0u } },
	{ 7, 1, { ~0u, ~0u, ~0u, ~0u } },
	{ 0xb, 0, { 1, 2, 0x100, 5 } },
	{ 0xd, 0, { 0x207, 2432, 2440, 0 } },
	{ 0xd, 1, { 0xf, 2432, 0x1800, 0 } },
	{ 0xd, 2, { 256, 576, 0, 0 } },
	{ 0xd, 9, { 8, 2432, 0, 0 } },
	{ 0xd, 11, { 16, 0, 1, 0 } },
	{ 0x80000000, 0, { 0x80000023, 0x68747541, 0x444d4163, 0x69746e65 } },
	{ 0x80000001, 0, { 0x00a20f10, 0x20000000, ~0u, ~0u } },
	{ 0x80000002, 0, { 1, 2, 3, 4 } },
	{ 0x80000005, 0, { 0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140 } },
	{ 0x80000006, 0, { 5, 6, 7, 8 } },
	{ 0x80000007, 0, { 0, 0x3b, 0, 0x6799 } },
	{ 0x80000008, 0, { 0x3930, ~0u, 0x7007, 0x10000 } },
	{ 0x8000000a, 0, { 1, 0x8000, 0, ~0u } },
	{ 0x8000001b, 0, { 0x3ff, 0, 0, 0 } },
	{ 0x8000001d, 0, { 0x00004121, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 1, { 0x00004122, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 2, { 0x00004143, 0x01c0003f, 0x3ff, 2 } },
	{ 0x8000001d, 3, { 0x0003c163, 0x03c0003f, 0x7fff, 1 } },
	{ 0x8000001e, 0, { 5, 0x102, 0x301, 0 } },
	{ 0x8000001f, 0, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000021, 0, { ~0u, 0, 0, 0 } },
	{ 0, ~0u, { 0, 0, 0, 0 } },
};

static const struct leaf intel[] = {
	INTEL_VENDOR(0x20),
	{ 1, 0, { 0x00050654, 0x40400800, ~0u, ~0u } },
	{ 2, 0, { 0x76036301, 0xf0b5ff, 0, 0xc30000 } },
	{ 4, 0, { 0x7c004121, 0x01c0003f, 0x3f, 0 } },
	{ 4, 1, { 0x7c004143, 0x03c0003f, 0x3ff, 0 } },
	{ 4, 2, { 0x7c0fc163, 0x0280003f, 0x7fff, 4 } },
	{ 5, 0, { 0x40, 0x40, 3, 0x2020 } },
	{ 6, 0, { ~0u, 2, 9, 0 } },
	{ 7, 0, { 1, ~0u, ~0u, ~0u } },
	{ 7, 1, { ~0u, ~0u, ~0u, ~0u } },
	{ 0xa, 0, { 0x7300404, 0, 0, 0x603 } },
	{ 0xd, 0, { 0x2ff, 2696, 2696, 0 } },
	{ 0xd, 1, { 0xf, 2568, 0x100, 0 } },
	{ 0xd, 2, { 256, 576, 0, 0 } },
	{ 0xd, 3, { 64, 960, 0, 0 } },
	{ 0xd, 4, { 64, 1024, 0, 0 } },
	{ 0xd, 5, { 32, 1088, 0, 0 } },
	{ 0xd, 6, { 512, 1152, 2, 0 } },
	{ 0xd, 7, { 1024, 1664, 0, 0 } },
	{ 0xd, 9, { 8, 2688, 2, 0 } },
	{ 0x14, 0, { 1, 0xf, 7, 0 } },
	{ 0x15, 0, { 2, 168, 25000000, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x392e, 0, 0, 0 } },
	{ 0, ~0u, { 0, 0, 0, 0 } },
};

/* A processor of before leaf 0xb and 0x15, with no extended leaves. */
static const struct leaf old[] = {
	INTEL_VENDOR(2),
	{ 1, 0, { 0x6fb, 0x800, 0x2000, 0x01800000 } },
	{ 0x80000000, 0, { 0x76036301, 0, 0, 0 } }, /* the answer of leaf 2 */
	{ 0, ~0u, { 0, 0, 0, 0 } },
};

static struct guest_cpuid model;
static struct guest_cpuid_config config;
static const struct guest_cpuid_state vcpu3 = { .apic_id = 3, .apic_enabled = true, .xcr0 = 3 };

static struct cpuid host(void *context, uint32_t leaf, uint32_t subleaf)
{
	for (const struct leaf *l = context; l->subleaf != ~0u; l++)
		if (l->leaf == leaf && l->subleaf == subleaf)
			return l->out;
	return (struct cpuid){ 0 };
}

static void build(const struct leaf *leaves, unsigned cpus)
{
	config = (struct guest_cpuid_config){
		.host = host,
		.context = (void *)leaves,
		.cpus = cpus,
		.tsc_hz = 2100000000,
		.apic_hz = 2100000000 >> 6,
		.xcr0 = 0x2e7,
		.rdtscp = true,
		.invpcid = true,
		.xsaves = true,
	};
	memset(&model, 0xee, sizeof(model));
	guest_cpuid_build(&model, &config);
}

static struct cpuid ask_as(uint32_t leaf, uint32_t subleaf, const struct guest_cpuid_state *state)
{
	const struct cpuid *found = guest_cpuid_find(&model, leaf, subleaf);
	struct cpuid out;

	guest_cpuid_patch(&model, leaf, subleaf, state, &out);
	if (!guest_cpuid_is_dynamic(found))
		assert_memory_equal(found, &out, sizeof(out));
	return out;
}

static struct cpuid ask(uint32_t leaf, uint32_t subleaf)
{
	return ask_as(leaf, subleaf, &vcpu3);
}

#define assert_cpuid(value, a, b, c, d)                                                                                \
	do {                                                                                                           \
		struct cpuid got_ = (value);                                                                           \
		assert_int_equal(got_.eax, a);                                                                         \
		assert_int_equal(got_.ebx, b);                                                                         \
		assert_int_equal(got_.ecx, c);                                                                         \
		assert_int_equal(got_.edx, d);                                                                         \
	} while (0)

static void hides(void **test)
{
	static const struct leaf *const hosts[] = { amd, intel };

	(void)test;
	for (unsigned i = 0; i < 2; i++) {
		struct cpuid one, seven;

		build(hosts[i], 4);
		one = ask(1, 0);
		seven = ask(7, 0);
		/* DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, SDBG, xTPR, PDCM, DCA */
		assert_int_equal(one.ecx & 0x4c9fc, 0);
		assert_int_equal(one.ecx & BIT(27), 0); /* OSXSAVE: the guest's own CR4 */
		/* PSN, DS, ACPI, TM, PBE */
		assert_int_equal(one.edx & (BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31)), 0);
		/* SGX, HLE, RTM, PQM, MPX, PQE, PT */
		assert_int_equal(seven.ebx & (BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25)), 0);
		/* OSPKE, WAITPKG, CET_SS, TME, LA57, KL, bus lock, ENQCMD, SGX_LC, PKS */
		assert_int_equal(seven.ecx & (BIT(4) | BIT(5) | BIT(7) | BIT(13) | BIT(16) | BIT(23) | BIT(24) |
		                              BIT(29) | BIT(30) | BIT(31)),
		                 0);
		/* UINTR, RTM_ALWAYS_ABORT, TSX_FORCE_ABORT, TSXLDTRK, PCONFIG, LBR, IBT, AMX, and the speculation controls */
		assert_int_equal(seven.edx & (BIT(5) | BIT(11) | BIT(13) | BIT(16) | BIT(18) | BIT(19) | BIT(20) |
		                              BIT(22) | BIT(24) | BIT(25) | BIT(26) | BIT(27) | BIT(28) | BIT(29) |
		                              BIT(30) | BIT(31)),
		                 0);
		assert_int_equal(seven.eax, 1);
		assert_int_equal(ask(0xd, 1).eax, 0xf);
		assert_int_equal(ask(0xd, 1).ecx | ask(0xd, 1).edx, 0); /* no component in IA32_XSS */
		assert_cpuid(ask(5, 0), 0, 0, 0, 0);
		assert_cpuid(ask(6, 0), 4, 0, 0, 0);
		assert_cpuid(ask(0xa, 0), 0, 0, 0, 0);
		assert_cpuid(ask(0x14, 0), 0, 0, 0, 0);
	}
}

static void hides_on_amd(void **test)
{
	struct cpuid e1, e8;

	(void)test;
	build(amd, 4);
	e1 = ask(0x80000001, 0);
	/* SVM, EXTAPIC, OSVW, IBS, SKINIT, WDT, LWP, NODEID, PERFCTR*, DBEXT, MONITORX */
	assert_int_equal(e1.ecx & (BIT(2) | BIT(3) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(19) |
	                           BIT(23) | BIT(24) | BIT(26) | BIT(28) | BIT(29)),
	                 0);
	assert_int_equal(e1.edx & (BIT(18) | BIT(19) | BIT(21) | BIT(28)), 0);
	e8 = ask(0x80000008, 0);
	assert_int_equal(e8.eax, 0x3030); /* 5-level paging is hidden: 48 bits of linear address */
	assert_int_equal(e8.ebx, BIT(0) | BIT(2) | BIT(9) | BIT(26));
	assert_int_equal(e8.edx, 0);
	assert_cpuid(ask(0x8000000a, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x8000001b, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x8000001f, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x80000007, 0), 0, 0, 0, BIT(8));
	assert_cpuid(ask(0x80000021, 0), 0x45, 0, 0, 0);
	assert_int_equal(ask(0x80000000, 0).eax, 0x80000021);
	assert_cpuid(ask(0x80000002, 0), 1, 2, 3, 4);
	assert_int_equal(model.physical_bits, 48);
	assert_true(model.amd);
}

static void always_there(void **test)
{
	(void)test;
	build(old, 1);
	assert_int_equal(ask(1, 0).ecx, BIT(31) | BIT(24) | BIT(21) | BIT(13));
	assert_true(ask(1, 0).edx & BIT(9));
	assert_int_equal(ask(7, 0).ebx, BIT(1)); /* TSC_ADJUST */
	assert_int_equal(ask(0, 0).eax, 0x16);
	assert_int_equal(model.physical_bits, 36);
	assert_int_equal(model.xcr0, 0);
	assert_int_equal(ask(0x80000000, 0).eax, 0x80000000);
	assert_false(guest_cpuid_invariant_tsc(&model));
}

static void hypervisor_leaves(void **test)
{
	struct cpuid zero;
	char signature[13] = "";

	(void)test;
	build(amd, 1);
	zero = ask(0x40000000, 0);
	assert_int_equal(zero.eax, 0x40000010);
	memcpy(signature, &zero.ebx, 12);
	assert_string_equal(signature, "BulkheadBulk");
	assert_cpuid(ask(0x40000010, 0), 2100000, 32812, 0, 0);
	assert_cpuid(ask(0x40000001, 0), 0, 0, 0, 0);
	zero = ask(0x40000100, 0);
	assert_int_equal(zero.eax, 0x40000101);
	memcpy(signature, &zero.ebx, 12);
	assert_string_equal(signature, "KVMKVMKVM");
	assert_cpuid(ask(0x40000101, 0), 0x100000a, 0, 0, 0); /* the clock, nothing else of that ABI */
	assert_cpuid(ask(0x40000102, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x40000011, 0), 0, 0, 0, 0);
}

static void frequencies_for_intel(void **test)
{
	(void)test;
	build(intel, 1);
	assert_cpuid(ask(0x15, 0), 1, 64, 32812500, 0);
	assert_cpuid(ask(0x16, 0), 2100, 2100, 100, 0);
	build(amd, 1);
	assert_cpuid(ask(0x15, 0), 0, 0, 0, 0);
}

/* SDM: the highest basic leaf; APM: zeros. */
static void beyond_the_range(void **test)
{
	(void)test;
	build(intel, 4);
	assert_cpuid(ask(0x20, 1), 2, 4, 0x201, 3);
	assert_cpuid(ask(0x80000009, 0), 0, 1, 0x100, 3);
	assert_cpuid(ask(0xffffffff, 0), 0, 1, 0x100, 3);
	build(old, 4);
	assert_cpuid(ask(0x1f, 0), 2100, 2100, 100, 0);
	assert_cpuid(ask(0x80000001, 0), 2100, 2100, 100, 0);
	build(amd, 4);
	assert_int_equal(ask(0, 0).eax, 0xd);
	assert_cpuid(ask(0xe, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x1f, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x80000022, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x7fffffff, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x3fffffff, 0), 0, 0, 0, 0);
}

static void topology_levels(void **test)
{
	static const struct {
		unsigned cpus, bits;
	} sizes[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 64, 6 } };

	(void)test;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		build(amd, sizes[i].cpus);
		assert_cpuid(ask(0xb, 0), 0, 1, 0x100, 3);
		assert_cpuid(ask(0xb, 1), sizes[i].bits, sizes[i].cpus, 0x201, 3);
		assert_cpuid(ask(0xb, 2), 0, 0, 2, 3);
		assert_cpuid(ask(0xb, 0x105), 0, 0, 5, 3);
		assert_int_equal(ask(1, 0).ebx, 3u << 24 | sizes[i].cpus << 16 | 0x800);
		assert_int_equal(!!(ask(1, 0).edx & BIT(28)), sizes[i].cpus > 1);
		assert_int_equal(!!(ask(0x80000001, 0).ecx & BIT(1)), sizes[i].cpus > 1);
		assert_int_equal(ask(0x80000008, 0).ecx, (sizes[i].cpus - 1) | sizes[i].bits << 12);
		assert_cpuid(ask(0x8000001e, 0), 3, 3, 0, 0);
		build(intel, sizes[i].cpus);
		assert_int_equal(ask(1, 0).ebx, 3u << 24 | BIT(sizes[i].bits) << 16 | 0x800);
		assert_cpuid(ask(0x1f, 1), sizes[i].bits, sizes[i].cpus, 0x201, 3);
	}
}

static void topology_caches(void **test)
{
	(void)test;
	build(amd, 6);
	assert_cpuid(ask(0x8000001d, 0), 0x121, 0x01c0003f, 0x3f, 0);
	assert_cpuid(ask(0x8000001d, 3), 0x163 | 5 << 14, 0x03c0003f, 0x7fff, 1);
	assert_cpuid(ask(0x8000001d, 4), 0, 0, 0, 0);
	assert_cpuid(ask(0x8000001d, 99), 0, 0, 0, 0);
	build(intel, 6);
	assert_cpuid(ask(4, 1), 0x143 | 7u << 26, 0x03c0003f, 0x3ff, 0);
	assert_cpuid(ask(4, 2), 0x163 | 7u << 26 | 7 << 14, 0x0280003f, 0x7fff, 4);
	assert_cpuid(ask(4, 3), 0, 0, 0, 0);
	assert_int_equal(ask(2, 0).eax, 0x76036301);
}

static void xsave(void **test)
{
	struct guest_cpuid_state state = vcpu3;

	(void)test;
	build(intel, 1);
	assert_int_equal(model.xcr0, 0x2e7);
	state.xcr0 = 1;
	assert_cpuid(ask_as(0xd, 0, &state), 0x2e7, 576, 2696, 0);
	state.xcr0 = 7;
	assert_cpuid(ask_as(0xd, 0, &state), 0x2e7, 832, 2696, 0);
	state.xcr0 = 0x207;
	assert_int_equal(ask_as(0xd, 0, &state).ebx, 2696);
	assert_int_equal(ask_as(0xd, 1, &state).ebx, 832 + 8); /* 832 is aligned already */
	state.xcr0 = 0x2e7;
	assert_int_equal(ask_as(0xd, 1, &state).ebx, 576 + 256 + 32 + 32 + 512 + 1024 + 8);
	assert_cpuid(ask(0xd, 2), 256, 576, 0, 0);
	assert_cpuid(ask(0xd, 3), 0, 0, 0, 0); /* MPX is not offered */
	assert_cpuid(ask(0xd, 9), 8, 2688, 2, 0);
	assert_cpuid(ask(0xd, 11), 0, 0, 0, 0); /* nor what IA32_XSS controls */
}

/* What a backend does not let a guest execute, the guest's CPUID does not offer. */
static void needs_the_backend(void **test)
{
	static const struct leaf *const hosts[] = { amd, intel };

	(void)test;
	for (unsigned i = 0; i < 2; i++) {
		struct guest_cpuid_state state = vcpu3;

		build(hosts[i], 1);
		assert_true(guest_cpuid_xsaves(&model));
		assert_true(ask(7, 0).ebx & BIT(10) && ask(7, 0).ecx & BIT(22) && ask(0x80000001, 0).edx & BIT(27));
		config.xsaves = false;
		guest_cpuid_build(&model, &config);
		assert_false(guest_cpuid_xsaves(&model));
		assert_int_equal(ask(0xd, 1).eax, 7);
		assert_int_equal(ask_as(0xd, 1, &state).ebx, 576); /* XSAVEC */
		config.rdtscp = false;
		guest_cpuid_build(&model, &config);
		assert_int_equal(ask(7, 0).ecx & BIT(22), 0);
		assert_int_equal(ask(0x80000001, 0).edx & BIT(27), 0);
		assert_true(ask(7, 0).ebx & BIT(10));
		config.invpcid = false;
		guest_cpuid_build(&model, &config);
		assert_int_equal(ask(7, 0).ebx & BIT(10), 0);
	}
}

/* Without the components there are no features that use them. */
static void xsave_limits_features(void **test)
{
	(void)test;
	build(intel, 1);
	config.xcr0 = 7;
	guest_cpuid_build(&model, &config);
	assert_true(ask(1, 0).ecx & BIT(28));
	assert_true(ask(7, 0).ebx & BIT(5));
	assert_int_equal(ask(7, 0).ebx & 0xdc230000 & ~(BIT(20) | BIT(18) | BIT(19)), 0); /* AVX-512 */
	assert_int_equal(ask(7, 0).ecx & (BIT(3) | BIT(6) | BIT(14)), 0);
	assert_true(ask(7, 0).ecx & BIT(9)); /* VAES */
	config.xcr0 = 3;
	guest_cpuid_build(&model, &config);
	assert_true(ask(1, 0).ecx & BIT(26));
	assert_int_equal(ask(1, 0).ecx & (BIT(12) | BIT(28) | BIT(29)), 0);
	assert_int_equal(ask(7, 0).ebx & BIT(5), 0);
	config.xcr0 = 0;
	guest_cpuid_build(&model, &config);
	assert_int_equal(ask(1, 0).ecx & BIT(26), 0);
	assert_cpuid(ask(0xd, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0xd, 1), 0, 0, 0, 0);
}

static void follows_the_vcpu(void **test)
{
	struct guest_cpuid_state state = { .apic_id = 63, .cr4 = CR4_OSXSAVE | CR4_PKE };

	(void)test;
	build(amd, 64);
	assert_int_equal(ask_as(1, 0, &state).ebx >> 24, 63);
	assert_true(ask_as(1, 0, &state).ecx & BIT(27));
	assert_false(ask_as(1, 0, &state).edx & BIT(9));
	assert_false(ask_as(0x80000001, 0, &state).edx & BIT(9));
	assert_true(ask_as(7, 0, &state).ecx & BIT(4));
	state.apic_enabled = true;
	assert_true(ask_as(1, 0, &state).edx & BIT(9));
	assert_true(ask_as(0x80000001, 0, &state).edx & BIT(9));
}

static void options(void **test)
{
	(void)test;
	build(old, 1);
	config.tsc_stable = true; /* there is no leaf to say it in */
	guest_cpuid_build(&model, &config);
	assert_false(guest_cpuid_invariant_tsc(&model));
	build(amd, 1);
	assert_false(guest_cpuid_spec_ctrl(&model));
	assert_false(guest_cpuid_pred_cmd(&model));
	config.spec_ctrl = true;
	config.arch_capabilities = 0x2b;
	guest_cpuid_build(&model, &config);
	assert_true(guest_cpuid_spec_ctrl(&model));
	assert_true(guest_cpuid_pred_cmd(&model));
	assert_int_equal(ask(7, 0).edx & (BIT(26) | BIT(27) | BIT(29) | BIT(31)),
	                 BIT(26) | BIT(27) | BIT(29) | BIT(31));
}

static void no_topoext_no_leaves(void **test)
{
	static struct leaf copy[sizeof(amd) / sizeof(amd[0])];

	(void)test;
	memcpy(copy, amd, sizeof(amd));
	for (unsigned i = 0; i < sizeof(copy) / sizeof(copy[0]); i++)
		if (copy[i].leaf == 0x80000000)
			copy[i].out.eax = 0x8000000a;
	build(copy, 4);
	assert_int_equal(ask(0x80000001, 0).ecx & BIT(22), 0);
	assert_cpuid(ask(0x8000001d, 0), 0, 0, 0, 0);
	assert_cpuid(ask(0x8000001e, 0), 0, 0, 0, 0);
	assert_int_equal(ask(0x80000008, 0).ecx, 3 | 2 << 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hides),
		cmocka_unit_test(hides_on_amd),
		cmocka_unit_test(always_there),
		cmocka_unit_test(hypervisor_leaves),
		cmocka_unit_test(frequencies_for_intel),
		cmocka_unit_test(beyond_the_range),
		cmocka_unit_test(topology_levels),
		cmocka_unit_test(topology_caches),
		cmocka_unit_test(xsave),
		cmocka_unit_test(xsave_limits_features),
		cmocka_unit_test(needs_the_backend),
		cmocka_unit_test(follows_the_vcpu),
		cmocka_unit_test(options),
		cmocka_unit_test(no_topoext_no_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
