/* SPDX-License-Identifier: MIT */
/*
 * A guest that does what it should not. The last word of the command line says what; without one, everything that
 * should leave it running. The hypervisor, and other partitions, must not notice. Not for bare QEMU, which lets much of
 * this pass or ends itself by it.
 *
 *   instructions memory ports msrs apic      it gets the architectural fault, or nothing happens
 *   triple-fault fetch page-table            its partition is stopped
 *   loop                                     it holds its own processor for ever, with interrupts off
 */
#include "guest.h"

struct raw {
	const char *name;
	uint8_t bytes[16];
};

/* Each must raise #UD or #GP. RAX, RCX and RDX are 0, RSI points to 4 KiB of memory. */
static const struct raw forbidden[] = {
	{ "VMRUN", { 0x0f, 0x01, 0xd8 } },
	{ "VMLOAD", { 0x0f, 0x01, 0xda } },
	{ "VMSAVE", { 0x0f, 0x01, 0xdb } },
	{ "STGI", { 0x0f, 0x01, 0xdc } },
	{ "CLGI", { 0x0f, 0x01, 0xdd } },
	{ "SKINIT", { 0x0f, 0x01, 0xde } },
	{ "INVLPGA", { 0x0f, 0x01, 0xdf } },
	{ "VMLAUNCH", { 0x0f, 0x01, 0xc2 } },
	{ "VMRESUME", { 0x0f, 0x01, 0xc3 } },
	{ "VMXOFF", { 0x0f, 0x01, 0xc4 } },
	{ "VMXON", { 0xf3, 0x0f, 0xc7, 0x36 } },
	{ "VMPTRLD", { 0x0f, 0xc7, 0x36 } },
	{ "VMREAD", { 0x0f, 0x78, 0xc0 } },
	{ "INVEPT", { 0x66, 0x0f, 0x38, 0x80, 0x06 } },
	{ "RSM", { 0x0f, 0xaa } },
	{ "GETSEC", { 0x0f, 0x37 } },
	{ "ENCLS", { 0x0f, 0x01, 0xcf } },
	{ "MONITOR", { 0x0f, 0x01, 0xc8 } },
	{ "MWAIT", { 0x0f, 0x01, 0xc9 } },
	{ "MONITORX", { 0x0f, 0x01, 0xfa } },
	{ "MCOMMIT", { 0xf3, 0x0f, 0x01, 0xfa } },
	{ "RDPRU", { 0x0f, 0x01, 0xfd } },
	{ "INVLPGB", { 0x0f, 0x01, 0xfe } },
	{ "TLBSYNC", { 0x0f, 0x01, 0xff } },
	{ "XSETBV of 0", { 0x0f, 0x01, 0xd1 } },
	{ "UD0", { 0x0f, 0xff, 0xc0 } },
	{ "UD2", { 0x0f, 0x0b } },
	{ "LOCK NOP", { 0xf0, 0x90 } },
	{ "16 bytes", { [0 ... 14] = 0x2e, 0x90 } },
	{ "RDPMC", { 0x0f, 0x33 } },
};

/* These must do nothing. */
static const struct raw harmless[] = {
	{ "WBINVD", { 0x0f, 0x09 } },
	{ "INVD", { 0x0f, 0x08 } },
	{ "PAUSE", { 0xf3, 0x90 } },
	{ "VMMCALL", { 0x0f, 0x01, 0xd9 } },
	{ "CLTS", { 0x0f, 0x06 } },
	{ "INVLPG", { 0x0f, 0x01, 0x3e } },
};

static uint8_t code[32];
static uint8_t operand[4096] __attribute__((aligned(4096)));

static void execute(void *argument)
{
	(void)argument;
	__asm__ volatile("call *%0" : : "r"(code), "a"(0), "c"(0), "d"(0), "S"(operand) : "memory", "cc", "rdi", "r8");
}

static bool raises(const struct raw *raw, struct fault *fault)
{
	memcpy(code, raw->bytes, sizeof(raw->bytes));
	code[sizeof(raw->bytes)] = 0xc3;
	for (unsigned i = sizeof(raw->bytes); i && !code[i - 1]; i--)
		code[i - 1] = 0xc3;
	return faults(execute, NULL, fault);
}

static void instructions(void)
{
	struct fault fault;

	for (unsigned i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		check(raises(&forbidden[i], &fault) && (fault.vector == UD || fault.vector == GP), "%s faults",
		      forbidden[i].name);
	for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		bool raised = raises(&harmless[i], &fault);

		check(!raised || fault.vector == UD, "%s does nothing", harmless[i].name);
	}
}

static uint64_t read_at(uint64_t address, unsigned size)
{
	switch (size) {
	case 1:
		return *(volatile uint8_t *)address;
	case 2:
		return *(volatile uint16_t *)address;
	case 4:
		return *(volatile uint32_t *)address;
	default:
		return *(volatile uint64_t *)address;
	}
}

static void write_at(uint64_t address, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)address = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)address = value;
		break;
	}
}

/* Nothing is there: reads give ones, writes are lost, at every size and across pages. */
static void memory(void)
{
	static const uint64_t addresses[] = { 0xc0000000, 0xd0000fff, 0xe0008123, 0xf7fffffc, 0xfeb00ffc, 0xfed90000 };

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		bool ones = true;

		for (unsigned size = 1; size <= 8; size *= 2) {
			write_at(addresses[i], size, 0x1122334455667788);
			ones &= read_at(addresses[i], size) == ~0ULL >> (64 - 8 * size);
		}
		check(ones, "nothing is at %lx", addresses[i]);
	}
}

/* Ports that end the guest or its output. Those of power management are where the FADT says. */
static bool is_deadly(uint32_t port)
{
	const uint8_t *fadt = acpi_table("FACP");
	uint32_t pm = fadt ? *(const uint32_t *)(fadt + 64) : 0x604;

	return (port >= 0x3f8 && port < 0x400) || (port >= 0xf1 && port < 0xf8) || (port >= 0xcf6 && port <= 0xcf9) ||
	       (port >= 0x60 && port <= 0x64) || (port >= 0x8f && port <= 0x92) || (port + 4 > pm && port < pm + 4);
}

static void ports(void)
{
	static const uint32_t patterns[] = { 0, 0xffffffff, 0xa5a5a5a5 };
	static uint8_t deadly[65536];
	uint32_t sum = 0;

	for (uint32_t port = 0; port < 65536; port++) {
		sum += in8((uint16_t)port);
		deadly[port] = port < 0x1000 && is_deadly(port);
	}
	for (uint32_t port = 0; port < 0x1000; port++)
		sum += in16((uint16_t)port) + in32((uint16_t)port);
	check(true, "every port can be read (sum %x)", sum);
	for (uint32_t port = 0; port < 0x1000; port++) {
		for (unsigned i = 0; i < 3 && !deadly[port]; i++) {
			out8((uint16_t)port, (uint8_t)patterns[i]);
			out16((uint16_t)port, (uint16_t)patterns[i]);
			out32((uint16_t)port, patterns[i]);
		}
	}
	pic_init(0x20, 0xffff);
	check(in16(0xffff) == 0xffff && in32(0xfffd) == 0xffffffff, "accesses across the last port read ones");
}

static void strings(void)
{
	uint64_t count = 300, to = (uint64_t)operand;

	__asm__ volatile("rep insb" : "+c"(count), "+D"(to) : "d"(0x5678) : "memory");
	check(!count && operand[0] == 0xff && operand[299] == 0xff && !operand[300],
	      "REP INSB of 300 bytes from nothing");
	count = 300;
	to = (uint64_t)operand;
	__asm__ volatile("rep outsb" : "+c"(count), "+S"(to) : "d"(0x5678) : "memory");
	check(!count && to == (uint64_t)operand + 300, "REP OUTSB of 300 bytes to nothing");
	count = 16;
	to = 0xc0000ff0;
	__asm__ volatile("rep stosq" : "+c"(count), "+D"(to) : "a"(0) : "memory");
	check(!count && to == 0xc0000ff0 + 128, "REP STOSQ to nothing, across a page");
}

/* Every MSR of the ranges that processors have: read, written back, written with ones. The local APIC has its own. */
static void msrs(void)
{
	static const uint32_t bases[] = { 0, 0xc0000000, 0xc0010000, 0x40000000, 0x4b564d00, 0xfffff000 };
	unsigned readable = 0, written = 0;
	uint64_t value;

	for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		uint32_t count = i < 3 ? 0x2000 : 0x100;

		for (uint32_t msr = bases[i]; msr < bases[i] + count; msr++) {
			if (msr >= 0x800 && msr < 0x900)
				continue;
			if (rdmsr_safe(msr, &value)) {
				readable++;
				wrmsr_safe(msr, value);
			}
			written += wrmsr_safe(msr, ~0ULL);
			wrmsr_safe(msr, value);
		}
	}
	check(readable > 20, "%u MSRs can be read, %u take all ones", readable, written);
}

static void on_nmi(struct frame *frame)
{
	(void)frame;
}

static void apic(void)
{
	static const uint32_t patterns[] = { 0xffffffff, 0x55555555, 0xaaaaaaaa, 0 };
	uint64_t page = 0xfee00000, sum = 0, value;

	set_handler(NMI, on_nmi);
	apic_enable(false);
	for (uint64_t at = page; at < page + 4096 - 8; at += 4)
		for (unsigned size = 1; size <= 8; size *= 2)
			sum += read_at(at, size);
	for (unsigned i = 0; i < 4; i++)
		for (uint64_t at = page; at < page + 4096 - 8; at += 4)
			for (unsigned size = 1; size <= 8; size *= 2)
				write_at(at, size, patterns[i]);
	check(true, "every register of the local APIC takes everything (sum %lx)", sum);
	apic_enable(true);
	for (uint32_t msr = 0x800; msr < 0x900; msr++) {
		if (rdmsr_safe(msr, &value))
			sum += value;
		for (unsigned i = 0; i < 4; i++)
			wrmsr_safe(msr, (uint64_t)patterns[i] << 32 | patterns[i]);
	}
	check(true, "every x2APIC register takes everything (sum %lx)", sum);
}

static void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void fetch(void)
{
	((void (*)(void))0xd0000000)();
}

static void page_table(void)
{
	WRITE_CR(3, 0xd0000000);
}

static void loop(void)
{
	for (;;)
		__asm__ volatile("cli");
}

static const struct {
	const char *name;
	void (*run)(void);
	bool returns;
} modes[] = {
	{ "instructions", instructions, true },
	{ "memory", memory, true },
	{ "ports", ports, true },
	{ "strings", strings, true },
	{ "msrs", msrs, true },
	{ "apic", apic, true },
	{ "triple-fault", triple_fault, false },
	{ "fetch", fetch, false },
	{ "page-table", page_table, false },
	{ "loop", loop, false },
};

static const char *last_word(void)
{
	const char *line = command_line(), *word = line;

	for (; *line; line++)
		if (*line == ' ')
			word = line + 1;
	return word;
}

int main(void)
{
	const char *word = last_word();
	bool found = false;

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		found |= !strcmp(word, modes[i].name);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (found ? strcmp(word, modes[i].name) != 0 : !modes[i].returns)
			continue;
		print("hostile: %s\n", modes[i].name);
		modes[i].run();
	}
	return results();
}
