/* SPDX-License-Identifier: MIT */
/* The words of a command line. Pure. */
#ifndef KERNEL_MONITOR_WORDS_H
#define KERNEL_MONITOR_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts `text` into its words, in place. Returns how many there are; only the first `most` are put into `words`. */
unsigned monitor_words_split(char *text, char *words[], unsigned most);
/* Decimal, or hexadecimal after 0x; nothing else around it. */
bool monitor_words_number(const char *text, uint64_t *value);

/* Words that begin with `start`: offered one by one. All zero but `start` and `size` at first. */
struct monitor_completion {
	const char *start;
	size_t size;         /* of start */
	unsigned matches;
	const char *first;   /* of them */
	size_t common;       /* characters that all of them begin with */
};
void monitor_words_offer(struct monitor_completion *completion, const char *word);

#endif
