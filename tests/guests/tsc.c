/* SPDX-License-Identifier: MIT */
/* The time-stamp counter never runs backwards, neither on one processor nor from one to the next (SDM 18.17). */
#include "guest.h"

#define ROUNDS 2000
#define ALONE  2000
#define TSC_AUX 0xc0000103

/* The turn goes round; whoever has it reads the counter and hands both on. */
static volatile uint64_t last;
static volatile unsigned turn, backwards, standing;
static unsigned count;

static uint64_t rdtscp(uint32_t *aux)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(*aux) : : "memory");
	return lo | (uint64_t)hi << 32;
}

static void take_turns(unsigned number)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t now;

		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % count != number)
			pause();
		now = rdtsc();
		backwards += now < last;
		standing += now == last;
		last = now;
		__atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
	}
}

static volatile bool go;

static void other(unsigned number)
{
	while (!go)
		pause();
	take_turns(number);
}

/* Over everything that leaves the guest, and by all ways to read it. */
static void alone(void)
{
	uint64_t before = rdtsc(), now;
	uint32_t id[4], aux;
	bool good = true, by_msr = true, with_aux = true;

	for (unsigned i = 0; i < ALONE; i++) {
		switch (i % 4) {
		case 0:
			cpuid(0, 0, id);
			break;
		case 1:
			out8(0x80, 0);
			break;
		case 2:
			(void)apic_read(0x20);
			break;
		default:
			break;
		}
		now = rdtsc();
		good &= now > before;
		before = now;
		if (i % 16)
			continue;
		now = rdmsr(0x10);
		by_msr &= now > before;
		before = now;
	}
	check(good, "it advances over everything that leaves the guest");
	check(by_msr, "RDMSR reads the same counter");
	cpuid(0x80000001, 0, id);
	if (id[3] & 1u << 27) {
		wrmsr(TSC_AUX, 0x12345678);
		now = rdtscp(&aux);
		with_aux = aux == 0x12345678 && now > before && rdmsr(TSC_AUX) == 0x12345678;
		out8(0x80, 0);
		(void)rdtscp(&aux);
		with_aux &= aux == 0x12345678;
	}
	check(with_aux, "RDTSCP, where it is, reads it and IA32_TSC_AUX");
}

int main(void)
{
	apic_enable(false);
	alone();
	count = start_processors(other);
	go = true;
	take_turns(0);
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != count * ROUNDS)
		pause();
	check(count == 2, "two processors");
	check(!backwards, "it never runs backwards from one to the other");
	check(standing < ROUNDS, "nor does it stand still");
	return results();
}
