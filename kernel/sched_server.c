/* SPDX-License-Identifier: MIT */
/*
 * The constant-bandwidth server (L. Abeni, G. Buttazzo: Integrating Multimedia Applications in Hard Real-Time Systems,
 * RTSS 1998), the hard kind: what is exhausted is not served again before its deadline.
 */
#include "kernel/sched_policy.h"

/* More periods than this are not waited for, so that times stay far below 2^64. */
#define DEBT_PERIODS_MAX (1 << 20)

/* Would the rest of the budget, taken until the deadline, be more than budget / period? */
static bool exceeds(const struct sched_server *server, uint64_t now)
{
	return (unsigned __int128)server->left * server->period >
	       (unsigned __int128)(server->deadline - now) * server->budget;
}

static void renew(struct sched_server *server, uint64_t deadline)
{
	server->left = (server->left < 0 ? server->left : 0) + (int64_t)server->budget;
	server->deadline = deadline;
}

bool sched_server_wake(struct sched_server *server, uint64_t now)
{
	if (now < server->deadline && server->left <= 0)
		return false;
	if (now >= server->deadline || exceeds(server, now))
		renew(server, now + server->period);
	return true;
}

void sched_server_exhaust(struct sched_server *server)
{
	uint64_t debt = (uint64_t)-server->left, periods = debt / server->budget;

	server->left = -(int64_t)(debt % server->budget);
	server->deadline += (periods < DEBT_PERIODS_MAX ? periods : DEBT_PERIODS_MAX) * server->period;
}

void sched_server_replenish(struct sched_server *server, uint64_t now)
{
	/* A whole period late: something had the core to itself. The server starts anew and does not catch up. */
	if (now - server->deadline >= server->period)
		renew(server, now + server->period);
	else
		renew(server, server->deadline + server->period);
}

uint64_t sched_server_slack(const struct sched_server *server, uint64_t now)
{
	/* left * period / budget, rounded up: the time that the rest takes at this bandwidth. left <= budget. */
	uint64_t whole = server->period / server->budget + (server->period % server->budget != 0);
	uint64_t needed = (uint64_t)server->left * whole;

	return server->deadline > now && server->deadline - now > needed ? server->deadline - needed : now;
}
