/* SPDX-License-Identifier: MIT */
/* All processors: INIT and SIPI, then interrupts between them in both APIC modes. */
#include "guest.h"

#define VECTOR_PING  0x60
#define ICR_OTHERS   (3u << 18)
#define ICR_ASSERT   (1u << 14)
#define ICR_NMI      (4u << 8)
#define DEADLINE     4000000000ULL /* ticks of the TSC */

static volatile uint32_t pings, nmis, ids_seen, ready;
static volatile uint64_t sum;
static volatile bool x2apic;
static volatile uint32_t in_x2apic;

static void on_ping(struct frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&pings, 1, __ATOMIC_SEQ_CST);
	apic_eoi();
}

static void on_nmi(struct frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&nmis, 1, __ATOMIC_SEQ_CST);
}

/* Waits in HLT for pings, and changes to x2APIC mode when told. */
static void other(unsigned number)
{
	bool changed = false;

	apic_enable(false);
	__atomic_fetch_or(&ids_seen, 1u << apic_id(), __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < 1000; i++)
		__atomic_fetch_add(&sum, number, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		sti_hlt();
		if (x2apic && !changed) {
			apic_enable(true);
			changed = true;
			__atomic_fetch_add(&in_x2apic, 1, __ATOMIC_SEQ_CST);
		}
	}
}

static bool reaches(const volatile uint32_t *counter, uint32_t value)
{
	uint64_t start = rdtsc();

	while (*counter < value && rdtsc() - start < DEADLINE)
		pause();
	return *counter == value;
}

static void ping_all(unsigned count, const char *mode)
{
	bool good;

	pings = 0;
	apic_send(0, ICR_OTHERS | ICR_ASSERT | VECTOR_PING);
	good = reaches(&pings, count - 1);
	check(good, "%s: an IPI reaches all others (%u)", mode, pings);
	pings = 0;
	for (unsigned i = 1; i < count; i++)
		apic_send(i, ICR_ASSERT | VECTOR_PING);
	good = reaches(&pings, count - 1);
	check(good, "%s: an IPI reaches each (%u)", mode, pings);
	nmis = 0;
	apic_send(0, ICR_OTHERS | ICR_ASSERT | ICR_NMI);
	good = reaches(&nmis, count - 1);
	check(good, "%s: an NMI wakes all others (%u)", mode, nmis);
}

int main(void)
{
	uint32_t id[4];
	unsigned count;

	set_handler(VECTOR_PING, on_ping);
	set_handler(NMI, on_nmi);
	apic_enable(false);
	count = start_processors(other);
	print("%u processors\n", count);
	check(reaches(&ready, count - 1), "all run");
	check(ids_seen == (count >= 32 ? ~0u : (1u << count) - 1) - 1, "APIC IDs are 0 to %u", count - 1);
	check(sum == 1000ULL * count * (count - 1) / 2, "locked additions of all processors add up");
	ping_all(count, "xAPIC");
	cpuid(1, 0, id);
	if (!(id[2] & 1u << 21)) {
		print("no x2APIC\n");
		return results();
	}
	x2apic = true;
	apic_enable(true);
	/* Ours is in x2APIC mode already: the others hear a broadcast in either. More than one might keep them busy. */
	pings = 0;
	apic_send(0xffffffff, ICR_OTHERS | ICR_ASSERT | VECTOR_PING);
	check(reaches(&in_x2apic, count - 1) && reaches(&pings, count - 1), "all are in x2APIC mode");
	ping_all(count, "x2APIC");
	return results();
}
