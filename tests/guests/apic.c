/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's interrupts: order, priorities, task priority, nesting, EOI, level-triggered ones with the I/O APIC,
 * and the 8259's beside them (SDM 11.8); in both modes.
 */
#include "guest.h"

#define REG_TPR     0x80
#define REG_PPR     0xa0
#define REG_ISR     0x100
#define REG_TMR     0x180
#define REG_IRR     0x200
#define REG_ESR     0x280
#define REG_LINT0   0x350
#define X2APIC_TPR  0x808
#define X2APIC_EOI  0x80b
#define X2APIC_SELF 0x83f
#define ICR_SELF    (1u << 18)
#define ICR_ASSERT  (1u << 14)
#define LVT_EXTINT  0x700
#define LVT_MASKED  (1u << 16)
#define ESR_SEND_ILLEGAL (1u << 5)

#define UART        0x3f8 /* its transmitter is empty: it interrupts as long as IER says so */
#define UART_IRQ    4
#define IOAPIC_REMOTE_IRR (1u << 14)
#define PIC_BASE    0x20
#define LEVEL       0x90
#define NOBODY      (0x12345678ULL << 32 | ICR_ASSERT | 0x55) /* an IPI to an APIC ID that is not there */

static const char *mode;
static volatile uint8_t order[16]; /* vectors in the order of their handlers' first instructions */
static volatile uint8_t depth_of[16]; /* and how deep these were */
static volatile unsigned arrived, depth, deepest;
static volatile uint32_t ppr_inside;
static volatile bool in_service_inside, open_inside;
static volatile uint8_t send_inside[2]; /* self-IPIs of the first handler */
static volatile uint64_t eoi_ticks;
static bool x2apic;

static bool bit_of(uint32_t reg, uint8_t vector)
{
	return apic_read(reg + vector / 32 * 16) >> vector % 32 & 1;
}

static void self_ipi(uint8_t vector)
{
	apic_send(0, ICR_SELF | ICR_ASSERT | vector);
}

static void on_interrupt(struct frame *frame)
{
	uint8_t vector = (uint8_t)frame->vector;
	uint64_t start;

	depth++;
	if (arrived < sizeof(order)) {
		order[arrived] = vector;
		depth_of[arrived] = (uint8_t)depth;
	}
	if (depth > deepest)
		deepest = depth;
	if (!arrived++) {
		ppr_inside = apic_read(REG_PPR);
		in_service_inside = bit_of(REG_ISR, vector) && !bit_of(REG_IRR, vector);
		for (unsigned i = 0; i < sizeof(send_inside); i++)
			if (send_inside[i])
				self_ipi(send_inside[i]);
	}
	if (open_inside) {
		sti();
		__asm__ volatile("nop; nop" : : : "memory");
		cli();
	}
	if (x2apic) {
		start = rdtsc();
		wrmsr(X2APIC_EOI, 0);
		eoi_ticks = rdtsc() - start;
	} else {
		apic_eoi();
	}
	__asm__ volatile("nop; nop" : : : "memory"); /* what the EOI lets through must wait for IRET all the same */
	depth--;
}

static void start_over(void)
{
	arrived = depth = deepest = 0;
	open_inside = false;
	send_inside[0] = send_inside[1] = 0;
	memset((void *)order, 0, sizeof(order));
}

/* Interrupts are open for a moment. */
static void let_in(void)
{
	__asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

static bool came(unsigned count, uint8_t first, uint8_t second, uint8_t third)
{
	return arrived == count && order[0] == first && order[1] == second && order[2] == third;
}

static void one(void)
{
	start_over();
	self_ipi(0x61);
	check(!arrived && bit_of(REG_IRR, 0x61), "%s: with interrupts closed a self-IPI waits in the IRR", mode);
	let_in();
	check(came(1, 0x61, 0, 0), "%s: and comes when they are opened", mode);
	check(in_service_inside && ppr_inside == 0x60, "%s: it is in service then, the PPR is %x", mode, ppr_inside);
	check(!bit_of(REG_ISR, 0x61) && !apic_read(REG_PPR), "%s: and no more after the EOI", mode);
	start_over();
	sti();
	self_ipi(0x62);
	__asm__ volatile("nop" : : : "memory");
	cli();
	check(came(1, 0x62, 0, 0), "%s: with interrupts open it comes at once", mode);
	start_over();
	self_ipi(0x63);
	sti_hlt();
	check(came(1, 0x63, 0, 0), "%s: a HLT does not sleep over it", mode);
}

static void priorities(void)
{
	start_over();
	self_ipi(0x45);
	self_ipi(0xe1);
	self_ipi(0x9f);
	let_in();
	check(came(3, 0xe1, 0x9f, 0x45), "%s: three that wait come by priority (%x %x %x)", mode, order[0], order[1],
	      order[2]);
	check(deepest == 1, "%s: the next one waits for IRET, not only for the EOI", mode);
	start_over();
	open_inside = true;
	send_inside[0] = 0x71;
	send_inside[1] = 0x58;
	self_ipi(0x52);
	let_in();
	check(came(3, 0x52, 0x71, 0x58), "%s: a handler is interrupted by a higher class, not by its own", mode);
	check(depth_of[1] == 2 && depth_of[2] == 1, "%s: that waits for its EOI (%u and %u deep)", mode, depth_of[1],
	      depth_of[2]);
}

static void task_priority(bool by_cr8)
{
	const char *name = by_cr8 ? "CR8" : "TPR";

	start_over();
	for (unsigned class = 8; class > 5; class--) {
		if (by_cr8)
			WRITE_CR(8, class);
		else
			apic_write(REG_TPR, class << 4);
		check(READ_CR(8) == class && apic_read(REG_TPR) == class << 4 && apic_read(REG_PPR) == class << 4,
		      "%s: %s %x is seen in CR8, TPR and PPR", mode, name, class);
		if (class == 8)
			self_ipi(0x75);
		let_in();
		check(arrived == (class < 7), "%s: %s %x %s vector 75", mode, name, class,
		      class < 7 ? "lets in" : "holds back");
	}
	start_over();
	apic_write(REG_TPR, 0xff);
	self_ipi(0xf1);
	sti();
	__asm__ volatile("nop" : : : "memory");
	check(!arrived, "%s: TPR ff holds back everything", mode);
	if (by_cr8)
		WRITE_CR(8, 0);
	else
		apic_write(REG_TPR, 0);
	__asm__ volatile("nop" : : : "memory");
	check(came(1, 0xf1, 0, 0), "%s: lowering %s lets it in at once", mode, name);
	cli();
}

static uint32_t redirection(unsigned pin)
{
	volatile uint32_t *page = (volatile uint32_t *)0xfec00000u;

	page[0] = 0x10 + 2 * pin;
	return page[4];
}

static volatile bool remote_irr_inside, tmr_inside;

/* The line stays up until the third interrupt. */
static void on_level(struct frame *frame)
{
	(void)frame;
	remote_irr_inside = redirection(UART_IRQ) & IOAPIC_REMOTE_IRR;
	tmr_inside = bit_of(REG_TMR, LEVEL);
	if (++arrived == 3)
		out8(UART + 1, 0);
	apic_eoi();
}

static void level(void)
{
	start_over();
	set_handler(LEVEL, on_level);
	ioapic_route(UART_IRQ, LEVEL, apic_id(), true);
	out8(UART + 4, 0x0b); /* OUT2 lets the interrupt out */
	out8(UART + 1, 2);
	for (unsigned i = 0; i < 5; i++)
		let_in();
	out8(UART + 1, 0);
	check(arrived == 3, "%s: a level-triggered interrupt comes until its line falls (%u times)", mode, arrived);
	check(tmr_inside && remote_irr_inside, "%s: TMR and remote IRR say so", mode);
	check(!(redirection(UART_IRQ) & IOAPIC_REMOTE_IRR), "%s: the I/O APIC has seen the EOI", mode);
	ioapic_route(UART_IRQ, LEVEL, apic_id(), false);
	arrived = 2;
	out8(UART + 1, 2);
	let_in();
	check(arrived == 3 && !tmr_inside, "%s: the same vector, now edge-triggered", mode);
	ioapic_route(UART_IRQ, 0, 0x10000, false);
}

static void on_pic(struct frame *frame)
{
	arrived++;
	in_service_inside = apic_read(REG_PPR) != 0xf0;
	out8(UART + 1, 0);
	pic_eoi((unsigned)frame->vector - PIC_BASE);
}

/* ExtINT knows no priority of the local APIC (SDM 11.8). */
static void extint(void)
{
	start_over();
	set_handler(PIC_BASE + UART_IRQ, on_pic);
	pic_init(PIC_BASE, (uint16_t)~(1u << UART_IRQ));
	apic_write(REG_LINT0, LVT_EXTINT);
	apic_write(REG_TPR, 0xf0);
	out8(UART + 1, 2);
	check(!arrived, "%s: the 8259's interrupt waits while interrupts are closed", mode);
	let_in();
	check(arrived == 1, "%s: and comes through LINT0, whatever the TPR is", mode);
	check(!in_service_inside, "%s: in service at the 8259, not here", mode);
	self_ipi(0x66);
	out8(UART + 1, 2);
	let_in();
	check(arrived == 2 && bit_of(REG_IRR, 0x66), "%s: beside one that the TPR holds back", mode);
	apic_write(REG_TPR, 0);
	let_in();
	check(arrived == 3 && !bit_of(REG_IRR, 0x66), "%s: which comes in its turn", mode);
	apic_write(REG_LINT0, LVT_MASKED);
	pic_init(PIC_BASE, 0xffff);
}

static void both_modes(void)
{
	one();
	priorities();
	task_priority(false);
	task_priority(true);
	level();
	extint();
}

/* What only MSRs can do (SDM 11.12). */
static void x2apic_only(void)
{
	uint64_t value, fastest = UINT64_MAX;

	start_over();
	wrmsr(X2APIC_SELF, 0x64);
	wrmsr(X2APIC_SELF, 0x84);
	check(!arrived && bit_of(REG_IRR, 0x64) && bit_of(REG_IRR, 0x84), "self-IPI register: two wait in the IRR");
	let_in();
	check(came(2, 0x84, 0x64, 0), "and come by priority");
	apic_write(REG_ESR, 0);
	wrmsr(X2APIC_SELF, 5);
	apic_write(REG_ESR, 0);
	check(apic_read(REG_ESR) == ESR_SEND_ILLEGAL, "a self-IPI with vector 5 cannot be sent, says the ESR");
	check(!wrmsr_safe(X2APIC_SELF, 0x100), "self-IPI with more than a vector: #GP");
	check(!wrmsr_safe(X2APIC_EOI, 1), "EOI that is not 0: #GP");
	check(!wrmsr_safe(X2APIC_TPR, 0x100), "TPR with reserved bits: #GP");
	check(!rdmsr_safe(X2APIC_EOI, &value) && !rdmsr_safe(X2APIC_SELF, &value), "EOI, self-IPI are write-only: #GP");
	check(!rdmsr_safe(0x831, &value) && !rdmsr_safe(0x80e, &value), "there is no upper ICR and no DFR: #GP");
	check(!wrmsr_safe(0x802, 0) && !wrmsr_safe(0x80a, 0) && !wrmsr_safe(0x820, 0), "ID, PPR, IRR: read-only, #GP");
	wrmsr(0x830, NOBODY);
	check(rdmsr(0x830) == NOBODY, "ICR reads as written (%lx)", rdmsr(0x830));
	apic_write(0x3e0, 0xb);
	apic_write(0x320, LVT_MASKED);
	apic_write(0x380, 0xffffffff);
	value = apic_read(0x390);
	check(value && apic_read(0x390) <= value, "the current count counts down");
	apic_write(0x380, 0);
	for (unsigned i = 0; i < 50; i++) {
		start_over();
		self_ipi(0x61);
		let_in();
		if (eoi_ticks < fastest)
			fastest = eoi_ticks;
	}
	print("EOI takes %lu ticks\n", fastest);
}

/* --- another processor sends interrupts one after another --- */

#define ROUNDS  300
#define FOREIGN 0x77
#define OWN     0x55

static volatile bool other_is_there, stop, closed;
static volatile unsigned foreign, own, while_closed;

static void wait_a_little(void)
{
	for (unsigned i = 0; i < 100; i++)
		pause();
}

static void on_shower(struct frame *frame)
{
	if (closed)
		while_closed++;
	if (frame->vector == OWN)
		own++;
	else
		foreign++;
	closed = true;
	wrmsr(X2APIC_EOI, 0);
	wait_a_little(); /* here another may become deliverable, but interrupts are closed */
	closed = false;
}

/* The next one, at ever different moments, when the one before has come: else the handlers would be all that runs. */
static void other(unsigned number)
{
	(void)number;
	apic_enable(true);
	other_is_there = true;
	for (unsigned sent = 1; !stop; sent++) {
		apic_send(0, ICR_ASSERT | FOREIGN);
		while (foreign < sent && !stop)
			pause();
		for (unsigned i = 0; i < sent * 389 % 4096; i++)
			pause();
	}
	for (;;)
		sti_hlt();
}

/*
 * Whatever arrives meanwhile, no handler runs while interrupts are closed, and none of the own interrupts is lost. (No
 * STI with a CLI behind it: QEMU's TCG forgets the shadow when an exit comes between, helper_vmrun() does not load it.)
 */
static void shower(void)
{
	unsigned lost = 0;

	set_handler(OWN, on_shower);
	set_handler(FOREIGN, on_shower);
	if (start_processors(other) < 2)
		return;
	while (!other_is_there)
		pause();
	for (unsigned i = 0; i < ROUNDS; i++) {
		own = 0;
		closed = true;
		wrmsr(X2APIC_SELF, OWN);
		wait_a_little();
		wrmsr(X2APIC_TPR, 0x80);
		wait_a_little();
		wrmsr(X2APIC_TPR, 0);
		wait_a_little();
		closed = false;
		let_in();
		lost += own != 1;
	}
	for (unsigned i = 0; i < 100000000 && !foreign; i++)
		let_in();
	stop = true;
	check(foreign && !while_closed, "none comes while they are closed, though another processor sends many (%u)",
	      while_closed);
	check(!lost, "and every self-IPI comes once");
}

int main(void)
{
	static const uint8_t vectors[] = {
		0x45, 0x52, 0x58, 0x61, 0x62, 0x63, 0x64, 0x66, 0x71, 0x75, 0x84, 0x9f, 0xe1, 0xf1,
	};
	uint32_t id[4];

	for (unsigned i = 0; i < sizeof(vectors); i++)
		set_handler(vectors[i], on_interrupt);
	apic_enable(false);
	apic_write(REG_LINT0, LVT_MASKED);
	mode = "xAPIC";
	both_modes();
	cpuid(1, 0, id);
	if (!(id[2] & 1u << 21)) {
		print("no x2APIC\n");
		return results();
	}
	apic_enable(true);
	x2apic = true;
	mode = "x2APIC";
	both_modes();
	x2apic_only();
	shower();
	return results();
}
