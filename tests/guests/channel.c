/* SPDX-License-Identifier: MIT */
/*
 * Two partitions exchange messages by a ring in shared memory and doorbell interrupts: the one at position 0 asks, that
 * at position 1 answers, so many times. Nobody polls: what the other has sent is learnt from an interrupt. They use the
 * first half of the memory; the second is left to others. The last word of the command line is the number of messages.
 */
#include "guest.h"
#include "pci.h"
#include "ring.h"

#define VECTOR 0x50
#define BELL 1 /* vector of the device */
#define WORDS_MAX 12

static struct ivshmem channel;
static struct ring ring;
static volatile unsigned bells;

static void on_bell(struct frame *frame)
{
	(void)frame;
	bells++;
	apic_eoi();
}

/* Message n of the end at `position`: its number, then words that follow from it. Returns its size in bytes. */
static uint32_t compose(uint32_t words[WORDS_MAX], unsigned position, uint32_t n)
{
	uint32_t count = 1 + n % WORDS_MAX;

	words[0] = n;
	for (uint32_t i = 1; i < count; i++)
		words[i] = (n + i) * 2654435761u + position;
	return count * 4;
}

static bool send(uint32_t n)
{
	uint32_t words[WORDS_MAX], size = compose(words, channel.position, n);

	if (ring_send(&ring, words, size))
		return check(false, "message %u was sent", n);
	ivshmem_ring(&channel, !channel.position, BELL);
	return true;
}

/* Woken by its bell; the first of all may have been rung before this end listened. */
static bool receive(uint32_t n)
{
	uint32_t words[WORDS_MAX], expected[WORDS_MAX];
	int size = (int)compose(expected, !channel.position, n);
	int got = n ? RING_EMPTY : ring_receive(&ring, words, sizeof(words));
	static unsigned taken;

	while (got == RING_EMPTY) {
		while (bells == taken)
			sti_hlt();
		taken = bells;
		got = ring_receive(&ring, words, sizeof(words));
	}
	return (got == size && !memcmp(words, expected, (size_t)size)) ||
	       check(false, "message %u is the one that was sent (%d bytes of %d)", n, got, size);
}

/* The second answers, so that each has to wait for the other. */
static void exchange(uint32_t count)
{
	for (uint32_t n = 0; n < count; n++)
		if (channel.position ? !receive(n) || !send(n) : !send(n) || !receive(n))
			return;
	check(true, "%u messages were sent and came", count);
}

int main(void)
{
	unsigned count = command_number(10000);

	if (!check(ivshmem_open(&channel, 0), "there is a channel"))
		return results();
	print("channel: position %u, %lu KiB at %p\n", channel.position, channel.size >> 10, (void *)channel.memory);
	apic_enable(false);
	set_handler(VECTOR, on_bell);
	check(channel.position < 2, "two take part");
	check(ring_open(&ring, channel.memory, channel.size / 2, channel.position) == 0, "the ring has room");
	ivshmem_arm(&channel, BELL, VECTOR, apic_id());
	exchange(count);
	check(bells + 1 >= count, "the other rang for each (%u interrupts)", bells);
	return results();
}
