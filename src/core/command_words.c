/* command_words.c - splits a command. Used to prove settings and by the helper, which executes them. */
#include "command_words.h"

#include <stdbool.h>
#include <string.h>

#include "err.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* One word from *at on to *to, closed; moves both on. -1: a quote stays open. */
static int
take_word(const char **at, char **to)
{
	char quote = '\0';
	const char *from = *at;
	char *out = *to;
	for (; *from != '\0' && (quote != '\0' || !blank(*from)); from++) {
		if (quote == '\0' && (*from == '\'' || *from == '"')) {
			quote = *from;
			continue;
		}
		if (*from == quote) {
			quote = '\0';
			continue;
		}
		if (*from == '\\' && quote != '\'' && from[1] != '\0')
			from++;
		*out++ = *from;
	}
	*out++ = '\0';
	*at = from;
	*to = out;
	return quote == '\0' ? 0 : -1;
}

int
command_words_split(struct command_words *words, const char *text, struct err *err)
{
	char *to = words->text;
	words->count = 0;
	if (strlen(text) >= sizeof words->text - COMMAND_WORDS_MOST)
		return err_set(err, "the command is too long.");
	for (;;) {
		while (blank(*text))
			text++;
		if (*text == '\0')
			break;
		if (words->count == COMMAND_WORDS_MOST)
			return err_set(err, "the command has more than %d words.", COMMAND_WORDS_MOST);
		words->argv[words->count++] = to;
		if (take_word(&text, &to) != 0)
			return err_set(err, "a quote in the command is not closed.");
	}
	words->argv[words->count] = NULL;
	if (words->count > 0 && words->argv[0][0] == '/')
		return 0;
	return err_set(err, "allowed is an absolute path, which starts with '/', and arguments behind it.");
}
