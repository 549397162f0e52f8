/* SPDX-License-Identifier: MIT */
/*
 * The checks that a VM entry makes (SDM 27.2, 27.3), made again in software to name the one that failed: fields in,
 * sentences out. Pure.
 */
#ifndef VMX_VMX_CHECK_H
#define VMX_VMX_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/vcpu_ops.h"
#include "vmx/vmcs.h"

enum vmx_control_word { CONTROL_PIN, CONTROL_PRIMARY, CONTROL_SECONDARY, CONTROL_EXIT, CONTROL_ENTRY, CONTROL_WORDS };

/* What the processor allows. */
struct vmx_limits {
	struct {
		uint32_t must, may; /* bits that must be 1; bits that may be */
	} control[CONTROL_WORDS];
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	uint64_t misc, ept_vpid;    /* IA32_VMX_MISC, IA32_VMX_EPT_VPID_CAP */
	uint64_t vm_functions;      /* IA32_VMX_VMFUNC */
	unsigned physical_bits;     /* of a physical address */
	unsigned address_bits;      /* of an address in the VMCS: fewer when IA32_VMX_BASIC bit 48 is set */
	bool any_error_code;        /* IA32_VMX_BASIC bit 56: no check of an injected exception's error-code bit */
};

struct vmx_check {
	/* The value of a VMCS field, 0 for one that this processor does not have. */
	uint64_t (*read)(void *context, uint32_t field);
	void *context;
	uint8_t task_priority;      /* VTPR, bits 7:4 of byte 0x80 of the virtual-APIC page */
	struct vmx_limits limits;
};

/* `segments`: one bit for each segment register that the rule is about, and it is tried for each; 0: about none. */
struct vmx_rule {
	bool (*fails)(const struct vmx_check *c, unsigned segment);
	uint16_t segments;
	const char *sentence;
};

/* In the order in which the manual lists them. VMfail has error 7 for controls and 8 for the host's state. */
enum vmx_phase { PHASE_CONTROLS, PHASE_HOST, PHASE_GUEST };

struct vmx_rules {
	enum vmx_phase phase;
	const char *section; /* of the SDM */
	const struct vmx_rule *rule;
	unsigned count;
};

extern const struct vmx_rules vmx_rules_execution, vmx_rules_exit, vmx_rules_entry, vmx_rules_host_registers,
	vmx_rules_host_segments, vmx_rules_address_space, vmx_rules_guest_registers, vmx_rules_guest_segments,
	vmx_rules_guest_tables, vmx_rules_guest_flags, vmx_rules_guest_other, vmx_rules_guest_pdptes;
extern const struct vmx_rules *const vmx_rules[];
extern const unsigned vmx_rules_count;

struct vmx_failure {
	const char *section;
	const char *segment; /* "CS"; NULL when the rule is about none */
	const char *sentence;
};

/* Calls `report` for each rule of `phase` that fails; returns how many did. */
unsigned vmx_check(const struct vmx_check *c, enum vmx_phase phase,
                   void (*report)(void *context, const struct vmx_failure *failure), void *context);

static inline uint64_t check_field(const struct vmx_check *c, uint32_t field)
{
	return c->read(c->context, field);
}

/* Secondary controls count only when the primary ones activate them. */
static inline uint32_t check_secondary(const struct vmx_check *c)
{
	return check_field(c, PRIMARY_CONTROLS) & PRIMARY_SECONDARY ? (uint32_t)check_field(c, SECONDARY_CONTROLS) : 0;
}

/* 48 bits of linear address: LA57 is not used. */
static inline bool check_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Is a physical address aligned to 1 << `shift`, and not wider than the processor's? */
static inline bool check_address(const struct vmx_check *c, uint64_t address, unsigned shift)
{
	return !(address >> c->limits.address_bits) && !(address & ((1ULL << shift) - 1));
}

/* True when an area of MSRs is bad. Its address counts only when there are entries. */
bool check_area(const struct vmx_check *c, uint32_t count_field, uint32_t address_field);
/* Eight memory types: UC, WC, WT, WP, WB or UC- (SDM 12.12.2). */
bool check_pat(uint64_t pat);
/* Bits other than SCE, LME, LMA, NXE. */
bool check_efer_reserved(uint64_t efer);

#endif
