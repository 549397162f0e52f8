/* SPDX-License-Identifier: MIT */
/* Model-specific registers by the manuals' names (SDM volume 4, APM volume 2 appendix A). */
#ifndef ARCH_X86_MSR_H
#define ARCH_X86_MSR_H

#define IA32_TSC               0x10
#define IA32_PLATFORM_ID       0x17
#define IA32_APIC_BASE         0x1b
#define IA32_FEATURE_CONTROL   0x3a
#define IA32_TSC_ADJUST        0x3b
#define IA32_SPEC_CTRL         0x48
#define IA32_PRED_CMD          0x49
#define IA32_BIOS_SIGN_ID      0x8b
#define IA32_MTRRCAP           0xfe
#define IA32_ARCH_CAPABILITIES 0x10a
#define IA32_SYSENTER_CS       0x174
#define IA32_SYSENTER_ESP      0x175
#define IA32_SYSENTER_EIP      0x176
#define IA32_MCG_CAP           0x179
#define IA32_MCG_STATUS        0x17a
#define IA32_MISC_ENABLE       0x1a0
#define IA32_DEBUGCTL          0x1d9
#define IA32_MTRR_PHYSBASE0    0x200
#define IA32_MTRR_FIX64K_00000 0x250
#define IA32_MTRR_FIX16K_80000 0x258
#define IA32_MTRR_FIX16K_A0000 0x259
#define IA32_MTRR_FIX4K_C0000  0x268
#define IA32_MTRR_FIX4K_F8000  0x26f
#define IA32_PAT               0x277
#define IA32_MTRR_DEF_TYPE     0x2ff
#define IA32_TSC_DEADLINE      0x6e0
#define IA32_X2APIC_BASE       0x800
#define IA32_XSS               0xda0
#define IA32_EFER              0xc0000080
#define IA32_STAR              0xc0000081
#define IA32_LSTAR             0xc0000082
#define IA32_CSTAR             0xc0000083
#define IA32_FMASK             0xc0000084
#define IA32_FS_BASE           0xc0000100
#define IA32_GS_BASE           0xc0000101
#define IA32_KERNEL_GS_BASE    0xc0000102
#define IA32_TSC_AUX           0xc0000103
#define MSR_SYSCFG             0xc0010010
#define MSR_HWCR               0xc0010015
#define MSR_VM_CR              0xc0010114
#define MSR_VM_HSAVE_PA        0xc0010117

#define EFER_SCE   (1ULL << 0)
#define EFER_LME   (1ULL << 8)
#define EFER_LMA   (1ULL << 10)
#define EFER_NXE   (1ULL << 11)
#define EFER_SVME  (1ULL << 12)
#define EFER_LMSLE (1ULL << 13)
#define EFER_FFXSR (1ULL << 14)

#define APIC_BASE_BSP    (1ULL << 8)
#define APIC_BASE_X2APIC (1ULL << 10)
#define APIC_BASE_ENABLE (1ULL << 11)

#define CR0_PE (1ULL << 0)
#define CR0_MP (1ULL << 1)
#define CR0_EM (1ULL << 2)
#define CR0_TS (1ULL << 3)
#define CR0_ET (1ULL << 4)
#define CR0_NE (1ULL << 5)
#define CR0_WP (1ULL << 16)
#define CR0_AM (1ULL << 18)
#define CR0_NW (1ULL << 29)
#define CR0_CD (1ULL << 30)
#define CR0_PG (1ULL << 31)

#define CR4_VME        (1ULL << 0)
#define CR4_PVI        (1ULL << 1)
#define CR4_TSD        (1ULL << 2)
#define CR4_DE         (1ULL << 3)
#define CR4_PSE        (1ULL << 4)
#define CR4_PAE        (1ULL << 5)
#define CR4_MCE        (1ULL << 6)
#define CR4_PGE        (1ULL << 7)
#define CR4_PCE        (1ULL << 8)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_UMIP       (1ULL << 11)
#define CR4_LA57       (1ULL << 12)
#define CR4_VMXE       (1ULL << 13)
#define CR4_FSGSBASE   (1ULL << 16)
#define CR4_PCIDE      (1ULL << 17)
#define CR4_OSXSAVE    (1ULL << 18)
#define CR4_SMEP       (1ULL << 20)
#define CR4_SMAP       (1ULL << 21)
#define CR4_PKE        (1ULL << 22)
#define CR4_CET        (1ULL << 23)

#define RFLAGS_CF (1ULL << 0)
#define RFLAGS_TF (1ULL << 8)
#define RFLAGS_IF (1ULL << 9)
#define RFLAGS_DF (1ULL << 10)
#define RFLAGS_RF (1ULL << 16)
#define RFLAGS_VM (1ULL << 17)

#endif
