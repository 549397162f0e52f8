/* SPDX-License-Identifier: MIT */
/* What the exits of a vCPU have cost, to the log: debug builds print it when a partition ends. */
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu.h"

typedef unsigned long long ull;

void vcpu_report(const struct vcpu *vcpu)
{
	for (unsigned i = 0; i < EXIT_KINDS; i++) {
		const struct exit_statistics *s = &vcpu->exits[i];

		if (!s->count)
			continue;
		log_debug(vcpu->partition->name,
			  "vCPU %u, %s: %llu exits, %llu ticks, at most %llu each; %llu VMREADs, %llu VMWRITEs", vcpu->index,
			  exit_name((enum exit_kind)i), (ull)s->count, (ull)s->ticks, (ull)s->worst,
			  (ull)vcpu->accesses[i].reads, (ull)vcpu->accesses[i].writes);
	}
}
