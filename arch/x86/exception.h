/* SPDX-License-Identifier: MIT */
/* An exception in the hypervisor itself. */
#ifndef ARCH_X86_EXCEPTION_H
#define ARCH_X86_EXCEPTION_H

#include <stdint.h>

#include "arch/x86/cpu.h"

/* What isr.S and the processor push (SDM 6.14.2). */
struct exception_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Called by isr.S. */
void exception_handler(struct exception_frame *frame);
void interrupt_handler(unsigned vector);

/* A physical NMI that is not panic()'s. Weak: counts in cpu->nmis; a watchdog may take it over. */
void nmi_handler(struct cpu *cpu);

/* Panics with the registers of the frame. */
void panic_exception(const struct exception_frame *frame) __attribute__((noreturn));
/* In an NMI: halts here for good when another core has panicked. */
void panic_check(void);

#endif
