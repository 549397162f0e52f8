/* SPDX-License-Identifier: MIT */
/* Checks on VM-entry controls and on the event to inject (SDM 27.2.1.3). */
#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"

#define INFO_RESERVED    0x7ffff000u
#define TYPE_RESERVED    1
#define TYPE_OTHER       7
#define MISC_NO_LENGTH   (1ULL << 30) /* SDM A.6: a software event of length 0 is allowed */

/* Exceptions that push an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC. */
#define ERROR_VECTORS (1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17)

#define RULE(name, text) { name, 0, text }

static uint32_t controls(const struct vmx_check *c)
{
	return (uint32_t)check_field(c, ENTRY_CONTROLS);
}

static bool allowed(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return (controls(c) & c->limits.control[CONTROL_ENTRY].must) != c->limits.control[CONTROL_ENTRY].must ||
	       controls(c) & ~c->limits.control[CONTROL_ENTRY].may;
}

static bool smm(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return controls(c) & (ENTRY_TO_SMM | ENTRY_DEACTIVATE_DUAL);
}

static bool load_area(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_area(c, ENTRY_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_ADDRESS);
}

/* 0 when there is nothing to inject. */
static uint32_t info(const struct vmx_check *c)
{
	uint32_t value = (uint32_t)check_field(c, ENTRY_INTERRUPTION_INFO);

	return value & INTERRUPTION_VALID ? value : 0;
}

static unsigned type(const struct vmx_check *c)
{
	return info(c) >> INTERRUPTION_TYPE_SHIFT & 7;
}

static bool event_type(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return type(c) == TYPE_RESERVED ||
	       (type(c) == TYPE_OTHER && !(c->limits.control[CONTROL_PRIMARY].may & PRIMARY_MONITOR_TRAP));
}

static bool event_vector(const struct vmx_check *c, unsigned segment)
{
	uint8_t vector = (uint8_t)info(c);

	(void)segment;
	return (type(c) == EVENT_NMI && vector != 2) || (type(c) == EVENT_EXCEPTION && vector > 31) ||
	       (type(c) == TYPE_OTHER && vector);
}

/* Whether an error code is delivered; with an unrestricted guest none is in real-address mode. */
static bool event_error(const struct vmx_check *c, unsigned segment)
{
	bool real = check_secondary(c) & SECONDARY_UNRESTRICTED && !(check_field(c, GUEST_CR0) & CR0_PE);
	bool pushes = type(c) == EVENT_EXCEPTION && !real && (info(c) & 0xff) < 32 &&
	              ERROR_VECTORS >> (info(c) & 0xff) & 1;
	bool delivers = info(c) & INTERRUPTION_ERROR;

	(void)segment;
	if (c->limits.any_error_code && type(c) == EVENT_EXCEPTION && !real)
		return false;
	return delivers != pushes;
}

static bool event_reserved(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return info(c) & INFO_RESERVED;
}

static bool error_code(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return info(c) & INTERRUPTION_ERROR && check_field(c, ENTRY_EXCEPTION_ERROR) >> 16;
}

static bool event_length(const struct vmx_check *c, unsigned segment)
{
	uint64_t length = check_field(c, ENTRY_INSTRUCTION_LENGTH);

	(void)segment;
	return type(c) >= EVENT_SOFTWARE && type(c) <= EVENT_SOFTWARE_EXCEPTION &&
	       (length > 15 || (!length && !(c->limits.misc & MISC_NO_LENGTH)));
}

static const struct vmx_rule entry[] = {
	RULE(allowed, "the VM-entry controls have bits that are not allowed, or lack bits that must be set"),
	RULE(smm, "\"entry to SMM\" or \"deactivate dual-monitor treatment\" outside SMM"),
	RULE(load_area, "the VM-entry MSR-load area is not aligned or too high"),
	RULE(event_type, "the type of the injected event does not exist"),
	RULE(event_vector, "the vector of the injected event does not fit its type"),
	RULE(event_error, "the injected event delivers an error code and should not, or the other way round"),
	RULE(event_reserved, "reserved bits in the VM-entry interruption information"),
	RULE(error_code, "the error code of the injected exception has bits 31:16"),
	RULE(event_length, "the length of the injected software event's instruction is out of range"),
};
const struct vmx_rules vmx_rules_entry = { PHASE_CONTROLS, "27.2.1.3", entry, sizeof(entry) / sizeof(entry[0]) };
