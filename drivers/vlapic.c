/* SPDX-License-Identifier: MIT */
/* Virtual local APIC: the register file (SDM 11.4) and its xAPIC window. */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

#include <stdatomic.h>
#include <string.h>

#include "arch/x86/msr.h"

#define READ      (XAPIC_READ | X2APIC_READ)
#define READWRITE (READ | XAPIC_WRITE | X2APIC_WRITE)
#define STATUS    (1u << 12)             /* delivery status of an LVT entry */
#define REMOTE    (1u << 14)             /* remote IRR of LINT0 and LINT1 */

/* SDM table 11-1 and 11-6; an LVT entry's bits are in figure 11-8. The local APIC ID is fixed, as in processors since
 * Nehalem. */
const struct vlapic_register vlapic_registers[VLAPIC_REGISTERS] = {
	[LAPIC_ID / 16] = { READ | XAPIC_WRITE, 0, 0 },
	[LAPIC_VERSION / 16] = { READ, 0, 0 },
	[LAPIC_TPR / 16] = { READWRITE, 0xff, 0 },
	[LAPIC_APR / 16] = { XAPIC_READ, 0, 0 },
	[LAPIC_PPR / 16] = { READ, 0, 0 },
	[LAPIC_EOI / 16] = { XAPIC_WRITE | X2APIC_WRITE, 0, 0 },
	[LAPIC_RRD / 16] = { XAPIC_READ, 0, 0 },
	[LAPIC_LDR / 16] = { READ | XAPIC_WRITE, 0xff000000, 0 },
	[LAPIC_DFR / 16] = { XAPIC_READ | XAPIC_WRITE, 0xf0000000, 0 },
	[LAPIC_SVR / 16] = { READWRITE, 0x3ff, 0 },
	[LAPIC_ISR / 16 ... LAPIC_ISR / 16 + 7] = { READ, 0, 0 },
	[LAPIC_TMR / 16 ... LAPIC_TMR / 16 + 7] = { READ, 0, 0 },
	[LAPIC_IRR / 16 ... LAPIC_IRR / 16 + 7] = { READ, 0, 0 },
	[LAPIC_ESR / 16] = { READWRITE, 0, 0 },
	[LAPIC_ICR / 16] = { READWRITE, 0x000ccfff, STATUS },
	[LAPIC_ICR_HIGH / 16] = { XAPIC_READ | XAPIC_WRITE, 0xff000000, 0 },
	[LAPIC_LVT_TIMER / 16] = { READWRITE, 0x000700ff, STATUS },
	[LAPIC_LVT_THERMAL / 16] = { READWRITE, 0x000107ff, STATUS },
	[LAPIC_LVT_PMC / 16] = { READWRITE, 0x000107ff, STATUS },
	[LAPIC_LVT_LINT0 / 16] = { READWRITE, 0x0001a7ff, STATUS | REMOTE },
	[LAPIC_LVT_LINT1 / 16] = { READWRITE, 0x0001a7ff, STATUS | REMOTE },
	[LAPIC_LVT_ERROR / 16] = { READWRITE, 0x000100ff, STATUS },
	[LAPIC_INITIAL_COUNT / 16] = { READWRITE, 0xffffffff, 0 },
	[LAPIC_CURRENT_COUNT / 16] = { READ, 0, 0 },
	[LAPIC_DIVIDE / 16] = { READWRITE, 0xb, 0 },
	[LAPIC_SELF_IPI / 16] = { X2APIC_WRITE, 0xff, 0 },
};

void vlapic_init(struct vlapic *apic, uint32_t *regs, uint32_t id, bool bsp, const struct vlapic_host *host,
                 void *owner)
{
	memset(apic, 0, sizeof(*apic));
	apic->regs = regs;
	apic->host = host;
	apic->owner = owner;
	apic->id = id;
	apic->bsp = bsp;
	apic->tsc_per_tick_shift = 4;
	vlapic_reset(apic, false);
}

void vlapic_identify(struct vlapic *apic)
{
	if (vlapic_is_x2apic(apic)) {
		/* 11.12.10.2: the cluster is the ID without its low four bits, which choose one of sixteen bits */
		*vlapic_reg(apic, LAPIC_ID) = apic->id;
		*vlapic_reg(apic, LAPIC_LDR) = apic->id >> 4 << 16 | 1u << (apic->id & 15);
	} else {
		*vlapic_reg(apic, LAPIC_ID) = apic->id << 24;
	}
}

void vlapic_reset(struct vlapic *apic, bool init)
{
	if (!init)
		apic->base = LAPIC_BASE_DEFAULT | APIC_BASE_ENABLE | (apic->bsp ? APIC_BASE_BSP : 0);
	memset(apic->regs, 0, 4096);
	vlapic_identify(apic);
	*vlapic_reg(apic, LAPIC_VERSION) = LAPIC_VERSION_VALUE;
	*vlapic_reg(apic, LAPIC_DFR) = 0xffffffff;
	*vlapic_reg(apic, LAPIC_SVR) = 0xff;
	for (unsigned offset = LAPIC_LVT_TIMER; offset <= LAPIC_LVT_ERROR; offset += 16)
		*vlapic_reg(apic, offset) = LVT_MASKED;
	for (unsigned i = 0; i < 4; i++)
		atomic_store_explicit(&apic->posted[i], 0, memory_order_relaxed);
	apic->errors = 0;
	apic->tsc_deadline = 0;
	apic->timer_running = false;
	apic->tmr_changed = true;
	vlapic_timer_arm(apic);
	vlapic_caches(apic);
}

/* On a copy: who only looks leaves the caches as they are, the processor may change the page again at any time. */
static uint32_t read_priority(const struct vlapic *apic, unsigned offset)
{
	struct vlapic now = *apic;

	vlapic_refresh(&now);
	return offset == LAPIC_APR ? vlapic_apr(&now) : vlapic_ppr(&now);
}

uint32_t vlapic_read_register(struct vlapic *apic, unsigned offset)
{
	switch (offset) {
	case LAPIC_APR:
	case LAPIC_PPR:
		return read_priority(apic, offset);
	case LAPIC_CURRENT_COUNT:
		return vlapic_timer_count(apic);
	default:
		return *vlapic_reg(apic, offset);
	}
}

static void write_lvt(struct vlapic *apic, unsigned offset, uint32_t value)
{
	/* While the APIC is disabled by software the mask bits cannot be cleared (11.4.7.2). */
	if (!(*vlapic_reg(apic, LAPIC_SVR) & SVR_ENABLE))
		value |= LVT_MASKED;
	if (offset == LAPIC_LVT_TIMER)
		vlapic_timer_write_lvt(apic, value);
	else
		*vlapic_reg(apic, offset) = value;
}

static void write_svr(struct vlapic *apic, uint32_t value)
{
	*vlapic_reg(apic, LAPIC_SVR) = value;
	if (value & SVR_ENABLE)
		return;
	for (unsigned offset = LAPIC_LVT_TIMER; offset <= LAPIC_LVT_ERROR; offset += 16)
		write_lvt(apic, offset, *vlapic_reg(apic, offset));
}

void vlapic_write_register(struct vlapic *apic, unsigned offset, uint32_t value)
{
	switch (offset) {
	case LAPIC_ID:
		break;
	case LAPIC_EOI:
		vlapic_eoi(apic);
		break;
	case LAPIC_DFR:
		*vlapic_reg(apic, LAPIC_DFR) = value | DFR_RESERVED;
		break;
	case LAPIC_SVR:
		write_svr(apic, value);
		break;
	case LAPIC_ESR: /* any write shows what was collected, and arms the error interrupt again (11.5.3) */
		*vlapic_reg(apic, LAPIC_ESR) = apic->errors;
		apic->errors = 0;
		break;
	case LAPIC_ICR:
		*vlapic_reg(apic, LAPIC_ICR) = value;
		vlapic_send(apic, value, *vlapic_reg(apic, LAPIC_ICR_HIGH) >> 24);
		break;
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
		write_lvt(apic, offset, value);
		break;
	case LAPIC_INITIAL_COUNT:
		vlapic_timer_write_count(apic, value);
		break;
	case LAPIC_DIVIDE:
		vlapic_timer_write_divide(apic, value);
		break;
	default:
		*vlapic_reg(apic, offset) = value;
		break;
	}
}

bool vlapic_mmio(struct vlapic *apic, uint32_t offset, unsigned size, bool write, uint64_t *value)
{
	const struct vlapic_register *r;

	if (!write)
		*value = 0;
	/* 11.4.1: 32-bit accesses on 128-bit boundaries; in x2APIC mode the window is gone */
	if (!(apic->base & APIC_BASE_ENABLE) || vlapic_is_x2apic(apic))
		return false;
	if (size != 4 || offset % 16 != 0 || offset >= 4096)
		return false;
	r = offset / 16 < VLAPIC_REGISTERS ? &vlapic_registers[offset / 16] : NULL;
	if (!r || !(r->access & (XAPIC_READ | XAPIC_WRITE)))
		vlapic_error(apic, ESR_REGISTER);
	else if (write && (r->access & XAPIC_WRITE))
		vlapic_write_register(apic, offset, (uint32_t)*value & r->writable);
	else if (!write && (r->access & XAPIC_READ))
		*value = vlapic_read_register(apic, offset);
	return true;
}

void vlapic_set_cr8(struct vlapic *apic, uint8_t cr8)
{
	*vlapic_reg(apic, LAPIC_TPR) = (uint32_t)(cr8 & 15) << 4;
}

bool vlapic_enabled(const struct vlapic *apic)
{
	return (apic->base & APIC_BASE_ENABLE) && (*vlapic_reg(apic, LAPIC_SVR) & SVR_ENABLE);
}
