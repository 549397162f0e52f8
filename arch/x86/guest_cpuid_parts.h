/* SPDX-License-Identifier: MIT */
/* What the files of guest_cpuid share. */
#ifndef ARCH_X86_GUEST_CPUID_PARTS_H
#define ARCH_X86_GUEST_CPUID_PARTS_H

#include "arch/x86/guest_cpuid.h"

/* The host's answer, zeros for a leaf that it does not have. */
struct cpuid guest_cpuid_host(const struct guest_cpuid_config *config, uint32_t leaf, uint32_t subleaf);
/* The table's place of a basic or extended leaf. */
struct guest_cpuid_leaf *guest_cpuid_leaf(struct guest_cpuid *cpuid, uint32_t leaf);
/* `count` zeroed sub-leaves, 2 or more; the last one answers for all beyond. */
struct guest_cpuid_leaf *guest_cpuid_add_subleaves(struct guest_cpuid *cpuid, uint32_t leaf, unsigned count);

/* Leaf 0xd. */
void guest_cpuid_build_xsave(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config);
uint32_t guest_cpuid_xsave_size(const struct guest_cpuid *cpuid, uint64_t xcr0);
uint32_t guest_cpuid_xsave_compacted(const struct guest_cpuid *cpuid, uint64_t xcr0);
/* Leaves 1.EBX, 4, 0xb, 0x1f, 0x80000008.ECX, 0x8000001d, 0x8000001e. */
void guest_cpuid_build_topology(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config);

#endif
