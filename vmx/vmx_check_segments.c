/* SPDX-License-Identifier: MIT */
/* Checks on the guest's segment registers (SDM 27.3.1.2). */
#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"

#define V86_RIGHTS 0xf3 /* present, DPL 3, data, writable, accessed */
#define RESERVED   0xfffe0f00u
#define SYSTEM     (1u << 4) /* the S flag: set for code and data */

/* Bits of segment types. */
#define TYPE_ACCESSED 1u
#define TYPE_READABLE 2u
#define TYPE_CODE     8u
#define TYPE_DATA     3u  /* writable, accessed */
#define TYPE_DOWN     7u  /* the same, expand-down */
#define TYPE_LDT      2u
#define TYPE_TSS_16   3u
#define TYPE_TSS_32   11u

#define ONE(seg)  (1u << (seg))
#define DATA      (ONE(VCPU_DS) | ONE(VCPU_ES) | ONE(VCPU_FS) | ONE(VCPU_GS))
#define CODE_DATA (DATA | ONE(VCPU_CS) | ONE(VCPU_SS))
#define ALL       (CODE_DATA | ONE(VCPU_LDTR) | ONE(VCPU_TR))

static uint32_t rights(const struct vmx_check *c, unsigned segment)
{
	return (uint32_t)check_field(c, GUEST_ES_ACCESS_RIGHTS + 2 * segment);
}

static uint16_t selector(const struct vmx_check *c, unsigned segment)
{
	return (uint16_t)check_field(c, GUEST_ES_SELECTOR + 2 * segment);
}

static uint64_t base(const struct vmx_check *c, unsigned segment)
{
	return check_field(c, GUEST_ES_BASE + 2 * segment);
}

static unsigned type(const struct vmx_check *c, unsigned segment)
{
	return rights(c, segment) & 15;
}

static unsigned dpl(const struct vmx_check *c, unsigned segment)
{
	return rights(c, segment) >> 5 & 3;
}

/* CS and TR are checked whatever the unusable flag says. */
static bool usable(const struct vmx_check *c, unsigned segment)
{
	return segment == VCPU_CS || segment == VCPU_TR || !(rights(c, segment) & SEGMENT_UNUSABLE);
}

static bool v86(const struct vmx_check *c)
{
	return check_field(c, GUEST_RFLAGS) & RFLAGS_VM;
}

static bool unrestricted(const struct vmx_check *c)
{
	return check_secondary(c) & SECONDARY_UNRESTRICTED;
}

static bool long_mode(const struct vmx_check *c)
{
	return check_field(c, ENTRY_CONTROLS) & ENTRY_IA32E;
}

/* Outside virtual-8086 mode, whose segments have a rule of their own; LDTR and TR are the same in it. */
static bool applies(const struct vmx_check *c, unsigned segment)
{
	return usable(c, segment) && (!v86(c) || segment == VCPU_LDTR || segment == VCPU_TR);
}

static bool table_indicator(const struct vmx_check *c, unsigned segment)
{
	return usable(c, segment) && selector(c, segment) & 4;
}

static bool ss_rpl(const struct vmx_check *c, unsigned segment)
{
	return !v86(c) && !unrestricted(c) && (selector(c, segment) & 3) != (selector(c, VCPU_CS) & 3);
}

static bool v86_segment(const struct vmx_check *c, unsigned segment)
{
	return v86(c) && (base(c, segment) != (uint64_t)selector(c, segment) << 4 ||
	                  check_field(c, GUEST_ES_LIMIT + 2 * segment) != 0xffff || rights(c, segment) != V86_RIGHTS);
}

/* FS, GS and TR always; LDTR when usable. */
static bool base_canonical(const struct vmx_check *c, unsigned segment)
{
	return (segment != VCPU_LDTR || usable(c, segment)) && !check_canonical(base(c, segment));
}

static bool base_high(const struct vmx_check *c, unsigned segment)
{
	return usable(c, segment) && base(c, segment) >> 32;
}

/* An unrestricted guest may have a data segment in CS, as after leaving protected mode. */
static bool cs_type(const struct vmx_check *c, unsigned segment)
{
	unsigned t = type(c, segment);

	return applies(c, segment) && (t & (TYPE_CODE | TYPE_ACCESSED)) != (TYPE_CODE | TYPE_ACCESSED) &&
	       !(t == TYPE_DATA && unrestricted(c));
}

static bool ss_type(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && type(c, segment) != TYPE_DATA && type(c, segment) != TYPE_DOWN;
}

static bool data_type(const struct vmx_check *c, unsigned segment)
{
	unsigned t = type(c, segment);

	return applies(c, segment) && (!(t & TYPE_ACCESSED) || (t & TYPE_CODE && !(t & TYPE_READABLE)));
}

static bool not_system(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && !(rights(c, segment) & SYSTEM);
}

static bool cs_dpl(const struct vmx_check *c, unsigned segment)
{
	unsigned t = type(c, segment), ss = dpl(c, VCPU_SS), cs = dpl(c, segment);

	if (!applies(c, segment))
		return false;
	if (t == TYPE_DATA)
		return cs != 0;
	return t & 4 ? cs > ss : t & TYPE_CODE && cs != ss; /* bit 2: conforming */
}

static bool ss_dpl(const struct vmx_check *c, unsigned segment)
{
	if (v86(c))
		return false;
	if (!unrestricted(c) && dpl(c, segment) != (selector(c, segment) & 3))
		return true;
	return dpl(c, segment) && (type(c, VCPU_CS) == TYPE_DATA || !(check_field(c, GUEST_CR0) & CR0_PE));
}

static bool data_dpl(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && !unrestricted(c) && type(c, segment) < 12 &&
	       dpl(c, segment) < (selector(c, segment) & 3);
}

static bool present(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && !(rights(c, segment) & SEGMENT_PRESENT);
}

static bool reserved(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && rights(c, segment) & RESERVED;
}

static bool cs_size(const struct vmx_check *c, unsigned segment)
{
	return applies(c, segment) && long_mode(c) && rights(c, segment) & SEGMENT_L && rights(c, segment) & SEGMENT_DB;
}

static bool granularity(const struct vmx_check *c, unsigned segment)
{
	uint64_t limit = check_field(c, GUEST_ES_LIMIT + 2 * segment);

	return applies(c, segment) &&
	       (rights(c, segment) & SEGMENT_G ? (limit & 0xfff) != 0xfff : limit >> 20 != 0);
}

static bool tr_type(const struct vmx_check *c, unsigned segment)
{
	return type(c, segment) != TYPE_TSS_32 && (type(c, segment) != TYPE_TSS_16 || long_mode(c));
}

static bool ldtr_type(const struct vmx_check *c, unsigned segment)
{
	return usable(c, segment) && type(c, segment) != TYPE_LDT;
}

static bool is_system(const struct vmx_check *c, unsigned segment)
{
	return usable(c, segment) && rights(c, segment) & SYSTEM;
}

static bool tr_unusable(const struct vmx_check *c, unsigned segment)
{
	return rights(c, segment) & SEGMENT_UNUSABLE;
}

static const struct vmx_rule segments[] = {
	{ table_indicator, ONE(VCPU_TR) | ONE(VCPU_LDTR), "the selector's TI flag is set" },
	{ ss_rpl, ONE(VCPU_SS), "its RPL is not that of CS" },
	{ v86_segment, CODE_DATA, "it is not as virtual-8086 mode wants it" },
	{ base_canonical, ONE(VCPU_FS) | ONE(VCPU_GS) | ONE(VCPU_TR) | ONE(VCPU_LDTR), "the base is not canonical" },
	{ base_high, ONE(VCPU_CS) | ONE(VCPU_SS) | ONE(VCPU_DS) | ONE(VCPU_ES), "the base has bits 63:32" },
	{ cs_type, ONE(VCPU_CS), "it is not an accessed code segment" },
	{ ss_type, ONE(VCPU_SS), "it is not an accessed, writable data segment" },
	{ data_type, DATA, "it is not an accessed, readable segment" },
	{ not_system, CODE_DATA, "it is a system segment" },
	{ cs_dpl, ONE(VCPU_CS), "its DPL does not fit its type and the DPL of SS" },
	{ ss_dpl, ONE(VCPU_SS), "its DPL does not fit its RPL, CR0.PE or the type of CS" },
	{ data_dpl, DATA, "its DPL is lower than its RPL" },
	{ present, ALL, "it is usable and not present" },
	{ reserved, ALL, "reserved bits in the access rights" },
	{ cs_size, ONE(VCPU_CS), "its L and D flags are both set" },
	{ granularity, ALL, "its limit contradicts its granularity" },
	{ tr_type, ONE(VCPU_TR), "it is not a busy TSS" },
	{ ldtr_type, ONE(VCPU_LDTR), "it is not an LDT" },
	{ is_system, ONE(VCPU_TR) | ONE(VCPU_LDTR), "it is not a system segment" },
	{ tr_unusable, ONE(VCPU_TR), "it is unusable" },
};
const struct vmx_rules vmx_rules_guest_segments = { PHASE_GUEST, "27.3.1.2", segments,
                                                    sizeof(segments) / sizeof(segments[0]) };
