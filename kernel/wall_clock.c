/* SPDX-License-Identifier: MIT */
#include "kernel/wall_clock.h"

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "drivers/cmos_clock.h"

static int64_t boot_seconds;
static uint64_t boot_tsc;

void wall_clock_init(void)
{
	boot_seconds = cmos_clock_read();
	boot_tsc = rdtsc();
}

int64_t wall_clock_seconds(void)
{
	return boot_seconds + (int64_t)(tsc_to_ns(rdtsc() - boot_tsc) / 1000000000);
}
