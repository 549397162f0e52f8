/* SPDX-License-Identifier: MIT */
/*
 * The harmless neighbour of a hostile guest: it beats while the other does its worst, and its memory, time and
 * interrupts must be what they were. The last word of the command line is the number of beats, ten in a second.
 */
#include "guest.h"

#define HZ      1000
#define PATTERN 0x6b8b4567327b23c6ULL
#define WORDS   (1u << 20)

static uint64_t memory[WORDS];
static volatile unsigned ticks;

static void on_tick(struct frame *frame)
{
	(void)frame;
	ticks++;
	pic_eoi(0);
}

static bool is_intact(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (memory[i] != PATTERN * (i + 1))
			return false;
	return true;
}

int main(void)
{
	unsigned count = command_number(20);
	uint64_t then, now;
	bool forward = true;

	for (unsigned i = 0; i < WORDS; i++)
		memory[i] = PATTERN * (i + 1);
	set_handler(0x20, on_tick);
	pit_periodic(1193182 / HZ);
	pic_init(0x20, 0xfffe);
	then = rdtsc();
	for (unsigned i = 1; i <= count; i++) {
		while (ticks < i * HZ / 10)
			sti_hlt();
		now = rdtsc();
		forward &= now > then;
		then = now;
		print("beat %u\n", i);
	}
	check(forward, "time went forward");
	check(is_intact(), "memory is as it was");
	return results();
}
