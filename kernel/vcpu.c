/* SPDX-License-Identifier: MIT */
/* The life of a virtual processor and its run loop. */
#include "kernel/vcpu.h"

#include "arch/x86/fpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "kernel/core.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/partition.h"
#include "kernel/pvclock.h"
#include "kernel/trace.h"
#include "kernel/vcpu_snapshot.h"

/* --- what the MSR policy asks of its vCPU --- */

static uint64_t msr_tsc(struct guest_msrs *msrs)
{
	return vcpu_tsc(msrs->owner);
}

static void msr_move_tsc(struct guest_msrs *msrs, uint64_t delta)
{
	struct vcpu *vcpu = msrs->owner;

	vcpu->tsc_offset += delta;
	vcpu_ops->write(vcpu, VCPU_TSC_OFFSET, vcpu->tsc_offset);
	vlapic_tsc_moved(&vcpu->apic, delta);
	pvclock_update(vcpu);
	atomic_fetch_or_explicit(&vcpu->todo, TODO_TIME, memory_order_relaxed);
}

static const struct guest_msr_host msr_host = { .tsc = msr_tsc, .move_tsc = msr_move_tsc };

static void free_pages(struct vcpu *vcpu, uint32_t *apic)
{
	if (apic)
		page_free(apic, 0);
	if (vcpu->fpu.area)
		page_free(vcpu->fpu.area, 0);
}

int vcpu_create(struct vcpu *vcpu, struct partition *partition, unsigned index, struct cpu *cpu)
{
	uint32_t *page = page_alloc(0);
	int error;

	vcpu->fpu.area = page_alloc(0);
	if (!page || !vcpu->fpu.area) {
		free_pages(vcpu, page);
		return E_NO_MEMORY;
	}
	vcpu->partition = partition;
	vcpu->index = index;
	vcpu->cpu = cpu;
	vcpu->state = VCPU_PARKED;
	vcpu->deadline = UINT64_MAX;
	vcpu_apic_init(vcpu, page);
	guest_msrs_init(&vcpu->msrs, &partition->cpuid, &msr_host, vcpu);
	error = vcpu_ops->vcpu_create(vcpu);
	if (error)
		free_pages(vcpu, page);
	return error;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	vcpu_ops->vcpu_destroy(vcpu);
	free_pages(vcpu, vcpu->apic.regs);
}

/* The same after power-on and INIT (SDM table 10-1). */
static void reset_general_registers(struct vcpu *vcpu)
{
	for (unsigned i = 0; i < GPRS; i++)
		vcpu->gpr[i] = 0;
	vcpu->gpr[RDX] = cpuid(1, 0).eax; /* the processor's signature, SDM 10.1.2 */
}

void vcpu_reset(struct vcpu *vcpu)
{
	reset_general_registers(vcpu);
	vcpu->nmi_pending = false;
	vcpu->pvclock = 0;
	vcpu->tsc_offset = -vcpu->partition->start_tsc;
	atomic_store(&vcpu->todo, TODO_TIME | TODO_INTERRUPT | TODO_FLUSH); /* mapped BARs have moved back */
	vlapic_reset(&vcpu->apic, false);
	guest_msrs_reset(&vcpu->msrs);
	fpu_state_reset(&vcpu->fpu);
	vcpu->fpu_stale = true;
	vcpu_ops->vcpu_reset(vcpu, false);
	vcpu_ops->write(vcpu, VCPU_TSC_OFFSET, vcpu->tsc_offset);
	vcpu->state = vcpu->index == 0 ? VCPU_RUNNING : VCPU_WAIT_SIPI;
}

void vcpu_todo(struct vcpu *vcpu, uint32_t bits)
{
	/* Whoever sets the first bit wakes the owner; until it has taken them all, it looks again before it enters. */
	if (atomic_fetch_or(&vcpu->todo, bits) == 0)
		core_notify(vcpu);
}

void vcpu_summon(struct vcpu *vcpu, uint32_t bits)
{
	atomic_fetch_or(&vcpu->todo, bits);
	core_notify(vcpu);
}

void vcpu_exception(struct vcpu *vcpu, uint8_t vector)
{
	vcpu_ops->inject(vcpu, &(struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = vector });
}

void vcpu_exception_error(struct vcpu *vcpu, uint8_t vector, uint32_t error)
{
	vcpu_ops->inject(vcpu, &(struct event){
		.valid = true, .type = EVENT_EXCEPTION, .vector = vector, .has_error = true, .error = error });
}

/* INIT (SDM 10.1.1): the boot processor starts again at the reset vector, the others wait for a start-up IPI. */
static void take_init(struct vcpu *vcpu)
{
	reset_general_registers(vcpu);
	vcpu_ops->vcpu_reset(vcpu, true);
	vlapic_reset(&vcpu->apic, true);
	vcpu->nmi_pending = false;
	vcpu->deadline = UINT64_MAX;
	vcpu->state = vcpu->index == 0 ? VCPU_RUNNING : VCPU_WAIT_SIPI;
}

/* SIPI (SDM 9.4.3): real mode at vector * 4 KiB; ignored by a processor that does not wait for one. */
static void take_sipi(struct vcpu *vcpu)
{
	uint8_t vector = atomic_load(&vcpu->sipi_vector);
	struct segment cs;

	if (vcpu->state != VCPU_WAIT_SIPI)
		return;
	vcpu_ops->read_segment(vcpu, VCPU_CS, &cs);
	cs.selector = (uint16_t)(vector << 8);
	cs.base = (uint64_t)vector << 12;
	vcpu_ops->write_segment(vcpu, VCPU_CS, &cs);
	vcpu_ops->write(vcpu, VCPU_RIP, 0);
	vcpu->state = VCPU_RUNNING;
}

/* What is asked seldom. */
static enum vcpu_leave prepare_rare(struct vcpu *vcpu, uint32_t todo)
{
	if (todo & TODO_SNAPSHOT)
		vcpu_snapshot_take(vcpu);
	if (todo & TODO_STOP)
		return LEAVE_PARKED;
	if (todo & TODO_INIT)
		take_init(vcpu);
	if (todo & TODO_SIPI)
		take_sipi(vcpu);
	if (todo & TODO_NMI && !(todo & TODO_INIT)) /* INIT ends one that waits, too */
		vcpu->nmi_pending = true;
	if (todo & TODO_FLUSH)
		vcpu_ops->flush_tlb(vcpu);
	return todo & TODO_PAUSE ? LEAVE_PAUSED : LEAVE_NOT;
}

/*
 * Does what the todo word asks. LEAVE_NOT: the guest can be entered; otherwise why the core should do something else
 * first.
 */
static enum vcpu_leave prepare(struct vcpu *vcpu)
{
	uint32_t todo = atomic_exchange_explicit(&vcpu->todo, 0, memory_order_acq_rel);
	enum vcpu_leave leave = LEAVE_NOT;

	if (todo & ~(uint32_t)(TODO_INTERRUPT | TODO_TIME))
		leave = prepare_rare(vcpu, todo);
	if (leave != LEAVE_NOT)
		return leave;
	if (todo & TODO_TIME)
		vcpu_time(vcpu);
	if (vcpu->state != VCPU_WAIT_SIPI)
		vcpu_deliver(vcpu);
	if (vcpu->state != VCPU_RUNNING)
		return LEAVE_WAITING;
	/* Every interrupt of the core and every deadline sets this bit: what others have posted to the core is seen here. */
	if (todo & TODO_TIME && core_must_pick(vcpu))
		return LEAVE_PREEMPTED;
	/*
	 * A device or timer above may have set bits again. With them set nobody else would kick this core, so it kicks
	 * itself: the guest is entered with what was delivered, and leaves at once.
	 */
	if (atomic_load_explicit(&vcpu->todo, memory_order_relaxed))
		cpu_kick(vcpu->cpu);
	return LEAVE_NOT;
}

/* The event whose delivery an exit interrupted goes first, unless the handler has put an exception of its own there. */
static void deliver_again(struct vcpu *vcpu, const struct exit *exit)
{
	if (!vcpu_ops->event_pending(vcpu))
		vcpu_ops->inject(vcpu, &exit->interrupted);
}

static void stop(struct vcpu *vcpu, const struct exit *exit)
{
	vcpu_dump(vcpu, exit);
	partition_end(vcpu->partition, END_FAILED, 0);
}

static void handle(struct vcpu *vcpu, struct exit *exit)
{
	enum verdict verdict = exit_table[exit->kind](vcpu, exit);

	if (exit->interrupted.valid)
		deliver_again(vcpu, exit);
	if (verdict == VERDICT_NEXT) {
		vcpu_ops->advance(vcpu, exit->length);
	} else if (verdict == VERDICT_WAIT) {
		vcpu_ops->advance(vcpu, exit->length);
		vcpu->state = VCPU_HALTED;
		atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
	} else if (verdict == VERDICT_STOP) {
		stop(vcpu, exit);
	}
}

enum vcpu_leave vcpu_run(struct vcpu *vcpu, uint64_t until)
{
	struct cpu *cpu = this_cpu();
	enum vcpu_leave leave;
	struct exit exit;

	exit.kind = EXIT_UNKNOWN;
	cpu->vcpu = vcpu;
	cpu->partition = vcpu->partition;
	vcpu->until = until;
	vcpu_ops->make_current(vcpu);
	/* Time has passed, and the deadline is another one. */
	atomic_fetch_or_explicit(&vcpu->todo, TODO_TIME | TODO_INTERRUPT, memory_order_relaxed);
	for (;;) {
		struct exit_statistics *statistics;
		uint64_t ticks;

		if (atomic_load_explicit(&vcpu->todo, memory_order_acquire)) {
			leave = prepare(vcpu);
			if (leave != LEAVE_NOT)
				break;
		}
		trace(TRACE_ENTER, vcpu, 0);
		vcpu_ops->run(vcpu, vcpu->leave_at, &exit);
		trace(TRACE_EXIT, vcpu, exit.kind);
		ticks = rdtsc();
		handle(vcpu, &exit);
		ticks = rdtsc() - ticks;
		statistics = &vcpu->exits[exit.kind];
		statistics->count++;
		statistics->ticks += ticks;
		if (ticks > statistics->worst)
			statistics->worst = ticks;
	}
	vcpu_ops->put(vcpu);
	cpu->vcpu = NULL;
	cpu->partition = NULL;
	return leave;
}
