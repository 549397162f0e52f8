/* SPDX-License-Identifier: MIT */
/*
 * CPUID against what the processor does: an instruction or a register that CPUID offers is there, and one that it does
 * not offer raises #UD or #GP where the processor can be told so.
 */
#include "guest.h"

#define EFER      0xc0000080
#define STAR      0xc0000081
#define LSTAR     0xc0000082
#define CSTAR     0xc0000083
#define FMASK     0xc0000084
#define FS_BASE   0xc0000100
#define GS_BASE   0xc0000101
#define KERNEL_GS_BASE 0xc0000102
#define SYSENTER_CS  0x174
#define SYSENTER_ESP 0x175
#define SYSENTER_EIP 0x176
#define PAT       0x277
#define APIC_BASE 0x1b
#define MTRR_CAP  0xfe
#define MTRR_PHYSBASE0 0x200
#define MTRR_FIX64K 0x250
#define MTRR_DEF  0x2ff

#define EFER_SCE  (1ULL << 0)
#define EFER_LME  (1ULL << 8)
#define EFER_LMA  (1ULL << 10)
#define EFER_NXE  (1ULL << 11)
#define CR4_OSFXSR   (1ULL << 9)
#define CR4_FSGSBASE (1ULL << 16)
#define CR4_OSXSAVE  (1ULL << 18)
#define CR4_PKE      (1ULL << 22)
#define CR4_SMAP     (1ULL << 21)

#define USER 4ULL /* of a page table's entry */

enum { EAX, EBX, ECX, EDX };
static uint8_t operand[4096] __attribute__((aligned(4096)));

/* RSI has the address of a page, RCX is 0. */
CODE(i_movbe, "movbe (%rsi), %eax");
CODE(i_popcnt, "popcnt %ecx, %eax");
CODE(i_cmpxchg16b, "cmpxchg16b (%rsi)");
CODE(i_rdrand, "rdrand %eax");
CODE(i_rdseed, "rdseed %eax");
CODE(i_rdtscp, "rdtscp");
CODE(i_rdpid, "rdpid %rax");
CODE(i_fsgsbase, "rdfsbase %rax");
CODE(i_invpcid, "mov $2, %eax; invpcid (%rsi), %rax");
CODE(i_xgetbv, "xgetbv");
CODE(i_clflush, "clflush (%rsi)");
CODE(i_clflushopt, "clflushopt (%rsi)");
CODE(i_clwb, "clwb (%rsi)");
CODE(i_adx, "adcx %ecx, %eax");
CODE(i_sse2, "pxor %xmm0, %xmm0");
CODE(i_sse3, "haddps %xmm0, %xmm0");
CODE(i_ssse3, "pabsb %xmm0, %xmm0");
CODE(i_sse41, "pmulld %xmm0, %xmm0");
CODE(i_sse42, "pcmpgtq %xmm0, %xmm0");
CODE(i_aes, "aesenc %xmm0, %xmm0");
CODE(i_pclmul, "pclmulqdq $0, %xmm0, %xmm0");
CODE(i_sha, "sha1msg1 %xmm0, %xmm0");
CODE(i_monitor, "mov %rsi, %rax; xor %edx, %edx; monitor");
CODE(i_clac, "clac");
CODE(i_rdpkru, "rdpkru");
CODE(i_lahf, "lahf");
CODE(i_cmov, "cmovc %ecx, %eax");
CODE(i_vmcall, "vmxoff");
CODE(i_vmrun, "stgi");
CODE(i_serialize, ".byte 0x0f, 0x01, 0xe8");
CODE(i_movdiri, ".byte 0x0f, 0x38, 0xf9, 0x06");

/* `hidden`: a processor that has it can keep it from a guest, so that without its bit it must raise #UD. */
static const struct {
	const char *name;
	uint32_t leaf;
	uint8_t reg, bit;
	bool hidden;
	const uint8_t *code;
	uint64_t cr4; /* needed, as far as CPUID offers it */
} instructions[] = {
	{ "CMOV", 1, EDX, 15, false, i_cmov, 0 },
	{ "CLFLUSH", 1, EDX, 19, false, i_clflush, 0 },
	{ "SSE2", 1, EDX, 26, false, i_sse2, CR4_OSFXSR },
	{ "SSE3", 1, ECX, 0, false, i_sse3, CR4_OSFXSR },
	{ "PCLMULQDQ", 1, ECX, 1, false, i_pclmul, CR4_OSFXSR },
	{ "MONITOR", 1, ECX, 3, true, i_monitor, 0 },
	{ "VMX", 1, ECX, 5, true, i_vmcall, 0 },
	{ "SSSE3", 1, ECX, 9, false, i_ssse3, CR4_OSFXSR },
	{ "CMPXCHG16B", 1, ECX, 13, false, i_cmpxchg16b, 0 },
	{ "SSE4.1", 1, ECX, 19, false, i_sse41, CR4_OSFXSR },
	{ "SSE4.2", 1, ECX, 20, false, i_sse42, CR4_OSFXSR },
	{ "MOVBE", 1, ECX, 22, false, i_movbe, 0 },
	{ "POPCNT", 1, ECX, 23, false, i_popcnt, 0 },
	{ "AES", 1, ECX, 25, false, i_aes, CR4_OSFXSR },
	{ "XSAVE", 1, ECX, 26, true, i_xgetbv, CR4_OSXSAVE },
	{ "RDRAND", 1, ECX, 30, false, i_rdrand, 0 },
	{ "FSGSBASE", 7, EBX, 0, true, i_fsgsbase, CR4_FSGSBASE },
	{ "INVPCID", 7, EBX, 10, true, i_invpcid, 0 },
	{ "RDSEED", 7, EBX, 18, false, i_rdseed, 0 },
	{ "ADX", 7, EBX, 19, false, i_adx, 0 },
	{ "SMAP", 7, EBX, 20, false, i_clac, CR4_SMAP },
	{ "CLFLUSHOPT", 7, EBX, 23, false, i_clflushopt, 0 },
	{ "CLWB", 7, EBX, 24, false, i_clwb, 0 },
	{ "SHA", 7, EBX, 29, false, i_sha, CR4_OSFXSR },
	{ "RDPID", 7, ECX, 22, true, i_rdpid, 0 },
	{ "PKU", 7, ECX, 3, true, i_rdpkru, CR4_PKE },
	{ "MOVDIRI", 7, ECX, 27, false, i_movdiri, 0 },
	{ "SERIALIZE", 7, EDX, 14, false, i_serialize, 0 },
	{ "LAHF", 0x80000001, ECX, 0, false, i_lahf, 0 },
	{ "SVM", 0x80000001, ECX, 2, true, i_vmrun, 0 },
	{ "RDTSCP", 0x80000001, EDX, 27, true, i_rdtscp, 0 },
};

static uint32_t ask(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
	uint32_t id[4];

	cpuid(leaf & 0x80000000, 0, id);
	if (id[0] < leaf)
		return 0;
	cpuid(leaf, subleaf, id);
	return id[reg];
}

static bool offered(uint32_t leaf, unsigned reg, unsigned bit)
{
	return ask(leaf, 0, reg) >> bit & 1;
}

static void execute(void *argument)
{
	struct registers r = { .rflags = 2, .gpr = { [RSI] = (uint64_t)operand } };

	run_with(&r, argument);
}

static bool executes(const uint8_t *code)
{
	struct fault fault;

	return !faults(execute, (void *)code, &fault);
}

static bool is_undefined(const uint8_t *code)
{
	struct fault fault;

	return faults(execute, (void *)code, &fault) && fault.vector == UD;
}

/* Nothing of AVX: fpu and xsave have that. */
static void instruction_set(void)
{
	uint64_t cr4 = READ_CR(4);

	page_tables[0] &= ~USER; /* for SMAP */
	WRITE_CR(3, READ_CR(3));
	for (unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		bool there = offered(instructions[i].leaf, instructions[i].reg, instructions[i].bit), good;

		if (there)
			WRITE_CR(4, cr4 | instructions[i].cr4);
		good = there ? executes(instructions[i].code) :
		               !instructions[i].hidden || is_undefined(instructions[i].code);
		WRITE_CR(4, cr4);
		check(good, "%s is as CPUID says", instructions[i].name);
	}
	page_tables[0] |= USER;
	WRITE_CR(3, READ_CR(3));
	check(is_undefined(i_xgetbv), "XGETBV is undefined without CR4.OSXSAVE");
	check(is_undefined(i_fsgsbase), "RDFSBASE is undefined without CR4.FSGSBASE");
}

/* --- system calls: user code looks around and comes back --- */

extern const uint8_t call_entry[];
enum { USER_CS, USER_SS, USER_FLAGS, KERNEL_CS, KERNEL_SS, KERNEL_FLAGS, BACK, LOOKS };
uint64_t call_seen[LOOKS], call_stack;
void call_round(void);

/* The kernel's side keeps its stack pointer in memory; an instruction on each side leaves the guest. */
__asm__(
	".pushsection .text; .globl call_round\n"
	"call_round:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, call_stack; lea call_user(%rip), %rcx; mov $0x246, %r11d; sysretq\n"
	"call_user:\n"
	"	mov %cs, %rax; mov %rax, call_seen; mov %ss, %rax; mov %rax, call_seen + 8\n"
	"	lea user_top(%rip), %rsp; pushfq; popq call_seen + 16\n"
	"	xor %eax, %eax; xor %ecx, %ecx; cpuid; std; syscall\n"
	"1:	ud2\n"
	"call_entry:\n"
	"	mov call_stack, %rsp; pushfq; popq call_seen + 40; cld\n"
	"	mov %cs, %rax; mov %rax, call_seen + 24; mov %ss, %rax; mov %rax, call_seen + 32\n"
	"	xor %ebx, %ebx; lea 1b(%rip), %rdx; cmp %rdx, %rcx; sete %bl; mov %rbx, call_seen + 48\n"
	"	outb %al, $0x80\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
	".popsection .pushsection .bss; .skip 4096; user_top: .popsection\n");

static void syscall(void *argument)
{
	(void)argument;
	__asm__ volatile("syscall" : : : "rcx", "r11", "memory");
}

static void system_calls(void)
{
	uint64_t efer = rdmsr(EFER);
	struct fault fault;
	bool good = true;

	wrmsr(EFER, efer & ~EFER_SCE);
	check(faults(syscall, NULL, &fault) && fault.vector == UD, "SYSCALL is undefined without EFER.SCE");
	wrmsr(EFER, efer | EFER_SCE);
	wrmsr(STAR, 0x0013000800000000);
	wrmsr(LSTAR, (uint64_t)call_entry);
	wrmsr(FMASK, 0x400);
	for (unsigned i = 0; i < 20; i++) {
		memset(call_seen, 0, sizeof(call_seen));
		call_round();
		good &= call_seen[USER_CS] == USER_CODE && call_seen[USER_SS] == USER_DATA &&
		        call_seen[KERNEL_CS] == CODE_64 && call_seen[KERNEL_SS] == DATA &&
		        call_seen[BACK] && (call_seen[USER_FLAGS] & 0x6ff) == 0x246 &&
		        !(call_seen[KERNEL_FLAGS] & 0x400);
	}
	cli();
	check(good, "SYSRET and SYSCALL, with exits on both sides");
	wrmsr(EFER, efer);
}

/* --- model-specific registers --- */

static void leave(void)
{
	out8(0x80, 0);
	(void)ask(0, 0, EAX);
}

static bool keeps(uint32_t msr, uint64_t value)
{
	uint64_t old = rdmsr(msr), seen;
	bool good = wrmsr_safe(msr, value);

	leave();
	seen = rdmsr(msr);
	wrmsr(msr, old);
	return good && seen == value && rdmsr(msr) == old;
}

static void registers(void)
{
	static const uint32_t addresses[] = {
		LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE, SYSENTER_ESP, SYSENTER_EIP,
	};
	uint64_t efer = rdmsr(EFER);
	bool good = true;

	check((efer & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA), "EFER: long mode is on");
	check(keeps(EFER, efer ^ EFER_SCE) && (!offered(0x80000001, EDX, 20) || keeps(EFER, efer ^ EFER_NXE)),
	      "EFER: SCE and NXE");
	check(!wrmsr_safe(EFER, efer & ~(EFER_LME | EFER_LMA)) && rdmsr(EFER) == efer,
	      "EFER: LME stays while paging is on");
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		good &= keeps(addresses[i], 0xffff812345678900) && keeps(addresses[i], 0x00007edcba987600);
	check(good, "registers with an address");
	check(keeps(STAR, 0x123456789abcdef0) && keeps(FMASK, 0x3f7fd5) && keeps(SYSENTER_CS, 0xfff8),
	      "STAR, FMASK, SYSENTER_CS");
	wrmsr(GS_BASE, 0x1111000);
	wrmsr(KERNEL_GS_BASE, 0x2222000);
	__asm__ volatile("swapgs");
	leave();
	check(rdmsr(GS_BASE) == 0x2222000 && rdmsr(KERNEL_GS_BASE) == 0x1111000, "SWAPGS");
	wrmsr(GS_BASE, 0);
	check(!offered(1, EDX, 16) || (keeps(PAT, 0x0007040600070406) && keeps(PAT, 0x0406050100070406)),
	      "PAT: every type that there is");
}

static void memory_types(void)
{
	unsigned variable;
	bool good = true;

	if (!offered(1, EDX, 12)) {
		check(true, "MTRR: variable ranges");
		check(true, "MTRR: fixed ranges and the default");
		return;
	}
	variable = rdmsr(MTRR_CAP) & 0xff;
	for (unsigned i = 0; i < variable; i++)
		good &= keeps(MTRR_PHYSBASE0 + 2 * i, 0x80000006) && keeps(MTRR_PHYSBASE0 + 2 * i + 1, 0xf80000800);
	check(good && variable, "MTRR: variable ranges");
	check(keeps(MTRR_FIX64K, 0x0606060606060606) && keeps(MTRR_DEF, 0xc06), "MTRR: fixed ranges and the default");
}

/* The APIC's bit in leaf 1 is its enable bit (SDM 11.4.3). */
static void apic(void)
{
	uint64_t base = rdmsr(APIC_BASE);

	check(base & 1u << 8 && (base & ~0xfffULL) == 0xfee00000,
	      "IA32_APIC_BASE: the boot processor's, at its address");
	wrmsr(APIC_BASE, base & ~(1ULL << 11));
	check(!offered(1, EDX, 9), "CPUID has no APIC when that is off");
	wrmsr(APIC_BASE, base | 1u << 11);
	check(offered(1, EDX, 9), "and has it when it is on");
}

int main(void)
{
	WRITE_CR(0, (READ_CR(0) & ~0xcULL) | 2); /* no EM, no TS, MP */
	instruction_set();
	system_calls();
	registers();
	memory_types();
	apic();
	return results();
}
