/* SPDX-License-Identifier: MIT */
/* The VT-x backend: probing, per-core set-up, entry. */
#include "vmx/vmx.h"

#include <stdio.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/guest_cr.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

#define CPUID_1_ECX_VMX     (1u << 5)
#define FEATURE_LOCKED      (1ULL << 0) /* SDM 24.7 */
#define FEATURE_VMX         (1ULL << 2) /* outside SMX */

static int probe(char *why, size_t size)
{
	uint64_t feature_control = 0;

	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_VMX)) {
		snprintf(why, size, "this processor has no VT-x (CPUID 1 ECX bit 5 is clear)");
		return E_UNSUPPORTED;
	}
	rdmsr_safe(IA32_FEATURE_CONTROL, &feature_control);
	if ((feature_control & (FEATURE_LOCKED | FEATURE_VMX)) == FEATURE_LOCKED) {
		snprintf(why, size, "VT-x is locked off by the firmware (IA32_FEATURE_CONTROL is %#llx): "
		         "enable VT-x or \"virtualization\" in its setup", (unsigned long long)feature_control);
		return E_UNSUPPORTED;
	}
	return vmx_capability_init(why, size);
}

static void describe(char *text, size_t size)
{
	const struct vmx_features *f = &vmx_features;

	snprintf(text, size, "VT-x revision %#x, EPT, unrestricted guest; VPID %s, preemption timer %s, "
	         "1 GiB pages %s, accessed and dirty bits %s, APICv %s, XSAVES %s, TSC scaling %s", f->revision,
	         f->vpid ? "yes" : "no", f->preemption_timer ? "yes" : "no", f->gigabyte_pages ? "yes" : "no",
	         f->accessed_dirty ? "yes" : "no", f->apicv ? "yes" : "no",
	         f->secondary & SECONDARY_XSAVES ? "yes" : "no", f->tsc_scaling ? "not used" : "no");
}

/* Without its control the instruction is undefined in a guest (SDM 26.3). */
static bool allows(enum vcpu_instruction instruction)
{
	static const uint32_t controls[] = {
		[INSTRUCTION_RDTSCP] = SECONDARY_RDTSCP,
		[INSTRUCTION_INVPCID] = SECONDARY_INVPCID,
		[INSTRUCTION_XSAVES] = SECONDARY_XSAVES,
	};

	return vmx_features.secondary & controls[instruction];
}

/* Sets and locks IA32_FEATURE_CONTROL where the firmware has left it open. False: this core's is locked off. */
static bool unlock(void)
{
	uint64_t value = rdmsr(IA32_FEATURE_CONTROL);

	if (!(value & FEATURE_LOCKED)) {
		value |= FEATURE_LOCKED | FEATURE_VMX;
		wrmsr(IA32_FEATURE_CONTROL, value);
	}
	return value & FEATURE_VMX;
}

/* True when it worked (SDM 31.2: CF or ZF set when not). */
static bool vmxon(uint64_t phys)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(phys) : "memory");
	return !failed;
}

static void vmclear(uint64_t phys)
{
	__asm__ volatile("vmclear %0" : : "m"(phys) : "cc", "memory");
}

static void vmptrld(uint64_t phys)
{
	__asm__ volatile("vmptrld %0" : : "m"(phys) : "cc", "memory");
}

static int enable_core(void)
{
	struct cpu *cpu = this_cpu();
	struct vmx_core *core = mem_alloc(sizeof(*core));

	if (!core || (!vmx_msr_bitmap_phys && vmx_permission_init()))
		return E_NO_MEMORY;
	core->vmxon = page_alloc(0);
	if (!core->vmxon)
		return E_NO_MEMORY;
	*(uint32_t *)core->vmxon = vmx_features.revision;
	if (!unlock()) {
		log_error(NULL, "core %u: VT-x is locked off by the firmware, on other cores it is not", cpu->id);
		return E_UNSUPPORTED;
	}
	CR_WRITE(0, (CR_READ(0) | vmx_features.cr0_fixed0) & vmx_features.cr0_fixed1);
	CR_WRITE(4, (CR_READ(4) | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1);
	if (!vmxon(heap_to_phys(core->vmxon))) {
		log_error(NULL, "core %u: VMXON failed", cpu->id);
		return E_UNSUPPORTED;
	}
	cpu->backend = core;
	vmx_flush_core();
	return E_OK;
}

static int partition_create(struct partition *partition)
{
	/* Everything that VT-x keeps per partition is the EPT. */
	return ptab_create(&partition->stage2, &ptab_ept, &ptab_heap, vmx_features.gigabyte_pages);
}

static void partition_destroy(struct partition *partition)
{
	ptab_destroy(&partition->stage2);
}

static void vcpu_backend_destroy(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	/* Only a partition that could not be created is destroyed: its VMCS has never been loaded. */
	page_free(s->vmcs, 0);
	mem_free(s);
	vcpu->backend = NULL;
}

static int vcpu_backend_create(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = mem_alloc(sizeof(*s));

	if (!s)
		return E_NO_MEMORY;
	s->vmcs = page_alloc(0);
	if (!s->vmcs) {
		mem_free(s);
		return E_NO_MEMORY;
	}
	*(uint32_t *)s->vmcs = vmx_features.revision;
	s->vmcs_phys = heap_to_phys(s->vmcs);
	vcpu->apic.by_processor = vmx_features.apicv;
	s->vpid = vmx_vpid_assign();
	s->eptp = vcpu->partition->stage2.root_phys | EPTP_WRITE_BACK | EPTP_WALK_4 |
	          (vmx_features.accessed_dirty ? EPTP_ACCESSED_DIRTY : 0);
	s->cr4_owned = ~guest_cr4_bits(&vcpu->partition->cpuid) | CR4_MCE | vmx_features.cr4_fixed0 |
	               ~vmx_features.cr4_fixed1;
	vcpu->backend = s;
	return E_OK;
}

/* Makes the VMCS current. A vCPU stays on its core, so its VMCS is cleared once, before its first run. */
static __attribute__((noinline)) void load(struct vcpu *vcpu, struct vmx_core *core)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	if (core->current)
		vmx_shared_store(core->current);
	if (!s->cpu)
		vmclear(s->vmcs_phys);
	vmptrld(s->vmcs_phys);
	core->current = s;
	if (!s->cpu)
		vmx_vmcs_init(vcpu);
	s->cpu = this_cpu();
	vmx_shared_load(s);
}

static void make_current(struct vcpu *vcpu)
{
	struct vmx_core *core = vmx_core();

	if (core->current != vmx_of(vcpu))
		load(vcpu, core);
}

static inline void write_event(struct vmx_vcpu *s)
{
	vmwrite(s, ENTRY_INTERRUPTION_INFO, s->event);
	if (s->event & INTERRUPTION_ERROR)
		vmwrite(s, ENTRY_EXCEPTION_ERROR, s->event_error);
	if (s->event_length)
		vmwrite(s, ENTRY_INSTRUCTION_LENGTH, s->event_length);
	s->event = 0;
}

/* What is not to be done at every entry. Kept out of run(), which then needs fewer registers. */
static __attribute__((noinline)) void do_chores(struct vcpu *vcpu, struct vmx_vcpu *s)
{
	s->chores = false;
	if (s->shared_stale)
		vmx_shared_load(s);
	if (s->pdptes_stale)
		vmx_load_pdptes(vcpu);
	if (s->flush_ept || s->flush_vpid)
		vmx_flush(s);
	if (s->apic_stale)
		vmx_write_apic(vcpu);
	if (vmx_features.preemption_timer) /* the local APIC's may be armed from the last sleep */
		apic_timer_set(UINT64_MAX);
}

static __attribute__((noinline)) void write_fields(struct vmx_vcpu *s)
{
	for (; s->dirty; s->dirty &= s->dirty - 1) {
		unsigned field = (unsigned)__builtin_ctzll(s->dirty);

		vmwrite(s, vmx_encodings[field], s->field[field]);
	}
}

/*
 * The preemption timer counts down by one whenever bit `timer_shift` of the TSC changes (SDM 26.5.1), and only while
 * the guest runs: every entry starts it anew from its field. It always runs, so that no guest is ever out of reach for
 * longer than `longest`, should something hold back the interrupt that is to end its run; left at that, it costs an
 * entry nothing. Rounded up, so that it is not early.
 */
static __attribute__((noinline)) void set_deadline(struct vmx_vcpu *s, uint64_t deadline)
{
	uint64_t now, ticks = vmx_features.longest;

	s->deadline = deadline;
	if (!vmx_features.preemption_timer) {
		apic_timer_set(deadline);
		return;
	}
	if (deadline != UINT64_MAX) {
		now = rdtsc();
		ticks = deadline > now ? ((deadline - now) >> vmx_features.timer_shift) + 1 : 0;
	}
	vmwrite(s, PREEMPTION_TIMER, ticks < vmx_features.longest ? ticks : vmx_features.longest);
}

static void run(struct vcpu *vcpu, uint64_t deadline, struct exit *exit)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	if (s->chores)
		do_chores(vcpu, s);
	if (s->event)
		write_event(s);
	if (deadline != s->deadline || deadline != UINT64_MAX)
		set_deadline(s, deadline);
	if (s->dirty == FIELD_BIT(FIELD_RIP)) { /* of most exits that is all */
		vmwrite(s, GUEST_RIP, s->field[FIELD_RIP]);
		s->dirty = 0;
	} else {
		if (s->dirty & FIELD_BIT(FIELD_INTERRUPT_STATUS)) { /* and of those that cause an interrupt */
			vmwrite(s, GUEST_INTERRUPT_STATUS, s->field[FIELD_INTERRUPT_STATUS]);
			s->dirty &= ~FIELD_BIT(FIELD_INTERRUPT_STATUS);
		}
		write_fields(s);
	}
	vmx_count(vcpu, s, exit->kind);
	s->exits++;
	if (vmx_enter(vcpu->gpr, s->launched, &s->host_rsp)) {
		s->entry_failed = true;
		vmx_decode_failure(exit);
		return;
	}
	s->valid &= ~(FIELD_BIT(FIELD_KEPT) - 1);
	vmx_decode(vcpu, exit);
}

/*
 * The exit has loaded the host's state, and what it left in the processor the host does not use. But the core may
 * arm the local APIC's timer now.
 */
static void put(struct vcpu *vcpu)
{
	vmx_of(vcpu)->chores = true;
}

static void flush_tlb(struct vcpu *vcpu)
{
	vmx_of(vcpu)->flush_ept = vmx_of(vcpu)->chores = true;
}

const struct vcpu_ops vmx_ops = {
	.name = "VT-x",
	.probe = probe,
	.describe = describe,
	.enable_core = enable_core,
	.allows = allows,
	.partition_create = partition_create,
	.partition_destroy = partition_destroy,
	.vcpu_create = vcpu_backend_create,
	.vcpu_destroy = vcpu_backend_destroy,
	.vcpu_reset = vmx_vmcs_reset,
	.make_current = make_current,
	.run = run,
	.put = put,
	.read = vmx_read,
	.write = vmx_write,
	.read_segment = vmx_read_segment,
	.write_segment = vmx_write_segment,
	.advance = vmx_advance,
	.inject = vmx_inject,
	.event_pending = vmx_event_pending,
	.can_interrupt = vmx_can_interrupt,
	.can_nmi = vmx_can_nmi,
	.request_window = vmx_request_window,
	.offer = vmx_offer,
	.read_cr8 = vmx_read_cr8,
	.write_cr8 = vmx_write_cr8,
	.flush_tlb = flush_tlb,
	.dump = vmx_dump,
};
