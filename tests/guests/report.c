/* SPDX-License-Identifier: MIT */
/*
 * What the virtual PC looks like to software: a list of facts, one a line, "name: value". tests/system/test_same.py
 * compares it between the vendors. Two processors.
 */
#include "guest.h"

#define PROBE      0x9000 /* where the second processor starts: start-up vector 9 */
#define PROBE_DATA 0x9400
#define ICR_INIT   0x4500
#define ICR_SIPI   0x4600

static const uint32_t msrs[] = {
	0x10, 0x1b, 0x3a, 0x3b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1d9, 0x250, 0x258, 0x259, 0x268,
	0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, 0x277, 0x2ff, 0x6e0, 0xda0, 0xc0000080, 0xc0000081,
	0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))

/* --- the state after INIT and start-up (SDM 10.1.1): 16-bit code that writes down what it finds --- */

/* In the order in which probe_start stores them. */
static const char *const probe_names[] = {
	"EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EFLAGS", "CR0", "CR2", "CR3", "CR4", "DR0",
	"DR1", "DR2", "DR3", "DR6", "DR7", "EFER", "PAT", "APIC_BASE", "CS", "DS", "ES", "FS", "GS", "SS",
	"GDTR limit", "GDTR base", "IDTR limit", "IDTR base",
};
#define PROBED (sizeof(probe_names) / sizeof(probe_names[0]))

extern const uint8_t probe_start[], probe_end[];
__asm__(".pushsection .text; .code16\n"
	".macro keep n, register\n mov \\register, %cs:0x400 + 4 * \\n\n.endm\n"
	".macro special n, register\n mov \\register, %eax\n keep \\n, %eax\n.endm\n"
	".macro msr n, index\n mov $\\index, %ecx\n rdmsr\n keep \\n, %eax\n.endm\n"
	".macro selector n, register\n mov \\register, %ax\n mov %ax, %cs:0x400 + 4 * \\n\n.endm\n"
	"probe_start:\n"
	"keep 0, %eax\n keep 1, %ebx\n keep 2, %ecx\n keep 3, %edx\n keep 4, %esi\n keep 5, %edi\n keep 6, %ebp\n"
	"keep 7, %esp\n"
	"mov $0x8000, %esp\n pushfl\n pop %eax\n keep 8, %eax\n"
	"special 9, %cr0\n special 10, %cr2\n special 11, %cr3\n special 12, %cr4\n"
	"special 13, %db0\n special 14, %db1\n special 15, %db2\n special 16, %db3\n special 17, %db6\n"
	"special 18, %db7\n"
	"msr 19, 0xc0000080\n msr 20, 0x277\n msr 21, 0x1b\n"
	"selector 22, %cs\n selector 23, %ds\n selector 24, %es\n selector 25, %fs\n selector 26, %gs\n"
	"selector 27, %ss\n"
	"sgdtl %cs:0x500\n mov %cs:0x500, %ax\n mov %ax, %cs:0x400 + 4 * 28\n mov %cs:0x502, %eax\n keep 29, %eax\n"
	"sidtl %cs:0x500\n mov %cs:0x500, %ax\n mov %ax, %cs:0x400 + 4 * 30\n mov %cs:0x502, %eax\n keep 31, %eax\n"
	"movl $1, %cs:0x400 + 4 * 32\n"
	"1: cli\n hlt\n jmp 1b\n"
	"probe_end: .code64; .popsection");

static void second_processor(void)
{
	const volatile uint32_t *data = (const volatile uint32_t *)PROBE_DATA;
	uint32_t id[4];

	memset((void *)PROBE, 0, 4096);
	memcpy((void *)PROBE, probe_start, (size_t)(probe_end - probe_start));
	apic_enable(false);
	apic_send(1, ICR_INIT);
	apic_send(1, ICR_SIPI | PROBE >> 12);
	while (!data[PROBED])
		pause();
	cpuid(1, 0, id);
	for (unsigned i = 0; i < PROBED; i++)
		if (i == 3) /* EDX tells the model */
			print("start-up EDX is CPUID 1 EAX: %u\n", data[i] == id[0]);
		else
			print("start-up %s: %x\n", probe_names[i], data[i]);
}

/* --- CPUID and MSRs --- */

static void show_leaf(uint32_t leaf, uint32_t subleaf)
{
	uint32_t id[4];

	cpuid(leaf, subleaf, id);
	if (id[0] | id[1] | id[2] | id[3])
		print("CPUID %x.%x: %08x %08x %08x %08x\n", leaf, subleaf, id[0], id[1], id[2], id[3]);
}

static bool has_subleaves(uint32_t leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static void processor(void)
{
	static const uint32_t bases[] = { 0, 0x40000000, 0x40000100, 0x80000000 };
	uint32_t id[4];

	for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		cpuid(bases[i], 0, id);
		for (uint32_t leaf = bases[i]; leaf <= id[0] && leaf < bases[i] + 0x40; leaf++)
			for (uint32_t sub = 0; sub < (has_subleaves(leaf) ? 10 : 1); sub++)
				show_leaf(leaf, sub);
	}
}

static void show_msr(uint32_t msr)
{
	uint64_t value;

	if (rdmsr_safe(msr, &value))
		print("MSR %x: %lx\n", msr, value);
	else
		print("MSR %x: #GP\n", msr);
}

/* Which exist: runs of those that can be read. */
static void msr_map(uint32_t first, uint32_t last)
{
	uint64_t value;

	for (uint32_t msr = first; msr <= last; msr++)
		if (rdmsr_safe(msr, &value))
			print("MSR exists: %x\n", msr);
}

static void model_specific(void)
{
	wrmsr(0x10, 0); /* the TSC's own value is not the matter */
	for (unsigned i = 1; i < MSRS; i++)
		if (msrs[i] != 0x3b) /* TSC_ADJUST has what was written */
			show_msr(msrs[i]);
	msr_map(0, 0xfff);
	msr_map(0x4b564d00, 0x4b564d0f);
	msr_map(0xc0000000, 0xc00001ff);
	msr_map(0xc0010000, 0xc00111ff);
}

/* --- registers: what they are and which bits can be set; CR0 and CR4 have guests of their own --- */

static void registers(void)
{
	uint64_t efer = rdmsr(0xc0000080), allowed = 0, flags, dr6 = ~0ULL >> 32, dr7 = 0xffffdc00 & ~0x2000u;

	print("CR0: %lx\nCR4: %lx\nCR8: %lx\n", READ_CR(0), READ_CR(4), READ_CR(8));
	for (unsigned i = 0; i < 64; i++)
		if (wrmsr_safe(0xc0000080, efer ^ 1ULL << i)) {
			allowed |= 1ULL << i;
			wrmsr(0xc0000080, efer);
		}
	print("EFER, bits that can be changed: %lx\n", allowed);
	__asm__ volatile("mov %1, %%dr6; mov %%dr6, %0" : "=r"(dr6) : "r"(dr6));
	__asm__ volatile("mov %1, %%dr7; mov %%dr7, %0" : "=r"(dr7) : "r"(dr7));
	print("DR6, all ones written: %lx\nDR7: %lx\n", dr6, dr7);
	__asm__ volatile("mov %0, %%dr7; mov %1, %%dr6" : : "r"(0x400ULL), "r"(0xffff0ff0ULL));
	flags = 0xfffffffffffffcffULL; /* but TF and IF */
	__asm__ volatile("push %1; popf; pushf; pop %0; push $2; popf" : "=r"(flags) : "r"(flags) : "cc");
	print("RFLAGS, ones written: %lx\n", flags);
}

/* --- instructions: what each raises in ring 0 of 64-bit mode --- */

#define TRY(name, code) \
	static void try_##name(void *argument) \
	{ \
		__asm__ volatile(code : : "a"(0), "b"(0), "c"(0x7fffffff), "d"(0), "S"(argument), "D"(argument) \
		                 : "memory"); \
	}
TRY(ud2, "ud2") TRY(ud0, ".byte 0x0f, 0xff, 0xc0") TRY(ud1, ".byte 0x0f, 0xb9, 0xc0") TRY(aaa, ".byte 0x37")
TRY(into, ".byte 0xce") TRY(push_es, ".byte 0x06") TRY(far_jump, ".byte 0xea, 0, 0, 0, 0, 8, 0")
TRY(divide, "xor %%ecx, %%ecx; div %%ecx") TRY(rdmsr, "rdmsr") TRY(wrmsr, "wrmsr") TRY(rdpmc, "rdpmc")
TRY(xsetbv, "xsetbv") TRY(xgetbv, "xgetbv") TRY(vmcall, "vmcall") TRY(vmmcall, "vmmcall")
TRY(vmxon, "vmxon (%%rsi)") TRY(vmxoff, "vmxoff") TRY(vmclear, "vmclear (%%rsi)") TRY(vmptrld, "vmptrld (%%rsi)")
TRY(vmptrst, "vmptrst (%%rsi)") TRY(vmread, "vmread %%rax, %%rbx") TRY(vmwrite, "vmwrite %%rax, %%rbx")
TRY(vmlaunch, "vmlaunch") TRY(vmresume, "vmresume") TRY(invept, "invept (%%rsi), %%rax")
TRY(invvpid, "invvpid (%%rsi), %%rax") TRY(vmfunc, ".byte 0x0f, 0x01, 0xd4") TRY(vmrun, "vmrun")
TRY(vmload, "vmload") TRY(vmsave, "vmsave") TRY(stgi, "stgi") TRY(clgi, "clgi") TRY(skinit, "skinit")
TRY(invlpga, "invlpga") TRY(monitor, "xor %%ecx, %%ecx; monitor") TRY(mwait, "xor %%ecx, %%ecx; mwait")
TRY(rsm, "rsm") TRY(getsec, ".byte 0x0f, 0x37") TRY(encls, ".byte 0x0f, 0x01, 0xcf")
TRY(enclu, ".byte 0x0f, 0x01, 0xd7") TRY(syscall, "syscall") TRY(lldt, "mov $0x1000, %%eax; lldt %%ax")
TRY(ltr, "mov $0x1000, %%eax; ltr %%ax") TRY(mov_ss, "mov %%eax, %%ss; mov $0x33, %%eax; mov %%eax, %%ss")
TRY(mov_ds, "mov $0xffff, %%eax; mov %%eax, %%ds") TRY(cr1, "mov %%cr1, %%rax") TRY(cr5, "mov %%cr5, %%rax")
TRY(cr9, ".byte 0x44, 0x0f, 0x20, 0xc8") TRY(dr4, ".byte 0x0f, 0x21, 0xe0") TRY(dr8, ".byte 0x44, 0x0f, 0x21, 0xc0")
TRY(dr7_high, "bts $32, %%rax; mov %%rax, %%dr7") TRY(not_canonical, "bts $63, %%rax; mov (%%rax), %%rax")
TRY(lock, ".byte 0xf0, 0x90") TRY(fwait, "fwait") TRY(invd, "invd") TRY(wbinvd, "wbinvd") TRY(clts, "clts")
TRY(invlpg, "bts $63, %%rax; invlpg (%%rax)") TRY(prefetch, "prefetcht0 (%%rcx)") TRY(nop, ".byte 0x0f, 0x1f, 0")
TRY(in, "mov $0x5555, %%edx; in %%dx, %%al") TRY(cpuid, "cpuid") TRY(sysexit, "sysexitl") TRY(pause, "pause")

struct instruction {
	const char *name;
	void (*execute)(void *);
};
#define ENTRY(name) { #name, try_##name }
static const struct instruction instructions[] = {
	ENTRY(ud2), ENTRY(ud0), ENTRY(ud1), ENTRY(aaa), ENTRY(into), ENTRY(push_es), ENTRY(far_jump),
	ENTRY(divide), ENTRY(rdmsr), ENTRY(wrmsr), ENTRY(rdpmc), ENTRY(xsetbv), ENTRY(xgetbv), ENTRY(vmcall),
	ENTRY(vmmcall), ENTRY(vmxon), ENTRY(vmxoff), ENTRY(vmclear), ENTRY(vmptrld), ENTRY(vmptrst),
	ENTRY(vmread), ENTRY(vmwrite), ENTRY(vmlaunch), ENTRY(vmresume), ENTRY(invept), ENTRY(invvpid),
	ENTRY(vmfunc), ENTRY(vmrun), ENTRY(vmload), ENTRY(vmsave), ENTRY(stgi), ENTRY(clgi), ENTRY(skinit),
	ENTRY(invlpga), ENTRY(monitor), ENTRY(mwait), ENTRY(rsm), ENTRY(getsec), ENTRY(encls), ENTRY(enclu),
	ENTRY(syscall), ENTRY(lldt), ENTRY(ltr), ENTRY(mov_ss), ENTRY(mov_ds), ENTRY(cr1), ENTRY(cr5),
	ENTRY(cr9), ENTRY(dr4), ENTRY(dr8), ENTRY(dr7_high), ENTRY(not_canonical), ENTRY(lock), ENTRY(fwait),
	ENTRY(invd), ENTRY(wbinvd), ENTRY(clts), ENTRY(invlpg), ENTRY(prefetch), ENTRY(nop), ENTRY(in),
	ENTRY(cpuid), ENTRY(sysexit), ENTRY(pause),
};

static void exceptions(void)
{
	static uint64_t memory[16] __attribute__((aligned(64)));
	struct fault fault;

	for (unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
		if (faults(instructions[i].execute, memory, &fault))
			print("instruction %s: vector %lu error %lx\n", instructions[i].name, fault.vector,
			      fault.error);
		else
			print("instruction %s: goes\n", instructions[i].name);
}

int main(void)
{
	processor();
	model_specific();
	registers();
	exceptions();
	second_processor();
	return results();
}
