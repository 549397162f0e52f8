/* SPDX-License-Identifier: MIT */
/* Virtual local APIC: from a request to its EOI (SDM 11.8). Hot: no loop on the way of an interrupt. */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

#include <stdatomic.h>

#include "arch/x86/msr.h"

/* Highest vector of a 256-bit register; `words` says which of its words are not zero. */
static int top(const struct vlapic *apic, unsigned offset, uint8_t words)
{
	unsigned word;

	if (!words)
		return -1;
	word = 31 - (unsigned)__builtin_clz(words);
	return (int)(word * 32 + 31) - __builtin_clz(apic->regs[offset / 4 + word * 4]);
}

static uint8_t words_of(const struct vlapic *apic, unsigned offset)
{
	uint8_t words = 0;

	for (unsigned i = 0; i < 8; i++)
		if (apic->regs[offset / 4 + i * 4])
			words |= 1u << i;
	return words;
}

void vlapic_caches(struct vlapic *apic)
{
	apic->isr_words = words_of(apic, LAPIC_ISR);
	apic->irr_words = words_of(apic, LAPIC_IRR);
	apic->isr_top = top(apic, LAPIC_ISR, apic->isr_words);
	apic->irr_top = top(apic, LAPIC_IRR, apic->irr_words);
	apic->stale = false;
}

/* SDM 11.8.3.1 */
uint8_t vlapic_ppr(const struct vlapic *apic)
{
	uint32_t tpr = *vlapic_reg(apic, LAPIC_TPR);
	uint32_t in_service = apic->isr_top < 0 ? 0 : (uint32_t)apic->isr_top & 0xf0;

	return (uint8_t)((tpr & 0xf0) >= in_service ? tpr : in_service);
}

/* SDM 11.6.2.4 */
uint8_t vlapic_apr(const struct vlapic *apic)
{
	uint32_t tpr = *vlapic_reg(apic, LAPIC_TPR);
	uint32_t in_service = apic->isr_top < 0 ? 0 : (uint32_t)apic->isr_top & 0xf0;
	uint32_t requested = apic->irr_top < 0 ? 0 : (uint32_t)apic->irr_top & 0xf0;
	uint32_t both = tpr & in_service & 0xf0;

	if ((tpr & 0xf0) >= requested && (tpr & 0xf0) > in_service)
		return (uint8_t)tpr;
	return (uint8_t)(both > requested ? both : requested);
}

void vlapic_lvt_fire(struct vlapic *apic, unsigned offset)
{
	uint32_t lvt = *vlapic_reg(apic, offset);

	if (lvt & LVT_MASKED)
		return;
	if ((lvt & LVT_MODE) == LVT_MODE_FIXED)
		vlapic_request(apic, (uint8_t)lvt, false);
	else if ((lvt & LVT_MODE) == LVT_MODE_NMI)
		apic->host->nmi(apic);
}

void vlapic_error(struct vlapic *apic, uint32_t bit)
{
	bool armed = !apic->errors;

	/* Noted first: the error entry's own vector may be illegal. */
	apic->errors |= bit;
	if (armed)
		vlapic_lvt_fire(apic, LAPIC_LVT_ERROR);
}

void vlapic_request(struct vlapic *apic, uint8_t vector, bool level)
{
	uint32_t bit = 1u << (vector & 31);
	uint32_t *tmr = vlapic_word(apic, LAPIC_TMR, vector);

	if (!(*vlapic_reg(apic, LAPIC_SVR) & SVR_ENABLE)) /* also clear while globally disabled */
		return;
	if (vector < VECTOR_LOWEST) {
		vlapic_error(apic, ESR_RECEIVE_ILLEGAL);
		return;
	}
	*vlapic_word(apic, LAPIC_IRR, vector) |= bit;
	if (!(*tmr & bit) == level) {
		*tmr ^= bit;
		apic->tmr_changed = true;
	}
	apic->irr_words |= 1u << (vector / 32);
	if (vector > apic->irr_top)
		apic->irr_top = vector;
}

void vlapic_post(struct vlapic *apic, uint8_t vector, bool level)
{
	uint64_t bit = 1ULL << (vector & 63);
	unsigned word = vector / 64;

	/* posted_level is the trigger mode of the last post of each vector; the owner only reads it. */
	if (level)
		atomic_fetch_or_explicit(&apic->posted_level[word], bit, memory_order_relaxed);
	else if (atomic_load_explicit(&apic->posted_level[word], memory_order_relaxed) & bit)
		atomic_fetch_and_explicit(&apic->posted_level[word], ~bit, memory_order_relaxed);
	atomic_fetch_or_explicit(&apic->posted[word], bit, memory_order_release);
	/* A read-modify-write, so that the owner who sees one post sees those before it. */
	atomic_fetch_or_explicit(&apic->posted_any, 1, memory_order_release);
}

void vlapic_take_posted(struct vlapic *apic)
{
	atomic_exchange_explicit(&apic->posted_any, 0, memory_order_acquire);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t vectors, levels;

		if (!atomic_load_explicit(&apic->posted[i], memory_order_relaxed))
			continue;
		vectors = atomic_exchange_explicit(&apic->posted[i], 0, memory_order_acquire);
		levels = atomic_load_explicit(&apic->posted_level[i], memory_order_relaxed);
		for (; vectors; vectors &= vectors - 1) {
			unsigned n = (unsigned)__builtin_ctzll(vectors);

			vlapic_request(apic, (uint8_t)(64 * i + n), levels >> n & 1);
		}
	}
}

static int deliverable(const struct vlapic *apic)
{
	int vector = apic->irr_top;

	return vector >= 0 && (vector & 0xf0) > (vlapic_ppr(apic) & 0xf0) ? vector : -1;
}

/* Not inlined: what is rare needs no registers on the common way. */
static __attribute__((noinline)) int take_and_look(struct vlapic *apic)
{
	vlapic_take_posted(apic);
	vlapic_refresh(apic);
	return deliverable(apic);
}

int vlapic_pending(struct vlapic *apic)
{
	bool look = atomic_load_explicit(&apic->posted_any, memory_order_relaxed) || apic->stale;

	return look ? take_and_look(apic) : deliverable(apic);
}

void vlapic_accept(struct vlapic *apic, uint8_t vector)
{
	uint32_t bit = 1u << (vector & 31);
	uint32_t *irr = vlapic_word(apic, LAPIC_IRR, vector);

	*irr &= ~bit;
	if (!*irr)
		apic->irr_words &= ~(1u << (vector / 32));
	apic->irr_top = top(apic, LAPIC_IRR, apic->irr_words);
	*vlapic_word(apic, LAPIC_ISR, vector) |= bit;
	apic->isr_words |= 1u << (vector / 32);
	if (vector > apic->isr_top)
		apic->isr_top = vector;
}

static __attribute__((noinline)) void refresh_and_eoi(struct vlapic *apic)
{
	vlapic_caches(apic);
	vlapic_eoi(apic);
}

void vlapic_eoi(struct vlapic *apic)
{
	int vector = apic->isr_top;
	uint32_t bit, *isr;

	if (apic->stale) {
		refresh_and_eoi(apic);
		return;
	}
	if (vector < 0)
		return;
	bit = 1u << (vector & 31);
	isr = vlapic_word(apic, LAPIC_ISR, (unsigned)vector);
	*isr &= ~bit;
	if (!*isr)
		apic->isr_words &= ~(1u << (vector / 32));
	apic->isr_top = top(apic, LAPIC_ISR, apic->isr_words);
	if (*vlapic_word(apic, LAPIC_TMR, (unsigned)vector) & bit)
		apic->host->eoi(apic, (uint8_t)vector);
}

void vlapic_written(struct vlapic *apic, unsigned offset, uint8_t vector)
{
	vlapic_refresh(apic);
	if (offset == LAPIC_EOI && *vlapic_word(apic, LAPIC_TMR, vector) & 1u << (vector & 31))
		apic->host->eoi(apic, vector);
	else if (offset == LAPIC_SELF_IPI)
		vlapic_self_ipi(apic, vector);
}

bool vlapic_accepts_extint(const struct vlapic *apic)
{
	uint32_t lvt = *vlapic_reg(apic, LAPIC_LVT_LINT0);

	/* A disabled APIC leaves its pins to be INTR and NMI (11.4.3). */
	if (!(apic->base & APIC_BASE_ENABLE))
		return true;
	return !(lvt & LVT_MASKED) && (lvt & LVT_MODE) == LVT_MODE_EXTINT;
}

void vlapic_lint1(struct vlapic *apic)
{
	if (apic->base & APIC_BASE_ENABLE)
		vlapic_lvt_fire(apic, LAPIC_LVT_LINT1);
	else
		apic->host->nmi(apic);
}
