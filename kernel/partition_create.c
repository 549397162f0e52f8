/* SPDX-License-Identifier: MIT */
/* Builds the partitions of a configuration: cores, memory, page tables, devices, vCPUs. */
#include <stdio.h>
#include <string.h>

#include "arch/x86/fpu.h"
#include "arch/x86/interrupts.h"
#include "kernel/boot_files.h"
#include "kernel/core.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* The vCPU's local APIC timer counts the TSC, divided by 2^6 before its divide register: tens of MHz, as buses have. */
#define APIC_TIMER_SHIFT 6

static int check_cores(const struct config_partition *c, char *why, size_t size)
{
	unsigned core;

	for (core = 0; core < CONFIG_CPUS; core++) {
		if (!(c->cpus >> core & 1) || core < cpu_count)
			continue;
		if (cpu_count == 1)
			snprintf(why, size, "it wants core %u, but this machine has core 0 only; change its cpus", core);
		else
			snprintf(why, size, "it wants core %u, but this machine has cores 0-%u; change its cpus", core, cpu_count - 1);
		return E_RANGE;
	}
	return E_OK;
}

/* What the loader could not read, it could not read: say it now, by name. */
static int check_file(const char *name, char *why, size_t size)
{
	static const char *const problems[] = {
		[BOOTFILE_NOT_FOUND] = "was not found beside the configuration; copy it there or correct the name",
		[BOOTFILE_READ_ERROR] = "could not be read; check the disk and copy it again",
		[BOOTFILE_NO_MEMORY] = "does not fit in the machine's memory; use a smaller file or a larger machine",
	};
	const struct bootfile *file = boot_file(name);
	unsigned status = file ? file->status : BOOTFILE_NOT_FOUND;

	if (status == BOOTFILE_OK)
		return E_OK;
	snprintf(why, size, "file \"%s\" %s", name,
	         status < sizeof(problems) / sizeof(problems[0]) ? problems[status] : "has an unknown state");
	return E_NOT_FOUND;
}

static int check_files(const struct config_partition *c, char *why, size_t size)
{
	unsigned i;
	int error = check_file(c->kernel, why, size);

	if (!error && c->initrd)
		error = check_file(c->initrd, why, size);
	for (i = 0; i < c->module_count && !error; i++)
		error = check_file(c->modules[i].file, why, size);
	return error;
}

/* Backing with the alignment that large nested pages need: 1 GiB where the range is that large, else 2 MiB. */
static uint64_t back(uint64_t size)
{
	uint64_t phys = UINT64_MAX;

	if (size >= GIB)
		phys = guest_alloc(size, GIB);
	if (phys == UINT64_MAX)
		phys = guest_alloc(size, 2 * MIB);
	return phys;
}

static int create_memory(struct partition *partition, char *why, size_t size)
{
	struct guest_memory *memory = &partition->memory;
	struct mem_info info;
	unsigned i;
	int error;

	memory->window = (uint8_t *)GUEST_BASE;
	memory->size = partition->config->memory;
	memory->count = guest_layout_ranges(memory->size, memory->ranges);
	for (i = 0; i < memory->count; i++) {
		struct guest_range *r = &memory->ranges[i];

		r->hpa = back(r->size);
		if (r->hpa == UINT64_MAX) {
			memory->count = i;
			mem_info(&info);
			snprintf(why, size, "it wants %llu MiB of memory, but the largest free block of this machine has "
			         "%llu MiB; lower its memory",
			         (unsigned long long)(partition->config->memory / MIB), (unsigned long long)(info.largest / MIB));
			return E_NO_MEMORY;
		}
		error = ptab_map(&partition->stage2, r->gpa, r->hpa, r->size,
		                 PTAB_READ | PTAB_WRITE | PTAB_EXECUTE | PTAB_USER);
		if (!error)
			error = address_space_map(&partition->space, r->gpa, r->hpa, r->size);
		if (error) {
			memory->count = i + 1;
			snprintf(why, size, "no memory for its page tables; lower the memory of the partitions");
			return error;
		}
	}
	return E_OK;
}

/* What stage 2 maps must be the partition's own backing, byte for byte, and nothing else: checked, not assumed. */
struct audit {
	const struct guest_memory *memory;
	uint64_t mapped;
	bool foreign;
};

static void audit_leaf(void *context, uint64_t gpa, uint64_t hpa, uint64_t size, uint64_t entry)
{
	struct audit *audit = context;
	unsigned i;

	(void)entry;
	audit->mapped += size;
	for (i = 0; i < audit->memory->count; i++) {
		const struct guest_range *r = &audit->memory->ranges[i];

		if (gpa >= r->gpa && gpa + size <= r->gpa + r->size && hpa - r->hpa == gpa - r->gpa)
			return;
	}
	audit->foreign = true;
}

static int audit_stage2(struct partition *partition, char *why, size_t size)
{
	struct audit audit = { .memory = &partition->memory };
	unsigned i;

	ptab_walk(&partition->stage2, audit_leaf, &audit);
	if (audit.foreign || audit.mapped != partition->memory.size) {
		snprintf(why, size, "its nested page tables do not map its own memory; report this as a bug");
		return E_INVALID;
	}
	for (i = 0; i < partition->memory.count; i++) {
		const struct guest_range *r = &partition->memory.ranges[i];

		log_debug(partition->name, "memory %#llx at machine address %#llx, size %#llx, stage-2 root %#llx",
		          (unsigned long long)r->gpa, (unsigned long long)r->hpa, (unsigned long long)r->size,
		          (unsigned long long)partition->stage2.root_phys);
	}
	return E_OK;
}

static struct cpuid host_cpuid(void *context, uint32_t leaf, uint32_t subleaf)
{
	(void)context;
	return cpuid(leaf, subleaf);
}

static void create_cpuid(struct partition *partition)
{
	const struct guest_cpuid_config config = {
		.host = host_cpuid,
		.cpus = partition->vcpu_count,
		.tsc_hz = tsc_hz,
		.apic_hz = tsc_hz >> APIC_TIMER_SHIFT,
		.xcr0 = xcr0_supported(),
		.rdtscp = vcpu_ops->allows(INSTRUCTION_RDTSCP),
		.invpcid = vcpu_ops->allows(INSTRUCTION_INVPCID),
		.xsaves = vcpu_ops->allows(INSTRUCTION_XSAVES),
		/* The clock of the whole hypervisor: without a stable TSC nothing here keeps time. */
		.tsc_stable = true,
	};

	guest_cpuid_build(&partition->cpuid, &config);
}

static int create_vcpus(struct partition *partition)
{
	unsigned core, n = 0;
	int error;

	partition->vcpu_count = (unsigned)__builtin_popcountll(partition->config->cpus);
	create_cpuid(partition);
	partition->vcpus = mem_alloc(partition->vcpu_count * sizeof(struct vcpu));
	if (!partition->vcpus)
		return E_NO_MEMORY;
	for (core = 0; core < CONFIG_CPUS; core++) {
		if (!(partition->config->cpus >> core & 1))
			continue;
		error = vcpu_create(&partition->vcpus[n], partition, n, &cpus[core]);
		if (error)
			return error;
		partition->vcpus[n].uses_pic = n == 0;
		partition->vcpus[n].apic.tsc_per_tick_shift = APIC_TIMER_SHIFT;
		n++;
	}
	return E_OK;
}

/* As all or none. */
static int assign_cores(struct partition *partition)
{
	unsigned i;
	int error = E_OK;

	for (i = 0; i < partition->vcpu_count && !error; i++)
		error = core_assign(&partition->vcpus[i], &partition->config->sched);
	while (error && --i > 0)
		core_remove(&partition->vcpus[i - 1]);
	return error;
}

static int create(struct partition *partition, char *why, size_t size)
{
	const struct config_partition *c = partition->config;
	int error = check_cores(c, why, size);

	if (!error)
		error = check_files(c, why, size);
	if (error)
		return error;
	snprintf(why, size, "the hypervisor has no memory left for it; lower the memory of the partitions");
	error = vcpu_ops->partition_create(partition);
	if (!error)
		error = address_space_create(&partition->space);
	if (!error)
		error = create_memory(partition, why, size);
	if (!error)
		error = audit_stage2(partition, why, size);
	if (!error)
		error = create_vcpus(partition);
	if (!error)
		error = pc_create(partition);
	if (!error)
		return assign_cores(partition);
	if (error == E_BUSY)
		snprintf(why, size, "its debug-exit port 0x%x belongs to another device; choose 0xf4", c->debug_exit);
	return error;
}

/* The reverse, as far as create() came. */
static void destroy(struct partition *partition)
{
	unsigned i;

	if (partition->pc)
		pc_destroy(partition);
	for (i = 0; partition->vcpus && i < partition->vcpu_count; i++)
		if (partition->vcpus[i].backend)
			vcpu_destroy(&partition->vcpus[i]);
	mem_free(partition->vcpus);
	partition->vcpus = NULL;
	for (i = 0; i < partition->memory.count; i++)
		guest_free(partition->memory.ranges[i].hpa, partition->memory.ranges[i].size);
	if (partition->space.pml4)
		address_space_destroy(&partition->space);
	if (partition->stage2.root)
		vcpu_ops->partition_destroy(partition);
}

static void add_console(struct partition *partition)
{
	partition->console.name = partition->name;
	partition->console.receive = pc_receive;
	partition->console.context = partition;
	console_attach(&partition->console);
}

void partitions_create(const struct config *config)
{
	struct mem_info info;
	char why[224];
	unsigned i, good = 0;

	partitions = mem_alloc((config->count ? config->count : 1) * sizeof(struct partition));
	if (!partitions)
		panic("no memory for %u partitions", config->count);
	for (i = 0; i < config->count && !config->fatal; i++) {
		struct partition *partition = &partitions[i];

		partition->config = &config->partitions[i];
		partition->name = partition->config->name;
		partition->id = i;
		atomic_store(&partition->state, PARTITION_REFUSED);
		partition_count = i + 1;
		if (partition->config->bad) {
			log_error(partition->name, "not started: its configuration has errors, see above");
			continue;
		}
		if (create(partition, why, sizeof(why))) {
			destroy(partition);
			log_error(partition->name, "not started: %s", why);
			continue;
		}
		atomic_store(&partition->state, PARTITION_OFF);
		add_console(partition);
		good++;
	}
	mem_info(&info);
	log_stage("partitions", "%u of %u can be started; hypervisor uses %llu KiB, guests %llu MiB", good, config->count,
	          (unsigned long long)(info.hypervisor >> 10), (unsigned long long)(info.guests >> 20));
}
