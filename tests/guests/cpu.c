/* SPDX-License-Identifier: MIT */
/* The processor as CPUID describes it, against what its instructions do. */
#include "guest.h"

#define EFER        0xc0000080
#define EFER_SVME   (1ULL << 12)
#define TSC         0x10
#define APIC_BASE   0x1b
#define TSC_ADJUST  0x3b
#define MTRR_CAP    0xfe
#define MTRR_DEF    0x2ff
#define CR4_OSXSAVE (1ULL << 18)

static uint32_t id[4]; /* EAX, EBX, ECX, EDX */

static const uint32_t *ask(uint32_t leaf, uint32_t subleaf)
{
	cpuid(leaf, subleaf, id);
	return id;
}

static void xsetbv(void *argument)
{
	const uint64_t *value = argument;

	__asm__ volatile("xsetbv" : : "c"((uint32_t)value[1]), "a"((uint32_t)value[0]), "d"(value[0] >> 32));
}

static bool sets_xcr0(uint64_t value)
{
	uint64_t both[] = { value, 0 };
	struct fault fault;

	return !faults(xsetbv, both, &fault);
}

static void xsave(void)
{
	uint64_t all, second[] = { 1, 1 };
	struct fault fault;
	uint32_t small;

	if (!(ask(1, 0)[2] & 1u << 26)) {
		print("no XSAVE\n");
		return;
	}
	check(!(id[2] & 1u << 27), "OSXSAVE is clear before CR4.OSXSAVE is set");
	check(!sets_xcr0(3), "XSETBV is undefined before that");
	WRITE_CR(4, READ_CR(4) | CR4_OSXSAVE);
	check(ask(1, 0)[2] & 1u << 27, "OSXSAVE follows CR4");
	all = ask(0xd, 0)[0] | (uint64_t)id[3] << 32;
	check(sets_xcr0(1), "XCR0 = 1");
	small = ask(0xd, 0)[1];
	check(small == 576, "the XSAVE area of x87 has 576 bytes");
	check(sets_xcr0(all), "XCR0 = all that CPUID offers (%lx)", all);
	ask(0xd, 0);
	check(id[1] == id[2], "with it the XSAVE area has its largest size, %u", id[1]);
	check(!sets_xcr0(all & ~1ULL), "XCR0 without x87 is refused");
	check(!sets_xcr0(all | 1ULL << 62), "XCR0 with an unknown component is refused");
	check(!(all & 4) || !sets_xcr0(5), "XCR0 with AVX but without SSE is refused");
	check(faults(xsetbv, second, &fault) && fault.vector == GP, "XCR1 does not exist");
	sets_xcr0(1);
}

static void topology(void)
{
	uint32_t initial = ask(1, 0)[1] >> 24;

	apic_enable(false);
	check(initial == apic_id(), "leaf 1 has the local APIC's ID");
	ask(0xb, 0);
	if (id[1])
		check(id[3] == initial, "leaf 0xb has it, too");
	check(ask(0xb, 7)[1] == 0 && (id[2] & 0xffff) == 7, "a level that does not exist");
}

static void time_stamp_counter(void)
{
	uint64_t adjust, before;

	before = rdtsc();
	check(rdtsc() >= before, "the TSC runs forward");
	if (!(ask(7, 0)[1] & 2)) {
		print("no TSC_ADJUST\n");
		return;
	}
	adjust = rdmsr(TSC_ADJUST);
	wrmsr(TSC_ADJUST, adjust + (1ULL << 50));
	check(rdtsc() >= 1ULL << 50, "TSC_ADJUST moves the TSC");
	wrmsr(TSC_ADJUST, adjust);
	check(rdtsc() < 1ULL << 50, "and back");
	wrmsr(TSC, 1ULL << 51);
	check(rdtsc() >= 1ULL << 51, "a write to the TSC");
	check(rdmsr(TSC_ADJUST) - adjust > 1ULL << 50, "which shows in TSC_ADJUST");
	wrmsr(TSC_ADJUST, adjust);
	check(rdtsc() < 1ULL << 50, "that takes it back");
}

static bool is_bulkhead(void)
{
	return !memcmp(ask(0x40000000, 0) + 1, "BulkheadBulk", 12);
}

/* QEMU's own processor accepts all of this. */
static void strict(void)
{
	uint64_t value;

	check(!rdmsr_safe(0x12345678, &value), "an unknown MSR: RDMSR raises #GP");
	check(!wrmsr_safe(0x12345678, 0), "an unknown MSR: WRMSR raises #GP");
	check(!(ask(1, 0)[2] & 1u << 5) && !(ask(0x80000001, 0)[2] & 1u << 2), "no VMX, no SVM");
	check(!wrmsr_safe(EFER, rdmsr(EFER) | EFER_SVME), "EFER.SVME cannot be set");
	check(!rdmsr_safe(0xc0010117, &value), "VM_HSAVE_PA does not exist");
	check(!wrmsr_safe(EFER, rdmsr(EFER) | 1ULL << 63), "reserved bits of EFER");
	check(!wrmsr_safe(0x277, 2), "a reserved memory type in PAT");
	check(!wrmsr_safe(APIC_BASE, rdmsr(APIC_BASE) | 1), "reserved bits of IA32_APIC_BASE");
	check(rdmsr(MTRR_CAP) == 0x508 && (rdmsr(MTRR_DEF) & 0xc00) == 0xc00, "MTRRs are there and on");
	check(!wrmsr_safe(MTRR_DEF, 0xc02), "a reserved memory type in an MTRR");
	check(wrmsr_safe(MTRR_DEF, 0xc06), "a valid one");
	check((ask(1, 0)[2] & (1u << 31 | 1u << 24 | 1u << 21)) == (1u << 31 | 1u << 24 | 1u << 21),
	      "a hypervisor is present, TSC-deadline and x2APIC are");
	ask(0x40000010, 0);
	check(id[0] > 1000, "the TSC's frequency is told: %u kHz", id[0]);
}

int main(void)
{
	xsave();
	topology();
	time_stamp_counter();
	if (is_bulkhead())
		strict();
	return results();
}
