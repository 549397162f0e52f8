/* SPDX-License-Identifier: MIT */
/*
 * Control registers as software sees them, whoever owns their bits (SDM 2.5, APM 3.1): what is written is read, by MOV,
 * SMSW, LMSW and CLTS, over everything that leaves the guest; and each bit does what it is for. Refused values: see
 * control_strict.
 */
#include "guest.h"

#define CR0_PE (1ULL << 0)
#define CR0_MP (1ULL << 1)
#define CR0_EM (1ULL << 2)
#define CR0_TS (1ULL << 3)
#define CR0_ET (1ULL << 4)
#define CR0_NE (1ULL << 5)
#define CR0_WP (1ULL << 16)
#define CR0_AM (1ULL << 18)
#define CR0_NW (1ULL << 29)
#define CR0_CD (1ULL << 30)
#define CR0_PG (1ULL << 31)
#define CR4_VME (1ULL << 0)
#define CR4_TSD (1ULL << 2)
#define CR4_DE  (1ULL << 3)
#define CR4_PSE (1ULL << 4)
#define CR4_PAE (1ULL << 5)
#define CR4_MCE (1ULL << 6)
#define CR4_PGE (1ULL << 7)
#define CR4_PCE (1ULL << 8)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_UMIP       (1ULL << 11)
#define CR4_OSXSAVE    (1ULL << 18)
#define RFLAGS_AC (1ULL << 18)

static void leave(void)
{
	uint32_t id[4];

	out8(0x80, 0);
	cpuid(0, 0, id);
	(void)rdmsr(0x1b);
}

static bool keeps_cr0(uint64_t value)
{
	bool good;

	WRITE_CR(0, value);
	good = READ_CR(0) == value;
	leave();
	return good && READ_CR(0) == value;
}

static bool keeps_cr4(uint64_t value)
{
	bool good;

	WRITE_CR(4, value);
	good = READ_CR(4) == value;
	leave();
	return good && READ_CR(4) == value;
}

static uint16_t smsw(void)
{
	uint16_t value;

	__asm__ volatile("smsw %0" : "=r"(value));
	return value;
}

static void lmsw(uint16_t value)
{
	__asm__ volatile("lmsw %0" : : "r"(value));
}

static void values(void)
{
	static const uint64_t cr0_bits[] = { CR0_MP, CR0_EM, CR0_TS, CR0_NE, CR0_WP, CR0_AM, CR0_CD, CR0_CD | CR0_NW };
	static const uint64_t cr4_bits[] = { CR4_VME, CR4_TSD, CR4_DE, CR4_PSE, CR4_MCE, CR4_PGE, CR4_PCE, CR4_OSFXSR,
	                                     CR4_OSXMMEXCPT };
	uint64_t cr0 = READ_CR(0) & ~(CR0_CD | CR0_NW), cr4 = READ_CR(4);
	bool good = true;

	for (unsigned i = 0; i < sizeof(cr0_bits) / sizeof(cr0_bits[0]); i++)
		good &= keeps_cr0((cr0 & ~cr0_bits[i])) && keeps_cr0(cr0 | cr0_bits[i]);
	check(good && keeps_cr0(cr0), "CR0 has what was written");
	WRITE_CR(0, cr0 & ~CR0_ET);
	check(READ_CR(0) & CR0_ET, "but ET is always set");
	good = true;
	for (unsigned i = 0; i < sizeof(cr4_bits) / sizeof(cr4_bits[0]); i++)
		good &= keeps_cr4(cr4 & ~cr4_bits[i]) && keeps_cr4(cr4 | cr4_bits[i]);
	check(good && keeps_cr4(cr4), "CR4 has what was written");
	WRITE_CR(0, cr0);
	lmsw((uint16_t)((cr0 & 0xfff0) | CR0_MP | CR0_TS));
	leave();
	check(READ_CR(0) == ((cr0 & ~CR0_EM) | CR0_MP | CR0_TS), "LMSW sets its bits, and clears all but PE");
	check(smsw() == (uint16_t)READ_CR(0), "SMSW reads them");
	__asm__ volatile("clts");
	leave();
	check(!(READ_CR(0) & CR0_TS) && !(smsw() & CR0_TS), "CLTS");
	WRITE_CR(0, cr0);
	good = true;
	for (uint64_t i = 0; i < 16; i++) {
		WRITE_CR(8, i);
		leave();
		good &= READ_CR(8) == i && apic_read(0x80) == i << 4;
		apic_write(0x80, (uint32_t)(15 - i) << 4);
		leave();
		good &= READ_CR(8) == 15 - i;
	}
	WRITE_CR(8, 0);
	check(good, "CR8 and the task priority are one");
	for (unsigned i = 0; i < 4; i++) {
		WRITE_CR(2, 0x123456789abcdef0ULL * i);
		leave();
		good &= READ_CR(2) == 0x123456789abcdef0ULL * i;
	}
	check(good, "CR2 has what was written");
}

/* --- what the bits do --- */

static void x87(void *argument)
{
	(void)argument;
	__asm__ volatile("fnop");
}

static void wait(void *argument)
{
	(void)argument;
	__asm__ volatile("fwait");
}

static bool not_available(void (*fn)(void *))
{
	struct fault fault;

	leave();
	return faults(fn, NULL, &fault) && fault.vector == NM;
}

static bool works(void (*fn)(void *))
{
	struct fault fault;

	leave();
	return !faults(fn, NULL, &fault);
}

static void coprocessor(void)
{
	uint64_t cr0 = READ_CR(0) & ~(CR0_EM | CR0_TS | CR0_MP);

	WRITE_CR(0, cr0 | CR0_TS);
	check(not_available(x87) && works(wait), "TS: #NM for x87, not for WAIT");
	WRITE_CR(0, cr0 | CR0_TS | CR0_MP);
	check(not_available(x87) && not_available(wait), "TS and MP: for both");
	WRITE_CR(0, cr0 | CR0_EM);
	check(not_available(x87) && works(wait), "EM: #NM for x87");
	WRITE_CR(0, cr0 | CR0_MP);
	check(works(x87) && works(wait), "none of them");
}

static uint8_t kernel_stack[4096] __attribute__((aligned(16))), user_stack[4096] __attribute__((aligned(16)));
static uint64_t user_flags;
static uint64_t operand[2];

CODE(user_rdtsc, "rdtsc; ud2");
CODE(user_sgdt, "sgdt -16(%rsp); ud2");
CODE(user_smsw, "smsw %eax; ud2");
CODE(user_misaligned, "mov 1(%rsi), %eax; ud2");
CODE(user_cpuid, "cpuid; ud2");
CODE(user_xsetbv, "xor %edx, %edx; xsetbv; ud2"); /* XCR0 = 1, which is valid */

static void enter_user(void *code)
{
	__asm__ volatile("push %0; push %1; push %2; push %3; push %4; iretq"
	                 : : "i"(USER_DATA), "r"((uint64_t)user_stack + sizeof(user_stack)), "r"(user_flags),
	                 "i"(USER_CODE), "r"(code), "S"(operand), "a"(1), "c"(0));
}

/* User mode gets this vector; #UD is the end of the code. */
static bool user_gets(const uint8_t *code, uint8_t vector)
{
	struct fault fault;

	leave();
	return faults(enter_user, (void *)code, &fault) && fault.vector == vector;
}

static void user_mode(void)
{
	uint64_t cr0 = READ_CR(0), cr4 = READ_CR(4);
	uint32_t id[4];
	bool umip;

	cpuid(7, 0, id);
	umip = id[2] & 1u << 2;
	set_kernel_stack((uint64_t)kernel_stack + sizeof(kernel_stack));
	user_flags = 2;
	check(user_gets(user_cpuid, UD), "user mode: CPUID");
	check(user_gets(user_rdtsc, UD), "user mode: RDTSC");
	WRITE_CR(4, cr4 | CR4_TSD);
	check(user_gets(user_rdtsc, GP), "but not with CR4.TSD");
	WRITE_CR(4, cr4);
	check(user_gets(user_sgdt, UD) && user_gets(user_smsw, UD), "user mode: SGDT, SMSW");
	if (umip)
		WRITE_CR(4, cr4 | CR4_UMIP);
	check(!umip || (user_gets(user_sgdt, GP) && user_gets(user_smsw, GP)), "but not with CR4.UMIP");
	WRITE_CR(4, cr4);
	cpuid(1, 0, id);
	if (id[2] & 1u << 26)
		WRITE_CR(4, cr4 | CR4_OSXSAVE);
	check(user_gets(user_xsetbv, id[2] & 1u << 26 ? GP : UD), "user mode: no XSETBV");
	WRITE_CR(4, cr4);
	check(user_gets(user_misaligned, UD), "user mode: a misaligned access");
	user_flags = 2 | RFLAGS_AC;
	WRITE_CR(0, cr0 & ~CR0_AM);
	check(user_gets(user_misaligned, UD), "with AC but without CR0.AM, too");
	WRITE_CR(0, cr0);
}

/* --- the x87 and SSE control registers over exits --- */

static void environment(void)
{
	uint32_t mxcsr = 0x1f80 | 0x6000, seen_mxcsr = 0;
	uint16_t cw = 0x0e7f, seen_cw = 0;
	uint64_t values[8], seen[8], cr4 = READ_CR(4);
	bool good = true;

	WRITE_CR(4, cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT);
	for (unsigned i = 0; i < 8; i++)
		values[i] = 0x0123456789abcdefULL * (i + 1) & ~(1ULL << 63);
	__asm__ volatile("fninit; fldcw %0; ldmxcsr %1" : : "m"(cw), "m"(mxcsr));
	for (unsigned i = 0; i < 8; i++)
		__asm__ volatile("fildq %0" : : "m"(values[i]));
	for (unsigned i = 0; i < 50; i++)
		leave();
	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(seen_cw), "=m"(seen_mxcsr));
	for (unsigned i = 8; i-- > 0;)
		__asm__ volatile("fistpq %0" : "=m"(seen[i]));
	for (unsigned i = 0; i < 8; i++)
		good &= seen[i] == values[i];
	check(good, "the x87 stack is kept");
	check(seen_cw == cw && seen_mxcsr == mxcsr, "its control word is, and MXCSR");
	__asm__ volatile("fninit");
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	WRITE_CR(4, cr4);
}

int main(void)
{
	apic_enable(false);
	values();
	coprocessor();
	user_mode();
	environment();
	return results();
}
