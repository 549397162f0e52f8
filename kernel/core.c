/* SPDX-License-Identifier: MIT */
#include "kernel/core.h"

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "kernel/console.h"
#include "kernel/partition.h"
#include "kernel/vcpu.h"

static struct vcpu *assigned[CPU_MAX];

void core_assign(struct cpu *cpu, struct vcpu *vcpu)
{
	assigned[cpu->id] = vcpu;
}

struct cpu *core_spare(void)
{
	unsigned i;

	for (i = CPU_MAX; i-- > 0;)
		if (cpus[i].online && !assigned[i])
			return &cpus[i];
	return NULL;
}

/* The vCPU to run now, or NULL; `*wake` is when to look again. */
static struct vcpu *pick(uint64_t *wake)
{
	struct vcpu *vcpu = assigned[this_cpu()->id];

	*wake = UINT64_MAX;
	if (!vcpu) {
		*wake = console_poll();
		return NULL;
	}
	if (vcpu->index == 0 && atomic_load(&vcpu->partition->state) == PARTITION_STARTING) {
		if (rdtsc() < vcpu->partition->restart_at) {
			*wake = vcpu->partition->restart_at;
			return NULL;
		}
		partition_start(vcpu->partition);
	}
	return vcpu_is_active(vcpu) ? vcpu : NULL;
}

void core_main(void)
{
	interrupts_off();
	for (;;) {
		uint64_t wake;
		struct vcpu *vcpu = pick(&wake);

		if (vcpu) {
			vcpu_run(vcpu);
			continue;
		}
		apic_timer_set(wake);
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	}
}
