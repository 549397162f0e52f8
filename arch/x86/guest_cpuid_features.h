/* SPDX-License-Identifier: MIT */
/*
 * Feature bits that a guest may have when the host has them. What is not here is hidden: virtualization, MWAIT,
 * performance counters, branch tracing (DS, PT), power and thermal control, SGX, MPX, TSX, CET, keys for supervisor
 * pages (their MSRs are not switched), 5-level paging, and whatever is invented later.
 */
#ifndef ARCH_X86_GUEST_CPUID_FEATURES_H
#define ARCH_X86_GUEST_CPUID_FEATURES_H

#define F(n) (1u << (n))

/* XCR0 components, as in SDM volume 1, 13.1. */
#define XCR0_MASK_X87_SSE 0x003u
#define XCR0_MASK_AVX     0x004u
#define XCR0_MASK_AVX512  0x0e0u
#define XCR0_MASK_PKRU    0x200u

/* --- leaf 1 --- */
#define LEAF1_EBX 0xff00u /* CLFLUSH line size; the rest is topology */

#define LEAF1_ECX_TSC_DEADLINE F(24)
#define LEAF1_ECX_X2APIC       F(21)
#define LEAF1_ECX_XSAVE        F(26)
#define LEAF1_ECX_OSXSAVE      F(27)
#define LEAF1_ECX_HYPERVISOR   F(31)
#define LEAF1_ECX_NEED_AVX     (F(12) /* FMA */ | F(28) /* AVX */ | F(29) /* F16C */)
#define LEAF1_ECX \
	(F(0) /* SSE3 */ | F(1) /* PCLMULQDQ */ | F(9) /* SSSE3 */ | F(13) /* CMPXCHG16B */ | F(17) /* PCID */ | \
	 F(19) /* SSE4.1 */ | F(20) /* SSE4.2 */ | F(22) /* MOVBE */ | F(23) /* POPCNT */ | F(25) /* AES */ | \
	 F(30) /* RDRAND */ | LEAF1_ECX_XSAVE | LEAF1_ECX_NEED_AVX)

#define LEAF1_EDX_APIC F(9)
#define LEAF1_EDX_HTT  F(28)
#define LEAF1_EDX \
	(F(0) /* FPU */ | F(1) /* VME */ | F(2) /* DE */ | F(3) /* PSE */ | F(4) /* TSC */ | F(5) /* MSR */ | \
	 F(6) /* PAE */ | F(7) /* MCE */ | F(8) /* CX8 */ | F(11) /* SEP */ | F(12) /* MTRR */ | F(13) /* PGE */ | \
	 F(14) /* MCA */ | F(15) /* CMOV */ | F(16) /* PAT */ | F(17) /* PSE36 */ | F(19) /* CLFSH */ | \
	 F(23) /* MMX */ | F(24) /* FXSR */ | F(25) /* SSE */ | F(26) /* SSE2 */ | F(27) /* self snoop */)

/* --- leaf 6 --- */
#define LEAF6_EAX_ARAT F(2) /* the local APIC timer never stops */

/* --- leaf 7 --- */
#define LEAF7_EBX_TSC_ADJUST  F(1)
#define LEAF7_EBX_INVPCID     F(10)
#define LEAF7_EBX_NEED_AVX512 \
	(F(16) /* F */ | F(17) /* DQ */ | F(21) /* IFMA */ | F(26) /* PF */ | F(27) /* ER */ | F(28) /* CD */ | \
	 F(30) /* BW */ | F(31) /* VL */)
#define LEAF7_EBX_NEED_AVX    (F(5) /* AVX2 */ | LEAF7_EBX_NEED_AVX512)
#define LEAF7_EBX \
	(F(0) /* FSGSBASE */ | F(3) /* BMI1 */ | F(6) /* FDP_EXCPTN_ONLY */ | F(7) /* SMEP */ | F(8) /* BMI2 */ | \
	 F(9) /* ERMS */ | LEAF7_EBX_INVPCID | F(13) /* no FPU CS and DS */ | F(18) /* RDSEED */ | F(19) /* ADX */ | \
	 F(20) /* SMAP */ | F(23) /* CLFLUSHOPT */ | F(24) /* CLWB */ | F(29) /* SHA */ | LEAF7_EBX_NEED_AVX)

#define LEAF7_ECX_PKU   F(3)
#define LEAF7_ECX_OSPKE F(4)
#define LEAF7_ECX_RDPID F(22)
#define LEAF7_ECX_NEED_AVX512 \
	(F(1) /* VBMI */ | F(6) /* VBMI2 */ | F(11) /* VNNI */ | F(12) /* BITALG */ | F(14) /* VPOPCNTDQ */)
#define LEAF7_ECX_NEED_AVX (F(9) /* VAES */ | F(10) /* VPCLMULQDQ */ | LEAF7_ECX_NEED_AVX512)
#define LEAF7_ECX \
	(F(0) /* PREFETCHWT1 */ | F(2) /* UMIP */ | F(8) /* GFNI */ | LEAF7_ECX_RDPID | F(25) /* CLDEMOTE */ | \
	 F(27) /* MOVDIRI */ | F(28) /* MOVDIR64B */ | LEAF7_ECX_PKU | LEAF7_ECX_NEED_AVX)

#define LEAF7_EDX_IBRS              F(26) /* and IBPB */
#define LEAF7_EDX_STIBP             F(27)
#define LEAF7_EDX_ARCH_CAPABILITIES F(29)
#define LEAF7_EDX_SSBD              F(31)
#define LEAF7_EDX_SPEC_CTRL         (LEAF7_EDX_IBRS | LEAF7_EDX_STIBP | LEAF7_EDX_SSBD)
#define LEAF7_EDX_NEED_AVX512 \
	(F(2) /* 4VNNIW */ | F(3) /* 4FMAPS */ | F(8) /* VP2INTERSECT */ | F(23) /* FP16 */)
#define LEAF7_EDX \
	(F(4) /* FSRM */ | F(10) /* MD_CLEAR */ | F(14) /* SERIALIZE */ | LEAF7_EDX_SPEC_CTRL | LEAF7_EDX_NEED_AVX512)

#define LEAF7_1_EAX_NEED_AVX512 F(5) /* BF16 */
#define LEAF7_1_EAX_NEED_AVX    (F(4) /* AVX-VNNI */ | F(23) /* AVX-IFMA */ | LEAF7_1_EAX_NEED_AVX512)
#define LEAF7_1_EAX \
	(F(10) /* fast zero-length MOVSB */ | F(11) /* fast short STOSB */ | F(12) /* fast short CMPSB, SCASB */ | \
	 LEAF7_1_EAX_NEED_AVX)

/* --- leaf 0xd, sub-leaf 1; with XSAVES comes IA32_XSS, which has no component that a guest may set --- */
#define LEAFD_1_EAX_XSAVEC F(1)
#define LEAFD_1_EAX_XSAVES F(3)
#define LEAFD_1_EAX \
	(F(0) /* XSAVEOPT */ | LEAFD_1_EAX_XSAVEC | F(2) /* XGETBV with ECX = 1 */ | LEAFD_1_EAX_XSAVES)

/* --- leaf 0x80000001 --- */
#define EXTENDED1_ECX_CMP_LEGACY F(1)
#define EXTENDED1_ECX_TOPOEXT    F(22)
#define EXTENDED1_ECX_NEED_AVX   (F(11) /* XOP */ | F(16) /* FMA4 */)
#define EXTENDED1_ECX \
	(F(0) /* LAHF */ | F(5) /* LZCNT */ | F(6) /* SSE4A */ | F(7) /* MISALIGNSSE */ | F(8) /* PREFETCHW */ | \
	 F(21) /* TBM */ | EXTENDED1_ECX_TOPOEXT | EXTENDED1_ECX_NEED_AVX)
#define EXTENDED1_EDX_RDTSCP F(27)
/* On AMD the bits 9:0, 17:12, 24:23 repeat leaf 1. */
#define EXTENDED1_EDX \
	((LEAF1_EDX & 0x0183f3ffu) | F(11) /* SYSCALL */ | F(20) /* NX */ | F(22) /* MMXEXT */ | F(25) /* FFXSR */ | \
	 F(26) /* 1 GiB pages */ | EXTENDED1_EDX_RDTSCP | F(29) /* long mode */ | F(30) | F(31) /* 3DNOW */)

/* --- leaf 0x80000007 --- */
#define EXTENDED7_EDX_INVARIANT_TSC F(8)

/* --- leaf 0x80000008 --- */
#define EXTENDED8_EBX_IBPB      F(12)
#define EXTENDED8_EBX_SPEC_CTRL (EXTENDED8_EBX_IBPB | F(14) /* IBRS */ | F(15) /* STIBP */ | F(24) /* SSBD */)
#define EXTENDED8_EBX \
	(F(0) /* CLZERO */ | F(2) /* XSAVEERPTR */ | F(9) /* WBNOINVD */ | F(26) /* not in need of SSBD */ | \
	 EXTENDED8_EBX_SPEC_CTRL)

/* --- leaf 0x80000021 --- */
#define EXTENDED21_EAX \
	(F(0) /* no nested data breakpoints */ | F(2) /* LFENCE serializes */ | F(6) /* null selector clears base */)

#endif
