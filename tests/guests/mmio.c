/* SPDX-License-Identifier: MIT */
/*
 * Instructions on device memory against the same on RAM: every operation of the decoder's tables, with every width,
 * register and way to form an address. The devices are the local APIC's initial count, which holds what is written to
 * it (32 bits only); the configuration space of a PCI function, where there is one; and an address where nothing is,
 * which reads as ones.
 */
#include "guest.h"

#define COUNT 0xfee00380ULL
#define EMPTY 0xd0000000ULL
#define LVT_TIMER 0x320
#define LVT_MASKED 0x10000
#define DIVIDE     0x3e0
#define FS_BASE 0xc0000100
#define GS_BASE 0xc0000101

#define CF 1u
#define PF_ 4u
#define AF 0x10u
#define ZF 0x40u
#define SF 0x80u
#define OF_ 0x800u
#define FLAGS (CF | PF_ | AF | ZF | SF | OF_ | 0x400)

static uint8_t code[32];
static unsigned length;

static void begin(void)
{
	length = 0;
}

static void byte(unsigned value)
{
	code[length++] = (uint8_t)value;
}

static void word(uint64_t value, unsigned size)
{
	memcpy(code + length, &value, size);
	length += size;
}

static void end(void)
{
	code[length] = 0xc3;
}

/* The device's address, what it holds when it cannot be written, and its widths as a mask of sizes. */
static struct device {
	uint64_t address, fixed;
	bool holds;
	unsigned sizes;
} devices[3] = { { COUNT, 0, true, 4 }, { EMPTY, ~0ULL, false, 1 | 2 | 4 | 8 } };
static unsigned device_count = 2;

static void find_devices(void)
{
	const uint8_t *mcfg = acpi_table("MCFG");
	uint64_t base;

	devices[1].fixed = *(volatile uint64_t *)EMPTY; /* 0 in bare QEMU */
	apic_write(LVT_TIMER, LVT_MASKED);
	apic_write(DIVIDE, 0xb);
	if (!mcfg)
		return;
	memcpy(&base, mcfg + 44, sizeof(base));
	devices[2] = (struct device){ base, *(volatile uint32_t *)base, false, 1 | 2 | 4 };
	device_count = 3;
}

/* --- one instruction, on both --- */

static const uint64_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0x12345678, 0xffffffff };
static const uint64_t operands[] = { 0, 3, 0x8000000000000000, 0xfedcba9876543210, ~0ULL };

enum { BY_RSI, BY_RDI }; /* which register has the address; the other one has that of RAM */

static struct {
	uint64_t before[2], operand[2], after[2];
} ram __attribute__((aligned(64)));

static bool same_registers(struct registers *a, struct registers *b, uint64_t undefined)
{
	bool good = ((a->rflags ^ b->rflags) & FLAGS & ~undefined) == 0;

	for (unsigned i = 0; i < 16; i++)
		good &= i == RSP || a->gpr[i] == b->gpr[i];
	return good;
}

/* With this content and this operand, in RCX, RDX and RBX; RAX is the content or not. */
static bool agrees_with(const struct device *d, unsigned by, uint64_t undefined, uint64_t value, uint64_t operand,
                        unsigned variant)
{
	struct registers a = { .rflags = 2 | (variant & 1 ? CF | ZF : 0), .gpr = {
		[RAX] = variant & 2 ? value : operand ^ 0x5555, [RCX] = operand, [RDX] = operand, [RBX] = operand,
		[RBP] = 5, [8] = operand } }, b;
	static uint64_t other[2];
	bool good;

	a.gpr[RSI] = (uint64_t)(by == BY_RSI ? ram.operand : other);
	a.gpr[RDI] = (uint64_t)(by == BY_RDI ? ram.operand : other);
	b = a;
	b.gpr[by == BY_RSI ? RSI : RDI] = d->address;
	ram.operand[0] = d->holds ? value : d->fixed;
	other[0] = operand;
	run_with(&a, code);
	if (d->holds)
		*(volatile uint32_t *)d->address = (uint32_t)value;
	other[0] = operand;
	run_with(&b, code);
	good = !d->holds || *(volatile uint32_t *)d->address == (uint32_t)ram.operand[0];
	b.gpr[by == BY_RSI ? RSI : RDI] += (uint64_t)ram.operand - d->address;
	return good && same_registers(&a, &b, undefined);
}

static bool agrees(const struct device *d, unsigned by, uint64_t undefined)
{
	bool good = true;

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (unsigned j = 0; j < sizeof(operands) / sizeof(operands[0]); j++)
			good &= agrees_with(d, by, undefined, values[i], operands[j], i + j);
	return good;
}

/* Prefixes for an operand of so many bytes; REX.R as well. */
static void prefixes(unsigned size, bool lock, unsigned rex)
{
	begin();
	if (size == 2)
		byte(0x66);
	if (lock)
		byte(0xf0);
	rex |= size == 8 ? 0x48 : 0;
	if (rex)
		byte(rex | 0x40);
}

/* opcode /reg on `access` bytes at RSI, and an immediate; `opcode` up to three bytes, the last one lowest. */
static bool widening(unsigned size, unsigned access, bool lock, uint32_t opcode, unsigned reg, unsigned immediate,
                     uint64_t undefined)
{
	bool good = true;

	prefixes(size, lock, 0);
	if (opcode >> 16)
		byte(opcode >> 16);
	if (opcode >> 8)
		byte(opcode >> 8);
	byte(opcode);
	byte(reg << 3 | 6);
	if (immediate)
		word(0x85a1b27f >> (immediate == 1 ? 24 : 0), immediate);
	end();
	for (unsigned i = 0; i < device_count; i++)
		if (devices[i].sizes & access)
			good &= agrees(&devices[i], BY_RSI, undefined);
	return good;
}

static bool form(unsigned size, bool lock, uint32_t opcode, unsigned reg, unsigned immediate, uint64_t undefined)
{
	return widening(size, size, lock, opcode, reg, immediate, undefined);
}

/* --- the operations --- */

/* The opcode for bytes is one less than that for the other sizes. */
static uint32_t sized(uint32_t opcode, unsigned size)
{
	return size == 1 ? opcode - 1 : opcode;
}

static void arithmetic(unsigned size)
{
	static const char *const names[] = { "ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP" };
	static const uint8_t logic[] = { 0, AF, 0, 0, AF, 0, AF, 0 };
	unsigned immediate = size == 8 ? 4 : size;
	bool good;

	for (unsigned op = 0; op < 8; op++) {
		good = form(size, false, sized(op * 8 + 1, size), RCX, 0, logic[op]);
		good &= form(size, false, sized(op * 8 + 3, size), RCX, 0, logic[op]);
		good &= form(size, false, sized(0x81, size), op, immediate, logic[op]);
		good &= size == 1 || form(size, false, 0x83, op, 1, logic[op]);
		good &= op == 7 || form(size, true, sized(op * 8 + 1, size), RCX, 0, logic[op]);
		check(good, "%u bytes: %s", size, names[op]);
	}
	good = form(size, false, sized(0x85, size), RCX, 0, AF) &&
	       form(size, false, sized(0xf7, size), 0, immediate, AF);
	check(good, "%u bytes: TEST", size);
	good = form(size, false, sized(0xf7, size), 2, 0, 0) && form(size, true, sized(0xf7, size), 3, 0, 0);
	check(good, "%u bytes: NOT, NEG", size);
	good = form(size, false, sized(0xff, size), 0, 0, 0) && form(size, true, sized(0xff, size), 1, 0, 0);
	check(good, "%u bytes: INC, DEC", size);
}

/* By 1, by an immediate, by CL: OF is defined by 1 only, AF not at all by shifts. */
static void shifts(unsigned size)
{
	static const char *const names[] = { "ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SHL (6)", "SAR" };

	for (unsigned op = 0; op < 8; op++) {
		uint64_t undefined = op < 4 ? 0 : AF;
		bool good = form(size, false, sized(0xd1, size), op, 0, undefined);

		/* Counts beyond the operand's size leave CF of bytes and words undefined. */
		undefined |= OF_ | (size < 4 && op >= 4 ? CF : 0);
		good &= form(size, false, sized(0xc1, size), op, 1, undefined);
		good &= form(size, false, sized(0xd3, size), op, 0, undefined);
		check(good, "%u bytes: %s", size, names[op]);
	}
}

static void moves(unsigned size)
{
	bool good = form(size, false, sized(0x89, size), RCX, 0, 0) &&
	            form(size, false, sized(0x8b, size), RCX, 0, 0) &&
	            form(size, false, sized(0xc7, size), 0, size == 8 ? 4 : size, 0);

	check(good, "%u bytes: MOV", size);
	good = form(size, false, sized(0x87, size), RCX, 0, 0) && form(size, true, sized(0x0fb1, size), RCX, 0, 0) &&
	       form(size, false, sized(0x0fb1, size), RCX, 0, 0) && form(size, true, sized(0x0fc1, size), RCX, 0, 0);
	check(good, "%u bytes: XCHG, CMPXCHG, XADD", size);
}

static void more_moves(unsigned size)
{
	uint32_t id[4];
	bool good = true;

	for (unsigned condition = 0; condition < 16; condition++)
		good &= form(size, false, 0x0f40 | condition, RCX, 0, 0);
	check(good, "%u bytes: CMOVcc", size);
	good = widening(size, 1, false, 0x0fb6, RCX, 0, 0) && widening(size, 1, false, 0x0fbe, RCX, 0, 0) &&
	       widening(size, 2, false, 0x0fb7, RCX, 0, 0) && widening(size, 2, false, 0x0fbf, RCX, 0, 0) &&
	       (size < 8 || widening(size, 4, false, 0x63, RCX, 0, 0));
	check(good, "%u bytes: MOVZX, MOVSX, MOVSXD", size);
	good = true;
	/* A large number in a register would lead away from the device: RBP has a small one. */
	for (unsigned op = 4; op < 8; op++)
		good &= form(size, false, 0x0fba, op, 1, OF_ | SF | AF | PF_) &&
		        form(size, false, 0x0f83 | op << 3, RBP, 0, OF_ | SF | AF | PF_);
	check(good, "%u bytes: BT, BTS, BTR, BTC", size);
	cpuid(1, 0, id);
	good = !(id[2] & 1u << 22) ||
	       (form(size, false, 0x0f38f0, RCX, 0, 0) && form(size, false, 0x0f38f1, RCX, 0, 0));
	check(good, "%u bytes: MOVBE", size);
	check(size == 2 || form(size, false, 0x0fc3, RCX, 0, 0), "%u bytes: MOVNTI", size);
}

static void set_condition(void)
{
	bool good = true;

	for (unsigned condition = 0; condition < 16; condition++)
		good &= form(1, false, 0x0f90 | condition, 0, 0, 0);
	check(good, "1 byte: SETcc");
}

/* PUSH, POP (the stack is RAM) and CMPXCHG8B; POP puts its operand where it was. */
static void eight_bytes(void)
{
	static const uint8_t push[] = { 0xff, 0x36, 0x59, 0xc3 }, pop[] = { 0x51, 0x8f, 0x06, 0xc3 };
	bool good;

	memcpy(code, push, sizeof(push));
	good = agrees(&devices[1], BY_RSI, 0);
	memcpy(code, pop, sizeof(pop));
	good &= agrees(&devices[1], BY_RSI, 0);
	check(good, "8 bytes: PUSH, POP");
	good = true;
	prefixes(4, true, 0);
	word(0x0ec70f, 3);
	end();
	good = agrees(&devices[1], BY_RSI, 0);
	check(good, "8 bytes: CMPXCHG8B");
}

static void strings(unsigned size)
{
	static const struct {
		uint8_t opcode, by;
	} operations[] = { { 0xa5, BY_RSI }, { 0xa5, BY_RDI }, { 0xa7, BY_RSI }, { 0xa7, BY_RDI }, { 0xab, BY_RDI },
	                   { 0xad, BY_RSI }, { 0xaf, BY_RDI } };
	bool good = true;

	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		prefixes(size, false, 0);
		byte(sized(operations[i].opcode, size));
		end();
		for (unsigned d = 0; d < device_count; d++)
			if (devices[d].sizes & size)
				good &= agrees(&devices[d], operations[i].by, 0);
	}
	check(good, "%u bytes: MOVS, CMPS, STOS, LODS, SCAS", size);
}

/* --- the ways to form an address: each loads a register from the count --- */

#define MARK 0x6b8b4567

/* Runs the code with the address, less `offset`, in one register and `index` in another. */
static bool loads(unsigned base, uint64_t offset, unsigned index, uint64_t index_value, unsigned target)
{
	struct registers r = { .rflags = 2 };

	end();
	r.gpr[base] = COUNT - offset;
	if (index < 16)
		r.gpr[index] = index_value;
	run_with(&r, code);
	return r.gpr[target] == MARK;
}

/* MOV target, [base + displacement] or [base + index * scale + displacement]; index 4: none. */
static void load_from(unsigned base, unsigned index, unsigned scale, unsigned mod, unsigned target)
{
	begin();
	byte(0x40 | (target >= 8) << 2 | (index >= 8) << 1 | (base >= 8));
	byte(0x8b);
	byte(mod << 6 | (target & 7) << 3 | 4);
	byte(scale << 6 | (index & 7) << 3 | (base & 7));
	if (mod)
		word((uint64_t)-0x60, mod == 1 ? 1 : 4);
}

static void bases(void)
{
	bool good = true;

	for (unsigned base = 0; base < 16; base++) {
		for (unsigned mod = 0; mod < 3; mod++) {
			if (base == RSP || (mod == 0 && (base & 7) == RBP))
				continue;
			load_from(base, 4, 0, mod, base ^ 8);
			good &= (base ^ 8) == RSP || loads(base, mod ? -0x60ULL : 0, 16, 0, base ^ 8);
			if ((base & 7) == RSP)
				continue;
			begin(); /* the same without SIB */
			byte(0x40 | (base >= 8));
			byte(0x8b);
			byte(mod << 6 | RDX << 3 | (base & 7));
			if (mod)
				word((uint64_t)-0x60, mod == 1 ? 1 : 4);
			good &= loads(base, mod ? -0x60ULL : 0, 16, 0, RDX);
		}
	}
	check(good, "every base, with and without displacement");
}

static void indices(void)
{
	bool good = true;

	for (unsigned index = 0; index < 16; index++)
		for (unsigned scale = 0; scale < 4; scale++) {
			unsigned base = index == RAX ? RBX : RAX;

			if (index == RSP)
				continue;
			load_from(base, index, scale, 2, RDX);
			good &= loads(base, (0x24ULL << scale) - 0x60, index, 0x24, RDX);
		}
	check(good, "every index and scale");
}

static bool raw(const char *bytes, unsigned count, uint64_t operand, unsigned operand_size, uint64_t rsi)
{
	struct registers r = { .rflags = 2, .gpr = { [RSI] = rsi, [RAX] = 0 } };

	begin();
	memcpy(code, bytes, count);
	length = count;
	word(operand, operand_size);
	end();
	run_with(&r, code);
	return r.gpr[RAX] == MARK;
}

static void others(void)
{
	uint64_t next = (uint64_t)code + 7;

	check(raw("\x67\x8b\x05", 3, COUNT - next, 4, 0), "relative to EIP, which wraps");
	check(raw("\x67\x8b\x06", 3, 0, 0, COUNT | 0xabcdULL << 32), "by ESI");
	check(raw("\xa1", 1, COUNT, 8, 0), "a direct address of 8 bytes");
	check(raw("\x67\xa1", 2, COUNT, 4, 0), "a direct address of 4 bytes");
	wrmsr(FS_BASE, COUNT - 0x1000);
	wrmsr(GS_BASE, COUNT + 0x1000);
	check(raw("\x64\x8b\x06", 3, 0, 0, 0x1000) && raw("\x65\x8b\x06", 3, 0, 0, -0x1000ULL), "by FS and GS");
	check(raw("\x64\x67\x8b\x06", 4, 0, 0, 0xabcdULL << 32 | 0x1000), "by FS and ESI");
	check(raw("\x2e\x3e\x36\x26\x8b\x06", 6, 0, 0, COUNT), "other segments do not count");
	check(raw("\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x8b\x46\x10", 15, 0, 0, 0xff0), "15 bytes");
	wrmsr(FS_BASE, 0);
	wrmsr(GS_BASE, 0);
}

/* Registers of a byte: with REX the lowest of all 16, without it AH to BH. */
static void byte_registers(void)
{
	uint64_t ones = devices[1].fixed & 0xff;
	bool good = true;

	for (unsigned rex = 0; rex < 3; rex++)
		for (unsigned reg = 0; reg < 8; reg++) {
			struct registers r = { .rflags = 2 };
			unsigned number = reg + (rex == 2 ? 8 : 0);
			bool high = rex == 0 && reg >= 4;

			if (number == RSP && !high)
				continue;
			begin();
			if (rex)
				byte(rex == 1 ? 0x40 : 0x44);
			byte(0x8a);
			byte(reg << 3 | 6);
			end();
			r.gpr[RSI] = EMPTY;
			run_with(&r, code);
			if (number == RSI && !high)
				good &= r.gpr[RSI] == (EMPTY | ones);
			else
				good &= r.gpr[high ? number - 4 : number] == (high ? ones << 8 : ones);
		}
	check(good, "every register of a byte");
}

int main(void)
{
	apic_enable(false);
	find_devices();
	for (unsigned size = 1; size <= 8; size *= 2) {
		arithmetic(size);
		shifts(size);
		moves(size);
		if (size > 1)
			more_moves(size);
		strings(size);
	}
	set_condition();
	eight_bytes();
	apic_write(0x380, MARK);
	bases();
	indices();
	others();
	byte_registers();
	apic_write(0x380, 0);
	return results();
}
