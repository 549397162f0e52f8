/* SPDX-License-Identifier: MIT */
/*
 * The XSAVE family beyond XSAVE itself: each instruction is there when CPUID leaf 0xd says so and undefined when not
 * (SDM volume 1, chapter 13); XSAVES and XRSTORS keep the registers, and IA32_XSS takes what CPUID offers for it.
 */
#include "guest.h"

#define CR4_OSFXSR  (1u << 9)
#define CR4_OSXSAVE (1u << 18)
#define IA32_XSS    0xda0
#define X87_SSE     3u
#define AVX         4u
#define COMPACTED   (1ULL << 63)
#define AREA        4096
#define HEADER      512 /* of an XSAVE area: XSTATE_BV, XCOMP_BV */
#define CANARY      0xa5
#define NOTHING     (~0ULL) /* no exception */

/* CPUID 0xd.1 EAX. */
enum { XSAVEOPT, XSAVEC, XGETBV_1, XSAVES };

static uint8_t area[AREA] __attribute__((aligned(64)));
static uint32_t mask; /* what XCR0 has */

#define INSTRUCTION(name) \
	static void name(void *argument) \
	{ \
		__asm__ volatile(#name " (%0)" : : "r"(argument), "a"(mask), "d"(0) : "memory"); \
	}
INSTRUCTION(xsave)
INSTRUCTION(xsaveopt)
INSTRUCTION(xsavec)
INSTRUCTION(xsaves)
INSTRUCTION(xrstors)

static void xgetbv_1(void *argument)
{
	uint32_t lo, hi;

	(void)argument;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(1));
}

static uint64_t raises(void (*instruction)(void *), void *argument)
{
	struct fault fault;

	return faults(instruction, argument, &fault) ? fault.vector : NOTHING;
}

static void fill(void)
{
	memset(area, 0, sizeof(area));
}

static void load_registers(uint8_t seed)
{
	static uint8_t value[16] __attribute__((aligned(16)));

	for (unsigned i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(seed + i * 3);
	__asm__ volatile("movdqa (%0), %%xmm1; movdqa (%0), %%xmm14" : : "r"(value) : "memory");
}

static bool registers_are(uint8_t seed)
{
	static uint8_t value[32] __attribute__((aligned(16)));

	__asm__ volatile("movdqa %%xmm1, (%0); movdqa %%xmm14, 16(%0)" : : "r"(value) : "memory");
	for (unsigned i = 0; i < 16; i++)
		if (value[i] != (uint8_t)(seed + i * 3) || value[16 + i] != (uint8_t)(seed + i * 3))
			return false;
	return true;
}

static uint64_t header(unsigned word)
{
	uint64_t value;

	memcpy(&value, area + HEADER + 8 * word, sizeof(value));
	return value;
}

/*
 * XSAVES, what it leaves, and XRSTORS. The registers are x87 and SSE: AVX is in XCR0 and not asked for, since Bochs 2.7
 * saves it behind the legacy registers, at 416, and restores it from 576 (cpu/xsave.cc: XSAVEC and XRSTOR).
 */
static void supervisor(void)
{
	uint32_t id[4];
	unsigned size;

	cpuid(0xd, 1, id);
	size = id[1];
	mask = X87_SSE;
	check(size >= 576 && size < AREA, "the compacted area for XCR0 and IA32_XSS has a size");
	fill();
	memset(area + size, CANARY, AREA - size);
	load_registers(1);
	check(raises(xsaves, area) == NOTHING, "XSAVES");
	check(header(1) == (COMPACTED | mask), "its XCOMP_BV has the components and the compaction bit");
	check(area[size] == CANARY && !memcmp(area + size, area + size + 1, AREA - size - 1), "it keeps to its size");
	load_registers(77);
	check(registers_are(77), "other values in the registers");
	check(raises(xrstors, area) == NOTHING && registers_are(1), "XRSTORS brings the first ones back");
	check(raises(xsaves, area + 8) == GP, "XSAVES to an unaligned area: #GP");
	fill();
	raises(xsave, area);
	check(raises(xrstors, area) == GP, "XRSTORS of an area that is not compacted: #GP");
	fill();
	area[HEADER + 15] = 0xc0;
	check(raises(xrstors, area) == GP, "XRSTORS of a component that is not enabled: #GP");
}

static void supervisor_msr(bool offered)
{
	uint64_t value = 1, allowed;
	uint32_t id[4];
	unsigned bad = 0;

	cpuid(0xd, 1, id);
	allowed = id[2] | (uint64_t)id[3] << 32;
	check(rdmsr_safe(IA32_XSS, &value) == offered && (!offered || !value), "IA32_XSS is 0, or not there");
	check(wrmsr_safe(IA32_XSS, 0) == offered, "IA32_XSS = 0, or not there");
	for (unsigned i = 0; i < 64; i++)
		if (!(allowed >> i & 1))
			bad += wrmsr_safe(IA32_XSS, 1ULL << i);
	check(!bad, "IA32_XSS takes no bit that CPUID does not offer");
	check(offered || !allowed, "without IA32_XSS no bits are offered");
}

int main(void)
{
	uint32_t one[4], id[4];

	cpuid(1, 0, one);
	if (!(one[2] & 1u << 26)) {
		print("no XSAVE\n");
		return results();
	}
	check(raises(xsave, area) == UD && raises(xsaves, area) == UD && raises(xrstors, area) == UD,
	      "without CR4.OSXSAVE all are undefined");
	WRITE_CR(0, (READ_CR(0) & ~0xcULL) | 2);
	WRITE_CR(4, READ_CR(4) | CR4_OSFXSR | CR4_OSXSAVE);
	mask = one[2] & 1u << 28 ? X87_SSE | AVX : X87_SSE;
	__asm__ volatile("xsetbv" : : "a"(mask), "d"(0), "c"(0));
	cpuid(0xd, 1, id);
	check(raises(xsave, area) == NOTHING, "XSAVE");
	check(raises(xsaveopt, area) == (id[0] >> XSAVEOPT & 1 ? NOTHING : UD), "XSAVEOPT, if CPUID says so");
	fill();
	check(raises(xsavec, area) == (id[0] >> XSAVEC & 1 ? NOTHING : UD), "XSAVEC, if CPUID says so");
	check(raises(xgetbv_1, NULL) == (id[0] >> XGETBV_1 & 1 ? NOTHING : GP), "XGETBV of XCR1, if CPUID says so");
	fill();
	check(raises(xsaves, area) == (id[0] >> XSAVES & 1 ? NOTHING : UD), "XSAVES, if CPUID says so");
	check(raises(xrstors, area) == (id[0] >> XSAVES & 1 ? NOTHING : UD), "XRSTORS, if CPUID says so");
	supervisor_msr(id[0] >> XSAVES & 1);
	print("XSAVES %s\n", id[0] >> XSAVES & 1 ? "yes" : "no");
	if (id[0] >> XSAVES & 1)
		supervisor();
	return results();
}
