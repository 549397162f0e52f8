/* SPDX-License-Identifier: MIT */
/*
 * Code that changes while it runs (SDM 12.6, APM 7.6.1): what a hypervisor remembers of an instruction must not outlive
 * it. Instructions that it executes for its guest are replaced by others, of other lengths, through other addresses,
 * and by mapping another page over them.
 */
#include "guest.h"

#define PAGE    4096ULL
#define LINEAR  0x40000000ULL
#define PRESENT 1ULL
#define WRITE   2ULL
#define SCRATCH 0x3ff
#define IOAPIC  0xfec00000ULL

static volatile uint64_t table[512] __attribute__((aligned(PAGE)));
static uint8_t pages[3][PAGE] __attribute__((aligned(PAGE)));

static void map(unsigned number, const void *target)
{
	table[number] = (uint64_t)target | PRESENT | WRITE;
	__asm__ volatile("invlpg (%0)" : : "r"(LINEAR + number * PAGE) : "memory");
}

static struct registers r;

/* RAX of code that begins with RAX and RCX 0, RBX 7, RDX the scratch port, RSI a device. */
static uint64_t run(uint64_t code)
{
	r = (struct registers){ .rflags = 2, .gpr = { [RDX] = SCRATCH, [RBX] = 7, [RSI] = IOAPIC } };
	run_with(&r, (const void *)code);
	return r.gpr[RAX];
}

/* Instructions that leave the guest, each followed by INC EAX and RET: what is skipped too much or too little shows. */
static const struct {
	uint8_t bytes[12];
	uint8_t count;
} pieces[] = {
	{ { 0x0f, 0xa2, 0x31, 0xc0 }, 4 },                         /* CPUID; XOR EAX, EAX */
	{ { 0x66, 0x66, 0x0f, 0xa2, 0x31, 0xc0 }, 6 },             /* the same with prefixes */
	{ { 0xe6, 0x80 }, 2 },                                     /* OUT 80, AL */
	{ { 0xe4, 0x80, 0x31, 0xc0 }, 4 },                         /* IN AL, 80; XOR EAX, EAX */
	{ { 0xee }, 1 },                                           /* OUT DX, AL */
	{ { 0x48, 0xee }, 2 },
	{ { 0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x31, 0xc0 }, 9 },    /* MOV ECX, 1B; RDMSR; XOR EAX, EAX */
	{ { 0x8b, 0x0e }, 2 },                                     /* MOV ECX, [RSI] */
	{ { 0x8b, 0x8e, 0x10, 0, 0, 0 }, 6 },                      /* MOV ECX, [RSI + 10] */
	{ { 0x3e, 0x3e, 0x8b, 0x4e, 0x10 }, 5 },
	{ { 0xc7, 0x06, 1, 0, 0, 0 }, 6 },                         /* MOV [RSI], 1 */
	{ { 0x0f, 0x20, 0xc0, 0x31, 0xc0 }, 5 },                   /* MOV RAX, CR0; XOR EAX, EAX */
	{ { 0x0f, 0x09 }, 2 },                                     /* WBINVD */
	{ { 0x66, 0x0f, 0xa2, 0x31, 0xc0 }, 5 },                   /* no other CPUID in its middle */
};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

static void write_piece(uint64_t to, unsigned number)
{
	static const uint8_t after[] = { 0xff, 0xc0, 0xc3 };

	for (unsigned i = 0; i < pieces[number].count; i++)
		((volatile uint8_t *)to)[i] = pieces[number].bytes[i];
	for (unsigned i = 0; i < sizeof(after); i++)
		((volatile uint8_t *)to)[pieces[number].count + i] = after[i];
}

static void in_place(void)
{
	bool good = true;

	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < PIECES; i++) {
			write_piece(LINEAR + 64, (i * 5 + round) % PIECES);
			good &= run(LINEAR + 64) == 1;
		}
	check(good, "instructions that leave the guest, replaced in place");
	good = true;
	for (unsigned i = 0; i < PIECES; i++) {
		write_piece((uint64_t)pages[0] + 64, i);
		good &= run(LINEAR + 64) == 1;
	}
	check(good, "replaced through another address");
	good = true;
	for (unsigned offset = 1; offset < 12; offset++)
		for (unsigned i = 0; i < PIECES; i++) {
			write_piece(LINEAR + PAGE - offset, i);
			good &= run(LINEAR + PAGE - offset) == 1;
		}
	check(good, "across two pages");
}

/*
 * All but the last: on an AMD processor that does not save the next instruction's address (none that was sold in the
 * last ten years, but QEMU 7.2), Bulkhead takes it for the CPUID without a prefix that it has seen there.
 */
static void mapped(void)
{
	bool good = true;

	for (unsigned i = 0; i < (PIECES - 1) * (PIECES - 1); i++) {
		write_piece((uint64_t)pages[0] + 64, i % (PIECES - 1));
		write_piece((uint64_t)pages[2] + 64, i / (PIECES - 1));
		map(0, pages[0]);
		good &= run(LINEAR + 64) == 1;
		map(0, pages[2]);
		good &= run(LINEAR + 64) == 1;
	}
	map(0, pages[0]);
	check(good, "another page mapped over it");
}

/* A string instruction from a port overwrites the instructions behind it. */
static void by_string(void)
{
	static const uint8_t code[] = {
		0x48, 0x8d, 0x3d, 3, 0, 0, 0,             /* LEA RDI, behind the next */
		0xf3, 0x6c, 0x90,                         /* REP INSB; NOP */
		0xb0, 1, 0xb0, 2, 0xb0, 3, 0xc3,          /* MOV AL, 1; MOV AL, 2; MOV AL, 3; RET */
	};
	static const uint8_t self[] = {
		0xc6, 0x05, 1, 0, 0, 0, 0xa2,             /* MOV byte [behind the next byte], A2 */
		0x0f, 0x0b, 0x31, 0xc0, 0xff, 0xc0, 0xc3, /* UD2 becomes CPUID; XOR EAX, EAX; INC EAX; RET */
	};
	bool good = true;

	for (unsigned i = 0; i < 4; i++) {
		memcpy(pages[0], code, sizeof(code));
		out8(SCRATCH, 0x90); /* NOP */
		r = (struct registers){ .rflags = 2, .gpr = { [RDX] = SCRATCH, [RCX] = i * 2, [RAX] = 9 } };
		run_with(&r, (const void *)LINEAR);
		good &= (r.gpr[RAX] & 0xff) == (i == 3 ? 9 : 3);
	}
	check(good, "REP INSB over the instructions behind it");
	good = true;
	for (unsigned i = 0; i < 4; i++) {
		memcpy(pages[0] + 128, self, sizeof(self));
		good &= run(LINEAR + 128) == 1;
	}
	check(good, "an instruction that makes the next one leave the guest");
}

int main(void)
{
	page_tables[3 * 512] = (uint64_t)table | PRESENT | WRITE;
	WRITE_CR(3, READ_CR(3));
	map(0, pages[0]);
	map(1, pages[1]);
	in_place();
	mapped();
	by_string();
	return results();
}
