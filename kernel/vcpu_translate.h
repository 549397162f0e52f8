/* SPDX-License-Identifier: MIT */
/* A vCPU's linear addresses, by its own page tables. */
#ifndef KERNEL_VCPU_TRANSLATE_H
#define KERNEL_VCPU_TRANSLATE_H

#include <stdint.h>

struct vcpu;

enum translate_access {
	TRANSLATE_READ, TRANSLATE_WRITE, TRANSLATE_FETCH,
	TRANSLATE_SYSTEM_READ, TRANSLATE_SYSTEM_WRITE, /* the processor's own, of a descriptor table or TSS */
};
enum translate_result {
	TRANSLATE_OK,
	TRANSLATE_PAGE_FAULT,
	TRANSLATE_NON_CANONICAL,
	TRANSLATE_AGAIN, /* the tables change at this moment, or lie where there is no memory: let the processor walk */
};

/* As an access by the guest at its present privilege would go; `*error` is the page fault's error code. */
enum translate_result vcpu_translate(struct vcpu *vcpu, uint64_t linear, enum translate_access access, uint64_t *gpa,
                                     uint32_t *error);

#endif
