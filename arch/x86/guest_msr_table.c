/* SPDX-License-Identifier: MIT */
/* One line per MSR, or run of MSRs, that stock operating systems touch on the guest's model. */
#include "arch/x86/guest_msr_table.h"
#include "arch/x86/msr.h"

#define RANGE(a, b) .first = (a), .last = (b)
#define ONE(a)      RANGE(a, a)

/* IA32_MTRRCAP: 8 variable ranges, fixed ranges, write-combining (SDM 12.11.1). */
#define MTRRCAP (GUEST_MTRR_VARIABLE | 1u << 8 | 1u << 10)

/* IA32_MISC_ENABLE, writable: fast strings, thermal, SpeedStep, CPUID limit, xTPR, XD, turbo. */
#define MISC_ENABLE_WRITABLE (1u << 0 | 1u << 3 | 1u << 16 | 1u << 22 | 1u << 23 | 1ULL << 34 | 1ULL << 38)

/* SYSCFG: MTRR bits for DRAM, top-of-memory 2 (APM 7.9.1). */
#define SYSCFG_WRITABLE (0x1fu << 18)

/* HWCR: what systems set for old errata (TLB flush filter, INVD, IGNNE, machine-check status writes), TscFreqSel. */
#define HWCR_WRITABLE (1u << 3 | 1u << 4 | 1u << 6 | 1u << 8 | 1u << 18 | 1u << 24)

/* TOP_MEM: what is above, below 4 GiB, is not RAM (guest_layout.h). */
#define TOP_MEM 0xc0000000u

/* DE_CFG: LFENCE is serializing. */
#define DE_CFG 2

const struct msr_policy msr_policies[] = {
	{ RANGE(0x0, 0x1), .vendor = VENDOR_INTEL, .kind = KIND_ZERO }, /* Pentium machine check */
	{ ONE(IA32_TSC), .kind = KIND_TSC },
	{ ONE(IA32_PLATFORM_ID), .vendor = VENDOR_INTEL, .kind = KIND_CONSTANT },
	{ ONE(0x2a), .vendor = VENDOR_INTEL, .kind = KIND_ZERO },       /* EBL_CR_POWERON */
	{ RANGE(0x33, 0x34), .kind = KIND_ABSENT },                     /* TEST_CTRL, SMI_COUNT */
	{ ONE(IA32_FEATURE_CONTROL), .vendor = VENDOR_INTEL, .kind = KIND_CONSTANT, .value = 1 }, /* locked */
	{ ONE(IA32_TSC_ADJUST), .kind = KIND_TSC_ADJUST, .slot = SLOT_TSC_ADJUST },
	{ ONE(IA32_SPEC_CTRL), .kind = KIND_SPEC_CTRL, .slot = SLOT_SPEC_CTRL },
	{ ONE(IA32_PRED_CMD), .kind = KIND_PRED_CMD },
	{ RANGE(0x4e, 0x4f), .kind = KIND_ABSENT },                     /* PPIN */
	{ ONE(0x79), .vendor = VENDOR_INTEL, .kind = KIND_WRITE_ONLY }, /* IA32_BIOS_UPDT_TRIG */
	{ ONE(IA32_BIOS_SIGN_ID), .kind = KIND_SIGN_ID },
	{ RANGE(0xcd, 0xcd), .kind = KIND_ABSENT },                     /* FSB_FREQ */
	{ ONE(0xce), .vendor = VENDOR_INTEL, .kind = KIND_CONSTANT },   /* PLATFORM_INFO: no CPUID faulting */
	{ RANGE(0xe7, 0xe8), .kind = KIND_ABSENT },                     /* MPERF, APERF */
	{ ONE(IA32_MTRRCAP), .kind = KIND_CONSTANT, .value = MTRRCAP },
	{ ONE(IA32_ARCH_CAPABILITIES), .kind = KIND_ARCH_CAPABILITIES },
	{ ONE(0x140), .vendor = VENDOR_INTEL, .kind = KIND_CONSTANT },  /* MISC_FEATURES_ENABLES */
	{ ONE(IA32_MCG_CAP), .kind = KIND_CONSTANT },                   /* no banks */
	{ ONE(IA32_MCG_STATUS), .kind = KIND_STORED, .slot = SLOT_MCG_STATUS, .value = 7 },
	{ ONE(0x17b), .kind = KIND_ABSENT },                            /* MCG_CTL: not in MCG_CAP */
	{ RANGE(0x198, 0x199), .kind = KIND_ABSENT },                   /* IA32_PERF_STATUS, PERF_CTL */
	{ RANGE(0x19a, 0x19d), .kind = KIND_ABSENT },                   /* thermal */
	{ ONE(IA32_MISC_ENABLE), .vendor = VENDOR_INTEL, .kind = KIND_MISC_ENABLE, .slot = SLOT_MISC_ENABLE,
	  .value = MISC_ENABLE_WRITABLE },
	{ RANGE(0x1a2, 0x1b2), .kind = KIND_ABSENT },                   /* thermal, turbo, energy */
	{ ONE(IA32_DEBUGCTL), .kind = KIND_STORED, .slot = SLOT_DEBUGCTL, .value = 3 }, /* LBR, BTF */
	{ RANGE(0x1db, 0x1de), .kind = KIND_ZERO },                     /* last branch and exception */
	{ RANGE(IA32_MTRR_PHYSBASE0, IA32_MTRR_PHYSBASE0 + 2 * GUEST_MTRR_VARIABLE - 1), .kind = KIND_MTRR_VARIABLE,
	  .slot = SLOT_MTRR_VARIABLE },
	{ ONE(IA32_MTRR_FIX64K_00000), .kind = KIND_MTRR_FIXED, .slot = SLOT_MTRR_FIX64K },
	{ RANGE(IA32_MTRR_FIX16K_80000, IA32_MTRR_FIX16K_A0000), .kind = KIND_MTRR_FIXED, .slot = SLOT_MTRR_FIX16K },
	{ RANGE(IA32_MTRR_FIX4K_C0000, IA32_MTRR_FIX4K_F8000), .kind = KIND_MTRR_FIXED, .slot = SLOT_MTRR_FIX4K },
	{ ONE(IA32_MTRR_DEF_TYPE), .kind = KIND_MTRR_DEF_TYPE, .slot = SLOT_MTRR_DEF_TYPE },
	{ ONE(0x345), .kind = KIND_ABSENT },                            /* IA32_PERF_CAPABILITIES */
	{ RANGE(0x480, 0x492), .kind = KIND_ABSENT },                   /* VMX */
	{ RANGE(0x601, 0x65f), .kind = KIND_ABSENT },                   /* power */
	{ ONE(IA32_XSS), .kind = KIND_XSS },
	{ RANGE(0xc00000e7, 0xc00000e8), .kind = KIND_ABSENT },         /* read-only MPERF, APERF */
	{ RANGE(0xc0010000, 0xc0010007), .vendor = VENDOR_AMD, .kind = KIND_ZERO }, /* K7 performance counters */
	{ ONE(MSR_SYSCFG), .vendor = VENDOR_AMD, .kind = KIND_STORED, .slot = SLOT_SYSCFG, .value = SYSCFG_WRITABLE },
	{ ONE(MSR_HWCR), .vendor = VENDOR_AMD, .kind = KIND_STORED, .slot = SLOT_HWCR, .value = HWCR_WRITABLE },
	{ RANGE(0xc0010016, 0xc0010019), .vendor = VENDOR_AMD, .kind = KIND_ZERO }, /* IORRs */
	{ ONE(0xc001001a), .vendor = VENDOR_AMD, .kind = KIND_CONSTANT, .value = TOP_MEM },
	{ ONE(0xc001001d), .vendor = VENDOR_AMD, .kind = KIND_ZERO },   /* TOP_MEM2 */
	{ ONE(0xc001001f), .vendor = VENDOR_AMD, .kind = KIND_STORED, .slot = SLOT_NB_CFG, .value = ~0ULL },
	{ ONE(0xc0010020), .vendor = VENDOR_AMD, .kind = KIND_WRITE_ONLY }, /* PATCH_LOADER */
	{ RANGE(0xc0010054, 0xc0010055), .vendor = VENDOR_AMD, .kind = KIND_ZERO }, /* interrupt pending: no C1E */
	{ ONE(0xc0010058), .vendor = VENDOR_AMD, .kind = KIND_ZERO },   /* MMIO configuration base: off */
	{ RANGE(0xc0010061, 0xc001006b), .kind = KIND_ABSENT },         /* P-states */
	{ RANGE(0xc0010111, 0xc0010117), .kind = KIND_ABSENT },         /* SMM, SVM */
	{ RANGE(0xc0010140, 0xc0010141), .kind = KIND_ABSENT },         /* OSVW */
	{ RANGE(0xc0010200, 0xc0010247), .kind = KIND_ABSENT },         /* newer performance counters */
	{ RANGE(0xc0010299, 0xc001029b), .kind = KIND_ABSENT },         /* power */
	{ RANGE(0xc00102f0, 0xc00102f1), .kind = KIND_ABSENT },         /* PPIN */
	{ RANGE(0xc0011000, 0xc001100d), .kind = KIND_ABSENT },         /* CPUID overrides */
	{ RANGE(0xc0011020, 0xc0011028), .kind = KIND_ABSENT },         /* chicken bits, breakpoint masks */
	{ ONE(0xc0011029), .vendor = VENDOR_AMD, .kind = KIND_CONSTANT, .value = DE_CFG },
	{ RANGE(0xc001102a, 0xc001103d), .kind = KIND_ABSENT },         /* chicken bits, IBS */
	{ ONE(0xc00110e3), .kind = KIND_ABSENT },
};
const unsigned msr_policy_count = sizeof(msr_policies) / sizeof(msr_policies[0]);

const uint32_t guest_msr_passed[] = {
	IA32_FS_BASE, IA32_GS_BASE, IA32_KERNEL_GS_BASE, IA32_STAR, IA32_LSTAR, IA32_CSTAR, IA32_FMASK,
	IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP, IA32_TSC_AUX,
};
const unsigned guest_msr_passed_count = sizeof(guest_msr_passed) / sizeof(guest_msr_passed[0]);
