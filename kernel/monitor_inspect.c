/* SPDX-License-Identifier: MIT */
/* The monitor's commands that look into a guest: regs and mem. */
#include <stddef.h>
#include <stdio.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "kernel/guest_memory.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"
#include "kernel/vcpu_snapshot.h"

#define LOOK_NS 200000
#define PATIENCE_S 2
#define COUNT_USUAL 256
#define COUNT_MAX (1u << 20)
#define ROW 16

typedef unsigned long long ull;

/* --- regs --- */

static struct vcpu_snapshot snapshot;
static struct vcpu *asked; /* who may still write it */

/* True: nobody will write the snapshot any more. */
static bool forget(void)
{
	if (asked && !vcpu_snapshot_cancel(asked) && !atomic_load(&snapshot.taken))
		return false;
	asked = NULL;
	return true;
}

static enum monitor_verdict ask(struct monitor_job *job)
{
	uint64_t number = 0;

	if (!monitor_vcpus(job->partition) || !job->partition->starts) {
		monitor_print("%s has not been started yet", job->partition->name);
		return MONITOR_DONE;
	}
	if (job->count > 2 && !monitor_take_number(job->words[2], &number))
		return MONITOR_DONE;
	if (number >= monitor_vcpus(job->partition)) {
		monitor_print("%s has no vCPU %llu: they are counted from 0 to %u", job->partition->name, (ull)number,
		              monitor_vcpus(job->partition) - 1);
		return MONITOR_DONE;
	}
	if (!forget())
		return MONITOR_MORE;
	asked = &job->partition->vcpus[number];
	vcpu_snapshot_ask(asked, &snapshot);
	job->deadline = rdtsc() + PATIENCE_S * tsc_hz;
	return MONITOR_MORE;
}

static void print_gprs(void)
{
	static const char *const names[] = {
		"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
		"R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15",
	};
	unsigned i;

	for (i = 0; i < GPRS; i += 4)
		monitor_print("%s %016llx  %s %016llx  %s %016llx  %s %016llx", names[i], (ull)snapshot.gpr[i],
		              names[i + 1], (ull)snapshot.gpr[i + 1], names[i + 2], (ull)snapshot.gpr[i + 2],
		              names[i + 3], (ull)snapshot.gpr[i + 3]);
}

static void print_control(void)
{
	const uint64_t *r = snapshot.registers;

	monitor_print("RIP %016llx  RFLAGS %08llx  EFER %llx  PAT %016llx", (ull)r[VCPU_RIP], (ull)r[VCPU_RFLAGS],
	              (ull)r[VCPU_EFER], (ull)r[VCPU_PAT]);
	monitor_print("CR0 %08llx  CR2 %016llx  CR3 %016llx  CR4 %08llx", (ull)r[VCPU_CR0], (ull)r[VCPU_CR2],
	              (ull)r[VCPU_CR3], (ull)r[VCPU_CR4]);
	monitor_print("DR6 %08llx  DR7 %08llx  LSTAR %016llx  KERNEL_GS_BASE %016llx", (ull)r[VCPU_DR6],
	              (ull)r[VCPU_DR7], (ull)r[VCPU_LSTAR], (ull)r[VCPU_KERNEL_GS_BASE]);
}

static void print_segment(unsigned i)
{
	static const char *const names[VCPU_SEGMENTS] = {
		"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR", "GDTR", "IDTR",
	};
	const struct segment *s = &snapshot.segments[i];

	monitor_print("%-4s %04x  base %016llx  limit %08x  attributes %05x", names[i], s->selector, (ull)s->base,
	              s->limit, s->attributes);
}

enum monitor_verdict monitor_regs(struct monitor_job *job)
{
	if (!job->deadline)
		return ask(job);
	if (asked && !atomic_load(&snapshot.taken)) {
		job->wake = rdtsc() + ns_to_tsc(LOOK_NS);
		if (rdtsc() < job->deadline)
			return MONITOR_MORE;
		monitor_print("core %u does not answer", asked->cpu->id);
		return MONITOR_DONE;
	}
	if (asked) {
		monitor_print("%s vCPU %u on core %u, partition %s:", job->partition->name, asked->index,
		              asked->cpu->id, partition_state_name(job->partition));
		print_control();
		asked = NULL;
		return MONITOR_MORE;
	}
	if (job->index++ == 0)
		print_gprs();
	else
		print_segment(job->index - 2);
	return job->index <= VCPU_SEGMENTS ? MONITOR_MORE : MONITOR_DONE;
}

/* --- mem --- */

static void print_row(uint64_t address, const uint8_t *data, unsigned size)
{
	char hex[3 * ROW + 1] = "", text[ROW + 1] = "";
	unsigned i;

	for (i = 0; i < size; i++) {
		hex[3 * i] = "0123456789abcdef"[data[i] >> 4];
		hex[3 * i + 1] = "0123456789abcdef"[data[i] & 15];
		hex[3 * i + 2] = ' ';
		text[i] = data[i] >= ' ' && data[i] <= '~' ? (char)data[i] : '.';
	}
	hex[3 * i] = text[i] = '\0';
	monitor_print("%012llx: %-48s %s", (ull)address, hex, text);
}

/* value is the next address, deadline what is left. */
static bool take_range(struct monitor_job *job)
{
	uint64_t count = COUNT_USUAL;

	if (!monitor_take_number(job->words[2], &job->value))
		return false;
	if (job->count > 3 && !monitor_take_number(job->words[3], &count))
		return false;
	if (count == 0 || count > COUNT_MAX) {
		monitor_print("COUNT is from 1 to %u", COUNT_MAX);
		return false;
	}
	if (!monitor_vcpus(job->partition)) {
		monitor_print("%s could not be created: it has no memory", job->partition->name);
		return false;
	}
	job->deadline = count;
	return true;
}

/* A partition's memory is seen in its own address space only. A row ends at a multiple of 16. */
enum monitor_verdict monitor_mem(struct monitor_job *job)
{
	uint8_t data[ROW];
	unsigned size;
	int error;

	if (!job->steps && !take_range(job))
		return MONITOR_DONE;
	size = ROW - (unsigned)(job->value % ROW);
	if (size > job->deadline)
		size = (unsigned)job->deadline;
	address_space_enter(&job->partition->space);
	error = guest_read(&job->partition->memory, job->value, data, size);
	address_space_enter(NULL);
	if (error) {
		monitor_print("%012llx: no memory of %s", (ull)job->value, job->partition->name);
		return MONITOR_DONE;
	}
	print_row(job->value, data, size);
	job->value += size;
	job->deadline -= size;
	return job->deadline ? MONITOR_MORE : MONITOR_DONE;
}
