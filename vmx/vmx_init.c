/* SPDX-License-Identifier: MIT */
/* What a VMCS gets once: host state of its core, and the controls that never change. */
#include "arch/x86/cpu.h"
#include "arch/x86/gdt.h"
#include "arch/x86/msr.h"
#include "kernel/mem.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"

struct descriptor_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t tss_base(uint64_t gdt)
{
	const uint64_t *descriptor = (const uint64_t *)(gdt + SELECTOR_TSS);

	return (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
}

/* Loaded by every exit (SDM 28.5). FS and GS are not used by the host: their bases are 0. */
static void host_state(struct vcpu *vcpu, struct vmx_vcpu *s)
{
	struct descriptor_pointer gdt, idt;

	__asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdt), "=m"(idt));
	vmwrite(s, HOST_ES_SELECTOR, SELECTOR_DATA);
	vmwrite(s, HOST_CS_SELECTOR, SELECTOR_CODE);
	vmwrite(s, HOST_SS_SELECTOR, SELECTOR_DATA);
	vmwrite(s, HOST_DS_SELECTOR, SELECTOR_DATA);
	vmwrite(s, HOST_FS_SELECTOR, 0);
	vmwrite(s, HOST_GS_SELECTOR, 0);
	vmwrite(s, HOST_TR_SELECTOR, SELECTOR_TSS);
	vmwrite(s, HOST_FS_BASE, 0);
	vmwrite(s, HOST_GS_BASE, 0);
	vmwrite(s, HOST_TR_BASE, tss_base(gdt.base));
	vmwrite(s, HOST_GDTR_BASE, gdt.base);
	vmwrite(s, HOST_IDTR_BASE, idt.base);
	vmwrite(s, HOST_CR0, CR_READ(0));
	vmwrite(s, HOST_CR3, vcpu->partition->space.cr3);
	vmwrite(s, HOST_CR4, CR_READ(4));
	vmwrite(s, HOST_EFER, rdmsr(IA32_EFER));
	vmwrite(s, HOST_PAT, rdmsr(IA32_PAT));
	vmwrite(s, HOST_SYSENTER_CS, 0);
	vmwrite(s, HOST_SYSENTER_ESP, 0);
	vmwrite(s, HOST_SYSENTER_EIP, 0);
	vmwrite(s, HOST_RIP, (uint64_t)vmx_exit_point);
	s->host_rsp = 0;
}

static void controls(struct vmx_vcpu *s)
{
	/* #DB and #AC in an endless delivery loop would hold the core for ever. #MC is the machine's own. */
	vmwrite(s, EXCEPTION_BITMAP, 1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC);
	vmwrite(s, PIN_CONTROLS, vmx_features.pin);
	vmwrite(s, PAGE_FAULT_ERROR_MASK, 0);
	vmwrite(s, PAGE_FAULT_ERROR_MATCH, 0);
	vmwrite(s, CR3_TARGET_COUNT, 0);
	vmwrite(s, SECONDARY_CONTROLS, s->vpid ? vmx_features.secondary : vmx_features.secondary & ~SECONDARY_VPID);
	if (vmx_features.secondary & SECONDARY_XSAVES)
		vmwrite(s, XSS_EXITING_BITMAP, 0); /* IA32_XSS is always 0 */
	vmwrite(s, EXIT_CONTROLS, vmx_features.exit);
	vmwrite(s, EXIT_MSR_STORE_COUNT, 0);
	vmwrite(s, EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(s, ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(s, ENTRY_INTERRUPTION_INFO, 0);
	vmwrite(s, IO_BITMAP_A, vmx_io_bitmap_phys);
	vmwrite(s, IO_BITMAP_B, vmx_io_bitmap_phys + PAGE_SIZE);
	vmwrite(s, MSR_BITMAP, vmx_msr_bitmap_phys);
	vmwrite(s, EPT_POINTER, s->eptp);
	if (s->vpid)
		vmwrite(s, VMCS_VPID, s->vpid);
	vmwrite(s, CR0_MASK, vmx_features.cr0_owned);
	vmwrite(s, CR4_MASK, s->cr4_owned);
}

void vmx_vmcs_init(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	host_state(vcpu, s);
	controls(s);
	vmwrite(s, VIRTUAL_APIC_ADDRESS, heap_to_phys(vcpu->apic.regs));
	vmwrite(s, VMCS_LINK_POINTER, UINT64_MAX);
	vmwrite(s, GUEST_ACTIVITY_STATE, 0); /* active: HLT is the run loop's */
	vmwrite(s, GUEST_SMBASE, 0);
}
