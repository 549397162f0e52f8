/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR by the table; what is kept, and how it is written down. */
#include "arch/x86/guest_msr.h"

#include <string.h>

#include "arch/x86/guest_msr_table.h"
#include "arch/x86/msr.h"

#define SPEC_CTRL_WRITABLE 7 /* IBRS, STIBP, SSBD */
#define PRED_CMD_IBPB      1

/* Fast strings on; branch trace store and precise event sampling unavailable. */
#define MISC_ENABLE_RESET (1u << 0 | 1u << 11 | 1u << 12)

/* TscFreqSel: the TSC counts at the P0 frequency. Linux reports a firmware bug when it does not. */
#define HWCR_RESET (1u << 24)

/* Revision 1 in the upper half; on AMD 0, no patch loaded. */
#define SIGN_ID_INTEL (1ULL << 32)

static const struct msr_policy absent = { .kind = KIND_ABSENT };

/* NULL: not in the table. */
static const struct msr_policy *find(const struct guest_msrs *msrs, uint32_t index)
{
	unsigned low = 0, high = msr_policy_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct msr_policy *policy = &msr_policies[middle];

		if (index < policy->first)
			high = middle;
		else if (index > policy->last)
			low = middle + 1;
		else if (policy->vendor == VENDOR_ANY || (policy->vendor == VENDOR_AMD) == msrs->cpuid->amd)
			return policy;
		else
			return &absent;
	}
	return NULL;
}

static uint64_t *slot(struct guest_msrs *msrs, const struct msr_policy *policy, uint32_t index)
{
	return &msrs->stored[policy->slot + (index - policy->first)];
}

enum msr_result guest_msr_read(struct guest_msrs *msrs, uint32_t index, uint64_t *value)
{
	const struct msr_policy *policy = find(msrs, index);

	*value = 0;
	if (!policy)
		return MSR_UNKNOWN;
	switch ((enum msr_kind)policy->kind) {
	case KIND_ZERO:
		return MSR_OK;
	case KIND_CONSTANT:
		*value = policy->value;
		return MSR_OK;
	case KIND_ABSENT:
	case KIND_WRITE_ONLY:
	case KIND_PRED_CMD:
		return MSR_GP;
	case KIND_SIGN_ID:
		*value = msrs->cpuid->amd ? 0 : SIGN_ID_INTEL;
		return MSR_OK;
	case KIND_TSC:
		*value = msrs->host->tsc(msrs);
		return MSR_OK;
	case KIND_ARCH_CAPABILITIES:
		*value = msrs->cpuid->arch_capabilities;
		return *value ? MSR_OK : MSR_GP;
	case KIND_XSS:
		return guest_cpuid_xsaves(msrs->cpuid) ? MSR_OK : MSR_GP;
	case KIND_SPEC_CTRL:
		if (!guest_cpuid_spec_ctrl(msrs->cpuid))
			return MSR_GP;
		break;
	case KIND_STORED:
	case KIND_MISC_ENABLE:
	case KIND_TSC_ADJUST:
	case KIND_MTRR_DEF_TYPE:
	case KIND_MTRR_VARIABLE:
	case KIND_MTRR_FIXED:
		break;
	}
	*value = *slot(msrs, policy, index);
	return MSR_OK;
}

/* May this value be in the register? Of the kinds that are stored. */
static bool valid(const struct guest_msrs *msrs, const struct msr_policy *policy, uint32_t index, uint64_t value)
{
	switch ((enum msr_kind)policy->kind) {
	case KIND_STORED:
		return !(value & ~policy->value);
	case KIND_MISC_ENABLE:
		return !((value ^ MISC_ENABLE_RESET) & ~policy->value);
	case KIND_SPEC_CTRL:
		return !(value & ~(uint64_t)SPEC_CTRL_WRITABLE) && (!value || guest_cpuid_spec_ctrl(msrs->cpuid));
	case KIND_PRED_CMD:
		return !(value & ~(uint64_t)PRED_CMD_IBPB) && guest_cpuid_pred_cmd(msrs->cpuid);
	case KIND_MTRR_DEF_TYPE:
		return mtrr_def_type_valid(value);
	case KIND_MTRR_VARIABLE:
		return mtrr_variable_valid(index, value, msrs->cpuid->physical_bits);
	case KIND_MTRR_FIXED:
		return mtrr_fixed_valid(value);
	default:
		return true;
	}
}

static enum msr_result write_speculation(struct guest_msrs *msrs, uint32_t index, bool allowed, uint64_t value)
{
	if (!allowed || !msrs->host->speculation)
		return MSR_GP;
	msrs->host->speculation(msrs, index, value);
	return MSR_OK;
}

/* A write to the TSC shows in IA32_TSC_ADJUST and the other way round (SDM 18.17.3). */
static void move_tsc(struct guest_msrs *msrs, uint64_t delta)
{
	msrs->stored[SLOT_TSC_ADJUST] += delta;
	msrs->host->move_tsc(msrs, delta);
}

enum msr_result guest_msr_write(struct guest_msrs *msrs, uint32_t index, uint64_t value)
{
	const struct msr_policy *policy = find(msrs, index);

	if (!policy)
		return MSR_UNKNOWN;
	switch ((enum msr_kind)policy->kind) {
	case KIND_ZERO:
	case KIND_WRITE_ONLY:
	case KIND_SIGN_ID: /* written with 0 before CPUID is executed to load it (SDM 9.11.7.1) */
		return MSR_OK;
	case KIND_CONSTANT:
		return value == policy->value ? MSR_OK : MSR_GP;
	case KIND_ABSENT:
	case KIND_ARCH_CAPABILITIES:
		return MSR_GP;
	case KIND_XSS: /* no component is offered (CPUID 0xd.1 ECX, EDX) */
		return !value && guest_cpuid_xsaves(msrs->cpuid) ? MSR_OK : MSR_GP;
	case KIND_TSC:
		move_tsc(msrs, value - msrs->host->tsc(msrs));
		return MSR_OK;
	case KIND_TSC_ADJUST:
		move_tsc(msrs, value - msrs->stored[SLOT_TSC_ADJUST]);
		return MSR_OK;
	case KIND_PRED_CMD:
		return write_speculation(msrs, index, valid(msrs, policy, index, value), value);
	case KIND_SPEC_CTRL:
		if (!guest_cpuid_spec_ctrl(msrs->cpuid) ||
		    write_speculation(msrs, index, valid(msrs, policy, index, value), value))
			return MSR_GP;
		break;
	case KIND_MISC_ENABLE:
		value = (value & policy->value) | (MISC_ENABLE_RESET & ~policy->value);
		break;
	case KIND_STORED:
	case KIND_MTRR_DEF_TYPE:
	case KIND_MTRR_VARIABLE:
	case KIND_MTRR_FIXED:
		if (!valid(msrs, policy, index, value))
			return MSR_GP;
		break;
	}
	*slot(msrs, policy, index) = value;
	return MSR_OK;
}

void guest_msrs_init(struct guest_msrs *msrs, const struct guest_cpuid *cpuid, const struct guest_msr_host *host,
                     void *owner)
{
	msrs->cpuid = cpuid;
	msrs->host = host;
	msrs->owner = owner;
	guest_msrs_reset(msrs);
}

void guest_msrs_reset(struct guest_msrs *msrs)
{
	memset(msrs->stored, 0, sizeof(msrs->stored));
	msrs->stored[SLOT_MISC_ENABLE] = MISC_ENABLE_RESET;
	msrs->stored[SLOT_HWCR] = HWCR_RESET;
	mtrr_reset(msrs->stored, msrs->cpuid->physical_bits);
}

void guest_msrs_save(const struct guest_msrs *msrs, struct stream *out)
{
	size_t mark = stream_begin(out, "MSRS");

	for (unsigned i = 0; i < GUEST_MSR_SLOTS; i++)
		stream_put_u64(out, msrs->stored[i]);
	stream_end(out, mark);
}

static bool is_stored(const struct msr_policy *policy)
{
	switch ((enum msr_kind)policy->kind) {
	case KIND_STORED:
	case KIND_MISC_ENABLE:
	case KIND_TSC_ADJUST:
	case KIND_SPEC_CTRL:
	case KIND_MTRR_DEF_TYPE:
	case KIND_MTRR_VARIABLE:
	case KIND_MTRR_FIXED:
		return true;
	default:
		return false;
	}
}

void guest_msrs_restore(struct guest_msrs *msrs, struct stream *in)
{
	struct guest_msrs read = *msrs;

	stream_expect(in, "MSRS", sizeof(read.stored));
	for (unsigned i = 0; i < GUEST_MSR_SLOTS; i++)
		read.stored[i] = stream_get_u64(in);
	for (unsigned i = 0; i < msr_policy_count; i++) {
		const struct msr_policy *policy = &msr_policies[i];

		if (!is_stored(policy))
			continue;
		for (uint32_t index = policy->first; index <= policy->last; index++)
			if (!valid(&read, policy, index, *slot(&read, policy, index)))
				stream_fail(in);
	}
	if (!in->failed)
		*msrs = read;
}
