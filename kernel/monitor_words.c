/* SPDX-License-Identifier: MIT */
#include "kernel/monitor_words.h"

#include <string.h>

#include "kernel/config_parse.h"

unsigned monitor_words_split(char *text, char *words[], unsigned most)
{
	unsigned count = 0;

	for (;;) {
		text += strspn(text, " ");
		if (!*text)
			return count;
		if (count < most)
			words[count] = text;
		count++;
		text += strcspn(text, " ");
		if (*text)
			*text++ = '\0';
	}
}

bool monitor_words_number(const char *text, uint64_t *value)
{
	return config_number(&text, value) && !*text;
}

void monitor_words_offer(struct monitor_completion *completion, const char *word)
{
	size_t n = 0;

	if (strncmp(word, completion->start, completion->size) != 0)
		return;
	if (!completion->matches++) {
		completion->first = word;
		completion->common = strlen(word);
		return;
	}
	while (n < completion->common && word[n] == completion->first[n])
		n++;
	completion->common = n;
}
