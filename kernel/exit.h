/* SPDX-License-Identifier: MIT */
/*
 * Why a guest stopped running: vendor-neutral and fully decoded by svm/ or vmx/. exit.c has one handler per kind.
 */
#ifndef KERNEL_EXIT_H
#define KERNEL_EXIT_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

enum exit_kind {
	EXIT_UNKNOWN,          /* zero: what a table of exits has where it says nothing */
	EXIT_INTERRUPT,        /* a physical interrupt: serviced by the host before the next entry */
	EXIT_TIMER,            /* the deadline given to run() has passed */
	EXIT_CPUID,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_PIO,
	EXIT_MEMORY,           /* stage-2 fault */
	EXIT_HLT,
	EXIT_PAUSE,
	EXIT_INTERRUPT_WINDOW, /* the guest can take an interrupt now */
	EXIT_NMI_WINDOW,
	EXIT_APIC_WRITE,       /* the processor has written to the local APIC's page, the rest is ours */
	EXIT_CR,
	EXIT_XSETBV,
	EXIT_HYPERCALL,
	EXIT_EXCEPTION,
	EXIT_INVALID_OPCODE,   /* an instruction that this machine does not offer: VMRUN, VMXON, SKINIT, RSM, ... */
	EXIT_CACHE,            /* INVD, WBINVD */
	EXIT_TASK_SWITCH,
	EXIT_NMI,              /* a physical NMI */
	EXIT_INIT,             /* a physical INIT */
	EXIT_SHUTDOWN,         /* triple fault */
	EXIT_ENTRY_FAILURE,    /* the processor refused the guest state */
	EXIT_KINDS
};

enum event_type {
	EVENT_INTERRUPT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFTWARE = 4,
	EVENT_SOFTWARE_EXCEPTION = 6,
};

/* Something to deliver through the guest's IDT. */
struct event {
	bool valid;
	bool has_error;
	uint8_t type;   /* enum event_type */
	uint8_t vector;
	uint8_t length; /* of the INT n, INT3 or INTO, for software events; 0: unknown */
	uint32_t error;
};

struct exit_pio {
	uint16_t port;
	uint8_t size;         /* 1, 2, 4 */
	bool write;
	bool string, rep;     /* INS/OUTS: decode the instruction for the segment and address size */
};

struct exit_memory {
	uint64_t gpa;
	uint64_t gva;          /* valid only with gva_valid */
	bool gva_valid;
	bool write, fetch, present;
	bool page_walk;        /* the access was the guest's own page walk, not its final address */
};

struct exit_cr {
	uint8_t number;        /* 0, 3, 4, 8; 16: CLTS, 17: LMSW (value in `value`) */
	bool write;
	uint8_t gpr;           /* encoding of the general register */
	uint64_t value;        /* value to be written */
};

struct exit_task_switch {
	uint16_t selector;
	uint8_t reason;        /* 0 CALL, 1 IRET, 2 JMP, 3 task gate (SDM 28.2.1) */
	bool has_error;
	uint32_t error;
};

struct exit_apic_write {
	uint16_t offset;       /* of the register */
	uint8_t vector;        /* EOI: the one that was in service; else the low byte that was written */
};

struct exit {
	enum exit_kind kind;
	uint8_t length;        /* of the instruction; 0: unknown, decode it (vcpu_instruction_length()) */
	uint8_t opcode_count;  /* instruction bytes the processor gave with the exit (decode assists); 0: fetch them */
	uint8_t opcode[15];
	struct event interrupted; /* event whose delivery this exit interrupted; must be delivered again */
	union {
		struct exit_pio pio;
		struct exit_memory memory;
		struct exit_cr cr;
		struct exit_task_switch task_switch;
		struct exit_apic_write apic_write;
		struct event exception;
		uint32_t msr;
	};
};

/* What the run loop does after a handler. */
enum verdict {
	VERDICT_NEXT,    /* the instruction is done: skip it, then enter */
	VERDICT_RETRY,   /* enter at the same instruction */
	VERDICT_WAIT,    /* the instruction is done, sleep until an event */
	VERDICT_STOP,    /* the partition cannot go on; the reason has been logged */
};

typedef enum verdict exit_handler(struct vcpu *vcpu, struct exit *exit);
extern exit_handler *const exit_table[EXIT_KINDS];

const char *exit_name(enum exit_kind kind);

#endif
