/* SPDX-License-Identifier: MIT */
/* The AMD-V backend: probing, per-core set-up, entry. */
#include "svm/svm.h"

#include <stdio.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

#define VM_CR_SVMDIS (1ULL << 4) /* APM 15.30.1 */

struct svm_features svm_features;

static int probe(char *why, size_t size)
{
	struct cpuid id = cpuid(0x80000000, 0);
	uint64_t vm_cr;

	if (id.eax < 0x8000000a || !(cpuid(0x80000001, 0).ecx & 1u << 2)) {
		snprintf(why, size, "this processor has no AMD-V (CPUID 80000001h ECX bit 2 is clear)");
		return E_UNSUPPORTED;
	}
	id = cpuid(0x8000000a, 0);
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		snprintf(why, size,
		         "AMD-V is disabled by the firmware (VM_CR.SVMDIS%s): enable SVM or \"virtualization\" in its setup",
		         id.edx & 1u << 2 ? ", locked with a key" : "");
		return E_UNSUPPORTED;
	}
	if (!(id.edx & 1)) {
		snprintf(why, size, "this processor's AMD-V has no nested paging (CPUID 8000000Ah EDX bit 0 is clear)");
		return E_UNSUPPORTED;
	}
	if (id.ebx < 2) {
		snprintf(why, size, "this processor's AMD-V has no address-space identifiers (CPUID 8000000Ah EBX is %u)", id.ebx);
		return E_UNSUPPORTED;
	}
	svm_features = (struct svm_features){
		.revision = id.eax & 0xff,
		.asids = id.ebx,
		.nrip_save = id.edx >> 3 & 1,
		.clean_bits = id.edx >> 5 & 1,
		.flush_by_asid = id.edx >> 6 & 1,
		.decode_assists = id.edx >> 7 & 1,
		.tsc_scaling = id.edx >> 4 & 1,
	};
	return E_OK;
}

static void describe(char *text, size_t size)
{
	const struct svm_features *f = &svm_features;

	snprintf(text, size,
	         "AMD-V revision %u, %u ASIDs, nested paging; nRIP save %s, decode assists %s, flush by ASID %s, "
	         "VMCB clean bits %s, TSC scaling %s",
	         f->revision, f->asids, f->nrip_save ? "yes" : "no", f->decode_assists ? "yes" : "no",
	         f->flush_by_asid ? "yes" : "no", f->clean_bits ? "yes" : "no", f->tsc_scaling ? "not used" : "no");
}

/* AMD-V has no say in any of them. */
static bool allows(enum vcpu_instruction instruction)
{
	(void)instruction;
	return true;
}

static int enable_core(void)
{
	struct cpu *cpu = this_cpu();
	struct svm_core *core = mem_alloc(sizeof(*core));

	if (!core || (!svm_iopm_phys && svm_permission_init()))
		return E_NO_MEMORY;
	core->host_save = page_alloc(0);
	core->host_vmcb = page_alloc(0);
	if (!core->host_save || !core->host_vmcb)
		return E_NO_MEMORY;
	core->host_vmcb_phys = heap_to_phys(core->host_vmcb);
	core->asid_next = svm_features.asids; /* the first assignment begins a generation, with a flush */
	core->asid_generation = 0;
	wrmsr(IA32_EFER, rdmsr(IA32_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, heap_to_phys(core->host_save));
	vmsave(core->host_vmcb_phys);
	cpu->backend = core;
	return E_OK;
}

static int partition_create(struct partition *partition)
{
	/* Everything that AMD-V keeps per partition is the nested page table. */
	return ptab_create(&partition->stage2, &ptab_host, &ptab_heap, cpuid(0x80000001, 0).edx & 1u << 26);
}

static void partition_destroy(struct partition *partition)
{
	ptab_destroy(&partition->stage2);
}

static int vcpu_backend_create(struct vcpu *vcpu)
{
	struct svm_vcpu *s = mem_alloc(sizeof(*s));

	if (!s)
		return E_NO_MEMORY;
	s->vmcb = page_alloc(0);
	if (!s->vmcb) {
		mem_free(s);
		return E_NO_MEMORY;
	}
	s->vmcb_phys = heap_to_phys(s->vmcb);
	vcpu->backend = s;
	return E_OK;
}

static void vcpu_backend_destroy(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);

	page_free(s->vmcb, 0);
	mem_free(s);
	vcpu->backend = NULL;
}

/*
 * From here to put() GIF is clear: nothing interrupts the core while FS, GS and TR are the guest's. RFLAGS.IF is set, so
 * that with V_INTR_MASKING a physical interrupt ends the guest's run (APM 15.21.1).
 */
static void load(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);

	__asm__ volatile("clgi; sti" : : : "memory");
	vmload(s->vmcb_phys);
	svm_shared_switch(s);
	svm_asid_assign(s);
	s->loaded = true;
}

static void put(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);

	if (!s->loaded)
		return;
	vmsave(s->vmcb_phys);
	vmload(((struct svm_core *)this_cpu()->backend)->host_vmcb_phys);
	__asm__ volatile("cli; stgi" : : : "memory");
	s->loaded = false;
}

/* Registers that are not in the processor are in the VMCB, which is ordinary memory. */
static void make_current(struct vcpu *vcpu)
{
	(void)vcpu;
}

static inline void enter(struct vcpu *vcpu, struct exit *exit)
{
	struct svm_vcpu *s = svm_of(vcpu);

	s->vmcb->rax = vcpu->gpr[RAX];
	svm_enter(vcpu, s->vmcb_phys, exit);
}

/* The first entry after something else, or with a new deadline. */
static __attribute__((noinline)) void prepare_and_enter(struct vcpu *vcpu, uint64_t deadline, struct exit *exit)
{
	struct svm_vcpu *s = svm_of(vcpu);

	if (!s->loaded)
		load(vcpu);
	else if (!s->asid_core)
		svm_asid_assign(s);
	apic_timer_set(deadline);
	enter(vcpu, exit);
}

static void run(struct vcpu *vcpu, uint64_t deadline, struct exit *exit)
{
	const struct svm_vcpu *s = svm_of(vcpu);

	if (s->loaded && s->asid_core && apic_timer_is(deadline))
		enter(vcpu, exit);
	else
		prepare_and_enter(vcpu, deadline, exit);
}

/* The other half of run(): nothing of the host is kept in registers across the guest but the way here. */
void svm_left(struct vcpu *vcpu, struct exit *exit)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	vcpu->gpr[RAX] = vmcb->rax;
	vmcb->clean = CLEAN_ALL;
	vmcb->tlb_control = TLB_FLUSH_NONE;
	vmcb->event_inject = 0;
	svm_decode(vcpu, vmcb, exit);
}

static uint8_t read_cr8(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->int_ctl & V_TPR_MASK;
}

static void write_cr8(struct vcpu *vcpu, uint8_t value)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	vmcb->int_ctl = (vmcb->int_ctl & ~V_TPR_MASK) | (value & V_TPR_MASK);
	vmcb->clean &= ~(uint32_t)CLEAN_TPR;
}

static void flush_tlb(struct vcpu *vcpu)
{
	svm_asid_flush(svm_of(vcpu));
}

const struct vcpu_ops svm_ops = {
	.name = "AMD-V",
	.probe = probe,
	.describe = describe,
	.enable_core = enable_core,
	.allows = allows,
	.partition_create = partition_create,
	.partition_destroy = partition_destroy,
	.vcpu_create = vcpu_backend_create,
	.vcpu_destroy = vcpu_backend_destroy,
	.vcpu_reset = svm_vmcb_reset,
	.make_current = make_current,
	.run = run,
	.put = put,
	.read = svm_read,
	.write = svm_write,
	.read_segment = svm_read_segment,
	.write_segment = svm_write_segment,
	.advance = svm_advance,
	.inject = svm_inject,
	.event_pending = svm_event_pending,
	.can_interrupt = svm_can_interrupt,
	.can_nmi = svm_can_nmi,
	.request_window = svm_request_window,
	.read_cr8 = read_cr8,
	.write_cr8 = write_cr8,
	.flush_tlb = flush_tlb,
	.dump = svm_dump,
};
