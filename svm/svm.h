/* SPDX-License-Identifier: MIT */
/* AMD-V: what the files of this folder share. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/vcpu.h"
#include "svm/vmcb.h"

/* CPUID 8000000Ah: EBX is the number of ASIDs, EDX the features. */
struct svm_features {
	uint32_t revision;
	uint32_t asids;
	bool nrip_save, decode_assists, flush_by_asid, clean_bits;
	bool tsc_scaling; /* there, and not in use: a guest counts as the machine does */
};
extern struct svm_features svm_features;

struct svm_vcpu {
	struct vmcb *vmcb;
	uint64_t vmcb_phys;
	uint64_t asid_generation; /* of the core that ran it last; svm_asid.c */
	struct cpu *asid_core;
	bool loaded;              /* VMLOADed on its core, GIF clear */
	bool stepping;            /* RFLAGS.TF is set by us, to reach an NMI window */
	bool step_trap_flag;      /* the guest's own RFLAGS.TF meanwhile */
	uint64_t cr8_rip;         /* of the write of CR8 that is stepped over */
	const uint8_t *code;      /* the page of the instruction that exited last; svm_length.c */
	uint64_t code_page;       /* its linear address / 4 KiB; UINT64_MAX: none */
	uint64_t code_cr3;
	uint64_t dr[4], tsc_aux;  /* unless the processor holds them: svm_shared.c */
	bool shared_stale;        /* these are newer than the processor's */
	bool nmi_blocked;         /* an NMI was delivered and IRET has not completed (APM 15.20: software keeps this) */
};

/* Per core: the host's own VMLOAD state and the ASID allocator. */
struct svm_core {
	void *host_save;          /* VM_HSAVE_PA */
	struct vmcb *host_vmcb;   /* for VMSAVE/VMLOAD of the host's FS, GS, TR, LDTR and system-call MSRs */
	uint64_t host_vmcb_phys;
	struct svm_vcpu *current; /* whose shared registers are in the processor */
	uint64_t asid_generation;
	uint32_t asid_next;
};

static inline struct svm_vcpu *svm_of(struct vcpu *vcpu)
{
	return vcpu->backend;
}

static inline void vmsave(uint64_t phys)
{
	__asm__ volatile("vmsave %0" : : "a"(phys) : "memory");
}

static inline void vmload(uint64_t phys)
{
	__asm__ volatile("vmload %0" : : "a"(phys) : "memory");
}

/* svm_entry.S: loads the guest's general registers, VMRUN, saves them, goes on with svm_left(). GIF must be clear. */
void svm_enter(struct vcpu *vcpu, uint64_t vmcb_phys, struct exit *exit);
void svm_left(struct vcpu *vcpu, struct exit *exit);

/* svm_exit.c */
void svm_decode(struct vcpu *vcpu, const struct vmcb *vmcb, struct exit *exit);
/* svm_length.c: the length of the instruction that left by this exit, one of LENGTH_EXITS; 0 when it cannot be read. */
unsigned svm_length(struct vcpu *vcpu, uint64_t code);
/* svm_asid.c */
void svm_asid_assign(struct svm_vcpu *s);
void svm_asid_flush(struct svm_vcpu *s);
/* svm_shared.c */
void svm_shared_switch(struct svm_vcpu *s); /* into the processor, and those of the vCPU before out of it */
void svm_shared_reset(struct svm_vcpu *s);
/* svm_permission.c: shared by all partitions, every port and every MSR of the intercept list exits. E_NO_MEMORY. */
int svm_permission_init(void);
extern uint64_t svm_iopm_phys, svm_msrpm_phys;
/* svm_vmcb.c */
void svm_vmcb_reset(struct vcpu *vcpu, bool init);
uint64_t svm_read(struct vcpu *vcpu, enum vcpu_register reg);
void svm_write(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value);
void svm_read_segment(struct vcpu *vcpu, enum vcpu_segment seg, struct segment *out);
void svm_write_segment(struct vcpu *vcpu, enum vcpu_segment seg, const struct segment *in);
/* svm_event.c */
void svm_advance(struct vcpu *vcpu, unsigned length);
void svm_inject(struct vcpu *vcpu, const struct event *event);
bool svm_event_pending(struct vcpu *vcpu);
bool svm_can_interrupt(struct vcpu *vcpu);
bool svm_can_nmi(struct vcpu *vcpu);
void svm_request_window(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector);
void svm_cr8(struct vcpu *vcpu);
void svm_iret(struct vcpu *vcpu);
void svm_step_done(struct vcpu *vcpu, struct exit *exit);
/* svm_dump.c */
void svm_dump(struct vcpu *vcpu, const struct exit *exit);

static inline void svm_intercept(struct vmcb *vmcb, unsigned which, bool on)
{
	uint32_t bit = 1u << (which % 32);

	vmcb->intercepts[which / 32] = on ? vmcb->intercepts[which / 32] | bit : vmcb->intercepts[which / 32] & ~bit;
	vmcb->clean &= ~(uint32_t)CLEAN_INTERCEPTS;
}

#endif
