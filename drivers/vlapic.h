/* SPDX-License-Identifier: MIT */
/*
 * Virtual local APIC (SDM chapter 11): xAPIC and x2APIC, one-shot, periodic and TSC-deadline timer. Pure. One per vCPU;
 * its registers are the 4 KiB page of SDM table 11-1, which a processor that virtualizes local APICs shares: it takes
 * interrupts from there by itself (`by_processor`). Only the owner vCPU's core touches it, except vlapic_post(), which
 * any core may call.
 */
#ifndef DRIVERS_VLAPIC_H
#define DRIVERS_VLAPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/stream.h"

struct vlapic;

/* The interrupt command of an ICR write, decoded; destination as in the ICR (logical or physical, `x2apic` wide). */
struct vlapic_ipi {
	uint8_t vector;
	uint8_t mode;        /* ICR delivery mode: 0 fixed, 1 lowest, 2 SMI, 4 NMI, 5 INIT, 6 start-up */
	bool logical, assert, level;
	uint8_t shorthand;   /* 0 none, 1 self, 2 all, 3 all but self */
	uint32_t destination;
};

/* What a local APIC needs of the world; all called on the owner's core. */
struct vlapic_host {
	void (*send_ipi)(struct vlapic *apic, const struct vlapic_ipi *ipi); /* never for a fixed self-IPI: done inside */
	void (*eoi)(struct vlapic *apic, uint8_t vector);                    /* EOI of a level-triggered vector */
	void (*nmi)(struct vlapic *apic);                                    /* LVT entry in NMI mode fired */
	uint64_t (*tsc)(struct vlapic *apic);                                /* the guest's TSC now */
};

struct vlapic {
	uint32_t *regs;      /* 1024 words, index = offset / 4; given by the owner, page aligned */
	const struct vlapic_host *host;
	void *owner;         /* struct vcpu */
	uint64_t base;       /* IA32_APIC_BASE as the guest sees it */
	uint32_t id;         /* APIC ID */
	_Atomic uint64_t posted[4];   /* vectors posted by other cores, moved to IRR by the owner */
	_Atomic uint32_t posted_any;
	_Atomic uint64_t posted_level[4]; /* trigger mode that goes with posted */
	uint64_t timer_deadline;      /* guest TSC; UINT64_MAX: not running */
	uint64_t timer_start;         /* guest TSC when the current count began */
	uint64_t tsc_deadline;        /* IA32_TSC_DEADLINE as read back */
	bool timer_running;           /* a count is going on (one-shot or periodic) */
	bool bsp;                     /* the BSP flag of IA32_APIC_BASE after reset */
	uint32_t errors;              /* seen since the last write to the ESR */
	uint32_t tsc_per_tick_shift;  /* the timer's bus clock is the TSC divided by 2^this (before the divide register):
	                               * 0..24, 4 after init */
	int isr_top;         /* highest vector in service, -1: none (cache) */
	int irr_top;         /* highest vector requested, -1: none (cache) */
	uint8_t isr_words;   /* bit n: the n-th of the 8 ISR words is not zero (cache) */
	uint8_t irr_words;   /* the same of the IRR */
	bool by_processor;   /* said by the owner: the processor delivers from the page; it changes TPR, PPR, IRR, ISR */
	bool stale;          /* said by vlapic_told(): it may have, so that the four caches tell nothing but what was
	                      * requested since, in irr_top and irr_words; who needs more works them out again */
	bool tmr_changed;    /* since the owner has set this to false */
};

void vlapic_init(struct vlapic *apic, uint32_t *regs, uint32_t id, bool bsp, const struct vlapic_host *host,
                 void *owner);
/* Power-on or INIT state (SDM 11.4.7); INIT keeps the APIC ID and IA32_APIC_BASE. */
void vlapic_reset(struct vlapic *apic, bool init);

/* MMIO, offset 0..0xfff from the base. False: an access that the architecture leaves undefined (reads give 0). */
bool vlapic_mmio(struct vlapic *apic, uint32_t offset, unsigned size, bool write, uint64_t *value);
/* x2APIC MSRs 0x800..0x8ff, IA32_TSC_DEADLINE and IA32_APIC_BASE. False: inject #GP(0). */
bool vlapic_rdmsr(struct vlapic *apic, uint32_t msr, uint64_t *value);
bool vlapic_wrmsr(struct vlapic *apic, uint32_t msr, uint64_t value);
/* The two that matter, on their own: EOI, and the ICR in x2APIC format. */
void vlapic_eoi(struct vlapic *apic);
/* What the processor leaves of a write whose effect on the page it has made: EOI of `vector`, or a self-IPI. */
void vlapic_written(struct vlapic *apic, unsigned offset, uint8_t vector);
/* Is reading x2APIC MSR 0x800 + index no more than reading the page, which the processor keeps up to date? */
bool vlapic_reads_page(unsigned index);
bool vlapic_write_icr(struct vlapic *apic, uint64_t value);

/* CR8 access: bits 7:4 of the TPR. */
static inline uint8_t vlapic_get_cr8(const struct vlapic *apic)
{
	return (uint8_t)(apic->regs[0x80 / 4] >> 4);
}

void vlapic_set_cr8(struct vlapic *apic, uint8_t cr8);

/* From any core: request a fixed interrupt. The caller then sets the vCPU's todo bit and kicks it. */
void vlapic_post(struct vlapic *apic, uint8_t vector, bool level);
/* On the owner's core. */
void vlapic_caches(struct vlapic *apic);
static inline void vlapic_refresh(struct vlapic *apic)
{
	if (apic->stale)
		vlapic_caches(apic);
}
/* A processor that delivers by itself knows all that is in the page, and may change it from now on. What is new for it
 * then: all when not stale, else a request in irr_top. */
static inline void vlapic_told(struct vlapic *apic)
{
	apic->stale = true;
	apic->irr_top = -1;
	apic->irr_words = 0;
}
void vlapic_request(struct vlapic *apic, uint8_t vector, bool level);
void vlapic_take_posted(struct vlapic *apic); /* into the IRR; the two below do so */
/* Highest vector that may be delivered now (IRR above PPR), or -1. Takes over what was posted. */
int vlapic_pending(struct vlapic *apic);
/* Highest requested vector regardless of PPR, or -1: what a HLT must look at is vlapic_pending(), this is for windows. */
static inline int vlapic_requested(struct vlapic *apic)
{
	if (atomic_load_explicit(&apic->posted_any, memory_order_relaxed))
		vlapic_take_posted(apic);
	return apic->irr_top;
}
/* The processor takes `vector`, which was pending: IRR to ISR. */
void vlapic_accept(struct vlapic *apic, uint8_t vector);

/* Does an interrupt with this destination reach this APIC? (SDM 11.6.2) `x2apic_sender`: 32-bit destination format. */
bool vlapic_match(const struct vlapic *apic, uint32_t destination, bool logical, bool x2apic_sender);
bool vlapic_enabled(const struct vlapic *apic);          /* globally and by software (SVR bit 8) */
/* LINT0 accepts the 8259's INTR: LVT0 unmasked in ExtINT mode, or the APIC globally disabled. */
bool vlapic_accepts_extint(const struct vlapic *apic);
/* A pulse on LINT1 (NMI pin). */
void vlapic_lint1(struct vlapic *apic);

/* Guest TSC at which the timer fires next; UINT64_MAX: never. */
uint64_t vlapic_timer_deadline(const struct vlapic *apic);
/* Called when guest TSC `now` has reached the deadline: requests the interrupt, reloads a periodic count. */
void vlapic_timer_expire(struct vlapic *apic, uint64_t now);
/* The guest's TSC has been moved by `delta`: counts go on as before, the TSC deadline stays where it is. */
void vlapic_tsc_moved(struct vlapic *apic, uint64_t delta);

void vlapic_save(const struct vlapic *apic, struct stream *out);
void vlapic_restore(struct vlapic *apic, struct stream *in);

#endif
