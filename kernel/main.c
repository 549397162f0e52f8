/* SPDX-License-Identifier: MIT */
/* From the boot loader to the first guest: read this file first. */
#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "kernel/admission.h"
#include "kernel/boot_files.h"
#include "kernel/channel.h"
#include "kernel/chores.h"
#include "kernel/config.h"
#include "kernel/console.h"
#include "kernel/core.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/mem.h"
#include "kernel/monitor.h"
#include "kernel/partition.h"
#include "kernel/vcpu_ops.h"
#include "kernel/wall_clock.h"

const struct vcpu_ops *vcpu_ops;

static struct config config;

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	(void)context;
	log_error(NULL, "%s:%u: %s; %s", boot_info()->config_name, line, problem, fix);
}

static void read_config(void)
{
	size_t size = boot_info()->config.size;
	char *text = boot_config_text();
	unsigned count = config_count(text, size);
	struct config_partition *array = mem_alloc((count ? count : 1) * sizeof(*array));

	if (!array)
		panic("no memory for %u partitions in %s", count, boot_info()->config_name);
	config_parse(text, size, &config, array, count, report, NULL);
	admission_check(&config, report, NULL);
	log_set_level((enum log_level)config.log_level);
	panic_set_reboot(config.panic == PANIC_REBOOT);
	log_stage("configuration", "%s: %u partition%s, %u error%s", boot_info()->config_name, config.count,
	          config.count == 1 ? "" : "s", config.errors, config.errors == 1 ? "" : "s");
}

static void show_memory(void)
{
	struct mem_info info;

	mem_info(&info);
	log_stage("memory", "%llu MiB, %llu MiB free, hypervisor %llu KiB", (unsigned long long)(info.total >> 20),
	          (unsigned long long)(info.free >> 20), (unsigned long long)(info.hypervisor >> 10));
}

/* The one place that knows which backends there are. */
static const struct vcpu_ops *const backends[] = { &svm_ops, &vmx_ops };

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static bool pick_backend(void)
{
	char why[BACKENDS][256], text[256];
	unsigned i;

	for (i = 0; i < BACKENDS; i++) {
		if (backends[i]->probe(why[i], sizeof(why[i])))
			continue;
		vcpu_ops = backends[i];
		vcpu_ops->describe(text, sizeof(text));
		log_stage("virtualization", "%s", text);
		return true;
	}
	log_stage("virtualization", "none");
	for (i = 0; i < BACKENDS; i++)
		log_error(NULL, "no %s: %s", backends[i]->name, why[i]);
	log_error(NULL, "no partition is running: this machine cannot run guests, see above");
	return false;
}

static _Noreturn void core_entry(void)
{
	if (vcpu_ops->enable_core())
		panic("no memory to turn on %s on core %u", vcpu_ops->name, this_cpu()->id);
	core_main();
}

static _Noreturn void idle_forever(void)
{
	for (;;)
		__asm__ volatile("sti; hlt");
}

void kernel_main(uint64_t bootinfo_phys)
{
	cpu_init_boot();
	boot_info_init(bootinfo_phys);
	console_early(boot_info());
	log_stage("kernel", "Bulkhead, loaded by %s", boot_info()->loader);
	mem_init(boot_info());
	paging_init(boot_info());
	console_map(boot_info());
	boot_files_map();
	show_memory();
	read_config();
	acpi_init(boot_info()->rsdp);
	apic_init();
	tsc_init();
	wall_clock_init();
	log_stage("time", "TSC %llu MHz by %s, local APIC in %s mode", (unsigned long long)(tsc_hz / 1000000), tsc_source(),
	          apic_is_x2apic() ? "x2APIC" : "xAPIC");
	fpu_init();
	console_init(&config);
	if (!pick_backend())
		idle_forever();
	smp_start(core_entry);
	log_stage("cores", "%u online", cpu_count);
	partitions_create(&config);
	channels_create(&config);
	console_start();
	monitor_start();
	chores_start();
	partitions_start();
	core_entry();
}
