/* SPDX-License-Identifier: MIT */
/* Registers of the local APIC (SDM table 11-1), and what the parts of the virtual one share. */
#ifndef DRIVERS_VLAPIC_REGISTERS_H
#define DRIVERS_VLAPIC_REGISTERS_H

#include "drivers/vlapic.h"

/* Offsets; the x2APIC MSR is 0x800 + offset / 16. */
enum {
	LAPIC_ID = 0x020,
	LAPIC_VERSION = 0x030,
	LAPIC_TPR = 0x080,
	LAPIC_APR = 0x090,
	LAPIC_PPR = 0x0a0,
	LAPIC_EOI = 0x0b0,
	LAPIC_RRD = 0x0c0,
	LAPIC_LDR = 0x0d0,
	LAPIC_DFR = 0x0e0,
	LAPIC_SVR = 0x0f0,
	LAPIC_ISR = 0x100, /* 8 words, 16 bytes apart */
	LAPIC_TMR = 0x180,
	LAPIC_IRR = 0x200,
	LAPIC_ESR = 0x280,
	LAPIC_ICR = 0x300,
	LAPIC_ICR_HIGH = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PMC = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_INITIAL_COUNT = 0x380,
	LAPIC_CURRENT_COUNT = 0x390,
	LAPIC_DIVIDE = 0x3e0,
	LAPIC_SELF_IPI = 0x3f0, /* x2APIC only */
};

#define LAPIC_BASE_DEFAULT  0xfee00000ULL
#define LAPIC_VERSION_VALUE 0x00050014u /* LVT entries 0..5, no suppression of EOI broadcasts (11.4.8) */
#define SVR_ENABLE          (1u << 8)
#define DFR_RESERVED        0x0fffffffu /* reads as ones (11.6.2.2) */
#define LVT_VECTOR          0xffu
#define LVT_MODE            (7u << 8)
#define LVT_MODE_FIXED      (0u << 8)
#define LVT_MODE_NMI        (4u << 8)
#define LVT_MODE_EXTINT     (7u << 8)
#define LVT_MASKED          (1u << 16)
#define LVT_TIMER_MODE      (3u << 17)
#define LVT_TIMER_PERIODIC  (1u << 17)
#define LVT_TIMER_DEADLINE  (2u << 17)
#define ESR_SEND_ILLEGAL    (1u << 5) /* 11.5.3 */
#define ESR_RECEIVE_ILLEGAL (1u << 6)
#define ESR_REGISTER        (1u << 7)
#define ESR_BITS            (ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL | ESR_REGISTER)
#define VECTOR_LOWEST       16        /* 0..15 are illegal in an APIC (11.5.2) */

enum vlapic_access { XAPIC_READ = 1, XAPIC_WRITE = 2, X2APIC_READ = 4, X2APIC_WRITE = 8 };

struct vlapic_register {
	uint8_t access;     /* enum vlapic_access; 0: reserved */
	uint32_t writable;
	uint32_t read_only; /* bits that a write may set without effect; all others are reserved */
};

#define VLAPIC_REGISTERS 64
extern const struct vlapic_register vlapic_registers[VLAPIC_REGISTERS]; /* index: offset / 16 */

static inline uint32_t *vlapic_reg(const struct vlapic *apic, unsigned offset)
{
	return &apic->regs[offset / 4];
}

/* The word of a 256-bit register that holds `vector`. */
static inline uint32_t *vlapic_word(const struct vlapic *apic, unsigned offset, unsigned vector)
{
	return &apic->regs[offset / 4 + vector / 32 * 4];
}

static inline bool vlapic_is_x2apic(const struct vlapic *apic)
{
	return apic->base & 1 << 10;
}

/* vlapic.c */
uint32_t vlapic_read_register(struct vlapic *apic, unsigned offset);
void vlapic_write_register(struct vlapic *apic, unsigned offset, uint32_t value); /* only writable bits */
/* ID and LDR as the mode has them. */
void vlapic_identify(struct vlapic *apic);

/* vlapic_interrupt.c */
uint8_t vlapic_ppr(const struct vlapic *apic);
uint8_t vlapic_apr(const struct vlapic *apic);
/* Notes an error and, the first since the ESR was written, raises the error interrupt. */
void vlapic_error(struct vlapic *apic, uint32_t bit);
void vlapic_lvt_fire(struct vlapic *apic, unsigned offset);

/* vlapic_icr.c: sends what `low` says. */
void vlapic_send(struct vlapic *apic, uint32_t low, uint32_t destination);

/* vlapic_msr.c: like a fixed self-IPI, without touching the ICR (11.12.11). */
void vlapic_self_ipi(struct vlapic *apic, uint8_t vector);

/* vlapic_timer.c */
void vlapic_timer_write_lvt(struct vlapic *apic, uint32_t value);
void vlapic_timer_write_count(struct vlapic *apic, uint32_t value);
void vlapic_timer_write_divide(struct vlapic *apic, uint32_t value);
void vlapic_timer_write_deadline(struct vlapic *apic, uint64_t value);
uint64_t vlapic_timer_read_deadline(struct vlapic *apic);
uint32_t vlapic_timer_count(struct vlapic *apic);
/* Computes timer_deadline from the registers. */
void vlapic_timer_arm(struct vlapic *apic);

#endif
