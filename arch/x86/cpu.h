/* SPDX-License-Identifier: MIT */
/* A physical core: its struct, and the instructions that C cannot say. */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpuid.h"
#include "arch/x86/layout.h"

#define CPU_MAX 64

struct vcpu;
struct partition;

/* x86 descriptors of one core; see gdt.c */
struct gdt_area;

struct cpu {
	unsigned id;             /* dense, 0 is the boot processor */
	uint32_t apic_id;
	bool online;
	struct gdt_area *gdt;    /* GDT and TSS */
	uint64_t stack_top;      /* main stack; the only one outside NMI, #DF, #MC */
	uint64_t cr3;            /* in use now: the kernel's own or a partition's */
	struct vcpu *vcpu;       /* in guest context now, for panics and the log */
	struct partition *partition;
	_Atomic uint32_t mailbox; /* enum cpu_request bits, set by others before an IPI */
	uint64_t interrupts;     /* physical interrupts serviced */
	uint64_t nmis;           /* physical NMIs */
	uint64_t timer_deadline; /* armed in the local APIC; UINT64_MAX: none */
	void *backend;           /* svm: host save area; vmx: VMXON region */
};

extern struct cpu cpus[CPU_MAX];
extern unsigned cpu_count; /* cores online */

/* The top word of every stack points to its core (the guest's GS base may be loaded while hypervisor code runs). */
static inline struct cpu *this_cpu(void)
{
	uint64_t rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	return *(struct cpu **)((rsp | (STACK_SIZE - 1)) - 7);
}

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* For MSRs that may be absent: false when the access raised #GP (idt.c knows these two instructions). */
bool rdmsr_safe(uint32_t msr, uint64_t *value);
bool wrmsr_safe(uint32_t msr, uint64_t value);

static inline void interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void cpu_pause(void) { __asm__ volatile("pause" : : : "memory"); }

static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) { uint8_t v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint16_t inw(uint16_t port) { uint16_t v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint32_t inl(uint16_t port) { uint32_t v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }

#define DR_READ(n) ({ uint64_t dr_; __asm__ volatile("mov %%dr" #n ", %0" : "=r"(dr_)); dr_; })
#define CR_READ(n) ({ uint64_t cr_; __asm__ volatile("mov %%cr" #n ", %0" : "=r"(cr_)); cr_; })
#define CR_WRITE(n, v) ({ __asm__ volatile("mov %0, %%cr" #n : : "r"((uint64_t)(v)) : "memory"); })

/* Makes the caller, on the loader's tables, cpus[0]: GDT, IDT, features. The first thing that the kernel does. */
void cpu_init_boot(void);

/* Detects SMEP, SMAP, UMIP, NX, XSAVE, ... and sets CR0, CR4 and EFER of the calling core. */
void cpu_features_enable(void);

#endif
