/* SPDX-License-Identifier: MIT */
/*
 * Exceptions during the delivery of one that the hypervisor has injected: they become a double fault just as behind the
 * processor's own (SDM 27.6.1.2, APM 15.20). QEMU 7.2 (TCG) forgets that an event was injected: on AMD-V this is shown
 * in Bochs.
 */
#include "guest.h"

#define UNMAPPED 0x100000008000ULL /* nothing is mapped beyond 4 GiB */
#define MSR      0x12345678        /* there is none: it is the hypervisor that knows */

static void unknown_msr(void *argument)
{
	(void)argument;
	wrmsr(MSR, 0);
}

int main(void)
{
	struct fault fault;

	check(faults(unknown_msr, NULL, &fault) && fault.vector == GP && !fault.error, "#GP by WRMSR");
	set_gate(GP, false, 0);
	check(faults(unknown_msr, NULL, &fault) && fault.vector == DF && !fault.error, "and then #NP are #DF");
	set_ist(2, 1ULL << 63);
	set_gate(GP, true, 2);
	check(faults(unknown_msr, NULL, &fault) && fault.vector == DF && !fault.error, "and then #SS are #DF");
	set_ist(2, UNMAPPED);
	check(faults(unknown_msr, NULL, &fault) && fault.vector == PF && fault.error == 2 &&
	      fault.cr2 - (UNMAPPED - 64) < 64, "and then #PF are #PF");
	set_gate(GP, true, 0);
	check(faults(unknown_msr, NULL, &fault) && fault.vector == GP, "and alone again");
	return results();
}
