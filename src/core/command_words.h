/*
 * command_words.h - a command in a setting: a path and arguments, without a shell.
 *
 * Words are separated by blanks. In single quotes everything stands for itself; in double quotes and outside, a '\' makes
 * the next byte stand for itself. Nothing else means anything: no variables, no patterns, no pipes.
 */
#ifndef CORE_COMMAND_WORDS_H
#define CORE_COMMAND_WORDS_H

#include <stddef.h>

struct err;

#define COMMAND_WORDS_MOST 64
#define COMMAND_WORDS_BYTES 4096

struct command_words {
	size_t count;
	char *argv[COMMAND_WORDS_MOST + 1]; /* NULL behind the last; into text: not to be copied with the struct */
	char text[COMMAND_WORDS_BYTES];
};

/* 0, or -1 with what is allowed: a quote that is not closed, too much of it, or no absolute path at its start. */
int command_words_split(struct command_words *words, const char *text, struct err *err);

#endif
