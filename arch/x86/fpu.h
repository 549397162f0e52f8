/* SPDX-License-Identifier: MIT */
/* x87, SSE and AVX state. The hypervisor never uses it: what is in the registers is that of the core's last guest. */
#ifndef ARCH_X86_FPU_H
#define ARCH_X86_FPU_H

#include <stdbool.h>
#include <stdint.h>

static inline void xsetbv(uint32_t xcr, uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(xcr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t xgetbv(uint32_t xcr)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(xcr));
	return low | (uint64_t)high << 32;
}

/* State components that guests may enable: x87, SSE, AVX, AVX-512, PKRU, as far as the processor has them. */
#define XCR0_X87    (1ULL << 0)
#define XCR0_SSE    (1ULL << 1)
#define XCR0_AVX    (1ULL << 2)
#define XCR0_AVX512 (7ULL << 5)
#define XCR0_PKRU   (1ULL << 9)

/* Once, on the boot core. */
void fpu_init(void);
/* 0 when the processor has no XSAVE. */
uint64_t xcr0_supported(void);
/* XCR0 of the guest that this core runs: the processor holds it, the hypervisor has none of its own. */
uint64_t xcr0_read(void);
/* Would XSETBV accept it (SDM 13.3)? */
bool xcr0_valid(uint64_t value);
/* What one vCPU has in the calling core's registers, while another one runs there. */
#define FPU_AREA 4096 /* bytes, more than the standard format of all of the above takes; aligned to 64 */

struct fpu_state {
	void *area;
	uint64_t xcr0;
};

/* The initial state of everything, so that nothing passes from one guest to the next. */
void fpu_state_reset(struct fpu_state *state);
void fpu_store(struct fpu_state *state);
void fpu_load(const struct fpu_state *state);

#endif
