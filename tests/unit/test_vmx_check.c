/* SPDX-License-Identifier: MIT */
/* The checks of a VM entry: states that are good pass, and of a bad one exactly what is bad is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"
#include "vmx/vmx_fields.h"

#define FIELDS 0x7000
#define NEGATIVE 0xffff800000000000ULL /* canonical */
#define NOT_CANONICAL 0x0000800000000000ULL
#define PAT_RESET 0x0007040600070406ULL
#define EVENT(type, vector) (INTERRUPTION_VALID | (uint32_t)(type) << INTERRUPTION_TYPE_SHIFT | (vector))

#define RIGHTS(n)   (GUEST_ES_ACCESS_RIGHTS + 2 * (n))
#define SELECTOR(n) (GUEST_ES_SELECTOR + 2 * (n))
#define BASE(n)     (GUEST_ES_BASE + 2 * (n))
#define LIMIT(n)    (GUEST_ES_LIMIT + 2 * (n))

static uint64_t vmcs[FIELDS];
static bool was_read[FIELDS];
static struct vmx_check check;

static uint64_t read_field(void *context, uint32_t field)
{
	assert_null(context);
	assert_true(field < FIELDS);
	was_read[field] = true;
	return vmcs[field];
}

/* A processor that has everything that the rules know. */
static const struct vmx_limits all = {
	.control = {
		[CONTROL_PIN] = { 0x16, 0xff },
		[CONTROL_PRIMARY] = { 0x0401e172 & ~0x8000u, 0xfffffffe },
		[CONTROL_SECONDARY] = { 0, 0x027fffff },
		[CONTROL_EXIT] = { 0x00036dfb, 0x00ffffff },
		[CONTROL_ENTRY] = { 0x000011fb, 0x0001ffff },
	},
	.cr0_fixed0 = CR0_PE | CR0_PG | CR0_NE,
	.cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = CR4_VMXE,
	.cr4_fixed1 = 0xffffff,
	.misc = 4ULL << 16 | 7 << 6,
	.ept_vpid = 1 << 6 | 1 << 8 | 1 << 14 | 1 << 21,
	.vm_functions = 1,
	.physical_bits = 40,
	.address_bits = 40,
};

static void controls(void)
{
	vmcs[PIN_CONTROLS] = 0x16 | PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI | PIN_PREEMPTION_TIMER;
	vmcs[PRIMARY_CONTROLS] = all.control[CONTROL_PRIMARY].must | PRIMARY_TPR_SHADOW | PRIMARY_IO_BITMAPS |
	                         PRIMARY_MSR_BITMAPS | PRIMARY_SECONDARY;
	vmcs[SECONDARY_CONTROLS] = SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED;
	vmcs[EXIT_CONTROLS] = all.control[CONTROL_EXIT].must | EXIT_HOST_64 | EXIT_LOAD_PAT | EXIT_LOAD_EFER;
	vmcs[ENTRY_CONTROLS] = all.control[CONTROL_ENTRY].must | ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER;
	vmcs[IO_BITMAP_A] = 0x1000;
	vmcs[IO_BITMAP_B] = 0x2000;
	vmcs[MSR_BITMAP] = 0x3000;
	vmcs[VIRTUAL_APIC_ADDRESS] = 0x4000;
	vmcs[EPT_POINTER] = 0x5000 | EPTP_WRITE_BACK | EPTP_WALK_4 | EPTP_ACCESSED_DIRTY;
	vmcs[VMCS_VPID] = 1;
	vmcs[VMCS_LINK_POINTER] = UINT64_MAX;
}

static void host(void)
{
	vmcs[HOST_CR0] = CR0_PE | CR0_PG | CR0_NE | CR0_WP;
	vmcs[HOST_CR3] = 0x6000;
	vmcs[HOST_CR4] = CR4_PAE | CR4_VMXE;
	vmcs[HOST_EFER] = EFER_LME | EFER_LMA | EFER_NXE;
	vmcs[HOST_PAT] = PAT_RESET;
	vmcs[HOST_CS_SELECTOR] = 8;
	vmcs[HOST_SS_SELECTOR] = vmcs[HOST_DS_SELECTOR] = vmcs[HOST_ES_SELECTOR] = 16;
	vmcs[HOST_TR_SELECTOR] = 24;
	vmcs[HOST_TR_BASE] = vmcs[HOST_GDTR_BASE] = vmcs[HOST_IDTR_BASE] = NEGATIVE;
	vmcs[HOST_RSP] = vmcs[HOST_RIP] = NEGATIVE;
}

static void segment(unsigned n, uint16_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
	vmcs[SELECTOR(n)] = selector;
	vmcs[BASE(n)] = base;
	vmcs[LIMIT(n)] = limit;
	vmcs[RIGHTS(n)] = rights;
}

/* As after RESET. */
static void real_mode(void)
{
	memset(vmcs, 0, sizeof(vmcs));
	check = (struct vmx_check){ .read = read_field, .limits = all };
	controls();
	host();
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++)
		segment(i, 0, 0, 0xffff, 0x93);
	segment(VCPU_CS, 0xf000, 0xffff0000, 0xffff, 0x9b);
	segment(VCPU_LDTR, 0, 0, 0xffff, 0x82);
	segment(VCPU_TR, 0, 0, 0xffff, 0x8b);
	vmcs[GUEST_GDTR_LIMIT] = vmcs[GUEST_IDTR_LIMIT] = 0xffff;
	vmcs[GUEST_CR0] = CR0_NE | CR0_ET;
	vmcs[GUEST_CR4] = CR4_VMXE;
	vmcs[GUEST_RFLAGS] = 2;
	vmcs[GUEST_RIP] = 0xfff0;
	vmcs[GUEST_DR7] = 0x400;
	vmcs[GUEST_PAT] = PAT_RESET;
}

/* Ring 0 of a 64-bit kernel; SS null, LDTR unusable. */
static void long_mode(void)
{
	real_mode();
	vmcs[ENTRY_CONTROLS] |= ENTRY_IA32E;
	vmcs[GUEST_CR0] |= CR0_PE | CR0_PG | CR0_WP;
	vmcs[GUEST_CR3] = 0x1000;
	vmcs[GUEST_CR4] |= CR4_PAE | CR4_PCIDE;
	vmcs[GUEST_EFER] = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	vmcs[GUEST_RFLAGS] = 2 | RFLAGS_IF;
	vmcs[GUEST_RIP] = vmcs[GUEST_RSP] = NEGATIVE;
	segment(VCPU_CS, 0x10, 0, 0xffffffff, 0xa09b);
	segment(VCPU_SS, 0, 0, 0, SEGMENT_UNUSABLE);
	segment(VCPU_DS, 0x2b, 0, 0xffffffff, 0xc0f3);
	segment(VCPU_GS, 0, NEGATIVE, 0, SEGMENT_UNUSABLE);
	segment(VCPU_LDTR, 0, NOT_CANONICAL, 0, SEGMENT_UNUSABLE);
	segment(VCPU_TR, 0x40, NEGATIVE, 0x67, 0x8b);
	vmcs[GUEST_GDTR_BASE] = vmcs[GUEST_IDTR_BASE] = NEGATIVE;
	vmcs[GUEST_SYSENTER_ESP] = vmcs[GUEST_SYSENTER_EIP] = NEGATIVE;
}

/* Protected mode with PAE paging, ring 3, on a processor without unrestricted guests. */
static void pae_mode(void)
{
	real_mode();
	vmcs[SECONDARY_CONTROLS] &= ~(uint64_t)SECONDARY_UNRESTRICTED;
	vmcs[GUEST_CR0] |= CR0_PE | CR0_PG;
	vmcs[GUEST_CR4] |= CR4_PAE;
	vmcs[GUEST_RFLAGS] = 2 | RFLAGS_IF;
	vmcs[GUEST_PDPTE0] = 0x7001;
	vmcs[GUEST_PDPTE0 + 2] = ~1ULL; /* not present: all else may be set */
	segment(VCPU_CS, 0x1b, 0, 0xffffffff, 0xc0fb);
	segment(VCPU_SS, 0x23, 0, 0xffffffff, 0xc0f3);
	for (unsigned i = VCPU_DS; i <= VCPU_GS; i++)
		segment(i, 0x23, 0, 0xffffffff, 0xc0f3);
	segment(VCPU_ES, 0x23, 0, 0xffffffff, 0xc0f3);
	segment(VCPU_TR, 0x28, 0, 0x67, 0x8b);
	segment(VCPU_LDTR, 0x30, 0, 0xfff, 0x82);
}

static void v86_mode(void)
{
	pae_mode();
	vmcs[GUEST_RFLAGS] |= RFLAGS_VM;
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++)
		segment(i, (uint16_t)(0x1003 * i), 0x10030 * i, 0xffff, 0xf3);
}

/* What the last run reported, one line each. */
static char reported[4096];

static void report(void *context, const struct vmx_failure *f)
{
	size_t used = strlen(reported);

	assert_null(context);
	snprintf(reported + used, sizeof(reported) - used, "%s %s%s%s\n", f->section, f->segment ? f->segment : "",
	         f->segment ? ": " : "", f->sentence);
}

static unsigned run(enum vmx_phase phase)
{
	reported[0] = 0;
	return vmx_check(&check, phase, report, NULL);
}

static void (*const good_states[])(void) = { real_mode, long_mode, pae_mode, v86_mode };

static void good_states_pass(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(good_states) / sizeof(good_states[0]); i++)
		for (unsigned phase = PHASE_CONTROLS; phase <= PHASE_GUEST; phase++) {
			good_states[i]();
			run((enum vmx_phase)phase);
			assert_string_equal(reported, "");
		}
}

/* Changes to a good state, and the one sentence that names what is wrong then. */
struct change {
	uint32_t field;
	uint64_t clear, set;
};
struct bad {
	void (*good)(void);
	struct change change[4];
	const char *says;
};

#define ALL_ONES UINT64_MAX
#define SET(field, bits)   { field, 0, bits }
#define CLEAR(field, bits) { field, bits, 0 }
#define PUT(field, value)  { field, ALL_ONES, value }
#define ON(bits)           SET(SECONDARY_CONTROLS, bits)

static const struct bad bad_controls[] = {
	{ long_mode, { SET(PIN_CONTROLS, 1 << 8) }, "27.2.1.1 the pin-based controls" },
	{ long_mode, { CLEAR(PIN_CONTROLS, 2) }, "27.2.1.1 the pin-based controls" },
	{ long_mode, { SET(PRIMARY_CONTROLS, 1) }, "the primary controls" },
	{ long_mode, { CLEAR(PRIMARY_CONTROLS, 2) }, "the primary controls" },
	{ long_mode, { SET(SECONDARY_CONTROLS, 1u << 31) }, "the secondary controls" },
	{ long_mode, { PUT(CR3_TARGET_COUNT, 5) }, "the CR3-target count" },
	{ long_mode, { SET(IO_BITMAP_A, 1) }, "an I/O bitmap's" },
	{ long_mode, { SET(IO_BITMAP_B, 1ULL << 40) }, "an I/O bitmap's" },
	{ long_mode, { SET(MSR_BITMAP, 0x800) }, "the MSR bitmap's" },
	{ long_mode, { SET(VIRTUAL_APIC_ADDRESS, 8) }, "the virtual-APIC address" },
	{ long_mode, { PUT(TPR_THRESHOLD, 0x10) }, "the TPR threshold has" },
	{ long_mode, { PUT(TPR_THRESHOLD, 1) }, "the TPR threshold is above" },
	{ long_mode, { CLEAR(PRIMARY_CONTROLS, PRIMARY_TPR_SHADOW), ON(SECONDARY_X2APIC) }, "without the TPR shadow" },
	{ long_mode, { CLEAR(PIN_CONTROLS, PIN_NMI) }, "\"virtual NMIs\" without" },
	{ long_mode, { CLEAR(PIN_CONTROLS, PIN_VIRTUAL_NMI), SET(PRIMARY_CONTROLS, PRIMARY_NMI_WINDOW) },
	  "\"NMI-window exiting\" without" },
	{ long_mode, { ON(SECONDARY_APIC_ACCESSES), SET(APIC_ACCESS_ADDRESS, 1) }, "the APIC-access address" },
	{ long_mode, { ON(SECONDARY_APIC_ACCESSES | SECONDARY_X2APIC) }, "are both set" },
	{ long_mode, { ON(SECONDARY_INTERRUPT_DELIVERY), CLEAR(PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT) },
	  "\"virtual-interrupt delivery\" without" },
	{ long_mode, { SET(PIN_CONTROLS, PIN_POSTED_INTERRUPTS) }, "posted interrupts" },
	{ long_mode, { SET(PIN_CONTROLS, PIN_POSTED_INTERRUPTS), ON(SECONDARY_INTERRUPT_DELIVERY),
	               SET(EXIT_CONTROLS, EXIT_ACKNOWLEDGE_INTERRUPT), SET(POSTED_INTERRUPT_DESCRIPTOR, 0x20) },
	  "posted interrupts" },
	{ long_mode, { PUT(VMCS_VPID, 0) }, "the VPID" },
	{ long_mode, { SET(EPT_POINTER, 1) }, "the EPT pointer" },
	{ long_mode, { SET(EPT_POINTER, 7 << 3) }, "the EPT pointer" },
	{ long_mode, { SET(EPT_POINTER, 1 << 7) }, "the EPT pointer" },
	{ long_mode, { SET(EPT_POINTER, 1 << 9) }, "the EPT pointer" },
	{ long_mode, { SET(EPT_POINTER, 1ULL << 40) }, "the EPT pointer" },
	{ long_mode, { CLEAR(SECONDARY_CONTROLS, SECONDARY_EPT) }, "without \"enable EPT\"" },
	{ long_mode, { ON(SECONDARY_PML), PUT(PML_ADDRESS, 0x10) }, "the PML address" },
	{ long_mode, { ON(SECONDARY_VM_FUNCTIONS), PUT(VM_FUNCTION_CONTROLS, 2) }, "VM functions" },
	{ long_mode, { ON(SECONDARY_VM_FUNCTIONS), PUT(VM_FUNCTION_CONTROLS, 1), PUT(EPTP_LIST_ADDRESS, 1) },
	  "VM functions" },
	{ long_mode, { ON(SECONDARY_VMCS_SHADOWING), PUT(VMWRITE_BITMAP, 1) }, "the VMREAD or VMWRITE bitmap's" },
	{ long_mode, { ON(SECONDARY_EPT_VIOLATION_VE), PUT(VIRTUALIZATION_EXCEPTION_ADDRESS, 1) },
	  "the virtualization-exception address" },
	{ long_mode, { ON(SECONDARY_TSC_SCALING) }, "the TSC multiplier" },
	{ long_mode, { SET(EXIT_CONTROLS, 1u << 31) }, "27.2.1.2 the VM-exit controls" },
	{ long_mode, { CLEAR(EXIT_CONTROLS, 1) }, "27.2.1.2 the VM-exit controls" },
	{ long_mode, { SET(EXIT_CONTROLS, EXIT_SAVE_PREEMPTION_TIMER), CLEAR(PIN_CONTROLS, PIN_PREEMPTION_TIMER) },
	  "\"save VMX-preemption timer value\"" },
	{ long_mode, { PUT(EXIT_MSR_STORE_COUNT, 1), PUT(EXIT_MSR_STORE_ADDRESS, 8) }, "MSR-store area" },
	{ long_mode, { PUT(EXIT_MSR_STORE_COUNT, 2), PUT(EXIT_MSR_STORE_ADDRESS, (1ULL << 40) - 16) },
	  "MSR-store area" },
	{ long_mode, { PUT(EXIT_MSR_LOAD_COUNT, 1), PUT(EXIT_MSR_LOAD_ADDRESS, 1ULL << 40) }, "VM-exit MSR-load area" },
	{ long_mode, { SET(ENTRY_CONTROLS, 1u << 31) }, "27.2.1.3 the VM-entry controls" },
	{ long_mode, { CLEAR(ENTRY_CONTROLS, 1) }, "27.2.1.3 the VM-entry controls" },
	{ long_mode, { SET(ENTRY_CONTROLS, ENTRY_TO_SMM) }, "outside SMM" },
	{ long_mode, { SET(ENTRY_CONTROLS, ENTRY_DEACTIVATE_DUAL) }, "outside SMM" },
	{ long_mode, { PUT(ENTRY_MSR_LOAD_COUNT, 1), PUT(ENTRY_MSR_LOAD_ADDRESS, 1) }, "VM-entry MSR-load area" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(1, 32)) }, "the type of the injected event" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, 3)) }, "the vector of the injected event" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 32)) }, "the vector of the injected event" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(7, 1)) }, "the vector of the injected event" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 13)) }, "delivers an error code" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 6) | INTERRUPTION_ERROR) },
	  "delivers an error code" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 13) | INTERRUPTION_ERROR) },
	  "delivers an error code" },
	{ real_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 13) | INTERRUPTION_ERROR) },
	  "delivers an error code" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 32) | 1 << 12) },
	  "reserved bits in the VM-entry" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 14) | INTERRUPTION_ERROR),
	               PUT(ENTRY_EXCEPTION_ERROR, 1 << 16) }, "the error code of the injected" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_SOFTWARE, 3)), PUT(ENTRY_INSTRUCTION_LENGTH, 0) },
	  "the length of the injected" },
	{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_SOFTWARE_EXCEPTION, 3)),
	               PUT(ENTRY_INSTRUCTION_LENGTH, 16) }, "the length of the injected" },
};

static const struct bad bad_host[] = {
	{ long_mode, { CLEAR(HOST_CR0, CR0_NE) }, "27.2.2 host CR0" },
	{ long_mode, { SET(HOST_CR0, 1ULL << 32) }, "host CR0" },
	{ long_mode, { CLEAR(HOST_CR4, CR4_VMXE) }, "host CR4 has" },
	{ long_mode, { SET(HOST_CR4, 1ULL << 24) }, "host CR4 has" },
	{ long_mode, { SET(HOST_CR4, CR4_CET), CLEAR(HOST_CR0, CR0_WP) }, "host CR4.CET" },
	{ long_mode, { SET(HOST_CR3, 1ULL << 40) }, "host CR3" },
	{ long_mode, { PUT(HOST_SYSENTER_ESP, NOT_CANONICAL) }, "host SYSENTER" },
	{ long_mode, { PUT(HOST_SYSENTER_EIP, NOT_CANONICAL) }, "host SYSENTER" },
	{ long_mode, { PUT(HOST_PAT, 2) }, "host PAT" },
	{ long_mode, { PUT(HOST_PAT, 8ULL << 56) }, "host PAT" },
	{ long_mode, { SET(HOST_EFER, 2) }, "host EFER has" },
	{ long_mode, { CLEAR(HOST_EFER, EFER_LME) }, "host EFER.LMA or" },
	{ long_mode, { CLEAR(HOST_EFER, EFER_LMA) }, "host EFER.LMA or" },
	{ long_mode, { SET(HOST_ES_SELECTOR, 3) }, "27.2.3 ES: the host's selector has" },
	{ long_mode, { SET(HOST_GS_SELECTOR, 4) }, "GS: the host's selector has" },
	{ long_mode, { SET(HOST_TR_SELECTOR, 4) }, "TR: the host's selector has" },
	{ long_mode, { PUT(HOST_CS_SELECTOR, 0) }, "CS: the host's selector is 0" },
	{ long_mode, { PUT(HOST_TR_SELECTOR, 0) }, "TR: the host's selector is 0" },
	{ long_mode, { PUT(HOST_FS_BASE, NOT_CANONICAL) }, "the host's base" },
	{ long_mode, { PUT(HOST_IDTR_BASE, NOT_CANONICAL) }, "the host's base" },
	{ long_mode, { CLEAR(HOST_CR4, CR4_PAE) }, "27.2.4 host CR4.PAE" },
	{ long_mode, { PUT(HOST_RIP, NOT_CANONICAL) }, "host RIP" },
};

static const struct bad bad_guest[] = {
	{ long_mode, { CLEAR(GUEST_CR0, CR0_NE) }, "27.3.1.1 CR0 has" },
	{ long_mode, { SET(GUEST_CR0, 1ULL << 32) }, "CR0 has" },
	{ pae_mode, { CLEAR(GUEST_CR0, CR0_PG) }, "CR0 has" },
	{ real_mode, { SET(GUEST_CR0, CR0_PG) }, "CR0.PG is set without" },
	{ long_mode, { CLEAR(GUEST_CR4, CR4_VMXE) }, "CR4 has" },
	{ long_mode, { SET(GUEST_CR4, 1ULL << 24) }, "CR4 has" },
	{ long_mode, { SET(GUEST_CR4, CR4_CET), CLEAR(GUEST_CR0, CR0_WP) }, "CR4.CET" },
	{ long_mode, { PUT(GUEST_DEBUGCTL, 8) }, "DEBUGCTL" },
	{ long_mode, { CLEAR(GUEST_CR4, CR4_PAE) }, "is set without CR0.PG and CR4.PAE" },
	{ real_mode, { SET(GUEST_CR4, CR4_PCIDE) }, "CR4.PCIDE" },
	{ long_mode, { SET(GUEST_CR3, 1ULL << 63) }, "CR3 is wider" },
	{ long_mode, { SET(GUEST_DR7, 1ULL << 32) }, "DR7" },
	{ long_mode, { PUT(GUEST_SYSENTER_ESP, NOT_CANONICAL) }, "SYSENTER" },
	{ long_mode, { PUT(GUEST_SYSENTER_EIP, NOT_CANONICAL) }, "SYSENTER" },
	{ long_mode, { PUT(GUEST_PAT, 3) }, "27.3.1.1 PAT" },
	{ long_mode, { SET(GUEST_EFER, EFER_SVME) }, "EFER has" },
	{ long_mode, { CLEAR(GUEST_EFER, EFER_LMA) }, "EFER.LMA" },
	{ long_mode, { CLEAR(GUEST_EFER, EFER_LME) }, "EFER.LMA" },
	{ real_mode, { SET(GUEST_EFER, EFER_LMA) }, "EFER.LMA" },
	{ long_mode, { SET(ENTRY_CONTROLS, ENTRY_LOAD_BNDCFGS), SET(GUEST_BNDCFGS, 4) }, "BNDCFGS" },
	{ long_mode, { SET(SELECTOR(VCPU_TR), 4) }, "27.3.1.2 TR: the selector's TI" },
	{ real_mode, { SET(SELECTOR(VCPU_LDTR), 4) }, "LDTR: the selector's TI" },
	{ pae_mode, { PUT(SELECTOR(VCPU_SS), 0x20), CLEAR(RIGHTS(VCPU_SS), 0x60), CLEAR(RIGHTS(VCPU_CS), 0x60) },
	  "SS: its RPL" },
	{ v86_mode, { PUT(BASE(VCPU_SS), 0) }, "SS: it is not as virtual-8086" },
	{ v86_mode, { PUT(LIMIT(VCPU_GS), 0xfffff) }, "GS: it is not as virtual-8086" },
	{ v86_mode, { PUT(RIGHTS(VCPU_CS), 0xfb) }, "CS: it is not as virtual-8086" },
	{ long_mode, { PUT(BASE(VCPU_FS), NOT_CANONICAL) }, "FS: the base is not" },
	{ long_mode, { PUT(BASE(VCPU_TR), NOT_CANONICAL) }, "TR: the base is not" },
	{ real_mode, { PUT(BASE(VCPU_LDTR), NOT_CANONICAL) }, "LDTR: the base is not" },
	{ long_mode, { SET(BASE(VCPU_CS), 1ULL << 32) }, "CS: the base has" },
	{ long_mode, { SET(BASE(VCPU_DS), 1ULL << 32) }, "DS: the base has" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_CS), 1) }, "CS: it is not an accessed code" },
	{ pae_mode, { PUT(RIGHTS(VCPU_CS), 0xc0f1) }, "CS: it is not an accessed code" },
	{ real_mode, { PUT(RIGHTS(VCPU_SS), 0x91) }, "SS: it is not an accessed, writable" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_DS), 1) }, "DS: it is not an accessed, readable" },
	{ long_mode, { PUT(RIGHTS(VCPU_DS), 0xc0f9) }, "DS: it is not an accessed, readable" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_CS), 0x10) }, "CS: it is a system" },
	{ pae_mode, { CLEAR(RIGHTS(VCPU_ES), 0x10) }, "ES: it is a system" },
	{ long_mode, { SET(RIGHTS(VCPU_CS), 0x60) }, "CS: its DPL" },
	{ long_mode, { SET(RIGHTS(VCPU_CS), 0x64) }, "CS: its DPL" },
	{ real_mode, { PUT(RIGHTS(VCPU_CS), 0xf3) }, "CS: its DPL" },
	{ real_mode, { SET(RIGHTS(VCPU_CS), 0x60), SET(RIGHTS(VCPU_SS), 0x60) }, "SS: its DPL" },
	{ pae_mode, { CLEAR(RIGHTS(VCPU_CS), 0x60), CLEAR(RIGHTS(VCPU_SS), 0x60) }, "SS: its DPL" },
	{ pae_mode, { CLEAR(RIGHTS(VCPU_FS), 0x60) }, "FS: its DPL" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_TR), 0x80) }, "TR: it is usable and not" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_DS), 0x80) }, "DS: it is usable and not" },
	{ long_mode, { SET(RIGHTS(VCPU_CS), 0x100) }, "CS: reserved bits" },
	{ long_mode, { SET(RIGHTS(VCPU_TR), 1 << 17) }, "TR: reserved bits" },
	{ long_mode, { SET(RIGHTS(VCPU_CS), SEGMENT_DB) }, "CS: its L and D" },
	{ long_mode, { PUT(LIMIT(VCPU_DS), 0xffff0) }, "DS: its limit" },
	{ long_mode, { PUT(LIMIT(VCPU_TR), 0xfffff000) }, "TR: its limit" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_TR), 8) }, "TR: it is not a busy" },
	{ long_mode, { CLEAR(RIGHTS(VCPU_TR), 2) }, "TR: it is not a busy" },
	{ pae_mode, { SET(RIGHTS(VCPU_LDTR), 1) }, "LDTR: it is not an LDT" },
	{ long_mode, { SET(RIGHTS(VCPU_TR), 0x10) }, "TR: it is not a system" },
	{ long_mode, { SET(RIGHTS(VCPU_TR), SEGMENT_UNUSABLE) }, "TR: it is unusable" },
	{ long_mode, { PUT(GUEST_GDTR_BASE, NOT_CANONICAL) }, "27.3.1.3 the base of GDTR" },
	{ long_mode, { SET(GUEST_IDTR_LIMIT, 0x10000) }, "the limit of GDTR" },
	{ long_mode, { PUT(GUEST_RIP, NOT_CANONICAL) }, "27.3.1.4 RIP" },
	{ real_mode, { SET(GUEST_RIP, 1ULL << 32) }, "RIP" },
	{ long_mode, { CLEAR(GUEST_RFLAGS, 2) }, "RFLAGS has reserved" },
	{ long_mode, { SET(GUEST_RFLAGS, 8) }, "RFLAGS has reserved" },
	{ long_mode, { SET(GUEST_RFLAGS, 1 << 22) }, "RFLAGS has reserved" },
	{ v86_mode, { CLEAR(GUEST_CR0, CR0_PE | CR0_PG), ON(SECONDARY_UNRESTRICTED) }, "RFLAGS.VM" },
	{ real_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 32)) }, "and RFLAGS.IF is clear" },
	{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 4) }, "27.3.1.5 the activity state" },
	{ pae_mode, { PUT(GUEST_ACTIVITY_STATE, 1) }, "the DPL of SS is not 0" },
	{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 1), PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI) },
	  "is not active, and" },
	{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 1), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 6)) },
	  "in this activity state" },
	{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 2), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 32)) },
	  "in this activity state" },
	{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 3), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, 2)) },
	  "in this activity state" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, 0x20) }, "reserved bits in the interruptibility" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, 3) }, "by STI and by MOV SS" },
	{ real_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI) }, "by STI, and RFLAGS.IF" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS),
	               PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 32)) }, "injected while STI or MOV SS" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS),
	               PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, 2)) },
	  "an NMI is injected while MOV SS" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_NMI), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, 2)) },
	  "an NMI is injected while NMIs" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_SMI) }, "SMIs" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_ENCLAVE | BLOCKING_MOV_SS) }, "an enclave" },
	{ long_mode, { PUT(GUEST_PENDING_DEBUG, 1 << 13) }, "reserved bits in the pending" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI), SET(GUEST_RFLAGS, RFLAGS_TF) },
	  "the pending single step" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI), PUT(GUEST_PENDING_DEBUG, PENDING_DEBUG_BS) },
	  "the pending single step" },
	{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS), SET(GUEST_RFLAGS, RFLAGS_TF),
	               PUT(GUEST_DEBUGCTL, 2), PUT(GUEST_PENDING_DEBUG, PENDING_DEBUG_BS) },
	  "the pending single step" },
	{ long_mode, { PUT(GUEST_PENDING_DEBUG, PENDING_DEBUG_RTM) }, "RTM" },
	{ long_mode, { PUT(VMCS_LINK_POINTER, 0x800) }, "the VMCS link pointer" },
	{ pae_mode, { SET(GUEST_PDPTE0, 2) }, "27.3.1.6 a present PDPTE" },
	{ pae_mode, { SET(GUEST_PDPTE0, 1ULL << 40) }, "27.3.1.6 a present PDPTE" },
};

static void apply(const struct bad *bad)
{
	bad->good();
	for (unsigned i = 0; i < 4; i++) {
		vmcs[bad->change[i].field] &= ~bad->change[i].clear;
		vmcs[bad->change[i].field] |= bad->change[i].set;
	}
}

static void fails(const struct bad *bad, unsigned count, enum vmx_phase phase)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned number;

		apply(&bad[i]);
		number = run(phase);
		if (number != 1 || !strstr(reported, bad[i].says))
			fail_msg("\"%s\" expected alone, but this was reported:\n%s", bad[i].says, reported);
	}
}

static void one_bad_control(void **state)
{
	(void)state;
	fails(bad_controls, sizeof(bad_controls) / sizeof(bad_controls[0]), PHASE_CONTROLS);
}

static void one_bad_host_field(void **state)
{
	(void)state;
	fails(bad_host, sizeof(bad_host) / sizeof(bad_host[0]), PHASE_HOST);
}

static void one_bad_guest_field(void **state)
{
	(void)state;
	fails(bad_guest, sizeof(bad_guest) / sizeof(bad_guest[0]), PHASE_GUEST);
}

/* Without "host address-space size" several rules fail at once, whatever else is set. */
static void host_of_32_bits(void **state)
{
	static const char *const all_of_it[] = {
		"27.2.2 host EFER.LMA or EFER.LME contradicts", "27.2.3 host SS is 0",
		"27.2.4 \"host address-space size\" is clear",
		"27.2.4 \"IA-32e mode guest\" without", "27.2.4 host CR4.PCIDE", "27.2.4 host RIP",
	};

	(void)state;
	long_mode();
	vmcs[EXIT_CONTROLS] &= ~(uint64_t)EXIT_HOST_64;
	vmcs[HOST_SS_SELECTOR] = 0;
	vmcs[HOST_CR4] |= CR4_PCIDE;
	assert_int_equal(run(PHASE_HOST), sizeof(all_of_it) / sizeof(all_of_it[0]));
	for (unsigned i = 0; i < sizeof(all_of_it) / sizeof(all_of_it[0]); i++)
		assert_non_null(strstr(reported, all_of_it[i]));
}

/* What depends on the processor's capabilities, and what a control that is off makes irrelevant. */
static void conditions(void **state)
{
	static const struct bad fine[] = {
		{ long_mode, { CLEAR(PRIMARY_CONTROLS, PRIMARY_SECONDARY), PUT(SECONDARY_CONTROLS, ALL_ONES) }, "" },
		{ long_mode, { CLEAR(PRIMARY_CONTROLS, PRIMARY_IO_BITMAPS), PUT(IO_BITMAP_A, 1) }, "" },
		{ long_mode, { CLEAR(PRIMARY_CONTROLS, PRIMARY_TPR_SHADOW), PUT(TPR_THRESHOLD, 99) }, "" },
		{ long_mode, { ON(SECONDARY_INTERRUPT_DELIVERY), PUT(TPR_THRESHOLD, 99) }, "" },
		{ long_mode, { PUT(EXIT_MSR_LOAD_ADDRESS, 1), PUT(ENTRY_MSR_LOAD_ADDRESS, 1) }, "" },
		{ long_mode, { PUT(EXIT_MSR_STORE_COUNT, 1), PUT(EXIT_MSR_STORE_ADDRESS, (1ULL << 40) - 16) }, "" },
		{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(1, 99) & ~INTERRUPTION_VALID) }, "" },
		{ long_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 13) | INTERRUPTION_ERROR) }, "" },
		{ real_mode, { PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 13)) }, "" },
		{ long_mode, { CLEAR(ENTRY_CONTROLS, ENTRY_LOAD_PAT | ENTRY_LOAD_DEBUG), PUT(GUEST_PAT, 2),
		               PUT(GUEST_DR7, ALL_ONES) }, "" },
		{ real_mode, { PUT(RIGHTS(VCPU_CS), 0x93) }, "" },
		{ real_mode, { PUT(RIGHTS(VCPU_TR), 0x83) }, "" },
		{ long_mode, { SET(RIGHTS(VCPU_CS), 4) }, "" },
		{ long_mode, { PUT(BASE(VCPU_SS), ALL_ONES), PUT(LIMIT(VCPU_SS), 0xffff0000) }, "" },
		{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 1), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_INTERRUPT, 32)) },
		  "" },
		{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 1), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 1)) },
		  "" },
		{ long_mode, { PUT(GUEST_ACTIVITY_STATE, 2), PUT(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXCEPTION, 18)) },
		  "" },
		{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI), SET(GUEST_RFLAGS, RFLAGS_TF),
		               PUT(GUEST_PENDING_DEBUG, PENDING_DEBUG_BS) }, "" },
		{ long_mode, { PUT(GUEST_INTERRUPTIBILITY, BLOCKING_STI), SET(GUEST_RFLAGS, RFLAGS_TF),
		               PUT(GUEST_DEBUGCTL, 2) }, "" },
		{ long_mode, { PUT(GUEST_PENDING_DEBUG, PENDING_DEBUG_RTM | PENDING_DEBUG_ENABLED) }, "" },
		{ long_mode, { PUT(VMCS_LINK_POINTER, 0x8000) }, "" },
		{ long_mode, { SET(GUEST_PDPTE0, 3) }, "" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		for (unsigned phase = PHASE_CONTROLS; phase <= PHASE_GUEST; phase++) {
			apply(&fine[i]);
			run((enum vmx_phase)phase);
			if (reported[0])
				fail_msg("case %u: %s", i, reported);
		}
}

static void capabilities(void **state)
{
	(void)state;
	long_mode();
	vmcs[GUEST_ACTIVITY_STATE] = 1;
	check.limits.misc = 0;
	assert_int_equal(run(PHASE_GUEST), 1);
	assert_non_null(strstr(reported, "the activity state does not exist"));
	long_mode();
	vmcs[ENTRY_INTERRUPTION_INFO] = EVENT(EVENT_SOFTWARE, 3);
	check.limits.misc |= 1 << 30;
	assert_int_equal(run(PHASE_CONTROLS), 0);
	long_mode();
	vmcs[ENTRY_INTERRUPTION_INFO] = EVENT(7, 0);
	check.limits.control[CONTROL_PRIMARY].may &= ~PRIMARY_MONITOR_TRAP;
	assert_int_equal(run(PHASE_CONTROLS), 1);
	long_mode();
	vmcs[ENTRY_INTERRUPTION_INFO] = EVENT(EVENT_EXCEPTION, 13);
	check.limits.any_error_code = true;
	assert_int_equal(run(PHASE_CONTROLS), 0);
	long_mode();
	check.limits.address_bits = 32;
	vmcs[MSR_BITMAP] = 1ULL << 32;
	assert_int_equal(run(PHASE_CONTROLS), 1);
	long_mode();
	check.limits.ept_vpid &= ~(1ULL << 21);
	assert_int_equal(run(PHASE_CONTROLS), 1);
	long_mode();
	check.task_priority = 5;
	vmcs[TPR_THRESHOLD] = 5;
	assert_int_equal(run(PHASE_CONTROLS), 0);
}

/* Of each rule there is a case that fails it, so that no sentence is without a test. */
static bool has_case(const char *sentence)
{
	static const struct {
		const struct bad *bad;
		unsigned count;
		enum vmx_phase phase;
	} cases[] = {
		{ bad_controls, sizeof(bad_controls) / sizeof(bad_controls[0]), PHASE_CONTROLS },
		{ bad_host, sizeof(bad_host) / sizeof(bad_host[0]), PHASE_HOST },
		{ bad_guest, sizeof(bad_guest) / sizeof(bad_guest[0]), PHASE_GUEST },
	};

	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < cases[k].count; i++) {
			apply(&cases[k].bad[i]);
			run(cases[k].phase);
			if (strstr(reported, sentence))
				return true;
		}
	long_mode(); /* host_of_32_bits() */
	vmcs[EXIT_CONTROLS] &= ~(uint64_t)EXIT_HOST_64;
	vmcs[HOST_SS_SELECTOR] = 0;
	vmcs[HOST_CR4] |= CR4_PCIDE;
	run(PHASE_HOST);
	return strstr(reported, sentence);
}

static void every_rule_can_fail(void **state)
{
	unsigned rules = 0;

	(void)state;
	for (unsigned i = 0; i < vmx_rules_count; i++)
		for (unsigned k = 0; k < vmx_rules[i]->count; k++, rules++)
			if (!has_case(vmx_rules[i]->rule[k].sentence))
				fail_msg("no case for: %s %s", vmx_rules[i]->section, vmx_rules[i]->rule[k].sentence);
	assert_true(rules > 90);
}

static void every_field_has_a_name(void **state)
{
	static bool named[FIELDS];

	(void)state;
	for (unsigned i = 0; i < vmx_named_fields_count; i++) {
		uint16_t encoding = vmx_named_fields[i].encoding;

		assert_true(encoding < FIELDS);
		assert_false(encoding & 1); /* the high halves of 64-bit fields are not read */
		assert_false(named[encoding]);
		named[encoding] = true;
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(vmx_named_fields[k].name, vmx_named_fields[i].name);
	}
	/* All that a check looks at can be found in a dump. */
	has_case("no such sentence");
	for (unsigned i = 0; i < FIELDS; i++)
		if (was_read[i] && !named[i])
			fail_msg("field %#x has no name", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_states_pass),
		cmocka_unit_test(one_bad_control),
		cmocka_unit_test(one_bad_host_field),
		cmocka_unit_test(one_bad_guest_field),
		cmocka_unit_test(host_of_32_bits),
		cmocka_unit_test(conditions),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(every_rule_can_fail),
		cmocka_unit_test(every_field_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
