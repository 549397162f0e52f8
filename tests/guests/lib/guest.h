/* SPDX-License-Identifier: MIT */
/*
 * Runtime of the small guests: a Multiboot 1 kernel in 64-bit mode, the first 4 GiB mapped one to one, interrupts off,
 * the 8259 pair masked, an IDT that reports what nobody expects. `main` is the guest; what it returns is the exit
 * status. No SSE. They run on bare QEMU as well: what passes there is how hardware behaves.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int main(void);

/* --- output: COM1, polled --- */

/* %s %c %d %u %x %p %%, with l or ll, a width, and 0 or - before it. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_char(char c);

/* --- results --- */

/* Prints "ok TEXT" or "FAILED TEXT" and counts. Returns `good`. */
bool check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "N passed, N failed"; the status that main should return: 0 when none failed. */
int results(void);

/* --- end --- */

/* isa-debug-exit on port 0xf4 with this status; where there is none, ACPI S5, else stop. */
void guest_exit(unsigned status) __attribute__((noreturn));
/* ACPI S5, found by the RSDP, FADT and DSDT. False: there are no such tables. */
bool acpi_power_off(void);
/* A table by its signature, checksum good; NULL: none. */
const void *acpi_table(const char signature[4]);

/* --- Multiboot --- */
extern uint32_t multiboot_magic;
extern uint32_t multiboot_info_address;
struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};
static inline const struct multiboot_info *multiboot_info(void)
{
	return (const struct multiboot_info *)(uintptr_t)multiboot_info_address;
}
/* "" when there is none. */
const char *command_line(void);
/* The number that is its last word; `otherwise` when that is none, or 0. */
unsigned command_number(unsigned otherwise);
/* First byte behind the image, page aligned. What the loader put there is the caller's to look out for. */
extern uint8_t guest_end[];

/* --- selectors --- */
#define CODE_64   0x08
#define DATA      0x10
#define USER_DATA 0x1b
#define USER_CODE 0x23
#define CODE_32   0x28
#define TSS       0x30

extern uint64_t page_tables[6 * 512]; /* PML4, PDPT, 4 page directories of 2 MiB pages, user accessible */
void set_kernel_stack(uint64_t rsp);  /* RSP0 of the TSS */

/* --- exceptions and interrupts --- */

struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rdx, rcx, rbx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
typedef void interrupt_handler(struct frame *frame);

/* NULL: report it and exit with status 127. The handler may change the frame. */
void set_handler(uint8_t vector, interrupt_handler *handler);
void load_idt(void); /* done already on the boot processor */
/* The gate of a vector; `ist`: 1 to 7, of the TSS, 0 for none. 1 is the double fault's. */
void set_gate(uint8_t vector, bool present, unsigned ist);
void set_ist(unsigned number, uint64_t rsp);

struct fault {
	uint64_t vector, error, rip, cr2;
};
/* Calls fn(argument). True: it raised an exception (0..31), which is described in *fault. */
bool faults(void (*fn)(void *), void *argument, struct fault *fault);

enum { DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14 };

/* --- single instructions --- */

struct registers {
	uint64_t gpr[16]; /* in the order of ModRM; RSP is not used */
	uint64_t rflags;
};
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* Calls `code`, which leaves RSP as it was, with these registers; they are then as it left them. RFLAGS can have TF:
 * the first instruction that is stepped is the CALL. */
void run_with(struct registers *registers, const void *code);
/* A piece of such code, from NAME to NAME_end, where its RET is. */
#define CODE(name, body) \
	extern const uint8_t name[], name##_end[]; \
	__asm__(".pushsection .text\n" #name ":\n" body "\n" #name "_end: ret\n.popsection")

/* 32-bit code, without paging, and back to 64-bit mode: see protected.S. */
void run_protected(void (*code)(void));

#define READ_DR(n) ({ uint64_t v_; __asm__ volatile("mov %%dr" #n ", %0" : "=r"(v_)); v_; })
#define WRITE_DR(n, v) ({ __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v)) : "memory"); })

/* --- interrupt controllers --- */
void pic_init(uint8_t base, uint16_t mask); /* vectors base..base + 15; a set bit masks */
void pic_eoi(unsigned irq);
void pit_periodic(uint16_t divisor);

void apic_enable(bool x2apic); /* with spurious vector 0xff */
uint32_t apic_read(uint32_t reg); /* offset in the register page, as 0x20; works in both modes */
void apic_write(uint32_t reg, uint32_t value);
void apic_eoi(void);
void apic_send(uint32_t destination, uint32_t command); /* ICR */
uint32_t apic_id(void);
void ioapic_route(unsigned pin, uint8_t vector, uint32_t destination, bool level);

/* Starts every processor of the MADT that is enabled; each calls `entry` with interrupts off. Returns how many run. */
unsigned start_processors(void (*entry)(unsigned number));

/* --- instructions --- */
static inline void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void out16(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
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

/* False: #GP. */
bool rdmsr_safe(uint32_t msr, uint64_t *value);
bool wrmsr_safe(uint32_t msr, uint64_t value);

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

static inline void sti(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void cli(void) { __asm__ volatile("cli" : : : "memory"); }
/* Opens interrupts and waits for one, with no gap in between. */
static inline void sti_hlt(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }
static inline void pause(void) { __asm__ volatile("pause" : : : "memory"); }

#define READ_CR(n) ({ uint64_t v_; __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v_)); v_; })
#define WRITE_CR(n, v) ({ __asm__ volatile("mov %0, %%cr" #n : : "r"((uint64_t)(v)) : "memory"); })

#endif
