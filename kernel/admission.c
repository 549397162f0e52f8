/* SPDX-License-Identifier: MIT */
/* The configuration, core by core, as plans for sched_admit(). */
#include "kernel/admission.h"

#include "kernel/sched_admit.h"

#define WINDOWS (SCHED_WINDOWS_MAX + 1) /* one more than can be: sched_admit() says so */

struct core_plan {
	struct sched_demand demands[CONFIG_PARTITIONS];
	struct sched_plan_window windows[WINDOWS];
	struct config_partition *partitions[CONFIG_PARTITIONS]; /* of the demands */
	struct sched_plan plan;
	struct config_partition *frame_of;                      /* who said the frame */
};

struct admission {
	struct config *config;
	config_report *report;
	void *context;
};

static void refuse(struct admission *a, struct config_partition *partition, const char *problem, const char *fix)
{
	unsigned line = partition->sched.line ? partition->sched.line : partition->cpus_line;

	partition->bad = true;
	if (++a->config->errors <= CONFIG_REPORTS && a->report)
		a->report(a->context, line, problem, fix);
}

static void add_windows(struct core_plan *p, const struct config_sched *sched, unsigned owner)
{
	unsigned i, at;

	for (i = 0; i < sched->window_count && p->plan.window_count < WINDOWS; i++) {
		struct sched_plan_window window = {
			.start = sched->windows[i].start, .length = sched->windows[i].length, .owner = owner,
		};

		for (at = p->plan.window_count++; at > 0 && p->windows[at - 1].start > window.start; at--)
			p->windows[at] = p->windows[at - 1];
		p->windows[at] = window;
	}
}

/* A core has one major frame: whoever says another one is refused here. */
static void add(struct admission *a, struct core_plan *p, struct config_partition *partition)
{
	const struct config_sched *sched = &partition->sched;
	unsigned index = p->plan.count;

	if (sched->policy == SCHED_CYCLIC && p->frame_of && p->plan.frame != sched->frame) {
		refuse(a, partition, "its frame is not that of the other cyclic partitions on its cores",
		       "give all of them the same frame");
		return;
	}
	p->partitions[index] = partition;
	p->demands[index] = (struct sched_demand){
		.name = partition->name,
		.parameters = {
			.policy = sched->policy, .budget = sched->budget, .period = sched->period,
			.weight = sched->weight, .cap = sched->cap,
		},
	};
	p->plan.count++;
	if (sched->policy != SCHED_CYCLIC)
		return;
	p->plan.frame = sched->frame;
	p->frame_of = partition;
	add_windows(p, sched, index);
}

static void gather(struct admission *a, struct core_plan *p, unsigned core)
{
	p->plan = (struct sched_plan){ .core = core, .demands = p->demands, .windows = p->windows };
	p->frame_of = NULL;
	for (unsigned i = 0; i < a->config->count; i++)
		if (a->config->partitions[i].cpus >> core & 1 && !a->config->partitions[i].bad)
			add(a, p, &a->config->partitions[i]);
}

unsigned admission_check(struct config *config, config_report *report, void *context)
{
	static struct core_plan p; /* large, and too large for the stack of a core */
	struct admission a = { .config = config, .report = report, .context = context };
	struct sched_refusal refusal;

	for (unsigned core = 0; core < CONFIG_CPUS; core++)
		for (gather(&a, &p, core); sched_admit(&p.plan, &refusal); gather(&a, &p, core)) {
			if (refusal.demand >= p.plan.count)
				refusal.demand = p.plan.count - 1; /* nobody's fault alone: the last one goes */
			refuse(&a, p.partitions[refusal.demand], refusal.problem, refusal.fix);
		}
	return config->errors;
}
