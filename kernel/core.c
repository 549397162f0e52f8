/* SPDX-License-Identifier: MIT */
#include "kernel/core.h"

#include <stddef.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "kernel/chores.h"
#include "kernel/config.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "kernel/partition.h"
#include "kernel/sched.h"
#include "kernel/trace.h"
#include "kernel/vcpu.h"
#include "kernel/vcpu_snapshot.h"

/*
 * Only the core itself touches its struct, but for `current` and `mail`. Who has news for a vCPU first says what (its
 * todo word), then looks whether it is current; the core first takes it from `current`, then looks at its todo word. So
 * one of the two always sees the other: nothing is lost, and a vCPU that runs needs no mail.
 */
struct core {
	struct sched sched;
	struct sched_heap sleepers;       /* waiting vCPUs with a deadline */
	_Atomic(struct vcpu *) current;
	_Atomic(struct vcpu *) mail;      /* vCPUs that others have news for, a stack by `mail_next` */
	struct vcpu *loaded;              /* whose FPU state is in the processor */
	void *sched_memory;
	unsigned vcpus, guaranteed, room; /* guaranteed: those of policy cyclic or rt */
};

static struct core cores[CPU_MAX];

/* Where the chores are done, and what stands for them in its struct sched. */
static struct {
	struct core *core;
	struct cpu *cpu;
	struct sched_entity entity;
	_Atomic bool woken;
	uint64_t due;      /* when they are due by themselves */
	bool squeezed;     /* the core is dedicated to a vCPU: they are done between two of its runs, not often */
	uint64_t not_before;
} home;

static _Atomic bool settled; /* who belongs to which core: until then the boot core writes to all of `cores` */

#define HOME_GAP_NS 1000000 /* between two steps that a dedicated vCPU pays for */

static struct vcpu *vcpu_of(struct sched_entity *entity)
{
	return (struct vcpu *)((char *)entity - offsetof(struct vcpu, sched));
}

static struct vcpu *sleeper_of(struct sched_node *node)
{
	return (struct vcpu *)((char *)node - offsetof(struct vcpu, sleeper));
}

/* --- who belongs to a core --- */

/* Room for twice as many, so that a thousand are not copied a thousand times. */
static int reserve(struct core *core)
{
	unsigned count = core->room ? 2 * core->room : 1, windows = count * CONFIG_WINDOWS;
	size_t size;
	void *sched, *slots;

	if (core->vcpus < core->room)
		return E_OK;
	if (windows > SCHED_WINDOWS_MAX)
		windows = SCHED_WINDOWS_MAX;
	size = sched_size(count, windows);
	sched = mem_alloc(size);
	slots = mem_alloc((count + 1) * sizeof(struct sched_slot));
	if (!sched || !slots) {
		mem_free(sched);
		mem_free(slots);
		return E_NO_MEMORY;
	}
	if (!core->room)
		sched_init(&core->sched, tsc_hz);
	sched_reserve(&core->sched, count, windows, sched);
	mem_free(core->sched_memory);
	mem_free(core->sleepers.slots); /* nobody sleeps before the cores run */
	core->sched_memory = sched;
	core->sleepers.slots = slots;
	core->room = count;
	return E_OK;
}

/* The windows of this vCPU besides those of the core's other partitions, in order. */
static int add_windows(struct core *core, struct vcpu *vcpu, const struct config_sched *config)
{
	static struct sched_window windows[SCHED_WINDOWS_MAX]; /* only the boot core makes partitions */
	unsigned count = core->sched.window_count, i, at;

	if (count + config->window_count > SCHED_WINDOWS_MAX)
		return E_FULL;
	memcpy(windows, core->sched.windows, count * sizeof(windows[0]));
	for (i = 0; i < config->window_count; i++, count++) {
		struct sched_window window = {
			.start = ns_to_tsc(config->windows[i].start),
			.length = ns_to_tsc(config->windows[i].length),
			.owner = &vcpu->sched,
		};

		for (at = count; at > 0 && windows[at - 1].start > window.start; at--)
			windows[at] = windows[at - 1];
		windows[at] = window;
	}
	return sched_set_frame(&core->sched, ns_to_tsc(config->frame), windows, count, 0);
}

int core_assign(struct vcpu *vcpu, const struct config_sched *config)
{
	const struct sched_parameters parameters = {
		.policy = config->policy,
		.budget = ns_to_tsc(config->budget),
		.period = ns_to_tsc(config->period),
		.weight = config->weight,
		.cap = config->cap,
	};
	struct core *core = &cores[vcpu->cpu->id];
	int error = reserve(core);

	if (!error)
		error = sched_add(&core->sched, &vcpu->sched, &parameters);
	if (!error && config->policy == SCHED_CYCLIC)
		error = add_windows(core, vcpu, config);
	if (!error) {
		core->vcpus++;
		core->guaranteed += config->policy == SCHED_CYCLIC || config->policy == SCHED_RT;
	}
	return error;
}

void core_remove(struct vcpu *vcpu)
{
	struct core *core = &cores[vcpu->cpu->id];

	sched_remove(&core->sched, &vcpu->sched, 0);
	core->vcpus--;
	core->guaranteed -= vcpu->sched.parameters.policy == SCHED_CYCLIC || vcpu->sched.parameters.policy == SCHED_RT;
}

/* --- news --- */

static void post(struct core *core, struct vcpu *vcpu)
{
	struct vcpu *head = atomic_load_explicit(&core->mail, memory_order_relaxed);

	if (atomic_exchange(&vcpu->mailed, true))
		return; /* it is there already, and has not been looked at */
	do
		vcpu->mail_next = head;
	while (!atomic_compare_exchange_weak(&core->mail, &head, vcpu));
}

void core_notify(struct vcpu *vcpu)
{
	struct core *core = &cores[vcpu->cpu->id];
	struct vcpu *current = atomic_load(&core->current);

	if (current != vcpu)
		post(core, vcpu);
	if (vcpu->cpu != this_cpu())
		cpu_kick(vcpu->cpu);
	else if (current && current != vcpu)
		atomic_fetch_or_explicit(&current->todo, TODO_TIME, memory_order_relaxed);
}

bool core_runs(const struct vcpu *vcpu)
{
	return atomic_load(&cores[vcpu->cpu->id].current) == vcpu;
}

static bool has_news(const struct core *core)
{
	return atomic_load_explicit(&core->mail, memory_order_relaxed) ||
	       (core == home.core && atomic_load_explicit(&home.woken, memory_order_relaxed));
}

bool core_must_pick(const struct vcpu *vcpu)
{
	return has_news(&cores[vcpu->cpu->id]) || rdtsc() >= vcpu->until;
}

static void stay_up(struct core *core, struct vcpu *vcpu)
{
	if (vcpu->sleeper.at)
		sched_heap_remove(&core->sleepers, &vcpu->sleeper);
}

static void sleep_until(struct core *core, struct vcpu *vcpu, uint64_t deadline)
{
	stay_up(core, vcpu);
	if (deadline != UINT64_MAX)
		sched_heap_insert(&core->sleepers, &vcpu->sleeper, deadline);
}

static void wake(struct core *core, struct vcpu *vcpu, uint64_t now)
{
	stay_up(core, vcpu);
	if (vcpu->sched.state == SCHED_BLOCKED)
		trace(TRACE_WAKE, vcpu, 0);
	sched_wake(&core->sched, &vcpu->sched, now);
}

static void block(struct core *core, struct vcpu *vcpu, uint64_t now)
{
	stay_up(core, vcpu);
	sched_block(&core->sched, &vcpu->sched, now);
}

static void park(struct core *core, struct vcpu *vcpu, uint64_t now)
{
	block(core, vcpu, now);
	vcpu->state = VCPU_PARKED;
	address_space_enter(NULL);
	if (BULKHEAD_DEBUG)
		vcpu_report(vcpu);
	partition_parked(vcpu->partition);
}

static void attend_start(struct core *core, struct vcpu *vcpu, uint64_t now)
{
	if (atomic_load(&vcpu->partition->stopping)) {
		block(core, vcpu, now);
		partition_not_started(vcpu->partition);
	} else if (now < vcpu->partition->restart_at) {
		sleep_until(core, vcpu, vcpu->partition->restart_at);
	} else {
		wake(core, vcpu, now);
	}
}

/* Parking, pausing and telling need no time on the core: they are for a vCPU that would not get any as well. */
static void attend(struct core *core, struct vcpu *vcpu, uint64_t now)
{
	int state = atomic_load(&vcpu->partition->state);

	vcpu_snapshot_take(vcpu);
	if (state == PARTITION_PAUSED) {
		block(core, vcpu, now);
	} else if (state == PARTITION_STARTING && vcpu->index == 0) {
		attend_start(core, vcpu, now);
	} else if ((state == PARTITION_RUNNING || state == PARTITION_ENDING) && vcpu->state != VCPU_PARKED) {
		if (atomic_load(&vcpu->todo) & TODO_STOP)
			park(core, vcpu, now);
		else
			wake(core, vcpu, now);
	}
}

static void take_mail(struct core *core, uint64_t now)
{
	struct vcpu *vcpu, *next;

	if (!atomic_load_explicit(&core->mail, memory_order_relaxed))
		return;
	for (vcpu = atomic_exchange(&core->mail, NULL); vcpu; vcpu = next) {
		next = vcpu->mail_next;
		atomic_store(&vcpu->mailed, false);
		attend(core, vcpu, now);
	}
}

static void wake_sleepers(struct core *core, uint64_t now)
{
	while (sched_heap_key(&core->sleepers) <= now && core->sleepers.count)
		wake(core, sleeper_of(sched_heap_first(&core->sleepers)), now);
}

/* --- running --- */

static void load_fpu(struct core *core, struct vcpu *vcpu)
{
	if (core->loaded == vcpu && !vcpu->fpu_stale)
		return;
	if (core->loaded && !core->loaded->fpu_stale)
		fpu_store(&core->loaded->fpu);
	fpu_load(&vcpu->fpu);
	vcpu->fpu_stale = false;
	core->loaded = vcpu;
}

/* In steps, on the time of vCPU 0. False: not ready yet. */
static bool start(struct core *core, struct vcpu *vcpu, uint64_t until)
{
	while (!partition_start_step(vcpu->partition))
		if (rdtsc() >= until || has_news(core))
			return false;
	return true;
}

static void trace_overrun(const struct core *core, const struct vcpu *vcpu, uint64_t until, uint64_t now)
{
	uint64_t beyond = now > until ? now - until : 0;

	if (beyond > core->sched.granularity)
		trace(TRACE_OVERRUN, vcpu, beyond < UINT32_MAX ? (uint32_t)beyond : UINT32_MAX);
}

static void run(struct core *core, struct vcpu *vcpu, uint64_t until)
{
	enum vcpu_leave leave;
	uint64_t now;

	address_space_enter(&vcpu->partition->space);
	if (atomic_load(&vcpu->partition->state) == PARTITION_STARTING && !start(core, vcpu, until))
		return;
	if (vcpu->state == VCPU_PARKED) {
		sched_block(&core->sched, &vcpu->sched, rdtsc());
		return;
	}
	load_fpu(core, vcpu);
	atomic_store(&core->current, vcpu);
	trace(TRACE_RUN, vcpu, 0);
	leave = vcpu_run(vcpu, until);
	trace(TRACE_LEAVE, vcpu, leave);
	atomic_store(&core->current, NULL);
	now = rdtsc();
	trace_overrun(core, vcpu, until, now);
	if (leave == LEAVE_PARKED) {
		park(core, vcpu, now);
	} else if (leave == LEAVE_PAUSED) {
		/* Looked at after `current`: whoever resumes it meanwhile has seen that, and has posted mail. */
		if (atomic_load(&vcpu->partition->state) == PARTITION_PAUSED)
			block(core, vcpu, now);
	} else if (leave == LEAVE_WAITING) {
		if (atomic_load(&vcpu->todo))
			return;
		sched_block(&core->sched, &vcpu->sched, now);
		sleep_until(core, vcpu, vcpu->deadline);
	}
}

static void idle(struct core *core, uint64_t until)
{
	apic_timer_set(until);
	/* STI takes effect after HLT has begun: a kick cannot slip in between. */
	if (!has_news(core))
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	else
		__asm__ volatile("sti; nop; cli" : : : "memory");
}

/* --- chores --- */

/* How much a guest there would mind: one that has time guaranteed, more than one that shares, more than none. */
static unsigned unfit(const struct core *core)
{
	return core->sched.dedicated ? 3 : core->guaranteed ? 2 : core->vcpus != 0;
}

void core_settle_home(void)
{
	const struct sched_parameters parameters = { .policy = SCHED_FAIR, .weight = SCHED_WEIGHT_DEFAULT };
	struct cpu *best = &cpus[0];
	unsigned i;

	for (i = 1; i < CPU_MAX; i++)
		if (cpus[i].online && unfit(&cores[i]) < unfit(&cores[best->id]))
			best = &cpus[i];
	home.squeezed = reserve(&cores[best->id]) || sched_add(&cores[best->id].sched, &home.entity, &parameters);
	home.cpu = best;
	home.due = UINT64_MAX;
	home.core = &cores[best->id];
	atomic_store(&settled, true);
	for (i = 0; i < CPU_MAX; i++)
		if (cpus[i].online && &cpus[i] != this_cpu())
			cpu_kick(&cpus[i]);
}

void core_wake_home(void)
{
	if (!home.core || atomic_exchange(&home.woken, true))
		return;
	if (home.cpu != this_cpu())
		cpu_kick(home.cpu);
}

/* Of a dedicated vCPU's core: it pays, as for an interrupt, for a step now and then. Returns when the next is due. */
static uint64_t squeeze_in(uint64_t now)
{
	if (home.due < home.not_before)
		home.due = home.not_before;
	if (now >= home.due) {
		home.due = chores_step();
		home.not_before = rdtsc() + ns_to_tsc(HOME_GAP_NS);
	}
	return home.due > home.not_before ? home.due : home.not_before;
}

/* Are chores due? Returns when they will be. */
static uint64_t look_home(struct core *core, uint64_t now)
{
	if (core != home.core)
		return UINT64_MAX;
	if (atomic_load_explicit(&home.woken, memory_order_relaxed)) {
		atomic_store(&home.woken, false);
		home.due = 0;
	}
	if (home.squeezed)
		return home.due == UINT64_MAX ? UINT64_MAX : squeeze_in(now);
	if (home.due > now)
		return home.due;
	sched_wake(&core->sched, &home.entity, now);
	return UINT64_MAX;
}

static void do_chores(struct core *core, uint64_t until)
{
	do
		home.due = chores_step();
	while (!home.due && !has_news(core) && rdtsc() < until);
	if (home.due)
		sched_block(&core->sched, &home.entity, rdtsc());
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void core_main(void)
{
	struct core *core = &cores[this_cpu()->id];

	interrupts_off();
	while (!atomic_load(&settled))
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	for (;;) {
		uint64_t now = rdtsc(), until, chores;
		struct sched_entity *entity;

		take_mail(core, now);
		wake_sleepers(core, now);
		chores = look_home(core, now);
		entity = sched_pick(&core->sched, now, &until);
		until = earlier(earlier(until, chores), sched_heap_key(&core->sleepers));
		if (entity == &home.entity)
			do_chores(core, until);
		else if (entity)
			run(core, vcpu_of(entity), until);
		else
			idle(core, until);
	}
}
