/* SPDX-License-Identifier: MIT */
#include "arch/x86/fpu.h"

#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"

#include <string.h>

#define GUEST_COMPONENTS (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

#define XSAVES (1u << 3) /* CPUID 0xd.1 EAX */

static uint64_t supported;
static bool has_xss;

/* The start of an XSAVE area whose header says "everything in its initial state" (SDM 13.4.2); MXCSR needs its value. */
static const struct {
	uint16_t fcw;
	uint8_t reserved_2[22];
	uint32_t mxcsr;
} initial = { .fcw = 0x37f, .mxcsr = 0x1f80 };

void fpu_init(void)
{
	struct cpuid id;

	if (!(cpuid(1, 0).ecx & 1u << 26))
		return;
	id = cpuid(0xd, 0);
	supported = (id.eax | (uint64_t)id.edx << 32) & GUEST_COMPONENTS;
	has_xss = cpuid(0xd, 1).eax & XSAVES;
}

uint64_t xcr0_supported(void)
{
	return supported;
}

uint64_t xcr0_read(void)
{
	return supported ? xgetbv(0) : XCR0_X87;
}

bool xcr0_valid(uint64_t value)
{
	uint64_t avx512 = value & XCR0_AVX512;

	return (value & XCR0_X87) && !(value & ~supported) && (!(value & XCR0_AVX) || (value & XCR0_SSE)) &&
	       (!avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX)));
}

void fpu_state_reset(struct fpu_state *state)
{
	memset(state->area, 0, FPU_AREA);
	memcpy(state->area, &initial, sizeof(initial));
	state->xcr0 = XCR0_X87;
}

void fpu_store(struct fpu_state *state)
{
	if (!supported) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(state->area) : "memory");
		return;
	}
	state->xcr0 = xgetbv(0);
	xsetbv(0, supported);
	__asm__ volatile("xsave64 (%0)" : : "r"(state->area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
}

void fpu_load(const struct fpu_state *state)
{
	if (!supported) {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(state->area) : "memory");
		return;
	}
	if (has_xss)
		wrmsr(IA32_XSS, 0); /* guests have no supervisor components, whatever the firmware used */
	xsetbv(0, supported);
	__asm__ volatile("xrstor64 (%0)" : : "r"(state->area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
	xsetbv(0, state->xcr0);
}
