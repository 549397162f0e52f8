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
	return (int64_t)(wall_clock_ns(rdtsc()) / 1000000000);
}

uint64_t wall_clock_ns(uint64_t tsc)
{
	return (uint64_t)boot_seconds * 1000000000 + tsc_to_ns(tsc - boot_tsc);
}
