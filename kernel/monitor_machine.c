/* SPDX-License-Identifier: MIT */
/* The monitor's commands about the machine and the hypervisor: log, version, hw, power. */
#include <stdio.h>
#include <string.h>

#include "arch/x86/acpi.h"
#include "arch/x86/fpu.h"
#include "arch/x86/interrupts.h"
#include "boot/bootinfo.h"
#include "kernel/boot_files.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/log_ring.h"
#include "kernel/mem.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"
#include "kernel/vcpu_ops.h"

#define LOG_USUAL 24

typedef unsigned long long ull;

/* value is the next line, deadline the last one. */
enum monitor_verdict monitor_log(struct monitor_job *job)
{
	char line[LOG_RING_LINE];
	uint64_t count = LOG_USUAL;

	if (!job->steps) {
		if (job->count > 1 && !monitor_take_number(job->words[1], &count))
			return MONITOR_DONE;
		if (count > LOG_RING_LINES)
			count = LOG_RING_LINES;
		job->deadline = log_ring_last(&log_lines);
		job->value = job->deadline > count ? job->deadline - count + 1 : 1;
	}
	if (job->value > job->deadline)
		return MONITOR_DONE;
	/* Those that have been written over meanwhile are gone. */
	if (log_ring_get(&log_lines, job->value++, line))
		monitor_print("%s", line);
	return job->value <= job->deadline ? MONITOR_MORE : MONITOR_DONE;
}

enum monitor_verdict monitor_version(struct monitor_job *job)
{
	struct mem_info info;
	char up[MONITOR_TIME];

	(void)job;
	mem_info(&info);
	monitor_print("Bulkhead%s, configuration version %u, loaded by %s", BULKHEAD_DEBUG ? ", debug build" : "",
	              CONFIG_VERSION, boot_info()->loader);
	monitor_print("up %s", monitor_time(up, rdtsc() - boot_info()->entry_tsc));
	monitor_print("memory: %llu KiB free, hypervisor %llu KiB, guests %llu KiB", (ull)(info.free >> 10),
	              (ull)(info.hypervisor >> 10), (ull)(info.guests >> 10));
	return MONITOR_DONE;
}

/* --- hw --- */

static void print_processor(void)
{
	union {
		uint32_t words[12];
		char text[48 + 1];
	} brand = { 0 };
	const char *name = brand.text;
	unsigned i;

	for (i = 0; i < 3 && cpuid(0x80000000, 0).eax >= 0x80000004; i++) {
		struct cpuid id = cpuid(0x80000002 + i, 0);

		memcpy(&brand.words[4 * i], &id, sizeof(id));
	}
	while (*name == ' ')
		name++;
	monitor_print("processor: %s, signature %#x", *name ? name : "without a name", cpuid(1, 0).eax);
}

static void print_cores(void)
{
	monitor_print("cores: %u online, local APICs in %s mode", cpu_count, apic_is_x2apic() ? "x2APIC" : "xAPIC");
}

static void print_time(void)
{
	monitor_print("time: TSC at %llu MHz, measured by %s", (ull)(tsc_hz / 1000000), tsc_source());
}

static void print_memory(void)
{
	struct mem_info info;

	mem_info(&info);
	monitor_print("memory: %llu MiB, largest free block %llu MiB", (ull)(info.total >> 20),
	              (ull)(info.largest >> 20));
}

static void print_virtualization(void)
{
	char text[MONITOR_TEXT];

	vcpu_ops->describe(text, sizeof(text));
	monitor_print("%s", text);
}

static void print_state(void)
{
	monitor_print("XSAVE state components for guests: %#llx", (ull)xcr0_supported());
}

static void print_firmware(void)
{
	const struct bootframebuffer *screen = &boot_info()->framebuffer;

	monitor_print("firmware: loaded by %s, ACPI %s, screen %ux%u", boot_info()->loader,
	              boot_info()->rsdp ? "tables found" : "not found", screen->base ? screen->width : 0,
	              screen->base ? screen->height : 0);
}

enum monitor_verdict monitor_hw(struct monitor_job *job)
{
	static void (*const parts[])(void) = {
		print_processor, print_cores, print_time, print_memory, print_virtualization, print_state,
		print_firmware,
	};
	const unsigned count = sizeof(parts) / sizeof(parts[0]);

	parts[job->index++]();
	return job->index < count ? MONITOR_MORE : MONITOR_DONE;
}

/* --- power --- */

enum monitor_verdict monitor_power(struct monitor_job *job)
{
	bool reboot = !strcmp(job->words[1], "reboot");

	if (!reboot && strcmp(job->words[1], "off") != 0) {
		monitor_print("it is power off or power reboot");
		return MONITOR_DONE;
	}
	/* The machine ends: that the other cores wait for the line now is no loss. */
	log_info(NULL, reboot ? "reset" : "power off");
	console_flush();
	if (reboot)
		machine_reboot();
	machine_power_off();
}
