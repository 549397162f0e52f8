/* SPDX-License-Identifier: MIT */
/*
 * A guest that provokes its processor rather than its devices. The last word of the command line says how.
 *
 *   user storm nmi registers paging-off mmio
 *                                         it gets the architectural fault or nothing, and goes on to its end
 *   cr4                                   either
 *   idt-gone gdt-wild stack-wild mmio-fpu mmio-return noncanonical
 *                                         its partition is stopped
 *   db-loop ac-loop hlt-off               it never ends by itself; with a second processor, that one ends the guest
 */
#include "guest.h"

#define WILD       0xd0000000ULL /* nothing is there */
#define APIC       0xfee00000ULL
#define IOAPIC     0xfec00000ULL
#define ECAM       0xe0000000ULL
#define VECTOR     0x70
#define ICR_SELF   (1u << 18)
#define ICR_NMI    (4u << 8)
#define ICR_ASSERT (1u << 14)
#define STORM      500

struct raw {
	const char *name;
	uint8_t bytes[12];
};

static uint8_t code[64];
static uint8_t user_stack[4096] __attribute__((aligned(16)));
static uint8_t operand[4096] __attribute__((aligned(4096)));

/* The bytes up to the last that is not 0, and NOPs behind them. */
static void load_code(const struct raw *raw)
{
	size_t size = sizeof(raw->bytes);

	while (size && !raw->bytes[size - 1])
		size--;
	memset(code, 0x90, sizeof(code));
	memcpy(code, raw->bytes, size);
}

static bool is_bulkhead(void)
{
	uint32_t id[4];

	cpuid(0x40000000, 0, id);
	return !memcmp(&id[1], "BulkheadBulk", 12);
}

/* Bulkhead tells the TSC's frequency; elsewhere 2 GHz will do. */
static uint64_t tsc_hz(void)
{
	uint32_t id[4];

	if (!is_bulkhead())
		return 2000000000;
	cpuid(0x40000010, 0, id);
	return id[0] * 1000ULL;
}

/* The TSC in a fifth of a second: what has not happened by then does not happen. */
static uint64_t patience(void)
{
	return rdtsc() + tsc_hz() / 5;
}

/* --- privileged instructions in user mode --- */

static const struct raw privileged[] = {
	{ "HLT", { 0xf4 } },
	{ "CLI", { 0xfa } },
	{ "STI", { 0xfb } },
	{ "IN", { 0xec } },
	{ "OUT", { 0xee } },
	{ "INSB", { 0x6c } },
	{ "OUTSB", { 0x6e } },
	{ "RDMSR", { 0x0f, 0x32 } },
	{ "WRMSR", { 0x0f, 0x30 } },
	{ "RDPMC", { 0x0f, 0x33 } },
	{ "INVD", { 0x0f, 0x08 } },
	{ "WBINVD", { 0x0f, 0x09 } },
	{ "INVLPG", { 0x0f, 0x01, 0x3e } },
	{ "LGDT", { 0x0f, 0x01, 0x16 } },
	{ "LIDT", { 0x0f, 0x01, 0x1e } },
	{ "LTR", { 0x0f, 0x00, 0xd8 } },
	{ "LMSW", { 0x0f, 0x01, 0xf0 } },
	{ "CLTS", { 0x0f, 0x06 } },
	{ "MOV from CR0", { 0x0f, 0x20, 0xc0 } },
	{ "MOV to CR3", { 0x0f, 0x22, 0xd8 } },
	{ "MOV from DR7", { 0x0f, 0x21, 0xf8 } },
	{ "XSETBV", { 0x0f, 0x01, 0xd1 } },
	{ "VMRUN", { 0x0f, 0x01, 0xd8 } },
	{ "VMLOAD", { 0x0f, 0x01, 0xda } },
	{ "CLGI", { 0x0f, 0x01, 0xdd } },
	{ "INVLPGA", { 0x0f, 0x01, 0xdf } },
	{ "SKINIT", { 0x0f, 0x01, 0xde } },
	{ "MWAIT", { 0x0f, 0x01, 0xc9 } },
	{ "RSM", { 0x0f, 0xaa } },
	{ "INT 0x70", { 0xcd, VECTOR } },
	{ "a jump to a non-canonical address", { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xe0 } },
};

static void enter_user(void *argument)
{
	uint64_t stack = (uint64_t)user_stack + sizeof(user_stack);

	(void)argument;
	__asm__ volatile("push %0; push %1; push $2; push %2; push %3; iretq"
	                 :
	                 : "i"(USER_DATA), "r"(stack), "i"(USER_CODE), "r"(code), "a"(1), "c"(0), "d"(0x40), "S"(operand),
	                   "D"(operand)
	                 : "memory");
}

static void user(void)
{
	struct fault fault;

	for (unsigned i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++) {
		load_code(&privileged[i]);
		faults(enter_user, NULL, &fault);
		check(fault.vector == GP || fault.vector == UD, "user mode: %s faults (vector %lu at %lx)", privileged[i].name,
		      fault.vector, fault.rip);
	}
}

/* --- interrupts as fast as they can be had --- */

static volatile unsigned count;

static void on_interrupt(struct frame *frame)
{
	(void)frame;
	count++;
	apic_eoi();
}

static void on_timer(struct frame *frame)
{
	(void)frame;
	if (++count >= STORM) {
		apic_write(0x320, 1u << 16);
		apic_write(0x380, 0);
	}
	apic_eoi();
}

static void on_pit(struct frame *frame)
{
	(void)frame;
	if (++count >= STORM)
		pic_init(0x20, 0xffff);
	pic_eoi(0);
}

static void self_interrupts(bool x2apic)
{
	apic_enable(x2apic);
	set_handler(VECTOR, on_interrupt);
	count = 0;
	sti();
	for (unsigned i = 0; i < STORM; i++)
		apic_send(apic_id(), ICR_ASSERT | VECTOR);
	for (unsigned i = 0; i < STORM; i++)
		apic_send(0, ICR_SELF | ICR_ASSERT | VECTOR);
	for (uint64_t until = patience(); count < 2 * STORM && rdtsc() < until;)
		pause();
	cli();
	check(count == 2 * STORM, "%s: each of %u interrupts to itself came, %u", x2apic ? "x2APIC" : "xAPIC", 2 * STORM,
	      count);
}

static void timer_storm(uint32_t mode, uint32_t initial)
{
	set_handler(VECTOR, on_timer);
	count = 0;
	apic_write(0x3e0, 0xb);
	apic_write(0x320, mode | VECTOR);
	apic_write(0x380, initial);
	while (count < STORM) {
		sti_hlt();
		if (!mode && count < STORM)
			apic_write(0x380, initial);
	}
	check(count >= STORM, "%u timer interrupts with period %u", STORM, initial);
}

static void storm(void)
{
	uint32_t id[4];

	self_interrupts(false);
	timer_storm(1u << 17, 1);
	timer_storm(0, 1);
	cpuid(1, 0, id);
	if (id[2] & 1u << 21)
		self_interrupts(true);
	set_handler(0x20, on_pit);
	count = 0;
	pit_periodic(2);
	pic_init(0x20, 0xfffe);
	while (count < STORM)
		sti_hlt();
	check(count >= STORM, "%u PIT interrupts with divisor 2", STORM);
}

/* --- NMI --- */

static volatile unsigned nmis, depth, deepest;

static void on_nmi(struct frame *frame)
{
	uint64_t until;

	(void)frame;
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	if (nmis < 4) {
		apic_send(apic_id(), ICR_ASSERT | ICR_NMI);
		for (until = rdtsc() + tsc_hz() / 2000; rdtsc() < until;)
			pause();
	}
	depth--;
}

static void nmi(void)
{
	apic_enable(false);
	set_handler(NMI, on_nmi);
	cli();
	apic_send(apic_id(), ICR_ASSERT | ICR_NMI);
	for (uint64_t until = patience(); nmis < 4 && rdtsc() < until;)
		pause();
	check(nmis == 4, "an NMI that sends itself three more arrives four times (%u)", nmis);
	check(deepest == 1, "none interrupts another before IRET (%u deep)", deepest);
	for (unsigned i = 0; i < STORM; i++)
		apic_send(apic_id(), ICR_ASSERT | ICR_NMI);
	check(nmis > 4, "%u NMIs to itself with interrupts off", nmis);
}

/* --- registers with values that a VM entry would refuse --- */

static const struct {
	const char *name;
	uint32_t msr;
	uint64_t value;
} bad_msrs[] = {
	{ "EFER without LME while paging", 0xc0000080, 1 },
	{ "EFER with SVME", 0xc0000080, 0x1d01 },
	{ "EFER with reserved bits", 0xc0000080, 0xffffffff00000d01 },
	{ "PAT with a reserved type", 0x277, 0x0007040600070402 },
	{ "APIC base with reserved bits", 0x1b, 0xfffffffffee00fff },
	{ "APIC in x2APIC mode but disabled", 0x1b, 0xfee00400 },
	{ "VM_CR", 0xc0010114, 0 },
	{ "VM_HSAVE_PA", 0xc0010117, 0x1000 },
	{ "feature control", 0x3a, 5 },
	{ "SMM base", 0x9e, 0 },
	{ "MTRR with a reserved type", 0x200, 2 },
	{ "x2APIC ICR in xAPIC mode", 0x830, 0x40000 },
};

static void write_dr7(void *argument)
{
	__asm__ volatile("mov %0, %%dr7" : : "r"(argument));
}

static void write_cr4(void *argument)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(argument));
}

/* Intel's processors take a good update there and silently refuse any other (SDM 10.11.6); AMD's have no such MSR. */
static void microcode(void)
{
	uint64_t before = 0, after = 0;
	uint32_t id[4];
	bool taken;

	cpuid(0, 0, id);
	rdmsr_safe(0x8b, &before);
	taken = wrmsr_safe(0x79, (uint64_t)operand + 48);
	rdmsr_safe(0x8b, &after);
	if (!memcmp(&id[1], "Genu", 4))
		check(taken && before == after, "a microcode update is ignored (revision %lx)", after);
	else
		check(!taken, "a microcode update (MSR 79) is refused");
}

/* QEMU's own processor is lenient here: expectations hold for us only, where the value does not reach the processor. */
static void registers(void)
{
	struct fault fault;
	uint64_t value;

	for (unsigned i = 0; i < sizeof(bad_msrs) / sizeof(bad_msrs[0]) && is_bulkhead(); i++) {
		bool was = rdmsr_safe(bad_msrs[i].msr, &value);

		check(!wrmsr_safe(bad_msrs[i].msr, bad_msrs[i].value), "%s (MSR %x) is refused", bad_msrs[i].name,
		      bad_msrs[i].msr);
		if (was)
			wrmsr_safe(bad_msrs[i].msr, value);
	}
	if (is_bulkhead())
		microcode();
	check(faults(write_dr7, (void *)0x100000000, &fault) && fault.vector == GP, "DR7 with reserved bits is refused");
	/* Bases that are not canonical: the processor refuses them, or the guest's own later access faults. */
	wrmsr_safe(0xc0000100, 1ULL << 63);
	wrmsr_safe(0xc0000101, 1ULL << 63);
	wrmsr_safe(0xc0000102, 1ULL << 63);
	wrmsr_safe(0xc0000082, 1ULL << 63);
	wrmsr(0xc0000100, 0);
	wrmsr(0xc0000101, 0);
	check(true, "segment and system-call bases that are not canonical");
}

/* QEMU's AMD-V leaves the guest where #GP is due: then its partition is stopped. */
static void cr4(void)
{
	uint64_t value = READ_CR(4);
	struct fault fault;

	for (unsigned bit = 31; bit < 64; bit++)
		faults(write_cr4, (void *)(value | 1ULL << bit), &fault);
	WRITE_CR(4, value);
	check(READ_CR(4) == value, "CR4 is as it was after every reserved bit was tried");
}

static const struct raw paging[] = {
	{ "CR0.PG off in 64-bit mode", { 0x31, 0xc0, 0x0f, 0x22, 0xc0, 0xc3 } },
	{ "CR0.PG without PE", { 0xb8, 0x10, 0, 0, 0x80, 0x0f, 0x22, 0xc0, 0xc3 } },
	{ "CR0.NW without CD", { 0xb8, 0x11, 0, 0, 0xa0, 0x0f, 0x22, 0xc0, 0xc3 } },
	{ "CR4.PAE off in 64-bit mode", { 0x31, 0xc0, 0x0f, 0x22, 0xe0, 0xc3 } },
	{ "CR8 above 15", { 0x6a, 0x10, 0x58, 0x44, 0x0f, 0x22, 0xc0, 0xc3 } },
};

static void run_code(void *argument)
{
	(void)argument;
	__asm__ volatile("call *%0" : : "r"(code) : "memory", "cc", "rax");
}

/* QEMU's own processor obeys, and this guest is lost. */
static void paging_off(void)
{
	struct fault fault;

	for (unsigned i = 0; i < sizeof(paging) / sizeof(paging[0]); i++) {
		load_code(&paging[i]);
		check(faults(run_code, NULL, &fault) && fault.vector == GP, "%s raises #GP", paging[i].name);
	}
}

/* --- device memory by every kind of instruction --- */

static const struct raw accesses[] = {
	{ "MOVS from it", { 0xa4 } },
	{ "REP MOVSQ from it", { 0xf3, 0x48, 0xa5 } },
	{ "LODS", { 0x48, 0xad } },
	{ "SCAS", { 0x48, 0x97, 0x48, 0x89, 0xf7, 0xae } },
	{ "XCHG", { 0x87, 0x06 } },
	{ "LOCK XADD", { 0xf0, 0x0f, 0xc1, 0x06 } },
	{ "LOCK CMPXCHG", { 0xf0, 0x0f, 0xb1, 0x0e } },
	{ "LOCK CMPXCHG8B", { 0xf0, 0x0f, 0xc7, 0x0e } },
	{ "LOCK BTS", { 0xf0, 0x0f, 0xab, 0x0e } },
	{ "LOCK INC", { 0xf0, 0xff, 0x06 } },
	{ "NOT", { 0xf7, 0x16 } },
	{ "TEST", { 0xf7, 0x06, 1, 0, 0, 0 } },
	{ "MOVZX", { 0x0f, 0xb7, 0x06 } },
	{ "MOVSXD", { 0x48, 0x63, 0x06 } },
	{ "MOVBE", { 0x0f, 0x38, 0xf0, 0x06 } },
	{ "PUSH", { 0xff, 0x36, 0x58 } },
	{ "POP", { 0x50, 0x8f, 0x06 } },
	{ "ADC at an odd address", { 0x11, 0x46, 0x03 } },
	{ "MOV across the page's end", { 0x48, 0x8b, 0x86, 0xfc, 0x0f, 0, 0, 0x90 } },
	{ "MOV to the page's end and beyond", { 0x48, 0x89, 0x86, 0xfc, 0x0f, 0, 0, 0x90 } },
	{ "INS to it", { 0x48, 0x89, 0xf7, 0x6c } },
	{ "OUTS from it", { 0x6e } },
};

/* RSI: device memory; RDI: memory; RCX: 3; DX: a port where nothing is. */
static void touch(void *argument)
{
	__asm__ volatile("call *%0"
	                 :
	                 : "r"(code), "a"(operand + 64), "c"(3), "d"(0x5678), "b"(0), "S"(argument), "D"(operand)
	                 : "memory", "cc");
}

static void mmio(void)
{
	static const uint64_t pages[] = { IOAPIC, ECAM, WILD, APIC + 0xff0, APIC + 0x400 };
	struct fault fault;

	apic_enable(false);
	for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		bool good = true;

		load_code(&accesses[i]);
		code[sizeof(accesses[i].bytes)] = 0xc3;
		for (unsigned page = 0; page < sizeof(pages) / sizeof(pages[0]); page++)
			good &= !faults(touch, (void *)pages[page], &fault) || fault.vector == UD;
		check(good, "device memory: %s", accesses[i].name);
	}
}

/* --- what stops the partition --- */

struct pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static void idt_gone(void)
{
	static const struct pointer wild = { 0xfff, WILD };

	__asm__ volatile("lidt %0; ud2" : : "m"(wild));
}

static void gdt_wild(void)
{
	static const struct pointer wild = { 0xfff, WILD };

	__asm__ volatile("lgdt %0; mov %1, %%ds" : : "m"(wild), "r"(DATA));
}

static void stack_wild(void)
{
	__asm__ volatile("mov %0, %%rsp; ud2" : : "r"(WILD + 4096));
}

static void noncanonical(void)
{
	__asm__ volatile("mov %0, %%rsp; ud2" : : "r"(1ULL << 63));
}

static void mmio_fpu(void)
{
	__asm__ volatile("fnsave (%0)" : : "r"(APIC));
}

static void mmio_return(void)
{
	__asm__ volatile("mov %0, %%rsp; iretq" : : "r"(APIC));
}

/* --- delivery without end: CVE-2015-8104, CVE-2015-5307 --- */

#define IST_1  36            /* offset in the TSS: the stack of double faults (SDM figure 8-11) */
#define USE_IST_1 (1ULL << 32) /* in the first half of a gate */

/* #DB has a stack of its own, so each delivery begins anew at its top, and there is the data breakpoint. */
static void db_loop(void)
{
	struct pointer gdt, idt;
	const uint64_t *tss;
	uint64_t top;

	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
	tss = (const uint64_t *)(gdt.base + TSS);
	memcpy(&top, (const uint8_t *)((tss[0] >> 16 & 0xffffff) | (tss[0] >> 56) << 24 | tss[1] << 32) + IST_1, 8);
	*(volatile uint64_t *)(idt.base + 16 * DB) |= USE_IST_1;
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(top - 8), "r"(0x000d0001ULL));
	*(volatile uint64_t *)(top - 8) = 0;
	for (;;)
		pause();
}

/* Each delivery of #AC pushes to a misaligned stack of user mode: 32-bit, since long mode aligns the stack. */
void ac_loop_32(void);
__asm__(".pushsection .text; ac_loop_32:\n"
        "ljmp *1f(%rip)\n"
        "1: .long 2f; .word 0x28\n"
        ".code32\n"
        "2: movl $0x10, %eax; movl %eax, %ds; movl %eax, %ss\n"
        "movl %cr0, %eax; andl $0x7fffffff, %eax; movl %eax, %cr0\n"
        "movl $0xc0000080, %ecx; rdmsr; andl $~0x100, %eax; wrmsr\n"
        "movl %cr0, %eax; orl $0x40000, %eax; movl %eax, %cr0\n"
        "lgdt ac_gdt_pointer; lidt ac_idt_pointer\n"
        "movl $0x13, %eax; movl %eax, %ds\n" /* else the IRET to user mode would clear it */
        "pushl $0x13; pushl $ac_stack + 4097; pushl $0x40002; pushl $0x0b; pushl $3f; iretl\n"
        "3: movl ac_stack + 1, %eax; 4: jmp 4b\n"
        ".code64; .popsection\n"
        ".pushsection .data; .balign 8\n"
        "ac_gdt: .quad 0, 0x00cffb000000ffff, 0x00cff3000000ffff\n"
        "ac_gdt_pointer: .word 23; .long ac_gdt\n"
        "ac_idt: .fill 17, 8, 0; .word 4b - 0x100000; .word 0x0b, 0xee00, 0x10\n"
        "ac_idt_pointer: .word 143; .long ac_idt\n"
        ".popsection .pushsection .bss; ac_stack: .skip 8192; .popsection");

static void hlt_off(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void witness(unsigned number)
{
	for (uint64_t until = patience(); rdtsc() < until;)
		pause();
	print("provoke: processor %u ends it\n", number);
	guest_exit(0);
}

enum ending { RETURNS, STOPS, NEVER };
static const struct {
	const char *name;
	void (*run)(void);
	enum ending ending;
} modes[] = {
	{ "user", user, RETURNS },
	{ "storm", storm, RETURNS },
	{ "nmi", nmi, RETURNS },
	{ "registers", registers, RETURNS },
	{ "mmio", mmio, RETURNS },
	{ "cr4", cr4, RETURNS },
	{ "paging-off", paging_off, RETURNS },
	{ "idt-gone", idt_gone, STOPS },
	{ "gdt-wild", gdt_wild, STOPS },
	{ "stack-wild", stack_wild, STOPS },
	{ "noncanonical", noncanonical, STOPS },
	{ "mmio-fpu", mmio_fpu, STOPS },
	{ "mmio-return", mmio_return, STOPS },
	{ "db-loop", db_loop, NEVER },
	{ "ac-loop", ac_loop_32, NEVER },
	{ "hlt-off", hlt_off, NEVER },
};

int main(void)
{
	const char *word = command_line();

	for (const char *at = word; *at; at++)
		if (*at == ' ')
			word = at + 1;
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(word, modes[i].name) != 0)
			continue;
		print("provoke: %s\n", modes[i].name);
		if (modes[i].ending == NEVER) {
			apic_enable(false);
			start_processors(witness);
		}
		modes[i].run();
		return results();
	}
	print("provoke: there is no \"%s\"\n", word);
	return 1;
}
