/* SPDX-License-Identifier: MIT */
/* What the files of the runtime share. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "guest.h"

/* start.S, isr.S */
extern uint64_t gdt[];
extern uint8_t isr_stubs[256][16];
extern uint8_t trampoline_start[], trampoline_end[];
bool call_caught(void (*fn)(void *), void *argument, uint64_t *stack);
void fault_resume(uint64_t stack) __attribute__((noreturn));
void runtime_start(void) __attribute__((noreturn));

void interrupts_start(void);
void interrupt(struct frame *frame);
void serial_start(void);
void processor_start(unsigned number);

#endif
