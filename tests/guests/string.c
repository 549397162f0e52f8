/* SPDX-License-Identifier: MIT */
/*
 * String instructions on ports and device memory (SDM REP, INS, OUTS; APM 6.5.3): what crosses pages, what stops in the
 * middle and with which registers, and that nothing is read from a device that then gets lost.
 */
#include "guest.h"

#define LINEAR   0x40000000ULL /* 4 KiB pages of our own begin here */
#define PAGE     4096ULL
#define PRESENT  1u
#define WRITE    2u
#define IOAPIC   0xfec00000ULL
#define EMPTY_ADDRESS 0xd0000000ULL
#define EMPTY    0x5678
#define SCRATCH  0x3ff
#define UART     0x3f8
#define UART_FCR 0x3fa
#define UART_MCR 0x3fc
#define FCR_ON   7      /* FIFOs on and empty */
#define MCR_LOOP 0x10
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define FS_BASE  0xc0000100
#define CR0_WP   (1ULL << 16)
#define DF_FLAG  (1ULL << 10)
#define ZF_FLAG  (1ULL << 6)

static volatile uint64_t table[512] __attribute__((aligned(PAGE)));
static uint8_t pages[4][PAGE] __attribute__((aligned(PAGE)));

static void map(unsigned page, uint64_t physical, uint64_t flags)
{
	table[page] = physical | flags;
	__asm__ volatile("invlpg (%0)" : : "r"(LINEAR + page * PAGE) : "memory");
}

static void start(void)
{
	page_tables[3 * 512] = (uint64_t)table | PRESENT | WRITE;
	WRITE_CR(3, READ_CR(3));
	WRITE_CR(0, READ_CR(0) | CR0_WP);
	for (unsigned i = 0; i < 4; i++)
		map(i, (uint64_t)pages[3 - i], PRESENT | WRITE);
}

CODE(rep_insb, "rep insb");
CODE(rep_insl, "rep insl");
CODE(rep_insw, "rep insw");
CODE(repne_insb, "repne insb");
CODE(rep_outsb, "rep outsb");
CODE(rep_outsl, "rep outsl");
CODE(fs_outsb, "rep outsb %fs:(%rsi), %dx");
CODE(short_outsb, "addr32 rep outsb");
CODE(short_insb, "addr32 rep insb");
CODE(rep_movsb, "rep movsb");
CODE(rep_movsl, "rep movsl");
CODE(rep_stosb, "rep stosb");
CODE(rep_stosl, "rep stosl");
CODE(rep_lodsl, "rep lodsl");
CODE(repe_cmpsb, "repe cmpsb");
CODE(repne_scasb, "repne scasb");

static struct registers r;

static void run(const uint8_t *code, uint64_t si, uint64_t di, uint64_t count, uint64_t port)
{
	r = (struct registers){
		.rflags = 2 | (r.rflags & DF_FLAG), .gpr = {
			[RSI] = si, [RDI] = di, [RCX] = count, [RDX] = port, [RAX] = ~0ULL } };
	run_with(&r, code);
}

static bool ended(uint64_t si, uint64_t di, uint64_t count)
{
	bool good = r.gpr[RSI] == si && r.gpr[RDI] == di && r.gpr[RCX] == count;

	r.rflags = 0;
	return good;
}

/* Is linear memory from here on so? */
static bool is(uint64_t at, unsigned count, uint8_t value)
{
	for (unsigned i = 0; i < count; i++)
		if (((volatile uint8_t *)at)[i] != value)
			return false;
	return true;
}

static void clear(void)
{
	memset(pages, 0, sizeof(pages));
}

/* --- ports --- */

/* COM1 in loop-back: what goes out comes in, in order, and once. It must not be the console meanwhile. */
static void loop_back(bool on)
{
	out8(UART_FCR, FCR_ON);
	out8(UART_MCR, on ? MCR_LOOP : 3);
}

static void fifo(void)
{
	uint64_t from = LINEAR + PAGE - 5, to = LINEAR + 3 * PAGE - 9;
	bool good = true;

	clear();
	for (unsigned i = 0; i < 14; i++)
		((volatile uint8_t *)from)[i] = (uint8_t)(0x30 + i);
	loop_back(true);
	run(rep_outsb, from, 0, 14, UART);
	good &= ended(from + 14, 0, 0);
	run(rep_insb, 0, to, 14, UART);
	good &= ended(0, to + 14, 0);
	loop_back(false);
	for (unsigned i = 0; i < 14; i++)
		good &= ((volatile uint8_t *)to)[i] == 0x30 + i;
	check(good, "REP OUTSB and REP INSB across pages, in order");
}

static unsigned faulted;
static uint64_t fault_cx, fault_di, fault_si, fault_error, fault_cr2;
static unsigned mend_page;

static void on_page_fault(struct frame *frame)
{
	faulted++;
	fault_cx = frame->rcx;
	fault_di = frame->rdi;
	fault_si = frame->rsi;
	fault_error = frame->error;
	fault_cr2 = READ_CR(2);
	map(mend_page, (uint64_t)pages[3 - mend_page], PRESENT | WRITE);
}

/* The page is missing, or may not be written, until the fault. */
static void expect_fault(unsigned page, uint64_t flags)
{
	faulted = 0;
	mend_page = page;
	map(page, flags ? (uint64_t)pages[3 - page] : 0, flags);
	set_handler(PF, on_page_fault);
}

static bool fault_was(uint64_t si, uint64_t di, uint64_t cx, uint64_t error, uint64_t cr2)
{
	set_handler(PF, NULL);
	return faulted == 1 && fault_si == si && fault_di == di && fault_cx == cx && fault_error == error &&
	       fault_cr2 == cr2;
}

/* The destination faults before the port is read: no byte of the FIFO is lost. */
static void fifo_fault(void)
{
	uint64_t to = LINEAR + PAGE - 5;
	bool good = true;

	clear();
	for (unsigned i = 0; i < 12; i++)
		pages[0][i] = (uint8_t)(0x41 + i);
	loop_back(true);
	run(rep_outsb, (uint64_t)pages[0], 0, 12, UART);
	expect_fault(1, 0);
	run(rep_insb, 0, to, 12, UART);
	loop_back(false);
	good = fault_was(0, LINEAR + PAGE, 7, 2, LINEAR + PAGE) && ended(0, to + 12, 0);
	for (unsigned i = 0; i < 12; i++)
		good &= ((volatile uint8_t *)to)[i] == 0x41 + i;
	check(good, "a fault in the middle of REP INSB loses nothing");
	expect_fault(1, PRESENT);
	run(rep_insb, 0, to, 12, EMPTY);
	check(fault_was(0, LINEAR + PAGE, 7, 3, LINEAR + PAGE) && ended(0, to + 12, 0) && is(to, 12, 0xff),
	      "nor does a page that may not be written");
	expect_fault(1, 0);
	run(rep_outsb, to, 0, 12, EMPTY);
	check(fault_was(LINEAR + PAGE, 0, 7, 0, LINEAR + PAGE) && ended(to + 12, 0, 0),
	      "a fault in the middle of REP OUTSB");
}

static void ports(void)
{
	volatile uint32_t *data = (volatile uint32_t *)(LINEAR + PAGE - 6);
	uint64_t from = (uint64_t)data;
	bool good;

	clear();
	out32(CONFIG_ADDRESS, 0x80000000);
	run(rep_insl, 0, from, 3, CONFIG_DATA);
	check(ended(0, from + 12, 0) && data[0] == in32(CONFIG_DATA) && data[1] == data[0] && data[2] == data[0],
	      "REP INSL, an element across the page's end");
	run(rep_insw, 0, from, 3, CONFIG_DATA + 2);
	check(ended(0, from + 6, 0) && *(volatile uint16_t *)(from + 4) == in16(CONFIG_DATA + 2), "REP INSW");
	data[0] = 0x80000004;
	data[1] = 0x80000008;
	run(rep_outsl, from, 0, 2, CONFIG_ADDRESS);
	check(ended(from + 8, 0, 0) && in32(CONFIG_ADDRESS) == 0x80000008,
	      "REP OUTSL, an element across the page's end");
	run(rep_insb, 0, 1ULL << 63, 0, EMPTY);
	check(ended(0, 1ULL << 63, 0), "a count of 0 touches nothing");
	run(repne_insb, 0, LINEAR, 4, EMPTY);
	check(ended(0, LINEAR + 4, 0) && is(LINEAR, 4, 0xff) && is(LINEAR + 4, 1, 0), "REPNE is REP for INS");
	wrmsr(FS_BASE, LINEAR);
	pages[2][3] = 0x77;
	run(fs_outsb, PAGE, 0, 4, SCRATCH);
	wrmsr(FS_BASE, 0);
	check(ended(PAGE + 4, 0, 0) && in8(SCRATCH) == 0x77, "REP OUTSB of FS");
	/* With 32-bit addresses the registers' upper halves go, and RCX counts by its lower half. */
	run(short_outsb, 5ULL << 32 | (LINEAR + PAGE), 0, 7ULL << 32 | 4, SCRATCH);
	good = ended(LINEAR + PAGE + 4, 0, 0);
	run(short_insb, 0, 5ULL << 32 | LINEAR, 7ULL << 32 | 2, SCRATCH);
	check(good && ended(0, LINEAR + 2, 0) && is(LINEAR, 2, 0x77), "32-bit addresses");
	r.rflags = DF_FLAG;
	run(rep_insb, 0, LINEAR + PAGE + 1, 4, SCRATCH);
	check(ended(0, LINEAR + PAGE - 3, 0) && is(LINEAR + PAGE - 2, 4, 0x77), "backwards across a page");
}

static uint8_t kernel_stack[4096] __attribute__((aligned(16))), user_stack[4096] __attribute__((aligned(16)));
CODE(user_insb, "insb; ud2");

static void enter_user(void *argument)
{
	__asm__ volatile("push %0; push %1; push $2; push %2; push %3; iretq"
	                 : : "i"(USER_DATA), "r"((uint64_t)user_stack + sizeof(user_stack)), "i"(USER_CODE),
	                 "r"(user_insb), "D"(argument), "d"(EMPTY));
}

static void run_noncanonical(void *argument)
{
	run(argument, 1ULL << 63, 1ULL << 63, 1, EMPTY);
}

static void refusals(void)
{
	struct fault fault;

	set_kernel_stack((uint64_t)kernel_stack + sizeof(kernel_stack));
	check(faults(enter_user, pages, &fault) && fault.vector == GP && fault.rip == (uint64_t)user_insb,
	      "INSB in user mode needs permission");
	check(faults(run_noncanonical, (void *)rep_insb, &fault) && fault.vector == GP, "INSB to no canonical address");
	check(faults(run_noncanonical, (void *)rep_outsb, &fault) && fault.vector == GP,
	      "OUTSB from no canonical address");
}

/* --- device memory --- */

static void memory(void)
{
	uint32_t version;
	uint64_t to = LINEAR + PAGE - 8;
	bool good;

	/* Pages 0 and 1 are RAM, then the I/O APIC's page, whose first register is an index. */
	clear();
	((volatile uint32_t *)IOAPIC)[0] = 1;
	version = ((volatile uint32_t *)IOAPIC)[4];
	map(2, IOAPIC, PRESENT | WRITE);
	run(rep_movsl, IOAPIC + 16, to + 4, 1, 0);
	check(ended(IOAPIC + 20, to + 8, 0) && *(volatile uint32_t *)(to + 4) == version, "MOVSL from a device");
	*(volatile uint32_t *)(LINEAR + 2 * PAGE - 4) = 0x1234;
	run(rep_stosl, 0, LINEAR + 2 * PAGE - 8, 3, 0);
	good = ended(0, LINEAR + 2 * PAGE + 4, 0) && is(LINEAR + 2 * PAGE - 8, 8, 0xff);
	check(good && ((volatile uint32_t *)IOAPIC)[0] == 0xff, "REP STOSL from RAM into a device");
	*(volatile uint32_t *)(LINEAR + 2 * PAGE - 4) = 1;
	run(rep_movsl, LINEAR + 2 * PAGE - 4, LINEAR + 2 * PAGE, 1, 0);
	check(ended(LINEAR + 2 * PAGE, LINEAR + 2 * PAGE + 4, 0) && ((volatile uint32_t *)IOAPIC)[4] == version,
	      "MOVSL into a device");
	/* From an empty bus into a page that is missing at first. */
	map(2, EMPTY_ADDRESS, PRESENT | WRITE);
	clear();
	expect_fault(1, 0);
	run(rep_movsb, LINEAR + 2 * PAGE, to, 20, 0);
	check(fault_was(LINEAR + 2 * PAGE + 8, LINEAR + PAGE, 12, 2, LINEAR + PAGE) &&
	      ended(LINEAR + 2 * PAGE + 20, to + 20, 0), "a fault in the middle of REP MOVSB from a device");
	expect_fault(3, 0);
	run(rep_movsb, LINEAR + 3 * PAGE - 6, LINEAR, 10, 0);
	check(fault_was(LINEAR + 3 * PAGE, LINEAR + 6, 4, 0, LINEAR + 3 * PAGE) &&
	      ended(LINEAR + 3 * PAGE + 4, LINEAR + 10, 0), "and where its source leaves the device");
	run(rep_lodsl, LINEAR + 2 * PAGE, 0, 3, 0);
	check(r.gpr[RAX] == *(volatile uint32_t *)EMPTY_ADDRESS && ended(LINEAR + 2 * PAGE + 12, 0, 0), "REP LODSL");
	memset(pages[3], *(volatile uint8_t *)EMPTY_ADDRESS, PAGE);
	pages[3][5] ^= 1;
	run(repe_cmpsb, LINEAR, LINEAR + 2 * PAGE, 9, 0);
	check(!(r.rflags & ZF_FLAG) && ended(LINEAR + 6, LINEAR + 2 * PAGE + 6, 3),
	      "REPE CMPSB ends where they differ");
	run(repne_scasb, 0, LINEAR + 2 * PAGE, 9, 0);
	check(is(EMPTY_ADDRESS, 1, 0) || (r.rflags & ZF_FLAG && ended(0, LINEAR + 2 * PAGE + 1, 8)),
	      "REPNE SCASB ends where they are the same");
	r.rflags = 0;
	/* From the end of RAM into an empty bus and on. */
	run(rep_stosb, 0, LINEAR + 2 * PAGE - 4, PAGE + 8, 0);
	check(ended(0, LINEAR + 3 * PAGE + 4, 0) && is(LINEAR + 2 * PAGE - 4, 4, 0xff) &&
	      is(LINEAR + 3 * PAGE, 4, 0xff) && !is(LINEAR + 3 * PAGE + 4, 1, 0xff),
	      "REP STOSB through a device into RAM");
}

int main(void)
{
	start();
	fifo();
	fifo_fault();
	ports();
	refusals();
	memory();
	return results();
}
