/* SPDX-License-Identifier: MIT */
/*
 * The third at a channel, while two others exchange messages: doorbells to nobody and to vectors that are not there,
 * storms at the others and at itself, BARs over its memory, over one another, over controllers, and disabled during
 * use. Whatever it does is its own loss.
 */
#include "guest.h"
#include "pci.h"

#define VECTOR  0x51
#define PATTERN 0x9e3779b97f4a7c15ULL
#define WORDS   0x8000u
#define BAR(n)  (0x10 + 4 * (n))
#define COMMAND 0x04
#define HOLE    0xd0000000u /* nothing is there */
#define STORM   3000

static struct ivshmem channel;
static uint64_t memory[WORDS];
static volatile unsigned bells;

static void on_bell(struct frame *frame)
{
	(void)frame;
	bells++;
	apic_eoi();
}

static bool is_intact(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (memory[i] != PATTERN * (i + 1))
			return false;
	return true;
}

/* In the half of the memory that the others leave alone. */
static volatile uint64_t *ours(void)
{
	return (volatile uint64_t *)(channel.memory + channel.size / 2);
}

static void storms(void)
{
	for (unsigned i = 0; i < STORM; i++) {
		channel.registers[IVSHMEM_DOORBELL] = i * 0x10003; /* everybody and nobody, any vector */
		ivshmem_ring(&channel, i % 16, 1);
		ivshmem_ring(&channel, 0xffff, 0xffff);
	}
	check(true, "storms of doorbells");
}

/* Its own vector: pending while masked, once however often it was rung. */
static void mask(void)
{
	volatile uint32_t *entry = channel.msix + 4 * 2;
	unsigned before;

	ivshmem_arm(&channel, 2, VECTOR, apic_id());
	before = bells;
	entry[3] = 1;
	for (unsigned i = 0; i < 100; i++)
		ivshmem_ring(&channel, channel.position, 2);
	sti();
	pause();
	cli();
	check(bells == before && channel.msix[0x800 / 4] & 1 << 2, "a masked vector is pending");
	entry[3] = 0;
	while (bells == before)
		sti_hlt();
	check(bells == before + 1 && !(channel.msix[0x800 / 4] & 1 << 2), "and comes once when it is unmasked");
	/* To where no local APIC is, and to what is no message. */
	entry[0] = 0xfee0f000;
	ivshmem_ring(&channel, channel.position, 2);
	entry[0] = (uint32_t)(uintptr_t)memory;
	ivshmem_ring(&channel, channel.position, 2);
	check(is_intact(), "a message is no write to memory");
	/* Logical destination: this processor in the flat model. */
	apic_write(0xe0, 0xffffffff);
	apic_write(0xd0, 1u << 24);
	before = bells;
	entry[0] = 0xfee01000 | 1 << 2;
	ivshmem_ring(&channel, channel.position, 2);
	while (bells == before)
		sti_hlt();
	check(bells == before + 1, "a logical destination is reached");
}

static void place(unsigned bar, uint32_t address)
{
	pci_write(channel.devfn, BAR(bar), address);
}

static void move(void)
{
	static const uint32_t odd[] = { 0, 0x1000, 0xe0000000, 0xfec00000, 0xfee00000, 0xffff0000, 0xfebf0000 };
	uint32_t registers = pci_read(channel.devfn, BAR(0)), at = pci_read(channel.devfn, BAR(2));
	volatile uint64_t *there = (volatile uint64_t *)(uintptr_t)(0xf8000000 + channel.size / 2);

	ours()[0] = 0x1234567890abcdef;
	place(2, 0xf8000000);
	check(there[0] == 0x1234567890abcdef, "the memory moves with its BAR");
	check(ours()[0] == UINT64_MAX, "nothing is left where it was");
	place(2, at);
	check(ours()[0] == 0x1234567890abcdef, "and comes back");
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		place(2, odd[i]);
		place(0, odd[i]);
		place(1, odd[i]);
		is_intact();
	}
	place(2, (uint32_t)(uintptr_t)memory & ~0xffffu);
	check(is_intact(), "RAM hides a BAR that is put over it");
	place(2, HOLE);
	place(1, HOLE);
	place(0, HOLE);
	check(*(volatile uint32_t *)(uintptr_t)(HOLE + 8) == channel.position, "of BARs in one place one answers");
	place(0, registers);
	place(1, (uint32_t)(uintptr_t)channel.msix);
	for (unsigned i = 0; i < 200; i++) {
		place(2, i % 2 ? at : 0xf8000000);
		pci_write(channel.devfn, COMMAND, i % 3 ? 6 : 0);
	}
	place(2, at);
	pci_write(channel.devfn, COMMAND, 0);
	check(channel.registers[IVSHMEM_POSITION] == UINT32_MAX && ours()[0] == UINT64_MAX, "disabled, it is away");
	ours()[0] = 1;
	pci_write(channel.devfn, COMMAND, 6);
	check(channel.registers[IVSHMEM_POSITION] == channel.position && ours()[0] == 0x1234567890abcdef,
	      "enabled, it is there again");
}

/* Instructions that are emulated with the shared memory as their other operand. */
static void emulated(void)
{
	volatile uint32_t *word = (volatile uint32_t *)ours() + 4;
	const volatile uint32_t *from = &channel.registers[IVSHMEM_POSITION];
	volatile uint32_t *to = word;

	*word = 0;
	__asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
	check(*word == channel.position, "MOVS from a register into the memory");
	*word = channel.position << 16;
	from = word;
	to = &channel.registers[IVSHMEM_DOORBELL];
	__asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
	check(true, "MOVS from the memory into the doorbell");
}

int main(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		memory[i] = PATTERN * (i + 1);
	if (!check(ivshmem_open(&channel, 0), "there is a channel"))
		return results();
	check(channel.position == 2, "it is the third");
	check(pci_bar_size(channel.devfn, 0) == 256 && pci_bar_size(channel.devfn, 1) == 4096, "sizes of the BARs");
	apic_enable(false);
	set_handler(VECTOR, on_bell);
	mask();
	emulated();
	storms();
	move();
	storms();
	check(is_intact(), "memory is as it was");
	return results();
}
