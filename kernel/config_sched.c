/* SPDX-License-Identifier: MIT */
/* "sched = POLICY name=value ...": how a partition's vCPUs share their cores. */
#include "kernel/config_parse.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Durations in nanoseconds. */
static const struct {
	const char *name;
	uint64_t nanoseconds;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
};

/* A number and its unit, up to the end or `stop`; moves `*at` behind it. */
static bool duration(const char **at, uint64_t *nanoseconds)
{
	uint64_t number;
	size_t length;

	if (!config_number(at, &number))
		return false;
	length = strspn(*at, "nmsu");
	for (unsigned i = 0; i < COUNT(units); i++)
		if (strlen(units[i].name) == length && memcmp(*at, units[i].name, length) == 0) {
			*at += length;
			return !__builtin_mul_overflow(number, units[i].nanoseconds, nanoseconds);
		}
	*at += length;
	*nanoseconds = 0;
	return number == 0 && length == 0; /* of 0 no unit is asked */
}

static bool whole_duration(const char *text, uint64_t *nanoseconds)
{
	return duration(&text, nanoseconds) && *text == '\0';
}

static bool take_budget(struct config_sched *sched, const char *value)
{
	return whole_duration(value, &sched->budget);
}

static bool take_period(struct config_sched *sched, const char *value)
{
	return whole_duration(value, &sched->period);
}

static bool take_frame(struct config_sched *sched, const char *value)
{
	return whole_duration(value, &sched->frame);
}

static bool small_number(const char *text, unsigned *number)
{
	uint64_t value;

	if (!config_number(&text, &value) || *text != '\0' || value > 1000000)
		return false;
	*number = (unsigned)value;
	return true;
}

static bool take_weight(struct config_sched *sched, const char *value)
{
	return small_number(value, &sched->weight);
}

static bool take_cap(struct config_sched *sched, const char *value)
{
	char digits[8];
	size_t length = strlen(value);

	if (length == 0 || length > sizeof(digits) - 1 || value[length - 1] != '%')
		return false;
	memcpy(digits, value, length - 1);
	digits[length - 1] = '\0';
	return small_number(digits, &sched->cap);
}

/* "2ms-5ms": from, to. */
static bool take_window(struct config_sched *sched, const char *value)
{
	struct config_window *window = &sched->windows[sched->window_count];
	uint64_t from, to;

	if (sched->window_count == CONFIG_WINDOWS || !duration(&value, &from) || *value++ != '-' ||
	    !whole_duration(value, &to) || to <= from)
		return false;
	*window = (struct config_window){ .start = from, .length = to - from };
	sched->window_count++;
	return true;
}

/* Which policies know the parameter, and how it is written. */
static const struct parameter {
	const char *name;
	bool (*take)(struct config_sched *sched, const char *value);
	unsigned policies; /* 1 << enum sched_policy */
	const char *fix;
} parameters[] = {
	{ "budget", take_budget, 1u << SCHED_RT, "write a time such as budget=200us" },
	{ "period", take_period, 1u << SCHED_RT, "write a time such as period=1ms" },
	{ "weight", take_weight, 1u << SCHED_FAIR, "write a number such as weight=200; 100 is usual" },
	{ "cap", take_cap, 1u << SCHED_FAIR, "write a share of the core such as cap=50%" },
	{ "frame", take_frame, 1u << SCHED_CYCLIC, "write a time such as frame=10ms" },
	{ "window", take_window, 1u << SCHED_CYCLIC,
	  "write the times in the frame from when to when, such as window=2ms-5ms; sixteen windows at the most" },
};

static const char *const policies[] = {
	[SCHED_DEDICATED] = "dedicated",
	[SCHED_CYCLIC] = "cyclic",
	[SCHED_RT] = "rt",
	[SCHED_FAIR] = "fair",
};

static void take_parameter(struct config_parser *parser, char *word)
{
	struct config_sched *sched = &parser->partition->sched;
	char *value = strchr(word, '=');
	unsigned i;

	if (value)
		*value++ = '\0';
	for (i = 0; i < COUNT(parameters) && strcmp(parameters[i].name, word) != 0; i++)
		;
	if (i == COUNT(parameters) || !(parameters[i].policies >> sched->policy & 1))
		config_fault(parser, parser->line, "'%1' is nothing that sched = %2 knows",
			     "write dedicated, rt budget=200us period=1ms, fair weight=100 cap=50%, or cyclic frame=10ms "
			     "window=0-2ms",
			     word, policies[sched->policy]);
	else if (!value || !parameters[i].take(sched, value))
		config_fault(parser, parser->line, "'%1' cannot be what stands behind %2=", parameters[i].fix,
			     value ? value : "", word);
}

void config_sched(struct config_parser *parser, char *value)
{
	struct config_sched *sched = &parser->partition->sched;
	char *word = value, *rest;
	unsigned i;

	rest = word + strcspn(word, " \t");
	if (*rest)
		*rest++ = '\0';
	for (i = 0; i < COUNT(policies) && strcmp(policies[i], word) != 0; i++)
		;
	if (i == COUNT(policies)) {
		config_fault(parser, parser->line, "there is no policy '%1'", "write dedicated, cyclic, rt or fair", word,
			     NULL);
		return;
	}
	sched->policy = (enum sched_policy)i;
	sched->line = parser->line;
	for (word = config_trim(rest); *word; word = config_trim(rest)) {
		rest = word + strcspn(word, " \t");
		if (*rest)
			*rest++ = '\0';
		take_parameter(parser, word);
	}
}
