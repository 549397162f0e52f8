/* SPDX-License-Identifier: MIT */
#include "kernel/monitor.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "arch/x86/interrupts.h"
#include "kernel/chores.h"
#include "kernel/config_parse.h"
#include "kernel/console.h"
#include "kernel/monitor_command.h"
#include "kernel/monitor_words.h"
#include "kernel/partition.h"

#define INPUT 1024     /* bytes; a power of two */
#define INPUT_STEP 64  /* bytes of it in one step */
#define CANCEL 0x03    /* Ctrl-C */
#define RETRY_NS 2000000 /* until the line has sent something, when the console's ring was full */
#define NEAREST_STEP 16  /* names that one step compares */

static const char prompt[] = "bulkhead> ";

static struct console_port port;

/* Written by the console's interrupt, read by the chore. */
static uint8_t input[INPUT];
static _Atomic unsigned input_head, input_tail; /* free-running */
static _Atomic bool input_lost, cancelled;

/* The rest is the chore's. */
static struct monitor_line line;
static struct monitor_job job;
static bool stale;             /* the line has changed, and is not shown as it is */
static bool entered;           /* it is complete, which is to be shown, and then to be executed */
static char output[MONITOR_LINES][MONITOR_TEXT];
static unsigned lines, lines_sent;

/* --- input --- */

static void receive(void *context, const uint8_t *data, size_t size)
{
	unsigned head = atomic_load(&input_head);
	bool cancel_seen = false;

	(void)context;
	for (; size > 0; size--, data++) {
		cancel_seen |= *data == CANCEL;
		if (head - atomic_load(&input_tail) == INPUT)
			atomic_store(&input_lost, true);
		else
			input[head++ % INPUT] = *data;
	}
	atomic_store(&input_head, head);
	if (cancel_seen)
		atomic_store(&cancelled, true);
	chores_wake(CHORE_MONITOR);
}

static bool has_input(void)
{
	return atomic_load(&input_head) != atomic_load(&input_tail);
}

static uint8_t take_byte(void)
{
	unsigned tail = atomic_load(&input_tail);
	uint8_t byte = input[tail % INPUT];

	atomic_store(&input_tail, tail + 1);
	return byte;
}

bool monitor_take_key(void)
{
	bool pressed = has_input();

	if (pressed)
		take_byte();
	return pressed;
}

bool monitor_take_number(const char *word, uint64_t *value)
{
	if (monitor_words_number(word, value))
		return true;
	monitor_print("\"%.40s\" is not a number: write it like 4096 or 0x1000", word);
	return false;
}

/* --- output --- */

void monitor_print(const char *format, ...)
{
	va_list arguments;

	if (lines == MONITOR_LINES)
		return; /* a step that prints more has a mistake */
	va_start(arguments, format);
	vsnprintf(output[lines++], MONITOR_TEXT, format, arguments);
	va_end(arguments);
}

/* Printed lines, then the line that is edited. False: the console is full. */
static bool settle(void)
{
	char shown[MONITOR_SHOWN];

	for (; lines_sent < lines; lines_sent++)
		if (!console_monitor_line(output[lines_sent], strlen(output[lines_sent])))
			return false;
	lines = lines_sent = 0;
	if (stale && !job.step) {
		if (!console_monitor_show(shown, monitor_line_render(&line, prompt, shown)))
			return false;
		stale = false;
	}
	return true;
}

/* --- commands --- */

/* In steps, for there may be a thousand names: index is the next one, sub the nearest one so far, from 1 on. */
static enum monitor_verdict no_partition(struct monitor_job *j)
{
	const char *names[NEAREST_STEP + 1], *nearest;
	unsigned i, n = 0;

	if (!partition_count) {
		monitor_print("there is no partition \"%.40s\": the configuration has none", j->words[1]);
		return MONITOR_DONE;
	}
	if (j->sub)
		names[n++] = partitions[j->sub - 1].name;
	for (i = j->index; i < partition_count && i < j->index + NEAREST_STEP; i++)
		names[n++] = partitions[i].name;
	nearest = config_nearest(j->words[1], names, n);
	for (; j->index < i; j->index++)
		if (partitions[j->index].name == nearest)
			j->sub = j->index + 1;
	if (i < partition_count)
		return MONITOR_MORE;
	if (j->sub)
		monitor_print("there is no partition \"%.40s\"; did you mean %s?", j->words[1],
		              partitions[j->sub - 1].name);
	else
		monitor_print("there is no partition \"%.40s\"; list shows all", j->words[1]);
	return MONITOR_DONE;
}

static enum monitor_verdict no_command(struct monitor_job *j)
{
	const char *names[MONITOR_COMMANDS], *nearest;
	unsigned i;

	for (i = 0; i < MONITOR_COMMANDS; i++)
		names[i] = monitor_commands[i].name;
	nearest = config_nearest(j->words[0], names, MONITOR_COMMANDS);
	if (nearest)
		monitor_print("there is no command \"%.40s\"; did you mean %s?", j->words[0], nearest);
	else
		monitor_print("there is no command \"%.40s\"; help shows all", j->words[0]);
	return MONITOR_DONE;
}

static enum monitor_verdict wrong_use(struct monitor_job *j)
{
	monitor_print("the command is used like this: %s %s", j->command->name, j->command->arguments);
	return MONITOR_DONE;
}

static struct partition *find_partition(const char *name)
{
	unsigned i;

	for (i = 0; i < partition_count; i++)
		if (!strcmp(partitions[i].name, name))
			return &partitions[i];
	return NULL;
}

static monitor_step *choose_step(struct monitor_job *j)
{
	if (!j->command)
		return no_command;
	if (j->count - 1 < j->command->least || j->count - 1 > j->command->most)
		return wrong_use;
	if (j->command->first == ARGUMENT_PARTITION && j->count > 1) {
		j->partition = find_partition(j->words[1]);
		if (!j->partition)
			return no_partition;
	}
	return j->command->step;
}

static void begin(void)
{
	memset(&job, 0, sizeof(job));
	stale = true;
	if (!monitor_line_take(&line, job.text)) {
		monitor_print("this line is too long, and was not executed: %u characters are the most", MONITOR_LINE);
		return;
	}
	job.count = monitor_words_split(job.text, job.words, MONITOR_WORDS);
	if (!job.count)
		return;
	job.command = monitor_command_find(job.words[0]);
	job.step = choose_step(&job);
}

static void cancel(void)
{
	while (has_input() && take_byte() != CANCEL)
		;
	monitor_line_clear(&line);
	job.step = NULL;
	entered = false;
	stale = true;
	if (lines < MONITOR_LINES)
		monitor_print("^C");
}

/* --- completion --- */

/* The words that it can be, one after the other; NULL after the last. */
static const char *candidate(enum monitor_argument what, unsigned i)
{
	static const char *const power[] = { "off", "reboot" };

	switch (what) {
	case ARGUMENT_PARTITION:
		return i < partition_count ? partitions[i].name : NULL;
	case ARGUMENT_COMMAND:
		return i < MONITOR_COMMANDS ? monitor_commands[i].name : NULL;
	case ARGUMENT_POWER:
		return i < sizeof(power) / sizeof(power[0]) ? power[i] : NULL;
	default:
		return NULL;
	}
}

/* Those that fit on one line. */
static void print_candidates(const struct monitor_completion *completion, enum monitor_argument what)
{
	char text[MONITOR_TEXT] = "";
	const char *word;
	size_t used = 0;
	unsigned i;

	for (i = 0; (word = candidate(what, i)); i++) {
		if (strncmp(word, completion->start, completion->size) != 0)
			continue;
		if (used + strlen(word) + 8 > sizeof(text)) {
			snprintf(text + used, sizeof(text) - used, "...");
			break;
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s  ", word);
	}
	monitor_print("%s", text);
}

/* The word that ends at the cursor: the first one is a command, the second one what the command says. */
static enum monitor_argument completed(struct monitor_completion *completion)
{
	const struct monitor_command *command;
	char head[MONITOR_LINE + 1], *words[MONITOR_WORDS];
	unsigned start = line.cursor, count;

	while (start > 0 && line.text[start - 1] != ' ')
		start--;
	*completion = (struct monitor_completion){ .start = line.text + start, .size = line.cursor - start };
	memcpy(head, line.text, start);
	head[start] = '\0';
	count = monitor_words_split(head, words, MONITOR_WORDS);
	command = count == 1 ? monitor_command_find(words[0]) : NULL;
	if (!count)
		return ARGUMENT_COMMAND;
	return command ? command->first : ARGUMENT_OTHER;
}

static void complete(void)
{
	struct monitor_completion completion;
	enum monitor_argument what = completed(&completion);
	const char *word;
	unsigned i;

	for (i = 0; (word = candidate(what, i)); i++)
		monitor_words_offer(&completion, word);
	if (completion.matches && completion.common > completion.size)
		monitor_line_insert(&line, completion.first + completion.size, completion.common - completion.size);
	else if (completion.matches > 1)
		print_candidates(&completion, what);
	if (completion.matches == 1)
		monitor_line_insert(&line, " ", 1);
}

/* --- the chore --- */

static void edit(void)
{
	unsigned i;

	for (i = 0; i < INPUT_STEP && !entered && !lines && has_input(); i++) {
		enum monitor_key key = monitor_line_key(&line, take_byte());

		stale |= key != KEY_NOTHING;
		entered = key == KEY_ENTER;
		if (key == KEY_TAB)
			complete();
	}
	if (atomic_exchange(&input_lost, false))
		monitor_print("some of the input is lost: it came faster than it could be taken");
}

/* What comes next, if there is room. False: there is none. */
static bool go_on(void)
{
	if (!settle())
		return false;
	if (entered) {
		if (!console_monitor_enter())
			return false;
		entered = false;
		begin();
	} else if (job.step) {
		job.wake = 0;
		if (job.step(&job) == MONITOR_DONE)
			job.step = NULL;
		job.steps++;
	} else {
		edit();
	}
	return settle();
}

uint64_t monitor_chore(void)
{
	if (atomic_exchange(&cancelled, false))
		cancel();
	if (!go_on())
		return rdtsc() + ns_to_tsc(RETRY_NS);
	if (job.step)
		return job.wake;
	return entered || has_input() ? 0 : UINT64_MAX;
}

void monitor_start(void)
{
	port.name = "monitor";
	port.receive = receive;
	console_attach_monitor(&port);
	stale = true;
}
