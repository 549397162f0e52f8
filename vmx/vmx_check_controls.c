/* SPDX-License-Identifier: MIT */
/* Checks on VM-execution and VM-exit controls (SDM 27.2.1.1, 27.2.1.2). */
#include "vmx/vmx_check.h"

/* IA32_VMX_EPT_VPID_CAP, SDM A.10. */
#define CAP_WALK_4         (1ULL << 6)
#define CAP_WALK_5         (1ULL << 7)
#define CAP_UNCACHEABLE    (1ULL << 8)
#define CAP_WRITE_BACK     (1ULL << 14)
#define CAP_ACCESSED_DIRTY (1ULL << 21)
#define CAP_SHADOW_STACK   (1ULL << 23)

#define EPTP_SHADOW_STACK   (1ULL << 7)
#define EPTP_RESERVED       0xf00ULL
#define FUNCTION_EPTP_SWITCHING 1

#define RULE(name, text) { name, 0, text }

static uint32_t pin(const struct vmx_check *c)
{
	return (uint32_t)check_field(c, PIN_CONTROLS);
}

static uint32_t primary(const struct vmx_check *c)
{
	return (uint32_t)check_field(c, PRIMARY_CONTROLS);
}

static bool secondary(const struct vmx_check *c, uint32_t bit)
{
	return check_secondary(c) & bit;
}

static bool bad_page(const struct vmx_check *c, uint32_t field)
{
	return !check_address(c, check_field(c, field), 12);
}

static bool bad_word(const struct vmx_check *c, enum vmx_control_word word, uint32_t value)
{
	return (value & c->limits.control[word].must) != c->limits.control[word].must ||
	       value & ~c->limits.control[word].may;
}

static bool pin_allowed(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return bad_word(c, CONTROL_PIN, pin(c));
}

static bool primary_allowed(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return bad_word(c, CONTROL_PRIMARY, primary(c));
}

static bool secondary_allowed(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return primary(c) & PRIMARY_SECONDARY && bad_word(c, CONTROL_SECONDARY, check_secondary(c));
}

/* How many there may be: IA32_VMX_MISC 24:16 (SDM A.6). */
static bool cr3_targets(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, CR3_TARGET_COUNT) > (c->limits.misc >> 16 & 0x1ff);
}

static bool io_bitmaps(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return primary(c) & PRIMARY_IO_BITMAPS && (bad_page(c, IO_BITMAP_A) || bad_page(c, IO_BITMAP_B));
}

static bool msr_bitmap(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return primary(c) & PRIMARY_MSR_BITMAPS && bad_page(c, MSR_BITMAP);
}

static bool virtual_apic(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return primary(c) & PRIMARY_TPR_SHADOW && bad_page(c, VIRTUAL_APIC_ADDRESS);
}

static bool uses_threshold(const struct vmx_check *c)
{
	return primary(c) & PRIMARY_TPR_SHADOW && !secondary(c, SECONDARY_INTERRUPT_DELIVERY);
}

static bool threshold_width(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return uses_threshold(c) && check_field(c, TPR_THRESHOLD) >> 4;
}

static bool threshold_above(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return uses_threshold(c) && !secondary(c, SECONDARY_APIC_ACCESSES) &&
	       (check_field(c, TPR_THRESHOLD) & 15) > c->task_priority;
}

static bool no_tpr_shadow(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !(primary(c) & PRIMARY_TPR_SHADOW) &&
	       secondary(c, SECONDARY_X2APIC | SECONDARY_APIC_REGISTERS | SECONDARY_INTERRUPT_DELIVERY);
}

static bool virtual_nmi(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return pin(c) & PIN_VIRTUAL_NMI && !(pin(c) & PIN_NMI);
}

static bool nmi_window(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return primary(c) & PRIMARY_NMI_WINDOW && !(pin(c) & PIN_VIRTUAL_NMI);
}

static bool apic_access(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_APIC_ACCESSES) && bad_page(c, APIC_ACCESS_ADDRESS);
}

static bool apic_modes(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_APIC_ACCESSES) && secondary(c, SECONDARY_X2APIC);
}

static bool interrupt_delivery(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_INTERRUPT_DELIVERY) && !(pin(c) & PIN_EXTERNAL_INTERRUPT);
}

static bool posted_interrupts(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return pin(c) & PIN_POSTED_INTERRUPTS &&
	       (!secondary(c, SECONDARY_INTERRUPT_DELIVERY) ||
	        !(check_field(c, EXIT_CONTROLS) & EXIT_ACKNOWLEDGE_INTERRUPT) ||
	        check_field(c, POSTED_INTERRUPT_VECTOR) >> 8 ||
	        !check_address(c, check_field(c, POSTED_INTERRUPT_DESCRIPTOR), 6));
}

static bool vpid(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_VPID) && !check_field(c, VMCS_VPID);
}

static bool ept_pointer(const struct vmx_check *c, unsigned segment)
{
	uint64_t eptp = check_field(c, EPT_POINTER), cap = c->limits.ept_vpid, type = eptp & 7, walk = eptp >> 3 & 7;
	bool good_type = (type == 0 && cap & CAP_UNCACHEABLE) || (type == 6 && cap & CAP_WRITE_BACK);
	bool good_walk = (walk == 3 && cap & CAP_WALK_4) || (walk == 4 && cap & CAP_WALK_5);

	(void)segment;
	return secondary(c, SECONDARY_EPT) &&
	       (!good_type || !good_walk || (eptp & EPTP_ACCESSED_DIRTY && !(cap & CAP_ACCESSED_DIRTY)) ||
	        (eptp & EPTP_SHADOW_STACK && !(cap & CAP_SHADOW_STACK)) || eptp & EPTP_RESERVED ||
	        eptp >> c->limits.physical_bits);
}

static bool needs_ept(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !secondary(c, SECONDARY_EPT) &&
	       secondary(c, SECONDARY_UNRESTRICTED | SECONDARY_PML | SECONDARY_MODE_BASED_EXECUTE);
}

static bool modification_log(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_PML) && bad_page(c, PML_ADDRESS);
}

static bool vm_functions(const struct vmx_check *c, unsigned segment)
{
	uint64_t functions = check_field(c, VM_FUNCTION_CONTROLS);

	(void)segment;
	return secondary(c, SECONDARY_VM_FUNCTIONS) &&
	       (functions & ~c->limits.vm_functions ||
	        (functions & FUNCTION_EPTP_SWITCHING &&
	         (!secondary(c, SECONDARY_EPT) || bad_page(c, EPTP_LIST_ADDRESS))));
}

static bool shadowing(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_VMCS_SHADOWING) && (bad_page(c, VMREAD_BITMAP) || bad_page(c, VMWRITE_BITMAP));
}

static bool virtualization_exception(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_EPT_VIOLATION_VE) && bad_page(c, VIRTUALIZATION_EXCEPTION_ADDRESS);
}

static bool tsc_multiplier(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return secondary(c, SECONDARY_TSC_SCALING) && !check_field(c, TSC_MULTIPLIER);
}

static const struct vmx_rule execution[] = {
	RULE(pin_allowed, "the pin-based controls have bits that are not allowed, or lack bits that must be set"),
	RULE(primary_allowed, "the primary controls have bits that are not allowed, or lack bits that must be set"),
	RULE(secondary_allowed, "the secondary controls have bits that are not allowed, or lack bits that must be set"),
	RULE(cr3_targets, "the CR3-target count is higher than the processor allows"),
	RULE(io_bitmaps, "an I/O bitmap's address is not aligned or too wide"),
	RULE(msr_bitmap, "the MSR bitmap's address is not aligned or too wide"),
	RULE(virtual_apic, "the virtual-APIC address is not aligned or too wide"),
	RULE(threshold_width, "the TPR threshold has bits 31:4"),
	RULE(threshold_above, "the TPR threshold is above the virtual TPR"),
	RULE(no_tpr_shadow, "APIC virtualization without the TPR shadow"),
	RULE(virtual_nmi, "\"virtual NMIs\" without \"NMI exiting\""),
	RULE(nmi_window, "\"NMI-window exiting\" without \"virtual NMIs\""),
	RULE(apic_access, "the APIC-access address is not aligned or too wide"),
	RULE(apic_modes, "\"virtualize APIC accesses\" and \"virtualize x2APIC mode\" are both set"),
	RULE(interrupt_delivery, "\"virtual-interrupt delivery\" without \"external-interrupt exiting\""),
	RULE(posted_interrupts, "posted interrupts without what they need"),
	RULE(vpid, "the VPID is 0"),
	RULE(ept_pointer, "the EPT pointer is not one that this processor takes"),
	RULE(needs_ept, "\"unrestricted guest\", \"enable PML\" or \"mode-based execute\" without \"enable EPT\""),
	RULE(modification_log, "the PML address is not aligned or too wide"),
	RULE(vm_functions, "VM functions that this processor does not have, or a bad EPTP-list address"),
	RULE(shadowing, "the VMREAD or VMWRITE bitmap's address is not aligned or too wide"),
	RULE(virtualization_exception, "the virtualization-exception address is not aligned or too wide"),
	RULE(tsc_multiplier, "the TSC multiplier is 0"),
};
const struct vmx_rules vmx_rules_execution = { PHASE_CONTROLS, "27.2.1.1", execution,
                                               sizeof(execution) / sizeof(execution[0]) };

static bool exit_allowed(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return bad_word(c, CONTROL_EXIT, (uint32_t)check_field(c, EXIT_CONTROLS));
}

static bool save_timer(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, EXIT_CONTROLS) & EXIT_SAVE_PREEMPTION_TIMER && !(pin(c) & PIN_PREEMPTION_TIMER);
}

static bool store_area(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_area(c, EXIT_MSR_STORE_COUNT, EXIT_MSR_STORE_ADDRESS);
}

static bool load_area(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_area(c, EXIT_MSR_LOAD_COUNT, EXIT_MSR_LOAD_ADDRESS);
}

static const struct vmx_rule exit_rules[] = {
	RULE(exit_allowed, "the VM-exit controls have bits that are not allowed, or lack bits that must be set"),
	RULE(save_timer, "\"save VMX-preemption timer value\" without \"activate VMX-preemption timer\""),
	RULE(store_area, "the VM-exit MSR-store area is not aligned or too high"),
	RULE(load_area, "the VM-exit MSR-load area is not aligned or too high"),
};
const struct vmx_rules vmx_rules_exit = { PHASE_CONTROLS, "27.2.1.2", exit_rules,
                                          sizeof(exit_rules) / sizeof(exit_rules[0]) };
