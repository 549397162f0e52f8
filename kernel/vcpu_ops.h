/* SPDX-License-Identifier: MIT */
/* The one interface between the kernel and a backend (svm/, vmx/). Resist growth. */
#ifndef KERNEL_VCPU_OPS_H
#define KERNEL_VCPU_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/exit.h"

struct vcpu;
struct partition;

/* Registers that live in the backend. General registers other than RSP are vcpu->gpr. */
enum vcpu_register {
	VCPU_RIP, VCPU_RSP, VCPU_RFLAGS,
	VCPU_CR0, VCPU_CR2, VCPU_CR3, VCPU_CR4, /* as the guest sees them */
	VCPU_EFER, VCPU_DR6, VCPU_DR7, VCPU_PAT,
	VCPU_STAR, VCPU_LSTAR, VCPU_CSTAR, VCPU_FMASK, VCPU_KERNEL_GS_BASE,
	VCPU_SYSENTER_CS, VCPU_SYSENTER_ESP, VCPU_SYSENTER_EIP,
	VCPU_DEBUGCTL,
	VCPU_TSC_OFFSET, /* guest TSC minus host TSC */
	VCPU_REGISTERS
};

enum vcpu_segment {
	VCPU_ES, VCPU_CS, VCPU_SS, VCPU_DS, VCPU_FS, VCPU_GS, /* the encoding of instructions */
	VCPU_LDTR, VCPU_TR, VCPU_GDTR, VCPU_IDTR,
	VCPU_SEGMENTS
};

/* `attributes` in the layout of a VMCS access-rights field (SDM 25.4.1): type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13,
 * D/B 14, G 15, unusable 16. `limit` in bytes. */
struct segment {
	uint64_t base;
	uint32_t limit;
	uint32_t attributes;
	uint16_t selector;
};
#define SEGMENT_PRESENT  (1u << 7)
#define SEGMENT_L        (1u << 13)
#define SEGMENT_DB       (1u << 14)
#define SEGMENT_G        (1u << 15)
#define SEGMENT_UNUSABLE (1u << 16)

enum vcpu_window { WINDOW_NONE, WINDOW_INTERRUPT, WINDOW_NMI };

/* Instructions that some processors have for guests only when the backend can permit them. RDPID goes with RDTSCP. */
enum vcpu_instruction { INSTRUCTION_RDTSCP, INSTRUCTION_INVPCID, INSTRUCTION_XSAVES };

struct vcpu_ops {
	const char *name; /* "VT-x" or "AMD-V" */

	/* Can this processor run guests? E_OK, or E_UNSUPPORTED and a sentence that says why and what to do in `why`. */
	int (*probe)(char *why, size_t size);
	/* One line of the optional features in use, for the boot log and `hw`. */
	void (*describe)(char *text, size_t size);
	/* Turn virtualization on for the calling core; after probe(). */
	int (*enable_core)(void);

	/* Can a guest execute it? */
	bool (*allows)(enum vcpu_instruction instruction);

	/* Permission maps and stage-2 root: partition->backend. */
	int (*partition_create)(struct partition *partition);
	void (*partition_destroy)(struct partition *partition);

	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	/* All state as after a hardware RESET (SDM 10.1.1); on INIT what INIT leaves alone stays (`init` true). */
	void (*vcpu_reset)(struct vcpu *vcpu, bool init);

	/*
	 * Makes its registers those that read(), write() and the rest work on, when another vCPU ran on the core since.
	 * On its core, interrupts off. vcpu_reset() and the writes that follow it do without.
	 */
	void (*make_current)(struct vcpu *vcpu);
	/*
	 * Enters the guest and returns after one exit, with interrupts off. `deadline`: TSC value, UINT64_MAX for none.
	 * Until then `exit` is the exit before.
	 */
	void (*run)(struct vcpu *vcpu, uint64_t deadline, struct exit *exit);
	/* Called with interrupts off when the core is about to do something other than enter this vCPU again (service
	 * interrupts, sleep, run another vCPU): the guest's share of the processor's state is put away. */
	void (*put)(struct vcpu *vcpu);

	uint64_t (*read)(struct vcpu *vcpu, enum vcpu_register reg);
	void (*write)(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value);
	void (*read_segment)(struct vcpu *vcpu, enum vcpu_segment seg, struct segment *out);
	void (*write_segment)(struct vcpu *vcpu, enum vcpu_segment seg, const struct segment *in);

	/* RIP += length, and the interrupt shadow and the trap flag's due are treated as after a completed instruction. */
	void (*advance)(struct vcpu *vcpu, unsigned length);
	/* Deliver at the next entry. One event at a time. */
	void (*inject)(struct vcpu *vcpu, const struct event *event);
	bool (*event_pending)(struct vcpu *vcpu);
	/* RFLAGS.IF set, no shadow, and no event pending: an external interrupt would be taken now. */
	bool (*can_interrupt)(struct vcpu *vcpu);
	bool (*can_nmi)(struct vcpu *vcpu);
	/* Exit as soon as the guest can take an interrupt of `vector`'s priority (0: whatever its TPR says), or an NMI. */
	void (*request_window)(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector);
	/* Where vcpu->apic.by_processor (NULL where it never is): tells the processor what is new in vcpu->apic, vectors
	 * requested and in service, trigger modes, its mode. It delivers when the guest can take an interrupt. False: not
	 * this processor, call again when the guest can. */
	bool (*offer)(struct vcpu *vcpu);
	/* The guest's CR8 (TPR 7:4) as the processor keeps it. */
	uint8_t (*read_cr8)(struct vcpu *vcpu);
	void (*write_cr8)(struct vcpu *vcpu, uint8_t value);
	void (*flush_tlb)(struct vcpu *vcpu);
	/* The backend's fields to the log, for a vCPU that is being stopped. */
	void (*dump)(struct vcpu *vcpu, const struct exit *exit);
};

extern const struct vcpu_ops svm_ops, vmx_ops;
extern const struct vcpu_ops *vcpu_ops; /* the backend in use */

#endif
