/* SPDX-License-Identifier: MIT */
/* The virtual machine control block, APM volume 2 appendix B. Only svm/ includes this. */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <stddef.h>
#include <stdint.h>

/* Intercept vectors: bit n of vector v is 32 * v + n (APM table B-1). */
enum svm_intercept {
	INTERCEPT_CR8_WRITE = 24,
	INTERCEPT_INTR = 96, INTERCEPT_NMI = 97, INTERCEPT_SMI = 98, INTERCEPT_INIT = 99, INTERCEPT_VINTR = 100,
	INTERCEPT_RDPMC = 111, INTERCEPT_CPUID = 114, INTERCEPT_RSM = 115, INTERCEPT_IRET = 116, INTERCEPT_INVD = 118,
	INTERCEPT_PAUSE = 119, INTERCEPT_HLT = 120, INTERCEPT_INVLPGA = 122, INTERCEPT_IOIO = 123, INTERCEPT_MSR = 124,
	INTERCEPT_TASK_SWITCH = 125, INTERCEPT_SHUTDOWN = 127, INTERCEPT_VMRUN = 128, INTERCEPT_VMMCALL = 129,
	INTERCEPT_VMLOAD = 130, INTERCEPT_VMSAVE = 131, INTERCEPT_STGI = 132, INTERCEPT_CLGI = 133,
	INTERCEPT_SKINIT = 134, INTERCEPT_WBINVD = 137, INTERCEPT_MONITOR = 138, INTERCEPT_MWAIT = 139,
	INTERCEPT_MWAIT_ARMED = 140, INTERCEPT_XSETBV = 141, INTERCEPT_RDPRU = 142,
	INTERCEPT_INVLPGB = 160, INTERCEPT_INVLPGB_ILLEGAL = 161, INTERCEPT_MCOMMIT = 163, INTERCEPT_TLBSYNC = 164,
};
#define INTERCEPT_EXCEPTION(vector) (64 + (vector))

/* EXITCODE, APM appendix C. */
enum svm_exit_code {
	SVM_EXIT_CR0_READ = 0x00,
	SVM_EXIT_CR0_WRITE = 0x10,
	SVM_EXIT_CR8_WRITE = 0x18,
	SVM_EXIT_EXCEPTION = 0x40,
	SVM_EXIT_INTR = 0x60, SVM_EXIT_NMI = 0x61, SVM_EXIT_SMI = 0x62, SVM_EXIT_INIT = 0x63, SVM_EXIT_VINTR = 0x64,
	SVM_EXIT_RDPMC = 0x6f, SVM_EXIT_CPUID = 0x72, SVM_EXIT_RSM = 0x73, SVM_EXIT_IRET = 0x74, SVM_EXIT_INVD = 0x76,
	SVM_EXIT_PAUSE = 0x77, SVM_EXIT_HLT = 0x78, SVM_EXIT_INVLPGA = 0x7a, SVM_EXIT_IOIO = 0x7b, SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_TASK_SWITCH = 0x7d, SVM_EXIT_SHUTDOWN = 0x7f, SVM_EXIT_VMRUN = 0x80, SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82, SVM_EXIT_VMSAVE = 0x83, SVM_EXIT_STGI = 0x84, SVM_EXIT_CLGI = 0x85,
	SVM_EXIT_SKINIT = 0x86, SVM_EXIT_WBINVD = 0x89, SVM_EXIT_MONITOR = 0x8a, SVM_EXIT_MWAIT = 0x8b,
	SVM_EXIT_MWAIT_ARMED = 0x8c, SVM_EXIT_XSETBV = 0x8d, SVM_EXIT_RDPRU = 0x8e,
	SVM_EXIT_INVLPGB = 0xa0, SVM_EXIT_INVLPGB_ILLEGAL = 0xa1, SVM_EXIT_MCOMMIT = 0xa3, SVM_EXIT_TLBSYNC = 0xa4,
	SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID UINT64_MAX

/* Clean bits: the processor may use its cached copy of these parts (APM 15.15). */
enum vmcb_clean {
	CLEAN_INTERCEPTS = 1 << 0, /* intercepts, TSC offset, pause filter */
	CLEAN_PERMISSION = 1 << 1,
	CLEAN_ASID = 1 << 2,
	CLEAN_TPR = 1 << 3,        /* V_TPR, V_IRQ, V_INTR_* */
	CLEAN_NP = 1 << 4,
	CLEAN_CR = 1 << 5,
	CLEAN_DR = 1 << 6,
	CLEAN_DT = 1 << 7,
	CLEAN_SEG = 1 << 8,
	CLEAN_CR2 = 1 << 9,
	CLEAN_LBR = 1 << 10,
	CLEAN_ALL = (1 << 11) - 1,
};

/* INT_CTL, offset 0x60. */
#define V_TPR_MASK     0xfu
#define V_IRQ          (1u << 8)
#define V_INTR_PRIO_SHIFT 16
#define V_INTR_PRIO    (0xfu << 16)
#define V_IGN_TPR      (1u << 20)
#define V_INTR_MASKING (1u << 24)

#define TLB_FLUSH_NONE 0
#define TLB_FLUSH_ALL  1
#define TLB_FLUSH_ASID 3 /* with FlushByAsid */

/* EVENTINJ and EXITINTINFO, APM 15.20. */
#define EVENT_VALID     (1ULL << 31)
#define EVENT_HAS_ERROR (1ULL << 11)
#define EVENT_TYPE_SHIFT 8

#define VMCB_SEGMENT_L (1u << 9)

#define INTERRUPT_SHADOW 1ULL

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes; /* type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11 */
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* control area */
	uint32_t intercepts[6];
	uint8_t reserved_18[0x3c - 0x18];
	uint16_t pause_threshold, pause_count;
	uint64_t iopm_base;
	uint64_t msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid;
	uint8_t tlb_control;
	uint8_t reserved_5d[3];
	uint32_t int_ctl;
	uint32_t int_vector;
	uint64_t interrupt_shadow;
	uint64_t exit_code;
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_int_info;
	uint64_t np_enable;
	uint64_t avic_bar;
	uint64_t ghcb;
	uint64_t event_inject;
	uint64_t n_cr3;
	uint64_t lbr_enable;
	uint32_t clean;
	uint32_t reserved_c4;
	uint64_t next_rip;
	uint8_t insn_count;
	uint8_t insn_bytes[15];
	uint8_t reserved_e0[0x400 - 0xe0];
	/* state save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved_4cc;
	uint64_t efer;
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp, s_cet, ssp, isst_addr, rax;
	uint64_t star, lstar, cstar, fmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
	uint8_t reserved_698[0x1000 - 0x698];
};

_Static_assert(offsetof(struct vmcb, iopm_base) == 0x40, "APM table B-1");
_Static_assert(offsetof(struct vmcb, int_ctl) == 0x60, "APM table B-1");
_Static_assert(offsetof(struct vmcb, event_inject) == 0xa8, "APM table B-1");
_Static_assert(offsetof(struct vmcb, clean) == 0xc0, "APM table B-1");
_Static_assert(offsetof(struct vmcb, insn_count) == 0xd0, "APM table B-1");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM table B-2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM table B-2");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM table B-2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM table B-2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM table B-2");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "APM table B-2");
_Static_assert(sizeof(struct vmcb) == 0x1000, "APM 15.5.1");

#endif
