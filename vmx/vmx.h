/* SPDX-License-Identifier: MIT */
/* VT-x: what the files of this folder share. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86/msr.h"
#include "kernel/vcpu.h"
#include "vmx/vmcs.h"

/* What this processor has, and the controls made of it. Computed once by vmx_capability_init(). */
struct vmx_features {
	uint32_t revision;          /* of the VMCS: its first word */
	uint32_t pin, primary, secondary, exit, entry;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	uint64_t cr0_owned;         /* bits of CR0 that the guest only sees a shadow of */
	unsigned timer_shift;       /* the preemption timer counts when this bit of the TSC changes */
	uint32_t longest;           /* its counts in 10 ms */
	bool preemption_timer, gigabyte_pages, accessed_dirty, vpid, invvpid_single;
	bool tsc_scaling;           /* there, and not in use: a guest counts as the machine does */
	bool apicv;                 /* the three controls of vmx_apic.c */
	/*
	 * Bochs 2.7: a physical interrupt that arrives while the guest's RFLAGS.IF is clear delivers a pending virtual
	 * one: InterruptAcknowledge() in cpu/event.cc does not look whether it is masked. So none is left pending.
	 */
	bool delivers_closed;
};
extern struct vmx_features vmx_features;

/*
 * Guest-state and control fields that software touches while the guest is out: read from the VMCS at most once per
 * exit, written back before the entry when they have changed. So a vCPU that is not loaded, or is loaded on another
 * core, can be reset like any other. The segment registers are in the order of enum vcpu_segment.
 */
enum vmx_field {
	FIELD_RIP, FIELD_RSP, FIELD_RFLAGS, FIELD_CR0, FIELD_CR3, FIELD_CR4, FIELD_EFER, FIELD_DR7, FIELD_DEBUGCTL,
	FIELD_SYSENTER_CS, FIELD_SYSENTER_ESP, FIELD_SYSENTER_EIP, FIELD_INTERRUPTIBILITY, FIELD_PENDING_DEBUG,
	FIELD_ENTRY_CONTROLS,
	FIELD_INTERRUPT_STATUS,              /* where there is APICv */
	FIELD_SELECTOR,                      /* of ES; 8 of them */
	FIELD_BASE = FIELD_SELECTOR + 8,     /* 10: with GDTR and IDTR */
	FIELD_LIMIT = FIELD_BASE + 10,       /* 10 */
	FIELD_RIGHTS = FIELD_LIMIT + 10,     /* 8 */
	/* From here on what the guest cannot change: what was written last still holds after an exit. */
	FIELD_KEPT = FIELD_RIGHTS + 8,
	FIELD_PAT = FIELD_KEPT, FIELD_TSC_OFFSET, FIELD_PRIMARY, FIELD_TPR_THRESHOLD, FIELD_CR0_SHADOW,
	FIELD_CR4_SHADOW,
	FIELDS
};
_Static_assert(FIELDS <= 64, "one bit each in vmx_vcpu.valid and .dirty");
#define FIELD_BIT(field) (1ULL << (field))

/* Guest registers that no VMCS field holds: they stay in the processor, which does not use them for the host. */
enum vmx_shared {
	SHARED_CR2, SHARED_DR0, SHARED_DR1, SHARED_DR2, SHARED_DR3, SHARED_DR6,
	SHARED_STAR, SHARED_LSTAR, SHARED_CSTAR, SHARED_FMASK, SHARED_KERNEL_GS_BASE, SHARED_TSC_AUX,
	SHARED
};

struct vmx_vcpu {
	uint64_t host_rsp;           /* what HOST_RSP holds */
	uint64_t valid, dirty;       /* FIELD_BIT()s */
	uint64_t field[FIELDS];
	uint64_t shared[SHARED];     /* unless the processor holds them: vmx_shared.c */
	uint64_t deadline;           /* given to the last entry */
	uint64_t cr4_owned;          /* bits of CR4 that the guest only sees a shadow of */
	uint32_t event, event_error; /* to inject at the next entry: ENTRY_INTERRUPTION_INFO */
	uint8_t event_length;
	bool launched;
	bool entry_failed;           /* the last VMLAUNCH or VMRESUME did not even try */
	bool chores;                 /* something of the following is due before the entry */
	bool shared_stale;           /* the registers in `shared` are newer than the processor's */
	bool pdptes_stale;           /* CR0, CR3, CR4 or EFER were written */
	bool flush_vpid, flush_ept;
	bool apic_stale;             /* the EOI-exit bitmap, the MSR bitmap or CR8-load exiting is to change */
	bool x2apic;                 /* the local APIC is in x2APIC mode */
	bool closed, guarded;        /* where delivers_closed: vmx_apic.c */
	uint16_t vpid;
	struct cpu *cpu;             /* the core on which its VMCS is active; NULL: none yet */
	void *vmcs;
	uint64_t vmcs_phys;
	uint64_t eptp;
	uint64_t exits, reads, writes; /* entries so far; VMREADs and VMWRITEs, counted by debug builds only */
	uint64_t counted_reads, counted_writes; /* of these, what is in the statistics of some exit already */
};

/* Per core. */
struct vmx_core {
	void *vmxon;                 /* VMXON region */
	struct vmx_vcpu *current;    /* whose VMCS is current, and whose shared registers are in the processor */
};

static inline struct vmx_vcpu *vmx_of(struct vcpu *vcpu)
{
	return vcpu->backend;
}

static inline struct vmx_core *vmx_core(void)
{
	return this_cpu()->backend;
}

/* Only fields that exist are used, so these two cannot fail while a VMCS is current. */
static inline uint64_t vmread(struct vmx_vcpu *s, uint64_t field)
{
	uint64_t value;

	s->reads += BULKHEAD_DEBUG;
	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

static inline void vmwrite(struct vmx_vcpu *s, uint64_t field, uint64_t value)
{
	s->writes += BULKHEAD_DEBUG;
	__asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc", "memory");
}

/* Before an entry: what was read and written since the last one, an exit of this kind has cost. */
static inline void vmx_count(struct vcpu *vcpu, struct vmx_vcpu *s, enum exit_kind kind)
{
	if (!BULKHEAD_DEBUG)
		return;
	vcpu->accesses[kind].reads += s->reads - s->counted_reads;
	vcpu->accesses[kind].writes += s->writes - s->counted_writes;
	s->counted_reads = s->reads;
	s->counted_writes = s->writes;
}

extern const uint16_t vmx_encodings[FIELDS]; /* vmx_vmcs.c */

/* On the core where the VMCS is current, unless the field is valid. */
static inline uint64_t vmx_get(struct vmx_vcpu *s, unsigned field)
{
	if (!(s->valid & FIELD_BIT(field))) {
		s->field[field] = vmread(s, vmx_encodings[field]);
		s->valid |= FIELD_BIT(field);
	}
	return s->field[field];
}

static inline void vmx_set(struct vmx_vcpu *s, unsigned field, uint64_t value)
{
	if (s->valid & FIELD_BIT(field) && s->field[field] == value)
		return;
	s->field[field] = value;
	s->valid |= FIELD_BIT(field);
	s->dirty |= FIELD_BIT(field);
}

/* Would an external interrupt be taken now? */
static inline bool vmx_is_open(struct vmx_vcpu *s)
{
	return !s->event && vmx_get(s, FIELD_RFLAGS) & RFLAGS_IF &&
	       !(vmx_get(s, FIELD_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS));
}

/* vmx_entry.S: loads the guest's general registers, enters, saves them. True: VMfail, the guest has not run. */
bool vmx_enter(uint64_t *gpr, bool launched, uint64_t *host_rsp);
extern const char vmx_exit_point[]; /* HOST_RIP */

/* vmx_capability.c: reads the capability MSRs. E_UNSUPPORTED and a sentence. */
int vmx_capability_init(char *why, size_t size);
/* vmx_exit.c */
void vmx_decode(struct vcpu *vcpu, struct exit *exit);
void vmx_decode_failure(struct exit *exit);
/* vmx_vpid.c */
uint16_t vmx_vpid_assign(void);          /* 0: none left, or none at all */
void vmx_flush_core(void);               /* after VMXON: what an earlier VMM may have left */
void vmx_flush(struct vmx_vcpu *s);      /* what flush_vpid and flush_ept ask for */
/* vmx_permission.c: shared by all partitions. E_NO_MEMORY. */
int vmx_permission_init(void);
extern uint64_t vmx_io_bitmap_phys, vmx_msr_bitmap_phys;
extern uint64_t vmx_x2apic_bitmap_phys; /* MSRs, for a guest in x2APIC mode; where there is APICv */
/* vmx_shared.c */
uint64_t vmx_shared_read(struct vmx_vcpu *s, enum vmx_shared reg);
void vmx_shared_write(struct vmx_vcpu *s, enum vmx_shared reg, uint64_t value);
void vmx_shared_load(struct vmx_vcpu *s);
void vmx_shared_store(struct vmx_vcpu *s);
/* vmx_vmcs.c */
void vmx_vmcs_init(struct vcpu *vcpu);   /* host state and constant controls, on the core where it is current */
void vmx_vmcs_reset(struct vcpu *vcpu, bool init);
void vmx_load_pdptes(struct vcpu *vcpu);
uint64_t vmx_read(struct vcpu *vcpu, enum vcpu_register reg);
void vmx_write(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value);
void vmx_read_segment(struct vcpu *vcpu, enum vcpu_segment seg, struct segment *out);
void vmx_write_segment(struct vcpu *vcpu, enum vcpu_segment seg, const struct segment *in);
/* vmx_event.c */
void vmx_advance(struct vcpu *vcpu, unsigned length);
/* DR6 and DR7 as the delivery of #DB leaves them; `causes` as in a VMCS: SDM table 28-1. */
void vmx_debug_causes(struct vcpu *vcpu, uint64_t causes);
void vmx_inject(struct vcpu *vcpu, const struct event *event);
bool vmx_event_pending(struct vcpu *vcpu);
bool vmx_can_interrupt(struct vcpu *vcpu);
bool vmx_can_nmi(struct vcpu *vcpu);
void vmx_request_window(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector);
uint8_t vmx_read_cr8(struct vcpu *vcpu);
void vmx_write_cr8(struct vcpu *vcpu, uint8_t value);
/* vmx_explain.c: after an entry that failed, the reason to the log. `error`: the VM-instruction error of a VMfail */
void vmx_explain(struct vcpu *vcpu, uint64_t error);
/* vmx_apic.c */
bool vmx_offer(struct vcpu *vcpu);
void vmx_write_apic(struct vcpu *vcpu);  /* what apic_stale asks for */
/* vmx_dump.c */
bool vmx_read_field(uint32_t field, uint64_t *value); /* false: this processor does not have it */
void vmx_dump(struct vcpu *vcpu, const struct exit *exit);

#endif
