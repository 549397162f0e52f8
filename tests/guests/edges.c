/* SPDX-License-Identifier: MIT */
/*
 * 64-bit states at the edge of what a VM entry accepts, each with exits to the hypervisor in it: the end of the
 * canonical addresses, null and odd segments in every ring, single steps under interrupt shadows, each bit of the
 * control and debug registers; and INIT and start-up messages to a processor that is in the middle of something. The
 * guest must go on.
 */
#include "guest.h"

#define TF       (1ULL << 8)
#define IF       (1ULL << 9)
#define CR0_ANY  0xffffffffULL
#define CR0_PE   (1ULL << 0)
#define CR0_NW   (1ULL << 29)
#define CR0_PG   (1ULL << 31)
#define CR4_OLD  0x7cfULL /* VME to PCE, OSFXSR, OSXMMEXCPT; not PAE and MCE, which systems keep */
#define DR7_GD   (1ULL << 13)
#define EFER     0xc0000080u
#define RING_1   0x41
#define RING_2   0x4a
#define LDT      0x50 /* two entries, as the next one */
#define TASK     0x60
#define ODD      0x70
#define ICR_ASSERT (1u << 14)
#define ICR_NMI    (4u << 8)
#define ICR_INIT   (5u << 8)
#define ICR_SIPI   (6u << 8)
#define LOW      0x9000
#define COUNTER  0x9ff0
#define REGISTERS 0x9fe0
#define TOP      0x800000000000ULL /* the first address that is not canonical */
#define TOP_PHYS 0xa00000

struct raw {
	const char *name;
	uint8_t bytes[12];
};

/* What exits, on one vendor or both, or raises an exception that the hypervisor injects. ESI is DATA, RDI the local
 * APIC's ID register, ECX IA32_APIC_BASE, EAX and EDX 0. */
static const struct raw exits[] = {
	{ "CPUID", { 0x0f, 0xa2 } },
	{ "RDMSR", { 0x0f, 0x32 } },
	{ "RDMSR of none", { 0xf7, 0xd1, 0x0f, 0x32 } },
	{ "IN", { 0xe4, 0x80 } },
	{ "OUT", { 0xe6, 0x80 } },
	{ "INT1", { 0xf1 } },
	{ "INT3", { 0xcc } },
	{ "UD2", { 0x0f, 0x0b } },
	{ "VMCALL", { 0x0f, 0x01, 0xc1 } },
	{ "VMMCALL", { 0x0f, 0x01, 0xd9 } },
	{ "VMLAUNCH", { 0x0f, 0x01, 0xc2 } },
	{ "WBINVD", { 0x0f, 0x09 } },
	{ "RDPMC", { 0x0f, 0x33 } },
	{ "MOV from memory of a device", { 0x8b, 0x07 } },
	{ "MOV to CR8", { 0x44, 0x0f, 0x22, 0xc0 } },
	{ "MOV from DR7", { 0x0f, 0x21, 0xf8 } },
	{ "PAUSE", { 0xf3, 0x90 } },
	{ "XSETBV", { 0x0f, 0x01, 0xd1 } },
};
#define EXITS (sizeof(exits) / sizeof(exits[0]))

static const struct raw shadows[] = {
	{ "nothing", { 0x90 } },
	{ "MOV to SS", { 0x8e, 0xd6 } },
	{ "STI", { 0xfb } },
	{ "MOV to SS and STI", { 0x8e, 0xd6, 0xfb } },
	{ "STI and MOV to SS", { 0xfb, 0x8e, 0xd6 } },
};

static uint8_t code[64];
static uint8_t ring_stack[4096] __attribute__((aligned(16)));
static uint64_t wide_gdt[16] __attribute__((aligned(16)));
static volatile unsigned steps;

static bool is_intel(void)
{
	uint32_t id[4];

	cpuid(0, 0, id);
	return !memcmp(&id[1], "Genu", 4);
}

static size_t append(uint8_t *to, const struct raw *raw)
{
	size_t size = sizeof(raw->bytes);

	while (size && !raw->bytes[size - 1])
		size--;
	memcpy(to, raw->bytes, size);
	return size;
}

/* --- the end of the canonical addresses --- */

static uint64_t top_tables[2][512] __attribute__((aligned(4096)));

static void jump(void *argument)
{
	__asm__ volatile("jmp *%0" : : "r"(argument), "a"(0), "c"(0x1b), "d"(0), "S"(DATA), "D"(0xfee00020) : "memory");
}

static void jump_in_user_mode(void *argument)
{
	__asm__ volatile("push %0; push %1; push $2; push %2; push %3; iretq"
	                 :
	                 : "i"(USER_DATA), "r"(ring_stack + sizeof(ring_stack)), "i"(USER_CODE), "r"(argument), "a"(0),
	                   "c"(0)
	                 : "memory");
}

/* The fault is #GP (SDM 5.3.1); QEMU's processor fetches from there, as if it could be mapped, and raises #PF. */
static void canonical(void)
{
	struct fault fault;
	uint8_t bytes[16], *end = (uint8_t *)TOP;
	bool good = true;

	page_tables[255] = (uint64_t)top_tables[0] | 7;
	top_tables[0][511] = (uint64_t)top_tables[1] | 7;
	top_tables[1][511] = TOP_PHYS | 0x87;
	for (unsigned i = 0; i < EXITS; i++) {
		size_t size = append(bytes, &exits[i]);

		memcpy(end - size, bytes, size);
		good &= faults(jump, end - size, &fault);
	}
	check(good, "every instruction that exits, up to the last canonical address");
	memcpy(end - 2, exits[0].bytes, 2);
	check(faults(jump, end - 2, &fault) && (fault.vector == GP || fault.vector == PF),
	      "CPUID is the last canonical instruction");
	check(faults(jump_in_user_mode, end - 2, &fault) && (fault.vector == GP || fault.vector == PF),
	      "and in user mode");
}

/* --- single steps and interrupt shadows --- */

static void on_debug(struct frame *frame)
{
	if (++steps % 16 == 0)
		frame->rflags &= ~TF;
}

static void on_breakpoint(struct frame *frame)
{
	(void)frame;
}

static void on_nmi(struct frame *frame)
{
	(void)frame;
}

static void run_stepped(void *argument)
{
	uint64_t flags = (uint64_t)argument;

	__asm__ volatile("push %0; popfq; call *%1; pushq $2; popfq"
	                 :
	                 : "r"(flags), "r"(code), "a"(0), "c"(0x1b), "d"(0), "S"(DATA), "D"(0xfee00020)
	                 : "memory", "cc", "rbx");
}

static void shadows_and_steps(void)
{
	static const uint64_t flags[] = { 2, TF | 2, TF | IF | 2, IF | 2 };
	struct fault fault;
	unsigned tried = 0;

	set_handler(DB, on_debug);
	set_handler(BP, on_breakpoint);
	for (unsigned i = 0; i < sizeof(shadows) / sizeof(shadows[0]); i++)
		for (unsigned k = 0; k < EXITS; k++)
			for (unsigned f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
				size_t size = append(code, &shadows[i]);

				size += append(code + size, &exits[k]);
				code[size] = 0xc3;
				steps = 0;
				faults(run_stepped, (void *)flags[f], &fault);
				tried++;
			}
	check(true, "%u instructions, stepped and under shadows", tried);
}

/* A debug register under a shadow, with a step due and general detect on. */
static void detect(void *argument)
{
	(void)argument;
	__asm__ volatile("mov %0, %%dr7; pushfq; orq %1, (%%rsp); popfq; mov %2, %%ss; mov %%dr0, %%rax"
	                 :
	                 : "r"(DR7_GD | 0x400), "i"((int)TF), "r"(DATA)
	                 : "rax", "memory", "cc");
}

static void general_detect(void)
{
	struct fault fault;

	set_handler(DB, NULL);
	check(faults(detect, NULL, &fault) && fault.vector == DB, "general detect under a shadow, stepped");
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ULL));
}

/* --- segments --- */

static void descriptors(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(wide_gdt) - 1, (uint64_t)wide_gdt };
	extern uint64_t gdt[];

	memcpy(wide_gdt, gdt, 8 * sizeof(uint64_t));
	wide_gdt[RING_1 / 8] = 0x00afbb000000ffff;
	wide_gdt[RING_2 / 8] = 0x00afdb000000ffff;
	__asm__ volatile("lgdt %0" : : "m"(pointer));
}

static void jump_with_null_stack(void *argument)
{
	uint64_t selector = (uint64_t)argument;

	memcpy(code, "\x0f\xa2\x0f\x0b", 4); /* CPUID, UD2 */
	__asm__ volatile("push %0; push %1; push $2; push %2; push %3; iretq"
	                 :
	                 : "r"(selector & 3), "r"(ring_stack + sizeof(ring_stack)), "r"(selector), "r"(code), "a"(0),
	                   "c"(0)
	                 : "memory");
}

static void null_stack(void)
{
	static const uint64_t rings[] = { CODE_64, RING_1, RING_2 };
	struct fault fault;
	uint32_t id[4];

	__asm__ volatile("mov %0, %%ss" : : "r"(0));
	cpuid(0, 0, id);
	apic_send(apic_id(), ICR_ASSERT | ICR_NMI);
	cpuid(0, 0, id);
	__asm__ volatile("mov %0, %%ss" : : "r"(DATA));
	for (unsigned i = 0; i < 3; i++)
		check(faults(jump_with_null_stack, (void *)rings[i], &fault) && fault.vector == UD,
		      "a null stack segment in ring %u", i);
}

static void load_data(void *argument)
{
	uint32_t id[4];

	(void)argument;
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(ODD));
	cpuid(0, 0, id);
}

static void load_stack(void *argument)
{
	uint32_t id[4];

	(void)argument;
	__asm__ volatile("mov %0, %%ss" : : "r"(ODD));
	cpuid(0, 0, id);
	__asm__ volatile("mov %0, %%ss" : : "r"(DATA));
}

static void load_ldt(void *argument)
{
	uint32_t id[4];

	(void)argument;
	__asm__ volatile("lldt %w0" : : "r"(LDT));
	cpuid(0, 0, id);
}

static void load_task(void *argument)
{
	uint32_t id[4];

	(void)argument;
	__asm__ volatile("ltr %w0" : : "r"(TASK));
	cpuid(0, 0, id);
}

/* Every type, with every granularity, size and privilege; and tables whose bases are not canonical. */
static void segments(void)
{
	struct fault fault;
	unsigned loaded = 0;

	for (unsigned i = 0; i < 0x800; i++) {
		uint64_t access = (i & 0x7f) | 0x80, flags = i >> 7 & 15;

		wide_gdt[ODD / 8] = 0x1234560089abULL | access << 40 | 0xfULL << 48 | flags << 52;
		loaded += !faults(load_data, NULL, &fault);
		loaded += !faults(load_stack, NULL, &fault);
		wide_gdt[LDT / 8] = wide_gdt[TASK / 8] = wide_gdt[ODD / 8];
		wide_gdt[LDT / 8 + 1] = wide_gdt[TASK / 8 + 1] = i & 1 ? 0 : 0xffff8000;
		loaded += !faults(load_ldt, NULL, &fault);
	}
	__asm__ volatile("lldt %w0" : : "r"(0));
	check(loaded > 100, "%u odd segments were loaded", loaded);
	if (!is_intel()) /* QEMU's processor loads any base */
		return;
	wide_gdt[LDT / 8] = 0x0000820000000fff;
	wide_gdt[LDT / 8 + 1] = 0x8000;
	check(faults(load_ldt, NULL, &fault) && fault.vector == GP, "an LDT that is not canonical");
	wide_gdt[TASK / 8] = 0x0000890000000fff;
	wide_gdt[TASK / 8 + 1] = 0x8000;
	check(faults(load_task, NULL, &fault) && fault.vector == GP, "a TSS that is not canonical");
}

/* --- every bit of control and debug registers --- */

static void toggle_cr0(void *argument)
{
	uint64_t old = READ_CR(0);
	uint32_t id[4];

	WRITE_CR(0, old ^ (uint64_t)argument);
	cpuid(0, 0, id);
	WRITE_CR(0, old);
}

static void toggle_cr4(void *argument)
{
	uint64_t old = READ_CR(4);
	uint32_t id[4];

	WRITE_CR(4, old ^ (uint64_t)argument);
	cpuid(0, 0, id);
	WRITE_CR(4, old);
}

static void toggle_dr7(void *argument)
{
	uint32_t id[4];

	__asm__ volatile("mov %0, %%dr6; mov %1, %%dr7" : : "r"(argument), "r"((uint64_t)argument & ~(DR7_GD | 0xff)));
	cpuid(0, 0, id);
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ULL));
}

static void bits(void)
{
	uint64_t cr0 = READ_CR(0), cr4 = READ_CR(4), efer = rdmsr(EFER);
	struct fault fault;
	uint32_t id[4];

	for (unsigned i = 0; i < 64; i++) {
		uint64_t bit = 1ULL << i;

		/* QEMU's processor turns paging off in 64-bit mode and takes NW without CD: VMRUN refuses that. */
		if (bit & CR0_ANY && (is_intel() || !(bit & (CR0_PE | CR0_NW | CR0_PG))))
			faults(toggle_cr0, (void *)bit, &fault);
		if (bit & CR4_OLD)
			faults(toggle_cr4, (void *)bit, &fault);
		if (i < 32)
			faults(toggle_dr7, (void *)bit, &fault);
		if (wrmsr_safe(EFER, efer ^ bit))
			cpuid(0, 0, id);
		wrmsr(EFER, efer);
	}
	check(READ_CR(0) == cr0 && READ_CR(4) == cr4 && rdmsr(EFER) == efer,
	      "every bit of CR0, CR4, EFER, DR6 and DR7");
}

/* --- another processor in the middle of something --- */

static volatile uint32_t busy;

static void on_nmi_for_ever(struct frame *frame)
{
	uint32_t id[4];

	(void)frame;
	for (;;) {
		cpuid(0, 0, id);
		busy++;
	}
}

static void other(unsigned number)
{
	uint32_t id[4];

	(void)number;
	set_handler(NMI, on_nmi_for_ever);
	apic_enable(false);
	apic_send(apic_id(), ICR_ASSERT | ICR_NMI);
	for (;;)
		cpuid(0, 0, id);
}

/* In real mode at LOW: all bits of the registers that INIT clears, to REGISTERS; then CPUID, and one more in the word
 * at COUNTER, for ever. */
static const uint8_t real_code[] = {
	0x66, 0x0b, 0xc3, 0x66, 0x0b, 0xc1, 0x66, 0x0b, 0xc6, 0x66, 0x0b, 0xc7, 0x66, 0x0b, 0xc5, /* OR EAX, ... */
	0x2e, 0x66, 0xa3, 0xe0, 0x0f, 0x0f, 0xa2, 0x2e, 0xff, 0x06, 0xf0, 0x0f, 0xeb, 0xf7,
};

static bool advances(const volatile void *word)
{
	const volatile uint16_t *counter = word;
	uint16_t before = *counter;
	uint64_t until = rdtsc() + 1000000000;

	while (*counter == before && rdtsc() < until)
		pause();
	return *counter != before;
}

static void restart(void)
{
	static const uint8_t vectors[] = { LOW >> 12, 0, 0x20, 0x10, LOW >> 12 };
	volatile uint32_t *registers = (void *)REGISTERS;
	bool good = true;

	apic_enable(false);
	if (start_processors(other) < 2) {
		print("one processor\n");
		return;
	}
	check(advances(&busy), "an NMI handler of another processor");
	memcpy((void *)LOW, real_code, sizeof(real_code));
	*registers = ~0u;
	for (unsigned i = 0; i < 5 * sizeof(vectors); i++) {
		uint8_t vector = vectors[i % sizeof(vectors)];

		apic_send(1, ICR_ASSERT | ICR_INIT);
		apic_send(1, ICR_ASSERT | ICR_SIPI | vector);
		apic_send(1, ICR_ASSERT | ICR_SIPI | 0x30); /* ignored: it waits no longer */
		if (vector == LOW >> 12 && i % 2)
			good &= advances((void *)COUNTER);
	}
	check(good && advances((void *)COUNTER), "INIT and start-up messages end it and start it elsewhere");
	check(!*registers, "INIT has cleared its general registers (%x)", *registers);
}

int main(void)
{
	canonical();
	shadows_and_steps();
	general_detect();
	set_handler(NMI, on_nmi);
	apic_enable(false);
	descriptors();
	null_stack();
	segments();
	bits();
	restart();
	return results();
}
