/* SPDX-License-Identifier: MIT */
/* Virtual local APIC: save and restore. Nothing that a stream holds is believed. */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

#include <stdatomic.h>

#include "arch/x86/msr.h"

/* Registers of one word; the rest is derived (ID, PPR, current count) or constant. */
static const uint16_t words[] = {
	LAPIC_TPR, LAPIC_LDR, LAPIC_DFR, LAPIC_SVR, LAPIC_ESR, LAPIC_ICR, LAPIC_ICR_HIGH,
	LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PMC, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1, LAPIC_LVT_ERROR,
	LAPIC_INITIAL_COUNT, LAPIC_DIVIDE,
};
#define WORDS   (sizeof(words) / sizeof(words[0]))
#define VECTORS 8 /* words of each of ISR, TMR, IRR */
#define SCALARS 6

struct state {
	uint64_t id, base, errors, running, start, deadline;
	uint64_t words[WORDS];
	uint64_t isr[VECTORS], tmr[VECTORS], irr[VECTORS];
};

void vlapic_save(const struct vlapic *apic, struct stream *out)
{
	bool enabled = *vlapic_reg(apic, LAPIC_SVR) & SVR_ENABLE;
	size_t mark = stream_begin(out, "LAPC");

	stream_put_u64(out, apic->id);
	stream_put_u64(out, apic->base);
	stream_put_u64(out, apic->errors);
	stream_put_u64(out, apic->timer_running);
	stream_put_u64(out, apic->timer_start);
	stream_put_u64(out, apic->tsc_deadline);
	for (unsigned i = 0; i < WORDS; i++)
		stream_put_u64(out, *vlapic_reg(apic, words[i]));
	for (unsigned i = 0; i < VECTORS; i++) {
		/* What was posted goes as if the owner had taken it over. */
		uint32_t posted = (uint32_t)(atomic_load(&apic->posted[i / 2]) >> (i & 1 ? 32 : 0));
		uint32_t level = (uint32_t)(atomic_load(&apic->posted_level[i / 2]) >> (i & 1 ? 32 : 0));
		uint32_t tmr = *vlapic_word(apic, LAPIC_TMR, 32 * i);

		posted = enabled ? posted : 0;
		posted &= i == 0 ? ~0u << VECTOR_LOWEST : ~0u;
		stream_put_u64(out, *vlapic_word(apic, LAPIC_ISR, 32 * i));
		stream_put_u64(out, (tmr & ~posted) | (posted & level));
		stream_put_u64(out, *vlapic_word(apic, LAPIC_IRR, 32 * i) | posted);
	}
	stream_end(out, mark);
}

static void read_state(struct state *state, struct stream *in)
{
	stream_expect(in, "LAPC", (SCALARS + WORDS + 3 * VECTORS) * sizeof(uint64_t));
	state->id = stream_get_u64(in);
	state->base = stream_get_u64(in);
	state->errors = stream_get_u64(in);
	state->running = stream_get_u64(in);
	state->start = stream_get_u64(in);
	state->deadline = stream_get_u64(in);
	for (unsigned i = 0; i < WORDS; i++)
		state->words[i] = stream_get_u64(in);
	for (unsigned i = 0; i < VECTORS; i++) {
		state->isr[i] = stream_get_u64(in);
		state->tmr[i] = stream_get_u64(in);
		state->irr[i] = stream_get_u64(in);
	}
}

static bool base_is_possible(uint64_t base)
{
	if ((base & APIC_BASE_X2APIC) && !(base & APIC_BASE_ENABLE))
		return false;
	return (base & ~(APIC_BASE_BSP | APIC_BASE_X2APIC | APIC_BASE_ENABLE)) == LAPIC_BASE_DEFAULT;
}

static bool word_is_possible(unsigned offset, uint64_t value, const struct state *state)
{
	switch (offset) {
	case LAPIC_LDR:      /* derived in x2APIC mode */
	case LAPIC_ICR_HIGH: /* 32 bits in x2APIC mode */
		if (state->base & APIC_BASE_X2APIC)
			return value <= UINT32_MAX;
		break;
	case LAPIC_DFR:
		return value <= UINT32_MAX && (value & DFR_RESERVED) == DFR_RESERVED;
	case LAPIC_ESR:
		return !(value & ~(uint64_t)ESR_BITS);
	default:
		break;
	}
	return !(value & ~(uint64_t)vlapic_registers[offset / 16].writable);
}

static uint64_t word_of(const struct state *state, unsigned offset)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (words[i] == offset)
			return state->words[i];
	return 0;
}

static bool is_possible(const struct state *state, const struct vlapic *apic)
{
	uint64_t all = state->isr[0] | state->tmr[0] | state->irr[0];

	if (state->id != apic->id || !base_is_possible(state->base))
		return false;
	if ((state->errors & ~(uint64_t)ESR_BITS) || state->running > 1)
		return false;
	for (unsigned i = 0; i < WORDS; i++)
		if (!word_is_possible(words[i], state->words[i], state))
			return false;
	if (all & ((1u << VECTOR_LOWEST) - 1))
		return false;
	for (unsigned i = 0; i < VECTORS; i++)
		if ((state->isr[i] | state->tmr[i] | state->irr[i]) > UINT32_MAX)
			return false;
	/* Disabled by software: every LVT entry is masked. Globally disabled: by software too. */
	if (!(state->base & APIC_BASE_ENABLE) && (word_of(state, LAPIC_SVR) & SVR_ENABLE))
		return false;
	for (unsigned offset = LAPIC_LVT_TIMER; offset <= LAPIC_LVT_ERROR; offset += 16)
		if (!(word_of(state, LAPIC_SVR) & SVR_ENABLE) && !(word_of(state, offset) & LVT_MASKED))
			return false;
	/* A count that runs is not of length 0; in TSC-deadline mode there is none, and no deadline in the others. */
	if ((word_of(state, LAPIC_LVT_TIMER) & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE)
		return !state->running;
	return !state->deadline && (!state->running || word_of(state, LAPIC_INITIAL_COUNT));
}

void vlapic_restore(struct vlapic *apic, struct stream *in)
{
	struct state state;

	read_state(&state, in);
	if (!in->failed && !is_possible(&state, apic))
		stream_fail(in);
	if (in->failed)
		return;
	vlapic_reset(apic, true);
	apic->base = state.base;
	apic->errors = (uint32_t)state.errors;
	apic->timer_running = state.running;
	apic->timer_start = state.start;
	apic->tsc_deadline = state.deadline;
	for (unsigned i = 0; i < WORDS; i++)
		*vlapic_reg(apic, words[i]) = (uint32_t)state.words[i];
	for (unsigned i = 0; i < VECTORS; i++) {
		*vlapic_word(apic, LAPIC_ISR, 32 * i) = (uint32_t)state.isr[i];
		*vlapic_word(apic, LAPIC_TMR, 32 * i) = (uint32_t)state.tmr[i];
		*vlapic_word(apic, LAPIC_IRR, 32 * i) = (uint32_t)state.irr[i];
	}
	vlapic_identify(apic);
	vlapic_timer_arm(apic);
	vlapic_caches(apic);
}
