/* SPDX-License-Identifier: MIT */
/*
 * Virtual local APIC: the timer (SDM 11.5.4). A count is not kept but computed, from the guest's TSC at its start.
 * While the LVT entry is masked there is no deadline: what passes then is made up for when somebody looks.
 */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

static uint32_t timer_lvt(const struct vlapic *apic)
{
	return *vlapic_reg(apic, LAPIC_LVT_TIMER);
}

static bool is_deadline_mode(uint32_t lvt)
{
	return (lvt & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE;
}

/* A tick of the count is 2^shift of the TSC; the divide register's bits 3, 1, 0 say 2, 4, ... 128, 1 (figure 11-10). */
static unsigned tick_shift(const struct vlapic *apic)
{
	uint32_t divide = *vlapic_reg(apic, LAPIC_DIVIDE);

	return apic->tsc_per_tick_shift + (((divide >> 1 & 4) + (divide & 3) + 1) & 7);
}

static uint64_t period(const struct vlapic *apic)
{
	return (uint64_t)*vlapic_reg(apic, LAPIC_INITIAL_COUNT) << tick_shift(apic);
}

void vlapic_timer_arm(struct vlapic *apic)
{
	uint32_t lvt = timer_lvt(apic);

	apic->timer_deadline = UINT64_MAX;
	if (lvt & LVT_MASKED)
		return;
	if (is_deadline_mode(lvt))
		apic->timer_deadline = apic->tsc_deadline ? apic->tsc_deadline : UINT64_MAX;
	else if (apic->timer_running)
		apic->timer_deadline = apic->timer_start + period(apic);
}

/* Ends a one-shot count that has run out, moves a periodic one to its current round. */
static void settle_count(struct vlapic *apic, uint64_t now)
{
	uint64_t elapsed = now - apic->timer_start;

	if (!apic->timer_running || elapsed < period(apic))
		return;
	if ((timer_lvt(apic) & LVT_TIMER_MODE) == LVT_TIMER_PERIODIC)
		apic->timer_start = now - elapsed % period(apic);
	else
		apic->timer_running = false;
}

void vlapic_timer_expire(struct vlapic *apic, uint64_t now)
{
	uint32_t lvt = timer_lvt(apic);

	if (now < apic->timer_deadline)
		return;
	apic->timer_deadline = UINT64_MAX;
	if (is_deadline_mode(lvt)) {
		apic->tsc_deadline = 0;
	} else {
		settle_count(apic, now);
		vlapic_timer_arm(apic);
	}
	vlapic_request(apic, (uint8_t)lvt, false);
}

/* Brings everything to `now` before a register changes. */
static void settle(struct vlapic *apic, uint64_t now)
{
	if (now >= apic->timer_deadline)
		vlapic_timer_expire(apic, now);
	settle_count(apic, now);
	if (is_deadline_mode(timer_lvt(apic)) && now >= apic->tsc_deadline)
		apic->tsc_deadline = 0;
}

void vlapic_timer_write_lvt(struct vlapic *apic, uint32_t value)
{
	settle(apic, apic->host->tsc(apic));
	/* To or from TSC-deadline mode disarms the timer (11.5.4.1). */
	if (is_deadline_mode(timer_lvt(apic)) != is_deadline_mode(value)) {
		*vlapic_reg(apic, LAPIC_INITIAL_COUNT) = 0;
		apic->timer_running = false;
		apic->tsc_deadline = 0;
	}
	*vlapic_reg(apic, LAPIC_LVT_TIMER) = value;
	vlapic_timer_arm(apic);
}

void vlapic_timer_write_count(struct vlapic *apic, uint32_t value)
{
	if (is_deadline_mode(timer_lvt(apic)))
		return;
	*vlapic_reg(apic, LAPIC_INITIAL_COUNT) = value;
	apic->timer_running = value != 0;
	apic->timer_start = apic->host->tsc(apic);
	vlapic_timer_arm(apic);
}

/* The count at `now`, after settle_count(). */
static uint32_t count_at(const struct vlapic *apic, uint64_t now)
{
	uint64_t ticks = (now - apic->timer_start) >> tick_shift(apic);

	return apic->timer_running ? *vlapic_reg(apic, LAPIC_INITIAL_COUNT) - (uint32_t)ticks : 0;
}

uint32_t vlapic_timer_count(struct vlapic *apic)
{
	uint64_t now = apic->host->tsc(apic);

	settle_count(apic, now);
	return count_at(apic, now);
}

void vlapic_timer_write_divide(struct vlapic *apic, uint32_t value)
{
	uint64_t now = apic->host->tsc(apic);
	uint64_t gone;

	settle(apic, now);
	gone = *vlapic_reg(apic, LAPIC_INITIAL_COUNT) - count_at(apic, now);
	*vlapic_reg(apic, LAPIC_DIVIDE) = value;
	if (apic->timer_running) /* goes on from where it is, at the new rate */
		apic->timer_start = now - (gone << tick_shift(apic));
	vlapic_timer_arm(apic);
}

void vlapic_timer_write_deadline(struct vlapic *apic, uint64_t value)
{
	uint32_t lvt = timer_lvt(apic);

	if (!is_deadline_mode(lvt)) /* ignored (11.5.4.1) */
		return;
	apic->tsc_deadline = value;
	apic->timer_deadline = value != 0 && !(lvt & LVT_MASKED) ? value : UINT64_MAX;
}

uint64_t vlapic_timer_read_deadline(struct vlapic *apic)
{
	/* One that passed while masked is over; one that is about to be delivered still shows. */
	if (apic->tsc_deadline && apic->timer_deadline == UINT64_MAX && apic->host->tsc(apic) >= apic->tsc_deadline)
		apic->tsc_deadline = 0;
	return apic->tsc_deadline;
}

uint64_t vlapic_timer_deadline(const struct vlapic *apic)
{
	return apic->timer_deadline;
}

void vlapic_tsc_moved(struct vlapic *apic, uint64_t delta)
{
	apic->timer_start += delta;
	vlapic_timer_arm(apic);
}
