/* SPDX-License-Identifier: MIT */
/* A virtual processor: state that both backends share. Owned by its core, except `todo` and what vlapic_post() touches. */
#ifndef KERNEL_VCPU_H
#define KERNEL_VCPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/guest_msr.h"
#include "drivers/vlapic.h"
#include "kernel/exit.h"
#include "kernel/sched.h"
#include "kernel/vcpu_ops.h"

struct bus_range;
struct partition;
struct vcpu_snapshot;

/* Indices into vcpu->gpr are the encodings of instructions; the RSP slot is unused (vcpu_gpr() knows where it is). */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, GPRS };

/* Everything that must happen before the next entry. Any core sets bits (vcpu_todo()), the owner takes them. */
enum todo {
	TODO_INTERRUPT = 1 << 0, /* look at the local APIC and the 8259 */
	TODO_NMI = 1 << 1,
	TODO_TIME = 1 << 2,      /* a deadline passed or moved */
	TODO_INIT = 1 << 3,
	TODO_SIPI = 1 << 4,
	TODO_FLUSH = 1 << 5,     /* stage-2 tables changed */
	TODO_STOP = 1 << 6,      /* the partition ends: park */
	TODO_PAUSE = 1 << 7,     /* the partition is paused: leave the core */
	TODO_SNAPSHOT = 1 << 8,  /* somebody wants to see the registers */
};

enum vcpu_state {
	VCPU_PARKED,    /* its partition is not running */
	VCPU_RUNNING,
	VCPU_HALTED,    /* HLT: until an interrupt, NMI or INIT */
	VCPU_WAIT_SIPI, /* after INIT on an application processor */
};

struct exit_statistics {
	uint64_t count, ticks, worst; /* ticks of the TSC from exit to the end of its handler */
};

/* VMREADs and VMWRITEs from exit to the next entry; debug builds count them, on VT-x. */
struct exit_accesses {
	uint64_t reads, writes;
};

struct vcpu {
	uint64_t gpr[GPRS];          /* first: the entry code relies on it */
	void *backend;               /* struct svm_vcpu or struct vmx_vcpu */
	_Atomic uint32_t todo;
	enum vcpu_state state;
	uint64_t deadline;           /* host TSC of the earliest timer, UINT64_MAX: none */
	uint64_t until;              /* the end of its time on the core */
	uint64_t leave_at;           /* the earlier of the two */
	uint64_t tsc_offset;         /* guest TSC = host TSC + tsc_offset */
	struct partition *partition;
	struct cpu *cpu;             /* the core that runs it */
	unsigned index;              /* in the partition; also its APIC ID */
	bool nmi_pending;
	bool uses_pic;               /* the 8259's INTR reaches this vCPU's LINT0 */
	bool window_open;            /* the backend was asked for an interrupt window */
	_Atomic uint8_t sipi_vector;
	struct vlapic apic;
	struct guest_msrs msrs;
	const struct bus_range *port_range; /* of the last port access that found a device; NULL: none yet */
	uint64_t pvclock;            /* MSR_PV_SYSTEM_TIME */
	uint32_t pvclock_version;
	struct fpu_state fpu;
	bool fpu_stale;              /* it is newer than the processor's registers */
	struct sched_entity sched;   /* the following are its core's (kernel/core.c) */
	struct sched_node sleeper;
	_Atomic bool mailed;
	struct vcpu *mail_next;
	struct vcpu_snapshot *_Atomic snapshot; /* asked for, and not taken yet: vcpu_snapshot.h */
	struct exit_statistics exits[EXIT_KINDS];
	struct exit_accesses accesses[EXIT_KINDS];
};

/* Sets todo bits from any core and makes the owner look at them before it enters the guest again. */
void vcpu_todo(struct vcpu *vcpu, uint32_t bits);

/* The same, and its core is told in any case: for what it does although the vCPU is not due to run. */
void vcpu_summon(struct vcpu *vcpu, uint32_t bits);

/* All 16 general registers, RSP included. */
static inline uint64_t vcpu_gpr(struct vcpu *vcpu, unsigned reg)
{
	return reg == RSP ? vcpu_ops->read(vcpu, VCPU_RSP) : vcpu->gpr[reg];
}

static inline void vcpu_set_gpr(struct vcpu *vcpu, unsigned reg, uint64_t value)
{
	if (reg == RSP)
		vcpu_ops->write(vcpu, VCPU_RSP, value);
	else
		vcpu->gpr[reg] = value;
}

/* Puts an exception into the guest. */
void vcpu_exception(struct vcpu *vcpu, uint8_t vector);
void vcpu_exception_error(struct vcpu *vcpu, uint8_t vector, uint32_t error);

enum {
	VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_UD = 6, VECTOR_DF = 8, VECTOR_TS = 10,
	VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_AC = 17, VECTOR_MC = 18,
};

/* Creates the vCPU; its partition's backend part must exist. E_NO_MEMORY. */
int vcpu_create(struct vcpu *vcpu, struct partition *partition, unsigned index, struct cpu *cpu);
void vcpu_destroy(struct vcpu *vcpu);
/* Power-on state; then vCPU 0 gets the loader's state and the others wait for SIPI. */
void vcpu_reset(struct vcpu *vcpu);

/* Why a vCPU's core does something else. */
enum vcpu_leave {
	LEAVE_NOT,
	LEAVE_PREEMPTED, /* its time is over, or the core has news: pick again */
	LEAVE_WAITING,   /* HLT, or no start-up IPI yet: until todo is set or the deadline passes */
	LEAVE_PARKED,    /* its partition ends */
	LEAVE_PAUSED,    /* its partition is paused, or was a moment ago */
};

/*
 * Runs the vCPU until one of the above; `until` is a TSC value, UINT64_MAX: as long as it likes. Called by its core,
 * interrupts off, with the partition's address space and the vCPU's registers in place (kernel/core.c).
 */
enum vcpu_leave vcpu_run(struct vcpu *vcpu, uint64_t until);

/* vcpu_interrupt.c: delivers what is pending, or asks for a window. */
void vcpu_deliver(struct vcpu *vcpu);
/* The local APIC's task priority follows the processor's CR8, before an access to it; and back after it was written. */
void vcpu_apic_refresh(struct vcpu *vcpu);
void vcpu_apic_changed(struct vcpu *vcpu);
void vcpu_apic_init(struct vcpu *vcpu, uint32_t *page);
/* A fixed, lowest-priority, NMI, INIT or start-up message to the partition's local APICs. */
void partition_message(struct partition *partition, struct vcpu *from, const struct vlapic_ipi *ipi, bool x2apic);

/* vcpu_time.c */
uint64_t vcpu_tsc(const struct vcpu *vcpu);
/* Fires what is due and computes the next deadline. */
void vcpu_time(struct vcpu *vcpu);

/* Prints all registers to the log. */
void vcpu_dump(struct vcpu *vcpu, const struct exit *exit);
/* vcpu_report.c: what its exits have cost so far, to the log of a debug build. */
void vcpu_report(const struct vcpu *vcpu);

#endif
