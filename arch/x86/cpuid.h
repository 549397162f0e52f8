/* SPDX-License-Identifier: MIT */
/* What CPUID answers. Apart from cpu.h so that pure files can see it. */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include <stdint.h>

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

#endif
