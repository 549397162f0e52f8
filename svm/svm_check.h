/* SPDX-License-Identifier: MIT */
/* The checks that VMRUN makes (APM 15.5.1), made again in software to name the one that failed. Pure. */
#ifndef SVM_SVM_CHECK_H
#define SVM_SVM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "svm/vmcb.h"

/* What the processor allows. */
struct svm_limits {
	unsigned physical_bits; /* of a physical address */
	uint32_t asids;
};

struct svm_rule {
	bool (*fails)(const struct vmcb *v, const struct svm_limits *limits);
	const char *sentence;
};
extern const struct svm_rule svm_rules[];
extern const unsigned svm_rules_count;

#endif
