/* SPDX-License-Identifier: MIT */
/*
 * The vector registers: empty at the start (nothing of who ran before), kept over everything that leaves the guest,
 * each processor's its own. With AVX the upper halves, too.
 */
#include "guest.h"

#define CR4_OSFXSR  (1u << 9)
#define CR4_OSXSAVE (1u << 18)
#define REGISTERS   16
#define VECTOR      0x70

struct state {
	uint8_t bytes[REGISTERS][32] __attribute__((aligned(32)));
};

static bool avx;
static volatile unsigned bad, done;

#define EACH(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD_YMM(n)  "vmovdqa " #n "*32(%0), %%ymm" #n ";"
#define STORE_YMM(n) "vmovdqa %%ymm" #n ", " #n "*32(%0);"
#define LOAD_XMM(n)  "movdqa " #n "*32(%0), %%xmm" #n ";"
#define STORE_XMM(n) "movdqa %%xmm" #n ", " #n "*32(%0);"

static void load(const struct state *s)
{
	if (avx)
		__asm__ volatile(EACH(LOAD_YMM) : : "r"(s) : "memory");
	else
		__asm__ volatile(EACH(LOAD_XMM) : : "r"(s) : "memory");
}

static void store(struct state *s)
{
	if (avx)
		__asm__ volatile(EACH(STORE_YMM) : : "r"(s) : "memory");
	else
		__asm__ volatile(EACH(STORE_XMM) : : "r"(s) : "memory");
}

static void enable(void)
{
	uint32_t id[4], lo, hi;

	cpuid(1, 0, id);
	WRITE_CR(0, (READ_CR(0) & ~0xcULL) | 2); /* no EM, no TS, MP */
	WRITE_CR(4, READ_CR(4) | CR4_OSFXSR);
	if (!(id[2] & 1u << 26) || !(id[2] & 1u << 28))
		return;
	WRITE_CR(4, READ_CR(4) | CR4_OSXSAVE);
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	__asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
	avx = true;
}

static void on_interrupt(struct frame *frame)
{
	(void)frame;
	apic_eoi();
}

/* Everything that makes a hypervisor work, on one's own processor. */
static void leave(unsigned round)
{
	uint32_t id[4];

	cpuid(round, 0, id);
	out8(0x80, (uint8_t)round);
	(void)rdmsr(0x1b);
	(void)apic_read(0x30);
	apic_send(apic_id(), 0x4000 | VECTOR);
	sti_hlt();
}

static void keep(unsigned number)
{
	struct state mine, seen;

	for (unsigned i = 0; i < sizeof(mine.bytes); i++)
		((uint8_t *)mine.bytes)[i] = (uint8_t)(number * 101 + i * 7 + 1);
	load(&mine);
	store(&mine); /* without AVX the upper halves are only in memory */
	for (unsigned round = 0; round < 200; round++) {
		leave(round);
		seen = mine;
		store(&seen);
		bad += memcmp(&mine, &seen, sizeof(mine)) != 0;
	}
}

static void other(unsigned number)
{
	enable();
	apic_enable(false);
	keep(number);
	__atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

static bool is_empty(const struct state *s)
{
	for (unsigned i = 0; i < sizeof(s->bytes); i++)
		if (((const uint8_t *)s->bytes)[i])
			return false;
	return true;
}

int main(void)
{
	static struct state first;
	unsigned count;

	enable();
	store(&first);
	check(is_empty(&first), "the %s registers are empty at the start", avx ? "YMM" : "XMM");
	set_handler(VECTOR, on_interrupt);
	apic_enable(false);
	count = start_processors(other);
	keep(0);
	while (done < count - 1)
		pause();
	check(!bad, "%u processors keep theirs over all that leaves the guest (%u lost)", count, bad);
	return results();
}
