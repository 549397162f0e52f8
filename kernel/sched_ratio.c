/* SPDX-License-Identifier: MIT */
/*
 * Comparing a sum of fractions with another fraction. A common denominator of many periods fits into no integer, so
 * the difference is developed digit by digit, as in a long division, until its sign is clear.
 */
#include "kernel/sched_ratio.h"

#define DIGIT_BITS 28 /* of a digit: a remainder, below SCHED_RATIO_MAX, shifted by this fits into 64 bits */

bool sched_ratio_less(struct sched_ratio a, struct sched_ratio b)
{
	return (unsigned __int128)a.part * b.whole < (unsigned __int128)b.part * a.whole;
}

/* Takes the next digit of every budget / period from `balance`; what remains of each stays in its scratch. */
static int64_t subtract(int64_t balance, struct sched_demand *demands, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct sched_demand *d = &demands[i];

		if (d->parameters.policy != SCHED_RT)
			continue;
		balance -= (int64_t)((d->scratch << DIGIT_BITS) / d->parameters.period);
		d->scratch = (d->scratch << DIGIT_BITS) % d->parameters.period;
	}
	return balance;
}

/*
 * The difference, shifted by the digits so far, is balance + remainder / limit.whole - the sum of scratch / period.
 * Each of these fractions is at most 1: so from balance >= count on it is not negative, and from balance <= -1 on it
 * is. If it is not 0, it is at least 1 / (limit.whole * all periods), and gets that far within 35 bits for each factor.
 */
bool sched_ratio_holds(struct sched_ratio limit, struct sched_demand *demands, unsigned count)
{
	uint64_t digits = (35ull * (count + 2) + 32) / DIGIT_BITS + 1, remainder = limit.part % limit.whole;
	int64_t balance = (int64_t)(limit.part / limit.whole);

	for (unsigned i = 0; i < count; i++)
		demands[i].scratch = demands[i].parameters.budget;
	for (; digits > 0 && balance >= 0 && balance < (int64_t)count; digits--) {
		balance = (balance << DIGIT_BITS) + (int64_t)((remainder << DIGIT_BITS) / limit.whole);
		remainder = (remainder << DIGIT_BITS) % limit.whole;
		balance = subtract(balance, demands, count);
	}
	return balance >= 0;
}
